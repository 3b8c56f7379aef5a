// What a step costs: chains, independent steps and maps of no-op steps, on one real worker.

#include <cstdlib>
#include <thread>

#include "tests/bench/client.h"
#include "tests/bench/parts.h"

namespace penstock::bench {
namespace {

constexpr int kChain = 40;
constexpr int kFan = 10'000;

// `suffix` stands in the figures' names.
void Chains(Client& client, int chains, const std::string& suffix, double fsync, Figures& figures) {
  std::vector<double> times;
  std::vector<double> overheads;
  for (int i = 0; i < chains; ++i) {
    const auto start = SteadyClock::now();
    const v1::Run run = client.RunToEnd("chain");
    times.push_back(MillisSince(start));
    // From the turn that made a step ready to the turn that took its result.
    const v1::Run ended = client.Get(run.run_id());
    for (const v1::Step& step : ended.steps()) {
      overheads.push_back(Millis(step.ready_at(), step.ended_at()));
    }
  }
  figures.AtMost("chain40" + suffix + "_ms", Quantile(times, 0.5), 80 * fsync + 60);
  figures.AtMost("step_overhead" + suffix + "_ms_p50", Quantile(overheads, 0.5), 2);
  figures.AtMost("step_overhead" + suffix + "_ms_p99", Quantile(overheads, 0.99), 10);
}

double MedianMillis(Client& client, const std::string& pipeline, int runs) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const auto start = SteadyClock::now();
    client.RunToEnd(pipeline);
    times.push_back(MillisSince(start));
  }
  return Quantile(times, 0.5);
}

void Fans(Client& client, int fans, const std::string& suffix, Figures& figures) {
  const double millis = MedianMillis(client, "fan", fans);
  figures.Add("fan10000" + suffix + "_ms", millis);
  figures.AtLeast("completions" + suffix + "_per_s", kFan / millis * 1e3, 10'000);
}

}  // namespace

void MeasureSteps(const Options& options, Figures& figures) {
  Cluster cluster;
  cluster.StartCoordinator({"--log-level", "warn"});
  cluster.StartWorker("w1", {"--log-level", "warn"});
  Client client(cluster.grpc());
  client.Register(Chain("chain", kChain));
  client.Register(Fan("fan", kFan));
  client.Register(Map("map", kFan));
  for (int i = 0; i < 3; ++i) client.RunToEnd("chain");

  const double fsync = FsyncMillis(cluster.folder());
  figures.Add("fsync_ms_p50", fsync);
  Chains(client, 25, "", fsync, figures);
  Fans(client, 3, "", figures);
  figures.AtMost("map10000_ms", MedianMillis(client, "map", 3), 4'000);
  if (options.idle_seconds <= 0) return;
  // Each figure as the first thing after that much idleness.
  const std::chrono::seconds idle(options.idle_seconds);
  figures.Add("idle_seconds", options.idle_seconds);
  std::this_thread::sleep_for(idle);
  Chains(client, 1, "_after_idle", fsync, figures);
  std::this_thread::sleep_for(idle);
  Fans(client, 1, "_after_idle", figures);
}

// From the request to the end of the run, and so of the process that ran the step.
void MeasureCancel(const Options&, Figures& figures) {
  Cluster cluster;
  cluster.StartCoordinator({"--log-level", "warn"});
  cluster.StartWorker("w1", {"--log-level", "warn"});
  Client client(cluster.grpc());
  const std::pair<const char*, const char*> kinds[] = {
      {"noop", "name: noop\nsteps:\n- {name: work, type: noop, with: {duration: 10m}}\n"},
      {"script",
       "name: script\nsteps:\n- {name: work, type: script, with: {command: [sleep, \"600\"]}}\n"}};
  for (const auto& [name, definition] : kinds) {
    client.Register(definition);
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) {
      const std::string run = client.Submit(name);
      Eventually([&] { return client.Get(run).steps(0).state() == v1::Step::RUNNING; });
      const auto start = SteadyClock::now();
      client.Cancel(run);
      client.WatchToEnd(run);
      times.push_back(MillisSince(start));
    }
    figures.AtMost(std::string("cancel_") + name + "_ms_p50", Quantile(times, 0.5), 1'000);
    figures.AtMost(std::string("cancel_") + name + "_ms_max", Quantile(times, 1), 1'000);
  }
}

}  // namespace penstock::bench
