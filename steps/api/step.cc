#include "steps/api/step.h"

#include "base/check.h"

namespace penstock {

void StepRegistry::Register(std::string key, std::string version, StepFunction function) {
  const bool added =
      steps_.emplace(std::move(key), Entry{std::move(version), std::move(function)}).second;
  PENSTOCK_CHECK(added);
}

const StepFunction* StepRegistry::Find(std::string_view key) const {
  const auto found = steps_.find(key);
  return found == steps_.end() ? nullptr : &found->second.function;
}

std::vector<std::string> StepRegistry::Announce() const {
  std::vector<std::string> names;
  for (const auto& [key, entry] : steps_) names.push_back(key + "@" + entry.version);
  return names;
}

}  // namespace penstock
