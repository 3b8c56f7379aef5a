#include "steps/table/read_frame.h"

#include <algorithm>
#include <utility>

#include "steps/table/read_internal.h"

namespace penstock {
namespace {

// Rows [begin, end) of a column, with the part of the dictionary that they need.
Column Slice(const Column& column, std::size_t begin, std::size_t end) {
  Column slice;
  slice.info = column.info;
  slice.info.nullable = false;
  if (!column.is_text()) {
    slice.numbers.assign(column.numbers.begin() + static_cast<std::ptrdiff_t>(begin),
                         column.numbers.begin() + static_cast<std::ptrdiff_t>(end));
    for (const double value : slice.numbers) slice.info.nullable |= value != value;
    return slice;
  }
  std::vector<int32_t> renumbered(column.strings.dictionary.size(), -1);
  slice.strings.codes.reserve(end - begin);
  for (std::size_t i = begin; i < end; ++i) {
    const int32_t code = column.strings.codes[i];
    if (code < 0) {
      slice.info.nullable = true;
      slice.strings.codes.push_back(-1);
      continue;
    }
    int32_t& own = renumbered[static_cast<std::size_t>(code)];
    if (own < 0) {
      own = static_cast<int32_t>(slice.strings.dictionary.size());
      slice.strings.dictionary.push_back(column.strings[i]);
    }
    slice.strings.codes.push_back(own);
  }
  return slice;
}

}  // namespace

int64_t BlockRows(std::size_t columns) {
  constexpr int64_t kCells = 1 << 24;
  constexpr int64_t kVector = 2'048;  // rows that DuckDB gives at once
  const int64_t rows = kCells / std::max<int64_t>(static_cast<int64_t>(columns), 1);
  return std::clamp(rows / kVector * kVector, kVector, kBlockRows);
}

Status AppendTable(Frame& frame, const Table& table) {
  int64_t begin = 0;
  do {
    const int64_t end = std::min(begin + BlockRows(table.columns.size()), table.rows);
    Table block;
    block.rows = end - begin;
    for (const Column& column : table.columns) {
      block.columns.push_back(
          Slice(column, static_cast<std::size_t>(begin), static_cast<std::size_t>(end)));
    }
    PENSTOCK_RETURN_IF_ERROR(frame.Append(std::move(block)));
    begin = end;
  } while (begin < table.rows);
  return Status::Ok();
}

std::string RawFrame::Where(int64_t row, std::string_view column) const {
  return reading::WhereIn(parts, row, column);
}

Result<RawFrame> ReadFrame(const std::vector<DataSource>& sources, const ReadOptions& options,
                           const std::vector<std::string>& wanted,
                           const std::vector<std::string>& optional,
                           const FrameOptions& frame_options) {
  TableOptions table_options = frame_options.table;
  table_options.memory_bytes /= 2;
  if (table_options.scratch.empty()) table_options.scratch = frame_options.scratch;
  const reading::Request request{options, wanted, optional, table_options};
  Frame frame;
  PENSTOCK_ASSIGN_OR_RETURN(
      reading::Sources read,
      reading::ReadAll(sources, request, [&] { frame = Frame(frame_options); },
                       [&](Table&& block) { return frame.Append(std::move(block)); }));
  return RawFrame{std::move(frame), std::move(read.parts), std::move(read.dataset)};
}

}  // namespace penstock
