#ifndef PENSTOCK_TESTS_SIM_WORLD_H_
#define PENSTOCK_TESTS_SIM_WORLD_H_

// One simulated cluster: a coordinator on a disk in memory, workers, clients, the network between
// them, and what a script does to all of it. The same script gives the same history.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/auditor.h"
#include "tests/sim/network.h"
#include "tests/sim/script.h"
#include "tests/sim/worker.h"

namespace penstock::sim {

struct Outcome {
  std::string violation;  // empty: none
  Micros at{0};           // when
  int64_t events = 0;
  uint64_t history = 0;  // a digest of what was committed when: equal for equal histories
  int64_t runs = 0;
  int64_t restarts = 0;
};

// Sizes that must not grow with time, as seen once an hour of a long simulation.
struct Sample {
  Micros at{0};
  int64_t heap_bytes = 0;      // in use, of this process
  int64_t rows = 0;            // of all tables but those that keep for longer than it lasts
  int64_t database_bytes = 0;  // with the write-ahead log
  int64_t blobs = 0;
};

class World {
 public:
  explicit World(const Script& script);
  ~World();

  // To the end: after the script all trouble ceases, and every run must end.
  Outcome Run();
  const Coverage& coverage() const { return coverage_; }
  // Takes one every so long; before Run.
  void SampleEvery(Micros interval) { sample_every_ = interval; }
  const std::vector<Sample>& samples() const { return samples_; }

 private:
  using Handler = void (World::*)(const Json&);
  static const std::map<std::string, Handler>& Handlers();

  void Act(const Action& action);
  void AwaitEnd();
  Micros Patience() const;
  // --- Clients (world_clients.cc)
  void Put(const Json& with);
  void Apply(const Json& with);
  void DeletePipeline(const Json& with);
  void Submit(const Json& with);
  void Cancel(const Json& with);
  void Decide(const Json& with);
  void Retry(const Json& with);
  void Rerun(const Json& with);
  void Explain(const Json& with);
  void PutSecret(const Json& with);
  void DeleteSecret(const Json& with);
  void OrderWorker(const Json& with);
  void ListWorkers(const Json& with);
  void RegisterModel(const Json& with);
  void Promote(const Json& with);
  void DecideModel(const Json& with);
  void AccessToken(const Json& with);
  void Mistake(const Json& with);
  void Collect(const Json& with);
  void CollectNext(const std::shared_ptr<RetentionSweep>& sweep);
  void RemoveBytes();
  // --- Trouble (world_trouble.cc)
  void KillCoordinator(const Json& with);
  void CrashCoordinator(const Json& with);
  void StopCoordinator(const Json& with);
  void PauseCoordinator(const Json& with);
  void KillWorker(const Json& with);
  void PauseWorker(const Json& with);
  void LeaveWorker(const Json& with);
  void LoseWorker(const Json& with);
  void Cut(const Json& with);
  void FillDisk(const Json& with);
  void BreakDisk(const Json& with);
  void JumpClock(const Json& with);
  void Backup(const Json& with);
  void Restore(const Json& with);
  void Damage(const Json& with);
  void Heal();
  void OpenWorkers();
  void TakeSample();

  // Asks until there is an answer that is not "not now".
  template <typename T, typename Command>
  void Ask(void (Engine::*method)(Command, Callback<T>), Command command,
           std::function<void(const T&)> told, int tries = 40) {
    network_->Call<T, Command>(
        client_, method, command, std::chrono::seconds(10),
        [this, method, command, told, tries, timeline = timeline_](Result<T> answer) {
          if (timeline != timeline_) return;  // its answer was of what a restore took away
          if (answer.ok()) {
            if (told) told(*answer);
          } else if (IsTransient(answer.status()) && tries > 0) {
            schedule_.After(std::chrono::milliseconds(300), [this, method, command, told, tries] {
              Ask<T, Command>(method, command, told, tries - 1);
            });
          } else {
            coverage_.OnReason(answer.status().reason());
          }
        });
  }
  static bool IsTransient(const Status& status);

  FakeWorker& WorkerFor(const Json& with);
  // Of the runs that fit, the one that the number stands for; nullptr where there is none.
  const History::Run* RunFor(const Json& with, bool live) const;
  SubmitRunCommand SubmissionOf(const Json& with);
  void SubmitOnce(const SubmitRunCommand& command);

  const Script script_;
  const uint64_t seed_;
  Schedule schedule_;
  MemoryDisk disk_;
  BlobStore blobs_;
  Coverage coverage_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Auditor> auditor_;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
  Link client_;
  EngineOptions options_;
  int64_t next_key_ = 1;
  int64_t timeline_ = 0;
  bool healed_ = false;
  uint64_t history_digest_ = 0;
  struct Saved {
    MemoryDisk::Image image;
    History history;
    std::map<Digest, Tick> blobs;
  };
  std::optional<Saved> saved_;
  std::map<Digest, Json> uploads_;  // by clients
  Micros sample_every_{0};
  std::vector<Sample> samples_;
};

// The whole simulation of a script.
Outcome RunScript(const Script& script, Coverage* coverage = nullptr);

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_WORLD_H_
