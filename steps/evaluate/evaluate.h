#ifndef PENSTOCK_STEPS_EVALUATE_EVALUATE_H_
#define PENSTOCK_STEPS_EVALUATE_EVALUATE_H_

// The `evaluate` step: a model on data that it has not seen, or predictions that somebody else
// made, judged.
//
// Outputs: `report` (a folder with report.json, in the layout of SageMaker's model-quality reports,
// and a comparison with the champion) and `predictions` (one row for each row of the data, with
// label, prediction and probability).

#include "base/result.h"
#include "steps/api/model.h"
#include "steps/api/step.h"
#include "steps/model_io/score.h"

namespace penstock {

inline constexpr char kEvaluateVersion[] = "2";

// Judges scored rows. The document that becomes report.json, and the scalars of the step's metrics.
struct Evaluation {
  Json report;
  std::map<std::string, double> metrics;
  std::vector<std::string> warnings;
};
// `threshold`: of the positive class, for binary models. What needs probabilities is undefined
// where the predictions have none.
Evaluation Evaluate(const ModelInfo& model, const ScoredInput& scored, double threshold);

// A StepFunction over `kinds`. Inputs: model and data, or predictions; champion. kInvalidArgument:
// data without labels, no rows, those of ReadGivenPredictions; kCancelled.
Result<StepOutcome> RunEvaluate(const ModelKinds& kinds, StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_EVALUATE_EVALUATE_H_
