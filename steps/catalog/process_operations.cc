#include "steps/catalog/process_operations.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "steps/catalog/catalog.h"
#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

const std::vector<OperationSchema>& Operations() {
  static const auto* const operations = [] {
    auto* all = new std::vector<OperationSchema>;
    for (const auto& group : {ColumnOperations(), EncodeOperations(), MissingOperations(),
                              NumberOperations(), ProductOperations(), ResampleOperations(),
                              RowChoiceOperations(), RowOperations(), ScaleOperations(),
                              ShapeOperations(), TextOperations()}) {
      all->insert(all->end(), group.begin(), group.end());
    }
    std::sort(all->begin(), all->end(), [](const OperationSchema& a, const OperationSchema& b) {
      return a.schema.key < b.schema.key;
    });
    return all;
  }();
  return *operations;
}

const OperationSchema* Find(const std::string& op) {
  for (const OperationSchema& operation : Operations()) {
    if (operation.schema.key == op) return &operation;
  }
  return nullptr;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const OperationSchema& operation : Operations()) names.push_back(operation.schema.key);
  return names;
}

void CheckStrings(const Json& value, const std::string& path, std::vector<Problem>& problems) {
  if (value.is_string()) return;
  const bool fine = value.is_array() && std::all_of(value.begin(), value.end(),
                                                    [](const Json& v) { return v.is_string(); });
  if (!fine) problems.push_back({path, "must be a string or a list of strings"});
}

void CheckName(const std::string& name, const std::set<std::string>& taken, const std::string& path,
               std::vector<Problem>& problems) {
  if (taken.count(name) > 0) {
    problems.push_back(
        {path, "column \"" + name +
                   "\" has a role, and so is no feature to transform; use labels.map "
                   "for labels"});
  }
}

void CheckSelector(const Json& selector, const std::set<std::string>& taken,
                   const std::string& path, std::vector<Problem>& problems) {
  if (HoldsReference(selector)) return;
  if (selector.is_string()) return CheckName(selector.get<std::string>(), taken, path, problems);
  if (!selector.is_object()) {
    problems.push_back({path, "must be a name, {kind: …}, {match: …}, or a list of these"});
    return;
  }
  static const std::vector<std::string> kKeys = {"kind", "match", "except"};
  static const std::vector<std::string> kKinds = {"numeric", "categorical", "text", "date", "id"};
  for (const auto& [key, value] : selector.items()) {
    const std::string at = path + "." + key;
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      problems.push_back({at, "unknown key" + Suggestion(key, kKeys)});
      continue;
    }
    CheckStrings(value, at, problems);
    if (key != "kind") continue;
    for (const Json& kind : value.is_array() ? value : Json::array({value})) {
      if (!kind.is_string() || HoldsReference(kind)) continue;
      const std::string text = kind.get<std::string>();
      if (std::find(kKinds.begin(), kKinds.end(), text) == kKinds.end()) {
        problems.push_back(
            {at, "\"" + text + "\" is no kind of column" + Suggestion(text, kKinds)});
      }
    }
  }
  if (!selector.contains("kind") && !selector.contains("match")) {
    problems.push_back({path, "must have kind or match"});
  }
}

void CheckColumns(const Json& columns, const std::set<std::string>& taken, const std::string& path,
                  std::vector<Problem>& problems) {
  if (!columns.is_array()) return CheckSelector(columns, taken, path, problems);
  if (columns.empty()) problems.push_back({path, "names no column"});
  for (std::size_t i = 0; i < columns.size(); ++i) {
    CheckSelector(columns[i], taken, path + "[" + std::to_string(i) + "]", problems);
  }
}

}  // namespace

void CheckOperations(const Json& transforms, const std::set<std::string>& taken,
                     const std::string& path, std::vector<Problem>& problems) {
  if (!transforms.is_array()) return;
  std::string fitted;
  for (std::size_t i = 0; i < transforms.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    const Json& entry = transforms[i];
    if (HoldsReference(entry)) continue;
    if (!entry.is_object() || !JsonMember(entry, "op").is_string()) {
      problems.push_back({at,
                          "must be an operation, for example {op: standard, columns: {kind: "
                          "numeric}} (known: " +
                              Join(Names(), ", ") + ")"});
      continue;
    }
    const std::string op = entry["op"].get<std::string>();
    if (HoldsReference(entry["op"])) continue;
    const OperationSchema* operation = Find(op);
    if (operation == nullptr) {
      problems.push_back(
          {at + ".op", "unknown operation \"" + op + "\"" + Suggestion(op, Names())});
      continue;
    }
    CheckParameters(operation->schema, entry, at, problems);
    if (const Json& columns = JsonMember(entry, "columns"); !columns.is_null()) {
      CheckColumns(columns, taken, at + ".columns", problems);
    }
    // Those about rows may be by columns that have a role, and check that themselves.
    if (const Json& by = JsonMember(entry, "by"); !by.is_null() && !operation->rows) {
      CheckColumns(by, taken, at + ".by", problems);
    }
    const bool is_fitted =
        operation->learns_if ? operation->learns_if(entry) : operation->learns;
    if (operation->rows && !is_fitted && !fitted.empty()) {
      problems.push_back(
          {at, op + " must stand before " + fitted +
                   ": rows are chosen before the split, what is fitted comes after"});
    }
    if (fitted.empty() && is_fitted) fitted = op;
  }
}

std::string OperationsHelp() {
  std::string text = "Operations:\n";
  for (const auto& [schema, learns, learns_if, rows] : Operations()) {
    text += "- `" + schema.key + "`: " + schema.summary + "\n";
    for (const ParameterSchema& parameter : schema.parameters) {
      if (parameter.name == "op") continue;
      text += "  - `" + parameter.name + "`";
      if (!parameter.choices.empty()) text += " (" + Join(parameter.choices, ", ") + ")";
      text += ": " + parameter.help;
      if (!parameter.default_value.is_null()) {
        text += " Default " + DumpJson(parameter.default_value) + ".";
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace penstock
