#ifndef PENSTOCK_STEPS_TRAIN_TRAIN_H_
#define PENSTOCK_STEPS_TRAIN_TRAIN_H_

// The step `train`, whatever the algorithm: datasets in, a model tree out.
//
// Inputs: train (a dataset with a label), validation (optional; through the same transform, with
// the same classes). Output: model. The model tree holds the transform of its training data, so
// that it predicts from raw rows. The same inputs and hyperparameters give the same bytes.

#include "base/result.h"
#include "steps/api/model.h"
#include "steps/api/step.h"

namespace penstock {

// A StepFunction once `algorithm` is bound. Metrics: the algorithm's own, rows, features.
// kInvalidArgument: no label, text features, datasets that do not fit each other, hyperparameters
// that do not fit the label; kCancelled.
Result<StepOutcome> RunTrain(const Algorithm& algorithm, StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TRAIN_TRAIN_H_
