#ifndef PENSTOCK_STEPS_VALIDATE_VALIDATE_H_
#define PENSTOCK_STEPS_VALIDATE_VALIDATE_H_

// The `validate` step: data judged by rules, before anything is learnt from them.
//
// Output: `report`, a folder with report.json, which is the step's report, too:
//
//   {"format": "penstock-validation/1", "rows": 1000, "passed": false, "failed_rules": 1,
//    "warned_rules": 0, "violations": 3, "rules": [
//     {"name": "range-2", "rule": "range", "severity": "fail", "passed": false, "checked": 998,
//      "violations": 3, "share": 0.003, "message": "3 of 998 values of \"age\" are not …",
//      "examples": [{"where": "people.csv: line 12, column 2 (age)", "file": "people.csv",
//                    "row": 11, "column": "age", "value": "999"}, …]}]}
//
// `row` counts the rows of the file from 1, without its header. What is not known of an example (a
// row of a query's result is in no file) is left out.

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kValidateVersion[] = "1";
// Status::reason of a step whose data violate its rules.
inline constexpr char kRulesViolated[] = "RULES_VIOLATED";

// A StepFunction. kInvalidArgument with kRulesViolated: rules of severity fail are violated, and
// `on_violation` is fail; kInvalidArgument: data that cannot be read, SQL that cannot be run;
// kResourceExhausted; kCancelled.
Result<StepOutcome> RunValidate(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_VALIDATE_VALIDATE_H_
