#include "steps/process/inputs.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "steps/process/operation.h"
#include "steps/process/read_spec.h"
#include "steps/table/dataset.h"
#include "steps/table/read.h"
#include "steps/table/sql.h"

namespace penstock {
namespace {

// A column as one of a kind: numbers as texts where it is none of numbers, and the other way.
Status MakeKind(Column& column, ColumnKind kind,
                const std::function<std::string(std::size_t)>& where) {
  const bool numeric = kind == ColumnKind::kNumeric;
  if (numeric && column.is_text()) {
    std::vector<double> of_text;
    for (std::size_t code = 0; code < column.strings.dictionary.size(); ++code) {
      const std::string& text = column.strings.dictionary[code];
      const std::optional<double> number = ParseNumber(text);
      if (!number) {
        const auto& codes = column.strings.codes;
        const auto at = std::find(codes.begin(), codes.end(), static_cast<int32_t>(code));
        return InvalidArgument(where(static_cast<std::size_t>(at - codes.begin())) + ": \"" + text +
                               "\" is not a number");
      }
      of_text.push_back(*number);
    }
    std::vector<double> numbers;
    for (const int32_t code : column.strings.codes) {
      numbers.push_back(code < 0 ? kMissing : of_text[static_cast<std::size_t>(code)]);
    }
    column = MakeNumberColumn(column.info.name, std::move(numbers));
  }
  if (!numeric && !column.is_text()) {
    column.strings = AsTexts(column);
    column.numbers.clear();
    column.info.type = ColumnType::kString;
  }
  column.info.kind = kind;
  return Status::Ok();
}

// The first of `kinds` for a column counts.
Status Conform(RawFrame& raw, const std::vector<ColumnSpec>& kinds) {
  std::map<std::string, ColumnKind> wanted;
  for (const ColumnSpec& spec : kinds) {
    if (spec.kind && raw.frame.Find(spec.name) != nullptr) wanted.emplace(spec.name, *spec.kind);
  }
  if (wanted.empty()) return Status::Ok();
  std::vector<std::string> names;
  for (const auto& [name, kind] : wanted) names.push_back(name);
  return raw.frame.Change(names, [&](int64_t block, Table& table) -> Status {
    for (Column& column : table.columns) {
      const auto at = wanted.find(column.info.name);
      if (at == wanted.end()) continue;
      const auto where = [&](std::size_t i) {
        return raw.Where(raw.frame.first_row(block) + static_cast<int64_t>(i), at->first);
      };
      PENSTOCK_RETURN_IF_ERROR(MakeKind(column, at->second, where));
    }
    return Status::Ok();
  });
}

}  // namespace

ProcessInputs::ProcessInputs(StepContext& context) : context_(context) {
  options_.table = {context.threads(), context.memory_bytes() / 2,
                    [&context] { return context.cancelled(); }};
  options_.table.scratch = context.scratch_dir();
  options_.memory_bytes = context.memory_bytes() / 3;
  options_.scratch = context.scratch_dir();
  budget_ = context.memory_bytes() / 4;
}

bool ProcessInputs::bound() const {
  if (!JsonMember(context_.parameters(), "sql").is_null()) return true;
  return !context_.inputs("data").empty();
}

std::vector<DataSource> ProcessInputs::SourcesOf(const std::string& input) const {
  std::vector<DataSource> sources;
  for (const InputArtifact& artifact : context_.inputs(input)) {
    sources.push_back({artifact.path, artifact.display_name});
  }
  return sources;
}

Result<RawFrame> ProcessInputs::Read(const ReadOptions& read,
                                     const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& optional) const {
  const std::string sql = JsonString(context_.parameters(), "sql");
  if (!sql.empty()) return Query(sql, read, wanted);
  return ReadFrame(SourcesOf("data"), read, wanted, optional, options_);
}

Result<RawFrame> ProcessInputs::Query(const std::string& sql, const ReadOptions& read,
                                      const std::vector<std::string>& wanted) const {
  const Json& reads = JsonMember(context_.parameters(), "tables");
  std::vector<std::string> names = context_.input_names();
  std::erase(names, "transform");
  std::vector<RawFrame> frames;
  FrameOptions options = options_;
  options.memory_bytes /= static_cast<int64_t>(names.size()) + 1;
  for (const std::string& name : names) {
    ReadOptions own = read;
    if (name != "data") own.columns.clear();  // that `read` lists
    if (const Json& json = JsonMember(reads, name); json.is_object()) {
      PENSTOCK_ASSIGN_OR_RETURN(own, ReadOptionsFromJson(json));
    }
    PENSTOCK_ASSIGN_OR_RETURN(RawFrame frame, ReadFrame(SourcesOf(name), own, {}, {}, options));
    for (const RawTable::Part& part : frame.parts) {
      context_.Log("read " + name + " from " + part.display_name + ": " +
                   std::to_string(part.rows) + " rows, " + std::to_string(part.names.size()) +
                   " columns");
    }
    frames.push_back(std::move(frame));
  }
  std::vector<SqlInput> inputs;
  for (std::size_t i = 0; i < names.size(); ++i) inputs.push_back({names[i], &frames[i].frame});
  auto selected = RunSelect(inputs, sql, options);
  if (selected.status().code() == StatusCode::kInvalidArgument) {
    return selected.status().WithContext("sql");
  }
  PENSTOCK_ASSIGN_OR_RETURN(Frame frame, std::move(selected));
  RawTable::Part part;
  part.display_name = "sql";
  part.rows = frame.rows();
  for (const ColumnInfo& column : frame.columns()) part.names.push_back(column.name);
  for (const std::string& name : wanted) {
    if (frame.Find(name) != nullptr) continue;
    return InvalidArgument("sql: its result has no column \"" + name + "\"" +
                           SuggestColumn(name, part.names));
  }
  RawFrame raw{std::move(frame), {std::move(part)}, std::nullopt};
  PENSTOCK_RETURN_IF_ERROR(Conform(raw, read.kinds));
  return raw;
}

Result<bool> ProcessInputs::WentThrough(const std::string& transform_digest) const {
  bool any = false;
  bool first = true;
  for (const InputArtifact& data : context_.inputs("data")) {
    bool done = false;
    if (IsDataset(data.path)) {
      PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                                ReadDatasetInfo(data.path, data.display_name));
      done = !info.transform_digest.empty();
      if (done && info.transform_digest != transform_digest) {
        return InvalidArgument(data.display_name +
                               ": the dataset went through another transform than the one given; "
                               "give the raw data");
      }
    }
    if (!first && done != any) {
      return InvalidArgument(data.display_name + ": raw and transformed data cannot be joined");
    }
    any = done;
    first = false;
  }
  return any;
}

}  // namespace penstock
