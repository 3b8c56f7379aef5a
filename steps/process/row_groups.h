#ifndef PENSTOCK_STEPS_PROCESS_ROW_GROUPS_H_
#define PENSTOCK_STEPS_PROCESS_ROW_GROUPS_H_

// Rows with the same values in some columns. Pure functions; private to steps/process.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/process/fit_data.h"
#include "steps/table/table.h"

namespace penstock {

// The values of a group as text, numbers as CSV writes them.
using GroupKey = std::vector<std::string>;

struct RowGroups {
  std::vector<int32_t> of;     // the group of each row; -1 where one of the values is missing
  std::vector<GroupKey> keys;  // of each group, in order of first appearance
};

// Of the rows of a table that has the columns `by`. O(rows × columns).
RowGroups GroupRows(const Table& table, const std::vector<std::string>& by);

// All groups, and the index of each: sorted by bytes. In one pass. kInvalidArgument where there are
// more than `limit`.
using GroupIndex = std::map<GroupKey, int32_t>;
Result<GroupIndex> LearnGroups(const FitData& data, const std::vector<std::string>& by,
                               int64_t limit, std::string_view op);

// For each of `keys` its index, or -1.
std::vector<int32_t> IndexOfKeys(const std::vector<GroupKey>& keys, const GroupIndex& index);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_ROW_GROUPS_H_
