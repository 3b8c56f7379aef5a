#include "steps/table/sql_database.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "steps/table/duck.h"
#include "steps/table/sql_rows.h"

namespace penstock::sql {
namespace {

// How long a statement may go on unasked.
constexpr std::chrono::milliseconds kAskEvery{20};
constexpr int64_t kLeastMemory = 64 << 20;
constexpr JsonLimits kTreeLimits{.max_bytes = 256 << 20, .max_depth = 8'000};

// What tells of the clock, of chance, of the machine or of how a table is cut into blocks, or runs
// text as SQL, whatever DuckDB says of its stability.
constexpr const char* kRefused[] = {"approx_top_k",
                                    "current_localtime",
                                    "current_localtimestamp",
                                    "current_setting",
                                    "getenv",
                                    "getvariable",
                                    "json_execute_serialized_sql",
                                    "json_serialize_plan",
                                    "reservoir_quantile",
                                    "vector_type",
                                    "version"};
// The system's catalogues.
constexpr std::string_view kRefusedStarts[] = {"pg_", "duckdb_", "pragma_", "has_", "inet_"};

struct Prepared {
  ~Prepared() { duckdb_destroy_prepare(&statement); }
  duckdb_prepared_statement statement = nullptr;
};

struct Extracted {
  ~Extracted() { duckdb_destroy_extracted(&statements); }
  duckdb_extracted_statements statements = nullptr;
};

struct QueryResult {
  ~QueryResult() { duckdb_destroy_result(&result); }
  duckdb_result result{};
};

// The message without its kind and without the lines that show the statement.
std::string ForUser(std::string_view text) {
  text = text.substr(0, text.find("\n\nLINE "));
  text = text.substr(0, text.find("\nLINE "));
  for (const std::string_view kind :
       {"Binder Error: ", "Catalog Error: ", "Parser Error: ", "Invalid Input Error: ",
        "Conversion Error: ", "Out of Range Error: ", "Not implemented Error: "}) {
    if (text.starts_with(kind)) text.remove_prefix(kind.size());
  }
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return TruncateUtf8(line, 2'000);
}

// " (line 2, character 5)" for a byte of `text`.
std::string Place(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, std::min(at, text.size()));
  const std::size_t start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto character =
      1 + std::count_if(before.begin() + static_cast<std::ptrdiff_t>(start), before.end(),
                        [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return " (line " + std::to_string(line) + ", character " + std::to_string(character) + ")";
}

// The rows of a query of Penstock's own, as texts.
Result<std::vector<std::vector<std::string>>> Texts(duckdb_connection connection,
                                                    const char* query) {
  QueryResult answer;
  if (duckdb_query(connection, query, &answer.result) != DuckDBSuccess) {
    return Internal(std::string("DuckDB: ") + duckdb_result_error(&answer.result));
  }
  std::vector<std::vector<std::string>> rows;
  while (duckdb_data_chunk chunk = duckdb_fetch_chunk(answer.result)) {
    const idx_t count = duckdb_data_chunk_get_size(chunk);
    const std::size_t first = rows.size();
    rows.resize(first + count);
    for (idx_t j = 0; j < duckdb_data_chunk_get_column_count(chunk); ++j) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, j);
      auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
      for (idx_t i = 0; i < count; ++i) {
        rows[first + i].emplace_back(duckdb_string_t_data(&texts[i]),
                                     duckdb_string_t_length(texts[i]));
      }
    }
    duckdb_destroy_data_chunk(&chunk);
  }
  return rows;
}

bool BeginsRefused(std::string_view name) {
  return std::any_of(std::begin(kRefusedStarts), std::end(kRefusedStarts),
                     [&](std::string_view start) { return name.starts_with(start); });
}

// What the words of a macro's definition say of it.
struct Made {
  bool refused = false;
  bool aggregate = false;
};

Made MadeOf(std::string_view definition, const FunctionNames& names) {
  Made made;
  const auto of_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (std::size_t i = 0; i < definition.size();) {
    if (definition[i] == '\'') {
      const std::size_t end = definition.find('\'', i + 1);
      i = end == std::string_view::npos ? definition.size() : end + 1;
      continue;
    }
    std::size_t end = i;
    while (end < definition.size() && of_word(definition[end])) ++end;
    const std::string word = LowerCase(definition.substr(i, end - i));
    const bool called = end < definition.size() && definition[end] == '(';
    made.refused = made.refused || IsClockWord(word) ||
                   (called && (names.refused.contains(word) || BeginsRefused(word)));
    made.aggregate = made.aggregate || (called && names.aggregates.contains(word));
    i = std::max(end, i + 1);
  }
  return made;
}

Result<FunctionNames> AskFunctions(duckdb_connection connection) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto rows,
      Texts(connection,
            "SELECT DISTINCT lower(function_name), function_type, coalesce(stability, ''), "
            "coalesce(macro_definition, '') FROM duckdb_functions() WHERE function_type IN "
            "('aggregate', 'scalar', 'macro') AND (function_type <> 'scalar' OR stability <> "
            "'CONSISTENT')"));
  FunctionNames names;
  for (const char* name : kRefused) names.refused.insert(name);
  for (const auto& row : rows) {
    if (row[1] == "aggregate") names.aggregates.insert(row[0]);
    if (row[1] == "scalar" && row[0] != "error") names.refused.insert(row[0]);
  }
  // A macro is what it is made of; some are made of others.
  for (bool more = true; more;) {
    more = false;
    for (const auto& row : rows) {
      if (row[1] != "macro" || row[0] == "pg_typeof") continue;
      const Made made = MadeOf(row[3], names);
      if ((made.refused || BeginsRefused(row[0])) && names.refused.insert(row[0]).second) {
        more = true;
      }
      if (made.aggregate && names.aggregates.insert(row[0]).second) more = true;
    }
  }
  return names;
}

}  // namespace

Result<std::shared_ptr<Database>> Database::Open(const std::filesystem::path& scratch,
                                                 int64_t memory_bytes) {
  std::string folder;
  if (!scratch.empty()) {
    folder = (scratch / "sql").string();
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  }
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) != DuckDBSuccess) return Internal("DuckDB has no memory");
  const std::pair<const char*, std::string> settings[] = {
      {"threads", "1"},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_unsigned_extensions", "false"},
      {"allow_persistent_secrets", "false"},
      {"temp_directory", folder},
      {"memory_limit", std::to_string(std::max(memory_bytes, kLeastMemory)) + "B"}};
  bool known = true;
  for (const auto& [name, value] : settings) {
    if (memory_bytes == 0 && std::string_view(name) == "memory_limit") continue;
    known = known && duckdb_set_config(config, name, value.c_str()) == DuckDBSuccess;
  }
  std::shared_ptr<Database> database(new Database);
  char* error = nullptr;
  const bool open =
      known && duckdb_open_ext(nullptr, &database->database_, config, &error) == DuckDBSuccess;
  duckdb_destroy_config(&config);
  if (!open) {
    const Status status = Internal(std::string("DuckDB cannot start: ") +
                                   (error != nullptr ? error : "a setting is unknown"));
    duckdb_free(error);
    database->database_ = nullptr;
    return status;
  }
  PENSTOCK_ASSIGN_OR_RETURN(duckdb_connection connection, database->Connect());
  RegisterRowsFunction(connection, database.get());
  // Times without a zone are UTC; what has no value (ln(-1)) is an error, and x / 0 is missing.
  Status status;
  for (const char* setting :
       {"SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL ieee_floating_point_ops = false",
        "SET GLOBAL enable_external_access = false", "SET GLOBAL lock_configuration = true"}) {
    QueryResult answer;
    if (duckdb_query(connection, setting, &answer.result) == DuckDBSuccess) continue;
    status = Internal(std::string("DuckDB: ") + duckdb_result_error(&answer.result));
    break;
  }
  duckdb_disconnect(&connection);
  if (!status.ok()) return status;
  return database;
}

Database::~Database() {
  if (database_ != nullptr) duckdb_close(&database_);
}

Result<duckdb_connection> Database::Connect() {
  duckdb_connection connection = nullptr;
  if (duckdb_connect(database_, &connection) != DuckDBSuccess) {
    return Internal("DuckDB gave no connection");
  }
  return connection;
}

Result<const FunctionNames*> Database::Functions(duckdb_connection connection) {
  static auto* const mutex = new Mutex;
  static std::optional<FunctionNames>* const names = new std::optional<FunctionNames>;
  MutexLock lock(*mutex);
  if (!*names) {
    PENSTOCK_ASSIGN_OR_RETURN(*names, AskFunctions(connection));
  }
  return &**names;
}

int64_t Database::Add(const Rows* rows) {
  MutexLock lock(mutex_);
  rows_[++next_] = rows;
  return next_;
}

void Database::Forget(int64_t number) {
  MutexLock lock(mutex_);
  rows_.erase(number);
}

const Rows* Database::Find(int64_t number) {
  MutexLock lock(mutex_);
  const auto found = rows_.find(number);
  return found == rows_.end() ? nullptr : found->second;
}

// Interrupts the connection's statement once `cancelled` says so.
class Session::Watch {
 public:
  Watch(duckdb_connection connection, const std::function<bool()>& cancelled) {
    if (!cancelled) return;
    thread_ = std::thread([this, connection, &cancelled] {
      MutexLock lock(mutex_);
      while (!done_) {
        condition_.WaitFor(mutex_, kAskEvery);
        // Again and again: an interrupt that comes before the statement does is lost.
        if (!done_ && cancelled()) duckdb_interrupt(connection);
      }
    });
  }
  ~Watch() {
    if (!thread_.joinable()) return;
    {
      MutexLock lock(mutex_);
      done_ = true;
    }
    condition_.NotifyAll();
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  Mutex mutex_;
  CondVar condition_;
  bool done_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

Result<std::unique_ptr<Session>> Session::Open(std::shared_ptr<Database> database,
                                               std::function<bool()> cancelled) {
  PENSTOCK_ASSIGN_OR_RETURN(duckdb_connection connection, database->Connect());
  return std::unique_ptr<Session>(
      new Session(std::move(database), connection, std::move(cancelled)));
}

Session::~Session() {
  duckdb_disconnect(&connection_);
  for (const int64_t number : numbers_) database_->Forget(number);
}

Status Session::ErrorOf(const char* message) const {
  if (cancelled_ && cancelled_()) return Cancelled("cancelled");
  const std::string_view text = message == nullptr ? "DuckDB failed without a message" : message;
  if (text.starts_with("INTERRUPT")) return Cancelled("cancelled");
  if (text.find("Out of Memory") != std::string_view::npos) {
    return ResourceExhausted(
        "the step's memory is too small for this SQL; raise resources.memory, or let it join or "
        "sort less");
  }
  if (text.find("No space left on device") != std::string_view::npos) {
    return ResourceExhausted("no space left on the worker's disk");
  }
  return InvalidArgument(ForUser(text));
}

Status Session::Run(const std::string& statement) {
  QueryResult answer;
  if (duckdb_query(connection_, statement.c_str(), &answer.result) == DuckDBSuccess) {
    return Status::Ok();
  }
  return ErrorOf(duckdb_result_error(&answer.result));
}

Result<Json> Session::Parse(const std::string& text, std::size_t skip) {
  if (text.find('\0') != std::string::npos || !IsUtf8(text)) {
    return InvalidArgument("is no text in UTF-8");
  }
  Prepared prepared;
  QueryResult answer;
  if (duckdb_prepare(connection_, "SELECT json_serialize_sql($1::VARCHAR)::VARCHAR",
                     &prepared.statement) != DuckDBSuccess ||
      duckdb_bind_varchar_length(prepared.statement, 1, text.data(), text.size()) !=
          DuckDBSuccess ||
      duckdb_execute_prepared(prepared.statement, &answer.result) != DuckDBSuccess) {
    return ErrorOf(duckdb_result_error(&answer.result));
  }
  std::string json;
  if (duckdb_data_chunk chunk = duckdb_fetch_chunk(answer.result)) {
    auto* texts = static_cast<duckdb_string_t*>(
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
    json.assign(duckdb_string_t_data(texts), duckdb_string_t_length(*texts));
    duckdb_destroy_data_chunk(&chunk);
  }
  Result<Json> tree = ParseJson(json, kTreeLimits);
  if (!tree.ok()) return InvalidArgument("is nested too deeply, or too long");
  if (!JsonBool(*tree, "error")) return tree;
  const std::string message = JsonString(*tree, "error_message");
  if (JsonString(*tree, "error_type") != "parser") {
    return InvalidArgument(message.starts_with("Only SELECT")
                               ? "is no SELECT statement; nothing else can stand here"
                               : message);
  }
  std::string place;
  if (const std::string position = JsonString(*tree, "position"); !position.empty()) {
    const std::size_t at = std::stoul(position);
    place = Place(std::string_view(text).substr(skip), at < skip ? 0 : at - skip);
  }
  return InvalidArgument(ForUser(message) + place);
}

Status Session::AddView(const std::string& name, const Rows& rows) {
  const int64_t number = database_->Add(&rows);
  numbers_.push_back(number);
  std::string columns;
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const ColumnInfo& info = rows.columns[i];
    const std::string place = "c" + std::to_string(i);
    columns += columns.empty() ? "" : ", ";
    columns += info.type == ColumnType::kDate        ? "CAST(" + place + " AS DATE)"
               : info.type == ColumnType::kTimestamp ? "CAST(" + place + " AS TIMESTAMP)"
                                                     : place;
    columns += " AS " + duck::QuoteName(info.name);
  }
  return Run("CREATE TEMP VIEW " + duck::QuoteName(name) + " AS SELECT " +
             (columns.empty() ? "c0" : columns) + " FROM " + kRowsFunction + "(" +
             std::to_string(number) + ")");
}

Status Session::AddView(const std::string& name, const std::string& select) {
  return Run("CREATE TEMP VIEW " + duck::QuoteName(name) + " AS " + select);
}

Result<std::vector<Session::ResultColumn>> Session::Describe(const std::string& select) {
  const Watch watch(connection_, cancelled_);
  Extracted extracted;
  const idx_t count = duckdb_extract_statements(connection_, select.c_str(), &extracted.statements);
  if (count == 0) return ErrorOf(duckdb_extract_statements_error(extracted.statements));
  Prepared prepared;
  if (count == 1 && duckdb_prepare_extracted_statement(connection_, extracted.statements, 0,
                                                       &prepared.statement) != DuckDBSuccess) {
    return ErrorOf(duckdb_prepare_error(prepared.statement));
  }
  if (count > 1 ||
      duckdb_prepared_statement_type(prepared.statement) != DUCKDB_STATEMENT_TYPE_SELECT) {
    return InvalidArgument("is no single SELECT statement; nothing else can stand here");
  }
  std::vector<ResultColumn> columns;
  for (idx_t i = 0; i < duckdb_prepared_statement_column_count(prepared.statement); ++i) {
    const char* name = duckdb_prepared_statement_column_name(prepared.statement, i);
    columns.push_back({name, duckdb_prepared_statement_column_type(prepared.statement, i)});
    duckdb_free(const_cast<char*>(name));
  }
  return columns;
}

Status Session::Stream(const std::string& select, const Visitor& visit) {
  const Watch watch(connection_, cancelled_);
  Prepared prepared;
  if (duckdb_prepare(connection_, select.c_str(), &prepared.statement) != DuckDBSuccess) {
    return ErrorOf(duckdb_prepare_error(prepared.statement));
  }
  QueryResult answer;
  if (duckdb_execute_prepared_streaming(prepared.statement, &answer.result) != DuckDBSuccess) {
    return ErrorOf(duckdb_result_error(&answer.result));
  }
  while (true) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(answer.result);
    if (chunk == nullptr) {
      // A stream that breaks ends like one that is complete, but leaves its error behind.
      const char* error = duckdb_result_error(&answer.result);
      return error != nullptr && *error != '\0' ? ErrorOf(error) : Status::Ok();
    }
    const Status status =
        cancelled_ && cancelled_()
            ? Cancelled("cancelled")
            : visit(chunk, static_cast<int64_t>(duckdb_data_chunk_get_size(chunk)));
    duckdb_destroy_data_chunk(&chunk);
    if (!status.ok()) return status;
  }
}

}  // namespace penstock::sql
