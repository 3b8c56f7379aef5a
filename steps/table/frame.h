#ifndef PENSTOCK_STEPS_TABLE_FRAME_H_
#define PENSTOCK_STEPS_TABLE_FRAME_H_

// A table of any length: rows in blocks, each a Table with dictionaries of its own. Blocks stay in
// memory as long as the budget lasts; the others lie in a scratch file, column by column, which
// goes with the frame.
//
// Rows never move: row i is the i-th that was appended, whatever is done to the columns. What is
// computed from them is the same for any budget, too.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "steps/table/block_source.h"
#include "steps/table/table.h"

namespace penstock {

// Rows of a full block; also of a row group in Parquet.
inline constexpr int64_t kBlockRows = 122'880;

struct FrameOptions {
  TableOptions table;             // threads, and who may cancel
  int64_t memory_bytes = 0;       // that blocks may take of memory together; 0: as they need
  std::filesystem::path scratch;  // a folder for the rest; needed with a budget
};

class Frame : public BlockSource {
 public:
  explicit Frame(FrameOptions options = {});
  ~Frame() override;
  Frame(Frame&& other) noexcept;
  Frame& operator=(Frame&& other) noexcept;

  // Adds rows at the end. The first block decides on the columns; one with other names, types or
  // kinds is kInvalidArgument. A block without rows only decides on the columns.
  Status Append(Table&& block);

  int64_t rows() const override { return rows_; }
  int64_t blocks() const override { return static_cast<int64_t>(blocks_.size()); }
  int64_t first_row(int64_t block) const;
  // Which have missing values is known, too (`nullable`).
  const std::vector<ColumnInfo>& columns() const override { return columns_; }
  const FrameOptions& options() const { return options_; }
  const TableOptions& pass() const override { return options_.table; }
  Status Visit(int64_t block, const std::vector<std::string>& needed,
               const Visitor& visit) const override;

  // As ForEach, and what `change` makes of the table takes its place: values, and columns that
  // come, go and move (hollow ones too), but not the number of rows. All blocks must come to the
  // same columns. After an error the frame is of no more use.
  using Changer = std::function<Status(int64_t block, Table& table)>;
  Status Change(const std::vector<std::string>& needed, const Changer& change);

 private:
  struct Block;
  struct Scratch;

  Result<Table> Load(const Block& block, const std::vector<std::string>& needed) const;
  Status Store(Block& block, Table&& table);
  Status Spill(Block& block, Table&& table);
  Status Adopt(const Table& table, bool first);

  FrameOptions options_;
  std::vector<ColumnInfo> columns_;
  std::vector<std::unique_ptr<Block>> blocks_;
  int64_t rows_ = 0;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_FRAME_H_
