#ifndef PENSTOCK_SERVER_CORE_CONDITION_H_
#define PENSTOCK_SERVER_CORE_CONDITION_H_

// What a condition step's `if` says.
//
//   {left: VALUE, op: "==" | "!=" | ">" | ">=" | "<" | "<=" | "in", right: VALUE}
//   [A, B]  or  {all: [A, B]}     {any: [A, B]}     {not: A}
//
// Numbers compare as numbers, texts as texts; other pairs can only be equal or not. `in` looks for
// left among the list right. A value that is absent, null or NaN is never taken for false: the
// condition is undefined. Pure.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/core/expression.h"

namespace penstock {

// The shape of `condition`: appends what is wrong to `problems`.
void CheckCondition(const Json& condition, const std::string& path, std::vector<Problem>& problems);

struct ConditionOutcome {
  bool holds = false;
  std::string explanation;  // "0.93 >= 0.75": each comparison that was made, with its values
};

// kFailedPrecondition (METRIC_UNDEFINED) names the operand that has no value. `condition` passed
// CheckCondition.
Result<ConditionOutcome> EvaluateCondition(const Json& condition, const Scope& scope);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_CONDITION_H_
