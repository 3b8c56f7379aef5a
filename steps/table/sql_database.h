#ifndef PENSTOCK_STEPS_TABLE_SQL_DATABASE_H_
#define PENSTOCK_STEPS_TABLE_SQL_DATABASE_H_

// An instance of DuckDB for SQL of users', apart from the one that reads and writes files: it sees
// the tables that it is given, and no file, network, extension or setting. It computes on the
// thread that asks: the order of rows and the last digits of sums then depend on the data alone.
// Private to steps/table.

#include <duckdb.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mutex.h"
#include "base/result.h"
#include "steps/table/frame.h"
#include "steps/table/sql_syntax.h"
#include "steps/table/table.h"

namespace penstock::sql {

// Rows for DuckDB: a frame's, or those of one block. What they point to must outlive them.
struct Rows {
  const Frame* frame = nullptr;
  const Table* block = nullptr;
  std::vector<ColumnInfo> columns;  // which of them, by name; none: rows without columns
};

// Thread-safe.
class Database {
 public:
  // `memory_bytes`: its limit (0: DuckDB's own). What does not fit goes into a folder below
  // `scratch`, where that is not empty.
  static Result<std::shared_ptr<Database>> Open(const std::filesystem::path& scratch,
                                                int64_t memory_bytes);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<duckdb_connection> Connect();
  // Which functions there are; asked once in a process.
  static Result<const FunctionNames*> Functions(duckdb_connection connection);

  // Makes `rows` known until Forget, under the number that is returned: penstock_rows(NUMBER).
  int64_t Add(const Rows* rows);
  void Forget(int64_t number);
  const Rows* Find(int64_t number);

 private:
  Database() = default;
  duckdb_database database_ = nullptr;
  Mutex mutex_;
  std::map<int64_t, const Rows*> rows_ PENSTOCK_GUARDED_BY(mutex_);
  int64_t next_ PENSTOCK_GUARDED_BY(mutex_) = 0;
};

// One connection, with views of its own. Not thread-safe. While a statement runs, `cancelled` is
// asked from another thread, and interrupts it.
class Session {
 public:
  static Result<std::unique_ptr<Session>> Open(std::shared_ptr<Database> database,
                                               std::function<bool()> cancelled);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // DuckDB's syntax tree of `text`. kInvalidArgument with line and character, counted without the
  // first `skip` bytes; also for what is no SELECT.
  Result<Json> Parse(const std::string& text, std::size_t skip);
  Result<const FunctionNames*> Functions() { return Database::Functions(connection_); }

  // A view `name` of `rows`, with their columns' names and with dates as dates.
  Status AddView(const std::string& name, const Rows& rows);
  // A view `name` of what `select`, which has been checked, gives.
  Status AddView(const std::string& name, const std::string& select);

  struct ResultColumn {
    std::string name;
    duckdb_type type;
  };
  // What `select`, one statement, would give.
  Result<std::vector<ResultColumn>> Describe(const std::string& select);

  // Rows of `select` in their order. Ends with the first error, of DuckDB's, of `visit`, or
  // kCancelled.
  using Visitor = std::function<Status(duckdb_data_chunk chunk, int64_t rows)>;
  Status Stream(const std::string& select, const Visitor& visit);

 private:
  class Watch;
  Session(std::shared_ptr<Database> database, duckdb_connection connection,
          std::function<bool()> cancelled)
      : database_(std::move(database)), connection_(connection), cancelled_(std::move(cancelled)) {}
  Status ErrorOf(const char* message) const;
  Status Run(const std::string& statement);

  const std::shared_ptr<Database> database_;
  duckdb_connection connection_;
  const std::function<bool()> cancelled_;
  std::vector<int64_t> numbers_;
};

}  // namespace penstock::sql

#endif  // PENSTOCK_STEPS_TABLE_SQL_DATABASE_H_
