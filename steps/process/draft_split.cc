// How the rows of a draft are divided among parts.

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/text.h"
#include "steps/process/draft.h"
#include "steps/process/times.h"
#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr int32_t kMostStrata = 1'000;

// Of each row's values in `columns`, as texts.
std::vector<Hash128> HashKeys(const Table& table, const std::vector<std::string>& columns) {
  std::vector<Hash128> hashes(static_cast<std::size_t>(table.rows));
  for (const std::string& name : columns) {
    const StringValues texts = AsTexts(*table.Find(name));
    std::vector<Hash128> of_text;
    for (const std::string& text : texts.dictionary) of_text.push_back(HashText(text));
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const int32_t code = texts.codes[i];
      AddCell(hashes[i], code < 0 ? Hash128{} : of_text[static_cast<std::size_t>(code)]);
    }
  }
  return hashes;
}

// Which part each row goes to that is left, in the order of the rows; -1 for none.
class Assigner {
 public:
  Assigner(const Draft& draft, const SplitSpec& split) : draft_(draft), split_(split) {
    fractions_.assign(static_cast<std::size_t>(split.folds), 1.0 / std::max(split.folds, 1));
    for (const SplitSpec::Part& part : split.parts) fractions_.push_back(part.fraction);
  }

  Result<std::vector<int32_t>> Assign() const {
    switch (split_.by) {
      case SplitSpec::By::kTime:
        return ByTime();
      case SplitSpec::By::kHash:
        return ByHash();
      case SplitSpec::By::kRandom:
        break;
    }
    // Rows of a group stay together: a model must not be judged on what it has learned from.
    if (!draft_.roles().group.empty()) {
      if (!split_.stratify.empty()) {
        return InvalidArgument("split.stratify cannot be used with roles.group; leave one out");
      }
      PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int32_t> groups,
                                NumberValues(draft_.roles().group));
      return AssignGroups(groups, fractions_, split_.seed);
    }
    return Draw();
  }

 private:
  Status NoColumn(const FitData& data, const std::string& key, const std::string& name) const {
    std::vector<std::string> known;
    for (const ColumnInfo& column : data.columns()) known.push_back(column.name);
    return InvalidArgument("split." + key + ": no column is named \"" + name + "\"" +
                           SuggestColumn(name, known));
  }

  Result<std::vector<int32_t>> Draw() const {
    const int64_t rows = draft_.live_rows();
    std::vector<int32_t> strata;
    std::vector<int64_t> sizes = {rows};
    if (!split_.stratify.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(strata, NumberValues(split_.stratify));
      const int32_t most = strata.empty() ? 0 : *std::max_element(strata.begin(), strata.end());
      if (most >= kMostStrata) {
        return InvalidArgument("split.stratify: column \"" + split_.stratify + "\" has " +
                               std::to_string(most + 1) + " values; at most " +
                               std::to_string(kMostStrata) + " can be strata");
      }
      sizes.assign(static_cast<std::size_t>(most) + 1, 0);
      for (const int32_t stratum : strata) ++sizes[static_cast<std::size_t>(stratum)];
    }
    PartDrawer drawer(sizes, fractions_, split_.seed);
    std::vector<int32_t> parts(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[i] = drawer.Draw(strata.empty() ? 0 : static_cast<std::size_t>(strata[i]));
    }
    return parts;
  }

  // Numbers of the values of a column, by first appearance; missing is a value, too.
  Result<std::vector<int32_t>> NumberValues(const std::string& name) const {
    const FitData data = draft_.LiveRows();
    if (data.Find(name) == nullptr) return NoColumn(data, "stratify", name);
    std::unordered_map<std::string, int32_t> known;
    std::vector<int32_t> numbers;
    int32_t missing = -1;
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<StringValues>(
        data, {name},
        [&](int64_t, const Table& table, StringValues* texts) {
          *texts = AsTexts(*table.Find(name));
          return Status::Ok();
        },
        [&](int64_t, StringValues&& texts) {
          const auto next = [&] {
            return static_cast<int32_t>(known.size()) + (missing < 0 ? 0 : 1);
          };
          std::vector<int32_t> of_code(texts.dictionary.size(), -1);
          for (const int32_t code : texts.codes) {
            if (code < 0) {
              if (missing < 0) missing = next();
              numbers.push_back(missing);
              continue;
            }
            int32_t& number = of_code[static_cast<std::size_t>(code)];
            if (number < 0) {
              const std::string& text = texts.dictionary[static_cast<std::size_t>(code)];
              const auto at = known.find(text);
              number = at != known.end() ? at->second : next();
              if (at == known.end()) known.emplace(text, number);
            }
            numbers.push_back(number);
          }
        }));
    return numbers;
  }

  Result<std::vector<int32_t>> ByHash() const {
    const FitData data = draft_.LiveRows();
    const std::vector<std::string> key = split_.key.empty() ? draft_.roles().id : split_.key;
    if (key.empty()) {
      return InvalidArgument(
          "split: by: hash needs a key: name its columns in split.key, or in roles.id");
    }
    for (const std::string& name : key) {
      if (data.Find(name) == nullptr) return NoColumn(data, "key", name);
    }
    return Collect<int32_t>(data, key, [&](int64_t, const Table& table) {
      std::vector<int32_t> parts;
      for (const Hash128& hash : HashKeys(table, key)) {
        const uint64_t bits = MixBits(hash.high ^ MixBits(split_.seed));
        parts.push_back(PartOfHash(static_cast<double>(bits >> 11) * 0x1.0p-53, fractions_));
      }
      return Result<std::vector<int32_t>>(std::move(parts));
    });
  }

  Result<std::vector<int32_t>> ByTime() const {
    const std::string& name = draft_.roles().time;
    if (name.empty()) {
      return InvalidArgument("split: by: time needs the column of times; name it in roles.time");
    }
    const FitData data = draft_.LiveRows();
    PENSTOCK_ASSIGN_OR_RETURN(
        const std::vector<double> times,
        Collect<double>(data, {name}, [&](int64_t block, const Table& table) {
          return TimesOf(*table.Find(name), [&](std::size_t i) {
            return draft_.Where(data.RowsOf(block)[i], name);
          });
        }));
    return AssignByTime(times, fractions_);
  }

  // What `make` gives for each row of each block, in their order.
  template <typename T, typename Make>
  Result<std::vector<T>> Collect(const FitData& data, const std::vector<std::string>& needed,
                                 const Make& make) const {
    std::vector<T> all;
    all.reserve(static_cast<std::size_t>(data.rows()));
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<T>>(
        data, needed,
        [&](int64_t block, const Table& table, std::vector<T>* values) -> Status {
          PENSTOCK_ASSIGN_OR_RETURN(*values, make(block, table));
          return Status::Ok();
        },
        [&](int64_t, std::vector<T>&& values) {
          all.insert(all.end(), values.begin(), values.end());
        }));
    return all;
  }

  const Draft& draft_;
  const SplitSpec& split_;
  std::vector<double> fractions_;
};

}  // namespace

Status Draft::Split(const SplitSpec& split) {
  is_split_ = true;
  // Before, the part that learns is number 0, and so is every row.
  std::vector<std::string> parts = {"data"};
  std::vector<int32_t> part_of;
  uint8_t training = 0;
  if (!split.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(part_of, Assigner(*this, split).Assign());
    if (split.folds > 0) {
      parts = {kTrainPart, kValidationPart};
      for (int32_t& part : part_of) part = part == split.fold ? 1 : 0;
      if (std::find(part_of.begin(), part_of.end(), 1) == part_of.end()) {
        return InvalidArgument("split: fold " + std::to_string(split.fold) + " of " +
                               std::to_string(split.folds) + " gets no row; the data have " +
                               std::to_string(live_rows()) +
                               " rows (or groups of rows) for it: ask for fewer folds");
      }
    } else {
      parts.clear();
      for (const SplitSpec::Part& part : split.parts) parts.push_back(part.name);
      const auto train = std::find(parts.begin(), parts.end(), kTrainPart);
      if (train == parts.end() && parts.size() > 1) {
        return InvalidArgument("split has no part \"train\", on which transforms are fitted");
      }
      training = train == parts.end() ? 0 : static_cast<uint8_t>(train - parts.begin());
    }
  }
  std::size_t next = 0;
  for (uint8_t& place : place_) {
    if (place == kDropped) continue;
    const int32_t part = part_of.empty() ? 0 : part_of[next++];
    const bool refused = part == training && place == kNotTraining;
    place = part < 0 || refused ? kDropped : static_cast<uint8_t>(part);
  }
  parts_ = std::move(parts);
  training_part_ = training;
  return Status::Ok();
}

}  // namespace penstock
