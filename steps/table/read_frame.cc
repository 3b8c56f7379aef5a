#include "steps/table/read_frame.h"

#include <algorithm>
#include <utility>

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

Status AppendTable(Frame& frame, const Table& table) {
  int64_t begin = 0;
  do {
    const int64_t end = std::min(begin + kBlockRows, table.rows);
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
  RawTable raw;
  raw.parts = parts;
  return raw.Where(row, column);
}

Result<RawFrame> ReadFrame(const std::vector<DataSource>& sources, const ReadOptions& options,
                           const std::vector<std::string>& wanted,
                           const std::vector<std::string>& optional,
                           const FrameOptions& frame_options) {
  RawTable all;
  for (const DataSource& source : sources) {
    PENSTOCK_ASSIGN_OR_RETURN(RawTable part, ReadRaw(source.path, source.display_name, options,
                                                     wanted, optional, frame_options.table));
    PENSTOCK_RETURN_IF_ERROR(AppendRows(all, std::move(part)));
  }
  RawFrame raw{Frame(frame_options), std::move(all.parts), std::move(all.dataset)};
  PENSTOCK_RETURN_IF_ERROR(AppendTable(raw.frame, all.table));
  return raw;
}

}  // namespace penstock
