// penstockd: the coordinator.

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "base/fault_point.h"
#include "base/log.h"
#include "server/config.h"
#include "server/daemon.h"
#include "server/offline_commands.h"

namespace penstock {
namespace {

int WrongUse(const Status& status) {
  std::fprintf(stderr, "penstockd: %s\n", status.message().c_str());
  return 2;
}

int Serve(const ServerConfig& config) {
  // Before any thread: they inherit the mask, and the signals come to sigwait alone.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);

  auto daemon = Daemon::Start(config);
  if (!daemon.ok()) return FailWith(daemon.status());
  LOG_INFO("serving grpc={} http={} data_dir={} auth={}", (*daemon)->grpc_address(),
           (*daemon)->http_address(), config.data_dir,
           config.auth == AuthMode::kRequired ? "required" : "loopback-open");
  if (const std::string fingerprint = (*daemon)->fingerprint(); !fingerprint.empty()) {
    LOG_INFO("tls certificate sha256={}", fingerprint);
  }
  int received = 0;
  sigwait(&stop, &received);
  LOG_INFO("stopping signal={}", received);
  if (!(*daemon)->Stop()) {
    LOG_WARN("leaving while HTTP clients still hold connections");
    spdlog::shutdown();
    std::_Exit(0);
  }
  daemon->reset();
  LOG_INFO("stopped");
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  const auto invocation = ParseServerInvocation(arguments, ProcessEnvironment);
  if (!invocation.ok()) return WrongUse(invocation.status());
  if (invocation->text) {
    std::fputs(invocation->text->c_str(), stdout);
    return 0;
  }
  const ServerConfig& config = invocation->config;
  if (invocation->print_config) {
    std::fputs(PrintServerConfig(config).c_str(), stdout);
    return 0;
  }
  // Who makes a token, or a backup, wants it and nothing else.
  const std::string log_level = invocation->offline() ? "warn" : config.log_level;
  if (const Status status = InitLogging("penstockd", log_level, config.log_json); !status.ok()) {
    return WrongUse(status);
  }
  if (!config.faults.empty() || !config.fault_report.empty()) {
    const Status armed = InitFaults(config.faults, config.fault_report);
    if (!armed.ok()) return WrongUse(armed.WithContext("--faults"));
  }
  if (invocation->offline()) return RunOffline(*invocation);
  return Serve(config);
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  try {
    return penstock::Main(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "penstockd: %s\n", error.what());
    return 1;
  }
}
