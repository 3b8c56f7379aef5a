// The schema of validate.

#include "steps/catalog/validate.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "base/iso_time.h"
#include "base/text.h"
#include "steps/catalog/builtin.h"
#include "steps/catalog/process_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

constexpr double kMostRules = 1'000;
constexpr double kMostNames = 10'000;

std::shared_ptr<const ParameterSchema> Element(ParameterSchema schema) {
  return std::make_shared<const ParameterSchema>(std::move(schema));
}

ParameterSchema Columns(std::string help) {
  return {.name = "columns",
          .kind = Kind::kList,
          .help = std::move(help),
          .required = true,
          .minimum = 1,
          .maximum = kMostNames,
          .element = Element({.name = "name", .kind = Kind::kString, .minimum = 1})};
}

ParameterSchema Share(std::string name, std::string help, double otherwise) {
  return {.name = std::move(name),
          .kind = Kind::kNumber,
          .help = std::move(help),
          .default_value = otherwise,
          .minimum = 0,
          .maximum = 1};
}

StepSchema Rule(std::string name, std::string summary, std::vector<ParameterSchema> fields) {
  StepSchema schema;
  schema.key = name;
  schema.summary = std::move(summary);
  schema.parameters = {{.name = "rule", .kind = Kind::kString, .required = true},
                       {.name = "name",
                        .kind = Kind::kString,
                        .help = "What messages and the report call it.",
                        .minimum = 1,
                        .maximum = 128},
                       {.name = "severity",
                        .kind = Kind::kEnum,
                        .help = "warn: a violation never fails the step.",
                        .default_value = "fail",
                        .choices = {"fail", "warn"}}};
  for (ParameterSchema& field : fields) schema.parameters.push_back(std::move(field));
  return schema;
}

StepSchema SchemaRule() {
  ParameterSchema column{.name = "column", .kind = Kind::kObject};
  column.fields = {
      {.name = "name", .kind = Kind::kString, .help = "Its name.", .required = true, .minimum = 1},
      {.name = "kind",
       .kind = Kind::kEnum,
       .help = "numeric: every value is a number; date: every value is an ISO date or time.",
       .choices = {"numeric", "categorical", "text", "date", "id"}},
      {.name = "type",
       .kind = Kind::kEnum,
       .help = "What every value can be read as; string: the column holds texts.",
       .choices = {"double", "integer", "boolean", "string", "date", "timestamp"}},
      {.name = "nullable",
       .kind = Kind::kBoolean,
       .help = "Whether values may be missing.",
       .default_value = true}};
  ParameterSchema columns = Columns("Columns that must be there, in any order.");
  columns.element = Element(std::move(column));
  return Rule("schema", "Columns are there, and hold what they should.",
              {std::move(columns),
               {.name = "extra",
                .kind = Kind::kEnum,
                .help = "deny: other columns are violations.",
                .default_value = "allow",
                .choices = {"allow", "deny"}}});
}

const std::vector<StepSchema>& Rules() {
  static const auto* const rules = new std::vector<StepSchema>{
      SchemaRule(),
      Rule("complete", "Values are there.",
           {Columns("Each is judged by itself."),
            Share("min_share", "The least share of rows with a value.", 1)}),
      Rule("unique", "No two rows are the same in these columns.",
           {Columns("Together the key. Rows that lack a part of it are not judged.")}),
      Rule("range", "Values lie between bounds.",
           {Columns("Numbers; with texts as bounds, ISO dates and times."),
            {.name = "min", .help = "A number, or an ISO date or time."},
            {.name = "max", .help = "As min."},
            {.name = "exclusive",
             .kind = Kind::kBoolean,
             .help = "The bounds themselves lie outside.",
             .default_value = false}}),
      Rule("domain", "Values are among those listed.",
           {Columns("Each is judged by itself."),
            {.name = "values",
             .kind = Kind::kList,
             .help = "Texts and numbers.",
             .required = true,
             .minimum = 1,
             .maximum = kMostNames,
             .element = Element({.name = "value"})},
            Share("max_share_outside", "The greatest share of other values.", 0)}),
      Rule("pattern", "The whole of each value matches a regular expression.",
           {Columns("Each is judged by itself."),
            {.name = "regex",
             .kind = Kind::kString,
             .help = "In RE2's syntax: without look-around and back-references.",
             .required = true}}),
      Rule("fresh", "The newest value is not old.",
           {{.name = "column",
             .kind = Kind::kString,
             .help = "ISO dates or times. Those after `now` do not count.",
             .required = true,
             .minimum = 1},
            {.name = "within",
             .kind = Kind::kString,
             .help = "How long before the step's `now` it may lie: 2d.",
             .required = true}}),
      Rule("rows", "There are neither too few rows nor too many.",
           {{.name = "min", .kind = Kind::kInteger, .help = "The least number.", .minimum = 0},
            {.name = "max", .kind = Kind::kInteger, .help = "The greatest number.", .minimum = 0},
            {.name = "min_of_reference",
             .kind = Kind::kNumber,
             .help = "The least number, as a multiple of the rows of the input `reference`: 0.5.",
             .minimum = 0}}),
      Rule("sql", "A SELECT finds nothing.",
           {{.name = "query",
             .kind = Kind::kString,
             .help = "One SELECT in DuckDB's SQL over `data` (and `reference`): every row that "
                     "comes back is a violation.",
             .required = true,
             .minimum = 1}})};
  return *rules;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const StepSchema& rule : Rules()) names.push_back(rule.key);
  return names;
}

std::string Help() {
  std::string text;
  for (const StepSchema& rule : Rules()) {
    text += "- `" + rule.key + "`: " + rule.summary + "\n";
    for (const ParameterSchema& parameter : rule.parameters) {
      if (parameter.name == "rule" || parameter.name == "name" || parameter.name == "severity") {
        continue;
      }
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

// Bounds are both numbers or both times, the lower one first.
void CheckRange(const Json& rule, const std::string& path, std::vector<Problem>& problems) {
  const Json& min = JsonMember(rule, "min");
  const Json& max = JsonMember(rule, "max");
  if (min.is_null() && max.is_null()) {
    problems.push_back({path, "has neither min nor max"});
  }
  std::optional<double> numbers[2];
  std::optional<Time> times[2];
  bool known = true;
  for (const int i : {0, 1}) {
    const Json& bound = i == 0 ? min : max;
    const std::string at = path + (i == 0 ? ".min" : ".max");
    known = known && !HoldsReference(bound);
    if (bound.is_null() || HoldsReference(bound)) continue;
    if (bound.is_number()) {
      numbers[i] = bound.get<double>();
    } else if (bound.is_string()) {
      times[i] = ParseIsoTime(bound.get<std::string>());
    }
    if (numbers[i] || times[i]) continue;
    problems.push_back(
        {at, "must be a number, or an ISO date or time (2027-01-31), not " + DumpJson(bound)});
    known = false;
  }
  if (!known || min.is_null() || max.is_null()) return;
  if (numbers[0].has_value() != numbers[1].has_value()) {
    problems.push_back({path + ".max", "must be of the same sort as min: numbers, or times"});
  } else if (numbers[0] ? *numbers[0] > *numbers[1] : *times[0] > *times[1]) {
    problems.push_back({path + ".max", "is below min"});
  }
}

// What belongs together within one rule.
void CheckTogether(const Json& rule, const std::string& kind, const std::string& path,
                   std::vector<Problem>& problems) {
  if (kind == "range") CheckRange(rule, path, problems);
  if (kind == "fresh") CheckDuration(rule, "within", path, problems);
  if (kind == "pattern") {
    const Json& regex = JsonMember(rule, "regex");
    if (!regex.is_string() || HoldsReference(regex)) return;
    const RE2 compiled(regex.get<std::string>(), RE2::Quiet);
    if (!compiled.ok()) problems.push_back({path + ".regex", "is wrong: " + compiled.error()});
  }
  if (kind == "rows") {
    const Json& min = JsonMember(rule, "min");
    const Json& max = JsonMember(rule, "max");
    if (min.is_null() && max.is_null() && JsonMember(rule, "min_of_reference").is_null()) {
      problems.push_back({path, "needs min, max or min_of_reference"});
    }
    if (min.is_number() && max.is_number() && min > max) {
      problems.push_back({path + ".max", "is below min"});
    }
  }
  if (kind == "domain") {
    const Json& values = JsonMember(rule, "values");
    for (std::size_t i = 0; values.is_array() && i < values.size(); ++i) {
      if (values[i].is_structured() || values[i].is_null()) {
        problems.push_back(
            {path + ".values[" + std::to_string(i) + "]", "must be a text or a number"});
      }
    }
  }
}

void CheckValidate(const Json& parameters, const std::string& path,
                   std::vector<Problem>& problems) {
  const auto below = [&](const std::string& name) {
    return path.empty() ? name : path + "." + name;
  };
  CheckReadAndRoles(parameters, path, problems);
  const Json& now = JsonMember(parameters, "now");
  if (now.is_string() && !HoldsReference(now) && !ParseIsoTime(now.get<std::string>())) {
    problems.push_back({below("now"), "must be an ISO date or time, not " + DumpJson(now)});
  }
  const Json& rules = JsonMember(parameters, "rules");
  std::vector<std::string> names;
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    const std::string at = below("rules[" + std::to_string(i) + "]");
    if (HoldsReference(rules[i])) continue;
    const Json rule = CompleteRule(rules[i], i, at, problems);
    const std::string name = JsonString(rule, "name");
    if (!name.empty() && std::find(names.begin(), names.end(), name) != names.end()) {
      problems.push_back({at + ".name", "another rule is called \"" + name + "\", too"});
    }
    names.push_back(name);
    if (JsonString(rule, "rule") == "fresh" && now.is_null()) {
      problems.push_back({below("now"),
                          "is missing: the time that rule fresh counts back from; write "
                          "now: \"${run.startedAt}\""});
    }
  }
}

void CheckValidateInputs(const std::set<std::string>& inputs, const Json& parameters,
                         const std::string& path, std::vector<Problem>& problems) {
  if (inputs.contains("reference")) return;
  const Json& rules = JsonMember(parameters, "rules");
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    if (JsonMember(rules[i], "min_of_reference").is_null()) continue;
    problems.push_back({path + ".with.rules[" + std::to_string(i) + "].min_of_reference",
                        "needs the input `reference`: the data to compare the rows with"});
  }
}

}  // namespace

Json CompleteRule(const Json& rule, std::size_t place, const std::string& path,
                  std::vector<Problem>& problems) {
  if (!rule.is_object() || !JsonMember(rule, "rule").is_string()) {
    problems.push_back({path,
                        "must be a rule, for example {rule: range, columns: [age], min: 0} "
                        "(known: " +
                            Join(Names(), ", ") + ")"});
    return Json::object();
  }
  const std::string kind = rule["rule"].get<std::string>();
  if (HoldsReference(rule["rule"])) return Json::object();
  for (const StepSchema& schema : Rules()) {
    if (schema.key != kind) continue;
    Json complete = CheckParameters(schema, rule, path, problems);
    if (JsonString(complete, "name").empty()) {
      complete["name"] = kind + "-" + std::to_string(place + 1);
    }
    CheckTogether(complete, kind, path, problems);
    return complete;
  }
  problems.push_back({path + ".rule", "unknown rule \"" + kind + "\"" + Suggestion(kind, Names())});
  return Json::object();
}

StepSchema ValidateSchema() {
  StepSchema schema;
  schema.key = "validate";
  schema.version = "1";
  schema.cacheable = true;
  schema.summary = "Judges data by rules, and fails or warns where they are violated.";
  schema.help =
      "Data are read as by `process`, whole and unchanged. Each rule counts its violations; the "
      "report holds, for each, the first ten with file, line and value. A rule that is violated "
      "and has severity fail fails the step where `on_violation` is fail. A step that fails keeps "
      "no outputs: its message names the rules with their first violations, and its log has the "
      "others. With `on_violation: warn` the report is always kept, and a condition may ask "
      "`${steps.S.metrics.failed_rules}`.\n\nRules:\n" +
      Help();
  schema.inputs = {{.name = "data",
                    .type = ArtifactType::kDataset,
                    .many = true,
                    .help = "Files, folders or datasets; several are joined in their order."},
                   {.name = "reference",
                    .type = ArtifactType::kDataset,
                    .required = false,
                    .help = "Earlier data, for rule rows and for SQL."}};
  schema.outputs = {{.name = "report",
                     .type = ArtifactType::kReport,
                     .help = "report.json: for each rule whether it passed, what was checked, "
                             "how many violations there are, and the first of them."}};
  schema.metrics = {{"rows", "Rows that were judged."},
                    {"rules", "Rules that were applied."},
                    {"failed_rules", "Rules with severity fail that are violated; 0 is good."},
                    {"warned_rules", "Rules with severity warn that are violated; 0 is good."},
                    {"violations", "Violations of all rules that are violated; 0 is good."}};
  schema.parameters = {
      ReadSchema(),
      {.name = "on_violation",
       .kind = Kind::kEnum,
       .help = "What a violated rule of severity fail does: fail the step, or only warn.",
       .default_value = "fail",
       .choices = {"fail", "warn"}},
      {.name = "now",
       .kind = Kind::kString,
       .help = "The time that rule fresh counts back from: \"${run.startedAt}\", or an ISO date or "
               "time.",
       .nullable = true},
      {.name = "rules",
       .kind = Kind::kList,
       .help = "What must hold; see the step's help.",
       .required = true,
       .minimum = 1,
       .maximum = kMostRules,
       .element = Element({.name = "rule"})}};
  schema.check = CheckValidate;
  schema.check_inputs = CheckValidateInputs;
  return schema;
}

}  // namespace penstock
