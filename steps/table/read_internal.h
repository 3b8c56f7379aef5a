#ifndef PENSTOCK_STEPS_TABLE_READ_INTERNAL_H_
#define PENSTOCK_STEPS_TABLE_READ_INTERNAL_H_

// The readers of one file each, and how files become one table, behind ReadRaw and ReadFrame.
// Private to steps/table.
//
// Every file is looked at first: its columns, and what its first records hold. Then all are read
// into one RowWriter, which hands on a block at a time. Where a record contradicts what the first
// ones looked like, everything is read again with that column as text.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steps/table/column_builder.h"
#include "steps/table/duck.h"
#include "steps/table/read.h"
#include "steps/table/read_frame.h"

namespace penstock::reading {

struct Request {
  const ReadOptions& options;
  const std::vector<std::string>& wanted;
  const std::vector<std::string>& optional;
  const TableOptions& table_options;

  // Whether the file's column is to be read.
  bool Wants(std::string_view column) const;
  // Whether it may be absent.
  bool IsOptional(std::string_view column) const;
  // The kind that the options give it, if any.
  std::optional<ColumnKind> KindOf(std::string_view column) const;
  bool IsCancelled() const { return table_options.cancelled && table_options.cancelled(); }
};

// A path as DuckDB must see it: quoted, and nothing in it a pattern.
std::string SqlPath(const std::filesystem::path& path);

// The column of a relation at `index` (from 0), as SQL.
std::string Position(std::size_t index);

// One column of a query and how it becomes a column of the table.
struct Selected {
  std::string expression;  // SQL
  ColumnInfo info;
  duckdb_type type = DUCKDB_TYPE_VARCHAR;
};

// How a column called `name` at `position` of a relation, which DuckDB describes so, is selected.
// `kind`: what the options say. kInvalidArgument for lists, structures and bytes.
Result<Selected> SelectTyped(const std::string& name, const std::string& position,
                             const duck::Connection::ResultColumn& described,
                             std::optional<ColumnKind> kind);

// Runs "SELECT <expressions> FROM relation". `expected_rows`: how many there will be, or 0.
Result<Table> RunSelect(const std::string& relation, const std::vector<Selected>& selected,
                        const TableOptions& options, int64_t expected_rows = 0);
// The statement itself.
std::string SelectSql(const std::vector<std::string>& expressions, const std::string& relation,
                      const TableOptions& options);

// A text in a numeric column.
struct BadNumber {
  int64_t row = 0;  // of all rows
  std::size_t column = 0;
  std::string text;
};

// A column of the table that is read.
struct TargetColumn {
  ColumnInfo info;
  TextRules rules;
  bool guessed = false;  // numbers as far as is known; a text is no error

  bool is_number() const {
    return info.type == ColumnType::kDouble || info.type == ColumnType::kInteger ||
           info.type == ColumnType::kBoolean;
  }
};

// Where rows go: into columns, and every full block to `put`. Not thread-safe.
class RowWriter {
 public:
  using Put = std::function<Status(Table&& block)>;
  // With `search`, contradictions do not stop anything: all are looked for, and nothing is put.
  RowWriter(std::vector<TargetColumn> columns, Put put, bool search);

  const std::vector<TargetColumn>& columns() const { return columns_; }
  int64_t rows() const { return first_row_ + block_rows_; }

  // Rows of DuckDB's, from `begin` on, of these types. kAborted: see `stopped`.
  Status Append(duckdb_data_chunk chunk, const std::vector<duckdb_type>& types, int64_t begin,
                int64_t rows, bool marks);
  // A row, cell by cell; EndRow's result as Append's.
  ColumnBuilder& column(std::size_t index) { return *builders_[index]; }
  Status EndRow();
  // What is left, and a block without rows where there are none.
  Status Finish();

  // Why rows are no longer taken: a column that was guessed holds a text, or one that was not does.
  const std::vector<std::size_t>& contradicted() const { return contradicted_; }
  const std::optional<BadNumber>& bad() const { return bad_; }

 private:
  Status Flush();
  Status Check();

  std::vector<TargetColumn> columns_;
  Put put_;
  const bool search_;
  const int64_t block_size_;
  std::vector<std::unique_ptr<ColumnBuilder>> builders_;
  int64_t first_row_ = 0;
  int64_t block_rows_ = 0;
  std::vector<std::size_t> contradicted_;
  std::optional<BadNumber> bad_;
};

// A column of one file that is to be read.
struct FileColumn {
  std::size_t position = 0;  // in the file
  ColumnInfo info;           // as this file alone has it
  bool guessed = false;
};

// One file that has been looked at.
class FileReader {
 public:
  virtual ~FileReader() = default;
  // Appends all rows, once or again from the start. OK also where the writer was contradicted.
  virtual Status Read(RowWriter& writer) = 0;

  // Which features, by number, the file has of those that every one has whether or not it names
  // them. None, but for sparse formats; `columns` is complete after SetFeatures.
  struct Features {
    int64_t first = 0;
    int64_t end = 0;
  };
  virtual std::optional<Features> features() const { return std::nullopt; }
  virtual Status SetFeatures(Features) { return Status::Ok(); }

  RawTable::Part part;
  std::vector<FileColumn> columns;
};

using FileReaders = std::vector<std::unique_ptr<FileReader>>;

Result<std::unique_ptr<FileReader>> LookAtCsv(const std::filesystem::path& path,
                                              const std::string& display_name,
                                              const Request& request);
// `dataset`: whose names and kinds count, whatever the file says; null: the file's own.
Result<std::unique_ptr<FileReader>> LookAtTyped(const std::filesystem::path& path,
                                                const std::string& display_name, FileFormat format,
                                                const Request& request,
                                                const DatasetInfo* dataset = nullptr);
Result<std::unique_ptr<FileReader>> LookAtSvmLight(const std::filesystem::path& path,
                                                   const std::string& display_name,
                                                   const Request& request);

// What was found besides rows.
struct Sources {
  std::vector<RawTable::Part> parts;
  std::optional<DatasetInfo> dataset;  // of the first source
};
// Looks at the files of a source, in their order. `dataset` gets its record where it is one; may be
// null.
Status LookAtSource(const DataSource& source, const Request& request, FileReaders& files,
                    std::optional<DatasetInfo>* dataset);
// Reads the sources one after the other. `start`: called before the first block and whenever all is
// read again from the start, so that what was put goes.
Result<Sources> ReadAll(const std::vector<DataSource>& sources, const Request& request,
                        const std::function<void()>& start, const RowWriter::Put& put);

// kInvalidArgument for the first wanted column that is not among `names`; `where` opens the
// message.
Status CheckWanted(const Request& request, const std::vector<std::string>& names,
                   const std::string& where);
// RawTable::Where, among these parts.
std::string WhereIn(const std::vector<RawTable::Part>& parts, int64_t row, std::string_view column);
// The message for a text in a numeric column, at a place that WhereIn told.
Status NotANumber(const std::string& where, const std::string& text);

}  // namespace penstock::reading

#endif  // PENSTOCK_STEPS_TABLE_READ_INTERNAL_H_
