#include "steps/process/write_parts.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "steps/table/block_source.h"
#include "steps/table/collect.h"
#include "steps/table/read_frame.h"

namespace penstock {
namespace {

// Values of a file, so that large data become several files and small ones do not.
constexpr int64_t kFileCells = int64_t{1} << 25;

// The rows of one part of a draft, in the order in which they are written.
class PartRows {
 public:
  PartRows(const Draft& draft, std::size_t part, std::vector<std::string> columns)
      : draft_(draft), part_(part), columns_(std::move(columns)) {
    if (!draft.order().empty()) {
      for (const int64_t row : draft.order()) {
        const uint32_t copies =
            draft.copies().empty() ? 1 : draft.copies()[static_cast<std::size_t>(row)];
        if (draft.is_in(part, row)) ordered_.insert(ordered_.end(), copies, row);
      }
    }
    const Frame& frame = draft.source().frame;
    starts_.push_back(0);
    for (int64_t block = 0; block < frame.blocks(); ++block) {
      starts_.push_back(starts_.back() + draft.CountRowsOf(part, block));
    }
  }

  int64_t rows() const { return starts_.back(); }

  // Rows from `begin` on, up to `end` and no more than `most`; at least one of them.
  Result<Table> Take(int64_t begin, int64_t end, int64_t most) const {
    if (!ordered_.empty()) return TakeOrdered(begin, std::min(end, begin + most));
    // A block is no longer than what may be taken at once, unless rows are there several times.
    return TakeNext(begin, draft_.copies().empty() ? end : std::min(end, begin + most));
  }

 private:
  // What the block of row `begin` has.
  Result<Table> TakeNext(int64_t begin, int64_t end) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), begin);
    const int64_t block = after - starts_.begin() - 1;
    const int64_t first = begin - starts_[static_cast<std::size_t>(block)];
    const int64_t last = std::min(end, *after) - starts_[static_cast<std::size_t>(block)];
    std::vector<int32_t> rows = draft_.RowsOf(part_, block);
    rows = {rows.begin() + first, rows.begin() + last};
    return TakeRows(block, std::move(rows));
  }

  Result<Table> TakeOrdered(int64_t begin, int64_t end) const {
    const Frame& frame = draft_.source().frame;
    std::vector<int64_t> starts;
    for (int64_t block = 0; block <= frame.blocks(); ++block) {
      starts.push_back(frame.first_row(block));
    }
    // By block the rows and where they go.
    std::map<int64_t, std::pair<std::vector<int32_t>, std::vector<int32_t>>> by_block;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = ordered_[static_cast<std::size_t>(i)];
      const int64_t block =
          std::upper_bound(starts.begin(), starts.end(), row) - starts.begin() - 1;
      auto& [rows, places] = by_block[block];
      rows.push_back(static_cast<int32_t>(row - starts[static_cast<std::size_t>(block)]));
      places.push_back(static_cast<int32_t>(i - begin));
    }
    TableCollector collector;
    std::vector<int32_t> taken(static_cast<std::size_t>(end - begin));
    int32_t next = 0;
    for (auto& [block, rows_and_places] : by_block) {
      auto& [rows, places] = rows_and_places;
      for (const int32_t place : places) taken[static_cast<std::size_t>(place)] = next++;
      PENSTOCK_ASSIGN_OR_RETURN(Table table, TakeRows(block, std::move(rows)));
      collector.Append(std::move(table));
    }
    Table table = collector.Take();
    for (Column& column : table.columns) column = ChooseRows(column, taken);
    return table;
  }

  Result<Table> TakeRows(int64_t block, std::vector<int32_t>&& rows) const {
    const bool training = draft_.parts().size() == 1 || draft_.parts()[part_] == kTrainPart;
    return draft_.Chosen([&rows](int64_t) { return rows; }, training).Take(block, columns_);
  }

  const Draft& draft_;
  const std::size_t part_;
  const std::vector<std::string> columns_;
  std::vector<int64_t> starts_;   // rows before each block
  std::vector<int64_t> ordered_;  // of a draft with an order: rows of the frame
};

// A file to write: rows [begin, end) of a part.
struct File {
  std::size_t part = 0;
  int64_t index = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

}  // namespace

Status WriteParts(const Draft& draft, const std::filesystem::path& folder,
                  const std::string& transform_digest, const TableOptions& options,
                  const std::function<void(double)>& progress) {
  const FitData all = draft.Chosen([](int64_t) { return std::vector<int32_t>(); }, false);
  std::vector<std::string> names;
  for (const ColumnInfo& column : all.columns()) names.push_back(column.name);
  const int64_t group = BlockRows(names.size());
  const int64_t file_rows =
      std::max<int64_t>(kFileCells / static_cast<int64_t>(names.size() + 1) / group, 1) * group;
  std::vector<PartRows> parts;
  std::vector<File> files;
  int64_t rows = 0;
  for (std::size_t part = 0; part < draft.parts().size(); ++part) {
    parts.emplace_back(draft, part, names);
    int64_t begin = 0;
    for (int64_t index = 0; index == 0 || begin < parts[part].rows(); ++index) {
      const int64_t end = std::min(begin + file_rows, parts[part].rows());
      files.push_back({part, index, begin, end});
      begin = end;
    }
    rows += parts[part].rows();
  }
  std::vector<WrittenPart> written(files.size());
  std::atomic<int64_t> done{0};
  PENSTOCK_RETURN_IF_ERROR(
      ForEachIndex(static_cast<int64_t>(files.size()), options, [&](int64_t i) -> Status {
        const File& file = files[static_cast<std::size_t>(i)];
        int64_t next = file.begin;
        const TableStream stream = [&]() -> Result<std::optional<Table>> {
          if (next == file.end) return std::optional<Table>();
          PENSTOCK_ASSIGN_OR_RETURN(Table table, parts[file.part].Take(next, file.end, group));
          next += table.rows;
          done += table.rows;
          progress(static_cast<double>(done) / static_cast<double>(rows));
          return std::optional<Table>(std::move(table));
        };
        PENSTOCK_ASSIGN_OR_RETURN(written[static_cast<std::size_t>(i)],
                                  WriteDatasetPart(folder / draft.parts()[file.part], file.index,
                                                   all.columns(), stream, options));
        return Status::Ok();
      }));

  DatasetInfo info;
  info.columns = all.columns();
  info.roles = draft.roles();
  info.label = draft.label();
  info.transform_digest = transform_digest;
  // Of all parts together, so that they have the same columns.
  for (std::size_t j = 0; j < info.columns.size(); ++j) {
    info.columns[j].nullable = std::any_of(written.begin(), written.end(),
                                           [&](const WrittenPart& part) { return part.missing[j]; });
  }
  for (std::size_t part = 0; part < draft.parts().size(); ++part) {
    info.rows = 0;
    info.parts.clear();
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files[i].part != part) continue;
      info.rows += written[i].rows;
      info.parts.push_back(written[i].file);
    }
    PENSTOCK_RETURN_IF_ERROR(WriteDatasetInfo(folder / draft.parts()[part], info));
  }
  return Status::Ok();
}

}  // namespace penstock
