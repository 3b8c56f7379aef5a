#ifndef PENSTOCK_STEPS_EVALUATE_GIVEN_H_
#define PENSTOCK_STEPS_EVALUATE_GIVEN_H_

// evaluate's input `predictions`: rows that somebody else has scored, with their labels beside them
// or in `data`, in the same order.

#include "base/result.h"
#include "steps/api/step.h"
#include "steps/model_io/model_info.h"
#include "steps/model_io/score.h"

namespace penstock {

// Predictions as if a model had made them: `info` says what it would learn (task, label, classes,
// positive class); its algorithm is empty.
struct GivenPredictions {
  ModelInfo info;
  ScoredInput scored;
};

// Reads the input `predictions` (a file, a folder of files or a dataset) as the parameters and the
// roles in dataset.json say. kInvalidArgument names file, line and column: those of
// ReadPredictions, a label or weight column that is missing, one class alone, a row without a
// label, another number of rows than `data` has; kCancelled.
Result<GivenPredictions> ReadGivenPredictions(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_EVALUATE_GIVEN_H_
