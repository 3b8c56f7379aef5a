#ifndef PENSTOCK_STORAGE_METADATA_STATEMENT_CACHE_H_
#define PENSTOCK_STORAGE_METADATA_STATEMENT_CACHE_H_

// Prepares each SQL text once a connection and runs it with bound parameters. The texts are string
// literals: a statement is found by the literal's address.
//
//   PENSTOCK_RETURN_IF_ERROR(cache.Run("DELETE FROM holds WHERE holder = ?", holder));
//   PENSTOCK_RETURN_IF_ERROR(cache.Query(
//       "SELECT name FROM pipelines WHERE name > ?", [&](Statement& row) {
//         names.push_back(row.Text(0));
//       }, after));

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/strong_id.h"
#include "storage/db/database.h"

namespace penstock {

class StatementCache {
 public:
  explicit StatementCache(Database* database) : database_(database) {}

  // Runs a statement that returns no rows, in the transaction that is open. Where there is none (it
  // could not be begun, or SQLite took it back after an error), nothing is written: what came before
  // is lost, and what follows must not be kept without it. kInternal.
  template <std::size_t N, typename... Args>
  Status Run(const char (&sql)[N], const Args&... args) {
    if (!database_->in_transaction()) {
      return Internal(std::string(sql).append(": no transaction is open"), "SQLITE");
    }
    return RunAlone(sql, args...);
  }
  // The same, whether a transaction is open or not: what begins and ends one, or must have none.
  template <std::size_t N, typename... Args>
  Status RunAlone(const char (&sql)[N], const Args&... args) {
    PENSTOCK_ASSIGN_OR_RETURN(Statement * statement, Get(sql));
    BindAll(*statement, args...);
    return statement->Run();
  }

  // Calls `on_row(Statement&)` for each row.
  template <std::size_t N, typename OnRow, typename... Args>
  Status Query(const char (&sql)[N], OnRow&& on_row, const Args&... args) {
    PENSTOCK_ASSIGN_OR_RETURN(Statement * statement, Get(sql));
    BindAll(*statement, args...);
    while (true) {
      Result<bool> row = statement->Step();
      if (!row.ok() || !*row) {
        statement->Reset();
        return row.status();
      }
      on_row(*statement);
    }
  }

  int64_t changes() const { return database_->changes(); }
  // Of all its statements (Statement::Work).
  int64_t Work() const {
    int64_t work = 0;
    for (const auto& [sql, statement] : statements_) work += statement->Work();
    return work;
  }

 private:
  template <typename... Args>
  static void BindAll(Statement& statement, const Args&... args) {
    int index = 0;
    (BindOne(statement, ++index, args), ...);
  }
  template <typename Tag, typename T>
  static void BindOne(Statement& statement, int index, const StrongId<Tag, T>& id) {
    statement.Bind(index, id.value());
  }
  static void BindOne(Statement& statement, int index, Time time) {
    statement.Bind(index, time.micros);
  }
  template <typename T>
  requires std::is_enum_v<T> || std::is_integral_v<T>
  static void BindOne(Statement& statement, int index, T value) {
    statement.Bind(index, static_cast<int64_t>(value));
  }
  static void BindOne(Statement& statement, int index, const std::string& text) {
    statement.Bind(index, std::string_view(text));
  }
  static void BindOne(Statement& statement, int index, std::string_view text) {
    statement.Bind(index, text);
  }

  Result<Statement*> Get(const char* sql) {
    std::unique_ptr<Statement>& slot = statements_[sql];
    if (!slot) {
      PENSTOCK_ASSIGN_OR_RETURN(Statement made, database_->Prepare(sql));
      slot = std::make_unique<Statement>(std::move(made));
    }
    return slot.get();
  }

  Database* database_;
  std::unordered_map<const char*, std::unique_ptr<Statement>> statements_;
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_STATEMENT_CACHE_H_
