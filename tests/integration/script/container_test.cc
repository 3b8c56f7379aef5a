// Scripts in containers, with an image that is built on the spot: a shell of this machine's, and
// what it needs. Skipped where neither podman nor docker works.

#include "steps/script/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kImage[] = "localhost/penstock-test";

std::string Bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const std::string& Engine() {
  static const std::string engine = FindContainerEngine();
  return engine;
}

// Whether the image can be built and run, which is tried once; else why not.
const std::string& WhyNot() {
  static const std::string why = [] {
    if (Engine().empty()) return std::string("neither podman nor docker works here");
    auto folder = TempFolder::Make(std::filesystem::temp_directory_path());
    const std::filesystem::path root = folder->path() / "root";
    std::string lines = "FROM scratch\nCOPY root /\n";
    for (const char* program : {"/bin/sh", "/bin/cat", "/bin/sleep"}) {
      std::filesystem::create_directories(root / "bin");
      std::filesystem::copy_file(program, root / (program + 1));
      const Ran needs = RunProgram({"/usr/bin/ldd", program});
      for (std::size_t at = needs.out.find('/'); at != std::string::npos;
           at = needs.out.find('/', at)) {
        const std::string file = needs.out.substr(at, needs.out.find_first_of(" \n", at) - at);
        at += file.size();
        std::filesystem::create_directories(root / file.substr(1).substr(0, file.rfind('/') - 1));
        std::filesystem::copy_file(file, root / file.substr(1),
                                   std::filesystem::copy_options::skip_existing);
      }
    }
    std::ofstream(folder->path() / "Dockerfile") << lines;
    const Ran built = RunProgram({Engine(), "build", "-q", "-t", kImage, folder->path().string()});
    if (built.code != 0) return "no image can be built here: " + built.err;
    const Ran ran = RunProgram({Engine(), "run", "--rm", kImage, "sh", "-c", "exit 0"});
    return ran.code == 0 ? std::string() : "no container can be run here: " + ran.err;
  }();
  return why;
}

class ContainerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!WhyNot().empty()) GTEST_SKIP() << WhyNot();
    cluster_.StartCoordinator();
    StartWorker();
  }
  void StartWorker(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--kill-grace", "3s"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    cluster_.StartWorker("w1", arguments);
  }
  // Runs a script in the image; `step` are further lines of it, `shell` what it does.
  void RunShell(const std::string& shell, const std::string& step = "",
                const std::string& image = kImage, const std::string& with = "") {
    std::string lines;
    std::istringstream text(shell);
    for (std::string line; std::getline(text, line);) lines += "      " + line + "\n";
    file_ = cluster_.Write("c.yaml", R"(
name: c
parameters: {data: {type: dataset}}
steps:
- name: s
  type: script
  inputs: {data: "${parameters.data}"}
)" + step + "  with:\n    image: \"" + image +
                                         "\"\n" + with +
                                         "    command:\n    - sh\n    - -c\n    - |\n" + lines);
    const std::string data = cluster_.Write("data.csv", "a,b\n1,2\n");
    id_ = cluster_.Submit(file_, {"-p", "data=@" + data});
  }
  void Finish() {
    state_ = cluster_.Wait(id_);
    step_ = Cluster::Step(cluster_.Run(id_), "s");
    log_ = cluster_.Client({"logs", id_, "s"}).out;
  }
  static int Alive(const std::string& mark) {
    int found = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      if (entry.path().filename() == std::to_string(getpid())) continue;
      found += Bytes(entry.path() / "cmdline").find(mark) != std::string::npos;
    }
    return found;
  }
  std::string Containers() {
    return RunProgram({Engine(), "ps", "--all", "--quiet", "--filter",
                       "label=penstock.owner=" + (cluster_.folder() / "w1").string()})
        .out;
  }
  void StopAll() {
    EXPECT_EQ(Containers(), "");
    EXPECT_EQ(cluster_.Stop("w1"), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    cluster_.CheckInvariants();
  }
  Cluster cluster_;
  std::string file_;
  std::string id_;
  std::string state_;
  Json step_;
  std::string log_;
};

TEST_F(ContainerTest, RunsInTheImageAndNowhereElse) {
  const std::string shell =
      "cat $SM_CHANNEL_DATA/data.csv\n"
      "echo spoilt > $SM_CHANNEL_DATA/data.csv\n"
      "echo system > /bin/more\n"
      "echo temporary > /tmp/x && cat /tmp/x\n"
      "cat /etc/debian_version /proc/net/route\n"
      "echo weights > $SM_MODEL_DIR/w\n"
      "echo answer > $SM_OUTPUT_DATA_DIR/answer\n";
  const std::string outputs = "    outputs: {answer: {}}\n";
  RunShell(shell, "", kImage, outputs);
  Finish();
  ASSERT_EQ(state_, "SUCCEEDED") << log_;
  EXPECT_THAT(log_, HasSubstr("isolation: " + std::filesystem::path(Engine()).filename().string() +
                              " (image " + kImage));
  EXPECT_THAT(log_, HasSubstr("sha256:"));
  EXPECT_THAT(log_, HasSubstr("a,b\n1,2\n"));
  EXPECT_THAT(log_, HasSubstr("data.csv: Read-only file system"));
  EXPECT_THAT(log_, HasSubstr("/bin/more: Read-only file system"));
  EXPECT_THAT(log_, HasSubstr("temporary\n"));
  EXPECT_THAT(log_, HasSubstr("/etc/debian_version: No such file"));
  EXPECT_THAT(log_, testing::Not(HasSubstr("00000000"))) << "no route";
  EXPECT_TRUE(JsonMember(step_, "outputs").contains("model"));
  // Tomorrow's image of that name may be another.
  RunShell(shell, "", kImage, outputs);
  Finish();
  EXPECT_EQ(JsonString(step_, "state"), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"explain", id_, "s"}).out, HasSubstr("pin it by digest"));
  const Ran digest =
      RunProgram({Engine(), "image", "inspect", "--format", "{{index .RepoDigests 0}}", kImage});
  ASSERT_EQ(digest.code, 0) << digest.err;
  const std::string pinned = digest.out.substr(0, digest.out.find('\n'));
  for (const char* expected : {"SUCCEEDED", "CACHED"}) {
    RunShell(shell, "", pinned, outputs);
    Finish();
    EXPECT_EQ(JsonString(step_, "state"), expected) << log_;
  }
  StopAll();
}

TEST_F(ContainerTest, HowItEndsIsSaid) {
  RunShell("exit 7");
  Finish();
  EXPECT_EQ(JsonString(step_, "cause"), "STEP_ERROR");
  EXPECT_THAT(JsonString(step_, "message"), HasSubstr("exit code 7"));
  RunShell("echo x", "", "localhost/penstock-none");
  Finish();
  EXPECT_THAT(JsonString(step_, "message"), HasSubstr("cannot be pulled"));
  RunShell("x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done", "  resources: {memory: 64MiB}\n");
  Finish();
  EXPECT_EQ(JsonString(step_, "cause"), "OUT_OF_MEMORY") << JsonString(step_, "message") << log_;
  StopAll();
}

TEST_F(ContainerTest, ItIsAskedToStopAndThenMade) {
  RunShell("trap 'echo saved; exit 0' TERM; while true; do sleep 0.1; done", "  timeout: 2s\n");
  Finish();
  EXPECT_EQ(JsonString(step_, "cause"), "TIMEOUT");
  EXPECT_THAT(log_, HasSubstr("saved"));
  RunShell("trap '' TERM; while true; do sleep 6.4321; done", "  timeout: 2s\n");
  Finish();
  EXPECT_EQ(JsonString(step_, "cause"), "TIMEOUT");
  EXPECT_EQ(Alive("6.4321"), 0);
  StopAll();
}

TEST_F(ContainerTest, NothingOutlivesAKilledWorker) {
  RunShell("sleep 615.4321");
  // Podman's own process, and what it started.
  ASSERT_TRUE(Eventually([&] { return Alive("615.4321") >= 2 && !Containers().empty(); }));
  const std::string before = Containers();
  cluster_.Kill("w1");
  StartWorker();
  EXPECT_TRUE(Eventually([&] { return Containers().find(before) == std::string::npos; }));
  EXPECT_EQ(cluster_.Client({"cancel", id_}).code, 0);
  cluster_.Wait(id_);
  EXPECT_TRUE(Eventually([&] { return Containers().empty() && Alive("615.4321") == 0; }));
  StopAll();
}

TEST_F(ContainerTest, AModelPredictsInItsImage) {
  const std::string data = cluster_.Write("rows.csv", "x,y\n1,2\n2,4\n");
  const std::string file = cluster_.Write("p.yaml", std::string(R"(
name: p
parameters: {data: {type: dataset}}
steps:
- name: train
  type: script
  inputs: {train: "${parameters.data}"}
  with:
    image: )") + kImage + R"(
    command: [sh, -c, 'echo 4 > $SM_MODEL_DIR/w']
    predict:
      label: y
      command:
      - sh
      - -c
      - |
        echo spoilt > $SM_MODEL_DIR/w
        read w < $SM_MODEL_DIR/w
        { echo prediction; { read header; while read x; do echo $w; done; } < $SM_CHANNEL_DATA/data.csv; } > $SM_OUTPUT_DATA_DIR/predictions.csv
- name: judge
  type: evaluate
  inputs: {model: "${steps.train.outputs.model}", data: "${parameters.data}"}
)");
  id_ = cluster_.Submit(file, {"-p", "data=@" + data});
  ASSERT_EQ(cluster_.Wait(id_), "SUCCEEDED") << cluster_.Client({"describe", "run", id_}).out;
  const Json judge = Cluster::Step(cluster_.Run(id_), "judge");
  EXPECT_EQ(JsonDouble(JsonMember(judge, "metrics"), "mse"), 2);
  StopAll();
}

TEST_F(ContainerTest, AWorkerWithoutAnEngineIsNotAsked) {
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  StartWorker({"--containers", "none"});
  RunShell("true");
  EXPECT_TRUE(Eventually([&] {
    return cluster_.Client({"explain", id_, "s"}).out.find("penstock.containers=available") !=
           std::string::npos;
  })) << cluster_.Client({"explain", id_, "s"}).out;
  EXPECT_EQ(cluster_.Client({"cancel", id_}).code, 0);
  EXPECT_EQ(cluster_.Wait(id_), "CANCELLED");
  StopAll();
}

}  // namespace
}  // namespace penstock
