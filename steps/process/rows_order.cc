// sort and shuffle: the order in which rows are written. Which part a row goes to and what is
// learned of it does not depend on that.

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/random.h"
#include "steps/process/draft.h"
#include "steps/process/read_spec.h"
#include "steps/process/row_operation.h"
#include "steps/process/split.h"
#include "steps/table/sort_rows.h"

namespace penstock {
namespace {

// The rows of the frame, as they stand.
std::vector<int64_t> OrderOf(const Draft& draft) {
  if (!draft.order().empty()) return draft.order();
  std::vector<int64_t> order(static_cast<std::size_t>(draft.rows()));
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

class Shuffled : public RowOperation {
 public:
  explicit Shuffled(const Json& spec)
      : RowOperation(AppliesOf(spec, Applies::kFit)),
        seed_(static_cast<uint64_t>(JsonInt(spec, "seed"))) {}

  Status Run(Draft& draft) const override {
    std::vector<int64_t> order = OrderOf(draft);
    SeededRandom random(seed_);
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[Below(random, i)]);
    }
    draft.SetOrder(std::move(order));
    return Status::Ok();
  }

 private:
  uint64_t seed_;
};

class Sorted : public RowOperation {
 public:
  explicit Sorted(const Json& spec)
      : RowOperation(AppliesOf(spec, Applies::kFit)), by_(TextList(JsonMember(spec, "by"))) {
    const Json& descending = JsonMember(spec, "descending");
    const std::vector<std::string> names = TextList(descending);
    for (const std::string& name : by_) {
      descending_.push_back(descending.is_boolean()
                                ? descending.get<bool>()
                                : std::find(names.begin(), names.end(), name) != names.end());
    }
  }

  Status Run(Draft& draft) const override {
    const FitData data = draft.LiveRows();
    std::vector<std::string> known;
    for (const ColumnInfo& column : data.columns()) known.push_back(column.name);
    for (const std::string& name : by_) {
      if (data.Find(name) != nullptr) continue;
      return InvalidArgument("sort: no column is named \"" + name + "\"" +
                             SuggestColumn(name, known));
    }
    FrameOptions options = draft.source().frame.options();
    options.memory_bytes = options.scratch.empty() ? 0 : data.budget() / 2;
    options.table.memory_bytes = data.budget();
    const std::vector<int64_t> before = OrderOf(draft);
    Frame keys(options);
    PENSTOCK_RETURN_IF_ERROR(Collect(data, before, keys));
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<int64_t> order, SortedRows(keys, descending_, options));
    for (int64_t& place : order) place = before[static_cast<std::size_t>(place)];
    // Those that are dropped have a place, too.
    for (int64_t row = 0; row < draft.rows(); ++row) {
      if (!draft.is_live(row)) order.push_back(row);
    }
    draft.SetOrder(std::move(order));
    return Status::Ok();
  }

 private:
  // Fills `keys`: the columns to sort by, and where in `order` each row stands.
  Status Collect(const FitData& data, const std::vector<int64_t>& order, Frame& keys) const {
    std::vector<int64_t> place(order.size());
    for (std::size_t i = 0; i < place.size(); ++i) {
      place[static_cast<std::size_t>(order[i])] = static_cast<int64_t>(i);
    }
    Status status;
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<Table>(
        data, by_,
        [&](int64_t block, const Table& table, Table* key) {
          key->rows = table.rows;
          for (const std::string& name : by_) key->columns.push_back(*table.Find(name));
          for (std::size_t i = 0; i < by_.size(); ++i) AsKey(i, key->columns[i]);
          std::vector<double> places;
          for (const int64_t row : data.RowsOf(block)) {
            places.push_back(static_cast<double>(place[static_cast<std::size_t>(row)]));
          }
          key->columns.push_back(
              MakeNumberColumn("place", std::move(places), ColumnType::kInteger));
          return Status::Ok();
        },
        [&](int64_t, Table&& key) {
          if (status.ok()) status = keys.Append(std::move(key));
        }));
    return status;
  }

  // Dates are sorted as the texts that they are.
  static void AsKey(std::size_t i, Column& column) {
    const ColumnType type = column.is_text() ? ColumnType::kString : ColumnType::kDouble;
    column.info = {.name = "key" + std::to_string(i), .type = type};
  }

  std::vector<std::string> by_;
  std::vector<bool> descending_;
};

Status CheckOrderApplies(const Json& spec) {
  const std::string op = JsonString(spec, "op");
  if (AppliesOf(spec, Applies::kFit) != Applies::kTrain) return Status::Ok();
  return InvalidArgument(op + ": applies must be fit or all");
}

}  // namespace

Result<std::unique_ptr<RowOperation>> MakeShuffle(const Json& spec) {
  PENSTOCK_RETURN_IF_ERROR(CheckOrderApplies(spec));
  if (JsonInt(spec, "seed") < 0) return InvalidArgument("shuffle: seed must be at least 0");
  return std::unique_ptr<RowOperation>(new Shuffled(spec));
}

Result<std::unique_ptr<RowOperation>> MakeSort(const Json& spec) {
  PENSTOCK_RETURN_IF_ERROR(CheckOrderApplies(spec));
  const std::vector<std::string> by = TextList(JsonMember(spec, "by"));
  if (by.empty()) return InvalidArgument("sort: by must name at least one column");
  if (std::set<std::string>(by.begin(), by.end()).size() < by.size()) {
    return InvalidArgument("sort: by names a column twice");
  }
  for (const std::string& name : TextList(JsonMember(spec, "descending"))) {
    if (std::find(by.begin(), by.end(), name) != by.end()) continue;
    return InvalidArgument("sort: descending names \"" + name + "\", which is not in by");
  }
  return std::unique_ptr<RowOperation>(new Sorted(spec));
}

}  // namespace penstock
