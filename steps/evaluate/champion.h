#ifndef PENSTOCK_STEPS_EVALUATE_CHAMPION_H_
#define PENSTOCK_STEPS_EVALUATE_CHAMPION_H_

// The model that is judged against the one that is in use: `evaluate`'s input `champion`.

#include "steps/evaluate/evaluate.h"

namespace penstock {

// Scores the rows of the input `data` with the champion, where one is bound, and adds what comes of
// the comparison to the evaluation: report.comparison, and the metrics delta, ci_low, ci_high and
// p. Without a champion, report.comparison says "none" and those values are absent.
// kInvalidArgument: there are no data, the champion learned something else than `model`, or cannot
// read them; kCancelled.
Status CompareWithChampion(const ModelKinds& kinds, const ModelInfo& model,
                           const ScoredInput& scored, StepContext& context, Evaluation& evaluation);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_EVALUATE_CHAMPION_H_
