// Maps, pipelines that call pipelines, and onExit: plans that run inside a run.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/core/bind.h"
#include "server/engine/run_manager.h"
#include "server/engine/run_scope.h"

namespace penstock {
namespace {

constexpr std::size_t kFailuresNamed = 3;

std::string NamePrefix(const LiveRun& run, const RunFrame& frame) {
  if (frame.parent < 0) return {};
  const std::string& parent = run.step(frame.parent).name;
  return parent + (frame.item < 0 ? "" : "[" + std::to_string(frame.item) + "]") + ".";
}

}  // namespace

// --- Frames

// `frame` says where it belongs; its steps are those from frame.base on.
RunFrame& RunManager::AddFrame(LiveRun& run, std::shared_ptr<const Plan> plan, RunFrame frame) {
  RunFrame& added = run.frames.emplace_back(std::move(frame));
  added.plan = std::move(plan);
  added.readiness = std::make_unique<Readiness>(added.plan);
  added.open = added.plan->size();
  const auto end = static_cast<std::size_t>(added.base + added.plan->size());
  PENSTOCK_CHECK(run.frame_of.size() == static_cast<std::size_t>(added.base));
  run.frame_of.resize(end, &added);
  return added;
}

void RunManager::AddSteps(LiveRun& run, const RunFrame& frame) {
  const std::string prefix = NamePrefix(run, frame);
  for (StepIndex local = 0; local < frame.plan->size(); ++local) {
    const StepSpec& spec = frame.plan->step(local);
    StepRecord step;
    step.index = frame.base + local;
    step.name = prefix + spec.name.value();
    step.parent = frame.parent;
    step.item = frame.item;
    step.type = spec.type;
    step.algorithm = spec.algorithm.empty() ? "" : spec.algorithm + "@" + spec.version;
    step.depends_on = frame.plan->dependencies(local);
    for (StepIndex& on : step.depends_on) on += frame.base;
    run.steps.push_back(std::move(step));
    if (!run.fresh) MarkStep(run, frame.base + local);
  }
  run.record.counts.total += frame.plan->size();
  run.record.counts.waiting += frame.plan->size();
}

void RunManager::StartFrame(LiveRun& run, RunFrame& frame) {
  frame.started = true;
  for (StepIndex local = 0; local < frame.plan->size(); ++local) {
    if (frame.readiness->decision(local).verdict == Readiness::Verdict::kReady &&
        run.step(frame.base + local).state == StepState::kWaiting) {
      BecomeReady(run, frame.base + local);
    }
  }
}

void RunManager::EndFrame(LiveRun& run, RunFrame& frame) {
  frame.ended = true;
  RunFrame& main = frame.on_exit ? *frame.enclosing : frame;
  if (RunFrame* exit = main.exit; exit != nullptr && main.ended && !exit->ended) {
    if (StopOf(run, exit->base) == nullptr) StartFrame(run, *exit);
    return;
  }
  if (!main.ended || main.parent < 0) return;
  if (main.item >= 0) {
    EndItem(run, main.parent, main);
  } else {
    Finish(run, main.parent, PipelineEnding(run, main.parent, main));
  }
}

// --- Maps

std::optional<RunManager::Ending> RunManager::StartMap(LiveRun& run, StepIndex index) {
  const auto failed = [](const std::string& message) {
    return Ending{StepEvent::kFail, Cause::kBadReference, message};
  };
  const Result<Json> over = Resolve(run.spec(index).over, RunScope(run, run.frame(index)));
  if (!over.ok()) return failed("over: " + over.status().message());
  Result<Json> items = ExpandItems(*over);
  if (!items.ok()) return failed("over " + items.status().message());
  const auto instances = static_cast<std::size_t>(run.frame(index).plan->body(
                             index - run.frame(index).base)->size()) * items->size();
  if (run.steps.size() + instances > static_cast<std::size_t>(limits::kMaxStepInstances)) {
    return failed("its " + std::to_string(items->size()) + " items would make " +
                  std::to_string(run.steps.size() + instances) + " steps of the run; at most " +
                  std::to_string(limits::kMaxStepInstances));
  }
  if (DumpJson(*items).size() > limits::kMaxReportListBytes) {
    return failed("its items are larger than " +
                  FormatSize(static_cast<int64_t>(limits::kMaxReportListBytes)) +
                  "; give names or numbers, and let the steps read the rest");
  }
  run.step(index).expansion =
      Json{{"base", static_cast<StepIndex>(run.steps.size())}, {"items", *std::move(items)}};
  run.new_notes.push_back(index);
  OpenMap(run, index, true);
  StartItems(run, index);
  Expansion& expansion = run.expansions[index];
  if (expansion.frames.empty()) return MapEnding(run, index);
  return std::nullopt;
}

// Makes the frames of a map whose record holds its items; and their steps, unless they have rows.
void RunManager::OpenMap(LiveRun& run, StepIndex index, bool with_steps) {
  RunFrame& around = run.frame(index);
  const std::shared_ptr<const Plan> body = around.plan->body(index - around.base);
  const Json& record = run.step(index).expansion;
  const std::size_t count = JsonMember(record, "items").size();
  auto base = static_cast<StepIndex>(JsonInt(record, "base"));
  Expansion& expansion = run.expansions[index];
  expansion.tolerated = run.spec(index).tolerated.Of(count);
  for (const auto& [name, text] : run.spec(index).outputs) {
    expansion.values[name] = Json::array();
    expansion.values[name].get_ref<Json::array_t&>().resize(count);
  }
  for (std::size_t item = 0; item < count; ++item) {
    RunFrame& frame = AddFrame(run, body,
                            {.base = base,
                             .parent = index,
                             .item = static_cast<int32_t>(item),
                             .enclosing = &around});
    if (with_steps) AddSteps(run, frame);
    expansion.frames.push_back(&frame);
    base += body->size();
  }
}

void RunManager::StartItems(LiveRun& run, StepIndex map) {
  Expansion& expansion = run.expansions[map];
  const int32_t limit = run.spec(map).max_concurrency;
  while (expansion.next < expansion.frames.size() && (limit == 0 || expansion.running < limit)) {
    ++expansion.running;
    StartFrame(run, *expansion.frames[expansion.next++]);
  }
}

void RunManager::EndItem(LiveRun& run, StepIndex map, RunFrame& frame) {
  Expansion& expansion = run.expansions[map];
  ++expansion.ended;
  if (frame.started) --expansion.running;
  const Stop* stop = StopOf(run, frame.base);
  if (run.FailedStep(frame) >= 0) {
    ++expansion.failed;
  } else if (frame.started && stop == nullptr) {
    KeepItemOutputs(run, expansion, frame);
  }
  StepRecord& step = run.step(map);
  step.progress = static_cast<double>(expansion.ended) / static_cast<double>(expansion.frames.size());
  step.progress_note = std::to_string(expansion.ended) + " of " +
                       std::to_string(expansion.frames.size()) + " items";
  if (expansion.failed > 0) step.progress_note += ", " + std::to_string(expansion.failed) + " failed";
  step.expected_end = ExpectedEnd(step.started_at, step.progress, context_.now);
  events_.progress().Set(run.record.id, step);
  MarkStep(run, map);
  if (expansion.ended == static_cast<int32_t>(expansion.frames.size())) {
    Finish(run, map, MapEnding(run, map));
  } else if (stop == nullptr) {
    if (expansion.failed > expansion.tolerated) {
      SkipRest(run, map);
    } else {
      StartItems(run, map);
    }
  }
}

void RunManager::KeepItemOutputs(LiveRun& run, Expansion& expansion, const RunFrame& frame) {
  const RunScope scope(run, frame);
  for (const auto& [name, text] : run.spec(frame.parent).outputs) {
    Result<Json> value = Resolve(text, scope);
    if (!value.ok()) continue;  // absent: a step on the branch that was not taken
    expansion.value_bytes[name] += DumpJson(*value).size();
    if (expansion.value_bytes[name] > limits::kMaxMapOutputBytes) continue;
    expansion.values[name][static_cast<std::size_t>(frame.item)] = *std::move(value);
  }
}

// Too many items failed: those that have not started never will.
void RunManager::SkipRest(LiveRun& run, StepIndex map) {
  Expansion& expansion = run.expansions[map];
  const std::size_t first = std::exchange(expansion.next, expansion.frames.size());
  const std::string why = "too many items of " + run.step(map).name + " failed";
  for (std::size_t item = first; item < expansion.frames.size(); ++item) {
    const RunFrame& frame = *expansion.frames[item];
    for (StepIndex index = frame.base; index < frame.base + frame.plan->size(); ++index) {
      Finish(run, index, {StepEvent::kSkip, Cause::kItemsFailed, why});
    }
  }
}

RunManager::Ending RunManager::MapEnding(LiveRun& run, StepIndex map) {
  Expansion& expansion = run.expansions[map];
  if (StopOf(run, map) != nullptr || DeadlinePassed(run, map)) return StoppedEnding(run, map);
  std::string message;
  if (expansion.failed > 0) {
    message = std::to_string(expansion.failed) + " of " + std::to_string(expansion.frames.size()) +
              " items failed, " + std::to_string(expansion.tolerated) + " may";
    std::size_t named = 0;
    for (const RunFrame* frame : expansion.frames) {
      const StepIndex failed = run.FailedStep(*frame);
      if (failed < 0) continue;
      if (++named > kFailuresNamed) break;
      message += (named == 1 ? ": " : "; ") + run.step(failed).name + ": " + run.step(failed).message;
    }
  }
  if (expansion.failed > expansion.tolerated) {
    return {StepEvent::kFail, Cause::kItemsFailed, std::move(message)};
  }
  for (const auto& [name, bytes] : expansion.value_bytes) {
    if (bytes <= limits::kMaxMapOutputBytes) continue;
    return {StepEvent::kFail, Cause::kBadReference,
            "output " + name + " is larger than " +
                FormatSize(static_cast<int64_t>(limits::kMaxMapOutputBytes)) +
                " over all items; let the items leave artifacts instead"};
  }
  run.step(map).result.values = std::move(expansion.values);
  run.new_results.push_back(map);
  return {StepEvent::kSucceed, Cause::kNone, std::move(message)};
}

// --- Pipelines

std::optional<RunManager::Ending> RunManager::StartPipeline(LiveRun& run, StepIndex index) {
  const auto failed = [](const Status& status) {
    std::string message = status.message();
    for (const Problem& problem : status.problems()) {
      message += "; " + problem.path + ": " + problem.message;
    }
    return Ending{StepEvent::kFail, Cause::kBadReference, std::move(message)};
  };
  const StepSpec& spec = run.spec(index);
  const RunScope scope(run, run.frame(index));
  std::map<std::string, Json> arguments;
  for (const auto& [name, text] : spec.arguments) {
    Result<Json> value = Resolve(text, scope);
    if (!value.ok()) return failed(value.status().WithContext("parameter " + name));
    // What was read from a file already is not read again.
    if (value->is_string()) {
      if (const StepIndex import = scope.FindImport(value->get<std::string>()); import >= 0) {
        const auto& outputs = run.step(import).result.outputs;
        if (const auto data = outputs.find("data"); data != outputs.end()) {
          *value = ArtifactAddress(data->second);
        }
      }
    }
    arguments[name] = *std::move(value);
  }
  int32_t version = spec.pipeline_version;
  if (version == 0) {
    const auto pin = run.record.pins.find("pipeline:" + spec.pipeline);
    PENSTOCK_CHECK(pin != run.record.pins.end());
    version = std::stoi(pin->second);
  }
  const auto cached = VersionFor(run, PipelineName(spec.pipeline), version, index);
  if (!cached.ok()) return failed(cached.status());
  Result<Json> parameters = BindParameters(*(*cached)->spec, arguments, context_.catalog);
  if (!parameters.ok()) return failed(parameters.status());
  const auto plan = plans_.ForRun(**cached, *parameters);
  const auto artifacts = NamedArtifacts(*parameters, *plan);
  if (!artifacts.ok()) return failed(artifacts.status());
  run.new_artifacts.insert(run.new_artifacts.end(), artifacts->begin(), artifacts->end());
  if (run.steps.size() + static_cast<std::size_t>(plan->size()) >
      static_cast<std::size_t>(limits::kMaxStepInstances)) {
    return failed(InvalidArgument("with its steps the run would have more than " +
                                  std::to_string(limits::kMaxStepInstances)));
  }
  run.step(index).expansion = Json{{"base", static_cast<StepIndex>(run.steps.size())},
                                   {"version", version},
                                   {"parameters", *std::move(parameters)}};
  run.new_notes.push_back(index);
  if (const Status status = OpenPipeline(run, index, true); !status.ok()) return failed(status);
  StartFrame(run, *run.expansions[index].frames.front());
  return std::nullopt;
}

Status RunManager::OpenPipeline(LiveRun& run, StepIndex index, bool with_steps) {
  const Json record = run.step(index).expansion;
  PENSTOCK_ASSIGN_OR_RETURN(const auto cached,
                            VersionFor(run, PipelineName(run.spec(index).pipeline),
                                       static_cast<int32_t>(JsonInt(record, "version")), index));
  const Json& parameters = JsonMember(record, "parameters");
  const std::shared_ptr<const Plan> plan = plans_.ForRun(*cached, parameters);
  const auto base = static_cast<StepIndex>(JsonInt(record, "base"));
  Expansion& expansion = run.expansions[index];
  RunFrame& frame =
      AddFrame(run, plan, {.base = base, .parent = index, .parameters = parameters});
  if (with_steps) AddSteps(run, frame);
  expansion.frames.push_back(&frame);
  if (plan->on_exit() == nullptr) return Status::Ok();
  frame.exit = &AddFrame(run, plan->on_exit(),
                         {.base = base + plan->size(),
                          .parent = index,
                          .enclosing = &frame,
                          .on_exit = true});
  if (with_steps) AddSteps(run, *frame.exit);
  expansion.frames.push_back(frame.exit);
  return Status::Ok();
}

RunManager::Ending RunManager::PipelineEnding(LiveRun& run, StepIndex index, const RunFrame& main) {
  if (StopOf(run, index) != nullptr || DeadlinePassed(run, index)) return StoppedEnding(run, index);
  StepIndex failed = run.FailedStep(main);
  if (failed < 0 && main.exit != nullptr) failed = run.FailedStep(*main.exit);
  if (failed >= 0) {
    return {StepEvent::kFail, Cause::kPipelineFailed,
            "step " + run.step(failed).name + ": " + run.step(failed).message};
  }
  const RunScope scope(run, main);
  StepRecord& step = run.step(index);
  for (const auto& [name, text] : main.plan->outputs()) {
    Result<Json> value = Resolve(text, scope);
    // Absent: made on a branch that was not taken; "??" of the caller sees that.
    if (value.ok()) step.result.values[name] = *std::move(value);
  }
  run.new_results.push_back(index);
  return {StepEvent::kSucceed, Cause::kNone, ""};
}

// --- From rows

// Makes the frames inside the steps that had started, in the order in which they were made.
Status RunManager::RestoreExpansions(LiveRun& run) {
  std::map<StepIndex, StepIndex> by_base;
  for (const StepRecord& step : run.steps) {
    if (step.expansion.is_null()) continue;
    // A map without items has no steps: its base is the next one's.
    if (step.expansion.contains("items") && step.expansion["items"].empty()) {
      if (!IsTerminal(step.state)) run.expansions[step.index];
      continue;
    }
    by_base[static_cast<StepIndex>(JsonInt(step.expansion, "base"))] = step.index;
  }
  for (const auto& [base, index] : by_base) {
    if (static_cast<StepIndex>(run.frame_of.size()) != base) {
      return FailedPrecondition("what is inside step " + run.step(index).name +
                                " is not what its pipeline makes of it for this server");
    }
    if (run.spec(index).type == "map") {
      OpenMap(run, index, false);
    } else {
      PENSTOCK_RETURN_IF_ERROR(OpenPipeline(run, index, false));
    }
  }
  if (run.frame_of.size() != run.steps.size()) {
    return FailedPrecondition("the run has " + std::to_string(run.steps.size()) +
                              " steps, and its pipeline makes " +
                              std::to_string(run.frame_of.size()) + " of it for this server");
  }
  return Status::Ok();
}

// What the frames' steps say of the frames: which have started and ended, and what items gave.
void RunManager::RestoreFrames(LiveRun& run) {
  for (RunFrame& frame : run.frames) {
    const StepRecord& first = run.step(frame.base);
    const bool left_out =
        first.state == StepState::kSkipped && first.cause == Cause::kItemsFailed;
    for (StepIndex local = 0; local < frame.plan->size(); ++local) {
      const StepRecord& step = run.step(frame.base + local);
      frame.started = frame.started || (step.state != StepState::kWaiting && !left_out);
      if (!IsTerminal(step.state)) continue;
      --frame.open;
      // The decisions that follow from it were committed with it.
      static_cast<void>(frame.readiness->OnEnded(local, step.state, step.branch));
    }
    frame.ended = frame.open == 0;
  }
  for (auto& [index, expansion] : run.expansions) {
    if (IsTerminal(run.step(index).state)) continue;
    for (const RunFrame* frame : expansion.frames) {
      if (frame->item < 0) continue;
      if (frame->started) ++expansion.next;
      if (frame->started && !frame->ended) ++expansion.running;
      if (!frame->ended) continue;
      ++expansion.ended;
      if (run.FailedStep(*frame) >= 0) {
        ++expansion.failed;
      } else if (frame->started) {
        KeepItemOutputs(run, expansion, *frame);
      }
    }
    if (expansion.failed > expansion.tolerated) expansion.next = expansion.frames.size();
  }
}

}  // namespace penstock
