#include "storage/db/migrate.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>

#include "base/digest.h"
#include "base/fault_point.h"
#include "base/file.h"
#include "base/log.h"

namespace penstock {
namespace {

Result<int64_t> ReadNumber(Database& database, std::string_view sql) {
  PENSTOCK_ASSIGN_OR_RETURN(Statement statement, database.Prepare(sql));
  PENSTOCK_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

Status CheckApplied(Database& database, const std::vector<Migration>& migrations) {
  PENSTOCK_ASSIGN_OR_RETURN(
      Statement statement,
      database.Prepare("SELECT version, checksum FROM schema_migrations ORDER BY version"));
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return Status::Ok();
    const auto version = static_cast<std::size_t>(statement.Int(0));
    const Migration& migration = migrations[version - 1];
    if (statement.Text(1) != Sha256(migration.sql).value()) {
      return FailedPrecondition("migration " + std::to_string(version) + " (" +
                                    std::string(migration.name) + ") of " + database.path() +
                                    " is not the one that this program holds; run the program "
                                    "that made the database, or restore a backup",
                                "SCHEMA_CHANGED");
    }
  }
}

// A file of that name is left of an upgrade that broke off, or was undone: it is replaced.
Status BackUp(Database& database, const std::string& path) {
  const std::string unfinished = path + ".tmp";
  PENSTOCK_RETURN_IF_ERROR(RemoveAll(unfinished));
  PENSTOCK_RETURN_IF_ERROR(database.BackupTo(unfinished));
  PENSTOCK_RETURN_IF_ERROR(SyncPath(unfinished));
  PENSTOCK_FAULT_POINT("migrate.backup");
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, "renaming into " + path);
  }
  return SyncPath(std::filesystem::path(path).parent_path());
}

// Runs the statements one at a time.
Status ExecuteEach(Database& database, std::string_view sql) {
  std::string statement;
  for (std::size_t at = 0; at < sql.size();) {
    const std::size_t end = std::min(sql.find(';', at), sql.size() - 1) + 1;
    statement += sql.substr(at, end - at);
    at = end;
    // A semicolon may stand in a text, a comment or a trigger, too.
    if (at < sql.size() && sqlite3_complete(statement.c_str()) == 0) continue;
    PENSTOCK_RETURN_IF_ERROR(database.Execute(statement));
    PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("migrate.statement"));
    statement.clear();
  }
  return Status::Ok();
}

// Inside a transaction.
Status Apply(Database& database, const Migration& migration, Time now) {
  PENSTOCK_RETURN_IF_ERROR(ExecuteEach(database, migration.sql));
  PENSTOCK_ASSIGN_OR_RETURN(
      Statement insert, database.Prepare("INSERT INTO schema_migrations (version, name, checksum,"
                                         " applied_at) VALUES (?, ?, ?, ?)"));
  insert.Bind(1, static_cast<int64_t>(migration.version));
  insert.Bind(2, migration.name);
  insert.Bind(3, std::string_view(Sha256(migration.sql).value()));
  insert.Bind(4, now.micros);
  PENSTOCK_RETURN_IF_ERROR(insert.Run());
  // PRAGMA takes no bound parameters; both are numbers of our own.
  PENSTOCK_RETURN_IF_ERROR(
      database.Execute("PRAGMA user_version = " + std::to_string(migration.version)));
  return PENSTOCK_FAULT_STATUS("migrate.applied");
}

// All together: after an upgrade that broke off the database is what it was before, and so is the
// backup that the next try makes.
Status ApplyAll(Database& database, std::span<const Migration> pending, Time now) {
  PENSTOCK_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  const auto run = [&]() -> Status {
    for (const Migration& migration : pending) {
      PENSTOCK_RETURN_IF_ERROR(Apply(database, migration, now)
                                   .WithContext("migration " + std::to_string(migration.version)));
    }
    return database.Execute("COMMIT");
  };
  const Status status = run();
  if (!status.ok()) (void)database.Execute("ROLLBACK");
  return status;
}

}  // namespace

Status Migrate(Database& database, const std::vector<Migration>& migrations,
               const MigrateOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t application,
                            ReadNumber(database, "PRAGMA application_id"));
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t tables,
                            ReadNumber(database, "SELECT count(*) FROM sqlite_schema"));
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t version, ReadNumber(database, "PRAGMA user_version"));
  if (tables > 0 && application != options.application_id) {
    return FailedPrecondition(database.path() +
                                  " is a database of another program; point --data-dir at a "
                                  "folder of Penstock's own",
                              "FOREIGN_DATABASE");
  }
  if (version > static_cast<int64_t>(migrations.size())) {
    return FailedPrecondition(
        database.path() + " has schema version " + std::to_string(version) +
            ", this program knows " + std::to_string(migrations.size()) +
            "; run the newer program, or restore the backup that it made before it migrated (" +
            database.path() + ".before-v" + std::to_string(version) + ")",
        "SCHEMA_TOO_NEW");
  }
  if (tables == 0) {
    PENSTOCK_RETURN_IF_ERROR(database.Execute(
        "BEGIN IMMEDIATE; PRAGMA application_id = " + std::to_string(options.application_id) +
        "; CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT; COMMIT"));
  } else {
    PENSTOCK_RETURN_IF_ERROR(CheckApplied(database, migrations));
    if (version > 0 && version < static_cast<int64_t>(migrations.size())) {
      const std::string backup = database.path() + ".before-v" + std::to_string(migrations.size());
      PENSTOCK_RETURN_IF_ERROR(BackUp(database, backup));
      LOG_INFO("database backed up before migration file={}", backup);
    }
  }
  const auto pending = std::span(migrations).subspan(static_cast<std::size_t>(version));
  if (pending.empty()) return Status::Ok();
  PENSTOCK_RETURN_IF_ERROR(ApplyAll(database, pending, options.now));
  for (const Migration& migration : pending) {
    LOG_INFO("database migrated version={} name={}", migration.version, migration.name);
  }
  return Status::Ok();
}

}  // namespace penstock
