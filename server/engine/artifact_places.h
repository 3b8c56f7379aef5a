#ifndef PENSTOCK_SERVER_ENGINE_ARTIFACT_PLACES_H_
#define PENSTOCK_SERVER_ENGINE_ARTIFACT_PLACES_H_

// Which workers have which large artifacts, as far as is known: they made them, or were given them.
// A hint, in memory alone: a worker may have let go of it meanwhile. Not thread-safe.

#include <list>
#include <unordered_map>
#include <vector>

#include "storage/model/records.h"

namespace penstock {

class ArtifactPlaces {
 public:
  struct Place {
    ArtifactRef ref;
    std::vector<WorkerId> workers;  // the latest last; a few
  };

  // Small ones are not kept, nor is more than limits::kMaxPlacedArtifacts: what was noted longest
  // ago is forgotten first.
  void Note(const ArtifactRef& ref, const WorkerId& worker);
  // Null where nothing is known.
  const Place* Find(const Digest& digest) const;
  bool empty() const { return by_digest_.empty(); }

 private:
  std::list<Place> places_;  // the latest first
  std::unordered_map<Digest, std::list<Place>::iterator> by_digest_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_ARTIFACT_PLACES_H_
