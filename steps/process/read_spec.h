#ifndef PENSTOCK_STEPS_PROCESS_READ_SPEC_H_
#define PENSTOCK_STEPS_PROCESS_READ_SPEC_H_

// `read` of a process step, as parameters and transform.json hold it. Pure functions.

#include "base/json.h"
#include "base/result.h"
#include "steps/table/read.h"

namespace penstock {

// Absent members mean their defaults. kInvalidArgument names the member that is wrong ("read.…").
Result<ReadOptions> ReadOptionsFromJson(const Json& read);
// The inverse: what reads other data of the same kind. Without compression and `files`, which are
// about one input, and without an encoding that is the default.
Json ReadOptionsToJson(const ReadOptions& options);

// A scalar as CSV text writes it: 1 is "1", 1.5 is "1.5", true is "true". Empty for null.
std::string ScalarText(const Json& value);
// The strings (or scalars, as text) of a list.
std::vector<std::string> TextList(const Json& list);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_READ_SPEC_H_
