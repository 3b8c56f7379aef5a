// Where a step's inputs are already.

#include "server/core/placer.h"

namespace penstock {

// Of the workers that have room for the step, the one that has most of its inputs. None waits for
// its sake: `session`, which has room, stays where nobody has any.
void Placer::PreferLocal(const Shape& shape, const Place& head, SessionId* session) {
  if (!locality_ || workers_.size() < 2) return;
  int64_t most = 0;
  for (const auto& [id, bytes] : locality_({head.run, head.step})) {
    const auto found = workers_.find(id);
    if (found == workers_.end()) continue;
    Worker& worker = found->second;
    if (bytes <= most || !IsOpen(worker, shape) ||
        !HasRoom(worker.info, worker.capacity, shape.needs) || IsClaimed(id, worker, shape)) {
      continue;
    }
    most = bytes;
    *session = id;
  }
}

}  // namespace penstock
