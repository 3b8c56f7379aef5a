#ifndef PENSTOCK_STEPS_REGISTRY_H_
#define PENSTOCK_STEPS_REGISTRY_H_

// Everything that is built in: the one place that links all steps and algorithms.

#include "steps/api/model.h"
#include "steps/api/step.h"

namespace penstock {

// Fills both; called once, in main. `algorithms` must outlive `steps`, which refer to it.
void RegisterBuiltInSteps(StepRegistry& steps, AlgorithmRegistry& algorithms);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_REGISTRY_H_
