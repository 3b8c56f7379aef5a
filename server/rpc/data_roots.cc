#include "server/rpc/data_roots.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"

namespace penstock {
namespace {

constexpr std::string_view kScheme = "file:";
// Relative addresses are refused with their own words where parameters are bound.
constexpr std::string_view kAbsolute = "file:///";

// The path of "file:///a/b" or "file:/a/b".
std::string PathOf(const std::string& address) {
  std::string path = address.substr(kScheme.size());
  if (path.rfind("//", 0) == 0) path.erase(0, 2);
  return path;
}

// Nothing is said of values that are no `file:` address.
void CheckAddress(const Json& value, const std::string& path, const std::vector<std::string>& roots,
                  std::vector<Problem>& problems) {
  if (!value.is_string()) return;
  const std::string& address = value.get_ref<const std::string&>();
  if (address.rfind(kAbsolute, 0) != 0 || IsUnderRoots(address, roots)) return;
  const std::string known =
      roots.empty() ? "its dataRoots are empty" : "its dataRoots: " + Join(roots, ", ");
  problems.push_back({path, "\"" + address + "\" is in no folder that this server reads from (" +
                                known +
                                "); upload the file (-p NAME=@PATH), or ask the operator "
                                "to add its folder"});
}

}  // namespace

bool IsUnderRoots(const std::string& address, const std::vector<std::string>& roots) {
  const std::filesystem::path path = std::filesystem::path(PathOf(address)).lexically_normal();
  if (!path.is_absolute()) return false;
  return std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
    const std::filesystem::path inside =
        path.lexically_relative(std::filesystem::path(root + "/").lexically_normal());
    return !inside.empty() && *inside.begin() != "..";
  });
}

Status CheckDataRoots(const PipelineSpec& spec, const std::map<std::string, Json>& parameters,
                      const std::vector<std::string>& roots) {
  std::vector<Problem> problems;
  for (const auto& [name, value] : parameters) {
    const ParameterSpec* parameter = spec.FindParameter(name);
    if (parameter == nullptr || parameter->type != ParameterSpec::Type::kDataset) continue;
    CheckAddress(value, "parameters." + name, roots, problems);
  }
  if (problems.empty()) return Status::Ok();
  return InvalidArgument("the parameters do not fit pipeline \"" + spec.name + "\"",
                         "INVALID_PARAMETERS")
      .WithProblems(std::move(problems));
}

void CheckDefinitionRoots(const PipelineSpec& spec, const std::vector<std::string>& roots,
                          std::vector<Problem>& problems) {
  for (const ParameterSpec& parameter : spec.parameters) {
    if (parameter.type != ParameterSpec::Type::kDataset) continue;
    CheckAddress(parameter.default_value, "parameters." + parameter.name + ".default", roots,
                 problems);
  }
  for (std::size_t i = 0; i < spec.steps.size(); ++i) {
    for (const StepInput& input : spec.steps[i].inputs) {
      const std::string path = "steps[" + std::to_string(i) + "].inputs." + input.name;
      for (const Json& source : input.sources) CheckAddress(source, path, roots, problems);
    }
  }
}

}  // namespace penstock
