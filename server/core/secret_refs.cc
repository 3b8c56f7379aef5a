#include "server/core/secret_refs.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "server/core/bind.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kWhere[] =
    "secrets may stand in with.environment of a script step, in with.url, with.headers and with.body "
    "of a notify step, and in with.access_key, with.secret_key, with.session_token, with.user, "
    "with.password and with.headers of an import step";

std::vector<FoundReference> ReferencesIn(const Json& value) {
  std::vector<FoundReference> found;
  std::vector<Problem> noted_elsewhere;
  CollectReferences(value, "", found, noted_elsewhere);
  return found;
}

void Mark(const PipelineSpec& spec, StepSpec& step) {
  for (const FoundReference& each : ReferencesIn(step.parameters)) {
    if (!IsSecret(spec, each.reference)) continue;
    step.uses_secrets = true;
    if (each.reference.kind == Reference::Kind::kParameter) {
      step.secret_parameters.insert(each.reference.name);
    }
  }
  for (StepSpec& inner : step.steps) Mark(spec, inner);
}

std::string Doubled(std::string_view text) {
  std::string doubled;
  for (const char c : text) doubled.append(c == '$' ? 2 : 1, c);
  return doubled;
}

Json DoubledIn(const Json& value) {
  if (value.is_string()) return Doubled(value.get_ref<const std::string&>());
  Json out = value;
  if (value.is_structured()) {
    for (Json& member : out) member = DoubledIn(member);
  }
  return out;
}

class Keeper {
 public:
  Keeper(const StepSpec& step, const Scope& scope, std::map<std::string, std::string>& names)
      : step_(step), scope_(scope), names_(names) {}

  Result<Json> Walk(const Json& value) {
    if (value.is_string()) return Text(value.get_ref<const std::string&>());
    Json out = value;
    if (!value.is_structured()) return out;
    for (Json& member : out) {
      PENSTOCK_ASSIGN_OR_RETURN(Json kept, Walk(member));
      member = std::move(kept);
    }
    return out;
  }

 private:
  bool Names(const Reference& reference) const {
    return reference.kind == Reference::Kind::kSecret ||
           (reference.kind == Reference::Kind::kParameter &&
            step_.secret_parameters.contains(reference.name));
  }

  Result<Json> Text(const std::string& text) {
    PENSTOCK_ASSIGN_OR_RETURN(const Template parsed, ParseTemplate(text));
    std::string joined;
    bool named = false;
    for (const Template::Part& part : parsed.parts) {
      if (!part.is_expression()) {
        joined += Doubled(part.literal);
      } else if (Names(part.expression.alternatives.front())) {
        named = true;
        PENSTOCK_ASSIGN_OR_RETURN(const std::string kept,
                                  Kept(part.expression.alternatives.front()));
        joined += kept;
      } else {
        PENSTOCK_ASSIGN_OR_RETURN(const Json value, Resolve(Whole(part.expression), scope_));
        joined += value.is_null() ? "undefined" : Doubled(AsText(value));
      }
    }
    if (named) return Json(std::move(joined));
    PENSTOCK_ASSIGN_OR_RETURN(const Json plain, Resolve(Json(text), scope_));
    return DoubledIn(plain);
  }

  static Json Whole(const Expression& expression) {
    std::vector<std::string> texts;
    for (const Reference& each : expression.alternatives) texts.push_back(each.text);
    return "${" + Join(texts, " ?? ") + "}";
  }

  // The reference with the name of its secret.
  Result<std::string> Kept(const Reference& reference) {
    std::string name = reference.name;
    if (reference.kind == Reference::Kind::kParameter) {
      const Lookup lookup = scope_.Find(reference);
      if (lookup.state != Lookup::State::kValue || !lookup.value.is_string()) {
        return FailedPrecondition("${" + reference.text + "} names no secret", "ABSENT");
      }
      name = lookup.value.get<std::string>();
    }
    if (!IsName(name)) return FailedPrecondition("${" + reference.text + "} names no secret");
    names_[name];
    return "${secrets." + name + "}";
  }

  const StepSpec& step_;
  const Scope& scope_;
  std::map<std::string, std::string>& names_;
};

class NamesOfRun {
 public:
  explicit NamesOfRun(const FindCalled& find) : find_(find) {}

  Status Collect(const PipelineSpec& spec, const Json& parameters, const std::string& way) {
    for (const ParameterSpec& parameter : spec.parameters) {
      const Json& value = JsonMember(parameters, parameter.name);
      if (parameter.type != ParameterSpec::Type::kSecret || !value.is_string()) continue;
      named_.emplace(value.get<std::string>(), way + "parameters." + parameter.name);
    }
    Status status;
    VisitSteps(spec, [&](const StepSpec& step, const std::string& path) {
      if (step.uses_secrets) OfStep(step, way + path);
      if (step.type == "pipeline" && status.ok()) status = Called(step, parameters, way);
    });
    return status;
  }

  std::map<std::string, std::string> Take() { return std::move(named_); }

 private:
  void OfStep(const StepSpec& step, const std::string& path) {
    for (const FoundReference& each : ReferencesIn(step.parameters)) {
      if (each.reference.kind != Reference::Kind::kSecret) continue;
      named_.emplace(each.reference.name, path + ".with." + each.path);
    }
  }

  Status Called(const StepSpec& step, const Json& parameters, const std::string& way) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::shared_ptr<const PipelineSpec> called, find_(step));
    return Collect(*called, GivenTo(*called, step, parameters), way + called->name + ": ");
  }

  const FindCalled& find_;
  std::map<std::string, std::string> named_;
};

}  // namespace

Status CheckSecret(const std::string& name, const std::string& value) {
  if (!IsName(name)) {
    return InvalidArgument("name: must be 1 to 64 of a-z 0-9 - _, first a letter or digit");
  }
  const auto wrong = [&](const std::string& why) {
    return InvalidArgument("the value of secret \"" + name + "\" " + why);
  };
  if (value.empty()) return wrong("is empty");
  if (value.size() > limits::kMaxSecretBytes) {
    return wrong("has " + std::to_string(value.size()) + " bytes; at most " +
                 std::to_string(limits::kMaxSecretBytes));
  }
  if (value.find('\0') != std::string::npos) {
    return wrong("holds a NUL byte, which no environment variable can; encode it, as in base64");
  }
  if (!IsUtf8(value)) return wrong("is not UTF-8 text; encode it, as in base64");
  return Status::Ok();
}

Status NoSuchSecret(const std::string& name) {
  return NotFound("there is no secret \"" + TruncateUtf8(name, 80) +
                      "\"; penstock get secrets lists them, and penstock secret set makes one",
                  "SECRET_NOT_FOUND");
}

bool IsSecret(const PipelineSpec& spec, const Reference& reference) {
  if (reference.kind == Reference::Kind::kSecret) return true;
  if (reference.kind != Reference::Kind::kParameter) return false;
  const ParameterSpec* parameter = spec.FindParameter(reference.name);
  return parameter != nullptr && parameter->type == ParameterSpec::Type::kSecret;
}

std::string WhyNoSecretHere(const StepSpec* step, const StepSchema* schema,
                            const FoundReference& found, std::string_view below) {
  const Reference& reference = found.reference;
  const std::string shown = "${" + TruncateUtf8(reference.text, 80) + "}";
  const bool by_name = reference.kind == Reference::Kind::kSecret;
  if (by_name && !IsName(reference.name)) {
    return shown + ": names of secrets have 1 to 64 of a-z 0-9 - _";
  }
  if (found.guarded) return shown + " is a secret, which stands without ??";
  if (step != nullptr && step->type == "pipeline" && below.starts_with("parameters.")) {
    if (!by_name) return {};  // hands the name on, as calls.cc checks
    return shown + ": a called pipeline takes the name of a secret: write " + reference.name +
           ", for a parameter of type secret";
  }
  if (schema != nullptr && below.starts_with("with.")) {
    below.remove_prefix(std::string_view("with.").size());
    const std::string field(below.substr(0, below.find_first_of(".[")));
    const std::vector<std::string>& fields = schema->secrets_in;
    if (std::find(fields.begin(), fields.end(), field) != fields.end()) return {};
  }
  return shown + " is a secret, and what stands here is stored or shown; " + kWhere;
}

void MarkSecrets(PipelineSpec& spec) {
  for (StepSpec& step : spec.steps) Mark(spec, step);
  for (StepSpec& step : spec.on_exit) Mark(spec, step);
}

Result<Json> ResolveKeepingSecrets(const StepSpec& step, const Scope& scope,
                                   std::map<std::string, std::string>* names) {
  if (!step.uses_secrets) return Resolve(step.parameters, scope);
  return Keeper(step, scope, *names).Walk(step.parameters);
}

Result<std::map<std::string, std::string>> SecretsOfRun(const PipelineSpec& spec,
                                                        const Json& parameters,
                                                        const FindCalled& find) {
  NamesOfRun names(find);
  PENSTOCK_RETURN_IF_ERROR(names.Collect(spec, parameters, ""));
  return names.Take();
}

}  // namespace penstock
