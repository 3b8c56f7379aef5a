// What the coordinator's memory and time grow with, one dimension after the other: the slopes are
// what server/ARCHITECTURE.md says under "Scale".

#include <thread>

#include "tests/bench/client.h"
#include "tests/bench/parts.h"
#include "tests/bench/simulated_worker.h"

namespace penstock::bench {
namespace {

constexpr std::chrono::minutes kPatience{5};
constexpr double kKibPerMib = 1024;

// A coordinator of its own, without workers, and what it has in memory.
class Growth {
 public:
  Growth() : client_(Started(cluster_)), pid_(PidOf(cluster_, "coordinator")) {}

  Client& client() { return client_; }
  Cluster& cluster() { return cluster_; }
  double Kib() const { return MemoryOf(pid_).resident * kKibPerMib; }
  double Cpu() const { return CpuSeconds(pid_); }

 private:
  static std::string Started(Cluster& cluster) {
    cluster.StartCoordinator({"--log-level", "warn"});
    return cluster.grpc();
  }
  Cluster cluster_;
  Client client_;
  pid_t pid_;
};

// A chain whose steps no worker can run.
std::string Parked(const std::string& name, int length) {
  std::string text = Chain(name, length);
  return text.insert(text.find("steps:"), "defaults: {resources: {labels: {absent: \"yes\"}}}\n");
}

void LiveRuns(Figures& figures) {
  Growth growth;
  growth.client().Register(Parked("parked", 10));
  growth.client().Register(Chain("ten", 10));
  SimulatedWorkers workers(growth.cluster().grpc(), 1, 4, SimulatedWorker::Policy::kSucceedAtOnce);
  // Wall time is whatever else the machine does; the coordinator's own time is not.
  const auto chains = [&](const std::string& beside) {
    constexpr int kChains = 50;
    std::vector<double> times;
    const double cpu = growth.Cpu();
    for (int i = 0; i < kChains; ++i) {
      const auto start = SteadyClock::now();
      growth.client().RunToEnd("ten");
      times.push_back(MillisSince(start));
    }
    figures.Add("chain10_ms_beside_" + beside + "_runs", Quantile(times, 0.5));
    figures.Add("chain10_cpu_ms_beside_" + beside + "_runs", (growth.Cpu() - cpu) / kChains * 1e3);
  };
  growth.client().RunToEnd("ten");
  chains("0");
  const double before = growth.Kib();
  int runs = 0;
  for (const int count : {1'000, 5'000}) {
    for (; runs < count; ++runs) growth.client().Submit("parked");
    chains(std::to_string(count));
  }
  figures.Add("kib_per_live_run_of_10_steps", (growth.Kib() - before) / runs);
}

void QueuedSteps(Figures& figures) {
  Growth growth;
  constexpr int kWidth = 10'000;
  constexpr int kRuns = 4;
  growth.client().Register(Fan("fan", kWidth));
  const double before = growth.Kib();
  for (int i = 0; i < kRuns; ++i) growth.client().Submit("fan");
  figures.Add("kib_per_queued_step", (growth.Kib() - before) / (kRuns * kWidth));
  // How fast they go when workers come: by how many still wait.
  const auto start = SteadyClock::now();
  SimulatedWorkers workers(growth.cluster().grpc(), 20, 50,
                           SimulatedWorker::Policy::kSucceedAtOnce);
  Eventually([&] { return workers.leased() >= kWidth; }, kPatience);
  const double first = MillisSince(start);
  Eventually([&] { return growth.cluster().Metric("penstock_live_runs") == 0; }, kPatience);
  const double all = MillisSince(start);
  figures.Add("completions_per_s_with_40000_queued", kWidth / first * 1e3);
  figures.Add("completions_per_s_over_40000", kRuns * kWidth / all * 1e3);
}

void Workers(Figures& figures) {
  Growth growth;
  constexpr int kCount = 400;
  const double before = growth.Kib();
  SimulatedWorkers workers(growth.cluster().grpc(), kCount, 1,
                           SimulatedWorker::Policy::kSucceedAtOnce);
  Eventually([&] { return workers.WithSessions(1) == kCount; }, kPatience);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  figures.Add("kib_per_worker", (growth.Kib() - before) / kCount);
  const double cpu = growth.Cpu();
  constexpr int kSeconds = 6;
  std::this_thread::sleep_for(std::chrono::seconds(kSeconds));
  figures.Add("cpu_ms_per_idle_worker_and_minute",
              (growth.Cpu() - cpu) / kSeconds * 60 * 1e3 / kCount);
  // A submission is held against every worker.
  growth.client().Register(Fan("fan", 10'000));
  const auto start = SteadyClock::now();
  const std::string run = growth.client().Submit("fan");
  figures.Add("ms_to_submit_10000_steps_beside_400_workers", MillisSince(start));
  growth.client().WatchToEnd(run);
}

void StepsInFlight(Figures& figures) {
  Growth growth;
  constexpr int kWidth = 5'000;
  growth.client().Register(Fan("fan", kWidth));
  growth.client().Submit("fan");
  SimulatedWorkers workers(growth.cluster().grpc(), 50, kWidth / 50,
                           SimulatedWorker::Policy::kHold);
  // Those that wait are there already: what is added is their attempts.
  const double before = growth.Kib();
  Eventually([&] { return workers.held() == kWidth; }, kPatience);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  figures.Add("kib_per_step_in_flight", (growth.Kib() - before) / kWidth);
}

void Watchers(Figures& figures) {
  Growth growth;
  constexpr int kCount = 1'000;
  growth.client().Register(Parked("parked", 10));
  const std::string run = growth.client().Submit("parked");
  const double before = growth.Kib();
  std::vector<std::thread> threads;
  std::atomic<int> open{0};
  for (int i = 0; i < kCount; ++i) {
    threads.emplace_back([&] {
      grpc::ClientContext context;
      v1::WatchRunRequest request;
      request.set_run_id(run);
      const auto reader = growth.client().runs().WatchRun(&context, request);
      v1::WatchRunResponse update;
      if (reader->Read(&update)) ++open;
      while (reader->Read(&update)) {
      }
    });
  }
  Eventually([&] { return open == kCount; }, kPatience);
  figures.Add("kib_per_watcher", (growth.Kib() - before) / kCount);
  const auto start = SteadyClock::now();
  growth.client().Cancel(run);
  for (std::thread& thread : threads) thread.join();
  figures.Add("ms_to_tell_1000_watchers", MillisSince(start));
}

}  // namespace

void MeasureGrowth(const Options&, Figures& figures) {
  LiveRuns(figures);
  QueuedSteps(figures);
  Workers(figures);
  StepsInFlight(figures);
  Watchers(figures);
}

}  // namespace penstock::bench
