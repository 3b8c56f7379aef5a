// Many steps in flight on many workers: memory, a restart of the coordinator among them; and many
// runs at once.

#include <atomic>
#include <thread>

#include "tests/bench/client.h"
#include "tests/bench/parts.h"
#include "tests/bench/simulated_worker.h"

namespace penstock::bench {
namespace {

constexpr std::chrono::minutes kPatience{5};
constexpr int kStepsPerRun = 100;
constexpr int kChain = 10;
constexpr int kSubmitters = 16;

void Need(bool happened, const std::string& what) {
  if (!happened) Die("this did not happen within minutes: " + what);
}

// Kills the coordinator among steps in flight, starts it, and lets each worker that is back end one
// step and get another.
void MeasureRestart(Cluster& cluster, SimulatedWorkers& workers, Figures& figures) {
  const int64_t before = workers.leased();
  const auto count = static_cast<int>(workers.all().size());
  std::vector<bool> finished(workers.all().size());
  cluster.Kill("coordinator");
  const auto start = SteadyClock::now();
  const pid_t pid = cluster.LaunchCoordinator({"--log-level", "warn"});
  double serves = 0;
  double back = 0;
  double first = 0;
  Need(Eventually(
           [&] {
             if (serves == 0 && PidOf(cluster, "coordinator") == pid) serves = MillisSince(start);
             for (std::size_t i = 0; i < finished.size(); ++i) {
               SimulatedWorker& worker = *workers.all()[i];
               if (!finished[i] && worker.sessions() >= 2) finished[i] = worker.FinishOne();
             }
             if (back == 0 && workers.WithSessions(2) == count) back = MillisSince(start);
             if (first == 0 && workers.leased() > before) first = MillisSince(start);
             return workers.leased() >= before + count;
           },
           kPatience),
       "every worker gets a step after the restart");
  const double all = MillisSince(start);
  figures.Add("restart_serves_ms", serves);
  figures.AtMost("restart_first_step_ms", first, 5'000);
  figures.Add("restart_all_workers_back_ms", back);
  figures.AtMost("restart_every_worker_works_ms", all, 5'000);
}

}  // namespace

pid_t PidOf(const Cluster& cluster, const std::string& daemon) {
  const Result<std::string> text = ReadFile(cluster.folder() / daemon / "ready.json", 1 << 20);
  if (!text.ok()) return 0;
  return static_cast<pid_t>(JsonInt(ParseJson(*text).value_or(Json::object()), "pid"));
}

void MeasureInFlight(const Options& options, Figures& figures) {
  Cluster cluster;
  cluster.StartCoordinator({"--log-level", "warn"});
  pid_t pid = PidOf(cluster, "coordinator");
  Client client(cluster.grpc());
  client.Register(Fan("hold", kStepsPerRun));
  figures.Add("empty_memory_mib", MemoryOf(pid).resident);
  const double cpus = static_cast<double>(options.in_flight) / options.workers;
  SimulatedWorkers workers(cluster.grpc(), options.workers, cpus, SimulatedWorker::Policy::kHold);
  Need(Eventually([&] { return workers.WithSessions(1) == options.workers; }, kPatience),
       "every worker has a session");
  figures.Add("workers", options.workers);
  figures.Add("workers_memory_mib", MemoryOf(pid).resident);

  // A tenth more than fit, so that there is work to flow.
  const auto start = SteadyClock::now();
  const int runs = options.in_flight * 11 / 10 / kStepsPerRun;
  for (int i = 0; i < runs; ++i) client.Submit("hold");
  Need(Eventually([&] { return workers.held() >= options.in_flight; }, kPatience),
       "the steps are in flight");
  figures.Add("in_flight", static_cast<double>(workers.held()));
  figures.Add("in_flight_fill_ms", MillisSince(start));
  std::this_thread::sleep_for(std::chrono::seconds(1));  // reports of starts are on their way
  figures.AtMost("in_flight_memory_mib", MemoryOf(pid).resident, 200);
  const double cpu = CpuSeconds(pid);
  constexpr int kSeconds = 6;
  std::this_thread::sleep_for(std::chrono::seconds(kSeconds));
  figures.Add("in_flight_cpu_share", (CpuSeconds(pid) - cpu) / kSeconds);

  MeasureRestart(cluster, workers, figures);
  pid = PidOf(cluster, "coordinator");
  const Memory memory = MemoryOf(pid);
  figures.AtMost("restarted_memory_mib", memory.resident, 200);
  figures.Add("restarted_memory_proportional_mib", memory.proportional);
  figures.AtMost("restarted_memory_peak_mib", memory.peak, 200);
  cluster.Kill("coordinator");
}

void MeasureRunsAtOnce(const Options& options, Figures& figures) {
  Cluster cluster;
  cluster.StartCoordinator({"--log-level", "warn"});
  const pid_t pid = PidOf(cluster, "coordinator");
  Client client(cluster.grpc());
  client.Register(Chain("ten", kChain));
  SimulatedWorkers workers(cluster.grpc(), options.workers, kChain,
                           SimulatedWorker::Policy::kSucceedAtOnce);
  Need(Eventually([&] { return workers.WithSessions(1) == options.workers; }, kPatience),
       "every worker has a session");
  std::atomic<int> next{0};
  std::vector<std::vector<double>> times(kSubmitters);
  const double cpu = CpuSeconds(pid);
  const auto start = SteadyClock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < kSubmitters; ++i) {
    threads.emplace_back([&, i] {
      Client own(cluster.grpc());
      while (next++ < options.runs_at_once) {
        const auto begin = SteadyClock::now();
        own.Submit("ten");
        times[static_cast<std::size_t>(i)].push_back(MillisSince(begin));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double submitted = MillisSince(start);
  Need(Eventually([&] { return cluster.Metric("penstock_live_runs") == 0; }, kPatience),
       "the runs end");
  const double all = MillisSince(start);
  std::vector<double> submissions;
  for (const auto& own : times) submissions.insert(submissions.end(), own.begin(), own.end());
  figures.Add("runs_at_once", options.runs_at_once);
  figures.Add("runs_submit_ms_p50", Quantile(submissions, 0.5));
  figures.Add("runs_submit_ms_p99", Quantile(submissions, 0.99));
  figures.Add("runs_submitted_ms", submitted);
  figures.Add("runs_ended_ms", all);
  figures.Add("runs_steps_per_s", options.runs_at_once * kChain / all * 1e3);
  figures.Add("runs_cpu_s", CpuSeconds(pid) - cpu);
  figures.Add("runs_memory_peak_mib", MemoryOf(pid).peak);

  std::vector<double> whole;
  v1::ListRunsRequest request;
  request.mutable_page()->set_page_size(1'000);
  const v1::ListRunsResponse listed = client.List(request);
  for (const v1::Run& run : listed.runs()) {
    if (run.state() != v1::Run::SUCCEEDED) Die("run " + run.run_id() + " did not succeed");
    whole.push_back(Millis(run.created().time(), run.ended_at()));
  }
  figures.Add("runs_whole_ms_p50", Quantile(whole, 0.5));
  figures.Add("runs_whole_ms_p99", Quantile(whole, 0.99));
  const auto mean_ms = [&](const std::string& name) {
    return cluster.Metric(name + "_sum") / cluster.Metric(name + "_count") * 1e3;
  };
  figures.Add("runs_turns", cluster.Metric("penstock_engine_turn_seconds_count"));
  figures.Add("runs_turn_ms_mean", mean_ms("penstock_engine_turn_seconds"));
  figures.Add("runs_turn_ms_longest", cluster.Metric("penstock_engine_longest_turn_seconds") * 1e3);
  figures.Add("runs_commit_ms_mean", mean_ms("penstock_engine_commit_seconds"));
  cluster.Kill("coordinator");
}

}  // namespace penstock::bench
