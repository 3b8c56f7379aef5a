// deduplicate: rows with the same key, and which of them stay.
//
// Keys are compared by 128-bit hashes, and what rows hold besides by 64 bits; as many at once as
// fit into memory, by the highest bits of the keys' hashes.

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "base/mutex.h"
#include "base/text.h"
#include "steps/process/draft.h"
#include "steps/process/read_spec.h"
#include "steps/process/row_operation.h"
#include "steps/table/block_source.h"
#include "steps/table/row_hashes.h"

namespace penstock {
namespace {

constexpr std::size_t kBuckets = 256;
constexpr int64_t kBudget = int64_t{1} << 30;

enum class Keep { kFirst, kLast, kNone, kError };

struct Entry {
  Hash128 key;
  uint64_t rest = 0;  // of the columns that are no key
  int64_t place = 0;  // in the order of the rows
  int64_t row = 0;
  friend bool operator<(const Entry& a, const Entry& b) {
    return std::tie(a.key, a.place) < std::tie(b.key, b.place);
  }
};

struct Bucket {
  Mutex mutex;
  std::vector<Entry> entries;
};

// Rows that may not be there together.
struct Refused {
  Entry first;
  Entry second;
  bool differ = false;
};

class Deduplicate : public RowOperation {
 public:
  Deduplicate(const Json& spec, Keep keep, Keep conflict)
      : RowOperation(AppliesOf(spec, Applies::kFit)),
        key_(TextList(JsonMember(spec, "key"))),
        keep_(keep),
        conflict_(conflict) {}

  Status Run(Draft& draft) const override {
    const FitData data = applies() == Applies::kTrain ? draft.TrainingRows() : draft.LiveRows();
    PENSTOCK_ASSIGN_OR_RETURN(const Columns columns, Choose(data));
    std::vector<int64_t> place(draft.order().size());
    for (std::size_t i = 0; i < place.size(); ++i) {
      place[static_cast<std::size_t>(draft.order()[i])] = static_cast<int64_t>(i);
    }
    const int64_t budget = data.budget() > 0 ? data.budget() : kBudget;
    // Vectors that grow take up to twice what is in them.
    const int64_t bytes = data.rows() * int64_t{sizeof(Entry)} * 2;
    const auto passes =
        static_cast<std::size_t>(std::clamp<int64_t>(bytes / budget + 1, 1, kBuckets));
    const std::size_t width = (kBuckets + passes - 1) / passes;
    std::optional<Refused> refused;
    for (std::size_t first = 0; first < kBuckets; first += width) {
      std::vector<Bucket> buckets(std::min(width, kBuckets - first));
      PENSTOCK_RETURN_IF_ERROR(Collect(data, columns, place, first, buckets));
      PENSTOCK_RETURN_IF_ERROR(Judge(draft, data.pass(), buckets, refused));
    }
    return refused ? Refuse(draft, columns, *refused) : Status::Ok();
  }

 private:
  struct Columns {
    std::vector<std::string> key;
    std::vector<std::string> rest;
    std::vector<std::string> all;
  };

  Result<Columns> Choose(const FitData& data) const {
    Columns columns;
    columns.all = data.features().names();
    if (const std::string& label = data.roles().label; !label.empty()) columns.all.push_back(label);
    columns.key = key_.empty() ? columns.all : key_;
    if (columns.key.empty()) return InvalidArgument("deduplicate: there is no column to compare");
    std::vector<std::string> known;
    for (const ColumnInfo& column : data.columns()) known.push_back(column.name);
    for (const std::string& name : columns.key) {
      if (data.Find(name) == nullptr) {
        return InvalidArgument("deduplicate: no column is named \"" + name + "\"" +
                               SuggestColumn(name, known));
      }
      if (std::find(columns.all.begin(), columns.all.end(), name) == columns.all.end()) {
        columns.all.push_back(name);
      }
    }
    for (const std::string& name : columns.all) {
      const bool in_key =
          std::find(columns.key.begin(), columns.key.end(), name) != columns.key.end();
      if (!in_key) columns.rest.push_back(name);
    }
    return columns;
  }

  static Status Collect(const FitData& data, const Columns& columns,
                        const std::vector<int64_t>& place, std::size_t first,
                        std::vector<Bucket>& buckets) {
    return data.ForEach(columns.all, [&](int64_t block, const Table& table) {
      const std::vector<int64_t> rows = data.RowsOf(block);
      std::vector<Hash128> keys(rows.size());
      std::vector<Hash128> rests(rows.size());
      for (const std::string& name : columns.key) AddColumn(*table.Find(name), keys);
      for (const std::string& name : columns.rest) AddColumn(*table.Find(name), rests);
      std::vector<std::vector<Entry>> chosen(buckets.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::size_t bucket = keys[i].high >> 56;
        if (bucket < first || bucket >= first + buckets.size()) continue;
        chosen[bucket - first].push_back(
            {keys[i], rests[i].high ^ MixBits(rests[i].low),
             place.empty() ? rows[i] : place[static_cast<std::size_t>(rows[i])], rows[i]});
      }
      for (std::size_t i = 0; i < buckets.size(); ++i) {
        MutexLock lock(buckets[i].mutex);
        buckets[i].entries.insert(buckets[i].entries.end(), chosen[i].begin(), chosen[i].end());
      }
      return Status::Ok();
    });
  }

  // Drops rows; of those that are refused the first is kept, by the second row's place.
  Status Judge(Draft& draft, const TableOptions& options, std::vector<Bucket>& buckets,
               std::optional<Refused>& refused) const {
    Mutex mutex;
    return ForEachIndex(static_cast<int64_t>(buckets.size()), options, [&](int64_t i) {
      std::vector<Entry>& entries = buckets[static_cast<std::size_t>(i)].entries;
      std::sort(entries.begin(), entries.end());
      for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
        while (end < entries.size() && entries[end].key == entries[begin].key) ++end;
        const auto found = JudgeGroup(draft, &entries[begin], end - begin);
        if (!found) continue;
        MutexLock lock(mutex);
        if (!refused || found->second.place < refused->second.place) refused = found;
      }
      return Status::Ok();
    });
  }

  std::optional<Refused> JudgeGroup(Draft& draft, const Entry* group, std::size_t count) const {
    if (count < 2) return std::nullopt;
    std::size_t other = 1;
    while (other < count && group[other].rest == group[0].rest) ++other;
    const bool differ = other < count;
    const Keep keep = differ ? conflict_ : keep_;
    if (keep == Keep::kError) return Refused{group[0], group[differ ? other : 1], differ};
    for (std::size_t i = 0; i < count; ++i) {
      if ((keep == Keep::kFirst && i == 0) || (keep == Keep::kLast && i + 1 == count)) continue;
      applies() == Applies::kTrain ? draft.KeepFromTraining(group[i].row)
                                   : draft.Drop(group[i].row);
    }
    return std::nullopt;
  }

  static Status Refuse(const Draft& draft, const Columns& columns, const Refused& refused) {
    const std::string& name = columns.key.front();
    std::string message = draft.Where(refused.second.row, name);
    message += ": deduplicate: the row has the same key (" + Join(columns.key, ", ") + ") as " +
               draft.Where(refused.first.row, name);
    message += refused.differ ? ", and other values besides; mend the rows, or give conflict: "
                                "first, last or drop"
                              : "; mend the rows, or give keep: first, last or none";
    return InvalidArgument(std::move(message));
  }

  std::vector<std::string> key_;
  Keep keep_;      // of rows that are the same
  Keep conflict_;  // of rows with the same key that are not
};

std::optional<Keep> KeepOf(const std::string& name) {
  if (name == "first") return Keep::kFirst;
  if (name == "last") return Keep::kLast;
  if (name == "none" || name == "drop") return Keep::kNone;
  if (name == "error") return Keep::kError;
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<RowOperation>> MakeDeduplicate(const Json& spec) {
  const std::string keep = JsonString(spec, "keep", "first");
  const std::string conflict = JsonString(spec, "conflict", "keep");
  const std::optional<Keep> kept = KeepOf(keep);
  const std::optional<Keep> of_conflict = conflict == "keep" ? kept : KeepOf(conflict);
  if (!kept || keep == "drop") {
    return InvalidArgument("deduplicate: keep must be first, last, none or error");
  }
  if (!of_conflict || conflict == "none") {
    return InvalidArgument("deduplicate: conflict must be keep, first, last, drop or error");
  }
  return std::unique_ptr<RowOperation>(new Deduplicate(spec, *kept, *of_conflict));
}

}  // namespace penstock
