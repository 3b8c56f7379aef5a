#include "server/engine/artifact_places.h"

#include <algorithm>

#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kWorkersKept = 8;

}  // namespace

void ArtifactPlaces::Note(const ArtifactRef& ref, const WorkerId& worker) {
  if (ref.size < limits::kPlacedArtifactBytes) return;
  const auto found = by_digest_.find(ref.digest);
  if (found == by_digest_.end()) {
    places_.push_front({ref, {}});
    by_digest_[ref.digest] = places_.begin();
  } else {
    places_.splice(places_.begin(), places_, found->second);
  }
  std::vector<WorkerId>& workers = places_.front().workers;
  std::erase(workers, worker);
  if (workers.size() >= kWorkersKept) workers.erase(workers.begin());
  workers.push_back(worker);
  if (places_.size() <= limits::kMaxPlacedArtifacts) return;
  by_digest_.erase(places_.back().ref.digest);
  places_.pop_back();
}

const ArtifactPlaces::Place* ArtifactPlaces::Find(const Digest& digest) const {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? nullptr : &*found->second;
}

}  // namespace penstock
