#include "steps/catalog/task.h"

namespace penstock {
namespace {

struct Objectives {
  std::string_view key;
  std::string_view prefix;  // of their names
  LearningTasks tasks;
};

constexpr Objectives kObjectives[] = {
    {"train/xgboost", "binary:", kBinaryTask},
    {"train/xgboost", "multi:", kClassTasks},
    {"train/xgboost", "reg:", kRegressionTask},
    {"train/xgboost", "count:", kRegressionTask},
    {"train/linear-learner", "logistic", kBinaryTask},
    {"train/linear-learner", "multinomial", kClassTasks},
    {"train/linear-learner", "linear", kRegressionTask},
};

}  // namespace

std::string Describe(LearningTasks tasks) {
  const LearningTasks classes = tasks & kClassTasks;
  std::string text = classes == kClassTasks       ? "classes"
                     : classes == kBinaryTask     ? "two classes"
                     : classes == kMulticlassTask ? "more than two classes"
                                                  : "";
  if (tasks & kRegressionTask) text += text.empty() ? "numbers" : " or numbers";
  return text;
}

LearningTasks TasksOfObjective(std::string_view key, const Json& parameters) {
  const std::string objective = JsonString(parameters, "objective");
  for (const Objectives& each : kObjectives) {
    if (each.key == key && objective.starts_with(each.prefix)) return each.tasks;
  }
  return kAnyTask;
}

}  // namespace penstock
