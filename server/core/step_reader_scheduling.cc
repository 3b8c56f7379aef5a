// What a step says of when its attempts may run: mutex, fence, preemption.

#include "base/text.h"
#include "server/core/step_reader.h"
#include "storage/model/limits.h"

namespace penstock {

std::string_view Name(Fence fence) {
  switch (fence) {
    case Fence::kResult:
      return "result";
    case Fence::kExecution:
      return "execution";
  }
  return {};
}

bool StepSpec::fenced_execution() const {
  if (fence) return *fence == Fence::kExecution;
  return !mutex.is_null() || (type == "script" && JsonBool(parameters, "side_effects"));
}

void StepReader::ReadScheduling(FieldReader& fields, StepSpec& step) {
  for (const char* key : {"mutex", "fence", "preemptible", "checkpointGrace"}) {
    if (!step.control || !fields.Has(key)) continue;
    fields.Get(key);
    fields.Wrong(key, "is for steps that run on a worker; a " + step.type + " step does not");
  }
  if (step.control) return;
  ReadMutex(fields, step);
  ReadFence(fields, step);
  ReadPreemption(fields, step);
}

void StepReader::ReadMutex(FieldReader& fields, StepSpec& step) {
  if (!fields.Has("mutex")) return;
  std::string name;
  fields.String("mutex", name);
  if (name.empty() || name.size() > limits::kMaxMutexBytes) {
    fields.Wrong("mutex",
                 "must be a name of 1 to " + std::to_string(limits::kMaxMutexBytes) + " bytes");
  } else {
    step.mutex = name;
  }
}

void StepReader::ReadFence(FieldReader& fields, StepSpec& step) {
  if (!fields.Has("fence")) return;
  std::string text;
  fields.String("fence", text);
  for (const Fence fence : {Fence::kResult, Fence::kExecution}) {
    if (Name(fence) == text) step.fence = fence;
  }
  if (!step.fence) {
    fields.Wrong("fence", "\"" + TruncateUtf8(text, 40) + "\" is unknown" +
                              Suggestion(text, {"result", "execution"}));
  } else if (step.fence == Fence::kResult && !step.mutex.is_null()) {
    fields.Wrong("fence",
                 "result would let two attempts run under the mutex at a time; take "
                 "`fence` out, or write execution");
  }
}

void StepReader::ReadPreemption(FieldReader& fields, StepSpec& step) {
  fields.Bool("preemptible", step.preemptible);
  if (step.preemptible && step.resources.nodes > 1) {
    fields.Wrong("preemptible", "is for steps on one node: several save no checkpoint together");
  }
  if (!fields.Has("checkpointGrace")) return;
  OptionalDuration(fields, "checkpointGrace", step.checkpoint_grace);
  if (step.checkpoint_grace && *step.checkpoint_grace > Micros(limits::kMaxCheckpointGrace)) {
    fields.Wrong("checkpointGrace",
                 "must be at most " + UnparseDuration(limits::kMaxCheckpointGrace));
  } else if (step.type != "script" || !step.preemptible) {
    fields.Wrong("checkpointGrace", "is for a script that says preemptible: true");
  }
}

}  // namespace penstock
