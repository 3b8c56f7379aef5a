// Everything that misbehaves, at once on one worker, beside steps that do not: each ends as it
// must, and worker, store, cache and the others are as if nothing had been.
//
// The log's flood has 512 MiB; with PENSTOCK_FAULTS=all, 10 GiB.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/digest.h"
#include "tests/integration/script/script_fixture.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr int64_t kMiB = 1 << 20;
// Of a worker that may keep 16 MiB of each step's log on its way.
constexpr int64_t kWorkerMemory = 256 * kMiB;

bool All() {
  const char* faults = std::getenv("PENSTOCK_FAULTS");
  return faults != nullptr && std::string(faults) == "all";
}

std::string Bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class CrowdTest : public ScriptFixture {
 protected:
  void SetUp() override {
    if (GetParam() == "auto" && !HasBubblewrap()) GTEST_SKIP() << "no bubblewrap here";
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1", {"--isolation", GetParam(), "--kill-grace", "1s"});
  }
  // Processes of this cluster's worker: pid → command line.
  std::map<pid_t, std::string> Marked() {
    std::map<pid_t, std::string> found;
    const std::string mark = "PENSTOCK_ATTEMPT_OWNER=" + cluster_.folder().string();
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      if (Bytes(entry.path() / "environ").find(mark) == std::string::npos) continue;
      found[std::stoi(name)] = Bytes(entry.path() / "cmdline");
    }
    return found;
  }
  pid_t WorkerPid() {
    const auto ready = ParseJson(Bytes(cluster_.folder() / "w1" / "ready.json"));
    return ready.ok() ? static_cast<pid_t>(JsonInt(*ready, "pid")) : 0;
  }
  // The most memory that a process ever had.
  static int64_t PeakMemory(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string word; status >> word;) {
      int64_t kilobytes = 0;
      if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
    }
    return -1;
  }
  // What the runners' logs take on disk now; they have no names there.
  int64_t LogBytes() {
    int64_t bytes = 0;
    for (const auto& [pid, line] : Marked()) {
      struct stat info {};
      if (line.find("--runner") == std::string::npos) continue;
      if (stat(("/proc/" + std::to_string(pid) + "/fd/1").c_str(), &info) == 0) {
        bytes = std::max(bytes, int64_t{info.st_blocks} * 512);
      }
    }
    return bytes;
  }
  static int64_t DiskBytes(const std::filesystem::path& folder) {
    int64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
    }
    return bytes;
  }
  // Every blob of a store is what its name says; how many there are.
  static int CheckBlobs(const std::filesystem::path& store) {
    int blobs = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store / "blobs")) {
      if (!entry.is_regular_file()) continue;
      const std::filesystem::path& path = entry.path();
      const std::string name = path.parent_path().filename().string() + path.filename().string();
      EXPECT_EQ(Sha256(Bytes(path)).value(), name);
      ++blobs;
    }
    return blobs;
  }
  std::string Cause(const std::string& step) {
    return JsonString(Cluster::Step(run_, step), "cause");
  }
  std::string State(const std::string& step) {
    return JsonString(Cluster::Step(run_, step), "state");
  }
  std::string Log(const std::string& step) { return cluster_.Client({"logs", id_, step}).out; }
};

INSTANTIATE_TEST_SUITE_P(Isolation, CrowdTest, testing::Values("auto", "none"));

constexpr char kCrowd[] = R"yaml(
name: crowd
parameters: {data: {type: dataset}, flood: {type: string}}
defaults: {resources: {cpus: 0.1}}
steps:
- name: memory
  type: script
  resources: {memory: 100MiB}
  with: {command: [python3, -c, "import time; x = bytearray(400 << 20); time.sleep(60)"]}
- name: memory-built-in
  type: noop
  resources: {memory: 1MiB}
  with: {duration: 60s}
- name: timeout
  type: script
  timeout: 1s
  with: {command: [sleep, "612.4321"]}
- name: timeout-built-in
  type: noop
  timeout: 1s
  with: {duration: 60s}
- name: deaf
  type: script
  timeout: 1s
  with: {command: [/bin/sh, -c, 'trap "" TERM; while true; do sleep 7.4322; done']}
- name: flood
  type: script
  with: {command: [/bin/sh, -c, 'echo first; yes $0 | head -c $1; echo; echo last', flooded, "${parameters.flood}"]}
- name: children
  type: script
  with: {command: [/bin/sh, -c, 'setsid setsid sh -c "sleep 613.4321 & sleep 613.4321" </dev/null & sleep 0.3']}
- name: writer
  type: script
  inputs: {data: "${parameters.data}"}
  with:
    command:
    - /bin/sh
    - -c
    - |
      chmod -R u+w $SM_CHANNEL_DATA
      for f in $SM_CHANNEL_DATA/*; do echo spoilt > $f; truncate -s 0 $f; done
      rm -rf $SM_CHANNEL_DATA
      true
- name: hanging-model
  type: script
  inputs: {train: "${parameters.data}"}
  with:
    command: [/bin/sh, -c, 'echo x > $SM_MODEL_DIR/w']
    predict:
      command: [/bin/sh, -c, 'trap "" TERM; setsid sleep 614.4321 & sleep 614.4321; sleep 614.4321']
      label: b
- name: hanging
  type: predict
  timeout: 1s
  inputs: {model: "${steps.hanging-model.outputs.model}", data: "${parameters.data}"}
- name: good
  type: script
  inputs: {data: "${parameters.data}"}
  with:
    command:
    - /bin/sh
    - -c
    - |
      for i in 1 2 3 4 5; do
        awk -F, 'NR > 1 {s += $2} END {print "sum=" s}' $SM_CHANNEL_DATA/data.csv; sleep 0.2
      done
      cp $SM_CHANNEL_DATA/data.csv $SM_OUTPUT_DATA_DIR/copy
    metrics: [{name: sum, regex: 'sum=([0-9]+)'}]
    outputs: {copy: {}}
- name: good-built-in
  type: process
  inputs: {data: "${parameters.data}"}
  with: {transforms: [{op: standard, columns: [b]}]}
- name: after
  type: script
  when: all_done
  dependsOn: [memory, memory-built-in, timeout, timeout-built-in, deaf, flood, children, writer, hanging]
  inputs: {data: "${parameters.data}", copy: "${steps.good.outputs.copy}"}
  with: {command: [/bin/sh, -c, 'cat $SM_CHANNEL_DATA/* | cksum; cat $SM_CHANNEL_COPY/* | cksum']}
)yaml";

TEST_P(CrowdTest, EachEndsAsItMustAndNothingElseSuffers) {
  std::string rows = "a,b\n";
  int64_t sum = 0;
  for (int i = 0; i < 20'000; ++i) {
    rows += std::to_string(i) + "," + std::to_string(i % 97) + "\n";
    sum += i % 97;
  }
  const std::string data = cluster_.Write("data.csv", rows);
  const pid_t worker = WorkerPid();
  ASSERT_GT(worker, 0);
  std::string definition = kCrowd;
  const std::string flood = std::to_string((All() ? 10 * 1'024 : 512) * kMiB);
  id_ = cluster_.Submit(cluster_.Write("crowd.yaml", definition),
                        {"-p", "data=@" + data, "-p", "flood=" + flood});
  ASSERT_FALSE(id_.empty());
  int64_t most_log = 0;
  ASSERT_TRUE(Eventually(
      [&] {
        most_log = std::max(most_log, LogBytes());
        run_ = cluster_.Run(id_);
        const std::string state = JsonString(run_, "state");
        return state == "FAILED" || state == "SUCCEEDED";
      },
      std::chrono::seconds(120)));

  EXPECT_EQ(Cause("memory"), "OUT_OF_MEMORY") << Log("memory");
  EXPECT_EQ(Cause("memory-built-in"), "OUT_OF_MEMORY");
  for (const char* step : {"timeout", "timeout-built-in", "deaf", "hanging"}) {
    EXPECT_EQ(Cause(step), "TIMEOUT") << step;
    EXPECT_EQ(State(step), "FAILED") << step;
  }
  for (const char* step : {"flood", "children", "writer", "good", "good-built-in", "after"}) {
    EXPECT_EQ(State(step), "SUCCEEDED") << step << ": " << Log(step);
  }

  // The log keeps its beginning and its end, on the worker and at the coordinator.
  const std::string log = Log("flood");
  EXPECT_THAT(log.substr(0, 1'000), HasSubstr("first\nflooded\n"));
  EXPECT_THAT(log.substr(log.size() - 100), HasSubstr("last\n"));
  EXPECT_LE(log.size(), std::size_t{16} << 20);
  EXPECT_LE(most_log, 32 * kMiB);
  EXPECT_LE(DiskBytes(cluster_.folder()), 64 * kMiB);

  // The worker is the same process, small, and nothing of its steps is left but its own runners.
  EXPECT_EQ(WorkerPid(), worker);
  EXPECT_TRUE(cluster_.Running("w1"));
  EXPECT_LE(PeakMemory(worker), kWorkerMemory);
  for (const auto& [pid, line] : Marked()) EXPECT_THAT(line, HasSubstr("--runner")) << pid;
  EXPECT_TRUE(
      Eventually([&] { return std::filesystem::is_empty(cluster_.folder() / "w1" / "work"); }));

  // The others are right, and so is what they had in common.
  EXPECT_EQ(JsonDouble(JsonMember(Cluster::Step(run_, "good"), "metrics"), "sum"), sum);
  EXPECT_EQ(JsonDouble(JsonMember(Cluster::Step(run_, "good-built-in"), "metrics"), "rows"),
            20'000);
  const std::string sums = Log("after");
  const auto first = sums.find('\n', sums.find("isolation:")) + 1;
  const auto second = sums.find('\n', first) + 1;
  EXPECT_EQ(sums.substr(first, second - first), sums.substr(second)) << sums;
  const std::string copy = (cluster_.folder() / "copy").string();
  const Json good = Cluster::Step(run_, "good");
  const Json& ref = JsonMember(JsonMember(good, "outputs"), "copy");
  EXPECT_EQ(cluster_.Client({"artifacts", "get", JsonString(ref, "digest"), "-o", copy}).code, 0);
  EXPECT_TRUE(Bytes(copy) == rows);
  StopAll();
  EXPECT_GT(CheckBlobs(cluster_.folder() / "w1" / "artifacts"), 0);
  EXPECT_GT(CheckBlobs(cluster_.folder() / "coordinator" / "artifacts"), 0);
}

}  // namespace
}  // namespace penstock
