#ifndef PENSTOCK_STEPS_IMPORT_POSTGRES_ROWS_H_
#define PENSTOCK_STEPS_IMPORT_POSTGRES_ROWS_H_

// Lines of COPY's text format as a dataset: blocks of rows become its parts, so that no more than
// one of them is in memory. Private to steps/import.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "steps/import/postgres_connection.h"
#include "steps/table/dataset.h"

namespace penstock::importing {

// What a column of that type (an OID) becomes.
ColumnInfo ColumnOf(const std::string& name, uint32_t type);

class RowWriter {
 public:
  // `folder` and `scratch` must be there; `folder` becomes the dataset.
  RowWriter(const std::vector<PostgresConnection::ResultColumn>& columns,
            std::filesystem::path folder, std::filesystem::path scratch, TableOptions options);

  // kInvalidArgument names column and row of a value that its type cannot hold.
  Status Add(std::string_view line);
  // Writes what is left, and dataset.json.
  Status Finish();
  int64_t rows() const { return rows_ + block_rows_; }

 private:
  struct Cells {
    ColumnInfo info;
    bool whole = false;  // integers
    std::vector<double> numbers;
    std::vector<std::string> texts;
    std::vector<bool> present;
  };

  Status AddCell(Cells& cells, std::string_view field);
  Status AddNumber(Cells& cells, const std::string& text);
  Status AddTime(Cells& cells, std::string text);
  Status Wrong(const Cells& cells, const std::string& text, const std::string& why) const;
  Status WritePart();

  const std::filesystem::path folder_;
  const std::filesystem::path scratch_;
  const TableOptions options_;
  std::vector<Cells> columns_;
  DatasetInfo info_;
  int64_t rows_ = 0;
  int64_t block_rows_ = 0;
  std::size_t block_bytes_ = 0;
  std::string text_;  // of the cell at hand
};

}  // namespace penstock::importing

#endif  // PENSTOCK_STEPS_IMPORT_POSTGRES_ROWS_H_
