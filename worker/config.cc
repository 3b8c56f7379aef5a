#include "worker/config.h"

#include <CLI/CLI.hpp>
#include <map>
#include <utility>

#include "base/address.h"
#include "base/text.h"
#include "worker/config_options.h"

namespace penstock {
namespace {

using Kind = WorkerOption::Kind;

// What flags and actions the command line holds, before any is applied.
struct CommandLine {
  std::string config_file;
  bool version = false;
  std::map<std::string, std::string> one;                // by key
  std::map<std::string, std::vector<std::string>> many;  // by key
};

void AddActionFlags(CLI::App& app, CommandLine& line, WorkerInvocation& invocation) {
  app.add_option("--config", line.config_file, "YAML file with settings")
      ->type_name("FILE")
      ->group("What to do");
  app.add_flag("--print-config", invocation.print_config, "Print the effective settings and leave")
      ->group("What to do");
  app.add_flag("--version", line.version, "Print the version and leave")->group("What to do");
  app.add_option("--faults", invocation.config.faults,
                 "Fault points to arm: NAME=crash|enospc|eio|sleep:MS[@N],...")
      ->type_name("SPEC")
      ->group("For tests");
  app.add_option("--faults-report", invocation.config.faults_report,
                 "File that gets a line for every fault point hit")
      ->type_name("FILE")
      ->group("For tests");
}

// What --help shows; empty where it is found out at the start.
std::string DefaultOf(const WorkerOption& option) {
  const Json value = option.secret ? Json() : option.show(WorkerConfig());
  if (value.is_null() || value.is_structured()) return {};
  if (option.value_name == "SIZE") return FormatSize(value.get<int64_t>());
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

void AddSettings(CLI::App& app, CommandLine& line) {
  for (const WorkerOption& option : WorkerOptions()) {
    const std::string help = option.help + " [" + option.variable + "]";
    CLI::Option* added =
        option.kind == Kind::kOne
            ? app.add_option(option.flag, line.one[option.key], help)
            : app.add_option(option.flag, line.many[option.key], help)->allow_extra_args(false);
    added->type_name(option.value_name)->default_str(DefaultOf(option))->group("Settings");
  }
}

Status ApplyVariable(const WorkerOption& option, const std::string& value, WorkerConfig& config) {
  std::vector<std::string> values = {value};
  if (option.kind != Kind::kOne) {
    values.clear();
    for (const std::string& item : Split(value, option.kind == Kind::kList ? ':' : ',')) {
      if (!item.empty()) values.push_back(item);
    }
  }
  return option.set(config, values).WithContext(option.variable);
}

}  // namespace

Result<WorkerInvocation> ParseWorkerInvocation(const std::vector<std::string>& arguments,
                                               const WorkerEnvironment& environment) {
  WorkerInvocation invocation;
  CommandLine line;
  CLI::App app("Penstock's worker: leases steps from a coordinator and runs them.",
               "penstock-worker");
  app.get_formatter()->column_width(34);
  AddActionFlags(app, line, invocation);
  AddSettings(app, line);
  app.footer(
      "Every setting can stand in the --config file too: data-dir is dataDir there, log-level is "
      "log: {level: …}; --label, --taint, --data-root and --data-source are labels and taints: "
      "{KEY: VALUE}, dataRoots: [DIR] and dataSources: [RULE]. "
      "Flags win over variables, variables over the file.");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    invocation.text = app.help();
    return invocation;
  } catch (const CLI::ParseError& error) {
    return InvalidArgument(std::string(error.what()) + " (penstock-worker --help lists the flags)");
  }
  if (line.version) {
    invocation.text = std::string("penstock-worker ") + PENSTOCK_VERSION + "\n";
    return invocation;
  }

  WorkerConfig& config = invocation.config;
  if (!line.config_file.empty()) {
    PENSTOCK_RETURN_IF_ERROR(ApplyWorkerConfigFile(line.config_file, config));
  }
  for (const WorkerOption& option : WorkerOptions()) {
    if (const auto value = environment(option.variable); value && !value->empty()) {
      PENSTOCK_RETURN_IF_ERROR(ApplyVariable(option, *value, config));
    }
  }
  for (const WorkerOption& option : WorkerOptions()) {
    if (app.count(option.flag) == 0) continue;
    const std::vector<std::string> values = option.kind == Kind::kOne
                                                ? std::vector<std::string>{line.one[option.key]}
                                                : line.many[option.key];
    PENSTOCK_RETURN_IF_ERROR(option.set(config, values).WithContext(option.flag));
  }
  if (!config.token.empty() && config.tls_ca.empty() && !StaysOnThisMachine(config.coordinator)) {
    return InvalidArgument("a token needs TLS off this machine, or others read it on the way to " +
                           config.coordinator +
                           "; give --tls-ca the file tls/server.crt of the coordinator's data "
                           "directory");
  }
  PENSTOCK_RETURN_IF_ERROR(config.Complete());
  return invocation;
}

}  // namespace penstock
