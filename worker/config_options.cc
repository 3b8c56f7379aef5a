#include "worker/config_options.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>
#include <sstream>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "storage/model/limits.h"
#include "storage/model/source_address.h"
#include "worker/config.h"

namespace penstock {
namespace {

using C = WorkerConfig;
using Values = std::vector<std::string>;
using Kind = WorkerOption::Kind;

constexpr int kLastPort = 65'535;

template <typename T>
Status SetNumber(T& target, const std::string& text, T least, const char* what) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // Written so that a NaN is refused.
  if (error != std::errc() || end != text.data() + text.size() || !(number >= least) ||
      !(number <= T{1'000'000})) {
    return InvalidArgument("\"" + text + "\" is not " + what);
  }
  target = number;
  return Status::Ok();
}

Status SetSize(int64_t& target, const std::string& text, int64_t least) {
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(text));
  if (bytes < least) return InvalidArgument("must be at least " + FormatSize(least));
  target = bytes;
  return Status::Ok();
}

Status SetDuration(Micros& target, const std::string& text) {
  PENSTOCK_ASSIGN_OR_RETURN(target, ParseDuration(text));
  return Status::Ok();
}

Status SetChoice(std::string& target, const std::string& text, const Values& choices) {
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    return InvalidArgument("\"" + text + "\" is none of " + Join(choices, ", "));
  }
  target = text;
  return Status::Ok();
}

Status SetText(std::string& target, const std::string& text) {
  if (text.empty()) return InvalidArgument("must not be empty");
  target = text;
  return Status::Ok();
}

Status SetFormat(C& c, const Values& v) {
  std::string format;
  PENSTOCK_RETURN_IF_ERROR(SetChoice(format, v[0], {"text", "json"}));
  c.log_json = format == "json";
  return Status::Ok();
}

Status SetPairs(std::map<std::string, std::string>& target, const Values& values) {
  std::map<std::string, std::string> pairs;
  for (const std::string& pair : values) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidArgument("\"" + pair + "\" is not KEY=VALUE");
    }
    pairs[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  target = std::move(pairs);
  return Status::Ok();
}

Status SetRoots(C& c, const Values& values) {
  for (const std::string& root : values) {
    if (root.empty() || root.front() != '/') {
      return InvalidArgument("\"" + root + "\" is not an absolute path");
    }
  }
  c.data_roots = values;
  return Status::Ok();
}

Status SetSources(C& c, const Values& values) {
  for (const std::string& rule : values) PENSTOCK_RETURN_IF_ERROR(CheckSourceRule(rule));
  c.data_sources = values;
  return Status::Ok();
}

Status SetAddress(C& c, const Values& v) {
  const auto fits = [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) || letter == '.' || letter == '-' ||
           letter == '_' || letter == ':';
  };
  if (v[0].empty() || v[0].size() > 253 || !std::all_of(v[0].begin(), v[0].end(), fits)) {
    return InvalidArgument("\"" + v[0] + "\" is neither a host's name nor an IP address");
  }
  c.address = v[0];
  return Status::Ok();
}

Status SetRankPorts(C& c, const Values& v) {
  const std::size_t dash = v[0].find('-');
  int first = 0;
  int last = 0;
  if (dash == std::string::npos || !SetNumber(first, v[0].substr(0, dash), 1, "a port").ok() ||
      !SetNumber(last, v[0].substr(dash + 1), 1, "a port").ok() || last < first ||
      last > kLastPort) {
    return InvalidArgument("\"" + v[0] + "\" is no range of ports, such as 29500-29599");
  }
  c.first_port = first;
  c.port_count = last - first + 1;
  return Status::Ok();
}

Json ShowText(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json ShowPairs(const std::map<std::string, std::string>& pairs) {
  return pairs.empty() ? Json() : Json(pairs);
}

Json ShowList(const std::vector<std::string>& list) {
  return list.empty() ? Json() : Json(list);
}

std::vector<WorkerOption> IdentityOptions() {
  return {
      {"coordinator", "--coordinator", "PENSTOCK_ADDRESS", "HOST:PORT",
       "The coordinator's gRPC address", Kind::kOne, false,
       [](C& c, const Values& v) { return SetText(c.coordinator, v[0]); },
       [](const C& c) { return ShowText(c.coordinator); }},
      {"token", "--token", "PENSTOCK_TOKEN", "SECRET",
       "Bearer token, where the coordinator wants one (better not as a flag: others see it)",
       Kind::kOne, true, [](C& c, const Values& v) { return SetText(c.token, v[0]); },
       [](const C& c) { return ShowText(c.token); }},
      {"tls.ca", "--tls-ca", "PENSTOCK_TLS_CA", "FILE",
       "The coordinator's certificate in PEM, where it serves TLS", Kind::kOne, false,
       [](C& c, const Values& v) { return SetText(c.tls_ca, v[0]); },
       [](const C& c) { return ShowText(c.tls_ca); }},
      {"name", "--name", "PENSTOCK_WORKER_NAME", "NAME",
       "The worker's name, kept across restarts (the host's)", Kind::kOne, false,
       [](C& c, const Values& v) { return SetText(c.name, v[0]); },
       [](const C& c) { return ShowText(c.name); }},
      {"dataDir", "--data-dir", "PENSTOCK_WORKER_DATA_DIR", "DIR",
       "For workspaces and cached artifacts", Kind::kOne, false,
       [](C& c, const Values& v) { return SetText(c.data_dir, v[0]); },
       [](const C& c) { return ShowText(c.data_dir); }},
      {"cacheSize", "--cache-size", "PENSTOCK_WORKER_CACHE_SIZE", "SIZE",
       "How much of artifacts is kept for later steps, as in 10GiB", Kind::kOne, false,
       [](C& c, const Values& v) { return SetSize(c.cache_bytes, v[0], 0); },
       [](const C& c) { return Json(c.cache_bytes); }},
  };
}

std::vector<WorkerOption> OfferOptions() {
  return {
      {"cpus", "--cpus", "PENSTOCK_WORKER_CPUS", "NUMBER", "Cores to offer (all)", Kind::kOne,
       false,
       [](C& c, const Values& v) {
         return SetNumber(c.cpus, v[0], 0.01, "a number of cores of at least 0.01");
       },
       [](const C& c) { return c.cpus == 0 ? Json() : Json(c.cpus); }},
      {"memory", "--memory", "PENSTOCK_WORKER_MEMORY", "SIZE", "Memory to offer, as in 8GiB (all)",
       Kind::kOne, false, [](C& c, const Values& v) { return SetSize(c.memory, v[0], 1 << 20); },
       [](const C& c) { return c.memory == 0 ? Json() : Json(c.memory); }},
      {"gpus", "--gpus", "PENSTOCK_WORKER_GPUS", "NUMBER", "GPUs to offer (those that are found)",
       Kind::kOne, false,
       [](C& c, const Values& v) {
         return SetNumber(c.gpus, v[0], 0, "a number of GPUs: 0, 1, 2, …");
       },
       [](const C& c) { return c.gpus < 0 ? Json() : Json(c.gpus); }},
      {"labels", "--label", "PENSTOCK_WORKER_LABELS", "KEY=VALUE",
       "Label that steps may ask for; several times for several", Kind::kMap, false,
       [](C& c, const Values& v) { return SetPairs(c.labels, v); },
       [](const C& c) { return ShowPairs(c.labels); }},
      {"taints", "--taint", "PENSTOCK_WORKER_TAINTS", "KEY=VALUE",
       "Keeps steps away that do not tolerate it; several times for several", Kind::kMap, false,
       [](C& c, const Values& v) { return SetPairs(c.taints, v); },
       [](const C& c) { return ShowPairs(c.taints); }},
      {"dataRoots", "--data-root", "PENSTOCK_WORKER_DATA_ROOTS", "DIR",
       "Folder that file:/// inputs may come from; several times for several", Kind::kList, false,
       SetRoots, [](const C& c) { return ShowList(c.data_roots); }},
      {"dataSources", "--data-source", "PENSTOCK_WORKER_DATA_SOURCES", "RULE",
       "What http(s):, s3: and postgresql: inputs may be read here: https://host/path, "
       "https://*.domain, https://*, s3://bucket/prefix; several times for several",
       Kind::kAddresses, false, SetSources, [](const C& c) { return ShowList(c.data_sources); }},
      {"dataCa", "--data-ca", "PENSTOCK_WORKER_DATA_CA", "FILE",
       "PEM file of authorities that dataSources are trusted by, besides the system's", Kind::kOne,
       false, [](C& c, const Values& v) { return SetText(c.data_ca, v[0]); },
       [](const C& c) { return ShowText(c.data_ca); }},
  };
}

std::vector<WorkerOption> BehaviourOptions() {
  return {
      {"address", "--address", "PENSTOCK_WORKER_ADDRESS", "HOST",
       "Where other nodes reach this one (the host's name; 127.0.0.1 beside the coordinator)",
       Kind::kOne, false, SetAddress, [](const C& c) { return ShowText(c.address); }},
      {"rankPorts", "--rank-ports", "PENSTOCK_WORKER_RANK_PORTS", "FIRST-LAST",
       "Ports that ranks of steps on several nodes listen on; none of another worker on this host",
       Kind::kOne, false, SetRankPorts,
       [](const C& c) {
         return Json(std::to_string(c.first_port) + "-" +
                     std::to_string(c.first_port + c.port_count - 1));
       }},
      {"drainTimeout", "--drain-timeout", "PENSTOCK_WORKER_DRAIN_TIMEOUT", "DURATION",
       "How long what runs may go on after SIGTERM", Kind::kOne, false,
       [](C& c, const Values& v) { return SetDuration(c.drain_timeout, v[0]); },
       [](const C& c) { return Json(UnparseDuration(c.drain_timeout)); }},
      {"killGrace", "--kill-grace", "PENSTOCK_WORKER_KILL_GRACE", "DURATION",
       "How long a step that was told to stop may take before it is killed", Kind::kOne, false,
       [](C& c, const Values& v) { return SetDuration(c.kill_grace, v[0]); },
       [](const C& c) { return Json(UnparseDuration(c.kill_grace)); }},
      {"isolation", "--isolation", "PENSTOCK_WORKER_ISOLATION", "auto|none",
       "auto: scripts run in bubblewrap where it works here; none: as plain processes", Kind::kOne,
       false,
       [](C& c, const Values& v) {
         return SetChoice(c.isolation, v[0], {"auto", "none"});
       },
       [](const C& c) { return ShowText(c.isolation); }},
      {"containers", "--containers", "PENSTOCK_WORKER_CONTAINERS", "auto|none",
       "auto: scripts with an image run in podman or docker where one works here; none: not here",
       Kind::kOne, false,
       [](C& c, const Values& v) {
         return SetChoice(c.containers, v[0], {"auto", "none"});
       },
       [](const C& c) { return ShowText(c.containers); }},
      {"log.level", "--log-level", "PENSTOCK_LOG_LEVEL", "LEVEL",
       "trace, debug, info, warn or error", Kind::kOne, false,
       [](C& c, const Values& v) {
         return SetChoice(c.log_level, v[0], {"trace", "debug", "info", "warn", "error"});
       },
       [](const C& c) { return ShowText(c.log_level); }},
      {"log.format", "--log-format", "PENSTOCK_LOG_FORMAT", "FORMAT",
       "text, or json: an object a line", Kind::kOne, false, SetFormat,
       [](const C& c) { return Json(c.log_json ? "json" : "text"); }},
  };
}

// Visits the settings of a file and sets each.
class FileReader {
 public:
  FileReader(const std::string& path, WorkerConfig& config) : path_(path), config_(config) {}

  Status ReadMap(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) return Bad(entry.first, "a key must be plain text");
      const std::string& name = entry.first.Scalar();
      if (name.starts_with("x-")) continue;
      if (!seen_.insert(prefix + name).second) {
        return Bad(entry.first, "\"" + prefix + name + "\" stands here a second time");
      }
      PENSTOCK_RETURN_IF_ERROR(ReadEntry(prefix + name, entry.first, entry.second));
    }
    return Status::Ok();
  }

 private:
  Status ReadEntry(const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    for (const WorkerOption& option : WorkerOptions()) {
      if (option.key == key) return Set(option, where, value);
    }
    const auto& options = WorkerOptions();
    const bool block = std::any_of(options.begin(), options.end(), [&](const WorkerOption& option) {
      return option.key.starts_with(key + ".");
    });
    if (!block) return Unknown(key, where);
    if (value.IsNull()) return Status::Ok();
    if (!value.IsMap()) return Bad(where, key + ": must hold settings as KEY: VALUE");
    return ReadMap(value, key + ".");
  }

  Status Set(const WorkerOption& option, const YAML::Node& where, const YAML::Node& value) {
    Values values;
    if (option.kind == Kind::kMap && value.IsMap()) {
      for (const auto& entry : value) {
        if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
          return Bad(entry.first, option.key + ": must hold texts as KEY: VALUE");
        }
        values.push_back(entry.first.Scalar() + "=" + entry.second.Scalar());
      }
    } else if ((option.kind == Kind::kList || option.kind == Kind::kAddresses) &&
               value.IsSequence()) {
      for (const auto& item : value) {
        if (!item.IsScalar()) return Bad(item, option.key + ": must be a list of texts");
        values.push_back(item.Scalar());
      }
    } else if (option.kind == Kind::kOne && value.IsScalar()) {
      values.push_back(value.Scalar());
    } else {
      const char* wanted = option.kind == Kind::kMap   ? "must be a mapping, {KEY: VALUE}"
                           : option.kind == Kind::kOne ? "must be one value"
                                                       : "must be a list, [A, B]";
      return Bad(where, option.key + ": " + wanted);
    }
    return option.set(config_, values).WithContext(At(where) + ": " + option.key);
  }

  Status Unknown(const std::string& key, const YAML::Node& where) const {
    std::vector<std::string> known;
    for (const WorkerOption& option : WorkerOptions()) known.push_back(option.key);
    const std::string nearest = Nearest(key, known);
    return Bad(where, "unknown setting \"" + key + "\"" +
                          (nearest.empty() ? " (penstock-worker --help lists them)"
                                           : " (did you mean \"" + nearest + "\"?)"));
  }

  Status Bad(const YAML::Node& where, const std::string& what) const {
    return InvalidArgument(At(where) + ": " + what);
  }

  std::string At(const YAML::Node& where) const {
    return path_ + ":" + std::to_string(where.Mark().line + 1);
  }

  const std::string& path_;
  WorkerConfig& config_;
  std::set<std::string> seen_;
};

}  // namespace

const std::vector<WorkerOption>& WorkerOptions() {
  static const std::vector<WorkerOption> options = [] {
    std::vector<WorkerOption> all = IdentityOptions();
    for (WorkerOption& option : OfferOptions()) all.push_back(std::move(option));
    for (WorkerOption& option : BehaviourOptions()) all.push_back(std::move(option));
    return all;
  }();
  return options;
}

Status ApplyWorkerConfigFile(const std::string& path, WorkerConfig& config) {
  const Result<std::string> text = ReadFile(path, limits::kMaxDefinitionBytes);
  if (!text.ok()) return text.status().WithContext("--config");
  try {
    const YAML::Node root = YAML::Load(*text);
    if (root.IsNull()) return Status::Ok();
    if (!root.IsMap()) return InvalidArgument(path + ": must hold settings as KEY: VALUE");
    return FileReader(path, config).ReadMap(root, "");
  } catch (const YAML::Exception& error) {
    return InvalidArgument(path + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

std::string PrintWorkerConfig(const WorkerConfig& config) {
  // Keys with a point open a block of their own; the table keeps those of one block together.
  std::ostringstream out;
  std::string block;
  for (const WorkerOption& option : WorkerOptions()) {
    const Json value = option.show(config);
    if (value.is_null()) continue;
    if (option.secret) {
      out << "# " << option.key << ": is set, and not shown\n";
      continue;
    }
    const std::size_t point = option.key.find('.');
    const std::string parent = point == std::string::npos ? "" : option.key.substr(0, point);
    if (parent != block && !parent.empty()) out << parent << ":\n";
    block = parent;
    const std::string name = parent.empty() ? option.key : "  " + option.key.substr(point + 1);
    // JSON is YAML: what is quoted here is read back as it was.
    out << name << ": " << DumpJson(value) << "\n";
  }
  return out.str();
}

}  // namespace penstock
