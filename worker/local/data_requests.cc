#include "worker/local/data_requests.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "steps/process/read_spec.h"
#include "steps/table/dataset.h"
#include "steps/table/export.h"
#include "steps/table/read.h"
#include "steps/table/schema.h"
#include "worker/local/table_options.h"

namespace penstock::local {
namespace {

namespace fs = std::filesystem;

struct Request {
  DataSource source;
  ReadOptions read;
  FrameOptions frame;
};

// Folders that `penstock artifacts get` makes and that hold no rows.
Status CheckHoldsRows(const DataSource& source) {
  std::error_code error;
  if (!fs::is_directory(source.path, error) || IsDataset(source.path)) return Status::Ok();
  for (const char* what : {"model", "transform", "report"}) {
    if (!fs::exists(source.path / (std::string(what) + ".json"), error)) continue;
    return InvalidArgument(source.display_name + " is a " + what +
                           ", not a dataset: it has no rows");
  }
  return Status::Ok();
}

Result<Request> Parse(const Json& json) {
  Request request;
  request.source = {JsonString(json, "path"), JsonString(json, "name")};
  request.frame = OptionsOf(JsonString(json, "scratch"));
  PENSTOCK_RETURN_IF_ERROR(CheckHoldsRows(request.source));
  PENSTOCK_ASSIGN_OR_RETURN(request.read, ReadOptionsFromJson(JsonMember(json, "read")));
  return request;
}

Json Cell(const Column& column, std::size_t row, bool text) {
  if (column.missing(row)) return Json();
  if (text || column.is_text()) return column.text(row);
  const double value = column.numbers[row];
  // JSON has no infinities.
  if (!std::isfinite(value)) return column.text(row);
  if (column.info.type == ColumnType::kDouble) return value;
  return static_cast<int64_t>(value);
}

Json ColumnJson(const ColumnInfo& info) {
  return {{"name", info.name}, {"type", Name(info.type)}, {"kind", Name(info.kind)}};
}

Json TableJson(const Table& table, int64_t rows, bool texts) {
  Json columns = Json::array();
  for (const Column& column : table.columns) columns.push_back(ColumnJson(column.info));
  Json list = Json::array();
  for (int64_t i = 0; i < std::min(rows, table.rows); ++i) {
    Json row = Json::array();
    for (const Column& column : table.columns) {
      row.push_back(Cell(column, static_cast<std::size_t>(i), texts));
    }
    list.push_back(std::move(row));
  }
  return {{"columns", std::move(columns)}, {"rows", std::move(list)}, {"total", Json()}};
}

std::string RoleOf(const Roles& roles, const std::string& column) {
  const auto among = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), column) != names.end();
  };
  if (column == roles.label) return "label";
  if (column == roles.weight) return "weight";
  if (column == roles.time) return "time";
  if (column == roles.group) return "group";
  if (among(roles.id)) return "id";
  return among(roles.keep) ? "keep" : "";
}

Json SummaryJson(const ColumnSummary& column, const Roles& roles) {
  Json json = ColumnJson(column.info);
  json["missing"] = column.missing;
  json["distinct"] = std::min(column.distinct, kMaxDistinct);
  if (column.distinct > kMaxDistinct) json["distinctCapped"] = true;
  json["examples"] = column.examples;
  if (column.minimum) json["minimum"] = *column.minimum;
  if (column.maximum) json["maximum"] = *column.maximum;
  if (const std::string role = RoleOf(roles, column.info.name); !role.empty()) json["role"] = role;
  return json;
}

}  // namespace

FrameOptions OptionsOf(const fs::path& scratch) {
  FrameOptions options;
  options.table.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  // A quarter of the machine: other things run on a laptop.
  options.memory_bytes =
      std::max<int64_t>(int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE) / 4, 256 << 20);
  options.table.memory_bytes = options.memory_bytes;
  options.scratch = scratch;
  options.table.scratch = scratch;
  return options;
}

Result<Json> HeadOf(const fs::path& path, const std::string& name, int64_t rows, bool texts) {
  TableOptions options;
  options.max_rows = std::max<int64_t>(1, rows);
  PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info, ReadDatasetInfo(path, name));
  PENSTOCK_ASSIGN_OR_RETURN(const Table table, LoadDataset(path, {}, options, name));
  Json head = TableJson(table, rows, texts);
  head["total"] = info.rows;
  return head;
}

Result<Json> Head(const Json& json) {
  PENSTOCK_ASSIGN_OR_RETURN(Request request, Parse(json));
  const int64_t rows = JsonInt(json, "rows", 10);
  const bool texts = JsonBool(json, "texts");
  if (IsDataset(request.source.path)) {
    return HeadOf(request.source.path, request.source.display_name, rows, texts);
  }
  request.frame.table.max_rows = std::max<int64_t>(1, rows);
  PENSTOCK_ASSIGN_OR_RETURN(const RawTable raw,
                            ReadRaw(request.source.path, request.source.display_name, request.read,
                                    {}, {}, request.frame.table));
  return TableJson(raw.table, rows, texts);
}

Result<Json> Schema(const Json& json) {
  PENSTOCK_ASSIGN_OR_RETURN(const Request request, Parse(json));
  Roles roles;
  Json dataset;
  if (IsDataset(request.source.path)) {
    PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                              ReadDatasetInfo(request.source.path, request.source.display_name));
    roles = info.roles;
    const Json described = DatasetInfoToJson(info);
    dataset = {{"roles", described["roles"]},
               {"label", described["label"]},
               {"transform", described["transform"]}};
  }
  PENSTOCK_ASSIGN_OR_RETURN(const TableSchema schema,
                            ReadSchema(request.source, request.read, request.frame));
  Json columns = Json::array();
  for (const ColumnSummary& column : schema.columns) columns.push_back(SummaryJson(column, roles));
  return Json{
      {"rows", schema.rows}, {"columns", std::move(columns)}, {"dataset", std::move(dataset)}};
}

Result<Json> Export(const Json& json) {
  PENSTOCK_ASSIGN_OR_RETURN(const Request request, Parse(json));
  PENSTOCK_ASSIGN_OR_RETURN(const ExportForm form, ParseExportForm(JsonString(json, "format")));
  PENSTOCK_ASSIGN_OR_RETURN(const FileCompression compression,
                            ParseFileCompression(JsonString(json, "compression", "none")));
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t rows,
                            ExportData(request.source, request.read, JsonString(json, "file"), form,
                                       compression, request.frame));
  return Json{{"rows", rows}};
}

}  // namespace penstock::local
