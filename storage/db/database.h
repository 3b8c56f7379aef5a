#ifndef PENSTOCK_STORAGE_DB_DATABASE_H_
#define PENSTOCK_STORAGE_DB_DATABASE_H_

// SQLite behind Status: connections and prepared statements. The only folder that knows sqlite3.h.
//
// A connection and its statements belong to one thread at a time. Parameters are bound, never
// joined into SQL.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace penstock {

// Reasons of errors: DISK_FULL (kResourceExhausted), IO_ERROR and CORRUPT (kDataLoss), CONSTRAINT
// (kFailedPrecondition), BUSY (kUnavailable).
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // 1-based. Text is copied.
  void Bind(int index, int64_t value);
  void Bind(int index, double value);
  void Bind(int index, std::string_view value);
  void BindNull(int index);

  // Runs to the end, then resets. For statements without rows (their rows are passed over).
  Status Run();
  // True: there is a row, whose columns can be read until the next call.
  Result<bool> Step();
  // Ready to be bound and run again.
  void Reset();

  // 0-based. A NULL reads as 0, or as empty.
  int64_t Int(int column) const;
  double Double(int column) const;
  std::string_view Text(int column) const;  // valid until the next Step or Reset
  bool IsNull(int column) const;
  int Columns() const;
  // How many steps SQLite's machine has taken for it, ever: a measure of work that no other load of
  // the machine disturbs.
  int64_t Work() const;

 private:
  friend class Database;
  Statement(sqlite3* db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}
  sqlite3* db_ = nullptr;
  sqlite3_stmt* stmt_ = nullptr;
};

struct OpenOptions {
  bool read_only = false;
};

class Database {
 public:
  // Opens or makes the file, in WAL mode with synchronous=FULL and foreign keys on; read-only
  // connections see committed states alone.
  static Result<std::unique_ptr<Database>> Open(const std::string& path,
                                                const OpenOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Statement> Prepare(std::string_view sql);
  // Runs every statement of `sql`.
  Status Execute(const std::string& sql);
  // A copy of the committed state in a new file at `path`, which must not exist.
  Status BackupTo(const std::string& path);

  bool in_transaction() const;
  int64_t changes() const;
  int64_t last_insert_rowid() const;
  const std::string& path() const { return path_; }

 private:
  Database(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  sqlite3* db_;
  std::string path_;
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_DB_DATABASE_H_
