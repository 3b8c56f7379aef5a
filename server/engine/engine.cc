#include "server/engine/engine.h"

#include <cstdlib>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "server/engine/engine_state.h"

namespace penstock {
namespace {

constexpr std::chrono::seconds kProbeInterval{1};
constexpr std::chrono::hours kSweepInterval{1};

Status ReadOnly() {
  return ResourceExhausted(
      "the coordinator's disk is full: it serves reads alone until there is room again; free some "
      "space and try again",
      "READ_ONLY");
}

Status Stopping() {
  return Unavailable("the coordinator is stopping; try again", "STOPPING");
}

}  // namespace

Engine::Engine(Deps deps) : deps_(std::move(deps)) {}

Engine::~Engine() {
  Stop();
}

Status Engine::Recover() {
  state_ = std::make_unique<EngineState>(deps_, metrics_, events_);
  EngineState& state = *state_;
  state.context.now = deps_.clock->Now();
  state.context.tick = deps_.clock->Ticks();
  state.placer.Advance(state.context.tick);
  PENSTOCK_RETURN_IF_ERROR(state.sessions.Load().WithContext("loading what was said of workers"));
  PENSTOCK_RETURN_IF_ERROR(state.runs.Load().WithContext("loading the runs that have not ended"));
  PENSTOCK_RETURN_IF_ERROR(CommitRecovered());
  {
    MutexLock lock(live_mutex_);
    live_.clear();
    for (auto& [token, attempt] : state.runs.TakeTokenChanges().added) live_[token] = attempt;
  }
  SetSweep();
  state.collection.Start();
  ready_ = true;
  return Status::Ok();
}

// Runs that could not be loaded have ended. Where the disk has no room for that, they stay as they
// are until it has: the next Recover tries again.
Status Engine::CommitRecovered() {
  EngineContext& context = state_->context;
  Status outcome = context.error();
  if (context.open() && outcome.ok()) outcome = context.store().Commit();
  if (context.open() && !outcome.ok()) context.store().Rollback();
  context.Reset();
  for (const auto& action : context.TakeActions()) action(outcome);
  if (outcome.reason() != "DISK_FULL") return outcome;
  read_only_ = true;
  return Status::Ok();
}

void Engine::SetSweep() {
  EngineState& state = *state_;
  state.timers.At(state.context.tick + kSweepInterval, [this] {
    if (!read_only_) state_->registry.Sweep();
    SetSweep();
  });
}

void Engine::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Engine::Stop() {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  ready_ = false;
  if (state_) state_->sessions.EndAll(Stopping());
}

void Engine::Loop() {
  while (true) {
    const Tick next = Turn();
    MutexLock lock(mutex_);
    while (queue_.empty() && !stopping_) {
      const Micros wait = next - deps_.clock->Ticks();
      if (wait.count() <= 0) break;
      if (next.micros == INT64_MAX) {
        wake_.Wait(mutex_);
      } else {
        wake_.WaitFor(mutex_, wait);
      }
    }
    if (stopping_ && queue_.empty()) return;
  }
}

void Engine::Post(Command command, const std::function<void(const Status&)>& refuse) {
  Status refusal;
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      refusal = Stopping();
    } else if (queue_.size() >= limits::kMaxQueuedCommands) {
      refusal = ResourceExhausted("the coordinator has too much to do; try again", "OVERLOADED");
    } else {
      queue_.push_back(std::move(command));
      if (queue_.size() == 1) {
        queued_since_ = deps_.clock->Ticks();
        wake_.NotifyOne();
      }
    }
  }
  if (!refusal.ok()) {
    ++metrics_.refused_commands;
    refuse(refusal);
  }
}

Tick Engine::Turn() {
  std::vector<Command> commands;
  {
    MutexLock lock(mutex_);
    commands.swap(queue_);
  }
  if (read_only_) ProbeDisk();
  EngineState& state = *state_;
  EngineContext& context = state.context;
  const Tick begin = deps_.clock->Ticks();
  context.now = deps_.clock->Now();
  context.tick = begin;
  state.placer.Advance(context.tick);
  for (Command& command : commands) command(state);
  metrics_.commands += static_cast<int64_t>(commands.size());
  // While read-only, nothing moves: only what needs no rows is answered.
  if (!read_only_) {
    state.timers.RunDue(context.tick);
    state.runs.PlaceReady();
    state.runs.Flush();
    state.collection.RunBatches();
  }
  Finish();
  const int64_t took = (deps_.clock->Ticks() - begin).count();
  ++metrics_.turns;
  metrics_.turn_micros += took;
  if (took > metrics_.longest_turn_micros) metrics_.longest_turn_micros = took;
  return read_only_ ? next_probe_ : state_->timers.next_due();
}

// Commits what the turn wrote, then publishes, answers and delivers; or takes it all back.
void Engine::Finish() {
  EngineState& state = *state_;
  EngineContext& context = state.context;
  Status outcome = context.error();
  if (context.open() && outcome.ok()) {
    PENSTOCK_FAULT_POINT("engine.before_commit");
    const Tick begin = deps_.clock->Ticks();
    outcome = context.store().Commit();
    ++metrics_.commits;
    metrics_.commit_micros += (deps_.clock->Ticks() - begin).count();
    PENSTOCK_FAULT_POINT("engine.after_commit");
  }
  std::vector<std::function<void(const Status&)>> actions = context.TakeActions();
  if (!outcome.ok()) {
    ++metrics_.commit_failures;
    if (context.open()) context.store().Rollback();
    Rebuild(outcome);
    for (const auto& action : actions) action(outcome);
    return;
  }
  context.Reset();
  PublishTokens();
  if (!read_only_) state.runs.Publish();
  for (const auto& action : actions) action(Status::Ok());
  PENSTOCK_FAULT_POINT("engine.answered");
  state.sessions.Deliver();
}

void Engine::PublishTokens() {
  RunManager::TokenChanges changes = state_->runs.TakeTokenChanges();
  if (changes.added.empty() && changes.removed.empty()) return;
  MutexLock lock(live_mutex_);
  for (auto& [token, attempt] : changes.added) live_[token] = std::move(attempt);
  for (const AttemptToken& token : changes.removed) live_.erase(token);
}

// The turn could not be made durable: what memory holds is not true. An I/O error ends the process
// (what the disk holds is unknown, and a restart is safe); anything else rebuilds the state.
void Engine::Rebuild(const Status& failure) {
  LOG_ERROR("commit failed, the state is rebuilt from the database: {}", failure);
  if (failure.code() == StatusCode::kDataLoss) {
    LOG_ERROR("the database cannot be trusted to write any more; the coordinator stops");
    EndProcess();
  }
  if (failure.reason() == "DISK_FULL") read_only_ = true;
  state_->sessions.EndAll(Unavailable("the coordinator rebuilt its state; try again", "REBUILT"));
  if (const Status status = Recover(); !status.ok()) {
    LOG_ERROR("the state could not be rebuilt, the coordinator stops: {}", status);
    EndProcess();
  }
}

void Engine::EndProcess() {
  if (deps_.end_process) deps_.end_process();
  std::_Exit(EXIT_FAILURE);
}

// Writes and commits a row: the same files and the same path as any other commit.
void Engine::ProbeDisk() {
  const Tick now = deps_.clock->Ticks();
  if (now < next_probe_) return;
  next_probe_ = now + kProbeInterval;
  MetadataStore& store = *deps_.store;
  Status status = store.Begin();
  if (status.ok()) status = store.ProbeWrite(deps_.clock->Now());
  if (status.ok()) status = store.Commit();
  if (!status.ok()) {
    store.Rollback();
    if (status.code() != StatusCode::kDataLoss) return;
    LOG_ERROR("the full disk fails now, the coordinator stops: {}", status);
    EndProcess();
  }
  LOG_INFO("there is room on the disk again: the coordinator accepts changes");
  read_only_ = false;
  // Nobody could open a session meanwhile: leases start anew, as after a restart.
  if (status = Recover(); !status.ok()) {
    LOG_ERROR("the state could not be rebuilt, the coordinator stops: {}", status);
    EndProcess();
  }
}

// Posts a command whose handler returns Result<T>; answers after the turn's commit.
template <typename T, typename Handler>
void Engine::PostWithAnswer(Callback<T> callback, Handler handler, bool mutates) {
  Post(
      [this, callback, handler = std::move(handler), mutates](EngineState& state) mutable {
        if (mutates && read_only_) {
          state.context.AfterCommit([callback](const Status&) { callback(ReadOnly()); });
          return;
        }
        auto result = std::make_shared<Result<T>>(handler(state));
        if (!result->ok()) {
          ++metrics_.refused_commands;
          if (IsDatabaseFailure(result->status())) state.context.Note(result->status());
        }
        state.context.AfterCommit([callback, result](const Status& outcome) {
          if (outcome.ok()) {
            callback(std::move(*result));
          } else {
            callback(outcome);
          }
        });
      },
      [callback](const Status& status) { callback(status); });
}

void Engine::RegisterPipeline(RegisterPipelineCommand command,
                              Callback<RegisterPipelineAnswer> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.RegisterPipeline(command);
  });
}

void Engine::DeletePipeline(DeletePipelineCommand command, Callback<Done> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.DeletePipeline(command);
  });
}

void Engine::SubmitRun(SubmitRunCommand command, Callback<SubmitRunAnswer> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.runs.Submit(command);
  });
}

void Engine::CancelRun(CancelRunCommand command, Callback<RunRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.runs.Cancel(command);
  });
}

void Engine::DecideApproval(DecideApprovalCommand command, Callback<StepRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.runs.DecideApproval(command);
  });
}

void Engine::ExplainStep(ExplainCommand command, Callback<std::vector<Explanation>> callback) {
  PostWithAnswer(
      std::move(callback),
      [command = std::move(command)](EngineState& state) {
        return Result<std::vector<Explanation>>(state.runs.Explain(command));
      },
      /*mutates=*/false);
}

void Engine::OpenSession(OpenSessionCommand command, Callback<OpenSessionAnswer> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.sessions.Open(command);
  });
}

void Engine::LeaseSteps(LeaseStepsCommand command, Callback<LeaseStepsAnswer> callback) {
  Post([command = std::move(command),
        callback](EngineState& state) { state.sessions.Lease(command, callback); },
       [callback](const Status& status) { callback(status); });
}

void Engine::Heartbeat(HeartbeatCommand command, Callback<HeartbeatAnswer> callback) {
  PostWithAnswer(
      std::move(callback),
      [command = std::move(command)](EngineState& state) {
        return state.sessions.Heartbeat(command);
      },
      /*mutates=*/false);
}

void Engine::ReportSteps(ReportStepsCommand command, Callback<ReportStepsAnswer> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.sessions.Report(command);
  });
}

void Engine::CloseSession(SessionId session, Callback<Done> callback) {
  PostWithAnswer(std::move(callback), [session = std::move(session)](EngineState& state) {
    return state.sessions.Close(session);
  });
}

void Engine::ListWorkers(Callback<std::vector<WorkerView>> callback) {
  PostWithAnswer(
      std::move(callback), [](EngineState& state) { return state.sessions.ListAll(); },
      /*mutates=*/false);
}

void Engine::OrderWorker(OrderWorkerCommand command, Callback<WorkerView> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.sessions.Order(command);
  });
}

void Engine::CommitArtifact(CommitArtifactCommand command, Callback<ArtifactRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.CommitArtifact(command);
  });
}

void Engine::HoldArtifacts(HoldArtifactsCommand command, Callback<Done> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.HoldArtifacts(command);
  });
}

void Engine::RegisterModel(RegisterModelCommand command, Callback<ModelVersionRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.RegisterModel(command);
  });
}

void Engine::DecideModel(DecideModelCommand command, Callback<ModelVersionRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.DecideModel(command);
  });
}

void Engine::PromoteModel(PromoteModelCommand command, Callback<ModelVersionRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.PromoteModel(command);
  });
}

void Engine::CreateToken(CreateTokenCommand command, Callback<TokenRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.CreateToken(command);
  });
}

void Engine::RevokeToken(RevokeTokenCommand command, Callback<Done> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.registry.RevokeToken(command);
  });
}

void Engine::PutSecret(PutSecretCommand command, Callback<SecretRecord> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.secrets.Put(command);
  });
}

void Engine::DeleteSecret(DeleteSecretCommand command, Callback<Done> callback) {
  PostWithAnswer(std::move(callback), [command = std::move(command)](EngineState& state) {
    return state.secrets.Delete(command);
  });
}

void Engine::Collect(std::shared_ptr<RetentionSweep> sweep, Callback<bool> callback) {
  Post(
      [this, sweep = std::move(sweep), callback](EngineState& state) mutable {
        if (read_only_) {
          state.context.AfterCommit([callback](const Status&) { callback(ReadOnly()); });
        } else {
          state.collection.Enqueue(std::move(sweep), callback);
        }
      },
      [callback](const Status& status) { callback(status); });
}

Micros Engine::stalled() const {
  MutexLock lock(mutex_);
  return queue_.empty() ? Micros(0) : deps_.clock->Ticks() - queued_since_;
}

bool Engine::IsLiveAttempt(const AttemptKey& attempt, const AttemptToken& token) const {
  MutexLock lock(live_mutex_);
  const auto found = live_.find(token);
  return found != live_.end() && found->second == attempt;
}

}  // namespace penstock
