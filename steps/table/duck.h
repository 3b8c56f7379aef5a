#ifndef PENSTOCK_STEPS_TABLE_DUCK_H_
#define PENSTOCK_STEPS_TABLE_DUCK_H_

// DuckDB behind values that clean up after themselves. Private to steps/table: only its .cc files
// include this. One in-memory instance serves the process; it is opened by the first use, stays
// warm, and loads nothing from outside.

#include <duckdb.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "steps/table/column_builder.h"
#include "steps/table/table.h"

namespace penstock::duck {

// The type of the vectors that hold a column's values.
duckdb_type StoredType(const ColumnInfo& column);

// 'text' with quotes doubled; "name" likewise.
std::string Quote(std::string_view text);
std::string QuoteName(std::string_view name);

// A connection. Not thread-safe; several may live at once, and share threads and memory limit (the
// latest Open decides).
class Connection {
 public:
  static Result<Connection> Open(const TableOptions& options);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  // Runs a statement for its effect. kInvalidArgument with DuckDB's message.
  Status Run(const std::string& sql);

  struct ResultColumn {
    std::string name;
    duckdb_type type;
    bool json = false;  // texts that are JSON
  };
  // Names and types that `sql` would give, without running it.
  Result<std::vector<ResultColumn>> Describe(const std::string& sql);

  // Streams the rows of `sql` in order: `visit(chunk, rows)` for each block. Ends with the first
  // error of DuckDB's (kInvalidArgument), of `visit`, or with kCancelled.
  using Visitor = std::function<Status(duckdb_data_chunk chunk, int64_t rows)>;
  Status Stream(const std::string& sql, const Visitor& visit);

 private:
  Connection(duckdb_connection connection, const TableOptions& options)
      : connection_(connection), options_(options) {}
  duckdb_connection connection_;
  TableOptions options_;
};

// SQL for what the text `expression` means as a number: missing ones are NULL, what is no number is
// marked (IsBadNumber). Runs on DuckDB's threads. `rules` must outlive the statement.
std::string NumberSql(const std::string& expression, const TextRules& rules);

// A relation that DuckDB reads from tables in memory, once: "SELECT * FROM " + Sql(). Must outlive
// the statements that name it.
class TableSource {
 public:
  TableSource(const Table& table, std::function<bool()> cancelled);
  // Tables one after the other, all with these columns.
  TableSource(std::vector<ColumnInfo> columns, TableStream next, std::function<bool()> cancelled);
  std::string Sql() const;

  const std::vector<ColumnInfo>& columns() const { return columns_; }
  // What ended the stream, where DuckDB saw an error.
  const Status& status() const { return status_; }
  // Rows that were given so far, and which columns lacked a value.
  int64_t rows() const { return given_; }
  const std::vector<bool>& missing() const { return missing_; }

  // Fills up to `most` rows of a chunk; how many there were. 0 at the end, or where status() is
  // not OK.
  int64_t Fill(duckdb_data_chunk chunk, int64_t most);

 private:
  const std::vector<ColumnInfo> columns_;
  const TableStream next_;
  const std::function<bool()> cancelled_;
  const Table* table_ = nullptr;  // whose rows are given now
  Table owned_;
  int64_t at_ = 0;
  int64_t given_ = 0;
  std::vector<bool> missing_;
  Status status_;
};

}  // namespace penstock::duck

#endif  // PENSTOCK_STEPS_TABLE_DUCK_H_
