#include "storage/metadata/encoding.h"

#include <cmath>
#include <limits>

#include "storage/model/limits.h"

namespace penstock {
namespace {

// Columns were written by this program: larger than what users may send, and trusted.
Json Read(const std::string& text) {
  Result<Json> json = ParseJson(text, {.max_bytes = 64 << 20, .max_depth = 64});
  return json.ok() ? *std::move(json) : Json();
}

}  // namespace

Json EncodeArtifactRef(const ArtifactRef& ref) {
  return Json{{"digest", ref.digest.value()},
              {"type", std::string(Name(ref.type))},
              {"tree", ref.tree},
              {"size", ref.size}};
}

ArtifactRef DecodeArtifactRef(const Json& json) {
  ArtifactRef ref;
  ref.digest = Digest(JsonString(json, "digest"));
  ref.type = ParseArtifactType(JsonString(json, "type")).value_or(ArtifactType::kFile);
  ref.tree = JsonBool(json, "tree");
  ref.size = JsonInt(json, "size");
  return ref;
}

Json EncodeMetrics(const std::map<std::string, double>& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) {
    json[name] = std::isfinite(value) ? Json(value) : Json();
  }
  return json;
}

std::map<std::string, double> DecodeMetrics(const Json& json) {
  std::map<std::string, double> metrics;
  if (!json.is_object()) return metrics;
  for (const auto& [name, value] : json.items()) {
    metrics[name] =
        value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  }
  return metrics;
}

std::string EncodeStepResult(const StepResult& result) {
  if (result.outputs.empty() && result.metrics.empty() && result.report_values.empty() &&
      result.values.empty() && result.absent_values.empty()) {
    return {};
  }
  Json json = Json::object();
  for (const auto& [name, ref] : result.outputs) json["outputs"][name] = EncodeArtifactRef(ref);
  if (!result.metrics.empty()) json["metrics"] = EncodeMetrics(result.metrics);
  for (const auto& [path, value] : result.report_values) json["report"][path] = value;
  if (!result.absent_values.empty()) json["absent"] = result.absent_values;
  for (const auto& [name, value] : result.values) json["values"][name] = value;
  return DumpJson(json);
}

StepResult DecodeStepResult(const std::string& text) {
  StepResult result;
  if (text.empty()) return result;
  const Json json = Read(text);
  if (const Json& outputs = JsonMember(json, "outputs"); outputs.is_object()) {
    for (const auto& [name, ref] : outputs.items()) result.outputs[name] = DecodeArtifactRef(ref);
  }
  result.metrics = DecodeMetrics(JsonMember(json, "metrics"));
  if (const Json& report = JsonMember(json, "report"); report.is_object()) {
    for (const auto& [path, value] : report.items()) result.report_values[path] = value;
  }
  for (const Json& path : JsonMember(json, "absent")) {
    result.absent_values.insert(path.get<std::string>());
  }
  if (const Json& values = JsonMember(json, "values"); values.is_object()) {
    for (const auto& [name, value] : values.items()) result.values[name] = value;
  }
  return result;
}

std::string EncodeOrigin(const RunRecord::Origin& origin) {
  if (origin.run.empty()) return {};
  Json json{{"run", origin.run.value()}, {"again", origin.again}};
  if (origin.afresh) json["afresh"] = true;
  if (origin.verify) json["verify"] = true;
  return DumpJson(json);
}

RunRecord::Origin DecodeOrigin(const std::string& text) {
  RunRecord::Origin origin;
  if (text.empty()) return origin;
  const Json json = Read(text);
  origin.run = RunId(JsonString(json, "run"));
  for (const Json& name : JsonMember(json, "again")) origin.again.push_back(name.get<std::string>());
  origin.afresh = JsonBool(json, "afresh");
  origin.verify = JsonBool(json, "verify");
  return origin;
}

std::string EncodeNoCache(const RunRecord& run) {
  if (run.no_cache) return "true";
  return run.no_cache_steps.empty() ? std::string() : DumpJson(Json(run.no_cache_steps));
}

void DecodeNoCache(const std::string& text, RunRecord& run) {
  if (text.empty()) return;
  const Json json = Read(text);
  run.no_cache = json == true;
  if (!json.is_array()) return;
  for (const Json& name : json) run.no_cache_steps.push_back(name.get<std::string>());
}

std::string EncodeWorkerInfo(const WorkerInfo& info) {
  return DumpJson(Json{{"id", info.id.value()},
                       {"boot_id", info.boot_id},
                       {"version", info.version},
                       {"host", info.host},
                       {"pid", info.pid},
                       {"cpus", info.cpus},
                       {"memory", info.memory},
                       {"gpus", info.gpus},
                       {"labels", info.labels},
                       {"taints", info.taints},
                       {"steps", info.steps},
                       {"data_roots", info.data_roots},
                       {"data_sources", info.data_sources},
                       {"memory_limiter", info.memory_limiter},
                       {"gpu_names", info.gpu_names},
                       {"address", info.address},
                       {"first_port", info.first_port},
                       {"port_count", info.port_count}});
}

WorkerInfo DecodeWorkerInfo(const std::string& text) {
  const Json json = Read(text);
  WorkerInfo info;
  info.id = WorkerId(JsonString(json, "id"));
  info.boot_id = JsonString(json, "boot_id");
  info.version = JsonString(json, "version");
  info.host = JsonString(json, "host");
  info.pid = static_cast<int32_t>(JsonInt(json, "pid"));
  info.cpus = JsonDouble(json, "cpus");
  info.memory = JsonInt(json, "memory");
  info.gpus = static_cast<int32_t>(JsonInt(json, "gpus"));
  info.memory_limiter = JsonString(json, "memory_limiter");
  info.labels = DecodeTags(DumpJson(JsonMember(json, "labels")));
  info.taints = DecodeTags(DumpJson(JsonMember(json, "taints")));
  for (const Json& step : JsonMember(json, "steps")) {
    if (step.is_string()) info.steps.push_back(step.get<std::string>());
  }
  for (const Json& root : JsonMember(json, "data_roots")) {
    if (root.is_string()) info.data_roots.push_back(root.get<std::string>());
  }
  for (const Json& rule : JsonMember(json, "data_sources")) {
    if (rule.is_string()) info.data_sources.push_back(rule.get<std::string>());
  }
  for (const Json& name : JsonMember(json, "gpu_names")) {
    if (name.is_string()) info.gpu_names.push_back(name.get<std::string>());
  }
  info.address = JsonString(json, "address");
  info.first_port = static_cast<int32_t>(JsonInt(json, "first_port"));
  info.port_count = static_cast<int32_t>(JsonInt(json, "port_count"));
  return info;
}

std::string EncodeWorkerOrders(const WorkerOrders& orders) {
  if (!orders.cordoned && !orders.drain) return {};
  Json json{{"cordoned", orders.cordoned}, {"by", orders.by.value()}};
  if (orders.drain) json["drain"] = true;
  if (orders.drain_by.set()) json["drain_by"] = orders.drain_by.micros;
  return DumpJson(json);
}

WorkerOrders DecodeWorkerOrders(const std::string& text) {
  WorkerOrders orders;
  if (text.empty()) return orders;
  const Json json = Read(text);
  orders.cordoned = JsonBool(json, "cordoned");
  orders.drain = JsonBool(json, "drain");
  orders.drain_by = {JsonInt(json, "drain_by")};
  orders.by = Principal(JsonString(json, "by"));
  return orders;
}

std::string EncodeTags(const std::map<std::string, std::string>& tags) {
  return DumpJson(Json(tags));
}

std::map<std::string, std::string> DecodeTags(const std::string& text) {
  std::map<std::string, std::string> tags;
  const Json json = Read(text);
  if (!json.is_object()) return tags;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string()) tags[key] = value.get<std::string>();
  }
  return tags;
}

}  // namespace penstock
