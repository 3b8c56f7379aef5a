#include "tests/support/cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/support/invariants.h"

namespace penstock {
namespace {

std::vector<std::string> Environment(const std::map<std::string, std::string>& more) {
  std::vector<std::string> set;
  for (std::string& text : CurrentEnvironment()) {
    if (text.starts_with("PENSTOCK_") || more.contains(text.substr(0, text.find('=')))) continue;
    set.push_back(std::move(text));
  }
  for (const auto& [name, value] : more) set.push_back(name + "=" + value);
  return set;
}

// A range of ports for the ranks of one worker, of which the first is free now: workers of tests
// that run beside each other must not share one.
std::string FreePorts() {
  constexpr int kPorts = 4;
  const UniqueFd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  PENSTOCK_CHECK(bind(socket_fd.get(), raw, size) == 0);
  PENSTOCK_CHECK(getsockname(socket_fd.get(), raw, &size) == 0);
  const int first = std::min<int>(ntohs(address.sin_port), 65'535 - kPorts + 1);
  return std::to_string(first) + "-" + std::to_string(first + kPorts - 1);
}

TempFolder MakeFolder() {
  Result<TempFolder> folder = TempFolder::Make(std::filesystem::temp_directory_path());
  PENSTOCK_CHECK(folder.ok());
  return *std::move(folder);
}

// Fails the test, and returns nothing, where that program cannot be started.
std::optional<Subprocess> Launch(const std::vector<std::string>& arguments, const std::string& out,
                                 const std::string& err,
                                 const std::map<std::string, std::string>& environment) {
  const auto file = [](const std::string& path) {
    return UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  };
  const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd out_file = file(out);
  const UniqueFd err_file = file(err);
  Result<Subprocess> started = Subprocess::Start(
      {.arguments = arguments,
       .environment = Environment(environment),
       .descriptors = {{0, nothing.get()}, {1, out_file.get()}, {2, err_file.get()}}});
  EXPECT_TRUE(started.ok()) << started.status();
  if (!started.ok()) return std::nullopt;
  return *std::move(started);
}

Json ReadJson(const std::filesystem::path& path) {
  const Result<std::string> text = ReadFile(path, 1 << 20);
  if (!text.ok()) return {};
  return ParseJson(*text).value_or(Json());
}

}  // namespace

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::filesystem::path SharedData() {
  const char* given = std::getenv("PENSTOCK_TEST_DATA");
  const std::filesystem::path folder = given != nullptr ? given : "../shared/data";
  if (std::filesystem::exists(folder / "adult" / "adult.data")) {
    return std::filesystem::absolute(folder);
  }
  const char* ci = std::getenv("CI");
  EXPECT_FALSE(ci != nullptr && std::string(ci) == "true") << "the real data are absent";
  return {};
}

std::string Program(const std::string& name) {
  const char* folder = std::getenv("PENSTOCK_BIN_DIR");
  return std::string(folder != nullptr ? folder : "build/bin") + "/" + name;
}

Ran RunProgram(const std::vector<std::string>& arguments,
               const std::map<std::string, std::string>& environment) {
  const TempFolder folder = MakeFolder();
  const std::string out = folder.path() / "out";
  const std::string err = folder.path() / "err";
  Ran ran;
  std::optional<Subprocess> program = Launch(arguments, out, err, environment);
  if (!program) return ran;
  ran.code = program->Wait().ShellCode();
  ran.out = ReadFile(out).value_or("");
  ran.err = ReadFile(err).value_or("");
  return ran;
}

Cluster::Cluster(const std::string& host)
    : folder_(MakeFolder()), grpc_(host + ":0"), http_(host + ":0") {}

Cluster::~Cluster() {
  daemons_.clear();
  if (!testing::Test::HasFailure()) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.path().extension() != ".log") continue;
    const std::string text = ReadFile(entry.path(), 64 << 20).value_or("");
    std::fprintf(stderr, "=== %s ===\n%s\n", entry.path().filename().c_str(),
                 text.substr(text.size() > 6'000 ? text.size() - 6'000 : 0).c_str());
  }
}

pid_t Cluster::Spawn(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string log = folder_.path() / (name + ".log");
  std::optional<Subprocess> program = Launch(arguments, log, log, {});
  if (!program) return 0;
  const pid_t pid = program->pid();
  daemons_.insert_or_assign(name, *std::move(program));
  return pid;
}

pid_t Cluster::LaunchCoordinator(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {
      Program("penstockd"), "--data-dir", data_dir().string(), "--grpc-address", grpc_,
      "--http-address",     http_};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Spawn("coordinator", arguments);
}

bool Cluster::TryCoordinator(const std::vector<std::string>& more) {
  const pid_t pid = LaunchCoordinator(more);
  Json ready;
  EXPECT_TRUE(Eventually([&] {
    ready = ReadJson(data_dir() / "ready.json");
    return JsonInt(ready, "pid") == pid || !Running("coordinator");
  })) << "the coordinator did not come up";
  if (JsonInt(ready, "pid") != pid) return false;
  grpc_ = JsonString(ready, "grpc");
  http_ = JsonString(ready, "http");
  return Running("coordinator");
}

void Cluster::StartCoordinator(const std::vector<std::string>& more) {
  ASSERT_TRUE(TryCoordinator(more)) << "the coordinator ended at once";
}

pid_t Cluster::LaunchWorker(const std::string& name, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {Program("penstock-worker"),
                                        "--coordinator",
                                        grpc_,
                                        "--name",
                                        name,
                                        "--data-dir",
                                        (folder_.path() / name).string(),
                                        "--cpus",
                                        "2",
                                        "--rank-ports",
                                        FreePorts()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Spawn(name, arguments);
}

void Cluster::StartWorker(const std::string& name, const std::vector<std::string>& more) {
  const pid_t pid = LaunchWorker(name, more);
  const std::filesystem::path ready = folder_.path() / name / "ready.json";
  ASSERT_TRUE(Eventually([&] { return JsonInt(ReadJson(ready), "pid") == pid; }))
      << "worker " << name << " did not come up";
}

void Cluster::Signal(const std::string& daemon, int signal) {
  ASSERT_TRUE(Running(daemon)) << daemon;
  daemons_.at(daemon).Signal(signal);
}

void Cluster::Kill(const std::string& daemon) {
  daemons_.erase(daemon);
}

int Cluster::Stop(const std::string& daemon) {
  const auto found = daemons_.find(daemon);
  if (found == daemons_.end()) return -1;
  found->second.Signal(SIGTERM);
  const int code = found->second.Wait().ShellCode();
  daemons_.erase(found);
  return code;
}

bool Cluster::Running(const std::string& daemon) {
  const auto found = daemons_.find(daemon);
  if (found == daemons_.end()) return false;
  if (!found->second.Poll()) return true;
  daemons_.erase(found);
  return false;
}

Ran Cluster::Client(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment) {
  std::vector<std::string> whole = {Program("penstock")};
  whole.insert(whole.end(), arguments.begin(), arguments.end());
  std::map<std::string, std::string> variables = environment;
  variables.emplace("PENSTOCK_ADDRESS", grpc_);
  return RunProgram(whole, variables);
}

std::string Cluster::Submit(const std::string& file, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"run", "-f", file};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran ran = Client(arguments);
  EXPECT_EQ(ran.code, 0) << ran.err;
  return ran.out.substr(0, ran.out.find('\n'));
}

Json Cluster::Run(const std::string& id) {
  const Ran ran = Client({"get", "runs", id, "-o", "json"});
  if (ran.code != 0) return {};
  return ParseJson(ran.out, {.max_bytes = 64 << 20, .max_depth = 64}).value_or(Json());
}

std::string Cluster::Wait(const std::string& id, std::chrono::seconds patience) {
  std::string state;
  const bool ended = Eventually(
      [&] {
        state = JsonString(Run(id), "state");
        return state == "SUCCEEDED" || state == "FAILED" || state == "CANCELLED";
      },
      patience);
  return ended ? state : "";
}

Json Cluster::Step(const Json& run, const std::string& name) {
  for (const Json& step : JsonMember(run, "steps")) {
    if (JsonString(step, "name") == name) return step;
  }
  return {};
}

std::string Cluster::Write(const std::string& name, const std::string& text) {
  const std::filesystem::path path = folder_.path() / name;
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

int Cluster::ModelVersions(const std::string& group) {
  const Ran ran = Client({"get", "models", group, "-o", "json", "--limit", "1000"});
  if (ran.code == 3) return -1;  // not reached
  if (ran.code != 0) return 0;
  const Json json = ParseJson(ran.out, {.max_bytes = 64 << 20, .max_depth = 64}).value_or(Json());
  return static_cast<int>(JsonMember(json, "versions").size());
}

double Cluster::Metric(const std::string& name) {
  const UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(http_.substr(http_.rfind(':') + 1))));
  inet_pton(AF_INET, http_.substr(0, http_.rfind(':')).c_str(), &address.sin_addr);
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return -1;
  }
  const std::string request =
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (!WriteAll(connection.get(), request, "the connection").ok()) return -1;
  std::string page;
  char buffer[16 << 10];
  for (ssize_t count = 0; (count = read(connection.get(), buffer, sizeof buffer)) > 0;) {
    page.append(buffer, static_cast<std::size_t>(count));
  }
  const std::size_t line = page.find("\n" + name + " ");
  return line == std::string::npos ? -1 : std::strtod(&page[line + name.size() + 2], nullptr);
}

void Cluster::CheckInvariants(const std::vector<std::string>& acknowledged) {
  CheckStored(data_dir(), {.acknowledged = acknowledged});
  CheckNothingLeft(folder_.path());
}

}  // namespace penstock
