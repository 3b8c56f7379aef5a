// What goes wrong.

#include "tests/sim/engine_probe.h"
#include "tests/sim/world.h"

namespace penstock::sim {
namespace {

Micros Millis(const Json& with, const char* name) {
  return std::chrono::milliseconds(JsonInt(with, name));
}

}  // namespace

void World::KillCoordinator(const Json& with) {
  const bool well = coordinator_->up() && auditor_->has_turned();
  Json memory = well ? auditor_->Memory() : Json();
  coordinator_->Kill(JsonBool(with, "power"), Millis(with, "down_ms"));
  if (well) auditor_->ExpectMemory(std::move(memory));
}

void World::CrashCoordinator(const Json& with) {
  if (coordinator_->up()) disk_.CrashAfter(JsonInt(with, "operations"));
}

void World::StopCoordinator(const Json& with) {
  coordinator_->Stop(Millis(with, "down_ms"));
}

void World::PauseCoordinator(const Json& with) {
  coordinator_->Pause(Millis(with, "for_ms"));
}

void World::KillWorker(const Json& with) {
  WorkerFor(with).Kill(Millis(with, "for_ms"));
}

void World::PauseWorker(const Json& with) {
  WorkerFor(with).Pause(Millis(with, "for_ms"));
}

void World::LeaveWorker(const Json& with) {
  WorkerFor(with).Leave(Millis(with, "for_ms"));
}

// For good; the first two can run whatever there is, and stay.
void World::LoseWorker(const Json& with) {
  FakeWorker& worker = WorkerFor(with);
  if (&worker != workers_[0].get() && &worker != workers_[1].get()) {
    worker.Kill(std::chrono::hours(1'000));
  }
}

void World::Cut(const Json& with) {
  WorkerFor(with).link().cut_until = schedule_.now() + Millis(with, "for_ms");
}

void World::FillDisk(const Json& with) {
  if (healed_) return;
  disk_.set_full(true);
  auditor_->set_disk_trouble(true);
  schedule_.After(Millis(with, "for_ms"), [this] { disk_.set_full(false); });
}

void World::BreakDisk(const Json& with) {
  if (healed_) return;
  disk_.set_broken(true);
  auditor_->set_disk_trouble(true);
  schedule_.After(Millis(with, "for_ms"), [this] { disk_.set_broken(false); });
}

void World::JumpClock(const Json& with) {
  // What ran out stays so, wherever the clock goes then.
  const auto forget = [this] {
    std::erase_if(auditor_->told().held_until,
                  [now = schedule_.clock().Now()](const auto& held) { return held.second <= now; });
  };
  forget();
  schedule_.clock().JumpWall(std::chrono::seconds(JsonInt(with, "by_s")));
  forget();
}

void World::Backup(const Json&) {
  if (!coordinator_->up() || disk_.full() || disk_.broken()) return;
  saved_ = Saved{disk_.Copy(), auditor_->history(), blobs_.blobs()};
}

void World::Restore(const Json&) {
  if (!saved_ || disk_.full() || disk_.broken()) return;
  ++timeline_;
  for (const auto& [digest, used] : saved_->blobs) blobs_.Put(digest, schedule_.now());
  saved_->history.damaged = auditor_->told().damaged;
  auditor_->OnRestore(saved_->history);
  coordinator_->Restore(saved_->image);
}

// Bytes are lost, and the operator repairs what names them. Whoever uploaded them does so again
// after a while: without its dataset a cluster has nothing to do.
void World::Damage(const Json& with) {
  if (!coordinator_->up() || disk_.full() || disk_.broken() || blobs_.blobs().empty()) return;
  auto blob = blobs_.blobs().begin();
  std::advance(blob, JsonInt(with, "artifact") % static_cast<int64_t>(blobs_.blobs().size()));
  const Digest digest = blob->first;
  blobs_.blobs().erase(blob);
  auditor_->told().damaged.insert(digest.value());
  coordinator_->Repair(digest);
  const auto upload = uploads_.find(digest);
  if (upload == uploads_.end() || !with.contains("again_ms")) return;
  schedule_.After(Millis(with, "again_ms"), [this, again = upload->second] { Put(again); });
}

// No more trouble: what is away comes back, what is closed is opened.
void World::Heal() {
  healed_ = true;
  disk_.set_full(false);
  disk_.set_broken(false);
  disk_.CancelCrash();
  client_.weather = Weather{};
  for (const auto& worker : workers_) {
    worker->link().weather = Weather{};
    worker->link().cut_until = Tick();
  }
  OpenWorkers();
}

void World::OpenWorkers() {
  for (const auto& worker : workers_) {
    OrderWorkerCommand command;
    command.worker = worker->id();
    command.order = OrderWorkerCommand::Order::kUncordon;
    command.principal = Principal("user:ada");
    Ask<WorkerView, OrderWorkerCommand>(&Engine::OrderWorker, command, nullptr);
  }
}

}  // namespace penstock::sim
