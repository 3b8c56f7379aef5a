#ifndef PENSTOCK_STEPS_PROFILE_COLUMNS_H_
#define PENSTOCK_STEPS_PROFILE_COLUMNS_H_

// What can be said of each column alone.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/profile/summary.h"
#include "steps/table/frame.h"

namespace penstock {

struct ColumnOptions {
  int max_bins = 50;
  int top = 10;
  std::string label;                  // of this column, kMostCategories top values
  int64_t budget = int64_t{1} << 30;  // bytes of memory to work in
};

// Numbers are kNumbers where they are numeric; columns of dates are kDates; all else is kTexts.
ColumnView ViewOf(const ColumnInfo& column);

// The texts of a column that is looked at as such; numbers and booleans are made texts in
// `storage`.
const StringValues& TextsOf(const Column& column, StringValues& storage);

// Fills one profile a column of the frame, but for its role. Several passes over the rows.
Result<std::vector<ColumnProfile>> ProfileColumns(const Frame& frame, const ColumnOptions& options);

// Edges as numpy.histogram_bin_edges has them: `bins` of equal width from `low` to `high`; for one
// value, from half below to half above. Empty where that overflows.
std::vector<double> BinEdges(double low, double high, int bins);
// The bin of a value within the edges, as numpy.histogram counts it.
std::size_t BinOf(double value, const std::vector<double>& edges);
// Of at most `most` bins: as wide as the narrower of what Freedman and Diaconis, and Sturges,
// suggest (numpy's "auto"). Each bin of whole numbers holds as many of them: edges are whole, and
// the last one may lie above the highest value. As for BinEdges where there is one value, or
// overflow.
std::vector<double> HistogramEdges(const NumberSummary& numbers, int most);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_COLUMNS_H_
