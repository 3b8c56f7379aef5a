#include "server/config_options.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/json.h"
#include "base/text.h"
#include "server/config_queues.h"

namespace penstock {
namespace {

Status SetAddress(HostPort& target, const std::string& text) {
  PENSTOCK_ASSIGN_OR_RETURN(target, ParseHostPort(text));
  return Status::Ok();
}

Status SetDuration(Micros& target, const std::string& text) {
  PENSTOCK_ASSIGN_OR_RETURN(target, ParseDuration(text));
  return Status::Ok();
}

template <typename T>
Status SetChoice(T& target, const std::string& text,
                 const std::vector<std::pair<std::string, T>>& choices) {
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    if (name == text) {
      target = value;
      return Status::Ok();
    }
    names.push_back(name);
  }
  return InvalidArgument("\"" + text + "\" is none of " + Join(names, ", "));
}

Status SetTls(ServerConfig& config, const std::string& text) {
  return SetChoice<TlsMode>(config.tls, text, {{"off", TlsMode::kOff}, {"auto", TlsMode::kAuto}});
}

std::string ShowTls(const ServerConfig& config) {
  if (config.tls == TlsMode::kFiles) return {};
  return config.tls == TlsMode::kAuto ? "auto" : "off";
}

Status SetTlsFile(ServerConfig& config, std::string& target, const std::string& text) {
  if (text.empty()) return InvalidArgument("must name a file");
  target = text;
  config.tls = TlsMode::kFiles;
  return Status::Ok();
}

Status SetCount(int64_t& target, const std::string& text) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
  if (error == std::errc() && end == text.data() + text.size()) return Status::Ok();
  return InvalidArgument("\"" + text + "\" is not a whole number");
}

Status SetRoots(ServerConfig& config, const std::string& text) {
  config.data_roots.clear();
  for (const std::string& root : Split(text, ':')) {
    if (!root.empty()) config.data_roots.push_back(root);
  }
  return Status::Ok();
}

std::vector<ConfigOption> ListenOptions() {
  using C = ServerConfig;
  using S = const std::string;
  return {
      {"dataDir", "DIR", "Where everything is kept",
       [](C& c, S& t) {
         c.data_dir = t;
         return Status::Ok();
       },
       [](const C& c) { return c.data_dir; }},
      {"grpcAddress", "HOST:PORT", "Where gRPC is served; port 0 takes a free one",
       [](C& c, S& t) { return SetAddress(c.grpc_address, t); },
       [](const C& c) { return FormatHostPort(c.grpc_address); }},
      {"httpAddress", "HOST:PORT", "Where HTTP is served; port 0 takes a free one",
       [](C& c, S& t) { return SetAddress(c.http_address, t); },
       [](const C& c) { return FormatHostPort(c.http_address); }},
      {"auth", "MODE", "loopback-open (no token from this machine) or required",
       [](C& c, S& t) {
         return SetChoice<AuthMode>(
             c.auth, t,
             {{"loopback-open", AuthMode::kLoopbackOpen}, {"required", AuthMode::kRequired}});
       },
       [](const C& c) {
         return std::string(c.auth == AuthMode::kRequired ? "required" : "loopback-open");
       }},
      {"tls", "MODE", "off, or auto: a certificate made at the first start", SetTls, ShowTls},
      {"tls.cert", "FILE", "Certificate chain in PEM; with tls.key in place of auto",
       [](C& c, S& t) { return SetTlsFile(c, c.tls_cert, t); },
       [](const C& c) { return c.tls_cert; }},
      {"tls.key", "FILE", "Its private key in PEM",
       [](C& c, S& t) { return SetTlsFile(c, c.tls_key, t); },
       [](const C& c) { return c.tls_key; }},
  };
}

std::vector<ConfigOption> BehaviourOptions() {
  using C = ServerConfig;
  using S = const std::string;
  return {
      {"log.level", "LEVEL", "debug, info, warn or error",
       [](C& c, S& t) {
         return SetChoice<std::string>(c.log_level, t,
                                       {{"trace", "trace"},
                                        {"debug", "debug"},
                                        {"info", "info"},
                                        {"warn", "warn"},
                                        {"error", "error"}});
       },
       [](const C& c) { return c.log_level; }},
      {"log.format", "FORMAT", "text or json",
       [](C& c, S& t) {
         return SetChoice<bool>(c.log_json, t, {{"text", false}, {"json", true}});
       },
       [](const C& c) { return std::string(c.log_json ? "json" : "text"); }},
      {"dataRoots", "DIR[:DIR...]", "Folders that file: inputs of runs may come from", SetRoots,
       [](const C& c) { return Join(c.data_roots, ":"); }},
      {"lease.ttl", "DURATION", "How long a worker may be silent before its steps are given away",
       [](C& c, S& t) { return SetDuration(c.lease_ttl, t); },
       [](const C& c) { return UnparseDuration(c.lease_ttl); }},
      {"lease.heartbeat", "DURATION", "How often workers say that they live",
       [](C& c, S& t) { return SetDuration(c.heartbeat_interval, t); },
       [](const C& c) { return UnparseDuration(c.heartbeat_interval); }},
      {"lease.maxDisconnect", "DURATION", "How long a cut-off worker goes on with what it runs",
       [](C& c, S& t) { return SetDuration(c.max_disconnect, t); },
       [](const C& c) { return UnparseDuration(c.max_disconnect); }},
      {"queues", "QUEUES",
       "Named queues: {NAME: {weight: 1, maxParallelSteps: 0, maxRuns: 0}, …}; 0 is no limit",
       [](C& c, S& t) { return SetQueues(c.queues, t); },
       [](const C& c) { return ShowQueues(c.queues); }},
  };
}

std::vector<ConfigOption> RetentionOptions() {
  using C = ServerConfig;
  using S = const std::string;
  return {
      {"retention.runAge", "DURATION",
       "Delete runs so long after their end; 0s: never for their age",
       [](C& c, S& t) { return SetDuration(c.retention.run_age, t); },
       [](const C& c) { return UnparseDuration(c.retention.run_age); }},
      {"retention.runCount", "N", "Delete all but the newest N ended runs of a pipeline; 0: none",
       [](C& c, S& t) { return SetCount(c.retention.run_count, t); },
       [](const C& c) { return std::to_string(c.retention.run_count); }},
      {"retention.unused", "DURATION", "Keep uploads that no run used so long",
       [](C& c, S& t) { return SetDuration(c.retention.unused, t); },
       [](const C& c) { return UnparseDuration(c.retention.unused); }},
      {"retention.grace", "DURATION", "Keep bytes that nothing needs so long after their last use",
       [](C& c, S& t) { return SetDuration(c.retention.grace, t); },
       [](const C& c) { return UnparseDuration(c.retention.grace); }},
      {"retention.interval", "DURATION", "How often to look for what is not kept; 0s: never",
       [](C& c, S& t) { return SetDuration(c.retention.interval, t); },
       [](const C& c) { return UnparseDuration(c.retention.interval); }},
  };
}

// Visits the leaves of the file: calls `leaf(key, text, line)` for each.
class FileReader {
 public:
  FileReader(const std::string& path, ServerConfig& config) : path_(path), config_(config) {}

  Status ReadMap(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      const std::string name = entry.first.as<std::string>();
      if (name.rfind("x-", 0) == 0) continue;
      PENSTOCK_RETURN_IF_ERROR(ReadEntry(prefix + name, entry.first, entry.second));
    }
    return Status::Ok();
  }

 private:
  Status ReadEntry(const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    if (value.IsMap() && IsPrefix(key)) return ReadMap(value, key + ".");
    for (const ConfigOption& option : ConfigOptions()) {
      if (option.key != key) continue;
      if (value.IsMap() && key != "queues") break;
      return option.set(config_, Text(value)).WithContext(At(where) + ": " + key);
    }
    return Unknown(key, where);
  }

  static std::string Text(const YAML::Node& value) {
    if (value.IsMap()) return YAML::Dump(value);
    if (!value.IsSequence()) return value.IsNull() ? std::string() : value.as<std::string>();
    std::vector<std::string> items;
    for (const auto& item : value) items.push_back(item.as<std::string>());
    return Join(items, ":");
  }

  static bool IsPrefix(const std::string& key) {
    const auto& options = ConfigOptions();
    return std::any_of(options.begin(), options.end(), [&](const ConfigOption& option) {
      return option.key.rfind(key + ".", 0) == 0;
    });
  }

  Status Unknown(const std::string& key, const YAML::Node& where) const {
    std::vector<std::string> known;
    for (const ConfigOption& option : ConfigOptions()) known.push_back(option.key);
    const std::string nearest = Nearest(key, known);
    return InvalidArgument(At(where) + ": unknown setting \"" + key + "\"" +
                           (nearest.empty() ? " (penstockd --help lists them)"
                                            : " (did you mean \"" + nearest + "\"?)"));
  }

  std::string At(const YAML::Node& where) const {
    return path_ + ":" + std::to_string(where.Mark().line + 1);
  }

  const std::string& path_;
  ServerConfig& config_;
};

}  // namespace

const std::vector<ConfigOption>& ConfigOptions() {
  static const std::vector<ConfigOption> options = [] {
    std::vector<ConfigOption> all = ListenOptions();
    for (ConfigOption& option : BehaviourOptions()) all.push_back(std::move(option));
    for (ConfigOption& option : RetentionOptions()) all.push_back(std::move(option));
    return all;
  }();
  return options;
}

std::string FlagName(const std::string& key) {
  std::string name;
  for (const char c : key) {
    if (c == '.') {
      name += '-';
    } else if (std::isupper(static_cast<unsigned char>(c)) != 0) {
      name += '-';
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      name += c;
    }
  }
  return name;
}

std::string VariableName(const std::string& key) {
  std::string name = "PENSTOCK_" + FlagName(key);
  for (char& c : name) {
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

Status ApplyConfigFile(const std::string& path, ServerConfig& config) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound("--config " + path + ": the file cannot be read");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.size() > limits::kMaxDefinitionBytes) {
    return InvalidArgument("--config " + path + ": larger than 1 MiB");
  }
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return Status::Ok();
    if (!root.IsMap()) return InvalidArgument(path + ": must hold settings as KEY: VALUE");
    return FileReader(path, config).ReadMap(root, "");
  } catch (const YAML::Exception& error) {
    return InvalidArgument(path + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

std::string PrintServerConfig(const ServerConfig& config) {
  // Keys with a point open a block of their own; the table keeps those of one block together.
  std::ostringstream out;
  std::string block;
  for (const ConfigOption& option : ConfigOptions()) {
    const std::string value = option.show(config);
    if (value.empty()) continue;
    const std::size_t point = option.key.find('.');
    const std::string parent = point == std::string::npos ? "" : option.key.substr(0, point);
    if (parent != block && !parent.empty()) out << parent << ":\n";
    block = parent;
    const std::string name = parent.empty() ? option.key : "  " + option.key.substr(point + 1);
    out << name << ": " << DumpJson(Json(value)) << "\n";
  }
  return out.str();
}

}  // namespace penstock
