#ifndef PENSTOCK_WORKER_DATA_TOOLS_H_
#define PENSTOCK_WORKER_DATA_TOOLS_H_

// What `penstock data` starts: a look into a dataset on disk, by the program that reads tables.

#include <CLI/CLI.hpp>
#include <string>

namespace penstock {

struct DataToolOptions {
  std::string head;
  std::string schema;
  std::string to_export;
  std::string output;
  int rows = 10;
  bool any() const { return !head.empty() || !schema.empty() || !to_export.empty(); }
};

void AddDataTools(CLI::App& app, DataToolOptions& options);
// The exit code.
int RunDataTool(const DataToolOptions& options);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_DATA_TOOLS_H_
