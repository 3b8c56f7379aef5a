// penstockd: the coordinator.

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "base/fault_point.h"
#include "base/log.h"
#include "server/config.h"
#include "server/daemon.h"

namespace penstock {
namespace {

// As systemd's unit expects: 2 does not mend itself by starting again.
constexpr int kFailed = 1;
constexpr int kWrongUse = 2;

int Fail(const Status& status, int code) {
  std::fprintf(stderr, "penstockd: %s\n", status.message().c_str());
  return code;
}

// What starting again cannot mend.
int ExitCodeOf(const Status& status) {
  const std::string reason = status.reason();
  const bool lasting = reason == "SCHEMA_TOO_NEW" || reason == "FOREIGN_DATABASE" ||
                       reason == "SCHEMA_CHANGED" || reason == "CORRUPT" ||
                       status.code() == StatusCode::kInvalidArgument;
  return lasting ? kWrongUse : kFailed;
}

// A folder whose name is misspelt must not become another coordinator's; the default one may be
// made by whichever comes first.
Status CheckTokenFolder(const std::string& data_dir) {
  std::error_code error;
  if (data_dir == ServerConfig().data_dir || std::filesystem::exists(data_dir, error)) {
    return Status::Ok();
  }
  return InvalidArgument("there is no folder " + data_dir +
                         "; name the coordinator's data directory, or make it first (mkdir " +
                         data_dir + ") for a coordinator that is yet to start");
}

int MakeToken(const ServerInvocation& invocation) {
  const std::string& data_dir = invocation.config.data_dir;
  if (const Status status = CheckTokenFolder(data_dir); !status.ok()) {
    return Fail(status, kWrongUse);
  }
  std::error_code error;
  const bool known = std::filesystem::exists(data_dir + "/penstock.db", error);
  const auto secret = CreateOfflineToken(invocation.config, invocation.create_token->name,
                                         invocation.create_token->role,
                                         ProcessEnvironment("USER").value_or("root"));
  if (!secret.ok()) return Fail(secret.status(), ExitCodeOf(secret.status()));
  if (!known) std::fprintf(stderr, "made a new database in %s\n", data_dir.c_str());
  std::fprintf(stderr, "keep it: it is shown this once\n");
  std::printf("%s\n", secret->c_str());
  return 0;
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
  if (!daemon.ok()) return Fail(daemon.status(), ExitCodeOf(daemon.status()));
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
  if (!invocation.ok()) return Fail(invocation.status(), kWrongUse);
  if (invocation->text) {
    std::fputs(invocation->text->c_str(), stdout);
    return 0;
  }
  const ServerConfig& config = invocation->config;
  if (invocation->print_config) {
    std::fputs(PrintServerConfig(config).c_str(), stdout);
    return 0;
  }
  // Who makes a token wants it and nothing else.
  const std::string log_level = invocation->create_token ? "warn" : config.log_level;
  if (const Status status = InitLogging("penstockd", log_level, config.log_json); !status.ok()) {
    return Fail(status, kWrongUse);
  }
  if (!config.faults.empty() || !config.fault_report.empty()) {
    const Status armed = InitFaults(config.faults, config.fault_report);
    if (!armed.ok()) return Fail(armed.WithContext("--faults"), kWrongUse);
  }
  if (invocation->create_token) return MakeToken(*invocation);
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
