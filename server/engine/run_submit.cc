// How runs come into memory: submitted, or loaded from their rows.

#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/core/bind.h"
#include "server/core/calls.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

// What was asked, without the key: the same key with another request is a mistake.
Digest RequestDigest(const SubmitRunCommand& command) {
  Json json{{"pipeline", command.pipeline.value()},
            {"version", command.version},
            {"parameters", command.parameters},
            {"name", command.name},
            {"tags", command.tags}};
  if (!command.origin.run.empty()) {
    json["origin"] = {command.origin.run.value(), command.origin.again};
  }
  if (command.no_cache) json["no_cache"] = true;
  if (!command.no_cache_steps.empty()) json["no_cache_steps"] = command.no_cache_steps;
  if (command.origin.afresh) json["afresh"] = command.origin.verify ? "verify" : "true";
  if (!command.overrides.empty()) json["overrides"] = command.overrides;
  if (!command.group.empty()) json["group"] = {command.group, command.group_limit};
  if (!command.queue.empty()) json["queue"] = command.queue;
  if (command.priority) json["priority"] = *command.priority;
  return Sha256(DumpJson(json));
}

Status CheckTags(const std::map<std::string, std::string>& tags) {
  if (tags.size() > static_cast<std::size_t>(limits::kMaxTagsPerRun)) {
    return InvalidArgument("a run has at most " + std::to_string(limits::kMaxTagsPerRun) + " tags");
  }
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > limits::kMaxTagBytes || value.size() > limits::kMaxTagBytes) {
      return InvalidArgument("tag \"" + TruncateUtf8(key, 40) + "\": key and value have 1 to " +
                             std::to_string(limits::kMaxTagBytes) + " bytes");
    }
  }
  return Status::Ok();
}

constexpr std::size_t kMaxWarnings = 10;

// What is said before and after the name of a step with these needs, where too few workers could
// run it.
std::optional<std::pair<std::string, std::string>> WhyHomeless(
    const Needs& needs, const std::vector<const WorkerInfo*>& workers) {
  int32_t able = 0;
  std::string why;
  for (const WorkerInfo* worker : workers) {
    std::string reason;
    if (CouldRun(*worker, needs, &reason)) ++able;
    if (able >= needs.nodes) return std::nullopt;
    if (why.empty() && !reason.empty()) why = ": worker " + worker->id.value() + " " + reason;
  }
  const std::string who = able == 0 ? "no worker that is connected can run step "
                                    : "only " + std::to_string(able) + " of the " +
                                          std::to_string(needs.nodes) +
                                          " workers that it needs at once can run step ";
  return std::make_pair(who, why);
}

// The artifact that a parameter or an input names, where it does.
std::optional<Digest> ArtifactIn(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (!text.starts_with("artifact:")) return std::nullopt;
  const Result<Digest> digest = ParseDigest(text.substr(9, text.find('#') - 9));
  if (!digest.ok()) return std::nullopt;  // a string that only looks like one
  return *digest;
}

}  // namespace

Result<SubmitRunAnswer> RunManager::Submit(const SubmitRunCommand& command) {
  const Digest request = RequestDigest(command);
  if (!command.idempotency_key.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto known, context_.store().FindIdempotent(
                                                    command.principal, command.idempotency_key));
    if (known) {
      if (known->request != request) {
        return AlreadyExists("the idempotency key was used for another request",
                             "IDEMPOTENCY_CONFLICT");
      }
      SubmitRunAnswer answer;
      const auto live = by_id_.find(known->run);
      if (live != by_id_.end()) {
        answer.run = live->second->record;
      } else {
        PENSTOCK_ASSIGN_OR_RETURN(answer.run, context_.Read().FindRun(known->run.value()));
      }
      return answer;
    }
  }
  PENSTOCK_RETURN_IF_ERROR(CheckTags(command.tags));
  PENSTOCK_ASSIGN_OR_RETURN(const int32_t latest,
                            context_.store().LatestPipelineVersion(command.pipeline));
  const int32_t version = command.version == 0 ? latest : command.version;
  PENSTOCK_ASSIGN_OR_RETURN(const auto stored,
                            plans_.Get(context_.Read(), command.pipeline, version));
  if (latest == 0) {
    return NotFound("pipeline \"" + command.pipeline.value() +
                        "\" was deleted; register its definition again to run it (penstock apply)",
                    "PIPELINE_NOT_FOUND");
  }
  PENSTOCK_ASSIGN_OR_RETURN(Json parameters,
                            BindParameters(*stored->spec, command.parameters, context_.catalog));
  auto run = std::make_unique<LiveRun>();
  PENSTOCK_ASSIGN_OR_RETURN(const auto cached, PrepareRerun(*run, command, stored));
  auto plan = plans_.ForRun(*cached, parameters);
  PENSTOCK_RETURN_IF_ERROR(CheckActiveRuns(command.pipeline, *plan));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<Digest> artifacts, NamedArtifacts(parameters, *plan));

  RunRecord& record = run->record;
  run->fresh = true;
  run->new_artifacts.insert(run->new_artifacts.end(), artifacts.begin(), artifacts.end());
  record.row = last_row_ + 1;
  record.id = RunId("run-" + NewUlid(context_.now, context_.random));
  record.name = command.name.empty() ? command.pipeline.value() + "-" + std::to_string(record.row)
                                     : command.name;
  record.pipeline = command.pipeline;
  record.pipeline_version = cached->version;
  record.pipeline_version_id = cached->id;
  record.tags = command.tags;
  record.principal = command.principal;
  record.created_at = context_.now;
  record.group = command.group;
  record.group_limit = command.group_limit;
  record.no_cache = command.no_cache;
  record.no_cache_steps = command.no_cache_steps;
  PENSTOCK_RETURN_IF_ERROR(ChooseQueue(command, *cached->spec, record));
  PENSTOCK_RETURN_IF_ERROR(PinModels(*cached->spec, parameters, *run));
  PENSTOCK_RETURN_IF_ERROR(CheckSecrets(*cached->spec, parameters, record));
  record.parameters = std::move(parameters);
  OpenRun(*run, std::move(plan));
  AddSteps(*run, run->frames.front());
  if (const RunFrame* exit = run->frames.front().exit; exit != nullptr) AddSteps(*run, *exit);
  PENSTOCK_RETURN_IF_ERROR(CheckMutexes(*run));
  PENSTOCK_RETURN_IF_ERROR(LoadOrigin(*run));
  last_row_ = record.row;
  SubmitRunAnswer answer;
  answer.created = true;
  WarnOfHomeless(*run->frames.front().plan, answer);
  LiveRun& live = Adopt(std::move(run));
  if (!command.idempotency_key.empty()) {
    context_.Note(context_.Write().InsertIdempotent(command.principal, command.idempotency_key,
                                                    {request, live.record.id}, context_.now));
  }
  LOG_INFO("run submitted run={} pipeline={}@{} by={}", live.record.id, command.pipeline, version,
           command.principal);
  BeginOrWait(live, answer);
  answer.run = AsCommitted(live);
  return answer;
}

Result<std::vector<Digest>> RunManager::NamedArtifacts(const Json& parameters, const Plan& plan) {
  std::vector<Digest> digests;
  std::unordered_set<Digest> seen;
  const auto add = [&](const Json& value, const std::string& where) -> Status {
    const std::optional<Digest> digest = ArtifactIn(value);
    if (!digest || !seen.insert(*digest).second) return Status::Ok();
    digests.push_back(*digest);
    return context_.Read().GetArtifact(*digest).status().WithContext(where);
  };
  for (const auto& [name, value] : parameters.items()) {
    PENSTOCK_RETURN_IF_ERROR(add(value, "parameter " + name));
  }
  const std::function<Status(const Plan&)> add_inputs = [&](const Plan& of) -> Status {
    for (StepIndex i = 0; i < of.size(); ++i) {
      for (const StepInput& input : of.step(i).inputs) {
        for (const Json& source : input.sources) {
          PENSTOCK_RETURN_IF_ERROR(
              add(source, "step " + of.step(i).name.value() + ", input " + input.name));
        }
      }
      if (const auto body = of.body(i)) PENSTOCK_RETURN_IF_ERROR(add_inputs(*body));
    }
    return of.on_exit() ? add_inputs(*of.on_exit()) : Status::Ok();
  };
  PENSTOCK_RETURN_IF_ERROR(add_inputs(plan));
  return digests;
}

// What can be judged before the run begins: not the steps of a map, whose items are not known yet.
Status RunManager::CheckMutexes(const LiveRun& run) {
  for (const StepRecord& step : run.steps) {
    PENSTOCK_RETURN_IF_ERROR(MutexOf(run, step.index).status().WithContext("step " + step.name));
  }
  return Status::Ok();
}

Status RunManager::PinCalls(const PipelineSpec& spec, std::map<std::string, std::string>& pins) {
  const FindPipeline find =
      [this](const std::string& name,
             int32_t* version) -> Result<std::shared_ptr<const PipelineSpec>> {
    const PipelineName pipeline(name);
    if (*version == 0) {
      PENSTOCK_ASSIGN_OR_RETURN(*version, context_.store().LatestPipelineVersion(pipeline));
    }
    PENSTOCK_ASSIGN_OR_RETURN(const auto found, plans_.Get(context_.Read(), pipeline, *version));
    return found->spec;
  };
  return CheckCalls(spec, find, pins);
}

void RunManager::RestoreStop(LiveRun& run) {
  const RunFrame& own = run.frames.front();
  if (run.record.state == RunState::kCancelling) {
    run.stop = {Cause::kCancelled, "the run was cancelled"};
    run.stop_exit = run.record.cancel_now;
  } else if (const StepIndex failed = run.FailedStep(own); failed >= 0 && own.plan->fail_fast()) {
    run.stop = FailFast(run.step(failed));
  }
}

// The frames of the run's own steps, and of those that run on exit.
void RunManager::OpenRun(LiveRun& run, std::shared_ptr<const Plan> plan) {
  run.record.max_parallel_steps = plan->max_parallel_steps();
  RunFrame& own = AddFrame(run, plan, {.parameters = run.record.parameters});
  if (plan->on_exit() == nullptr) return;
  own.exit = &AddFrame(run, plan->on_exit(),
                       {.base = plan->size(), .enclosing = &own, .on_exit = true});
}

// Resources that no connected worker has are a warning: one may come.
// A large run has thousands of steps and few kinds of needs, and there may be hundreds of workers:
// each kind is held against them once.
void RunManager::WarnOfHomeless(const Plan& plan, SubmitRunAnswer& answer) {
  const std::vector<const WorkerInfo*> workers = sessions_.Infos();
  std::map<Needs, std::optional<std::pair<std::string, std::string>>> problems;
  for (StepIndex i = 0; i < plan.size() && answer.warnings.size() < kMaxWarnings; ++i) {
    const StepSpec& step = plan.step(i);
    if (step.control) continue;
    if (workers.empty()) {
      answer.warnings.push_back({"", "no worker is connected: the steps wait until one is"});
      return;
    }
    const Needs needs = NeedsOf(step);
    const auto [problem, fresh] = problems.try_emplace(needs);
    if (fresh) problem->second = WhyHomeless(needs, workers);
    if (!problem->second) continue;
    const auto& [before, after] = *problem->second;
    answer.warnings.push_back(
        {"steps[" + std::to_string(i) + "]", before + step.name.value() + after});
  }
}

LiveRun& RunManager::Adopt(std::unique_ptr<LiveRun> owned) {
  LiveRun& run = *owned;
  by_id_[run.record.id] = &run;
  placer_.AddRun(run.record.row, run.record.max_parallel_steps, run.record.queue,
                 run.record.priority);
  runs_.emplace(run.record.row, std::move(owned));
  return run;
}

// --- From rows

Status RunManager::Load() {
  PENSTOCK_ASSIGN_OR_RETURN(last_row_, context_.store().LastRunRow());
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<RunRecord> records, context_.Read().ListLiveRuns());
  for (RunRecord& record : records) PENSTOCK_RETURN_IF_ERROR(LoadRun(std::move(record)));
  std::vector<LiveAttempt*> orphans;
  std::vector<AttemptToken> foreign;
  for (const auto& [token, attempt] : by_token_) {
    if (OfThisTimeline(token)) {
      orphans.push_back(attempt);
    } else {
      foreign.push_back(token);
    }
  }
  sessions_.WatchOrphans(orphans);
  // Whatever their workers say of them happened, if it did, after the backup.
  for (const AttemptToken& token : foreign) {
    LiveAttempt* attempt = FindAttempt(token);
    if (attempt == nullptr) continue;
    OnLost(*attempt, Cause::kWorkerLost, "the coordinator was restored from a backup");
  }
  admit_due_ = true;  // the configuration may allow more than it did
  if (!runs_.empty()) {
    LOG_INFO("recovered runs={} attempts={} queued={}", runs_.size(), by_token_.size(),
             placer_.queued());
  }
  return Status::Ok();
}

// Whether the attempt was leased since the database was made or restored.
bool RunManager::OfThisTimeline(const AttemptToken& token) const {
  return token.value().ends_with("." + context_.store().incarnation());
}

Status RunManager::LoadRun(RunRecord record) {
  auto owned = std::make_unique<LiveRun>();
  owned->record = std::move(record);
  const auto cached = VersionFor(*owned, owned->record.pipeline, owned->record.pipeline_version);
  if (!cached.ok()) return EndUnreadable(std::move(owned->record), cached.status());
  OpenRun(*owned, plans_.ForRun(**cached, owned->record.parameters));
  PENSTOCK_ASSIGN_OR_RETURN(owned->steps, context_.Read().ListSteps(owned->record.row));
  owned->stored = static_cast<StepIndex>(owned->steps.size());
  if (const Status status = RestoreExpansions(*owned); !status.ok()) {
    return EndUnreadable(std::move(owned->record), status);
  }
  RestoreFrames(*owned);
  PENSTOCK_RETURN_IF_ERROR(LoadOrigin(*owned));
  LiveRun& run = Adopt(std::move(owned));
  if (run.record.state == RunState::kPending) {
    Await(run);
    return Status::Ok();
  }
  NoteBegun(run.record);
  RestoreStop(run);
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<AttemptRecord> attempts,
                            context_.Read().ListLiveAttempts(run.record.row));
  for (AttemptRecord& each : attempts) {
    auto attempt = std::make_unique<LiveAttempt>();
    attempt->run = &run;
    attempt->may_hold = true;
    attempt->record = std::move(each);
    const StepIndex step = attempt->record.step;
    attempt->cancelling = IsStopping(run, step);
    by_token_[attempt->record.token] = attempt.get();
    by_worker_[attempt->record.worker].insert(attempt.get());
    if (OfThisTimeline(attempt->record.token)) {
      token_changes_.added.emplace_back(attempt->record.token,
                                        AttemptKey{run.record.id, attempt->record.step,
                                                   attempt->record.number, attempt->record.rank});
    }
    if (run.spec(step).resources.nodes > 1) {
      AddRank(run, std::move(attempt));
      continue;
    }
    placer_.Occupy(run.record.row, step, NeedsOf(run.spec(step)),
                   MutexOf(run, step).value_or(""));
    run.attempts[step] = std::move(attempt);
  }
  PENSTOCK_RETURN_IF_ERROR(RestoreGangs(run));
  for (const StepRecord& step : run.steps) {
    for (const auto& [name, ref] : step.result.outputs) NoteProducer(run, ref.digest, step.index);
    if (!step.worker.empty()) NotePlaces(step.result, WorkerId(step.worker));
    const bool control = run.spec(step.index).control;
    if (step.state == StepState::kReady) {
      Enqueue(run, step.index);
    } else if (step.state == StepState::kRetryWait) {
      ScheduleRetry(run, step.index);
    } else if (step.state == StepState::kRunning && (step.type == "approval" || step.type == "wait")) {
      WatchControl(run, step.index);
    }
    if (!control && (step.state == StepState::kLeased || step.state == StepState::kRunning)) {
      ++run.on_workers;
    }
  }
  WatchDeadlines(run);
  placer_.SetActive(run.record.row, run.on_workers);
  return Status::Ok();
}

}  // namespace penstock
