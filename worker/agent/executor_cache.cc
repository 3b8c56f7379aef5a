// What an executor's attempts need of the worker's artifact store, and when the rest may go.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "worker/agent/executor.h"

namespace penstock {
namespace {

// A child may be a little ahead of what the agent knows of it.
constexpr Micros kAhead = std::chrono::minutes(1);
// A step that stores an output does not take longer than this from one file to its end. Without it,
// a step that runs for hours would keep all that others use meanwhile.
constexpr Micros kLongestStore = std::chrono::minutes(30);

}  // namespace

void Executor::TrimCache() {
  if (trimming_ || !deps_.cache->Due()) return;
  const Time now = Clock::Real().Now();
  // A step that runs may be storing an output of which a file was there already. It has touched
  // that file, and not told of it yet.
  Time since = now;
  std::vector<ArtifactCache::Needed> needed;
  const auto need = [&needed](const Digest& digest, bool tree) {
    needed.push_back({digest, tree});
  };
  for (const auto& [id, attempt] : attempts_) {
    if (attempt->state == Attempt::State::kRunning) {
      const Time start = attempt->started_at.set() ? attempt->started_at : now;
      since = std::min(since, start - kAhead);
    }
    // A workspace has links of its own to what was fetched.
    if (!attempt->fetched) {
      for (const v1::LeaseInput& input : attempt->lease.inputs()) {
        for (const v1::ArtifactRef& ref : input.artifacts()) {
          if (const Result<Digest> digest = ParseDigest(ref.digest()); digest.ok()) {
            need(*digest, ref.tree());
          }
        }
      }
    }
    if (!attempt->fetched && attempt->lease.has_checkpoint()) {
      const v1::ArtifactRef& ref = attempt->lease.checkpoint();
      if (const Result<Digest> digest = ParseDigest(ref.digest()); digest.ok()) {
        need(*digest, ref.tree());
      }
    }
    // Until the coordinator has taken the report, it may ask for them again.
    for (const StoredOutput& output : attempt->outcome.outputs) {
      need(output.ref.digest, output.ref.tree);
    }
    if (const auto& checkpoint = attempt->outcome.checkpoint) {
      need(checkpoint->ref.digest, checkpoint->ref.tree);
    }
  }
  since = std::max(since, now - kLongestStore);
  trimming_ = true;
  const bool posted = pool_.Post([this, needed = std::move(needed), since] {
    const Result<ArtifactCache::Trimmed> trimmed = deps_.cache->Trim(needed, since);
    if (!trimmed.ok()) {
      LOG_WARN("the artifact cache could not be trimmed: {}", trimmed.status());
    } else if (trimmed->removed_blobs > 0) {
      LOG_INFO("artifact cache trimmed blobs={} bytes={} left={}", trimmed->removed_blobs,
               trimmed->removed_bytes, trimmed->left_bytes);
    }
    Post([this] { trimming_ = false; });
  });
  PENSTOCK_CHECK(posted);
}

}  // namespace penstock
