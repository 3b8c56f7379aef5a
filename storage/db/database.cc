#include "storage/db/database.h"

#include <sqlite3.h>

#include <utility>

#include "base/fault_point.h"

namespace penstock {
namespace {

Status Failure(sqlite3* db, int code, std::string_view what) {
  std::string message = std::string(what) + ": " +
                        (db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code)) + " (SQLite " +
                        std::to_string(code) + ")";
  switch (code & 0xff) {
    case SQLITE_FULL:
      return ResourceExhausted(std::move(message), "DISK_FULL");
    case SQLITE_IOERR:
      return DataLoss(std::move(message), "IO_ERROR");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss(std::move(message) + "; restore a backup (penstock admin restore)",
                      "CORRUPT");
    case SQLITE_CONSTRAINT:
      return FailedPrecondition(std::move(message), "CONSTRAINT");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable(std::move(message), "BUSY");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return PermissionDenied(std::move(message), "CANNOT_OPEN");
    default:
      return Internal(std::move(message), "SQLITE");
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_), stmt_(std::exchange(other.stmt_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(stmt_);
    db_ = other.db_;
    stmt_ = std::exchange(other.stmt_, nullptr);
  }
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(stmt_);
}

void Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(stmt_, index, value);
}
void Statement::Bind(int index, double value) {
  sqlite3_bind_double(stmt_, index, value);
}
void Statement::Bind(int index, std::string_view value) {
  // An empty view may hold a null pointer, which SQLite would bind as NULL.
  const char* data = value.data() != nullptr ? value.data() : "";
  sqlite3_bind_text64(stmt_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}
void Statement::BindNull(int index) {
  sqlite3_bind_null(stmt_, index);
}

Status Statement::Run() {
  PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("database.write"));
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(stmt_);
  Status status;
  if (code != SQLITE_DONE) {
    status = Failure(db_, sqlite3_extended_errcode(db_), sqlite3_sql(stmt_));
  }
  Reset();
  return status;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Failure(db_, sqlite3_extended_errcode(db_), sqlite3_sql(stmt_));
}

void Statement::Reset() {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(stmt_, column);
}
double Statement::Double(int column) const {
  return sqlite3_column_double(stmt_, column);
}
std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column))};
}
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}
int Statement::Columns() const {
  return sqlite3_column_count(stmt_);
}
int64_t Statement::Work() const {
  return sqlite3_stmt_status(stmt_, SQLITE_STMTSTATUS_VM_STEP, /*resetFlg=*/0);
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                 const OpenOptions& options) {
  sqlite3* raw = nullptr;
  const int flags = options.read_only
                        ? SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
                        : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<Database> database(new Database(raw, path));
  if (code != SQLITE_OK) return Failure(raw, code, "opening " + path);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 5'000);
  PENSTOCK_RETURN_IF_ERROR(database->Execute("PRAGMA foreign_keys = ON"));
  PENSTOCK_RETURN_IF_ERROR(database->Execute("PRAGMA cache_size = -32768"));
  if (!options.read_only) {
    PENSTOCK_RETURN_IF_ERROR(database->Execute("PRAGMA journal_mode = WAL"));
    PENSTOCK_RETURN_IF_ERROR(database->Execute("PRAGMA synchronous = FULL"));
    PENSTOCK_RETURN_IF_ERROR(database->Execute("PRAGMA journal_size_limit = 67108864"));
    PENSTOCK_RETURN_IF_ERROR(database->Execute("PRAGMA wal_autocheckpoint = 4000"));
  }
  return database;
}

Database::~Database() {
  sqlite3_close_v2(db_);
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  if (code != SQLITE_OK) return Failure(db_, code, sql);
  return Statement(db_, stmt);
}

Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(db_, code, sql.substr(0, 200));
  return Status::Ok();
}

Status Database::BackupTo(const std::string& path) {
  PENSTOCK_ASSIGN_OR_RETURN(Statement statement, Prepare("VACUUM INTO ?"));
  statement.Bind(1, std::string_view(path));
  return statement.Run();
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(db_) == 0;
}

int64_t Database::changes() const {
  return sqlite3_changes64(db_);
}
int64_t Database::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(db_);
}

}  // namespace penstock
