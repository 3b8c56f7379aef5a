// penstock-worker: the agent on a node, and the runner children that it starts.

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <thread>

#include "base/fault_point.h"
#include "base/log.h"
#include "base/text.h"
#include "steps/registry.h"
#include "worker/agent/agent.h"
#include "worker/data_tools.h"
#include "worker/runner/runner.h"

namespace penstock {
namespace {

std::string OwnPath() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "penstock-worker";
}

int Fail(const Status& status) {
  std::cerr << "error: " << status.message() << "\n";
  return status.code() == StatusCode::kInvalidArgument ? 2 : 1;
}

void AddOptions(CLI::App& app, WorkerConfig& config, std::vector<std::string>& labels,
                std::string& memory, std::string& drain) {
  app.set_config("--config", "", "settings as a file: NAME = VALUE lines, as in the flags");
  app.add_option("--coordinator", config.coordinator, "host:port of the coordinator's gRPC")
      ->envname("PENSTOCK_ADDRESS")
      ->capture_default_str();
  app.add_option("--name", config.name, "the worker's name, kept across restarts (the host's)")
      ->envname("PENSTOCK_WORKER_NAME");
  app.add_option("--data-dir", config.data_dir, "for workspaces and cached artifacts")
      ->envname("PENSTOCK_WORKER_DATA_DIR")
      ->capture_default_str();
  app.add_option("--cpus", config.cpus, "cores to offer (all)")->envname("PENSTOCK_WORKER_CPUS");
  app.add_option("--memory", memory, "memory to offer, as in 8GiB (all)")
      ->envname("PENSTOCK_WORKER_MEMORY");
  app.add_option("--gpus", config.gpus, "GPUs to offer")->envname("PENSTOCK_WORKER_GPUS");
  app.add_option("--label", labels, "KEY=VALUE that steps may ask for");
  app.add_option("--data-root", config.data_roots, "a folder that file:/// inputs may come from");
  app.add_option("--token", config.token, "bearer token (better: PENSTOCK_TOKEN)")
      ->envname("PENSTOCK_TOKEN");
  app.add_option("--tls-ca", config.tls_ca, "the coordinator's certificate, where it serves TLS")
      ->envname("PENSTOCK_TLS_CA");
  app.add_option("--drain-timeout", drain, "how long what runs may go on after SIGTERM (30s)");
  app.add_option("--log-level", config.log_level, "trace, debug, info, warn or error")
      ->envname("PENSTOCK_LOG_LEVEL")
      ->capture_default_str();
  app.add_flag("--log-json", config.log_json, "a JSON object a line");
  app.add_option("--faults", config.faults, "for tests: NAME=crash|enospc|eio|sleep:MS[@N]");
  app.add_option("--faults-report", config.faults_report, "for tests: a file of fault points hit");
}

Status Complete(WorkerConfig& config, const std::vector<std::string>& labels,
                const std::string& memory, const std::string& drain) {
  for (const std::string& label : labels) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidArgument("--label " + label + ": write KEY=VALUE");
    }
    config.labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (!memory.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(config.memory, ParseSize(memory));
  }
  if (!drain.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(config.drain_timeout, ParseDuration(drain));
  }
  return config.Complete();
}

int stop_pipe = -1;

void OnStop(int) {
  const uint64_t one = 1;
  static_cast<void>(!write(stop_pipe, &one, sizeof one));
}

int RunAgent(const WorkerConfig& config, const StepRegistry& steps) {
  signal(SIGPIPE, SIG_IGN);
  if (!config.faults.empty() || !config.faults_report.empty()) {
    if (const Status status = InitFaults(config.faults, config.faults_report); !status.ok()) {
      return Fail(status);
    }
  }
  Result<std::unique_ptr<Agent>> agent = Agent::Make(config, steps.Announce(), OwnPath());
  if (!agent.ok()) return Fail(agent.status());
  // A handler, not sigwait: libraries have made threads before main that block no signals.
  stop_pipe = eventfd(0, EFD_CLOEXEC);
  struct sigaction action {};
  action.sa_handler = OnStop;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::thread([&agent] {
    uint64_t count = 0;
    while (read(stop_pipe, &count, sizeof count) > 0 || errno == EINTR) (*agent)->RequestStop();
  }).detach();
  const bool clean = (*agent)->Run();
  agent->reset();
  LOG_INFO("stopped worker={}", config.name);
  // The signal thread still refers to locals of this function.
  std::_Exit(clean ? 0 : 1);
}

int Main(int argc, char** argv) {
  StepRegistry steps;
  AlgorithmRegistry algorithms;
  RegisterBuiltInSteps(steps, algorithms);
  if (argc == 2 && std::string_view(argv[1]) == "--runner") return RunnerMain(steps, 3);

  CLI::App app("Penstock's worker: leases steps from a coordinator and runs them.",
               "penstock-worker");
  app.set_version_flag("--version", std::string("penstock-worker ") + PENSTOCK_VERSION);
  WorkerConfig config;
  std::vector<std::string> labels;
  std::string memory;
  std::string drain;
  AddOptions(app, config, labels, memory, drain);
  DataToolOptions tools;
  AddDataTools(app, tools);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (tools.any()) return RunDataTool(tools);
  Status status = InitLogging("penstock-worker", config.log_level, config.log_json);
  if (status.ok()) status = Complete(config, labels, memory, drain);
  if (!status.ok()) return Fail(status);
  return RunAgent(config, steps);
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  try {
    return penstock::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
