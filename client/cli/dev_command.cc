// dev: a coordinator and workers on this machine, for a laptop.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "base/json.h"
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
  std::string log_level = "warn";
};

struct Child {
  std::string name;
  std::vector<std::string> arguments;
  pid_t pid = 0;
  int restarts = 0;
};

// Starts the child in its own process group (Ctrl-C comes to us alone) and lets it die with us.
Result<pid_t> Start(const Child& child) {
  std::vector<char*> argv;
  for (const std::string& argument : child.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus(errno, "starting " + child.name);
  if (pid == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(argv[0], argv.data());
    const char* text = std::strerror(errno);
    static_cast<void>(!write(STDERR_FILENO, text, std::strlen(text)));
    _exit(127);
  }
  return pid;
}

// Waits for `ready.json` with this pid; empty when the child ended before.
Json WaitReady(const std::string& folder, pid_t pid) {
  const std::string path = folder + "/ready.json";
  while (true) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    if (const Result<Json> json = ParseJson(text.str());
        json.ok() && JsonInt(*json, "pid") == pid) {
      return *json;
    }
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid) return {};
    timespec pause{0, 20'000'000};
    nanosleep(&pause, nullptr);
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

Child WorkerOf(const DevOptions& options, const std::string& folder, const std::string& address,
               int number) {
  const std::string name = "dev-" + std::to_string(number);
  Child child{
      .name = "penstock-worker " + name,
      .arguments = {ProgramFolder() + "/penstock-worker", "--coordinator", address, "--name", name,
                    "--data-dir", folder + "/" + name, "--log-level", options.log_level}};
  for (const std::string& root : options.data_roots) {
    child.arguments.push_back("--data-root");
    child.arguments.push_back(root);
  }
  return child;
}

// Restarts children that end by themselves, until a signal asks to stop.
void Supervise(std::vector<Child>& children, const sigset_t& signals) {
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGCHLD) return;
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
      for (Child& child : children) {
        if (child.pid != ended) continue;
        std::cerr << child.name << " ended unexpectedly; starting it again\n";
        if (++child.restarts > 20) {
          std::cerr << child.name << " ends again and again: giving up\n";
          return;
        }
        timespec pause{0, 200'000'000};
        nanosleep(&pause, nullptr);
        if (const Result<pid_t> pid = Start(child); pid.ok()) child.pid = *pid;
      }
    }
  }
}

void StopAll(std::vector<Child>& children) {
  // Workers first: they say goodbye to the coordinator.
  for (auto child = children.rbegin(); child != children.rend(); ++child) {
    if (child->pid <= 0) continue;
    kill(child->pid, SIGTERM);
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
}

int Dev(const DevOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.data_dir, error);
  if (error) {
    return Fail(
        InvalidArgument("the folder " + options.data_dir + " cannot be made: " + error.message()));
  }
  const std::string folder = std::filesystem::absolute(options.data_dir).lexically_normal();
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  std::vector<Child> children = {CoordinatorOf(options, folder)};
  Result<pid_t> pid = Start(children[0]);
  if (!pid.ok()) return Fail(pid.status());
  children[0].pid = *pid;
  const Json ready = WaitReady(folder, *pid);
  if (ready.is_null()) {
    std::cerr << "error: the coordinator did not start; what it said stands above\n";
    return kWorkFailed;
  }
  const std::string grpc = JsonString(ready, "grpc");
  // A restart must find the same addresses, which a free port would not be.
  DevOptions fixed = options;
  fixed.grpc_address = grpc;
  fixed.http_address = JsonString(ready, "http");
  children[0].arguments = CoordinatorOf(fixed, folder).arguments;
  for (int number = 1; number <= options.workers; ++number) {
    Child child = WorkerOf(options, folder, grpc, number);
    pid = Start(child);
    if (!pid.ok()) {
      StopAll(children);
      return Fail(pid.status());
    }
    child.pid = *pid;
    children.push_back(std::move(child));
  }
  std::cout << "Penstock is up: gRPC " << grpc << ", HTTP http://" << fixed.http_address
            << ", data in " << folder << "\n";
  if (grpc != "127.0.0.1:7070") std::cout << "  export PENSTOCK_ADDRESS=" << grpc << "\n";
  std::cout << "  penstock run -f PIPELINE.yaml --follow     in another terminal\n"
            << "Ctrl-C stops it; its data stay." << std::endl;
  Supervise(children, signals);
  std::cerr << "stopping\n";
  StopAll(children);
  return kDone;
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
  command->add_option("--log-level", options->log_level, "trace, debug, info, warn or error")
      ->capture_default_str();
  command->callback([options, &cli] { cli.exit_code = Dev(*options); });
}

}  // namespace penstock::cli
