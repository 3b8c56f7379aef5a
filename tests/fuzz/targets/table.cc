// Files of data as users bring them, read to the end. The first line is JSON: the read options of a
// process step, with the file's suffix as "file"; the rest is the file.

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "steps/process/read_spec.h"
#include "steps/table/read.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {

int FuzzTable(std::string_view bytes) {
  static const TempFolder folder = *TempFolder::Make(std::filesystem::temp_directory_path());
  const auto [head, body] = CutLine(bytes);
  const Result<Json> read = ParseJson(head);
  if (!read.ok()) return -1;
  const Result<ReadOptions> options = ReadOptionsFromJson(*read);
  if (!options.ok()) {
    ExpectRefusal(options.status());
    return -1;
  }
  const bool json = JsonString(*read, "file") == "json";
  const auto path = folder.path() / (json ? "data.json" : "data.csv");
  std::ofstream(path, std::ios::binary | std::ios::trunc) << body;
  const Result<RawTable> table =
      ReadRaw(path, "data", *options, {}, {}, {.threads = 1, .memory_bytes = 256 << 20});
  if (!table.ok()) {
    ExpectRefusal(table.status());
    return 0;
  }
  for (const Column& column : table->table.columns) {
    const std::size_t size = column.is_text() ? column.strings.codes.size() : column.numbers.size();
    FUZZ_EXPECT(size == static_cast<std::size_t>(table->table.rows), column.info.name);
    for (std::size_t i = 0; i < size; ++i) column.text(i);
  }
  if (table->table.rows > 0 && !table->table.columns.empty()) {
    table->Where(table->table.rows - 1, table->table.columns.front().info.name);
  }
  return 0;
}

}  // namespace penstock::fuzz
