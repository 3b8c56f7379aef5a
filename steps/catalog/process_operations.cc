#include "steps/catalog/process_operations.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "steps/catalog/catalog.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

ParameterSchema Columns(bool required) {
  return {.name = "columns",
          .help = required ? "Which columns." : "Which columns. Left out: all features.",
          .required = required};
}

ParameterSchema Choice(std::string name, std::string help, std::vector<std::string> choices) {
  return {.name = std::move(name),
          .kind = Kind::kEnum,
          .help = std::move(help),
          .default_value = choices.front(),
          .choices = std::move(choices)};
}

ParameterSchema Flag(std::string name, std::string help) {
  return {.name = std::move(name),
          .kind = Kind::kBoolean,
          .help = std::move(help),
          .default_value = false};
}

std::shared_ptr<const ParameterSchema> Element(ParameterSchema schema) {
  return std::make_shared<const ParameterSchema>(std::move(schema));
}

StepSchema Operation(std::string name, std::string summary, std::vector<ParameterSchema> fields) {
  StepSchema schema;
  schema.key = name;
  schema.summary = std::move(summary);
  schema.parameters = {{.name = "op", .kind = Kind::kString, .required = true}};
  for (ParameterSchema& field : fields) schema.parameters.push_back(std::move(field));
  return schema;
}

StepSchema ImputeSchema() {
  ParameterSchema method = Choice("method",
                                  "mean and median are for numbers; mode and constant for all; "
                                  "category makes missing values a category of their own.",
                                  {"mean", "median", "mode", "constant", "category"});
  method.required = true;
  method.default_value = Json();
  return Operation("impute", "Fills in missing values.",
                   {Columns(true),
                    method,
                    {.name = "value",
                     .help = "constant: what to fill in. category: its name (default missing)."},
                    Flag("indicator", "Also add a column NAME=(missing) of 0 and 1.")});
}

StepSchema MapValuesSchema() {
  ParameterSchema map{.name = "map",
                      .kind = Kind::kMap,
                      .help = "Values as text, and what each becomes; null: missing.",
                      .required = true};
  map.element = Element({.name = "value", .nullable = true});
  return Operation("map_values", "Replaces values by others.",
                   {Columns(true),
                    map,
                    Choice("other", "What becomes of other values.", {"keep", "missing", "error"}),
                    {.name = "kind",
                     .kind = Kind::kEnum,
                     .help = "Kind of the column afterwards. Left out: as before.",
                     .choices = {"numeric", "categorical"}}});
}

const std::vector<StepSchema>& Operations() {
  static const auto* const operations = new std::vector<StepSchema>{
      Operation("drop", "Removes columns; data to predict need not have them.", {Columns(true)}),
      Operation("drop_missing",
                "Removes rows with a missing value. Stands before everything that is fitted; never "
                "removes rows in evaluate and predict.",
                {Columns(false),
                 Choice("applies",
                        "fit: all rows, when this step fits. train: only rows of the part train. "
                        "all: also where a process step applies the transform to other data.",
                        {"fit", "train", "all"})}),
      ImputeSchema(),
      MapValuesSchema(),
      Operation("min_max", "Moves numbers into a range.",
                {Columns(true),
                 {.name = "range",
                  .kind = Kind::kList,
                  .help = "Where the smallest and the largest training value go.",
                  .default_value = Json::array({0, 1}),
                  .minimum = 2,
                  .maximum = 2,
                  .element = Element({.name = "bound", .kind = Kind::kNumber})},
                 Flag("clip", "Keep later values inside the range.")}),
      Operation("one_hot", "A column of 0 and 1, NAME=VALUE, for each value in the training rows.",
                {Columns(true),
                 Choice("unknown", "A value that the training rows lack: all 0, or an error.",
                        {"ignore", "error"}),
                 Choice("missing", "A missing value: all 0, or a column NAME=(missing).",
                        {"ignore", "category"}),
                 Flag("drop_first",
                      "Leave out the first value, as linear models without a penalty "
                      "need."),
                 {.name = "max_categories",
                  .kind = Kind::kInteger,
                  .help = "More values than this are an error.",
                  .default_value = 1'000,
                  .minimum = 1,
                  .maximum = 100'000}}),
      Operation("ordinal", "Values as 0, 1, 2 …",
                {Columns(true),
                 {.name = "order",
                  .kind = Kind::kList,
                  .help = "All values, lowest first. Left out: those of the training rows, sorted.",
                  .element = Element({.name = "value"})},
                 Choice("unknown", "Another value: an error, or missing.", {"error", "missing"})}),
      Operation("standard", "Numbers with mean 0 and standard deviation 1 in the training rows.",
                {Columns(true)}),
  };
  return *operations;
}

const StepSchema* Find(const std::string& op) {
  for (const StepSchema& schema : Operations()) {
    if (schema.key == op) return &schema;
  }
  return nullptr;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const StepSchema& schema : Operations()) names.push_back(schema.key);
  return names;
}

bool IsFitted(const std::string& op) {
  return op != "drop" && op != "drop_missing" && op != "map_values";
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

// What belongs together within one operation.
void CheckTogether(const Json& entry, const std::string& op, const std::string& path,
                   std::vector<Problem>& problems) {
  if (op == "impute") {
    const std::string method = JsonString(entry, "method");
    const bool value = !JsonMember(entry, "value").is_null();
    if (method == "constant" && !value) {
      problems.push_back({path + ".value", "is missing: method constant needs a value"});
    }
    if (value && (method == "mean" || method == "median" || method == "mode")) {
      problems.push_back({path + ".value", "has no use with method " + method});
    }
  }
  if (op == "min_max") {
    const Json& range = JsonMember(entry, "range");
    if (range.is_array() && range.size() == 2 && range[0].is_number() && range[1].is_number() &&
        !(range[0].get<double>() < range[1].get<double>())) {
      problems.push_back({path + ".range", "must have the lower bound first"});
    }
  }
  if (op == "map_values" && JsonMember(entry, "map").is_object() && entry["map"].empty()) {
    problems.push_back({path + ".map", "names no value"});
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
    const StepSchema* schema = Find(op);
    if (schema == nullptr) {
      problems.push_back(
          {at + ".op", "unknown operation \"" + op + "\"" + Suggestion(op, Names())});
      continue;
    }
    CheckParameters(*schema, entry, at, problems);
    if (const Json& columns = JsonMember(entry, "columns"); !columns.is_null()) {
      CheckColumns(columns, taken, at + ".columns", problems);
    }
    CheckTogether(entry, op, at, problems);
    if (op == "drop_missing" && !fitted.empty()) {
      problems.push_back(
          {at, "drop_missing must stand before " + fitted +
                   ": rows are dropped before the split, what is fitted comes after"});
    }
    if (fitted.empty() && IsFitted(op)) fitted = op;
  }
}

std::string OperationsHelp() {
  std::string text = "Operations:\n";
  for (const StepSchema& schema : Operations()) {
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
