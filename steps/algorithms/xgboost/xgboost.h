#ifndef PENSTOCK_STEPS_ALGORITHMS_XGBOOST_XGBOOST_H_
#define PENSTOCK_STEPS_ALGORITHMS_XGBOOST_XGBOOST_H_

// Gradient-boosted trees by XGBoost: T. Chen and C. Guestrin, "XGBoost: A Scalable Tree Boosting
// System", KDD 2016.
//
// Training is O(rounds × depth × stored values); stored values leave out the zeros of one-hot
// columns. The model is a file in XGBoost's own format, model.ubj, which any XGBoost of version 1.6
// or later reads; the same data, hyperparameters and seed give the same bytes, whatever the number
// of threads.

#include <memory>

#include "steps/api/model.h"

namespace penstock {

inline constexpr char kXgboostModelFile[] = "model.ubj";

std::unique_ptr<Algorithm> MakeXgboost();

}  // namespace penstock

#endif  // PENSTOCK_STEPS_ALGORITHMS_XGBOOST_XGBOOST_H_
