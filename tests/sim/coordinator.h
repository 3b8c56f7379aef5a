#ifndef PENSTOCK_TESTS_SIM_COORDINATOR_H_
#define PENSTOCK_TESTS_SIM_COORDINATOR_H_

// The coordinator's process in simulation: the real engine over the real metadata store, on a disk
// in memory. It is killed, stopped, paused and started again as often as the script says.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/secret_box.h"
#include "server/engine/engine.h"
#include "storage/metadata/metadata_store.h"
#include "tests/sim/coverage.h"
#include "tests/sim/dice.h"
#include "tests/sim/memory_disk.h"
#include "tests/sim/schedule.h"

namespace penstock::sim {

class Coordinator {
 public:
  struct Deps {
    Schedule* schedule = nullptr;
    MemoryDisk* disk = nullptr;
    Coverage* coverage = nullptr;
    EngineOptions options;
    ReadModelTerms model_terms;
    uint64_t seed = 0;
    std::function<void()> started;  // after a recovery
    std::function<void()> turned;   // after a turn that did not end the process
    std::function<void()> down;     // the process has ended; calls that it had are broken
    std::function<void()> swept;    // after a sweep of retention's
  };

  explicit Coordinator(Deps deps);
  ~Coordinator();

  bool up() const { return engine_ != nullptr && !ended_ && !deps_.disk->crashed(); }
  Engine& engine() { return *engine_; }
  MetadataStore& store() { return *store_; }
  // What is committed, as another connection sees it.
  Database& committed() { return *committed_; }

  // Tries again after a while where the disk does not let it.
  void Start();
  // As kill -9 does (`power`: as a power failure), for so long.
  void Kill(bool power, Micros down_for);
  // It answers what it has, and ends.
  void Stop(Micros down_for);
  // Nothing happens in it for so long, as after SIGSTOP.
  void Pause(Micros duration);
  // An older state takes the place of this one, as `penstock admin restore` does.
  void Restore(const MemoryDisk::Image& image);
  // As `penstock admin check --repair` does for an artifact whose bytes are gone: stops, and starts
  // without its row.
  void Repair(const Digest& artifact);

  // Posts the command; `reply` is called where the process lives to say it.
  template <typename T, typename Command>
  void Post(void (Engine::*method)(Command, Callback<T>), Command command, Callback<T> reply) {
    (engine_.get()->*method)(std::move(command),
                             [this, life = life_, reply = std::move(reply)](Result<T> answer) {
                               if (life == life_ && up()) reply(std::move(answer));
                             });
    WakeBy(deps_.schedule->now() + dice_.Time(Micros(1), Micros(800)));
  }
  void Post(void (Engine::*method)(Callback<std::vector<WorkerView>>),
            Callback<std::vector<WorkerView>> reply);

  // Whether the state was rebuilt because a write failed, since the last call.
  bool TakeRebuilt();
  int64_t starts() const { return life_; }

 private:
  void WakeBy(Tick when);
  void Turn(int64_t number);
  void End(Micros down_for);
  // What is done to the database while the coordinator is down.
  void Offline(const std::function<Status(MetadataStore&)>& change);
  Status Open();
  void Close();

  const Deps deps_;
  Dice dice_;
  SecretBox secrets_;
  SeededRandom random_;
  std::unique_ptr<MetadataStore> store_;
  std::unique_ptr<Database> committed_;
  std::unique_ptr<Engine> engine_;
  int64_t life_ = 0;
  int64_t start_number_ = 0;  // tells one planned start from the next
  bool ended_ = false;        // the process has ended itself
  Tick wake_at_{INT64_MAX};
  int64_t wake_number_ = 0;
  Tick paused_until_;
};

// What `end_process` throws.
struct ProcessEnded {};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_COORDINATOR_H_
