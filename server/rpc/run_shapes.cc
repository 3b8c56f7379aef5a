#include "server/rpc/run_shapes.h"

#include "base/log.h"
#include "base/text.h"
#include "server/rpc/convert.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// What surrounds the run in an answer is small.
constexpr std::size_t kMaxRunBytes = limits::kMaxMessageBytes - (1 << 20);
constexpr std::size_t kShortestCut = 128;

}  // namespace

std::shared_ptr<const RunShape> RunShapes::Of(MetadataReader& reader, const RunRecord& run) {
  std::shared_ptr<const Plan> plan;
  {
    MutexLock lock(mutex_);
    const auto version = plans_.Get(reader, run.pipeline, run.pipeline_version);
    if (!version.ok()) {
      LOG_WARN("cannot show what depends on what run={} why=\"{}\"", run.id, version.status());
      return nullptr;
    }
    plan = plans_.ForRun(**version, run.parameters);
  }
  auto shape = std::make_shared<RunShape>();
  shape->depends_on.reserve(static_cast<std::size_t>(plan->size()));
  for (StepIndex i = 0; i < plan->size(); ++i) shape->depends_on.push_back(plan->dependencies(i));
  return shape;
}

Result<std::shared_ptr<const PipelineSpec>> RunShapes::SpecOf(MetadataReader& reader,
                                                              const PipelineName& name,
                                                              int32_t version) {
  MutexLock lock(mutex_);
  PENSTOCK_ASSIGN_OR_RETURN(const auto found, plans_.Get(reader, name, version));
  return found->spec;
}

void RunToProto(const RunRecord& run, const std::vector<StepRecord>& steps, const RunShape* shape,
                v1::Run* out) {
  ToProto(run, out);
  std::vector<std::string> names;
  names.reserve(steps.size());
  for (const StepRecord& step : steps) names.push_back(step.name);
  for (const StepRecord& step : steps) {
    v1::Step* added = out->add_steps();
    ToProto(step, names, added);
    const auto index = static_cast<std::size_t>(step.index);
    if (shape == nullptr || index >= shape->depends_on.size() || added->depends_on_size() > 0) {
      continue;
    }
    for (const StepIndex on : shape->depends_on[index]) {
      if (static_cast<std::size_t>(on) < names.size()) {
        added->add_depends_on(names[static_cast<std::size_t>(on)]);
      }
    }
  }
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
