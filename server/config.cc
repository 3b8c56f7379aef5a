#include "server/config.h"


#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/address.h"
#include "base/text.h"
#include "server/config_options.h"
#include "server/version.h"

namespace penstock {
namespace {

// Flags that say what to do rather than how.
struct Actions {
  std::string config_file;
  bool print_config = false;
  bool version = false;
  std::string token_name;
  std::string token_role = "user";
  std::string backup;
  int keep = 0;
  std::string restore;
  bool allow_missing = false;
  bool check = false;
  bool repair = false;
  bool verify = false;
  bool rotate_secrets_key = false;
};

// What `penstock admin … --data-dir` calls.
void AddOfflineFlags(CLI::App& app, Actions& actions) {
  constexpr char kGroup[] = "What to do while the server is down";
  auto* backup = app.add_option("--admin-backup", actions.backup,
                                "Add a snapshot of the data directory to the backups in DIR");
  backup->type_name("DIR")->group(kGroup);
  app.add_option("--keep", actions.keep, "Then remove all but the newest N snapshots; 0: none")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->needs(backup)
      ->group(kGroup);
  auto* restore = app.add_option("--admin-restore", actions.restore,
                                 "Restore a backup (its newest snapshot, or the one that is named) "
                                 "into --data-dir, which must be new or empty");
  restore->type_name("DIR")->group(kGroup);
  app.add_flag("--allow-missing", actions.allow_missing,
               "Restore also where bytes of artifacts are missing or damaged")
      ->needs(restore)
      ->group(kGroup);
  auto* check = app.add_flag("--admin-check", actions.check, "Check the data directory");
  check->group(kGroup);
  app.add_flag("--admin-rotate-secrets-key", actions.rotate_secrets_key,
               "Seal all secrets with a new key, and forget the old one")
      ->group(kGroup);
  app.add_flag("--repair", actions.repair, "Mend what the check finds")
      ->needs(check)
      ->group(kGroup);
  app.add_flag("--verify", actions.verify, "Read all bytes of all artifacts")
      ->needs(check)
      ->group(kGroup);
}

void AddActionFlags(CLI::App& app, Actions& actions, ServerConfig& config) {
  app.add_option("--config", actions.config_file, "YAML file with settings")
      ->type_name("FILE")
      ->group("What to do");
  app.add_flag("--print-config", actions.print_config, "Print the effective settings and leave")
      ->group("What to do");
  app.add_flag("--version", actions.version, "Print the version and leave")->group("What to do");
  app.add_option("--admin-token-create", actions.token_name,
                 "Make a token, print its secret once and leave; only while the server is down")
      ->type_name("NAME")
      ->group("What to do");
  app.add_option("--role", actions.token_role, "Role of that token: admin, user or worker")
      ->type_name("ROLE")
      ->capture_default_str()
      ->group("What to do");
  AddOfflineFlags(app, actions);
  app.add_option("--faults", config.faults, "Fault points to arm: NAME=ACTION[@HITS],...")
      ->type_name("SPEC")
      ->group("For tests");
  app.add_option("--fault-report", config.fault_report, "File that gets a line for every fault hit")
      ->type_name("FILE")
      ->group("For tests");
}

Result<Role> ParseRole(const std::string& text) {
  if (text == "admin") return Role::kAdmin;
  if (text == "user") return Role::kUser;
  if (text == "worker") return Role::kWorker;
  return InvalidArgument("--role: \"" + text + "\" is none of admin, user, worker");
}

// Checks that one of the two listeners may be what it is.
Status CheckExposure(const ServerConfig& config, const HostPort& address, const char* key) {
  if (IsLoopbackHost(address.host)) return Status::Ok();
  std::vector<std::string> missing;
  if (config.tls == TlsMode::kOff) missing.push_back("TLS (tls: auto, or tls.cert and tls.key)");
  if (config.auth != AuthMode::kRequired) missing.push_back("tokens (auth: required)");
  if (missing.empty()) return Status::Ok();
  return InvalidArgument(std::string(key) + ": " + FormatHostPort(address) +
                             " can be reached from other machines, which needs " +
                             Join(missing, " and ") + "; or listen on 127.0.0.1",
                         "UNSAFE_ADDRESS");
}

}  // namespace

Result<HostPort> ParseHostPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const Status malformed = InvalidArgument("\"" + std::string(text) +
                                           "\" is not HOST:PORT (for example 127.0.0.1:7070)");
  if (colon == std::string_view::npos || colon == 0) return malformed;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.front() == '[') {
    if (host.back() != ']') return malformed;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return InvalidArgument("\"" + std::string(text) +
                           "\": write an IPv6 address in brackets, [::1]:7070");
  }
  int port = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return malformed;
  }
  if (port < 0 || port > 65535) {
    return InvalidArgument("\"" + std::string(text) + "\": a port is 0 to 65535");
  }
  return HostPort{std::string(host), port};
}

std::string FormatHostPort(const HostPort& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): at start
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<ServerInvocation> ParseServerInvocation(const std::vector<std::string>& arguments,
                                               const EnvironmentLookup& environment) {
  ServerInvocation invocation;
  Actions actions;
  CLI::App app("penstockd: the Penstock coordinator", "penstockd");
  app.get_formatter()->column_width(34);
  AddActionFlags(app, actions, invocation.config);
  std::map<std::string, std::string> flags;
  const ServerConfig defaults;
  for (const ConfigOption& option : ConfigOptions()) {
    app.add_option("--" + FlagName(option.key), flags[option.key], option.help)
        ->type_name(option.value_name)
        ->default_str(option.show(defaults))
        ->group("Settings");
  }
  app.footer(
      "Every setting can stand in the --config file and in a PENSTOCK_* variable too: "
      "lease.ttl, PENSTOCK_LEASE_TTL, --lease-ttl. Flags win over variables, variables over "
      "the file.");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    invocation.text = app.help();
    return invocation;
  } catch (const CLI::ParseError& error) {
    return InvalidArgument(std::string(error.what()) + " (penstockd --help lists the flags)");
  }
  if (actions.version) {
    invocation.text = std::string("penstockd ") + kVersion + "\n";
    return invocation;
  }

  ServerConfig& config = invocation.config;
  if (!actions.config_file.empty()) {
    PENSTOCK_RETURN_IF_ERROR(ApplyConfigFile(actions.config_file, config));
  }
  for (const ConfigOption& option : ConfigOptions()) {
    const std::string name = VariableName(option.key);
    if (const auto value = environment(name); value && !value->empty()) {
      PENSTOCK_RETURN_IF_ERROR(option.set(config, *value).WithContext(name));
    }
  }
  for (const ConfigOption& option : ConfigOptions()) {
    const std::string flag = "--" + FlagName(option.key);
    if (app.count(flag) == 0) continue;
    PENSTOCK_RETURN_IF_ERROR(option.set(config, flags[option.key]).WithContext(flag));
  }
  invocation.print_config = actions.print_config;
  if (!actions.token_name.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const Role role, ParseRole(actions.token_role));
    invocation.create_token = ServerInvocation::CreateToken{actions.token_name, role};
  }
  if (!actions.backup.empty()) {
    invocation.backup = ServerInvocation::Backup{actions.backup, actions.keep};
  }
  if (!actions.restore.empty()) {
    invocation.restore = ServerInvocation::Restore{actions.restore, actions.allow_missing};
  }
  if (actions.check) invocation.check = ServerInvocation::Check{actions.repair, actions.verify};
  invocation.rotate_secrets_key = actions.rotate_secrets_key;
  // Nothing will listen, so how it would is of no concern.
  if (invocation.offline()) return invocation;
  PENSTOCK_RETURN_IF_ERROR(ValidateServerConfig(config));
  return invocation;
}

Status ValidateServerConfig(const ServerConfig& config) {
  if (config.data_dir.empty()) return InvalidArgument("dataDir: must not be empty");
  if (config.tls == TlsMode::kFiles && (config.tls_cert.empty() || config.tls_key.empty())) {
    return InvalidArgument("tls: tls.cert and tls.key belong together; " +
                           std::string(config.tls_cert.empty() ? "tls.cert" : "tls.key") +
                           " is missing");
  }
  PENSTOCK_RETURN_IF_ERROR(CheckExposure(config, config.grpc_address, "grpcAddress"));
  PENSTOCK_RETURN_IF_ERROR(CheckExposure(config, config.http_address, "httpAddress"));
  const bool same_port = config.grpc_address.port == config.http_address.port;
  if (same_port && config.grpc_address.port != 0 &&
      config.grpc_address.host == config.http_address.host) {
    return InvalidArgument("httpAddress: the same as grpcAddress; each needs a port of its own");
  }
  if (config.lease_ttl < std::chrono::milliseconds(100)) {
    return InvalidArgument("lease.ttl: must be at least 100ms");
  }
  if (config.heartbeat_interval < std::chrono::milliseconds(10) ||
      config.heartbeat_interval * 2 > config.lease_ttl) {
    return InvalidArgument("lease.heartbeat: must be between 10ms and half of lease.ttl (" +
                           UnparseDuration(config.lease_ttl) + ")");
  }
  if (config.max_disconnect < config.lease_ttl) {
    return InvalidArgument("lease.maxDisconnect: must not be shorter than lease.ttl (" +
                           UnparseDuration(config.lease_ttl) + ")");
  }
  if (config.retention.run_count < 0) {
    return InvalidArgument("retention.runCount: must not be negative");
  }
  const Micros interval = config.retention.interval;
  if (interval.count() > 0 && interval < std::chrono::seconds(1)) {
    return InvalidArgument("retention.interval: must be at least 1s, or 0s for never");
  }
  for (const std::string& root : config.data_roots) {
    if (!std::filesystem::path(root).is_absolute()) {
      return InvalidArgument("dataRoots: \"" + root + "\" is not an absolute path");
    }
  }
  return Status::Ok();
}

}  // namespace penstock
