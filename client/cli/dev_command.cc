// dev: a coordinator and workers on this machine, for a laptop.

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "base/json.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "client/cli/cli.h"

namespace penstock::cli {
namespace {

struct DevOptions {
  std::string data_dir = "./.penstock";
  int workers = 1;
  std::string grpc_address = "127.0.0.1:7070";
  std::string http_address = "127.0.0.1:7071";
  std::vector<std::string> data_roots;
  std::vector<std::string> data_sources;
  std::string log_level = "warn";
};

constexpr int kMaxRestarts = 20;
constexpr Micros kRestartPause = std::chrono::milliseconds(200);
constexpr Micros kReadyPoll = std::chrono::milliseconds(20);

struct Child {
  std::string name;
  std::vector<std::string> arguments;
  std::optional<Subprocess> process;  // while it runs, as far as is known
  int restarts = 0;
};

// The signals that end `dev`, and that of a child that ended. Blocked from here on: they are waited
// for.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set_, signal);
    sigprocmask(SIG_BLOCK, &set_, nullptr);
  }
  // Returns early when a child ends. True: we are asked to stop.
  bool AskedToStop(Micros patience) const {
    const timespec time{patience.count() / 1'000'000, patience.count() % 1'000'000 * 1'000};
    const int signal = sigtimedwait(&set_, nullptr, &time);
    return signal > 0 && signal != SIGCHLD;
  }

 private:
  sigset_t set_;
};

// In a process group of its own (Ctrl-C comes to us alone); it dies with us.
Status Start(Child& child) {
  PENSTOCK_ASSIGN_OR_RETURN(child.process, Subprocess::Start({.arguments = child.arguments,
                                                              .own_group = true,
                                                              .death_signal = SIGTERM}));
  return Status::Ok();
}

// Waits for `ready.json` with the child's pid. kCancelled: we are asked to stop; kUnavailable: the
// child ended before.
Result<Json> WaitReady(const std::string& folder, Child& child, const Signals& signals) {
  while (true) {
    std::ifstream file(folder + "/ready.json");
    std::stringstream text;
    text << file.rdbuf();
    Result<Json> json = ParseJson(text.str());
    if (json.ok() && JsonInt(*json, "pid") == child.process->pid()) return json;
    if (child.process->Poll()) {
      return Unavailable("the coordinator did not start; what it said stands above");
    }
    if (signals.AskedToStop(kReadyPoll)) return Cancelled("stopped before it was up");
  }
}

Child CoordinatorOf(const DevOptions& options, const std::string& folder) {
  Child child = {.name = "penstockd",
                 .arguments = {ProgramFolder() + "/penstockd", "--data-dir", folder,
                               "--grpc-address", options.grpc_address, "--http-address",
                               options.http_address, "--log-level", options.log_level}};
  if (!options.data_roots.empty()) {
    child.arguments.push_back("--data-roots");
    child.arguments.push_back(Join(options.data_roots, ":"));
  }
  return child;
}

// They share this machine's ports: each has some of its own.
std::string RankPorts(int number) {
  constexpr int kFirst = 29'500;
  constexpr int kEach = 100;
  const int first = kFirst + (number - 1) * kEach;
  return std::to_string(first) + "-" + std::to_string(first + kEach - 1);
}

Child WorkerOf(const DevOptions& options, const std::string& folder, const std::string& address,
               int number) {
  const std::string name = "dev-" + std::to_string(number);
  Child child{.name = "penstock-worker " + name,
              .arguments = {ProgramFolder() + "/penstock-worker", "--coordinator", address,
                            "--name", name, "--data-dir", folder + "/" + name, "--log-level",
                            options.log_level, "--rank-ports", RankPorts(number)}};
  for (const std::string& root : options.data_roots) {
    child.arguments.push_back("--data-root");
    child.arguments.push_back(root);
  }
  for (const std::string& rule : options.data_sources) {
    child.arguments.push_back("--data-source");
    child.arguments.push_back(rule);
  }
  return child;
}

// Starts a child again that ended by itself. kUnavailable: it is of no use.
Status Restart(Child& child) {
  std::cerr << child.name << " " << child.process->Poll()->Describe()
            << " unexpectedly; starting it again\n";
  child.process.reset();
  if (++child.restarts > kMaxRestarts) {
    return Unavailable(child.name + " ends again and again: giving up");
  }
  return Start(child).WithContext("giving up");
}

// Restarts children that end by themselves until a signal asks to stop: OK then.
Status Supervise(std::vector<Child>& children, const Signals& signals) {
  while (true) {
    bool restarted = false;
    for (Child& child : children) {
      if (!child.process->Poll()) continue;
      if (signals.AskedToStop(kRestartPause)) return Status::Ok();
      PENSTOCK_RETURN_IF_ERROR(Restart(child));
      restarted = true;
    }
    // A child's end between the look and the wait is pending as SIGCHLD.
    if (!restarted && signals.AskedToStop(std::chrono::seconds(60))) return Status::Ok();
  }
}

// Workers first: they say goodbye to the coordinator. Who asks a second time is not kept waiting:
// false then.
bool StopAll(std::vector<Child>& children, const Signals& signals) {
  bool at_once = false;
  for (std::size_t i = 1; i < children.size(); ++i) {
    if (children[i].process) children[i].process->Signal(SIGTERM);
  }
  for (auto child = children.rbegin(); child != children.rend(); ++child) {
    if (!child->process) continue;
    if (&*child == children.data()) child->process->Signal(SIGTERM);
    while (!at_once && !child->process->Poll()) {
      at_once = signals.AskedToStop(std::chrono::seconds(1));
    }
    if (at_once) child->process->Kill();
  }
  return !at_once;
}

// Starts all of them, and keeps them up until we are asked to stop: OK, or kCancelled where that
// came before all were up.
Status Serve(const DevOptions& options, const std::string& folder, std::vector<Child>& children,
             const Signals& signals) {
  children.push_back(CoordinatorOf(options, folder));
  PENSTOCK_RETURN_IF_ERROR(Start(children[0]));
  PENSTOCK_ASSIGN_OR_RETURN(const Json ready, WaitReady(folder, children[0], signals));
  const std::string grpc = JsonString(ready, "grpc");
  // A restart must find the same addresses, which a free port would not be.
  DevOptions fixed = options;
  fixed.grpc_address = grpc;
  fixed.http_address = JsonString(ready, "http");
  children[0].arguments = CoordinatorOf(fixed, folder).arguments;
  for (int number = 1; number <= options.workers; ++number) {
    Child worker = WorkerOf(options, folder, grpc, number);
    PENSTOCK_RETURN_IF_ERROR(Start(worker));
    children.push_back(std::move(worker));
  }
  std::cout << "Penstock is up: gRPC " << grpc << ", HTTP http://" << fixed.http_address
            << ", data in " << folder << "\n";
  if (grpc != "127.0.0.1:7070") std::cout << "  export PENSTOCK_ADDRESS=" << grpc << "\n";
  std::cout << "  penstock run -f PIPELINE.yaml --follow     in another terminal\n"
            << "Ctrl-C stops it; its data stay." << std::endl;
  return Supervise(children, signals);
}

int Dev(const DevOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.data_dir, error);
  if (error) {
    return Fail(
        InvalidArgument("the folder " + options.data_dir + " cannot be made: " + error.message()));
  }
  const std::string folder = std::filesystem::absolute(options.data_dir).lexically_normal();
  const Signals signals;
  std::vector<Child> children;
  const Status served = Serve(options, folder, children, signals);
  const bool asked = served.ok() || served.code() == StatusCode::kCancelled;
  if (asked) {
    std::cerr << "stopping; Ctrl-C again ends it at once\n";
  } else {
    std::cerr << "error: " << served.message() << "\n";
  }
  const bool in_order = StopAll(children, signals);
  return asked && in_order ? kDone : kWorkFailed;
}

}  // namespace

std::string ProgramFolder() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return ".";
  return std::filesystem::path(std::string(path, static_cast<std::size_t>(size)))
      .parent_path()
      .string();
}

void AddDevCommand(CLI::App& app, Cli& cli) {
  CLI::App* command = app.add_subcommand(
      "dev", "run a coordinator and workers here, until Ctrl-C: for a laptop, and to try things");
  auto options = std::make_shared<DevOptions>();
  command->add_option("--data-dir", options->data_dir, "where everything is kept")
      ->capture_default_str();
  command->add_option("--workers", options->workers, "how many workers")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--grpc-address", options->grpc_address, "port 0: a free one")
      ->capture_default_str();
  command->add_option("--http-address", options->http_address, "port 0: a free one")
      ->capture_default_str();
  command->add_option("--data-root", options->data_roots,
                      "a folder that file:/// inputs may come from");
  command->add_option("--data-source", options->data_sources,
                      "what http(s):, s3: and postgresql: inputs may be read: https://host/path, "
                      "https://*, s3://bucket");
  command->add_option("--log-level", options->log_level, "trace, debug, info, warn or error")
      ->capture_default_str();
  command->callback([options, &cli] { cli.exit_code = Dev(*options); });
}

}  // namespace penstock::cli
