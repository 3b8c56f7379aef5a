#ifndef PENSTOCK_STEPS_PROFILE_SUMMARY_H_
#define PENSTOCK_STEPS_PROFILE_SUMMARY_H_

// What a profile says, as plain values: filled by gather.h, written by report.h and page.h. A NaN
// is a figure that is not defined; `reasons` then says why.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "steps/table/dataset.h"
#include "steps/table/table.h"

namespace penstock {

inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Categories that a column may have to be compared with others.
inline constexpr int64_t kMostCategories = 100;
// Columns that are compared with each other.
inline constexpr std::size_t kMostNumeric = 100;
inline constexpr std::size_t kMostCategorical = 50;

struct Histogram {
  std::vector<double> edges;    // one more than counts; empty: none
  std::vector<int64_t> counts;  // of [edges[i], edges[i + 1]), the last one closed
};

// Of the finite values.
struct NumberSummary {
  int64_t finite = 0;
  int64_t infinite = 0;
  int64_t zeros = 0;
  int64_t negatives = 0;
  bool whole = true;  // no value has a fraction
  // Of a column with two values, none of them infinite: how often each is there. Else 0.
  int64_t at_minimum = 0;
  int64_t at_maximum = 0;
  double mean = kUndefined;
  double standard_deviation = kUndefined;
  double minimum = kUndefined;
  double maximum = kUndefined;
  double p1 = kUndefined;
  double p5 = kUndefined;
  double q1 = kUndefined;
  double median = kUndefined;
  double q3 = kUndefined;
  double p95 = kUndefined;
  double p99 = kUndefined;
  double skewness = kUndefined;
  double kurtosis = kUndefined;
  Histogram histogram;
  double fence_low = kUndefined;  // q1 - 1.5 (q3 - q1)
  double fence_high = kUndefined;
  int64_t outside_fences = 0;
  int64_t far_from_mean = 0;  // more than three standard deviations
  std::map<std::string, std::string> reasons;
};

struct TopValue {
  std::string value;
  int64_t count = 0;
};

struct TextSummary {
  // The most frequent values: by count, then in order of their bytes.
  std::vector<TopValue> top;
  // Where there are too many distinct values to count each: only those of at least 0.1 % are told.
  bool frequent_only = false;
  // In characters, each row counted; of no value NaN.
  int64_t shortest = 0;
  int64_t longest = 0;
  double mean_length = kUndefined;
  // Of dates: first and last.
  std::string first;
  std::string last;
};

// How a column is looked at.
enum class ColumnView { kNumbers, kTexts, kDates };

struct ColumnProfile {
  ColumnInfo info;
  ColumnView view = ColumnView::kTexts;
  std::string role = "feature";
  int64_t count = 0;  // values that are there
  int64_t missing = 0;
  int64_t distinct = 0;
  bool distinct_exact = true;
  NumberSummary numbers;             // kNumbers
  TextSummary texts;                 // the others
  std::vector<uint64_t> categories;  // hashes, sorted; where they are at most kMostCategories

  bool constant() const { return count > 0 && distinct == 1; }
};

// A matrix of measures between columns, by row; NaN where one is not defined.
struct Associations {
  std::vector<std::size_t> rows;  // positions of columns
  std::vector<std::size_t> columns;
  std::vector<double> values;
  std::vector<int64_t> pairs;  // rows of the data in which both are there

  double at(std::size_t row, std::size_t column) const {
    return values[row * columns.size() + column];
  }
  int64_t pairs_at(std::size_t row, std::size_t column) const {
    return pairs[row * columns.size() + column];
  }
};

// How well one column tells the label, by a measure from 0 to 1 (AUC: from 0.5; the direction does
// not matter).
struct LabelAssociation {
  std::size_t column = 0;
  // "auc", "rank_separation", "cramers_v", "rank_r2", "rank_epsilon2"; "missing_cramers_v": whether
  // the column has a value.
  std::string measure;
  double value = kUndefined;
};

struct LabelProfile {
  std::size_t column = 0;
  bool classes = false;                        // else a number
  std::vector<TopValue> balance;               // of classes: by count
  bool all_classes = true;                     // whether `balance` has them all
  std::vector<LabelAssociation> associations;  // of features, best first
  std::string reason;                          // why there are no associations
};

struct StrongPair {
  std::size_t a = 0;
  std::size_t b = 0;
  std::string measure;  // "pearson", "spearman", "cramers_v"
  double value = 0;
};

struct Hint {
  std::string hint;
  std::vector<std::string> columns;
  std::string message;
};

struct Profile {
  int64_t rows = 0;
  int64_t missing_cells = 0;
  int64_t duplicate_rows = 0;
  Roles roles;
  std::vector<ColumnProfile> columns;
  std::optional<LabelProfile> label;
  Associations pearson;
  Associations spearman;
  Associations cramers_v;
  Associations correlation_ratio;     // rows: categorical, columns: numeric
  int64_t sample_rows = 0;            // that spearman and the label's associations were made of
  std::vector<std::size_t> left_out;  // columns that were not compared: there were too many
  std::vector<StrongPair> strong;     // strongest first
  std::vector<Hint> hints;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_SUMMARY_H_
