#ifndef PENSTOCK_STEPS_CATALOG_TASK_H_
#define PENSTOCK_STEPS_CATALOG_TASK_H_

// What models learn, as far as a definition says: for refusing what cannot fit before it runs.

#include <string>
#include <string_view>

#include "base/json.h"

namespace penstock {

// A set of tasks: those that are still possible. Empty: nothing fits.
using LearningTasks = unsigned;
inline constexpr LearningTasks kBinaryTask = 1;
inline constexpr LearningTasks kMulticlassTask = 2;
inline constexpr LearningTasks kRegressionTask = 4;
inline constexpr LearningTasks kClassTasks = kBinaryTask | kMulticlassTask;
inline constexpr LearningTasks kAnyTask = kClassTasks | kRegressionTask;

// "two classes", "more than two classes", "classes", "numbers", "classes or numbers" …
std::string Describe(LearningTasks tasks);

// What `parameters.objective` of the step `key` ("train/xgboost") can learn; kAnyTask where it is
// auto, a reference or unknown.
LearningTasks TasksOfObjective(std::string_view key, const Json& parameters);

// Whose models evaluate measures it on; kAnyTask for a metric that it does not have.
LearningTasks TasksOfMeasure(std::string_view metric);  // evaluate.cc

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_TASK_H_
