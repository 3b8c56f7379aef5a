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
  // Where the first source was a dataset: its record.
  std::optional<DatasetInfo> dataset;

  // "census.csv: line 12, column 15 (income)"; for other formats "row 12" instead of the line.
  // Reads the file again.
  std::string Where(int64_t row, std::string_view column) const;
};

// Rows of a full block of a table with so many columns: kBlockRows, and fewer where it is wide, so
// that a block has at most 2^24 cells.
int64_t BlockRows(std::size_t columns);

// Reads the sources one after the other; all must have the same columns. `wanted` and `optional` as
// for ReadRaw. Errors as there. Beside the frame's budget it takes memory for one block, and what
// DuckDB needs: at most half of `frame_options.table.memory_bytes`. The blocks are the same for any
// number of threads and any budget. A column is of numbers where all its values in all sources are;
// one that turns out not to be is read again as texts, as they stand in the files.
Result<RawFrame> ReadFrame(const std::vector<DataSource>& sources, const ReadOptions& options,
                           const std::vector<std::string>& wanted,
                           const std::vector<std::string>& optional,
                           const FrameOptions& frame_options);

// Appends a whole table to a frame, in blocks.
Status AppendTable(Frame& frame, const Table& table);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_READ_FRAME_H_
