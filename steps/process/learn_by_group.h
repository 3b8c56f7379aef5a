#ifndef PENSTOCK_STEPS_PROCESS_LEARN_BY_GROUP_H_
#define PENSTOCK_STEPS_PROCESS_LEARN_BY_GROUP_H_

// What is learned of a column in each group of training rows: one value a group, in the order of
// the index. In bounded memory; results do not depend on threads and memory. Only finite numbers
// count, and values that are there; rows that lack a value of `by` are in no group. Private to
// steps/process.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/process/fit_data.h"
#include "steps/process/row_groups.h"

namespace penstock {

struct GroupedColumn {
  const FitData& data;
  const std::vector<std::string>& by;
  const GroupIndex& index;
  std::string name;
};

// Of numbers; NaN for a group without values. Means by compensated sums, in one pass.
Result<std::vector<double>> GroupMeans(const GroupedColumn& column);
// Of an even count the mean of the middle two. Two passes, more where values do not fit into the
// budget.
Result<std::vector<double>> GroupMedians(const GroupedColumn& column);
// The most frequent number, of several the smallest.
Result<std::vector<double>> GroupNumberModes(const GroupedColumn& column);
// The most frequent text, of several the smallest. kInvalidArgument where groups have more than
// 10,000,000 different texts together.
Result<std::vector<std::optional<std::string>>> GroupTextModes(const GroupedColumn& column);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_LEARN_BY_GROUP_H_
