#include "steps/script/environment.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/address.h"

namespace penstock {
namespace {

// "validation-2" → "VALIDATION_2".
std::string VariableName(std::string_view name) {
  std::string variable;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    variable += std::isalnum(byte) ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return variable;
}

std::string AsText(const Json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

bool IsHandedOn(std::string_view name) {
  for (const std::string_view exact : {"PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ",
                                       "LD_LIBRARY_PATH", "PENSTOCK_ATTEMPT_OWNER"}) {
    if (name == exact) return true;
  }
  for (const std::string_view prefix : {"LC_", "CUDA_", "NVIDIA_", "OMP_", "OPENBLAS_", "GOMP_"}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

using Variables = std::map<std::string, std::string>;

// Hosts have the names that SageMaker gives them, and not their own: two ranks may have the same.
void AddHosts(const ScriptSurroundings& surroundings, Variables& variables) {
  const std::size_t count = std::max<std::size_t>(surroundings.ranks.size(), 1);
  Json hosts = Json::array();
  for (std::size_t i = 1; i <= count; ++i) hosts.push_back("algo-" + std::to_string(i));
  const std::string current = "algo-" + std::to_string(surroundings.rank + 1);
  variables["SM_HOSTS"] = DumpJson(hosts);
  variables["SM_CURRENT_HOST"] = current;
  variables["SM_HOST_COUNT"] = std::to_string(count);
  variables["SM_CURRENT_HOST_RANK"] = std::to_string(surroundings.rank);
  variables["SM_RESOURCE_CONFIG"] = DumpJson(Json{{"current_host", current}, {"hosts", hosts}});
  if (surroundings.ranks.empty()) return;
  variables["SM_MASTER_ADDR"] = surroundings.ranks.front().host;
  variables["SM_MASTER_PORT"] = std::to_string(surroundings.ranks.front().port);
  std::string ranks;
  for (const ScriptRank& rank : surroundings.ranks) {
    ranks += (ranks.empty() ? "" : ",") + JoinHostPort(rank.host, rank.port);
  }
  variables["PENSTOCK_RANKS"] = ranks;
}

// As torchrun and its like have them, with one process a node.
void AddRanks(const ScriptSurroundings& surroundings, Variables& variables) {
  const std::string rank = std::to_string(surroundings.rank);
  variables["RANK"] = rank;
  variables["NODE_RANK"] = rank;
  variables["LOCAL_RANK"] = "0";
  variables["WORLD_SIZE"] = std::to_string(surroundings.ranks.size());
  variables["MASTER_ADDR"] = surroundings.ranks.front().host;
  variables["MASTER_PORT"] = std::to_string(surroundings.ranks.front().port);
}

}  // namespace

std::vector<std::string> HyperparameterArguments(const Json& hyperparameters) {
  std::vector<std::string> arguments;
  for (const auto& [name, value] : hyperparameters.items()) {  // objects are sorted
    if (value.is_null()) continue;
    arguments.push_back((name.size() == 1 ? "-" : "--") + name);
    if (value.is_boolean()) {
      arguments.emplace_back(value.get<bool>() ? "True" : "False");
    } else {
      arguments.push_back(AsText(value));
    }
  }
  return arguments;
}

std::map<std::string, std::string> ScriptEnvironment(const Json& parameters,
                                                     const ScriptSurroundings& surroundings) {
  std::map<std::string, std::string> variables;
  for (const auto& [name, value] : surroundings.inherited) {
    if (IsHandedOn(name)) variables[name] = value;
  }
  variables.emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  const ScriptFolders& folders = surroundings.folders;
  variables["TMPDIR"] = folders.temporary.string();
  // A pipe's other end would otherwise see nothing until the program ends.
  variables["PYTHONUNBUFFERED"] = "1";
  if (!surroundings.ranks.empty()) AddRanks(surroundings, variables);
  for (const auto& [name, value] : JsonMember(parameters, "environment").items()) {
    variables[name] = AsText(value);
  }
  const Json& hyperparameters = JsonMember(parameters, "hyperparameters");
  variables["SM_HPS"] = DumpJson(hyperparameters.is_null() ? Json::object() : hyperparameters);
  for (const auto& [name, value] : hyperparameters.items()) {
    if (!value.is_null()) variables["SM_HP_" + VariableName(name)] = AsText(value);
  }
  variables["SM_USER_ARGS"] = DumpJson(Json(HyperparameterArguments(hyperparameters)));
  std::vector<std::string> channels = surroundings.channels;
  std::sort(channels.begin(), channels.end());
  variables["SM_CHANNELS"] = DumpJson(Json(channels));
  for (const std::string& channel : channels) {
    variables["SM_CHANNEL_" + VariableName(channel)] = (folders.input / "data" / channel).string();
  }
  variables["SM_INPUT_DIR"] = folders.input.string();
  variables["SM_INPUT_CONFIG_DIR"] = (folders.input / "config").string();
  variables["SM_MODEL_DIR"] = folders.model.string();
  variables["SM_OUTPUT_DATA_DIR"] = folders.output.string();
  variables["SM_OUTPUT_DIR"] = folders.output.parent_path().string();
  if (!folders.checkpoint.empty()) {
    variables["PENSTOCK_CHECKPOINT_DIR"] = folders.checkpoint.string();
  }
  variables["SM_NUM_CPUS"] = std::to_string(surroundings.cpus);
  variables["SM_NUM_GPUS"] = std::to_string(surroundings.gpus);
  AddHosts(surroundings, variables);
  return variables;
}

}  // namespace penstock
