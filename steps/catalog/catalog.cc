#include "steps/catalog/catalog.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "steps/catalog/builtin.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

std::string Quoted(const Json& value) {
  std::string text = DumpJson(value);
  if (text.size() > 60) text = TruncateUtf8(text, 57) + "…";
  return text;
}

std::string Bounds(const ParameterSchema& schema) {
  std::string text;
  if (schema.minimum) {
    text += (schema.exclusive_minimum ? "> " : ">= ") + FormatNumber(*schema.minimum);
  }
  if (schema.maximum) {
    if (!text.empty()) text += " and ";
    text += (schema.exclusive_maximum ? "< " : "<= ") + FormatNumber(*schema.maximum);
  }
  return text;
}

bool WithinBounds(const ParameterSchema& schema, double value) {
  if (schema.minimum &&
      (schema.exclusive_minimum ? value <= *schema.minimum : value < *schema.minimum)) {
    return false;
  }
  return !schema.maximum ||
         (schema.exclusive_maximum ? value < *schema.maximum : value <= *schema.maximum);
}

// Stands for what is not known: checks do not judge references.
constexpr char kUnknown[] = "${?}";

class Checker {
 public:
  // `mask`: puts kUnknown in the place of what is wrong.
  explicit Checker(std::vector<Problem>& problems, bool mask = false)
      : problems_(problems), mask_(mask) {}

  Json Object(const std::vector<ParameterSchema>& fields, const Json& value,
              const std::string& path) {
    Json out = Json::object();
    std::vector<std::string> known;
    for (const ParameterSchema& field : fields) known.push_back(field.name);
    for (const auto& [key, member] : value.items()) {
      bool found = key.starts_with("x-");
      for (const std::string& name : known) found = found || name == key;
      if (found) continue;
      Add(Join(path, key), "unknown key" + Suggestion(key, known));
      const std::string meant = mask_ ? Nearest(key, known) : "";
      if (!meant.empty()) out[meant] = kUnknown;
    }
    for (const ParameterSchema& field : fields) {
      const auto member = value.find(field.name);
      if (member == value.end()) {
        if (field.required) {
          Add(Join(path, field.name), "is missing" + (field.help.empty() ? "" : ": " + field.help));
          if (mask_) out[field.name] = kUnknown;
        } else if (out.contains(field.name)) {
          continue;
        } else if (!field.default_value.is_null() || field.nullable) {
          out[field.name] = field.default_value;
        } else if (field.kind == Kind::kObject) {
          FillObject(field, path, out);
        }
        continue;
      }
      out[field.name] = Value(field, *member, Join(path, field.name));
    }
    return out;
  }

  void Add(const std::string& path, std::string message) {
    problems_.push_back({path, std::move(message)});
  }

 private:
  static std::string Join(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }

  // An object that was left out still gives its fields' defaults, where it has any.
  void FillObject(const ParameterSchema& field, const std::string& path, Json& out) {
    for (const ParameterSchema& inner : field.fields) {
      if (inner.required) return;
    }
    Json filled = Object(field.fields, Json::object(), Join(path, field.name));
    if (!filled.empty()) out[field.name] = std::move(filled);
  }

  Json Value(const ParameterSchema& schema, const Json& value, const std::string& path) {
    const std::size_t before = problems_.size();
    Json checked = Shape(schema, value, path);
    for (std::size_t i = before; mask_ && i < problems_.size(); ++i) {
      if (problems_[i].path == path) return kUnknown;
    }
    return checked;
  }

  Json Shape(const ParameterSchema& schema, const Json& value, const std::string& path) {
    if (HoldsReference(value)) return value;
    if (value.is_null()) {
      if (!schema.nullable && schema.kind != Kind::kAny) {
        Wrong(schema, value, path);
      }
      return value;
    }
    switch (schema.kind) {
      case Kind::kString:
        if (!value.is_string()) {
          Wrong(schema, value, path);
        } else if (!WithinBounds(schema, static_cast<double>(value.get<std::string>().size()))) {
          Add(path, "must have a length " + Bounds(schema));
        }
        return value;
      case Kind::kInteger:
        // 3.0 is the integer 3: YAML and JSON writers differ in how they print whole numbers.
        if (value.is_number_float() && std::nearbyint(value.get<double>()) == value.get<double>() &&
            std::abs(value.get<double>()) < 9e15) {
          return Shape(schema, Json(static_cast<int64_t>(value.get<double>())), path);
        }
        if (!value.is_number_integer()) {
          Wrong(schema, value, path);
        } else {
          CheckBounds(schema, value, path);
        }
        return value;
      case Kind::kNumber:
        if (!value.is_number()) {
          Wrong(schema, value, path);
        } else {
          CheckBounds(schema, value, path);
        }
        return value;
      case Kind::kBoolean:
        if (!value.is_boolean()) Wrong(schema, value, path);
        return value;
      case Kind::kEnum:
        return Enum(schema, value, path);
      case Kind::kList:
        return List(schema, value, path);
      case Kind::kMap:
        return Map(schema, value, path);
      case Kind::kObject:
        if (!value.is_object()) {
          Wrong(schema, value, path);
          return value;
        }
        return Object(schema.fields, value, path);
      case Kind::kAny:
        return value;
    }
    return value;
  }

  Json Enum(const ParameterSchema& schema, const Json& value, const std::string& path) {
    if (!value.is_string()) {
      Wrong(schema, value, path);
      return value;
    }
    const std::string text = value.get<std::string>();
    for (const std::string& choice : schema.choices) {
      if (choice == text) return value;
    }
    Add(path, "\"" + text + "\" is not a choice" + Suggestion(text, schema.choices));
    return value;
  }

  Json List(const ParameterSchema& schema, const Json& value, const std::string& path) {
    if (!value.is_array()) {
      Wrong(schema, value, path);
      return value;
    }
    if (!WithinBounds(schema, static_cast<double>(value.size()))) {
      Add(path, "must have a length " + Bounds(schema));
    }
    if (!schema.element) return value;
    Json out = Json::array();
    for (std::size_t i = 0; i < value.size(); ++i) {
      out.push_back(Value(*schema.element, value[i], path + "[" + std::to_string(i) + "]"));
    }
    return out;
  }

  Json Map(const ParameterSchema& schema, const Json& value, const std::string& path) {
    if (!value.is_object()) {
      Wrong(schema, value, path);
      return value;
    }
    if (!schema.element) return value;
    Json out = Json::object();
    for (const auto& [key, member] : value.items()) {
      out[key] = Value(*schema.element, member, Join(path, key));
    }
    return out;
  }

  void CheckBounds(const ParameterSchema& schema, const Json& value, const std::string& path) {
    const double number = value.get<double>();
    if (std::isnan(number) || !WithinBounds(schema, number)) {
      Add(path, Quoted(value) + " is out of bounds; it must be " + Bounds(schema));
    }
  }

  void Wrong(const ParameterSchema& schema, const Json& value, const std::string& path) {
    std::string message = "must be " + std::string(Name(schema.kind)) + ", not the " +
                          std::string(JsonKindName(value)) + " " + Quoted(value);
    if (schema.kind == Kind::kEnum) {
      message += " (one of " + penstock::Join(schema.choices, ", ") + ")";
    } else if (schema.kind == Kind::kBoolean) {
      message += "; write true or false";
    } else if (schema.kind == Kind::kString && value.is_primitive() && !value.is_null()) {
      message += "; write it in quotes";
    } else if (IsQuotedNumber(schema, value)) {
      message += "; write it without quotes";
    }
    Add(path, message);
  }

  static bool IsQuotedNumber(const ParameterSchema& schema, const Json& value) {
    if (!value.is_string()) return false;
    const Result<Json> inside = ParseJson(value.get_ref<const std::string&>());
    if (!inside.ok()) return false;
    return schema.kind == Kind::kInteger ? inside->is_number_integer()
                                         : schema.kind == Kind::kNumber && inside->is_number();
  }

  std::vector<Problem>& problems_;
  const bool mask_;
};

Json SchemaOf(const ParameterSchema& parameter);

Json SchemaOfFields(const std::vector<ParameterSchema>& fields) {
  Json json{{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
  Json required = Json::array();
  for (const ParameterSchema& field : fields) {
    json["properties"][field.name] = SchemaOf(field);
    if (field.required) required.push_back(field.name);
  }
  if (!required.empty()) json["required"] = std::move(required);
  return json;
}

Json SchemaOf(const ParameterSchema& parameter) {
  Json json = Json::object();
  const auto bounds = [&](const char* minimum, const char* maximum) {
    if (parameter.minimum) json[minimum] = *parameter.minimum;
    if (parameter.maximum) json[maximum] = *parameter.maximum;
  };
  switch (parameter.kind) {
    case Kind::kString:
      json["type"] = "string";
      bounds("minLength", "maxLength");
      break;
    case Kind::kInteger:
    case Kind::kNumber:
      json["type"] = parameter.kind == Kind::kInteger ? "integer" : "number";
      bounds(parameter.exclusive_minimum ? "exclusiveMinimum" : "minimum",
             parameter.exclusive_maximum ? "exclusiveMaximum" : "maximum");
      break;
    case Kind::kBoolean:
      json["type"] = "boolean";
      break;
    case Kind::kEnum:
      json["enum"] = parameter.choices;
      break;
    case Kind::kList:
      json["type"] = "array";
      bounds("minItems", "maxItems");
      if (parameter.element) json["items"] = SchemaOf(*parameter.element);
      break;
    case Kind::kMap:
      json["type"] = "object";
      if (parameter.element) json["additionalProperties"] = SchemaOf(*parameter.element);
      break;
    case Kind::kObject:
      json = SchemaOfFields(parameter.fields);
      break;
    case Kind::kAny:
      break;
  }
  if (parameter.nullable) json = Json{{"anyOf", {json, {{"type", "null"}}}}};
  if (!parameter.help.empty()) json["description"] = parameter.help;
  if (!parameter.default_value.is_null()) json["default"] = parameter.default_value;
  return json;
}

}  // namespace

Catalog::Catalog(std::vector<StepSchema> schemas) {
  for (StepSchema& schema : schemas) {
    std::string key = schema.key;
    PENSTOCK_CHECK(schemas_.emplace(std::move(key), std::move(schema)).second);
  }
}

const StepSchema* Catalog::Find(std::string_view key) const {
  const auto found = schemas_.find(key);
  return found == schemas_.end() ? nullptr : &found->second;
}

std::vector<const StepSchema*> Catalog::All() const {
  std::vector<const StepSchema*> all;
  for (const auto& [key, schema] : schemas_) all.push_back(&schema);
  return all;
}

std::vector<std::string> Catalog::Algorithms() const {
  static constexpr std::string_view kPrefix = "train/";
  std::vector<std::string> names;
  for (const auto& [key, schema] : schemas_) {
    if (key.starts_with(kPrefix)) names.push_back(key.substr(kPrefix.size()));
  }
  return names;
}

const Catalog& Catalog::BuiltIn() {
  static const Catalog* const catalog =
      new Catalog({ProcessSchema(), ProfileSchema(), XgboostSchema(), LinearLearnerSchema(),
                   EvaluateSchema(), PredictSchema(), ImportSchema(), NoopSchema(), NotifySchema(),
                   ConditionSchema(), RegisterSchema(), PromoteSchema(), FailSchema(), MapSchema(),
                   PipelineSchema(), ApprovalSchema(), WaitSchema(), ScriptSchema(),
                   ValidateSchema()});
  return *catalog;
}

const PortSchema* FindInput(const StepSchema& schema, std::string_view name) {
  for (const PortSchema& port : schema.inputs) {
    if (port.name == name) return &port;
  }
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  if (name.empty() || name.size() > limits::kMaxNameLength) return nullptr;
  if (name.starts_with(kAttachmentPrefix)) {
    name.remove_prefix(kAttachmentPrefix.size());
    const bool fits = !name.empty() && name.front() != '.' && name.front() != '-' &&
                      std::all_of(name.begin(), name.end(),
                                  [&](char c) { return plain(c) || c == '.' || c == '+'; });
    return fits && schema.attachment ? &*schema.attachment : nullptr;
  }
  const bool fits = std::all_of(name.begin(), name.end(), plain);
  return fits && schema.any_input ? &*schema.any_input : nullptr;
}

std::string_view Name(ParameterSchema::Kind kind) {
  switch (kind) {
    case Kind::kString:
      return "string";
    case Kind::kInteger:
      return "integer";
    case Kind::kNumber:
      return "number";
    case Kind::kBoolean:
      return "boolean";
    case Kind::kEnum:
      return "enum";
    case Kind::kList:
      return "list";
    case Kind::kObject:
      return "object";
    case Kind::kMap:
      return "map";
    case Kind::kAny:
      return "any";
  }
  return {};
}

bool HoldsReference(const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 1)) {
    if (at == 0 || text[at - 1] != '$') return true;
  }
  return false;
}

Json CheckParameters(const StepSchema& schema, const Json& parameters, const std::string& path,
                     std::vector<Problem>& problems) {
  if (!parameters.is_null() && !parameters.is_object()) {
    problems.push_back(
        {path, "must be an object of parameters, not a " + std::string(JsonKindName(parameters))});
    return Json::object();
  }
  const Json& given = parameters.is_null() ? Json::object() : parameters;
  const std::size_t before = problems.size();
  Json filled = Checker(problems).Object(schema.parameters, given, path);
  if (!schema.check) return filled;
  if (problems.size() == before) {
    schema.check(filled, path, problems);
  } else {
    // One mistake hides no other: the step's own check sees all that has the right shape.
    std::vector<Problem> noted;
    schema.check(Checker(noted, true).Object(schema.parameters, given, path), path, problems);
  }
  return filled;
}

Json ParametersAsJsonSchema(const StepSchema& schema) {
  Json json = SchemaOfFields(schema.parameters);
  json["$schema"] = "http://json-schema.org/draft-07/schema#";
  json["title"] = schema.key + "@" + schema.version;
  json["description"] = schema.summary;
  return json;
}

}  // namespace penstock
