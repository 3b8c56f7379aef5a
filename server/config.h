#ifndef PENSTOCK_SERVER_CONFIG_H_
#define PENSTOCK_SERVER_CONFIG_H_

// The coordinator's configuration: one struct, made once at start from a YAML file, overridden by
// PENSTOCK_* variables, overridden by flags; checked before anything is opened. Immutable after.
//
// Every setting has one key; its variable and flag follow from it:
//   lease.ttl  →  PENSTOCK_LEASE_TTL  →  --lease-ttl

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/core/queues.h"
#include "storage/model/limits.h"
#include "storage/model/records.h"
#include "storage/model/retention.h"

namespace penstock {

struct HostPort {
  std::string host;  // without brackets
  int port = 0;      // 0: any free one
};

// "127.0.0.1:7070", "[::1]:7070", "host.example:7070". kInvalidArgument otherwise.
Result<HostPort> ParseHostPort(std::string_view text);
// With brackets around an IPv6 address.
std::string FormatHostPort(const HostPort& address);

enum class AuthMode {
  kLoopbackOpen,  // callers on this machine need no token
  kRequired,      // every caller needs one
};
enum class TlsMode { kOff, kAuto, kFiles };

struct ServerConfig {
  std::string data_dir = "/var/lib/penstock";
  HostPort grpc_address{"127.0.0.1", 7070};
  HostPort http_address{"127.0.0.1", 7071};
  AuthMode auth = AuthMode::kLoopbackOpen;
  TlsMode tls = TlsMode::kOff;
  std::string tls_cert;  // kFiles
  std::string tls_key;   // kFiles
  std::string log_level = "info";
  bool log_json = false;
  std::vector<std::string> data_roots;  // folders that `file:` inputs may come from
  Micros lease_ttl = limits::kLeaseTtl;
  Micros heartbeat_interval = limits::kHeartbeatInterval;
  Micros max_disconnect = limits::kMaxDisconnect;
  RetentionPolicy retention;
  QueueTable queues;  // but the default one, where nothing is said of it
  // By flag only: a forgotten variable must not break a daemon.
  std::string faults;
  std::string fault_report;
};

// What the command line asks for.
struct ServerInvocation {
  ServerConfig config;
  bool print_config = false;
  // --help and --version: print this and leave.
  std::optional<std::string> text;
  // --admin-token-create: make a token while the server is down.
  struct CreateToken {
    std::string name;
    Role role = Role::kUser;
  };
  std::optional<CreateToken> create_token;
  // --admin-backup, --admin-restore, --admin-check: what to do with a data directory whose
  // coordinator is down.
  struct Backup {
    std::string directory;
    int keep = 0;
  };
  std::optional<Backup> backup;
  struct Restore {
    std::string backup;
    bool allow_missing = false;
  };
  std::optional<Restore> restore;
  struct Check {
    bool repair = false;
    bool verify = false;
  };
  std::optional<Check> check;
  bool rotate_secrets_key = false;  // --admin-rotate-secrets-key
  // Whether it is one of these rather than to serve.
  bool offline() const { return create_token || backup || restore || check || rotate_secrets_key; }
};

using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;
// The process's own environment.
std::optional<std::string> ProcessEnvironment(const std::string& name);

// kInvalidArgument for anything that cannot be used, with where it was written (file and line,
// variable or flag) and what to do; kNotFound for a --config file that is not there.
Result<ServerInvocation> ParseServerInvocation(const std::vector<std::string>& arguments,
                                               const EnvironmentLookup& environment);

// What must hold between settings; called by ParseServerInvocation.
Status ValidateServerConfig(const ServerConfig& config);

// The effective settings as a YAML document that --config would take. Holds no secrets: keys are
// shown as the paths of their files.
std::string PrintServerConfig(const ServerConfig& config);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CONFIG_H_
