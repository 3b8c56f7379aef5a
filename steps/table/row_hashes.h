#ifndef PENSTOCK_STEPS_TABLE_ROW_HASHES_H_
#define PENSTOCK_STEPS_TABLE_ROW_HASHES_H_

// Hashes of rows, by which equal rows are found. Pure functions.

#include <vector>

#include "steps/table/hashing.h"
#include "steps/table/table.h"

namespace penstock {

// Adds the cells of a column to the hashes of its rows, one each. Missing equals missing, and 0 is
// -0.
void AddColumn(const Column& column, std::vector<Hash128>& rows);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_ROW_HASHES_H_
