#ifndef PENSTOCK_STEPS_PREDICT_PREDICT_H_
#define PENSTOCK_STEPS_PREDICT_PREDICT_H_

// The step `predict`: rows in, predictions out, as many and in the same order.

#include "base/result.h"
#include "steps/api/model.h"
#include "steps/api/step.h"
#include "steps/model_io/score.h"
#include "steps/table/table.h"

namespace penstock {

inline constexpr char kPredictVersion[] = "1";

struct PredictionColumns {
  bool label = true;
  bool probability = true;
  bool probabilities = false;
};

// What predict writes: the kept columns, then `prediction` and, for classifiers, `probability` and
// `probability_CLASS`. Binary: positive where its probability >= `threshold`; multiclass: the
// likeliest class, the first of equals. kInvalidArgument where two columns would have one name.
Result<Table> PredictionTable(const ModelInfo& model, ScoredInput scored, double threshold,
                              const PredictionColumns& columns);

// A StepFunction once `kinds` is bound. Inputs: model, data; output: predictions; metric: rows.
// Errors: those of LoadModel and ScoreInput.
Result<StepOutcome> RunPredict(const ModelKinds& kinds, StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PREDICT_PREDICT_H_
