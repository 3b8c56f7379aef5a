// penstock-worker: the agent on a node, the runner children that it starts, and what the command
// line client has it do on its own machine.

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fault_point.h"
#include "base/log.h"
#include "base/text.h"
#include "steps/libraries.h"
#include "steps/registry.h"
#include "steps/script/container.h"
#include "steps/script/sandbox.h"
#include "worker/agent/agent.h"
#include "worker/config.h"
#include "worker/local/local.h"
#include "worker/runner/runner.h"

namespace penstock {
namespace {

std::string OwnPath() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "penstock-worker";
}

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): at start
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

int Fail(const Status& status) {
  std::cerr << "error: " << status.message() << "\n";
  return status.code() == StatusCode::kInvalidArgument ? 2 : 1;
}

Status FindDevices(WorkerConfig& config) {
  GpuOffer offer{.declared = config.gpus};
  if (config.gpus != 0) {
    Result<std::vector<Gpu>> found = FindGpus();
    if (found.ok()) {
      offer.found = *std::move(found);
    } else {
      LOG_INFO("no GPUs: {}", found.status().message());
    }
  }
  offer.visible = ProcessEnvironment("CUDA_VISIBLE_DEVICES");
  offer.device_order = ProcessEnvironment("CUDA_DEVICE_ORDER").value_or("");
  PENSTOCK_ASSIGN_OR_RETURN(config.devices, OfferedGpus(offer));
  for (const Gpu& gpu : config.devices) {
    LOG_INFO("offers a GPU: {} {} memory={}", gpu.visible, gpu.name, FormatSize(gpu.memory));
  }
  return Status::Ok();
}

int stop_pipe = -1;

void OnStop(int) {
  const uint64_t one = 1;
  static_cast<void>(!write(stop_pipe, &one, sizeof one));
}

int RunAgent(WorkerConfig config, const StepRegistry& steps) {
  signal(SIGPIPE, SIG_IGN);
  if (config.isolation == "auto") config.bubblewrap = FindBubblewrap();
  config.libraries = LibrariesByStep();
  if (config.containers == "auto") config.container_engine = FindContainerEngine();
  if (!config.faults.empty() || !config.faults_report.empty()) {
    if (const Status status = InitFaults(config.faults, config.faults_report); !status.ok()) {
      return Fail(status);
    }
  }
  if (const Status status = FindDevices(config); !status.ok()) return Fail(status);
  Result<std::unique_ptr<Agent>> agent = Agent::Make(config, steps.Announce(), OwnPath());
  if (!agent.ok()) return Fail(agent.status());
  if (!config.container_engine.empty()) {
    const std::string owner = std::filesystem::absolute(config.data_dir).string();
    const int left = RemoveContainers(config.container_engine, owner);
    if (left > 0) LOG_WARN("ended containers of an earlier agent containers={}", left);
  }
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
  if (argc == 2 && std::string_view(argv[1]) == "--local") return LocalMain(OwnPath());

  Result<WorkerInvocation> invocation =
      ParseWorkerInvocation(std::vector<std::string>(argv + 1, argv + argc), ProcessEnvironment);
  if (!invocation.ok()) {
    std::cerr << "error: " << invocation.status().message() << "\n";
    return 2;  // wrong use: starting again does not mend it
  }
  if (invocation->text) {
    std::cout << *invocation->text;
    return 0;
  }
  const WorkerConfig& config = invocation->config;
  if (invocation->print_config) {
    std::cout << PrintWorkerConfig(config);
    return 0;
  }
  const Status status = InitLogging("penstock-worker", config.log_level, config.log_json);
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
