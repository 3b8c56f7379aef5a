#include "worker/runner/protocol.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace penstock {
namespace {

Json EncodePoints(const std::vector<SeriesPoint>& points) {
  Json json = Json::array();
  for (const SeriesPoint& point : points) {
    json.push_back({point.name, point.index,
                    std::isfinite(point.value) ? Json(point.value) : Json(), point.time.micros});
  }
  return json;
}

double NumberOrNan(const Json& json) {
  return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::vector<SeriesPoint> DecodePoints(const Json& json) {
  std::vector<SeriesPoint> points;
  for (const Json& point : json) {
    if (!point.is_array() || point.size() != 4 || !point[0].is_string() ||
        !point[1].is_number_integer() || !point[3].is_number_integer()) {
      continue;
    }
    points.push_back({point[0].get<std::string>(), point[1].get<int64_t>(), NumberOrNan(point[2]),
                      Time{point[3].get<int64_t>()}});
  }
  return points;
}

StoredOutput DecodeOutput(const Json& json) {
  StoredOutput output;
  output.name = JsonString(json, "name");
  output.ref.digest = Digest(JsonString(json, "digest"));
  output.ref.type = ParseArtifactType(JsonString(json, "type")).value_or(ArtifactType::kFile);
  output.ref.tree = JsonBool(json, "tree");
  output.ref.size = JsonInt(json, "size");
  output.files = static_cast<int32_t>(JsonInt(json, "files", 1));
  return output;
}

Json EncodeOutput(const StoredOutput& output) {
  return {{"name", output.name},
          {"digest", output.ref.digest.value()},
          {"type", std::string(Name(output.ref.type))},
          {"tree", output.ref.tree},
          {"size", output.ref.size},
          {"files", output.files}};
}

// A child that broke may say anything.
StatusCode CodeOf(int64_t number) {
  constexpr auto kLast = static_cast<int64_t>(StatusCode::kUnauthenticated);
  return number > 0 && number <= kLast ? static_cast<StatusCode>(number) : StatusCode::kUnknown;
}
Cause CauseOf(int64_t number) {
  constexpr auto kLast = static_cast<int64_t>(Cause::kGangEnded);
  return number >= 0 && number <= kLast ? static_cast<Cause>(number) : Cause::kStepError;
}

Outcome DecodeOutcome(const Json& json) {
  Outcome outcome;
  outcome.id = JsonInt(json, "id");
  if (const int64_t code = JsonInt(json, "code"); code != 0) {
    outcome.status = Status(CodeOf(code), JsonString(json, "message"), JsonString(json, "reason"));
  }
  outcome.cause = CauseOf(JsonInt(json, "cause"));
  for (const Json& each : JsonMember(json, "outputs")) {
    outcome.outputs.push_back(DecodeOutput(each));
  }
  if (const Json& checkpoint = JsonMember(json, "checkpoint"); checkpoint.is_object()) {
    outcome.checkpoint = DecodeOutput(checkpoint);
  }
  if (const Json& metrics = JsonMember(json, "metrics"); metrics.is_object()) {
    for (const auto& [name, value] : metrics.items()) outcome.metrics[name] = NumberOrNan(value);
  }
  if (const Json& values = JsonMember(json, "report"); values.is_object()) {
    for (const auto& [path, value] : values.items()) {
      if (value.is_string()) outcome.report_values[path] = value.get<std::string>();
    }
  }
  outcome.warnings = JsonString(json, "warnings");
  outcome.points = DecodePoints(JsonMember(json, "points"));
  outcome.exit_code = static_cast<int>(JsonInt(json, "exit_code"));
  outcome.log_end = JsonInt(json, "log_end");
  outcome.peak_memory = JsonInt(json, "peak_memory");
  outcome.cpu_seconds = JsonDouble(json, "cpu_seconds");
  return outcome;
}

}  // namespace

std::string Encode(const Assignment& assignment) {
  Json json{{"id", assignment.id},
            {"type", assignment.type},
            {"parameters", assignment.parameters},
            {"threads", assignment.threads}};
  if (!assignment.algorithm.empty()) json["algorithm"] = assignment.algorithm;
  if (!assignment.secrets.empty()) json["secrets"] = assignment.secrets;
  if (assignment.memory > 0) json["memory"] = assignment.memory;
  if (assignment.fenced) json["fenced"] = true;
  json["workspace"] = assignment.workspace;
  json["store"] = assignment.store;
  if (!assignment.report_paths.empty()) json["report_paths"] = assignment.report_paths;
  for (const AssignedInput& input : assignment.inputs) {
    json["inputs"].push_back({{"name", input.name},
                              {"path", input.path},
                              {"type", std::string(Name(input.type))},
                              {"digest", input.digest.value()},
                              {"display_name", input.display_name}});
  }
  return DumpJson(json);
}

Assignment DecodeAssignment(const Json& json) {
  Assignment assignment;
  assignment.id = JsonInt(json, "id");
  assignment.type = JsonString(json, "type");
  assignment.algorithm = JsonString(json, "algorithm");
  assignment.parameters = JsonMember(json, "parameters");
  if (const Json& secrets = JsonMember(json, "secrets"); secrets.is_object()) {
    for (const auto& [name, value] : secrets.items()) {
      if (value.is_string()) assignment.secrets[name] = value.get<std::string>();
    }
  }
  assignment.threads = static_cast<int32_t>(JsonInt(json, "threads", 1));
  assignment.memory = JsonInt(json, "memory");
  assignment.fenced = JsonBool(json, "fenced");
  assignment.workspace = JsonString(json, "workspace");
  assignment.store = JsonString(json, "store");
  for (const Json& path : JsonMember(json, "report_paths")) {
    if (path.is_string()) assignment.report_paths.push_back(path.get<std::string>());
  }
  for (const Json& each : JsonMember(json, "inputs")) {
    AssignedInput input;
    input.name = JsonString(each, "name");
    input.path = JsonString(each, "path");
    input.type = ParseArtifactType(JsonString(each, "type")).value_or(ArtifactType::kFile);
    input.digest = Digest(JsonString(each, "digest"));
    input.display_name = JsonString(each, "display_name");
    assignment.inputs.push_back(std::move(input));
  }
  return assignment;
}

std::string Encode(const Update& update) {
  Json json{{"kind", "update"}, {"id", update.id}};
  if (update.progress >= 0) {
    json["progress"] = update.progress;
    json["note"] = update.note;
  }
  if (!update.points.empty()) json["points"] = EncodePoints(update.points);
  return DumpJson(json);
}

std::string Encode(const Outcome& outcome) {
  Json json{{"kind", "outcome"}, {"id", outcome.id}, {"log_end", outcome.log_end}};
  if (!outcome.status.ok()) {
    json["code"] = static_cast<int>(outcome.status.code());
    json["message"] = outcome.status.message();
    json["reason"] = outcome.status.reason();
    json["cause"] = static_cast<int>(outcome.cause);
  }
  for (const StoredOutput& output : outcome.outputs) {
    json["outputs"].push_back(EncodeOutput(output));
  }
  if (outcome.checkpoint) json["checkpoint"] = EncodeOutput(*outcome.checkpoint);
  for (const auto& [name, value] : outcome.metrics) {
    json["metrics"][name] = std::isfinite(value) ? Json(value) : Json();
  }
  if (outcome.exit_code != 0) json["exit_code"] = outcome.exit_code;
  if (!outcome.report_values.empty()) json["report"] = outcome.report_values;
  if (!outcome.warnings.empty()) json["warnings"] = outcome.warnings;
  if (!outcome.points.empty()) json["points"] = EncodePoints(outcome.points);
  if (outcome.peak_memory > 0) json["peak_memory"] = outcome.peak_memory;
  json["cpu_seconds"] = outcome.cpu_seconds;
  return DumpJson(json);
}

Result<ChildMessage> DecodeChildMessage(const Json& json) {
  ChildMessage message;
  const std::string kind = JsonString(json, "kind");
  if (kind == "outcome") {
    message.outcome = DecodeOutcome(json);
  } else if (kind == "update") {
    Update update;
    update.id = JsonInt(json, "id");
    update.progress = JsonDouble(json, "progress", -1);
    update.note = JsonString(json, "note");
    update.points = DecodePoints(JsonMember(json, "points"));
    message.update = std::move(update);
  } else {
    return DataLoss("a runner said something that is no update and no outcome");
  }
  return message;
}

std::string FrameOf(std::string_view document) {
  const auto size = static_cast<uint32_t>(document.size());
  std::string frame(sizeof size, '\0');
  std::memcpy(frame.data(), &size, sizeof size);
  frame += document;
  return frame;
}

Result<std::optional<Json>> FrameReader::Next() {
  uint32_t size = 0;
  if (buffer_.size() - start_ < sizeof size) {
    buffer_.erase(0, std::exchange(start_, 0));
    return std::optional<Json>();
  }
  std::memcpy(&size, buffer_.data() + start_, sizeof size);
  if (size > kMaxFrameBytes) return DataLoss("a frame of " + std::to_string(size) + " bytes");
  if (buffer_.size() - start_ - sizeof size < size) {
    buffer_.erase(0, std::exchange(start_, 0));
    return std::optional<Json>();
  }
  const std::string_view text(buffer_.data() + start_ + sizeof size, size);
  Result<Json> json = ParseJson(text, {.max_bytes = kMaxFrameBytes, .max_depth = 128});
  if (!json.ok()) return json.status().WithContext("a frame");
  start_ += sizeof size + size;
  return std::optional<Json>(*std::move(json));
}

}  // namespace penstock
