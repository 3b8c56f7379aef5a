#include "worker/data_tools.h"

#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "steps/table/dataset.h"
#include "steps/table/show.h"

namespace penstock {
namespace {

Status Head(const DataToolOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const Table table, ReadHead(options.head, options.rows, {}));
  std::cout << TableAsText(table);
  return Status::Ok();
}

Status Schema(const DataToolOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(std::filesystem::path(options.schema) / "dataset.json"));
  PENSTOCK_ASSIGN_OR_RETURN(const Json json, ParseJson(text, {.max_bytes = 64 << 20}));
  std::cout << DumpJsonPretty(json) << "\n";
  return Status::Ok();
}

Status Export(const DataToolOptions& options) {
  const std::filesystem::path output = options.output;
  std::string ending = output.extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  PENSTOCK_ASSIGN_OR_RETURN(const ExportFormat format,
                            ParseExportFormat(ending.empty() ? "csv" : ending));
  return ExportDataset(options.to_export, output, format, {});
}

}  // namespace

void AddDataTools(CLI::App& app, DataToolOptions& options) {
  const char* group = "Looking into data (used by `penstock data`)";
  app.add_option("--data-head", options.head, "print the first rows of a dataset")->group(group);
  app.add_option("--rows", options.rows, "how many")->group(group)->capture_default_str();
  app.add_option("--data-schema", options.schema, "print dataset.json")->group(group);
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
