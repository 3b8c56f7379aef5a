#include "client/cli/step_view.h"

#include <unistd.h>

#include <cmath>
#include <iostream>

#include "base/text.h"
#include "client/cli/data_view.h"
#include "client/cli/output.h"

namespace penstock::cli {
namespace {

constexpr std::string_view kError = "error: ";

std::string Lasting(const Json& answer) {
  const double seconds = JsonDouble(answer, "seconds");
  const auto tenths = static_cast<int64_t>(std::lround(seconds * 10'000));
  return tenths < 10'000 ? FormatNumber(static_cast<double>(tenths) / 10) + " ms"
                         : FormatNumber(static_cast<double>(tenths / 100) / 100) + " s";
}

std::string Title(const StepRunView& run) {
  const StepSpec& step = *run.step;
  return step.name.value() + "  " + step.key() + "@" + step.version + "  " +
         std::string(Coloured(JsonString(run.answer, "state"))) + "  " + Lasting(run.answer) + "\n";
}

std::string MetricsText(const Json& metrics) {
  if (metrics.empty()) return {};
  Table table({"METRIC", "VALUE"});
  for (const auto& [name, value] : metrics.items()) {
    table.Add({name, value.is_number() ? FormatMetric(value.get<double>()) : "undefined"});
  }
  return "\n" + table.Text();
}

std::string OutputsText(const Json& outputs, bool kept) {
  if (outputs.empty()) return {};
  std::vector<std::string> header = {"OUTPUT", "TYPE", "ROWS", "COLUMNS", "SIZE"};
  header.emplace_back(kept ? "PATH" : "DIGEST");
  Table table(std::move(header));
  for (const Json& output : outputs) {
    const Json& head = JsonMember(output, "head");
    table.Add({JsonString(output, "name"), JsonString(output, "type"),
               head.is_null() ? "" : std::to_string(JsonInt(head, "total")),
               head.is_null() ? "" : std::to_string(JsonMember(head, "columns").size()),
               FormatSize(JsonInt(output, "size")), JsonString(output, kept ? "path" : "digest")});
  }
  return "\n" + table.Text();
}

// A selector of columns as the definition has it: "age, fnlwgt", "kind: numeric".
std::string ColumnsText(const Json& columns) {
  if (columns.is_string()) return columns.get<std::string>();
  std::vector<std::string> texts;
  if (columns.is_object()) {
    for (const auto& [key, value] : columns.items()) {
      texts.push_back(key + ": " + ColumnsText(value));
    }
  } else if (columns.is_array()) {
    for (const Json& column : columns) texts.push_back(ColumnsText(column));
  } else if (!columns.is_null()) {
    return DumpJson(columns);
  }
  return Join(texts, ", ");
}

std::string TransformText(const Json& output) {
  const Json& transform = JsonMember(output, "transform");
  if (transform.is_null()) return {};
  const Json& operations = JsonMember(transform, "operations");
  std::string text = "\n" + JsonString(output, "name") + ": " +
                     std::to_string(JsonInt(transform, "rawFeatures")) + " raw features become " +
                     std::to_string(JsonInt(transform, "features")) + "\n";
  Table table({"OPERATION", "COLUMNS"});
  for (const Json& operation : operations) {
    table.Add({JsonString(operation, "op"), ColumnsText(JsonMember(operation, "columns"))});
  }
  return operations.empty() ? text : text + table.Text();
}

std::string SampledText(const StepRunView& run) {
  std::string text;
  for (const Json& sampled : JsonMember(run.answer, "sampled")) {
    text += "sampled  " + JsonString(sampled, "name") + ": " +
            std::to_string(JsonInt(sampled, "rows")) + " of " +
            std::to_string(JsonInt(sampled, "total")) + " rows\n";
  }
  return text;
}

std::string WarningsText(const StepRunView& run) {
  const std::string warnings = JsonString(run.answer, "warnings");
  return warnings.empty() ? "" : "warning: step " + run.step->name.value() + ": " + warnings + "\n";
}

Json OutputJson(const Json& output, bool kept) {
  Json json;
  for (const char* key : {"name", "type", "digest", "size", "files"}) json[key] = output[key];
  json["path"] = kept ? JsonMember(output, "path") : Json();
  if (const Json& head = JsonMember(output, "head"); !head.is_null()) {
    Json shown = HeadJson(head);
    json["rows"] = JsonMember(head, "total");
    json["columns"] = std::move(shown["columns"]);
    json["head"] = std::move(shown["rows"]);
  }
  if (const Json& transform = JsonMember(output, "transform"); !transform.is_null()) {
    json["transform"] = transform;
  }
  return json;
}

}  // namespace

StepProgress::StepProgress(std::string step)
    : step_(std::move(step)), terminal_(isatty(STDERR_FILENO) != 0) {}

StepProgress::~StepProgress() {
  EraseStatus();
}

void StepProgress::EraseStatus() {
  if (status_) std::cerr << "\r\033[K" << std::flush;
  status_ = false;
}

void StepProgress::Print(const std::string& line) {
  EraseStatus();
  std::cerr << step_ << ": " << line << "\n" << std::flush;
}

void StepProgress::OnEvent(const Json& event) {
  if (JsonString(event, "kind") == "progress") {
    if (!terminal_) return;
    const auto percent = static_cast<int>(JsonDouble(event, "fraction") * 100);
    std::string line = step_ + "  " + std::to_string(percent) + " %  " + JsonString(event, "note");
    EraseStatus();
    std::cerr << CutTo(std::move(line), WindowWidth(STDERR_FILENO) - 1) << std::flush;
    status_ = true;
    return;
  }
  log_ += JsonString(event, "text");
  for (std::size_t end = log_.find('\n'); end != std::string::npos; end = log_.find('\n')) {
    if (!held_.empty()) Print(std::exchange(held_, {}));
    std::string line = log_.substr(0, end);
    log_.erase(0, end + 1);
    if (line.starts_with(kError)) {
      held_ = std::move(line);
    } else {
      Print(line);
    }
  }
}

void StepProgress::Finish(const std::string& error) {
  if (!log_.empty()) OnEvent({{"kind", "log"}, {"text", "\n"}});
  if (!held_.empty() && held_ != std::string(kError) + error) Print(held_);
  held_.clear();
  EraseStatus();
}

std::string StepRunText(const std::vector<StepRunView>& runs, bool kept, std::size_t width) {
  std::string text;
  for (const StepRunView& run : runs) text += Title(run);
  for (const StepRunView& run : runs) text += SampledText(run);
  for (const StepRunView& run : runs) text += WarningsText(run);
  const Json& answer = runs.back().answer;
  const Json& outputs = JsonMember(answer, "outputs");
  text += OutputsText(outputs, kept) + MetricsText(JsonMember(answer, "metrics"));
  for (const Json& output : outputs) text += TransformText(output);
  for (const Json& output : outputs) {
    const Json& head = JsonMember(output, "head");
    if (head.is_null() || JsonMember(head, "rows").empty()) continue;
    text += "\n" + JsonString(output, "name") + ":\n" + HeadText(head, width);
  }
  return text;
}

Json StepRunJson(const PipelineSpec& spec, const std::vector<StepRunView>& runs, bool kept) {
  const StepRunView& last = runs.back();
  Json json{{"pipeline", spec.name},    {"step", last.step->name.value()},
            {"type", last.step->key()}, {"version", last.step->version},
            {"sampled", Json::array()}, {"upstream", Json::array()},
            {"outputs", Json::array()}};
  for (const char* key : {"state", "cause", "message", "seconds", "metrics", "warnings"}) {
    if (last.answer.contains(key)) json[key] = last.answer[key];
  }
  for (const StepRunView& run : runs) {
    const std::string name = run.step->name.value();
    for (Json sampled : JsonMember(run.answer, "sampled")) {
      sampled["step"] = name;
      json["sampled"].push_back(std::move(sampled));
    }
    if (&run == &last) continue;
    Json upstream{{"step", name}};
    for (const char* key : {"state", "seconds", "metrics", "warnings"}) {
      upstream[key] = JsonMember(run.answer, key);
    }
    json["upstream"].push_back(std::move(upstream));
  }
  for (const Json& output : JsonMember(last.answer, "outputs")) {
    json["outputs"].push_back(OutputJson(output, kept));
  }
  return json;
}

}  // namespace penstock::cli
