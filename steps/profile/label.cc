#include "steps/profile/label.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "steps/profile/association.h"
#include "steps/table/block_source.h"
#include "steps/profile/correlations.h"
#include "steps/table/moments.h"
#include "steps/profile/sample.h"

namespace penstock {
namespace {

// A class must have so many values before a column is said to tell it.
constexpr int64_t kFewestOfClass = 5;

// The label in the rows of a sample: classes (-1: missing), or numbers (NaN: missing).
struct SampledLabel {
  bool classes = false;
  std::size_t class_count = 0;
  std::vector<int32_t> codes;
  std::vector<double> numbers;
};

void TakeBalance(const ColumnProfile& column, LabelProfile& label) {
  if (column.view == ColumnView::kNumbers) {
    const NumberSummary& numbers = column.numbers;
    label.balance = {{FormatNumber(numbers.minimum), numbers.at_minimum},
                     {FormatNumber(numbers.maximum), numbers.at_maximum}};
    if (numbers.at_maximum > numbers.at_minimum) std::swap(label.balance[0], label.balance[1]);
    return;
  }
  label.balance = column.texts.top;
  label.all_classes =
      column.distinct_exact && column.distinct == static_cast<int64_t>(column.texts.top.size());
}

Result<SampledLabel> SampleLabel(const Frame& frame, const std::vector<int64_t>& sample,
                                 const Profile& profile, const LabelProfile& label) {
  const ColumnProfile& column = profile.columns[label.column];
  SampledLabel sampled;
  sampled.classes = label.classes;
  if (column.view != ColumnView::kNumbers) {
    PENSTOCK_ASSIGN_OR_RETURN(auto codes,
                              SampleCategories(frame, sample, profile.columns, {label.column}));
    sampled.codes = std::move(codes[0]);
    sampled.class_count = column.categories.size();
    return sampled;
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto numbers, SampleNumbers(frame, sample, {label.column}));
  sampled.numbers = std::move(numbers[0]);
  if (!label.classes) return sampled;
  sampled.class_count = 2;
  for (const double value : sampled.numbers) {
    sampled.codes.push_back(std::isnan(value) ? -1 : value == column.numbers.maximum ? 1 : 0);
  }
  return sampled;
}

// Whether there are values of each class that occurs, and enough in all.
bool Enough(const SampledLabel& label, const std::vector<double>& values) {
  int64_t all = 0;
  std::vector<int64_t> counts(label.class_count);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool labelled = label.classes ? label.codes[i] >= 0 : !std::isnan(label.numbers[i]);
    if (!labelled || std::isnan(values[i])) continue;
    ++all;
    if (label.classes) ++counts[static_cast<std::size_t>(label.codes[i])];
  }
  const auto present = std::count_if(counts.begin(), counts.end(),
                                     [](int64_t count) { return count >= kFewestOfClass; });
  return all >= kFewestPairs && (!label.classes || present >= 2);
}

// A numeric feature and classes or a number.
std::pair<std::string, double> OfNumbers(const SampledLabel& label, std::vector<double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool labelled = label.classes ? label.codes[i] >= 0 : !std::isnan(label.numbers[i]);
    if (!labelled) values[i] = kUndefined;
  }
  if (!Enough(label, values)) return {"", kUndefined};
  if (!label.classes) {
    std::vector<double> numbers = label.numbers;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) numbers[i] = kUndefined;
    }
    const double r = CoMoments::Of(AverageRanks(values), AverageRanks(numbers)).Correlation();
    return {"rank_r2", r * r};
  }
  if (label.class_count == 2) {
    std::vector<bool> positive;
    for (const int32_t code : label.codes) positive.push_back(code == 1);
    const double auc = Auc(values, positive);
    return {"auc", std::max(auc, 1 - auc)};
  }
  return {"rank_separation", RankSeparation(AverageRanks(values), label.codes, label.class_count)};
}

// A categorical feature and a label of numbers.
std::pair<std::string, double> OfCategories(const SampledLabel& label,
                                            const std::vector<int32_t>& codes,
                                            std::size_t categories) {
  std::vector<double> numbers = label.numbers;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (codes[i] < 0) numbers[i] = kUndefined;
  }
  if (!Enough(label, numbers)) return {"", kUndefined};
  const std::vector<double> ranks = AverageRanks(numbers);
  std::vector<GroupMoments> groups(categories);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (!std::isnan(ranks[i])) groups[static_cast<std::size_t>(codes[i])].Add(ranks[i]);
  }
  return {"rank_epsilon2", EpsilonSquared(groups)};
}

// Whether a value is there, and classes.
double OfPresence(const SampledLabel& label, const std::vector<bool>& present) {
  std::vector<int64_t> counts(2 * label.class_count);
  int64_t there = 0;
  int64_t rows = 0;
  for (std::size_t i = 0; i < present.size(); ++i) {
    if (label.codes[i] < 0) continue;
    ++counts[(present[i] ? label.class_count : 0) + static_cast<std::size_t>(label.codes[i])];
    there += present[i] ? 1 : 0;
    ++rows;
  }
  if (std::min(there, rows - there) < kFewestPairs) return kUndefined;
  return CramersV(counts, label.class_count);
}

class Associate {
 public:
  Associate(const Frame& frame, const std::vector<int64_t>& sample, Profile& profile,
            LabelProfile& label, const SampledLabel& sampled)
      : frame_(frame), sample_(sample), profile_(profile), label_(label), sampled_(sampled) {}

  Status Numbers(const std::vector<std::size_t>& columns) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto values, SampleNumbers(frame_, sample_, columns));
    std::vector<std::pair<std::string, double>> found(columns.size());
    std::vector<double> presence(columns.size(), kUndefined);
    PENSTOCK_RETURN_IF_ERROR(ForEachIndex(static_cast<int64_t>(columns.size()),
                                          frame_.options().table, [&](int64_t index) {
                                            const auto i = static_cast<std::size_t>(index);
                                            found[i] = OfNumbers(sampled_, values[i]);
                                            if (!sampled_.classes) return Status::Ok();
                                            std::vector<bool> present;
                                            for (const double value : values[i])
                                              present.push_back(!std::isnan(value));
                                            presence[i] = OfPresence(sampled_, present);
                                            return Status::Ok();
                                          }));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      Add(columns[i], found[i].first, found[i].second);
      Add(columns[i], "missing_cramers_v", presence[i]);
    }
    return Status::Ok();
  }

  Status Categories(const std::vector<std::size_t>& columns) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto codes,
                              SampleCategories(frame_, sample_, profile_.columns, columns));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const ColumnProfile& column = profile_.columns[columns[i]];
      if (!sampled_.numbers.empty() || !sampled_.classes) {
        const auto [measure, value] = OfCategories(sampled_, codes[i], column.categories.size());
        Add(columns[i], measure, value);
      } else if (const std::optional<double> value = CramersVOf(columns[i])) {
        Add(columns[i], "cramers_v", *value);
      }
      if (!sampled_.classes) continue;
      std::vector<bool> present;
      for (const int32_t code : codes[i]) present.push_back(code >= 0);
      Add(columns[i], "missing_cramers_v", OfPresence(sampled_, present));
    }
    return Status::Ok();
  }

 private:
  // As the matrix has it, of all rows.
  std::optional<double> CramersVOf(std::size_t column) const {
    const Associations& matrix = profile_.cramers_v;
    const auto place = [&](std::size_t of) {
      return static_cast<std::size_t>(std::find(matrix.rows.begin(), matrix.rows.end(), of) -
                                      matrix.rows.begin());
    };
    const std::size_t a = place(column);
    const std::size_t b = place(label_.column);
    if (a == matrix.rows.size() || b == matrix.rows.size()) return std::nullopt;
    if (matrix.pairs_at(a, b) < kFewestPairs) return std::nullopt;
    return matrix.at(a, b);
  }

  void Add(std::size_t column, const std::string& measure, double value) {
    if (!measure.empty() && !std::isnan(value)) {
      label_.associations.push_back({column, measure, value});
    }
  }

  const Frame& frame_;
  const std::vector<int64_t>& sample_;
  Profile& profile_;
  LabelProfile& label_;
  const SampledLabel& sampled_;
};

}  // namespace

Status ProfileLabel(const Frame& frame, const std::vector<int64_t>& sample,
                    const std::vector<std::size_t>& categorical, int64_t budget, Profile& profile) {
  if (profile.roles.label.empty()) return Status::Ok();
  LabelProfile& label = profile.label.emplace();
  while (profile.columns[label.column].info.name != profile.roles.label) ++label.column;
  const ColumnProfile& column = profile.columns[label.column];
  const bool numbers = column.view == ColumnView::kNumbers;
  label.classes = !numbers || column.numbers.at_maximum > 0;
  if (label.classes) TakeBalance(column, label);
  if (column.distinct < 2) {
    label.reason = "the label has fewer than two values";
  } else if (label.classes && !numbers && column.categories.empty()) {
    label.reason = "the label has more than " + std::to_string(kMostCategories) + " classes";
  }
  if (!label.reason.empty()) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const SampledLabel sampled, SampleLabel(frame, sample, profile, label));
  Associate associate(frame, sample, profile, label, sampled);
  std::vector<std::size_t> of_numbers;
  std::vector<std::size_t> of_categories;
  for (std::size_t i = 0; i < profile.columns.size(); ++i) {
    if (profile.columns[i].role != "feature") continue;
    if (profile.columns[i].view == ColumnView::kNumbers) of_numbers.push_back(i);
    if (std::binary_search(categorical.begin(), categorical.end(), i)) of_categories.push_back(i);
  }
  const int64_t bytes = std::max<int64_t>(profile.sample_rows, 1) * int64_t{sizeof(double)};
  for (const auto& group : GroupColumns(of_numbers, bytes, budget)) {
    PENSTOCK_RETURN_IF_ERROR(associate.Numbers(group));
  }
  PENSTOCK_RETURN_IF_ERROR(associate.Categories(of_categories));
  std::stable_sort(label.associations.begin(), label.associations.end(),
                   [](const LabelAssociation& a, const LabelAssociation& b) {
                     return std::pair(-a.value, a.column) < std::pair(-b.value, b.column);
                   });
  return Status::Ok();
}

}  // namespace penstock
