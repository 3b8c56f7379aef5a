#include "steps/model_io/model_info.h"

#include <cmath>

#include "base/text.h"
#include "base/file.h"

namespace penstock {
namespace {

constexpr char kFormat[] = "penstock-model/1";
// A million features of 60 characters; model.json holds each three times.
constexpr JsonLimits kLimits{.max_bytes = 256u << 20, .max_depth = 32};

Status Damaged(const std::string& what) {
  return DataLoss("model.json is damaged: " + what, "MODEL_DAMAGED");
}

Result<std::vector<std::string>> Texts(const Json& json, const char* member) {
  std::vector<std::string> texts;
  const Json& list = JsonMember(json, member);
  if (!list.is_array()) return Damaged("no list \"" + std::string(member) + "\"");
  for (const Json& text : list) {
    if (!text.is_string()) return Damaged("\"" + std::string(member) + "\" must hold texts");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Result<Task> TaskFromName(const std::string& name) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    if (Name(task) == name) return task;
  }
  return Damaged("unknown task \"" + name + "\"");
}

}  // namespace

std::string ModelInfo::positive() const {
  if (positive_index < 0 || positive_index >= static_cast<int>(classes.size())) return {};
  return classes[static_cast<size_t>(positive_index)];
}

Json ModelInfoToJson(const ModelInfo& info) {
  Json raw = Json::array();
  for (const RawFeature& feature : info.raw_features) {
    raw.push_back({{"name", feature.name}, {"kind", feature.kind}});
  }
  Json json = {{"format", kFormat},         {"algorithm", info.algorithm},
               {"version", info.version},   {"task", Name(info.task)},
               {"label", info.label},       {"classes", info.classes},
               {"positive", nullptr},       {"threshold", nullptr},
               {"features", info.features}, {"raw_features", raw},
               {"transform", nullptr},      {"hyperparameters", info.hyperparameters},
               {"data", info.data},         {"importance", info.importance}};
  if (info.task == Task::kBinary) {
    json["threshold"] = info.threshold;
    if (info.positive_index >= 0) json["positive"] = info.positive();
  }
  if (!info.transform_digest.empty()) json["transform"] = info.transform_digest;
  return json;
}

Result<ModelInfo> ModelInfoFromJson(const Json& json) {
  if (!json.is_object()) return Damaged("it is no object");
  const std::string format = JsonString(json, "format");
  if (format != kFormat) {
    return FailedPrecondition("model.json says format \"" + format + "\", this program reads \"" +
                                  kFormat + "\"; use the version of Penstock that wrote it",
                              "MODEL_FORMAT");
  }
  ModelInfo info;
  info.algorithm = JsonString(json, "algorithm");
  info.version = JsonString(json, "version");
  info.label = JsonString(json, "label");
  if (info.algorithm.empty()) return Damaged("no \"algorithm\"");
  PENSTOCK_ASSIGN_OR_RETURN(info.task, TaskFromName(JsonString(json, "task")));
  PENSTOCK_ASSIGN_OR_RETURN(info.classes, Texts(json, "classes"));
  PENSTOCK_ASSIGN_OR_RETURN(info.features, Texts(json, "features"));
  const size_t least = info.task == Task::kRegression ? 0 : 2;
  if (info.classes.size() < least || (info.task == Task::kBinary && info.classes.size() != 2)) {
    return Damaged("task " + std::string(Name(info.task)) + " with " +
                   std::to_string(info.classes.size()) + " classes");
  }
  const Json& positive = JsonMember(json, "positive");
  if (info.task == Task::kBinary && positive.is_string()) {
    for (size_t i = 0; i < info.classes.size(); ++i) {
      if (info.classes[i] == positive.get<std::string>()) info.positive_index = static_cast<int>(i);
    }
    if (info.positive_index < 0) return Damaged("\"positive\" is not among \"classes\"");
  }
  info.threshold = JsonDouble(json, "threshold", 0.5);
  const Json& raw = JsonMember(json, "raw_features");
  if (!raw.is_array()) return Damaged("no list \"raw_features\"");
  for (const Json& feature : raw) {
    info.raw_features.push_back({JsonString(feature, "name"), JsonString(feature, "kind")});
  }
  info.transform_digest = JsonString(json, "transform");
  if (const Json& given = JsonMember(json, "hyperparameters"); given.is_object()) {
    info.hyperparameters = given;
  }
  if (const Json& data = JsonMember(json, "data"); data.is_object()) {
    for (const auto& [name, digest] : data.items()) {
      if (digest.is_string()) info.data[name] = digest.get<std::string>();
    }
  }
  if (const Json& importance = JsonMember(json, "importance"); importance.is_object()) {
    for (const auto& [name, value] : importance.items()) {
      if (value.is_number()) info.importance[name] = value.get<double>();
    }
  }
  return info;
}

Status WriteModelInfo(const std::filesystem::path& folder, const ModelInfo& info) {
  return WriteFileAtomic(folder / kModelFile, DumpJsonPretty(ModelInfoToJson(info)) + "\n");
}

Result<ModelInfo> ReadModelInfo(const std::filesystem::path& folder,
                                const std::string& display_name) {
  const std::string name = display_name.empty() ? folder.string() : display_name;
  const Result<std::string> text = ReadFile(folder / kModelFile);
  if (!text.ok()) {
    if (text.status().code() != StatusCode::kNotFound && std::filesystem::is_directory(folder)) {
      return text.status().WithContext(name);
    }
    return InvalidArgument(name + " is not a model: it has no " + kModelFile +
                           "; bind the output `model` of a train step or a registered model");
  }
  Result<Json> json = ParseJson(*text, kLimits);
  if (!json.ok()) return Damaged(json.status().message()).WithContext(name);
  Result<ModelInfo> info = ModelInfoFromJson(*json);
  if (!info.ok()) return info.status().WithContext(name);
  return info;
}

}  // namespace penstock
