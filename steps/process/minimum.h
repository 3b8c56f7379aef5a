#ifndef PENSTOCK_STEPS_PROCESS_MINIMUM_H_
#define PENSTOCK_STEPS_PROCESS_MINIMUM_H_

// Minima of functions of one number.

#include <functional>

#include "base/result.h"

namespace penstock {

using Function = std::function<Result<double>(double x)>;

// Where `function` has a local minimum: Brent's method (1973, chapter 5) from a bracket that is
// searched for downhill from `first` and `second`, with the constants of SciPy's optimize.brent, to
// a relative 1.48e-8. Deterministic; usually 15 to 30 calls. Ends with the first error of
// `function`, or kInvalidArgument where there is no minimum within 1,000 steps.
Result<double> FindMinimum(const Function& function, double first, double second);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_MINIMUM_H_
