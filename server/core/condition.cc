#include "server/core/condition.h"

#include <cmath>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

const std::vector<std::string>& Operators() {
  static const std::vector<std::string> operators = {"==", "!=", ">", ">=", "<", "<=", "in"};
  return operators;
}

void Check(const Json& condition, const std::string& path, int depth,
           std::vector<Problem>& problems) {
  const auto wrong = [&](const std::string& where, std::string message) {
    problems.push_back({where, std::move(message)});
  };
  if (depth > limits::kMaxConditionDepth) {
    return wrong(path, "is nested deeper than " + std::to_string(limits::kMaxConditionDepth) +
                           "; take several condition steps, one in the branch of another");
  }
  const auto all = [&](const Json& list, const std::string& where) {
    if (!list.is_array() || list.empty()) return wrong(where, "must be a list of conditions");
    for (std::size_t i = 0; i < list.size(); ++i) {
      Check(list[i], where + "[" + std::to_string(i) + "]", depth + 1, problems);
    }
  };
  if (condition.is_array()) return all(condition, path);
  if (!condition.is_object()) {
    return wrong(path, condition.is_null()
                           ? "is missing: write {left: VALUE, op: \">=\", right: VALUE}"
                           : "must be a comparison {left, op, right}, a list of them, or "
                             "{all|any|not: …}");
  }
  for (const char* word : {"all", "any"}) {
    if (condition.size() == 1 && condition.contains(word)) {
      return all(condition[word], path + "." + word);
    }
  }
  if (condition.size() == 1 && condition.contains("not")) {
    return Check(condition["not"], path + ".not", depth + 1, problems);
  }
  static const std::vector<std::string> kKeys = {"left", "op", "right"};
  for (const auto& [key, value] : condition.items()) {
    if (key != "left" && key != "op" && key != "right") {
      wrong(path + "." + key, "unknown key" + Suggestion(key, kKeys));
    }
  }
  for (const std::string& key : kKeys) {
    if (!condition.contains(key)) {
      wrong(path + "." + key, "is missing: write {left: VALUE, op: \">=\", right: VALUE}");
    }
  }
  const std::string op = JsonString(condition, "op");
  if (condition.contains("op") &&
      std::find(Operators().begin(), Operators().end(), op) == Operators().end()) {
    wrong(path + ".op", "\"" + op + "\" is not a comparison; use " + Join(Operators(), " "));
  }
  if (op == "in" && condition.contains("right") && !condition["right"].is_array() &&
      !condition["right"].is_string()) {
    wrong(path + ".right", "`in` looks in a list");
  }
}

std::string Show(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return FormatDouble(value.get<double>());
  return DumpJson(value);
}

Result<Json> Operand(const Json& value, const Scope& scope) {
  const auto undefined = [&](const std::string& why) {
    return FailedPrecondition(
        Show(value) + " has no value: " + why + "; a condition on it can be neither true nor false",
        "METRIC_UNDEFINED");
  };
  Result<Json> resolved = Resolve(value, scope);
  if (!resolved.ok()) {
    if (resolved.status().reason() != "ABSENT") return resolved.status();
    // A lone reference is named once.
    const std::string& why = resolved.status().message();
    const std::string name = Show(value) + ": ";
    return undefined(why.starts_with(name) ? why.substr(name.size()) : why);
  }
  if (resolved->is_null()) return undefined("it is null or not a number");
  if (resolved->is_number_float() && std::isnan(resolved->get<double>())) {
    return undefined("it is not a number");
  }
  return resolved;
}

Result<bool> Compare(const Json& left, const std::string& op, const Json& right) {
  if (op == "in") {
    if (!right.is_array()) {
      return FailedPrecondition("`in` looks in a list, and " + Show(right) + " is none",
                                "BAD_COMPARISON");
    }
    for (const Json& item : right) {
      if (item == left) return true;
    }
    return false;
  }
  const bool numbers = left.is_number() && right.is_number();
  const bool texts = left.is_string() && right.is_string();
  if (op == "==" || op == "!=") return (left == right) == (op == "==");
  if (!numbers && !texts) {
    return FailedPrecondition(Show(left) + " and " + Show(right) + " cannot be put in order: a " +
                                  std::string(JsonKindName(left)) + " and a " +
                                  std::string(JsonKindName(right)),
                              "BAD_COMPARISON");
  }
  const int order = left < right ? -1 : (right < left ? 1 : 0);
  if (op == ">") return order > 0;
  if (op == ">=") return order >= 0;
  if (op == "<") return order < 0;
  return order <= 0;
}

Result<bool> Holds(const Json& condition, const Scope& scope, std::string& explanation);

Result<bool> HoldsAll(const Json& list, const Scope& scope, bool wanted, std::string& explanation) {
  // Every operand is looked at, so that an undefined one is never hidden by an earlier answer.
  bool decided = false;
  for (const Json& each : list) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool holds, Holds(each, scope, explanation));
    decided = decided || holds == wanted;
  }
  return decided ? wanted : !wanted;
}

Result<bool> Holds(const Json& condition, const Scope& scope, std::string& explanation) {
  if (condition.is_array()) return HoldsAll(condition, scope, false, explanation);
  if (condition.contains("all")) return HoldsAll(condition["all"], scope, false, explanation);
  if (condition.contains("any")) return HoldsAll(condition["any"], scope, true, explanation);
  if (condition.contains("not")) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool holds, Holds(condition["not"], scope, explanation));
    return !holds;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Json left, Operand(condition["left"], scope));
  PENSTOCK_ASSIGN_OR_RETURN(const Json right, Operand(condition["right"], scope));
  const std::string op = JsonString(condition, "op");
  PENSTOCK_ASSIGN_OR_RETURN(const bool holds, Compare(left, op, right));
  if (!explanation.empty()) explanation += ", ";
  explanation += Show(left) + " " + op + " " + Show(right) + (holds ? "" : " (no)");
  return holds;
}

}  // namespace

void CheckCondition(const Json& condition, const std::string& path,
                    std::vector<Problem>& problems) {
  Check(condition, path, 1, problems);
}

Result<ConditionOutcome> EvaluateCondition(const Json& condition, const Scope& scope) {
  ConditionOutcome outcome;
  PENSTOCK_ASSIGN_OR_RETURN(outcome.holds, Holds(condition, scope, outcome.explanation));
  return outcome;
}

}  // namespace penstock
