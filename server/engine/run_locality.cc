// What workers have of a step's inputs already.

#include <map>
#include <set>
#include <utility>

#include "server/engine/run_manager.h"
#include "server/engine/run_scope.h"

namespace penstock {
namespace {

// The artifacts that an input's value names, a list's members each.
void CollectDigests(const Json& value, std::set<Digest>& digests) {
  constexpr std::string_view kScheme = "artifact:";
  if (value.is_array()) {
    for (const Json& member : value) CollectDigests(member, digests);
  }
  if (!value.is_string()) return;
  const auto& text = value.get_ref<const std::string&>();
  if (!text.starts_with(kScheme)) return;
  const Result<Digest> digest =
      ParseDigest(text.substr(kScheme.size(), text.find('#') - kScheme.size()));
  if (digest.ok()) digests.insert(*digest);
}

}  // namespace

void RunManager::NotePlaces(const LeasedAttempt& lease, const WorkerId& worker) {
  for (const LeaseInput& input : lease.inputs) {
    for (const ArtifactRef& ref : input.artifacts) places_.Note(ref, worker);
  }
}

void RunManager::NotePlaces(const StepResult& result, const WorkerId& worker) {
  for (const auto& [name, ref] : result.outputs) places_.Note(ref, worker);
}

std::vector<std::pair<SessionId, int64_t>> RunManager::LocalBytes(
    const Placer::StepKey& key) const {
  std::vector<std::pair<SessionId, int64_t>> local;
  if (places_.empty()) return local;
  const LiveRun& run = *runs_.at(key.first);
  const RunScope scope(run, run.frame(key.second));
  std::set<Digest> digests;
  for (const StepInput& input : run.spec(key.second).inputs) {
    for (const Json& source : input.sources) {
      const Result<Json> value = Resolve(source, scope);
      // What is wrong with it is said when the step is leased.
      if (value.ok()) CollectDigests(*value, digests);
    }
  }
  int64_t total = 0;
  std::map<WorkerId, int64_t> bytes;
  for (const Digest& digest : digests) {
    const ArtifactPlaces::Place* place = places_.Find(digest);
    if (place == nullptr) continue;
    total += place->ref.size;
    for (const WorkerId& worker : place->workers) bytes[worker] += place->ref.size;
  }
  if (total < limits::kLocalityBytes) return local;
  for (const auto& [worker, size] : bytes) {
    if (const Session* session = sessions_.FindOf(worker)) local.emplace_back(session->id, size);
  }
  return local;
}

}  // namespace penstock
