#include "server/rpc/run_view.h"

#include "base/text.h"
#include "server/rpc/convert.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// What surrounds the run in an answer is small.
constexpr std::size_t kMaxRunBytes = limits::kMaxMessageBytes - (1 << 20);
constexpr std::size_t kShortestCut = 128;

}  // namespace

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
  FitIntoMessage(*out);
}

void FitIntoMessage(v1::Run& run) {
  std::size_t longest = limits::kMaxErrorMessageBytes;
  while (longest > kShortestCut && run.ByteSizeLong() > kMaxRunBytes) {
    longest /= 2;
    for (v1::Step& step : *run.mutable_steps()) {
      if (step.message().size() <= longest) continue;
      step.set_message(TruncateUtf8(step.message(), longest - 3) + "…");
    }
  }
}

Result<StepIndex> FindStep(const std::vector<StepRecord>& steps, const std::string& name,
                           const RunRecord& run) {
  std::vector<std::string> names;
  for (const StepRecord& step : steps) {
    if (step.name == name) return step.index;
    names.push_back(step.name);
  }
  return NotFound("run " + run.id.value() + " has no step \"" + TruncateUtf8(name, 80) + "\"" +
                  Suggestion(TruncateUtf8(name, 80), names));
}

}  // namespace penstock
