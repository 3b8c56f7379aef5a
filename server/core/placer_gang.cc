// Steps on several nodes: as many workers as they need at once, or none.

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "server/core/placer.h"

namespace penstock {
namespace {

// The emptiest first, as for a step on one node: it has least to end. Then by name.
struct Candidate {
  double cpus = 0;
  WorkerId worker;
  SessionId session;
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return std::tie(b.cpus, a.worker, a.session) < std::tie(a.cpus, b.worker, b.session);
  }
};

}  // namespace

bool Placer::FindGang(const Shape& shape, Placement* placement) {
  std::vector<Candidate> candidates;
  for (auto& [id, worker] : workers_) {
    if (!HasRoom(worker.info, worker.capacity, shape.needs) || !IsOpen(worker, shape)) continue;
    if (IsClaimed(id, worker, shape)) continue;
    candidates.push_back({worker.capacity.cpus, worker.info.id, id});
  }
  const auto nodes = static_cast<std::size_t>(shape.needs.nodes);
  if (candidates.size() < nodes) return false;
  std::sort(candidates.begin(), candidates.end());
  placement->session = candidates.front().session;
  placement->others.clear();
  for (std::size_t i = 1; i < nodes; ++i) placement->others.push_back(candidates[i].session);
  return true;
}

// Keeps as many workers for the shape as it needs; false, and none kept, where there are not so
// many.
bool Placer::ReserveFor(Shape& shape) {
  std::vector<Candidate> candidates;
  for (auto& [id, worker] : workers_) {
    if (worker.reserved_for != nullptr || !IsOpen(worker, shape)) continue;
    candidates.push_back({worker.capacity.cpus, worker.info.id, id});
  }
  const auto nodes = static_cast<std::size_t>(shape.needs.nodes);
  if (candidates.size() < nodes) return false;
  std::sort(candidates.begin(), candidates.end());
  for (std::size_t i = 0; i < nodes; ++i) {
    workers_.at(candidates[i].session).reserved_for = &shape;
    shape.reserved.push_back(candidates[i].session);
  }
  return true;
}

Placer::Reason Placer::WhyIncomplete(const Needs& needs, int32_t with_room) const {
  std::string wants = FormatDouble(needs.cpus) + " cpus";
  if (needs.memory > 0) wants += ", " + FormatSize(needs.memory);
  if (needs.gpus > 0) wants += ", " + std::to_string(needs.gpus) + " GPUs";
  const std::string rooms = std::to_string(with_room) + (with_room == 1 ? " has" : " have");
  return {"GANG_INCOMPLETE", "it needs " + std::to_string(needs.nodes) + " workers at once with " +
                                 wants + " free on each; " + rooms + " room now"};
}

}  // namespace penstock
