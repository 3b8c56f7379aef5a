#include "worker/data_tools.h"

#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "steps/table/dataset.h"
#include "steps/table/read.h"
#include "steps/table/show.h"

namespace penstock {
namespace {

// Folders that `penstock artifacts get` makes and that hold no rows.
Status CheckHoldsRows(const std::string& path) {
  const std::filesystem::path folder = path;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error) || IsDataset(folder)) return Status::Ok();
  for (const char* what : {"model", "transform", "report"}) {
    if (!std::filesystem::exists(folder / (std::string(what) + ".json"), error)) continue;
    return InvalidArgument(path + " is a " + what + ", not a dataset: it has no rows");
  }
  return Status::Ok();
}

Result<RawTable> ReadPlain(const std::string& path) {
  return ReadRaw(path, std::filesystem::path(path).filename().string(), {}, {}, {}, {});
}

Status Head(const DataToolOptions& options) {
  PENSTOCK_RETURN_IF_ERROR(CheckHoldsRows(options.head));
  PENSTOCK_ASSIGN_OR_RETURN(const Table table, ReadHead(options.head, options.rows, {}));
  std::cout << TableAsText(table);
  return Status::Ok();
}

// Of a dataset what it says of itself; of other data what reading them finds.
Result<Json> SchemaOf(const std::string& path) {
  if (IsDataset(path)) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string text,
                              ReadFile(std::filesystem::path(path) / kDatasetFile));
    return ParseJson(text, {.max_bytes = 64 << 20});
  }
  PENSTOCK_ASSIGN_OR_RETURN(const RawTable raw, ReadPlain(path));
  DatasetInfo info;
  info.rows = raw.table.rows;
  for (const Column& column : raw.table.columns) info.columns.push_back(column.info);
  const Json described = DatasetInfoToJson(info);
  return Json{{"columns", described["columns"]}, {"rows", described["rows"]}, {"inferred", true}};
}

Status Schema(const DataToolOptions& options) {
  PENSTOCK_RETURN_IF_ERROR(CheckHoldsRows(options.schema));
  PENSTOCK_ASSIGN_OR_RETURN(const Json json, SchemaOf(options.schema));
  std::cout << DumpJsonPretty(json) << "\n";
  return Status::Ok();
}

Status Export(const DataToolOptions& options) {
  const std::filesystem::path output = options.output;
  std::string ending = output.extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  PENSTOCK_ASSIGN_OR_RETURN(const ExportFormat format,
                            ParseExportFormat(ending.empty() ? "csv" : ending));
  PENSTOCK_RETURN_IF_ERROR(CheckHoldsRows(options.to_export));
  if (IsDataset(options.to_export)) return ExportDataset(options.to_export, output, format, {});
  PENSTOCK_ASSIGN_OR_RETURN(const RawTable raw, ReadPlain(options.to_export));
  return ExportTable(raw.table, output, format, {});
}

}  // namespace

void AddDataTools(CLI::App& app, DataToolOptions& options) {
  const char* group = "Looking into data (used by `penstock data`)";
  app.add_option("--data-head", options.head, "print the first rows of a dataset")->group(group);
  app.add_option("--rows", options.rows, "how many")->group(group)->capture_default_str();
  app.add_option("--data-schema", options.schema, "print its columns, kinds and rows as JSON")
      ->group(group);
  app.add_option("--data-export", options.to_export, "write a dataset to one file")->group(group);
  app.add_option("--output", options.output, "the file; its ending names the format")->group(group);
}

int RunDataTool(const DataToolOptions& options) {
  Status status;
  if (!options.head.empty()) {
    status = Head(options);
  } else if (!options.schema.empty()) {
    status = Schema(options);
  } else {
    status = Export(options);
  }
  if (status.ok()) return 0;
  std::cerr << "error: " << status.message() << "\n";
  return 1;
}

}  // namespace penstock
