#include "server/rpc/run_watch.h"

#include "server/engine/engine.h"
#include "server/rpc/convert.h"

namespace penstock {

RunWatch::RunWatch(const Services& services, const grpc::CallbackServerContext& context,
                   const RpcDeps& deps, std::string run_id)
    : PumpedStream(services, context, "RunService", "WatchRun"),
      deps_(deps),
      requested_id_(std::move(run_id)) {}

Status RunWatch::Begin() {
  {
    PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
    PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(requested_id_));
    run_ = run.id;
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      subscription_,
      deps_.engine->events().Subscribe(
          run_, [this](const std::shared_ptr<const RunUpdate>& update) { Receive(update); }));
  begun_ = true;
  return Status::Ok();
}

// On the engine's thread.
void RunWatch::Receive(const std::shared_ptr<const RunUpdate>& update) {
  {
    MutexLock lock(mutex_);
    if (!snapshot_wanted_) backlog_.push_back(update);
    if (backlog_.size() > kMaxBacklog) {
      backlog_.clear();
      snapshot_wanted_ = true;
      gate().metrics().watch_resyncs.fetch_add(1, std::memory_order_relaxed);
    }
  }
  Wake();
}

Status RunWatch::Snapshot(v1::WatchRunResponse& response) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
  // The run before its steps: what is committed in between comes again as an update.
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(run_.value()));
  PENSTOCK_ASSIGN_OR_RETURN(auto steps, reader->ListSteps(run.row));
  deps_.engine->events().progress().Apply(run.id, steps);
  names_.clear();
  for (const StepRecord& step : steps) names_.push_back(step.name);
  revision_ = run.revision;
  response.set_snapshot(true);
  RunToProto(run, steps, response.mutable_run());
  return Status::Ok();
}

RunWatch::Next RunWatch::Produce(v1::WatchRunResponse& response, Status& status) {
  if (!begun_) status = Begin();
  if (!status.ok()) return Next::kEnd;
  for (;;) {
    std::shared_ptr<const RunUpdate> update;
    {
      MutexLock lock(mutex_);
      if (snapshot_wanted_) {
        // From here on updates are kept: what the snapshot does not show is among them.
        snapshot_wanted_ = false;
      } else if (backlog_.empty()) {
        return Next::kIdle;
      } else {
        update = std::move(backlog_.front());
        backlog_.pop_front();
      }
    }
    if (!update) {
      status = Snapshot(response);
      if (!status.ok()) return Next::kEnd;
    } else {
      const int64_t revision = update->run.revision;
      if (revision < revision_ || (revision == revision_ && !update->progress_only)) continue;
      revision_ = revision;
      ToProto(update->run, response.mutable_run());
      for (const StepRecord& step : update->steps) {
        const auto index = static_cast<std::size_t>(step.index);
        if (names_.size() <= index) names_.resize(index + 1);  // came to be since the snapshot
        names_[index] = step.name;
      }
      for (const StepRecord& step : update->steps) {
        ToProto(step, names_, response.mutable_run()->add_steps());
      }
      FitIntoMessage(*response.mutable_run());
    }
    const auto state = static_cast<RunState>(response.run().state());
    return IsTerminal(state) ? Next::kWriteLast : Next::kWrite;
  }
}

}  // namespace penstock
