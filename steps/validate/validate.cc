#include "steps/validate/validate.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/iso_time.h"
#include "base/text.h"
#include "steps/catalog/validate.h"
#include "steps/process/read_spec.h"
#include "steps/table/dataset.h"
#include "steps/table/read_frame.h"
#include "steps/validate/rules.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

// Up to this size a file is read again to say in which line each example stands; in a larger one
// only the first example of a rule is looked up.
constexpr uintmax_t kLookUpBytes = 64 << 20;
// The message of a step that fails names rules up to here.
constexpr std::size_t kMaxMessageBytes = 12 << 10;

std::vector<DataSource> SourcesOf(const std::vector<InputArtifact>& inputs) {
  std::vector<DataSource> sources;
  for (const InputArtifact& input : inputs) sources.push_back({input.path, input.display_name});
  return sources;
}

FrameOptions OptionsOf(StepContext& context) {
  FrameOptions options;
  options.table.threads = context.threads();
  options.table.memory_bytes = context.memory_bytes() / 4;
  options.table.cancelled = [&context] { return context.cancelled(); };
  options.memory_bytes = context.memory_bytes() / 2;
  options.scratch = context.scratch_dir();
  return options;
}

const RawTable::Part* PartOf(const RawFrame& data, int64_t row) {
  const RawTable::Part* part = nullptr;
  for (const RawTable::Part& candidate : data.parts) {
    if (row >= candidate.first_row) part = &candidate;
  }
  return part;
}

// "people.csv: line 12, column 2 (age)", or as much of it as is known.
std::string WhereIs(const Example& example, const RawFrame& data, bool look_up) {
  if (example.row < 0) return example.note;
  const RawTable::Part* part = PartOf(data, example.row);
  if (part == nullptr) return "row " + std::to_string(example.row + 1);
  std::error_code error;
  const uintmax_t size = fs::file_size(part->path, error);
  if (!example.column.empty() && (look_up || (!error && size <= kLookUpBytes))) {
    return data.Where(example.row, example.column);
  }
  std::string where =
      part->display_name + ": row " + std::to_string(example.row - part->first_row + 1);
  return example.column.empty() ? where : where + " (" + example.column + ")";
}

Json ExampleJson(const Example& example, const RawFrame& data, bool look_up) {
  Json json{{"value", example.value}};
  json["where"] = WhereIs(example, data, look_up);
  if (!example.column.empty()) json["column"] = example.column;
  if (!example.note.empty() && example.row >= 0) json["note"] = example.note;
  if (example.row >= 0) {
    if (const RawTable::Part* part = PartOf(data, example.row)) {
      json["file"] = part->display_name;
      json["row"] = example.row - part->first_row + 1;
    } else {
      json["row"] = example.row + 1;
    }
  }
  return json;
}

Json FindingJson(const RuleFinding& finding, const RawFrame& data) {
  Json examples = Json::array();
  for (const Example& example : finding.examples) {
    examples.push_back(ExampleJson(example, data, examples.empty()));
  }
  return {{"name", finding.name},
          {"rule", finding.rule},
          {"severity", finding.warn ? "warn" : "fail"},
          {"passed", finding.passed},
          {"checked", finding.checked},
          {"violations", finding.violations},
          {"share", finding.share()},
          {"message", finding.message},
          {"examples", std::move(examples)}};
}

// "people.csv: line 12, column 2 (age): \"999\"".
std::string ExampleText(const Json& example) {
  std::string text = JsonString(example, "where");
  if (const std::string value = JsonString(example, "value"); !value.empty()) {
    text += ": " + DumpJson(JsonMember(example, "value"));
  }
  if (const std::string note = JsonString(example, "note"); !note.empty()) text += ", " + note;
  return text;
}

// Whether the first example says more than the message does.
bool TellsMore(const Json& finding, const Json& example) {
  const std::string where = JsonString(example, "where");
  return JsonString(finding, "message").find(where) == std::string::npos;
}

// What one violated rule has to say for itself.
std::string Summary(const Json& finding) {
  std::string text = JsonString(finding, "name") + ": " + JsonString(finding, "message");
  const Json& examples = JsonMember(finding, "examples");
  if (!examples.empty() && TellsMore(finding, examples[0])) {
    text += "; first: " + ExampleText(examples[0]);
  }
  return text;
}

void LogFinding(const Json& finding, StepContext& context) {
  const bool passed = JsonBool(finding, "passed");
  const std::string name = JsonString(finding, "name");
  context.Log((passed ? "passed: " : "violated: ") + name + " (" + JsonString(finding, "rule") +
              "): " + JsonString(finding, "message"));
  if (passed) return;
  for (const Json& example : JsonMember(finding, "examples")) {
    if (TellsMore(finding, example)) context.Log("  " + ExampleText(example));
  }
}

Status FailureOf(const Json& report) {
  const int64_t failed = JsonInt(report, "failed_rules");
  const Json& rules = JsonMember(report, "rules");
  std::string message = "the data violate " + std::to_string(failed) + " of " +
                        std::to_string(rules.size()) + (rules.size() == 1 ? " rule" : " rules");
  int64_t named = 0;
  for (const Json& finding : rules) {
    if (JsonBool(finding, "passed") || JsonString(finding, "severity") == "warn") continue;
    const std::string summary = Summary(finding);
    if (message.size() + summary.size() > kMaxMessageBytes) break;
    message += (named++ == 0 ? ": " : " | ") + summary;
  }
  if (named < failed) message += " | and " + std::to_string(failed - named) + " more rules";
  return Status(StatusCode::kInvalidArgument, message + " (the step's log has more examples)",
                kRulesViolated);
}

bool HasRule(const std::vector<Json>& rules, std::string_view name) {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const Json& rule) { return JsonString(rule, "rule") == name; });
}

// The reference's rows: all of them where SQL may ask for them, else how many.
struct Reference {
  std::optional<RawFrame> frame;
  std::optional<int64_t> rows;
};

Result<Reference> ReadReference(StepContext& context, const ReadOptions& options, bool whole) {
  Reference reference;
  const std::vector<InputArtifact>& inputs = context.inputs("reference");
  if (inputs.empty()) return reference;
  if (!whole && inputs.size() == 1 && IsDataset(inputs[0].path)) {
    PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                              ReadDatasetInfo(inputs[0].path, inputs[0].display_name));
    reference.rows = info.rows;
    return reference;
  }
  PENSTOCK_ASSIGN_OR_RETURN(RawFrame frame,
                            ReadFrame(SourcesOf(inputs), options, {}, {}, OptionsOf(context)));
  reference.rows = frame.frame.rows();
  if (whole) reference.frame = std::move(frame);
  return reference;
}

// The rules with their defaults. What they hold was checked when the definition was; references
// in them have values since.
Result<std::vector<Json>> CompleteRules(const Json& given) {
  std::vector<Json> rules;
  std::vector<Problem> problems;
  for (std::size_t i = 0; i < given.size(); ++i) {
    rules.push_back(CompleteRule(given[i], i, "rules[" + std::to_string(i) + "]", problems));
  }
  if (problems.empty()) return rules;
  return InvalidArgument(problems[0].path + ": " + problems[0].message);
}

Json ReportOf(const RawFrame& data, std::vector<Json> findings) {
  int64_t failed = 0;
  int64_t warned = 0;
  int64_t violations = 0;
  for (const Json& finding : findings) {
    if (JsonBool(finding, "passed")) continue;
    ++(JsonString(finding, "severity") == "warn" ? warned : failed);
    violations += JsonInt(finding, "violations");
  }
  return {{"format", "penstock-validation/1"},
          {"rows", data.frame.rows()},
          {"passed", failed == 0},
          {"failed_rules", failed},
          {"warned_rules", warned},
          {"violations", violations},
          {"rules", std::move(findings)}};
}

}  // namespace

Result<StepOutcome> RunValidate(StepContext& context) {
  const Json& parameters = context.parameters();
  const Json& given = JsonMember(parameters, "rules");
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Json> rules, CompleteRules(given));
  const Json& read = JsonMember(parameters, "read");
  PENSTOCK_ASSIGN_OR_RETURN(const ReadOptions options, ReadOptionsFromJson(read));
  const std::string now = JsonString(parameters, "now");
  const bool sql = HasRule(rules, "sql");
  context.SetProgress(0, "reading");
  PENSTOCK_ASSIGN_OR_RETURN(const RawFrame data, ReadFrame(SourcesOf(context.inputs("data")),
                                                           options, {}, {}, OptionsOf(context)));
  PENSTOCK_ASSIGN_OR_RETURN(const Reference reference, ReadReference(context, options, sql));

  RuleContext setup{.data = data, .kinds_declared = data.dataset.has_value()};
  for (const ColumnSpec& column : options.columns) {
    if (column.kind) setup.declared.push_back(column.name);
  }
  if (reference.frame) setup.reference = &reference.frame->frame;
  setup.reference_rows = reference.rows;
  setup.memory_bytes = context.memory_bytes() / 4;
  if (!now.empty()) {
    setup.now = ParseIsoTime(now);
    if (!setup.now) return InvalidArgument("now: \"" + now + "\" is no ISO date or time");
  }
  std::vector<Json> findings;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    context.SetProgress(0.5 + 0.5 * static_cast<double>(i) / static_cast<double>(rules.size()),
                        "rule " + JsonString(rules[i], "name"));
    if (context.cancelled()) return Cancelled("cancelled");
    PENSTOCK_ASSIGN_OR_RETURN(const RuleFinding finding, ApplyRule(rules[i], setup));
    findings.push_back(FindingJson(finding, data));
    LogFinding(findings.back(), context);
  }
  StepOutcome outcome;
  outcome.report = ReportOf(data, std::move(findings));
  const int64_t failed = JsonInt(outcome.report, "failed_rules");
  for (const Json& finding : JsonMember(outcome.report, "rules")) {
    if (!JsonBool(finding, "passed")) context.Log("warning: " + Summary(finding));
  }
  if (failed > 0 && JsonString(parameters, "on_violation", "fail") == "fail") {
    return FailureOf(outcome.report);
  }
  const fs::path folder = context.output_dir() / "report";
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  PENSTOCK_RETURN_IF_ERROR(
      WriteFileAtomic(folder / "report.json", DumpJsonPretty(outcome.report) + "\n"));
  outcome.outputs.push_back({"report", folder, ArtifactType::kReport});
  outcome.metrics = {{"rows", static_cast<double>(data.frame.rows())},
                     {"rules", static_cast<double>(rules.size())},
                     {"failed_rules", static_cast<double>(failed)},
                     {"warned_rules", JsonDouble(outcome.report, "warned_rules")},
                     {"violations", JsonDouble(outcome.report, "violations")}};
  return outcome;
}

}  // namespace penstock
