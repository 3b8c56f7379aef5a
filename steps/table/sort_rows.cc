#include "steps/table/sort_rows.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "steps/table/duck.h"
#include "steps/table/sql.h"

namespace penstock {

Result<std::vector<int64_t>> SortedRows(const Frame& keys, const std::vector<bool>& descending,
                                        const FrameOptions& options) {
  // Without rows there may be no columns either.
  if (keys.rows() == 0) return std::vector<int64_t>();
  const std::string row = duck::QuoteName(keys.columns().back().name);
  std::vector<std::string> by;
  for (std::size_t i = 0; i < descending.size(); ++i) {
    // Adding 0 makes 0 of -0.
    const std::string name = duck::QuoteName(keys.columns()[i].name);
    const bool text = duck::StoredType(keys.columns()[i]) == DUCKDB_TYPE_VARCHAR;
    by.push_back((text ? name : name + " + 0") + (descending[i] ? " DESC" : " ASC") +
                 " NULLS LAST");
  }
  by.push_back(row);
  std::vector<int64_t> rows;
  rows.reserve(static_cast<std::size_t>(keys.rows()));
  const std::string query = "SELECT " + row + " FROM keys ORDER BY " + Join(by, ", ");
  PENSTOCK_RETURN_IF_ERROR(StreamSelect({{"keys", &keys}}, query, options, [&](Table&& block) {
    for (const double value : block.columns.front().numbers) {
      rows.push_back(static_cast<int64_t>(value));
    }
    return Status::Ok();
  }));
  return rows;
}

}  // namespace penstock
