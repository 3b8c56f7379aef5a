#ifndef PENSTOCK_STEPS_TABLE_READ_FRAME_H_
#define PENSTOCK_STEPS_TABLE_READ_FRAME_H_

// Reads data of any length, as read.h does, into a frame. Thread-safe.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "steps/table/dataset.h"
#include "steps/table/frame.h"
#include "steps/table/read.h"

namespace penstock {

// A file, a folder of files or a dataset, and what the user called it.
struct DataSource {
  std::filesystem::path path;
  std::string display_name;
};

// A frame with what is needed to say where in which file a row came from.
struct RawFrame {
  Frame frame;
  std::vector<RawTable::Part> parts;
  // Where the only source was a dataset: its record.
  std::optional<DatasetInfo> dataset;

  // "census.csv: line 12, column 15 (income)"; for other formats "row 12" instead of the line.
  // Reads the file again.
  std::string Where(int64_t row, std::string_view column) const;
};

// Reads the sources one after the other; all must have the same columns. `wanted` and `optional` as
// for ReadRaw. Errors as there.
Result<RawFrame> ReadFrame(const std::vector<DataSource>& sources, const ReadOptions& options,
                           const std::vector<std::string>& wanted,
                           const std::vector<std::string>& optional,
                           const FrameOptions& frame_options);

// Appends a whole table to a frame, in blocks.
Status AppendTable(Frame& frame, const Table& table);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_READ_FRAME_H_
