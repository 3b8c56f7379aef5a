#ifndef PENSTOCK_STEPS_PROCESS_SELECTOR_H_
#define PENSTOCK_STEPS_PROCESS_SELECTOR_H_

// Which columns an operation of a process step works on:
//
//   columns: age                      one name          columns: [age, {match: "capital-*"}]
//   columns: {kind: numeric}          a kind            columns: {kind: [numeric], except: [age]}
//   columns: {match: "capital-*"}     a glob (* and ?)  absent: all features
//
// Pure functions.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/table/table.h"

namespace penstock {

// Whether `text` matches `pattern`, in which * stands for any characters and ? for one byte.
bool GlobMatches(std::string_view pattern, std::string_view text);

// The chosen columns of `table`, in its order. kInvalidArgument: a name that is not a column, with
// the nearest; a selector of a wrong shape. A kind or glob that fits no column chooses none.
Result<std::vector<std::string>> SelectColumns(const Json& selector, const Table& table);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_SELECTOR_H_
