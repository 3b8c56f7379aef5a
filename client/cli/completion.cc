#include "client/cli/completion.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "server/definition/definition.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

using Names = std::vector<std::string>;

// Bash cuts words at "=" and ":" too; words here end at blanks alone, and what bash took for an
// earlier word is taken off the replies again.
constexpr char kBash[] = R"script(# In ~/.bashrc: eval "$(penstock completion bash)"
_penstock() {
  local line="${COMP_LINE:0:COMP_POINT}" part="${COMP_WORDS[COMP_CWORD]}" IFS=$' \t\n'
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:blank:]] ]] && words+=("")
  local word="${words[${#words[@]} - 1]}"
  [[ $part == [=:] ]] && part=""
  local before="${word%"$part"}"
  IFS=$'\n'
  if [[ $word == *=@* ]]; then
    local path="${word#*=@}"
    COMPREPLY=($(compgen -f -P "${word%"$path"}" -- "$path"))
  else
    COMPREPLY=($("${words[0]}" __complete "${words[@]:1}" 2>/dev/null))
  fi
  COMPREPLY=("${COMPREPLY[@]#"$before"}")
}
complete -o default -F _penstock penstock
)script";

constexpr char kZsh[] = R"script(# In ~/.zshrc, after compinit: eval "$(penstock completion zsh)"
_penstock() {
  local -a replies
  replies=(${(f)"$(${words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( ${#replies} )); then
    compadd -- "${replies[@]}"
  else
    _files
  fi
}
compdef _penstock penstock
)script";

// What the words before the last one say.
struct Typed {
  const CLI::App* command;
  std::string path;  // "get", "artifacts put"
  Names arguments;
  const CLI::Option* pending = nullptr;  // its value comes next
  std::string file = {};                 // of --file
};

bool TakesValue(const CLI::Option& option) {
  return option.get_type_size_max() > 0;
}

// "a|b|c" of an option's type; empty for others.
Names Choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.find('|') == std::string::npos ? Names() : Split(type, '|');
}

const CLI::Option* FindOption(const CLI::App& app, const CLI::App& command,
                              const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  const CLI::Option* option = command.get_option_no_throw(name);
  return option != nullptr ? option : app.get_option_no_throw(name);
}

void SetConnection(const std::string& name, const std::string& value, ConnectionOptions& options) {
  if (name == "--address") options.address = value;
  if (name == "--token") options.token = value;
  if (name == "--tls-ca") options.tls_ca = value;
}

Typed Read(const CLI::App& app, const Names& words, ConnectionOptions& options) {
  Typed typed{.command = &app, .path = {}, .arguments = {}};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (typed.pending != nullptr) {
      if (typed.pending->get_name() == "--file") typed.file = word;
      SetConnection(typed.pending->get_name(), word, options);
      typed.pending = nullptr;
      continue;
    }
    if (word.starts_with('-')) {
      const CLI::Option* option = FindOption(app, *typed.command, word);
      if (option == nullptr || !TakesValue(*option)) continue;
      const auto equals = word.find('=');
      if (equals == std::string::npos) {
        typed.pending = option;
      } else {
        SetConnection(option->get_name(), word.substr(equals + 1), options);
      }
      continue;
    }
    const CLI::App* next = nullptr;
    for (const CLI::App* each : typed.command->get_subcommands(nullptr)) {
      if (each->get_name() == word) next = each;
    }
    if (next != nullptr) {
      typed.command = next;
      typed.path += (typed.path.empty() ? "" : " ") + word;
    } else {
      typed.arguments.push_back(word);
    }
  }
  return typed;
}

// --- Names that the coordinator knows. What it does not answer is an empty list.

Names Pipelines(Connection& connection) {
  Names names;
  const auto list =
      connection.Call(connection.pipelines(), &pb::PipelineService::Stub::ListPipelines,
                      pb::ListPipelinesRequest());
  if (!list.ok()) return names;
  for (const pb::Pipeline& pipeline : list->pipelines()) names.push_back(pipeline.name());
  return names;
}

Names Runs(Connection& connection) {
  Names names;
  const auto list =
      connection.Call(connection.runs(), &pb::RunService::Stub::ListRuns, pb::ListRunsRequest());
  if (!list.ok()) return names;
  for (const pb::Run& run : list->runs()) names.push_back(run.run_id());
  return names;
}

Names StepsOf(Connection& connection, const std::string& run_id) {
  Names names;
  pb::GetRunRequest request;
  request.set_run_id(run_id);
  const auto run = connection.Call(connection.runs(), &pb::RunService::Stub::GetRun, request);
  if (!run.ok()) return names;
  for (const pb::Step& step : run->steps()) names.push_back(step.name());
  return names;
}

Names StepTypes(Connection& connection) {
  Names names;
  const auto list = connection.Call(connection.catalog(), &pb::CatalogService::Stub::ListStepTypes,
                                    pb::ListStepTypesRequest());
  if (!list.ok()) return names;
  for (const pb::StepType& type : list->step_types()) names.push_back(type.key());
  return names;
}

Names Groups(Connection& connection) {
  Names names;
  const auto list = connection.Call(connection.models(), &pb::ModelService::Stub::ListModelGroups,
                                    pb::ListModelGroupsRequest());
  if (!list.ok()) return names;
  for (const pb::ModelGroup& group : list->groups()) names.push_back(group.name());
  return names;
}

Names ModelVersions(Connection& connection) {
  Names names;
  const auto list = connection.Call(connection.models(), &pb::ModelService::Stub::ListModelVersions,
                                    pb::ListModelVersionsRequest());
  if (!list.ok()) return names;
  for (const pb::ModelVersion& version : list->versions()) {
    names.push_back(version.group() + "/" + std::to_string(version.version()));
  }
  return names;
}

Names Workers(Connection& connection) {
  Names names;
  const auto list = connection.Call(connection.workers(), &pb::WorkerService::Stub::ListWorkers,
                                    pb::ListWorkersRequest());
  if (!list.ok()) return names;
  for (const pb::Worker& worker : list->workers()) names.push_back(worker.info().worker_id());
  return names;
}

Names Secrets(Connection& connection) {
  Names names;
  const auto list = connection.Call(connection.secrets(), &pb::SecretService::Stub::ListSecrets,
                                    pb::ListSecretsRequest());
  if (!list.ok()) return names;
  for (const pb::Secret& secret : list->secrets()) names.push_back(secret.name());
  return names;
}

// Names of the kind that `get` or `describe` was given.
Names NamesOfKind(Connection& connection, std::string kind, bool versions) {
  if (kind.ends_with('s')) kind.pop_back();
  if (kind == "pipeline") return Pipelines(connection);
  if (kind == "run" || kind == "artifact" || kind == "metric") return Runs(connection);
  if (kind == "step") return StepTypes(connection);
  if (kind == "secret") return Secrets(connection);
  if (kind == "model") return versions ? ModelVersions(connection) : Groups(connection);
  return kind == "worker" ? Workers(connection) : Names();
}

// What the argument in this place is, where that is a name.
Names ArgumentNames(Connection& connection, const Typed& typed) {
  const std::size_t place = typed.arguments.size();
  const std::string& path = typed.path;
  if ((path == "get" || path == "describe") && place == 1) {
    return NamesOfKind(connection, typed.arguments[0], path == "describe");
  }
  if (path == "get" && place == 2 && typed.arguments[0].starts_with("metric")) {
    return StepsOf(connection, typed.arguments[1]);
  }
  static const std::set<std::string> kOfRuns = {"cancel", "logs", "retry", "rerun", "explain"};
  if (kOfRuns.contains(path) && place == 0) return Runs(connection);
  if ((path == "logs" || path == "explain") && place == 1) {
    return StepsOf(connection, typed.arguments[0]);
  }
  if (path == "describe" && place == 2 && typed.arguments[0] == "run") {
    return StepsOf(connection, typed.arguments[1]);
  }
  if ((path == "run" || path == "backfill") && place == 0) return Pipelines(connection);
  if (path == "delete" && place == 1) {
    return NamesOfKind(connection, typed.arguments[0], /*versions=*/false);
  }
  if (path == "secret set" && place == 0) return Secrets(connection);
  if (path.starts_with("worker ") && place == 0) return Workers(connection);
  if ((path == "approve" || path == "reject" || path == "promote") && place == 0) {
    return ModelVersions(connection);
  }
  return {};
}

Names OptionNames(const CLI::App& app, const CLI::App& command) {
  std::set<std::string> names;
  for (const CLI::App* each : {&command, &app}) {
    for (const CLI::Option* option : each->get_options(nullptr)) {
      for (const std::string& name : option->get_lnames()) names.insert("--" + name);
    }
  }
  return {names.begin(), names.end()};
}

// The steps of a definition that is perhaps not finished yet.
Names StepsOfFile(const std::string& file) {
  Names names;
  const Result<std::string> text = ReadFile(file, limits::kMaxDefinitionBytes);
  if (!text.ok()) return names;
  const Result<DefinitionText> definition = ParseDefinitionText(*text);
  if (!definition.ok()) return names;
  for (const Json& step : JsonMember(definition->document, "steps")) {
    if (std::string name = JsonString(step, "name"); !name.empty()) names.push_back(std::move(name));
  }
  return names;
}

Names ValueNames(Cli& cli, const CLI::Option& option, const Typed& typed) {
  if (Names choices = Choices(option); !choices.empty()) return choices;
  if (option.get_name() == "--step" && typed.path == "step run") return StepsOfFile(typed.file);
  if (option.get_name() != "--pipeline") return {};
  const auto connection = cli.Connect();
  return connection.ok() ? Pipelines(**connection) : Names();
}

Names Candidates(const CLI::App& app, Cli& cli, const Typed& typed, const std::string& last) {
  if (typed.pending != nullptr) return ValueNames(cli, *typed.pending, typed);
  if (const auto equals = last.find('='); last.starts_with("--") && equals != std::string::npos) {
    const CLI::Option* option = FindOption(app, *typed.command, last);
    Names names = option == nullptr ? Names() : ValueNames(cli, *option, typed);
    for (std::string& name : names) name.insert(0, last.substr(0, equals + 1));
    return names;
  }
  if (last.starts_with('-')) return OptionNames(app, *typed.command);
  Names names;
  for (const CLI::App* command : typed.command->get_subcommands(nullptr)) {
    names.push_back(command->get_name());
  }
  if (!names.empty()) return names;
  const auto positionals =
      typed.command->get_options([](const CLI::Option* each) { return each->get_positional(); });
  if (typed.arguments.size() >= positionals.size()) return {};
  const CLI::Option& positional = *positionals[typed.arguments.size()];
  if (Names choices = Choices(positional); !choices.empty()) return choices;
  const auto connection = cli.Connect();
  return connection.ok() ? ArgumentNames(**connection, typed) : Names();
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Cli& cli) {
  CLI::App* command =
      app.add_subcommand("completion", "print a script that completes commands and names");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "which shell's")
      ->required()
      ->transform(OneOf({"bash", "zsh"}))
      ->type_name("bash|zsh");
  command->callback([shell, &cli] {
    std::cout << (*shell == "bash" ? kBash : kZsh);
    cli.exit_code = kDone;
  });
}

int Complete(const CLI::App& app, Cli& cli, const std::vector<std::string>& words) {
  // A shell waits for the answer.
  cli.options.patience = std::chrono::seconds(2);
  for (const char* name : {"--address", "--token", "--tls-ca"}) {
    const std::string variable = app.get_option(name)->get_envname();
    if (const char* value = std::getenv(variable.c_str()); value != nullptr) {
      SetConnection(name, value, cli.options);
    }
  }
  const Typed typed = Read(app, words, cli.options);
  const std::string last = words.empty() ? "" : words.back();
  for (const std::string& name : Candidates(app, cli, typed, last)) {
    if (name.starts_with(last)) std::cout << name << "\n";
  }
  return kDone;
}

}  // namespace penstock::cli
