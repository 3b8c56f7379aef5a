#include "client/cli/parameters.h"

#include "base/text.h"
#include "client/cli/names.h"
#include "client/cli/output.h"
#include "client/cli/transfer.h"

namespace penstock::cli {

void SetValue(const Json& json, pb::Value& value) {
  if (json.is_boolean()) {
    value.set_boolean(json.get<bool>());
  } else if (json.is_number_integer()) {
    value.set_integer(json.get<int64_t>());
  } else if (json.is_number()) {
    value.set_number(json.get<double>());
  } else if (json.is_string()) {
    value.set_text(json.get<std::string>());
  } else if (json.is_array()) {
    pb::ValueList& list = *value.mutable_list();
    for (const Json& item : json) SetValue(item, *list.add_items());
  } else if (json.is_object()) {
    for (const auto& [key, item] : json.items()) {
      SetValue(item, (*value.mutable_map()->mutable_fields())[key]);
    }
  } else {
    value.set_null(true);
  }
}

std::string ShowValue(const pb::Value& value) {
  switch (value.kind_case()) {
    case pb::Value::kBoolean:
      return value.boolean() ? "true" : "false";
    case pb::Value::kInteger:
      return std::to_string(value.integer());
    case pb::Value::kNumber:
      return FormatDouble(value.number());
    case pb::Value::kText:
      return value.text();
    case pb::Value::kList: {
      std::vector<std::string> items;
      for (const pb::Value& item : value.list().items()) items.push_back(ShowValue(item));
      return "[" + Join(items, ", ") + "]";
    }
    case pb::Value::kMap: {
      std::vector<std::string> members;
      for (const auto& [name, member] : Sorted(value.map().fields())) {
        members.push_back(name + ": " + ShowValue(member));
      }
      return "{" + Join(members, ", ") + "}";
    }
    case pb::Value::kNull:
    case pb::Value::KIND_NOT_SET:
      return "null";
  }
  return {};
}

namespace {

std::string TypeOf(const Json& definition, const std::string& parameter) {
  return JsonString(JsonMember(JsonMember(definition, "parameters"), parameter), "type", "string");
}

}  // namespace

Json TypedValue(const Json& definition, const std::string& name, const std::string& text) {
  const Json& spec = JsonMember(JsonMember(definition, "parameters"), name);
  const std::string type = TypeOf(definition, name);
  if (type == "string" || type == "dataset" || type == "secret") return text;
  const Result<Json> json = ParseJson(text);
  if (!json.ok()) return text;
  if (type == "enum") {
    // A choice is a word unless the choices are numbers.
    const Json& values = JsonMember(spec, "values");
    return values.is_array() && !values.empty() && !values.front().is_string() ? *json : Json(text);
  }
  return *json;
}

Status BindParameters(Connection& connection, const std::vector<std::string>& assignments,
                      const Json& definition, Parameters& parameters) {
  for (const std::string& parameter : assignments) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto assignment,
                              ParseAssignment(parameter, "-p NAME=VALUE or -p NAME=@PATH"));
    const std::string& name = assignment.first;
    std::string text = assignment.second;
    if (text.starts_with('@')) {
      if (TypeOf(definition, name) == "secret") {
        return WrongUse("-p " + name + "=NAME takes the name of a secret; this would upload a " +
                        "file for all to see (penstock secret set NAME --from-file " +
                        text.substr(1) + ")");
      }
      const std::string path = text.substr(1);
      PENSTOCK_ASSIGN_OR_RETURN(const pb::ArtifactRef ref, Upload(connection, path, "dataset"));
      // What follows "#" is what messages call it.
      text = "artifact:" + ref.digest() + "#" + path;
    }
    SetValue(TypedValue(definition, name, text), parameters[name]);
  }
  return Status::Ok();
}

Json DefinitionOf(const pb::Pipeline& pipeline) {
  return ParseJson(pipeline.definition_json(), {.max_bytes = 16 << 20, .max_depth = 64})
      .value_or(Json());
}

}  // namespace penstock::cli
