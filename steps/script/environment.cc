#include "steps/script/environment.h"

#include <algorithm>
#include <cctype>
#include <string_view>

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
  variables["PENSTOCK_CHECKPOINT_DIR"] = folders.checkpoint.string();
  variables["SM_NUM_CPUS"] = std::to_string(surroundings.cpus);
  variables["SM_NUM_GPUS"] = std::to_string(surroundings.gpus);
  variables["SM_HOSTS"] = "[\"algo-1\"]";
  variables["SM_CURRENT_HOST"] = "algo-1";
  return variables;
}

}  // namespace penstock
