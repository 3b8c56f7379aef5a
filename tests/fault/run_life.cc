#include "tests/fault/run_life.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "storage/metadata/metadata_reader.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

// Data in, a map of scripts, a person's word, a model that is trained, judged, and registered.
const std::string kEverything = SmallPipeline("everything") + R"(- name: each
  type: map
  over: ["1", "2"]
  steps:
  - name: sum
    type: script
    inputs: {data: "${parameters.data}"}
    with:
      command: [/bin/sh, -c, 'echo part $0; cksum < $SM_CHANNEL_DATA/data.csv > $SM_OUTPUT_DATA_DIR/sum', "${item}"]
      outputs: {sum: {}}
- {name: ok, type: approval, dependsOn: [each]}
- name: train
  type: train
  algorithm: xgboost
  dependsOn: [ok]
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 3}
- {name: evaluate, type: evaluate, inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}}
- name: good-enough
  type: condition
  if: {left: "${steps.evaluate.metrics.auc}", op: ">", right: 0.5}
  then: [register]
  else: [reject]
- {name: register, type: register, inputs: {model: "${steps.train.outputs.model}", report: "${steps.evaluate.outputs.report}"}, with: {group: everything}}
- {name: reject, type: fail, with: {message: "not good enough"}}
onExit:
- {name: tidy, type: noop, with: {message: "${run.state}"}}
defaults: {retry: {maxAttempts: 4, interval: 10ms}, resources: {cpus: 0.5}}
)";

// Most of a life is waiting.
constexpr int kAtOnce = 4;

std::map<std::string, int64_t> Count(const std::filesystem::path& report) {
  std::map<std::string, int64_t> hits;
  std::istringstream lines(ReadFile(report, 64 << 20).value_or(""));
  for (std::string line; std::getline(lines, line);) ++hits[line];
  return hits;
}

class Driver {
 public:
  explicit Driver(const LifeOptions& options) : options_(options) {}

  Life Live() {
    const std::string pipeline = cluster_.Write("everything.yaml", kEverything);
    const std::string data = cluster_.Write("data.csv", SmallCsv(200));
    KeepUp();
    const std::vector<std::string> submit = {
        "run", "-f", pipeline, "-p", "data=@" + data, "--idempotency-key", "one"};
    life_.hits_before = Count(report_);
    EXPECT_TRUE(Eventually([&] {
      KeepUp();
      const Ran ran = cluster_.Client(submit);
      id_ = ran.out.substr(0, ran.out.find('\n'));
      return ran.code == 0;
    })) << "the run could not be submitted";
    EXPECT_TRUE(Eventually([&] { return KeepUp() && Ended(); }, std::chrono::seconds(60)))
        << cluster_.Client({"describe", "run", id_}).out;
    if (testing::Test::HasFailure()) return std::move(life_);
    if (options_.keeps_logs) ExpectLog();
    ExpectOneVersion();
    AwaitWorker();
    for (const char* daemon : {"w1", "coordinator"}) StopOne(daemon);
    life_.hits = Count(report_);
    cluster_.CheckInvariants({id_});
    return std::move(life_);
  }

 private:
  bool Watches(LifeOptions::Watched which) const { return options_.watched == which; }

  std::vector<std::string> Armed(const char* report_flag) {
    std::vector<std::string> arguments = {report_flag, report_.string()};
    if (!options_.faults.empty()) arguments.insert(arguments.end(), {"--faults", options_.faults});
    return arguments;
  }

  // Both daemons are there, started again where they had ended.
  bool KeepUp() {
    const bool coordinator = Watches(LifeOptions::Watched::kCoordinator);
    while (!cluster_.Running("coordinator")) {
      const bool first = coordinator && !armed_;
      if (first) armed_ = true;
      if (!first && coordinator) ++life_.crashes;
      std::vector<std::string> more = {"--lease-heartbeat", "200ms"};
      if (first) {
        const std::vector<std::string> faults = Armed("--fault-report");
        more.insert(more.end(), faults.begin(), faults.end());
      }
      if (!cluster_.TryCoordinator(more) && !first) {
        ADD_FAILURE() << "a coordinator without faults ended";
        return true;
      }
    }
    if (!cluster_.Running("w1")) {
      const bool first = !coordinator && !armed_;
      if (first) armed_ = true;
      if (!first && !coordinator) ++life_.crashes;
      const pid_t pid = cluster_.LaunchWorker(
          "w1", first ? Armed("--faults-report") : std::vector<std::string>());
      restarted_worker_ = std::exchange(launched_worker_, true) ? pid : 0;
    }
    return true;
  }

  // A crash may come with the answer.
  void ExpectOneVersion() {
    int versions = -1;
    EXPECT_TRUE(Eventually([&] {
      KeepUp();
      versions = cluster_.ModelVersions("everything");
      return versions >= 0;
    })) << "the coordinator does not answer";
    EXPECT_EQ(versions, 1);
  }

  void ExpectLog() {
    EXPECT_TRUE(Eventually([&] {
      KeepUp();
      const Ran log = cluster_.Client({"logs", id_, "each[1].sum"});
      return log.code == 0 && log.out.find("part 2\n") != std::string::npos;
    })) << "the log of a step is lost: "
        << cluster_.Client({"logs", id_, "each[1].sum"}).out;
  }

  bool Ended() {
    const auto reader = MetadataReader::Open((cluster_.data_dir() / "penstock.db").string());
    if (!reader.ok()) return false;
    const auto run = (*reader)->FindRun(id_);
    if (!run.ok()) return false;
    const auto steps = (*reader)->ListSteps(run->row);
    if (!steps.ok()) return false;
    for (const StepRecord& step : *steps) {
      if (step.name == "ok" && step.state == StepState::kRunning) {
        (void)cluster_.Client({"approve", id_, "ok"});
      }
    }
    if (!IsTerminal(run->state)) return false;
    EXPECT_EQ(run->state, RunState::kSucceeded) << run->message;
    for (const StepRecord& step : *steps) life_.results[step.name] = ResultOf(step);
    return true;
  }

  static std::string ResultOf(const StepRecord& step) {
    std::string result(Name(step.state));
    if (!step.branch.empty()) result += " " + step.branch;
    for (const auto& [name, value] : step.result.metrics) {
      result += " " + name + "=" + std::to_string(value);
    }
    for (const auto& [name, ref] : step.result.outputs)
      result += " " + name + "=" + ref.digest.value();
    return result;
  }

  // A crash may come as late as this: then it is started and stopped once more.
  void StopOne(const std::string& daemon) {
    if (cluster_.Stop(daemon) == 0) return;
    ++life_.crashes;
    if (daemon == "w1") {
      cluster_.StartWorker("w1");
    } else {
      cluster_.StartCoordinator();
    }
    EXPECT_EQ(cluster_.Stop(daemon), 0) << daemon;
  }
  // One that was just started again does not hear signals yet.
  void AwaitWorker() {
    if (restarted_worker_ == 0) return;
    EXPECT_TRUE(Eventually([&] {
      const auto ready =
          ParseJson(ReadFile(cluster_.folder() / "w1" / "ready.json").value_or("{}"));
      return ready.ok() && JsonInt(*ready, "pid") == restarted_worker_;
    }));
  }

  // Lives go on beside each other, and each has coordinators that come and go.
  static std::string OwnHost() {
    static std::atomic<int> next{0};
    const int pid = getpid();
    return "127." + std::to_string(1 + (pid >> 8) % 250) + "." + std::to_string(pid % 256) + "." +
           std::to_string(1 + next++ % 250);
  }

  const LifeOptions& options_;
  Cluster cluster_{OwnHost()};
  const std::filesystem::path report_ = cluster_.folder() / "hits";
  bool armed_ = false;
  bool launched_worker_ = false;
  pid_t restarted_worker_ = 0;
  std::string id_;
  Life life_;
};

std::mt19937_64& Generator() {
  static std::mt19937_64 generator = [] {
    const char* given = std::getenv("PENSTOCK_FAULT_SEED");
    const uint64_t seed =
        given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::printf("PENSTOCK_FAULT_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return std::mt19937_64(seed);
  }();
  return generator;
}

}  // namespace

bool EveryHit() {
  const char* all = std::getenv("PENSTOCK_FAULTS");
  return all != nullptr && std::string(all) == "all";
}

Life LiveThrough(const LifeOptions& options) {
  SCOPED_TRACE(options.faults);
  return Driver(options).Live();
}

std::vector<Life> LiveThroughAll(const std::vector<LifeOptions>& all) {
  std::vector<Life> lives(all.size());
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&] {
      for (std::size_t at = 0; (at = next++) < all.size();) lives[at] = LiveThrough(all[at]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return lives;
}

std::set<int64_t> HitsToTry(const Life& untouched, const std::string& point, Sample sample) {
  const auto count = [&](const std::map<std::string, int64_t>& hits) {
    const auto found = hits.find(point);
    return found == hits.end() ? int64_t{0} : found->second;
  };
  const int64_t all = count(untouched.hits);
  if (all == 0) return {};
  std::set<int64_t> hits;
  if (EveryHit()) {
    for (int64_t hit = 1; hit <= all; ++hit) hits.insert(hit);
    return hits;
  }
  const int64_t begin = std::min(count(untouched.hits_before) + 1, all);
  hits.insert(std::uniform_int_distribution<int64_t>(begin, all)(Generator()));
  if (sample == Sample::kOne) return hits;
  for (const int64_t hit : {int64_t{1}, int64_t{2}, int64_t{3}, all}) {
    if (hit <= all) hits.insert(hit);
  }
  return hits;
}

}  // namespace penstock
