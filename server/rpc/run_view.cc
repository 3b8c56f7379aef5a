#include "server/rpc/run_view.h"

#include "base/text.h"
#include "server/rpc/convert.h"

namespace penstock {

Result<std::shared_ptr<const PipelineSpec>> PipelineSpecs::Get(MetadataReader& reader,
                                                               const PipelineName& name,
                                                               int32_t version) {
  MutexLock lock(mutex_);
  PENSTOCK_ASSIGN_OR_RETURN(const auto found, plans_.Get(reader, name, version));
  return found->spec;
}

void RunToProto(const RunRecord& run, const std::vector<StepRecord>& steps, v1::Run* out) {
  ToProto(run, out);
  std::vector<std::string> names;
  names.reserve(steps.size());
  for (const StepRecord& step : steps) names.push_back(step.name);
  for (const StepRecord& step : steps) ToProto(step, names, out->add_steps());
}

Result<StepIndex> FindStep(const std::vector<StepRecord>& steps, const std::string& name,
                           const RunRecord& run) {
  std::vector<std::string> names;
  for (const StepRecord& step : steps) {
    if (step.name == name) return step.index;
    names.push_back(step.name);
  }
  return NotFound("run " + run.id.value() + " has no step \"" + name.substr(0, 80) + "\"" +
                  Suggestion(name.substr(0, 80), names));
}

}  // namespace penstock
