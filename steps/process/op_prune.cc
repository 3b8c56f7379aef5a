// prune: takes away columns that a rule finds among the training rows: constant, unique, sparse,
// sensitive, correlated.

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"
#include "steps/process/sensitive.h"
#include "steps/table/hashing.h"
#include "steps/table/moments.h"

namespace penstock {
namespace {

constexpr int64_t kBudget = int64_t{1} << 30;
constexpr std::size_t kMostCorrelated = 5'000;
constexpr std::size_t kNamesInLog = 50;

int64_t BudgetOf(const FitData& data) {
  return data.budget() > 0 ? data.budget() : kBudget;
}

// The one value that all rows have; a missing one counts as a value.
struct Only {
  int64_t rows = 0;
  bool one = true;
  std::optional<std::string> text;  // of columns of texts; none: missing
  double number = kMissing;

  static Only Of(const Column& column) {
    Only only;
    const std::size_t rows = ValuesIn(column);
    only.rows = static_cast<int64_t>(rows);
    if (rows == 0) return only;
    if (column.is_text()) {
      const std::vector<int32_t>& codes = column.strings.codes;
      only.one = std::all_of(codes.begin(), codes.end(),
                             [&](int32_t code) { return code == codes.front(); });
      if (codes.front() >= 0) only.text = column.strings[0];
    } else {
      only.number = column.numbers.front();
      only.one = std::all_of(column.numbers.begin(), column.numbers.end(),
                             [&](double value) { return Same(value, only.number); });
    }
    return only;
  }
  void Merge(Only&& next) {
    if (next.rows == 0) return;
    if (rows > 0) {
      one = one && next.one && text == next.text && Same(number, next.number);
      rows += next.rows;
    } else {
      *this = std::move(next);
    }
  }
  static bool Same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
};

// Whether all rows of a block have a value that could be an identifier, each another.
bool IsUniqueIn(const Column& column) {
  const std::size_t rows = ValuesIn(column);
  if (column.is_text()) {
    std::vector<bool> seen(column.strings.dictionary.size());
    for (const int32_t code : column.strings.codes) {
      if (code < 0 || seen[static_cast<std::size_t>(code)]) return false;
      seen[static_cast<std::size_t>(code)] = true;
    }
    return true;
  }
  for (const double value : column.numbers) {
    // Also false for what is missing.
    if (!(std::isfinite(value) && value == std::floor(value))) return false;
  }
  std::vector<double> sorted = column.numbers;
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() || rows == 0;
}

// Whether no value of the column, which is unique in each block, comes in two. By 128-bit hashes.
Result<bool> IsUnique(const FitData& data, const std::string& name) {
  const int64_t bytes = 2 * data.rows() * int64_t{sizeof(Hash128)};
  const auto parts = static_cast<uint64_t>(1 + bytes / BudgetOf(data));
  for (uint64_t part = 0; part < parts; ++part) {
    std::vector<Hash128> all;
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<Hash128>>(
        data, {name},
        [&](int64_t, const Table& table, std::vector<Hash128>* hashes) {
          const Column& column = *table.Find(name);
          for (std::size_t i = 0; i < ValuesIn(column); ++i) {
            const uint64_t number = column.is_text() ? 0 : HashNumber(column.numbers[i]);
            const Hash128 hash =
                column.is_text() ? HashText(column.strings[i]) : Hash128{number, ~number};
            if (hash.high % parts == part) hashes->push_back(hash);
          }
          return Status::Ok();
        },
        [&](int64_t, std::vector<Hash128>&& hashes) {
          all.insert(all.end(), hashes.begin(), hashes.end());
        }));
    std::sort(all.begin(), all.end());
    if (std::adjacent_find(all.begin(), all.end()) != all.end()) return false;
  }
  return true;
}

// A column of a block, ready to be compared with others.
struct Centred {
  const Column* column = nullptr;
  bool whole = true;  // all values are finite
  double mean = 0;
  double square = 0;  // sum of the squares of `values`
  std::vector<double> values;

  explicit Centred(const Column& of) : column(&of), values(of.numbers) {
    double sum = 0;
    for (const double value : values) {
      whole = whole && std::isfinite(value);
      sum += value;
    }
    whole = whole && std::isfinite(sum) && !values.empty();
    if (!whole) return;
    mean = sum / static_cast<double>(values.size());
    for (double& value : values) value -= mean;
    square = Dot(values, values);
  }

  // Four sums at once: one would wait for itself.
  static double Dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sums[4] = {0, 0, 0, 0};
    std::size_t i = 0;
    for (; i + 4 <= a.size(); i += 4) {
      for (std::size_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
    }
    for (; i < a.size(); ++i) sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
};

CoMoments Compare(const Centred& x, const Centred& y) {
  if (!x.whole || !y.whole) return CoMoments::Of(x.column->numbers, y.column->numbers);
  CoMoments moments;
  moments.count = static_cast<int64_t>(x.values.size());
  moments.mean_x = x.mean;
  moments.mean_y = y.mean;
  moments.xx = x.square;
  moments.yy = y.square;
  moments.xy = Centred::Dot(x.values, y.values);
  return moments;
}

// Moments of columns `left` with all columns after each of them.
using Pairs = std::vector<std::vector<CoMoments>>;
Result<Pairs> ComparePairs(const FitData& data, const std::vector<std::string>& names,
                           const std::vector<std::size_t>& left) {
  const std::size_t first = left.front();
  const std::vector<std::string> needed(names.begin() + static_cast<std::ptrdiff_t>(first),
                                        names.end());
  Pairs all(left.size());
  for (std::size_t i = 0; i < left.size(); ++i) all[i].resize(names.size() - left[i] - 1);
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<Pairs>(
      data, needed,
      [&](int64_t, const Table& table, Pairs* pairs) {
        std::vector<Centred> columns;
        for (const std::string& name : needed) columns.emplace_back(*table.Find(name));
        pairs->resize(left.size());
        for (std::size_t i = 0; i < left.size(); ++i) {
          for (std::size_t j = left[i] + 1; j < names.size(); ++j) {
            (*pairs)[i].push_back(Compare(columns[left[i] - first], columns[j - first]));
          }
        }
        return Status::Ok();
      },
      [&](int64_t, Pairs&& pairs) {
        for (std::size_t i = 0; i < all.size(); ++i) {
          for (std::size_t j = 0; j < all[i].size(); ++j) all[i][j].Merge(pairs[i][j]);
        }
      }));
  return all;
}

class Prune : public ColumnOperation<std::monostate> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Prune>(new Prune(spec));
    static const std::vector<std::string> kRules = {"constant", "unique", "sparse", "sensitive",
                                                    "correlated"};
    const std::string rule = JsonString(spec, "rule");
    const auto at = std::find(kRules.begin(), kRules.end(), rule);
    if (at == kRules.end()) {
      return InvalidArgument("prune: unknown rule \"" + rule + "\"" + Suggestion(rule, kRules));
    }
    op->rule_ = static_cast<Rule>(at - kRules.begin());
    op->max_missing_ = JsonDouble(spec, "max_missing", 0.5);
    op->threshold_ = JsonDouble(spec, "threshold", 0.95);
    if (!(op->max_missing_ >= 0 && op->max_missing_ <= 1)) {
      return InvalidArgument("prune: max_missing must be from 0 to 1");
    }
    if (!(op->threshold_ >= 0 && op->threshold_ <= 1)) {
      return InvalidArgument("prune: threshold must be from 0 to 1");
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

  std::vector<std::string> notes() const override {
    std::vector<std::string> names;
    for (const std::string& name : columns()) {
      if (names.size() < kNamesInLog) names.push_back("\"" + name + "\"");
    }
    const std::size_t more = columns().size() - names.size();
    std::string note = "prune: " + std::to_string(columns().size()) + " " +
                       JsonString(spec(), "rule") + " columns dropped";
    if (!names.empty()) note += ": " + Join(names, ", ");
    if (more > 0) note += " and " + std::to_string(more) + " more";
    return {note};
  }

 protected:
  // What goes.
  Result<std::vector<std::string>> Choose(const FitData& data) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(JsonMember(spec(), "columns"), data.features()));
    if (data.rows() == 0 || names.empty()) return std::vector<std::string>();
    switch (rule_) {
      case Rule::kConstant:
        return Constant(data, names);
      case Rule::kUnique:
        return Unique(data, names);
      case Rule::kSparse:
        return Sparse(data, names);
      case Rule::kSensitive:
        return Sensitive(names);
      case Rule::kCorrelated:
        return Correlated(data, names);
    }
    return Internal("there is no such rule");
  }

  Status Learn(const FitData&, const std::vector<std::string>&,
               std::vector<std::monostate>&) override {
    return Status::Ok();
  }
  Status Change(Column&&, const std::monostate&, const AppliedRows&,
                std::vector<Column>&) const override {
    return Status::Ok();
  }

 private:
  enum class Rule { kConstant, kUnique, kSparse, kSensitive, kCorrelated };

  explicit Prune(const Json& spec) : ColumnOperation(spec) {}

  static Result<std::vector<std::string>> Constant(const FitData& data,
                                                   const std::vector<std::string>& names) {
    std::vector<Only> all(names.size());
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<Only>>(
        data, names,
        [&](int64_t, const Table& table, std::vector<Only>* only) {
          for (const std::string& name : names) only->push_back(Only::Of(*table.Find(name)));
          return Status::Ok();
        },
        [&](int64_t, std::vector<Only>&& only) {
          for (std::size_t i = 0; i < all.size(); ++i) all[i].Merge(std::move(only[i]));
        }));
    std::vector<std::string> dropped;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (all[i].one) dropped.push_back(names[i]);
    }
    return dropped;
  }

  static Result<std::vector<std::string>> Unique(const FitData& data,
                                                 const std::vector<std::string>& names) {
    std::vector<std::string> candidates;
    for (const std::string& name : names) {
      const ColumnKind kind = data.features().Find(name)->info.kind;
      if (kind != ColumnKind::kText && kind != ColumnKind::kDate) candidates.push_back(name);
    }
    std::vector<std::string> dropped;
    if (data.rows() < 2) return dropped;
    PENSTOCK_ASSIGN_OR_RETURN(
        const auto blocks,
        (MapBlocks<std::vector<bool>>(data, candidates,
                                      [&](int64_t, const Table& table, std::vector<bool>* unique) {
                                        for (const std::string& name : candidates) {
                                          unique->push_back(IsUniqueIn(*table.Find(name)));
                                        }
                                        return Status::Ok();
                                      })));
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const bool apart = std::all_of(blocks.begin(), blocks.end(),
                                     [&](const std::vector<bool>& unique) { return unique[i]; });
      if (!apart) continue;
      PENSTOCK_ASSIGN_OR_RETURN(const bool unique, IsUnique(data, candidates[i]));
      if (unique) dropped.push_back(candidates[i]);
    }
    return dropped;
  }

  Result<std::vector<std::string>> Sparse(const FitData& data,
                                          const std::vector<std::string>& names) const {
    std::vector<int64_t> missing(names.size());
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<int64_t>>(
        data, names,
        [&](int64_t, const Table& table, std::vector<int64_t>* counts) {
          for (const std::string& name : names) {
            const Column& column = *table.Find(name);
            int64_t count = 0;
            for (std::size_t i = 0; i < ValuesIn(column); ++i) count += column.missing(i) ? 1 : 0;
            counts->push_back(count);
          }
          return Status::Ok();
        },
        [&](int64_t, std::vector<int64_t>&& counts) {
          for (std::size_t i = 0; i < missing.size(); ++i) missing[i] += counts[i];
        }));
    // A little slack, so that 0.1 of ten rows is one.
    const double most = max_missing_ * static_cast<double>(data.rows()) + 1e-9;
    std::vector<std::string> dropped;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (static_cast<double>(missing[i]) > most) dropped.push_back(names[i]);
    }
    return dropped;
  }

  Result<std::vector<std::string>> Sensitive(const std::vector<std::string>& names) const {
    std::vector<std::string> patterns = SensitiveNames();
    for (const std::string& name : TextList(JsonMember(spec(), "names"))) patterns.push_back(name);
    std::vector<std::string> dropped;
    for (const std::string& name : names) {
      if (HasWords(name, patterns)) dropped.push_back(name);
    }
    return dropped;
  }

  // In the table's order: a column goes where one before it that stays says the same.
  Result<std::vector<std::string>> Correlated(const FitData& data,
                                              const std::vector<std::string>& chosen) const {
    std::vector<std::string> names;
    for (const std::string& name : chosen) {
      if (!data.features().Find(name)->is_text()) names.push_back(name);
    }
    if (names.size() > kMostCorrelated) {
      return InvalidArgument("prune: " + std::to_string(names.size()) +
                             " columns of numbers are too many to compare with each other; at "
                             "most " +
                             std::to_string(kMostCorrelated) + ": name fewer in columns");
    }
    // Results of blocks exist two a thread, and together.
    const int64_t pair_bytes =
        int64_t{sizeof(CoMoments)} * (2 * std::max(1, data.pass().threads) + 1);
    const auto room = static_cast<std::size_t>(BudgetOf(data) / 2 / pair_bytes);
    std::vector<bool> gone(names.size());
    std::size_t next = 0;
    while (next + 1 < names.size()) {
      std::vector<std::size_t> left;
      std::size_t pairs = 0;
      for (; next + 1 < names.size(); ++next) {
        if (gone[next]) continue;
        pairs += names.size() - next - 1;
        if (!left.empty() && pairs > room) break;
        left.push_back(next);
      }
      if (left.empty()) break;
      PENSTOCK_ASSIGN_OR_RETURN(const Pairs moments, ComparePairs(data, names, left));
      for (std::size_t i = 0; i < left.size(); ++i) {
        for (std::size_t j = left[i] + 1; j < names.size() && !gone[left[i]]; ++j) {
          // Not where a correlation is undefined.
          const double r = moments[i][j - left[i] - 1].Correlation();
          if (std::fabs(r) > threshold_) gone[j] = true;
        }
      }
    }
    std::vector<std::string> dropped;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (gone[i]) dropped.push_back(names[i]);
    }
    return dropped;
  }

  Rule rule_ = Rule::kConstant;
  double max_missing_ = 0;
  double threshold_ = 1;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakePrune(const Json& spec) {
  return Prune::Make(spec);
}

}  // namespace penstock
