// What an executor moves for its attempts: inputs before they run, outputs after.

#include <utility>

#include "base/log.h"
#include "steps/catalog/catalog.h"
#include "worker/agent/executor.h"
#include "worker/runner/verdict.h"

namespace penstock {

void Executor::Fetch(Attempt& attempt) {
  attempt.state = Attempt::State::kFetching;
  const int64_t id = attempt.id;
  // A script may write to what it is given.
  const bool link = attempt.lease.type() != kScript || Sandboxed(attempt.lease);
  const bool posted = pool_.Post([this, id, link, lease = attempt.lease,
                                  place = WorkspaceOf(attempt), stop = attempt.transfer] {
    Status status = MakeFolders(place / "in");
    for (const v1::LeaseInput& input : lease.inputs()) {
      for (int i = 0; status.ok() && i < input.artifacts_size(); ++i) {
        const v1::ArtifactRef& ref = input.artifacts(i);
        status = deps_.transfer->Fetch(ref, *stop);
        if (!status.ok()) break;
        const Result<Digest> digest = ParseDigest(ref.digest());
        status = digest.status();
        if (digest.ok()) {
          status = deps_.store->Materialise(*digest, ref.tree(),
                                            place / "in" / (input.name() + "-" + std::to_string(i)),
                                            link && !input.name().starts_with(kAttachmentPrefix));
        }
      }
    }
    if (status.ok()) status = FetchCheckpoint(lease, place, *stop);
    Post([this, id, status, place] {
      Attempt* fetched = FindId(id);
      // Forgotten while this went on making what had been removed with it.
      if (fetched == nullptr) (void)RemoveAll(place);
      if (fetched == nullptr || fetched->state != Attempt::State::kFetching) return;
      if (status.ok()) {
        fetched->fetched = true;
        fetched->state = Attempt::State::kQueued;
        Reserve(*fetched, -1);
        return;
      }
      fetched->outcome.status = status.WithContext("fetching its inputs");
      fetched->outcome.cause = Cause::kInfrastructure;
      Report(*fetched);
    });
  });
  PENSTOCK_CHECK(posted);
}

bool Executor::Sandboxed(const v1::Lease& lease) const {
  const Result<Json> parameters =
      ParseJson(lease.parameters_json(), {.max_bytes = 16 << 20, .max_depth = 64});
  if (!parameters.ok()) return false;
  if (!JsonMember(*parameters, "image").is_null()) return true;
  return !deps_.config->bubblewrap.empty() && JsonString(*parameters, "isolation") != "none";
}

// What a script, or the model that one wrote, has to know of this node.
void Executor::AddNode(const v1::Lease& lease, Json& parameters) const {
  parameters["node"] = NodeToJson({.bubblewrap = deps_.config->bubblewrap,
                                   .data_dir = deps_.data_folder.string(),
                                   .kill_grace = deps_.config->kill_grace,
                                   .gpus = lease.gpus(),
                                   .cpus = lease.cpus(),
                                   .container_engine = deps_.config->container_engine,
                                   .rank = lease.rank()});
  Json ranks = Json::array();
  for (const v1::Rank& rank : lease.ranks()) {
    ranks.push_back({{"host", rank.address()}, {"port", rank.port()}});
  }
  if (!ranks.empty()) parameters["node"]["ranks"] = std::move(ranks);
}

// The step is over: its log goes first, then its outputs, then its report.
void Executor::End(Attempt& attempt) {
  attempt.ended = true;
  if (!attempt.discarded) Ship(attempt);
  if (!attempt.shipping) Finish(attempt);
}

void Executor::Finish(Attempt& attempt) {
  if (attempt.discarded) return Forget(attempt);
  attempt.state = Attempt::State::kFinishing;
  Outcome& outcome = attempt.outcome;
  if (attempt.over_memory) {
    outcome.status = UsedTooMuchMemory(attempt.lease.memory());
    outcome.cause = Cause::kOutOfMemory;
  } else if (attempt.timed_out && !outcome.status.ok()) {
    outcome.status = RanTooLong(attempt.idle);
    outcome.cause = Cause::kTimeout;
  } else if (attempt.cancel && !outcome.status.ok()) {
    outcome.cause = Cause::kCancelled;
  } else if (GaveWay(attempt)) {
    outcome.cause = Cause::kPreempted;
    outcome.status = Cancelled("it left its worker to another");
  } else if (outcome.cause == Cause::kCancelled && !outcome.status.ok()) {
    outcome.cause = Cause::kInfrastructure;
    outcome.status = Unavailable("the worker stopped while it ran the step");
  }
  std::vector<StoredOutput> outputs;
  if (outcome.status.ok()) outputs = outcome.outputs;
  if (outcome.cause == Cause::kPreempted && outcome.checkpoint) outputs = {*outcome.checkpoint};
  if (outputs.empty()) return Report(attempt);
  const bool posted = pool_.Post([this, id = attempt.id, outputs = std::move(outputs),
                                  token = attempt.lease.token(), stop = attempt.transfer] {
    const Status status = deps_.transfer->Publish(outputs, token, *stop);
    Post([this, id, token, status] {
      Attempt* published = FindId(id);
      if (published == nullptr) return;
      if (published->discarded || status.reason() == "STALE_ATTEMPT") {
        return Forget(*published);
      }
      if (!status.ok() && !published->outcome.status.ok()) {
        LOG_WARN("a checkpoint could not be stored: {} run={} step={} attempt={}", status,
                 published->lease.run_id(), published->lease.step_name(),
                 published->lease.attempt());
        published->outcome.checkpoint.reset();
      } else if (!status.ok()) {
        published->outcome.status = status.WithContext("storing its outputs");
        published->outcome.cause = published->cancel ? Cause::kCancelled : Cause::kInfrastructure;
      }
      Report(*published);
    });
  });
  PENSTOCK_CHECK(posted);
}

}  // namespace penstock
