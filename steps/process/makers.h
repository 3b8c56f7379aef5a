#ifndef PENSTOCK_STEPS_PROCESS_MAKERS_H_
#define PENSTOCK_STEPS_PROCESS_MAKERS_H_

// One maker per operation, in op_*.cc; operation.cc lists them by name. Private to steps/process.
// Each takes an entry of `transforms`, or what ToJson() gave of one. kInvalidArgument: a parameter
// that it cannot have.

#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/operation.h"

namespace penstock {

Result<std::unique_ptr<Operation>> MakeBagOfWords(const Json& spec);
Result<std::unique_ptr<Operation>> MakeBin(const Json& spec);
Result<std::unique_ptr<Operation>> MakeCast(const Json& spec);
Result<std::unique_ptr<Operation>> MakeCategorical(const Json& spec);
Result<std::unique_ptr<Operation>> MakeDerive(const Json& spec);
Result<std::unique_ptr<Operation>> MakeDrop(const Json& spec);
Result<std::unique_ptr<Operation>> MakeFrequency(const Json& spec);
Result<std::unique_ptr<Operation>> MakeHash(const Json& spec);
Result<std::unique_ptr<Operation>> MakeHashText(const Json& spec);
Result<std::unique_ptr<Operation>> MakeImpute(const Json& spec);
Result<std::unique_ptr<Operation>> MakeImputeByGroup(const Json& spec);  // with `by`
Result<std::unique_ptr<Operation>> MakeImputeKnn(const Json& spec);
Result<std::unique_ptr<Operation>> MakeIndicator(const Json& spec);
Result<std::unique_ptr<Operation>> MakeInteractions(const Json& spec);
Result<std::unique_ptr<Operation>> MakeLog(const Json& spec);
Result<std::unique_ptr<Operation>> MakeMapValues(const Json& spec);
Result<std::unique_ptr<Operation>> MakeMaxAbs(const Json& spec);
Result<std::unique_ptr<Operation>> MakeMinMax(const Json& spec);
Result<std::unique_ptr<Operation>> MakeOneHot(const Json& spec);
Result<std::unique_ptr<Operation>> MakeOrdinal(const Json& spec);
Result<std::unique_ptr<Operation>> MakeOutliers(const Json& spec);  // not those that drop rows
Result<std::unique_ptr<Operation>> MakeParseDates(const Json& spec);
Result<std::unique_ptr<Operation>> MakePca(const Json& spec);
Result<std::unique_ptr<Operation>> MakePolynomial(const Json& spec);
Result<std::unique_ptr<Operation>> MakePrune(const Json& spec);
Result<std::unique_ptr<Operation>> MakeQuantile(const Json& spec);
Result<std::unique_ptr<Operation>> MakeRename(const Json& spec);
Result<std::unique_ptr<Operation>> MakeRobust(const Json& spec);
Result<std::unique_ptr<Operation>> MakeSelect(const Json& spec);
Result<std::unique_ptr<Operation>> MakeStandard(const Json& spec);
Result<std::unique_ptr<Operation>> MakeTarget(const Json& spec);
Result<std::unique_ptr<Operation>> MakeTfIdf(const Json& spec);
Result<std::unique_ptr<Operation>> MakeYeoJohnson(const Json& spec);

// What the indicator of a column's missing values is called; no category reads like it.
inline std::string MissingName(const std::string& column) {
  return column + "=(missing)";
}

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_MAKERS_H_
