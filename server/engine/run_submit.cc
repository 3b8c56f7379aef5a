// How runs come into memory: submitted, or loaded from their rows.

#include <optional>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/core/bind.h"
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

// The artifact that a parameter or an input names, where it does.
std::optional<Digest> ArtifactIn(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (!text.starts_with("artifact:")) return std::nullopt;
  const Result<Digest> digest = ParseDigest(text.substr(9, text.find('#') - 9));
  if (!digest.ok()) return std::nullopt;  // a string that only looks like one
  return *digest;
}

StepRecord NewStep(const Plan& plan, StepIndex index) {
  const StepSpec& spec = plan.step(index);
  StepRecord step;
  step.index = index;
  step.name = spec.name.value();
  step.type = spec.type;
  step.algorithm = spec.algorithm.empty() ? "" : spec.algorithm + "@" + spec.version;
  step.depends_on = plan.dependencies(index);
  return step;
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
  PENSTOCK_ASSIGN_OR_RETURN(const auto cached,
                            plans_.Get(context_.Read(), command.pipeline, version));
  if (latest == 0) {
    return NotFound("pipeline \"" + command.pipeline.value() +
                        "\" was deleted; register its definition again to run it (penstock apply)",
                    "PIPELINE_NOT_FOUND");
  }
  PENSTOCK_ASSIGN_OR_RETURN(Json parameters,
                            BindParameters(*cached->spec, command.parameters, context_.catalog));
  auto plan = plans_.ForRun(*cached, parameters);
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<Digest> artifacts, NamedArtifacts(parameters, *plan));

  auto run = std::make_unique<LiveRun>();
  RunRecord& record = run->record;
  run->fresh = true;
  run->plan = std::move(plan);
  run->new_artifacts = std::move(artifacts);
  record.row = ++last_row_;
  const std::string ulid = NewUlid(context_.now, context_.random);
  record.id = RunId("run-" + ulid);
  record.name = command.name.empty() ? command.pipeline.value() + "-" + std::to_string(record.row)
                                     : command.name;
  record.pipeline = command.pipeline;
  record.pipeline_version = cached->version;
  record.pipeline_version_id = cached->id;
  record.parameters = std::move(parameters);
  record.tags = command.tags;
  record.principal = command.principal;
  record.created_at = context_.now;
  record.max_parallel_steps = run->plan->max_parallel_steps();
  record.counts.total = run->plan->size();
  record.counts.waiting = run->plan->size();
  for (StepIndex i = 0; i < run->plan->size(); ++i) run->steps.push_back(NewStep(*run->plan, i));
  SubmitRunAnswer answer;
  answer.created = true;
  for (StepIndex i = 0; i < run->plan->size(); ++i) WarnIfHomeless(run->plan->step(i), i, answer);
  LiveRun& live = Adopt(std::move(run));
  if (!command.idempotency_key.empty()) {
    context_.Note(context_.Write().InsertIdempotent(command.principal, command.idempotency_key,
                                                    {request, live.record.id}, context_.now));
  }
  LOG_INFO("run submitted run={} pipeline={}@{} by={}", live.record.id, command.pipeline, version,
           command.principal);
  Start(live);
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
  for (StepIndex i = 0; i < plan.size(); ++i) {
    for (const StepInput& input : plan.step(i).inputs) {
      for (const Json& source : input.sources) {
        PENSTOCK_RETURN_IF_ERROR(
            add(source, "step " + plan.step(i).name.value() + ", input " + input.name));
      }
    }
  }
  return digests;
}

// Resources that no connected worker has are a warning: one may come.
void RunManager::WarnIfHomeless(const StepSpec& step, StepIndex index, SubmitRunAnswer& answer) {
  if (step.control || answer.warnings.size() >= 10) return;
  const std::vector<WorkerView> workers = sessions_.List();
  if (workers.empty()) {
    if (index == 0) {
      answer.warnings.push_back({"", "no worker is connected: the steps wait until one is"});
    }
    return;
  }
  std::string why;
  for (const WorkerView& worker : workers) {
    std::string reason;
    if (CouldRun(worker.info, NeedsOf(step), &reason)) return;
    if (why.empty()) why = "worker " + worker.info.id.value() + " " + reason;
  }
  answer.warnings.push_back(
      {"steps[" + std::to_string(index) + "]",
       "no worker that is connected can run step " + step.name.value() + ": " + why});
}

LiveRun& RunManager::Adopt(std::unique_ptr<LiveRun> owned) {
  LiveRun& run = *owned;
  run.readiness = std::make_unique<Readiness>(run.plan);
  by_id_[run.record.id] = &run;
  placer_.AddRun(run.record.row, run.record.max_parallel_steps);
  runs_.emplace(run.record.row, std::move(owned));
  return run;
}

// --- From rows

Status RunManager::Load() {
  PENSTOCK_ASSIGN_OR_RETURN(last_row_, context_.store().LastRunRow());
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<RunRecord> records, context_.Read().ListLiveRuns());
  for (RunRecord& record : records) PENSTOCK_RETURN_IF_ERROR(LoadRun(std::move(record)));
  std::vector<LiveAttempt*> orphans;
  for (const auto& [token, attempt] : by_token_) orphans.push_back(attempt);
  sessions_.WatchOrphans(orphans);
  if (!runs_.empty()) {
    LOG_INFO("recovered runs={} attempts={} queued={}", runs_.size(), by_token_.size(),
             placer_.queued());
  }
  return Status::Ok();
}

Status RunManager::LoadRun(RunRecord record) {
  const auto cached = plans_.Get(context_.Read(), record.pipeline, record.pipeline_version);
  if (!cached.ok()) return EndUnreadable(std::move(record), cached.status());
  auto owned = std::make_unique<LiveRun>();
  owned->plan = plans_.ForRun(**cached, record.parameters);
  owned->record = std::move(record);
  PENSTOCK_ASSIGN_OR_RETURN(owned->steps, context_.Read().ListSteps(owned->record.row));
  if (static_cast<StepIndex>(owned->steps.size()) != owned->plan->size()) {
    return EndUnreadable(
        std::move(owned->record),
        FailedPrecondition("the run has " + std::to_string(owned->steps.size()) +
                           " steps, and its pipeline makes " + std::to_string(owned->plan->size()) +
                           " of it for this server"));
  }
  LiveRun& run = Adopt(std::move(owned));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<AttemptRecord> attempts,
                            context_.Read().ListLiveAttempts(run.record.row));
  for (AttemptRecord& each : attempts) {
    auto attempt = std::make_unique<LiveAttempt>();
    attempt->run = &run;
    attempt->may_hold = true;
    attempt->record = std::move(each);
    attempt->cancelling = run.record.state == RunState::kCancelling;
    by_token_[attempt->record.token] = attempt.get();
    by_worker_[attempt->record.worker].insert(attempt.get());
    token_changes_.added.emplace_back(
        attempt->record.token,
        AttemptKey{run.record.id, attempt->record.step, attempt->record.number});
    run.attempts[attempt->record.step] = std::move(attempt);
  }
  for (const StepRecord& step : run.steps) {
    if (!IsTerminal(step.state)) continue;
    for (const auto& [name, ref] : step.result.outputs) run.producers[ref.digest] = step.index;
    // The decisions that follow from it were committed with it.
    static_cast<void>(run.readiness->OnEnded(step.index, step.state, step.branch));
  }
  for (const StepRecord& step : run.steps) {
    if (step.state == StepState::kReady) {
      placer_.Enqueue(run.record.row, step.index, NeedsOf(run.plan->step(step.index)));
    } else if (step.state == StepState::kRetryWait) {
      ScheduleRetry(run, step.index);
    }
  }
  placer_.SetActive(run.record.row, run.record.counts.active);
  return Status::Ok();
}

}  // namespace penstock
