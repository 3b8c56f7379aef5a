#include "steps/api/model.h"

#include "base/check.h"

namespace penstock {

std::string_view Name(Task task) {
  switch (task) {
    case Task::kBinary:
      return "binary_classification";
    case Task::kMulticlass:
      return "multiclass_classification";
    case Task::kRegression:
      return "regression";
  }
  return {};
}

void AlgorithmRegistry::Register(std::unique_ptr<Algorithm> algorithm) {
  std::string name(algorithm->name());
  PENSTOCK_CHECK(algorithms_.emplace(std::move(name), std::move(algorithm)).second);
}

const Algorithm* AlgorithmRegistry::Find(std::string_view name) const {
  const auto found = algorithms_.find(name);
  return found == algorithms_.end() ? nullptr : found->second.get();
}

std::vector<const Algorithm*> AlgorithmRegistry::All() const {
  std::vector<const Algorithm*> all;
  for (const auto& [name, algorithm] : algorithms_) all.push_back(algorithm.get());
  return all;
}

}  // namespace penstock
