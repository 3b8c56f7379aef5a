#include "server/rpc/convert.h"

#include <algorithm>

#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMaxDurationSeconds = 10L * 366 * 24 * 3600;

Result<Json> ValueAtDepth(const v1::Value& value, const std::string& path, int depth);

Result<Json> ListFromProto(const v1::ValueList& list, const std::string& path, int depth) {
  Json json = Json::array();
  for (int i = 0; i < list.items_size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(
        Json item, ValueAtDepth(list.items(i), path + "[" + std::to_string(i) + "]", depth + 1));
    json.push_back(std::move(item));
  }
  return json;
}

Result<Json> MapFromProto(const v1::ValueMap& map, const std::string& path, int depth) {
  Json json = Json::object();
  for (const auto& [key, field] : map.fields()) {
    PENSTOCK_ASSIGN_OR_RETURN(Json item, ValueAtDepth(field, path + "." + key, depth + 1));
    json[key] = std::move(item);
  }
  return json;
}

Result<Json> ValueAtDepth(const v1::Value& value, const std::string& path, int depth) {
  if (depth > limits::kMaxDefinitionDepth) {
    return InvalidArgument(path + ": nested deeper than " +
                           std::to_string(limits::kMaxDefinitionDepth) + " levels");
  }
  switch (value.kind_case()) {
    case v1::Value::kNull:
      return Json(nullptr);
    case v1::Value::kBoolean:
      return Json(value.boolean());
    case v1::Value::kInteger:
      return Json(value.integer());
    case v1::Value::kNumber:
      return Json(value.number());
    case v1::Value::kText:
      return Json(value.text());
    case v1::Value::kList:
      return ListFromProto(value.list(), path, depth);
    case v1::Value::kMap:
      return MapFromProto(value.map(), path, depth);
    case v1::Value::KIND_NOT_SET:
      break;
  }
  return InvalidArgument(path +
                         ": a Value needs one of null, boolean, integer, number, text, "
                         "list, map");
}

}  // namespace

google::protobuf::Timestamp TimeToProto(Time time) {
  google::protobuf::Timestamp out;
  int64_t seconds = time.micros / kMicrosPerSecond;
  int64_t rest = time.micros % kMicrosPerSecond;
  if (rest < 0) {
    rest += kMicrosPerSecond;
    --seconds;
  }
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>(rest * 1000));
  return out;
}

Time TimeFromProto(const google::protobuf::Timestamp& time) {
  constexpr int64_t kMaxSeconds = 253'402'300'799;  // the year 9999
  const int64_t seconds = std::clamp(time.seconds(), -kMaxSeconds, kMaxSeconds);
  return {seconds * kMicrosPerSecond + time.nanos() / 1000};
}

google::protobuf::Duration DurationToProto(Micros duration) {
  google::protobuf::Duration out;
  out.set_seconds(duration.count() / kMicrosPerSecond);
  out.set_nanos(static_cast<int32_t>(duration.count() % kMicrosPerSecond * 1000));
  return out;
}

Micros DurationFromProto(const google::protobuf::Duration& duration) {
  const int64_t seconds = std::clamp(duration.seconds(), -kMaxDurationSeconds, kMaxDurationSeconds);
  return Micros(seconds * kMicrosPerSecond + duration.nanos() / 1000);
}

Result<Json> ValueFromProto(const v1::Value& value, const std::string& path) {
  return ValueAtDepth(value, path, 0);
}

void ValueToProto(const Json& json, v1::Value* value) {
  switch (json.type()) {
    case Json::value_t::null:
    case Json::value_t::discarded:
    case Json::value_t::binary:
      value->set_null(true);
      return;
    case Json::value_t::boolean:
      value->set_boolean(json.get<bool>());
      return;
    case Json::value_t::number_integer:
      value->set_integer(json.get<int64_t>());
      return;
    case Json::value_t::number_unsigned:
      // What does not fit keeps its size, not its last digits.
      if (json.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
        value->set_number(static_cast<double>(json.get<uint64_t>()));
      } else {
        value->set_integer(json.get<int64_t>());
      }
      return;
    case Json::value_t::number_float:
      value->set_number(json.get<double>());
      return;
    case Json::value_t::string:
      value->set_text(json.get_ref<const std::string&>());
      return;
    case Json::value_t::array:
      value->mutable_list();
      for (const Json& item : json) ValueToProto(item, value->mutable_list()->add_items());
      return;
    case Json::value_t::object:
      value->mutable_map();
      for (const auto& [key, item] : json.items()) {
        ValueToProto(item, &(*value->mutable_map()->mutable_fields())[key]);
      }
      return;
  }
}

Result<ArtifactRef> ArtifactRefFromProto(const v1::ArtifactRef& ref, const std::string& path) {
  ArtifactRef out;
  auto digest = ParseDigest(ref.digest());
  if (!digest.ok()) return digest.status().WithContext(path + ".digest");
  out.digest = *std::move(digest);
  const auto type = ParseArtifactType(ref.type().empty() ? "file" : ref.type());
  if (!type) {
    return InvalidArgument(path + ".type: \"" + ref.type() +
                           "\" is none of file, dataset, model, transform, report");
  }
  out.type = *type;
  out.tree = ref.tree();
  if (ref.size() < 0) return InvalidArgument(path + ".size: must not be negative");
  out.size = ref.size();
  return out;
}

void ToProto(const ArtifactRef& ref, v1::ArtifactRef* out) {
  out->set_digest(FormatDigest(ref.digest));
  out->set_type(std::string(Name(ref.type)));
  out->set_tree(ref.tree);
  out->set_size(ref.size);
}

void ToProto(const Problem& problem, v1::Problem* out) {
  out->set_path(problem.path);
  out->set_message(problem.message);
}

void ProvenanceToProto(const Principal& principal, Time time, v1::Provenance* out) {
  out->set_principal(principal.value());
  if (time.set()) *out->mutable_time() = TimeToProto(time);
}

}  // namespace penstock
