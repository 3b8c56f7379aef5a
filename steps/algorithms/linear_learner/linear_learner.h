#ifndef PENSTOCK_STEPS_ALGORITHMS_LINEAR_LEARNER_LINEAR_LEARNER_H_
#define PENSTOCK_STEPS_ALGORITHMS_LINEAR_LEARNER_LINEAR_LEARNER_H_

// Linear, logistic and multinomial regression; see solver.h for the mathematics and README.md for
// the parametrisation. The model is a file of its own, linear.json, with coefficients in raw and in
// standardised units.

#include <map>
#include <memory>
#include <string>

#include "steps/api/model.h"

namespace penstock {

inline constexpr char kLinearModelFile[] = "linear.json";

std::unique_ptr<Algorithm> MakeLinearLearner();

// What it computes with: {"blas": "OpenBLAS 0.3.21 … SkylakeX …", "eigen": "3.4.0"}.
std::map<std::string, std::string> LinearAlgebraVersions();

}  // namespace penstock

#endif  // PENSTOCK_STEPS_ALGORITHMS_LINEAR_LEARNER_LINEAR_LEARNER_H_
