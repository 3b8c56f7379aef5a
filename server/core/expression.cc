#include "server/core/expression.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kForms[] =
    "write parameters.NAME, steps.STEP.outputs.NAME, steps.STEP.metrics.NAME, "
    "steps.STEP.report.PATH or run.id";

Status BadReference(std::string_view text, const std::string& why) {
  return InvalidArgument("${" + TruncateUtf8(text, 80) + "}: " + why);
}

constexpr std::string_view kNoNameCharacters = " \t\n\"'{}()";

// "best(OUTPUT, max).NAME", behind "steps.STEP.".
Result<Reference> ParseBest(std::string_view text, std::string_view rest, Reference reference) {
  const auto bad = [&] {
    return BadReference(text, "write steps.STEP.best(OUTPUT, max).NAME, or min in place of max");
  };
  reference.kind = Reference::Kind::kBest;
  rest.remove_prefix(std::string_view("best(").size());
  const auto comma = rest.find(',');
  const auto close = rest.find(").");
  if (comma == std::string_view::npos || close == std::string_view::npos || comma > close) {
    return bad();
  }
  reference.field = std::string(Trim(rest.substr(0, comma)));
  const std::string_view way = Trim(rest.substr(comma + 1, close - comma - 1));
  reference.name = std::string(rest.substr(close + 2));
  reference.lowest = way == "min";
  for (const std::string* name : {&reference.field, &reference.name}) {
    if (name->empty() || name->find_first_of(kNoNameCharacters) != std::string::npos) return bad();
  }
  if (way != "max" && way != "min") return bad();
  return reference;
}

Result<Reference> ParseStepReference(std::string_view text, std::string_view rest) {
  Reference reference;
  reference.text = std::string(text);
  const auto dot = rest.find('.');
  if (dot == std::string_view::npos) return BadReference(text, kForms);
  reference.step = std::string(rest.substr(0, dot));
  rest.remove_prefix(dot + 1);
  if (reference.step.find_first_of(kNoNameCharacters) != std::string::npos) {
    return BadReference(text, std::string("is not a reference; ") + kForms);
  }
  if (rest.starts_with("best(")) return ParseBest(text, rest, std::move(reference));
  static constexpr std::array<std::pair<std::string_view, Reference::Kind>, 3> kKinds = {
      {{"outputs.", Reference::Kind::kOutput},
       {"metrics.", Reference::Kind::kMetric},
       {"report.", Reference::Kind::kReport}}};
  for (const auto& [prefix, kind] : kKinds) {
    if (!rest.starts_with(prefix) || rest.size() == prefix.size()) continue;
    reference.kind = kind;
    reference.name = std::string(rest.substr(prefix.size()));
    if (reference.name.find_first_of(kNoNameCharacters) != std::string::npos) {
      return BadReference(text, std::string("is not a reference; ") + kForms);
    }
    if (kind == Reference::Kind::kReport) return reference;
    const auto inner = reference.name.find('.');
    if (inner == std::string::npos) return reference;
    if (kind == Reference::Kind::kMetric) break;
    reference.field = reference.name.substr(inner + 1);
    reference.name.resize(inner);
    if (std::find(Aggregates().begin(), Aggregates().end(), reference.field) ==
        Aggregates().end()) {
      return BadReference(text, "\"" + reference.field + "\" is nothing that can be asked of a map's "
                                "output" + Suggestion(reference.field, Aggregates()));
    }
    return reference;
  }
  return BadReference(text, kForms);
}

// A number, true, false or 'text'; nullopt for anything else.
std::optional<Json> ParseLiteral(std::string_view text) {
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'' &&
      text.substr(1, text.size() - 2).find('\'') == std::string_view::npos) {
    return Json(std::string(text.substr(1, text.size() - 2)));
  }
  if (text == "true" || text == "false") return Json(text == "true");
  if (text.empty() || text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) {
    return std::nullopt;
  }
  const Result<Json> number = ParseJson(text);
  if (!number.ok() || !number->is_number()) return std::nullopt;
  return *number;
}

Result<Reference> ParseReference(std::string_view text) {
  if (text.empty()) return BadReference(text, std::string("is empty; ") + kForms);
  if (text.starts_with("steps.")) return ParseStepReference(text, text.substr(6));
  if (text.find_first_of(kNoNameCharacters) != std::string_view::npos) {
    return BadReference(text, std::string("is not a reference; ") + kForms);
  }
  Reference reference;
  reference.text = std::string(text);
  if (text == "item" || text.starts_with("item.")) {
    reference.kind = Reference::Kind::kItem;
    reference.name = text.size() > 5 ? std::string(text.substr(5)) : std::string();
    return reference;
  }
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || dot + 1 == text.size()) return BadReference(text, kForms);
  const std::string_view head = text.substr(0, dot);
  const std::string_view rest = text.substr(dot + 1);
  reference.name = std::string(rest);
  if (head == "parameters") {
    reference.kind = Reference::Kind::kParameter;
  } else if (head == "secrets") {
    reference.kind = Reference::Kind::kSecret;
  } else if (head == "run") {
    reference.kind = Reference::Kind::kRun;
    static const std::vector<std::string> kFields = {"id",       "name",  "startedAt",
                                                     "pipeline", "state", "message"};
    if (std::find(kFields.begin(), kFields.end(), reference.name) == kFields.end()) {
      return BadReference(text, "a run has no such field" + Suggestion(reference.name, kFields));
    }
  } else {
    return BadReference(text, kForms + Suggestion(head, {"parameters", "steps", "secrets", "run"}));
  }
  return reference;
}

// Leaves alternatives out that are no references, and says so in `wrong`.
Expression ParseExpression(std::string_view text, std::vector<Status>& wrong) {
  Expression expression;
  for (bool first = true;; first = false) {
    const auto at = text.find("??");
    const std::string_view one = Trim(text.substr(0, at));
    Result<Reference> reference = Reference{};
    if (std::optional<Json> literal = ParseLiteral(one)) {
      reference->kind = Reference::Kind::kLiteral;
      reference->text = std::string(one);
      reference->literal = *std::move(literal);
      if (first) {
        reference = BadReference(one, "a value needs no ${…}; it may stand behind ??");
      } else if (at != std::string_view::npos) {
        reference = BadReference(one, "what stands behind a value is never taken; let it be last");
      }
    } else {
      reference = ParseReference(one);
    }
    if (reference.ok()) {
      expression.alternatives.push_back(*std::move(reference));
    } else {
      wrong.push_back(reference.status());
    }
    if (at == std::string_view::npos) return expression;
    text.remove_prefix(at + 2);
  }
}

// Goes on behind what is wrong, so that every mistake of a text is found.
Template ParseParts(std::string_view text, std::vector<Status>& wrong) {
  Template parsed;
  std::string literal;
  const auto flush = [&] {
    if (literal.empty()) return;
    parsed.parts.push_back({std::exchange(literal, {}), {}});
  };
  while (!text.empty() && wrong.size() < limits::kMaxProblemsReported) {
    const auto at = text.find("${");
    if (at == std::string_view::npos) {
      literal += text;
      break;
    }
    if (at > 0 && text[at - 1] == '$') {
      literal += text.substr(0, at - 1);
      literal += "${";
      text.remove_prefix(at + 2);
      continue;
    }
    literal += text.substr(0, at);
    text.remove_prefix(at + 2);
    const auto end = text.find('}');
    if (end == std::string_view::npos) {
      wrong.push_back(
          InvalidArgument("\"${" + TruncateUtf8(text, 60) +
                          "\" is not closed; write ${…}, or $${ for the characters themselves"));
      break;
    }
    flush();
    if (end > static_cast<std::size_t>(limits::kMaxExpressionLength)) {
      wrong.push_back(InvalidArgument("a reference is longer than " +
                                      std::to_string(limits::kMaxExpressionLength) +
                                      " characters"));
    } else {
      parsed.parts.push_back({{}, ParseExpression(text.substr(0, end), wrong)});
    }
    text.remove_prefix(end + 1);
  }
  flush();
  return parsed;
}

Result<Json> ResolveText(const std::string& text, const Scope& scope) {
  if (text.find("${") == std::string::npos) return Json(text);
  PENSTOCK_ASSIGN_OR_RETURN(const Template parsed, ParseTemplate(text));
  std::string joined;
  for (const Template::Part& part : parsed.parts) {
    if (!part.is_expression()) {
      joined += part.literal;
      continue;
    }
    Lookup lookup = Evaluate(part.expression, scope);
    if (lookup.state == Lookup::State::kAbsent) {
      return FailedPrecondition(
          "${" + part.expression.alternatives.back().text + "}: " + lookup.why, "ABSENT");
    }
    if (parsed.is_single()) return std::move(lookup.value);
    joined += lookup.state == Lookup::State::kUndefined ? "undefined" : AsText(lookup.value);
  }
  return Json(std::move(joined));
}

}  // namespace

const std::vector<std::string>& Aggregates() {
  static const std::vector<std::string> aggregates = {"mean", "std", "min", "max", "count"};
  return aggregates;
}

Json Aggregate(const std::string& name, const Json& list) {
  double count = 0;
  double mean = 0;
  double squares = 0;  // of the distances from the mean, by Welford's recurrence
  double lowest = INFINITY;
  double highest = -INFINITY;
  int64_t present = 0;
  for (const Json& value : list) {
    present += value.is_null() ? 0 : 1;
    if (!value.is_number()) continue;
    const double x = value.get<double>();
    ++count;
    const double distance = x - mean;
    mean += distance / count;
    squares += distance * (x - mean);
    lowest = std::min(lowest, x);
    highest = std::max(highest, x);
  }
  if (name == "count") return present;
  if (count == 0) return {};
  if (name == "mean") return mean;
  if (name == "min") return lowest;
  if (name == "max") return highest;
  return count > 1 ? Json(std::sqrt(squares / (count - 1))) : Json();
}

bool Template::has_expressions() const {
  for (const Part& part : parts) {
    if (part.is_expression()) return true;
  }
  return false;
}

Result<Template> ParseTemplate(std::string_view text) {
  std::vector<Status> wrong;
  Template parsed = ParseParts(text, wrong);
  if (!wrong.empty()) return wrong.front();
  return parsed;
}

void CollectReferences(const Json& value, const std::string& path,
                       std::vector<FoundReference>& found, std::vector<Problem>& problems) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      CollectReferences(member, path.empty() ? key : path + "." + key, found, problems);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      CollectReferences(value[i], path + "[" + std::to_string(i) + "]", found, problems);
    }
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.find("${") == std::string::npos) return;
    std::vector<Status> wrong;
    const Template parsed = ParseParts(text, wrong);
    for (const Status& status : wrong) problems.push_back({path, status.message()});
    for (const Template::Part& part : parsed.parts) {
      // Beside a mistake, an alternative may stand alone that was not written so.
      const bool guarded = part.expression.alternatives.size() > 1 || !wrong.empty();
      for (const Reference& reference : part.expression.alternatives) {
        found.push_back({reference, path, guarded});
      }
    }
  }
}

std::string AsText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return FormatDouble(value.get<double>());
  return DumpJson(value);
}

Lookup Evaluate(const Expression& expression, const Scope& scope) {
  Lookup lookup;
  for (const Reference& reference : expression.alternatives) {
    if (reference.kind == Reference::Kind::kLiteral) {
      return {Lookup::State::kValue, reference.literal, {}};
    }
    lookup = scope.Find(reference);
    if (lookup.state != Lookup::State::kAbsent) return lookup;
  }
  return lookup;
}

Result<Json> Resolve(const Json& value, const Scope& scope) {
  if (value.is_string()) return ResolveText(value.get_ref<const std::string&>(), scope);
  if (value.is_object()) {
    Json out = Json::object();
    for (const auto& [key, member] : value.items()) {
      Result<Json> resolved = Resolve(member, scope);
      if (!resolved.ok()) return resolved.status();
      out[key] = *std::move(resolved);
    }
    return out;
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& member : value) {
      Result<Json> resolved = Resolve(member, scope);
      if (!resolved.ok()) return resolved.status();
      out.push_back(*std::move(resolved));
    }
    return out;
  }
  return value;
}

}  // namespace penstock
