#ifndef PENSTOCK_STEPS_PROCESS_TIMES_H_
#define PENSTOCK_STEPS_PROCESS_TIMES_H_

// Columns of times as numbers. Pure functions.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/table/table.h"

namespace penstock {

// Numbers as they are; texts, which must be ISO 8601, as seconds since 1970 (UTC where they have no
// offset). kInvalidArgument names the first cell, by `where`, that is missing or none.
Result<std::vector<double>> TimesOf(const Column& column,
                                    const std::function<std::string(std::size_t i)>& where);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_TIMES_H_
