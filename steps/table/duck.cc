#include "steps/table/duck.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "base/mutex.h"

namespace penstock::duck {
namespace {

constexpr char kSourceFunction[] = "penstock_source";
constexpr char kNumberFunction[] = "penstock_number";
// What a stream may have ready for its reader, so that all threads have work.
constexpr int64_t kStreamBytes = 64 << 20;

// What DuckDB says is about the data, unless it begins like these.
Status DuckError(const char* message) {
  const std::string_view text = message == nullptr ? "DuckDB failed without a message" : message;
  if (text.substr(0, 13) == "Out of Memory") {
    return ResourceExhausted(
        "the step's memory is too small for these data; raise "
        "resources.memory (" +
        std::string(text.substr(0, text.find('\n'))) + ")");
  }
  if (text.find("No space left on device") != std::string_view::npos) {
    return ResourceExhausted("no space left on the worker's disk");
  }
  if (text.substr(0, 9) == "INTERRUPT") return Cancelled("cancelled");
  return InvalidArgument(std::string(text));
}

void BindSource(duckdb_bind_info bind) {
  duckdb_value address = duckdb_bind_get_parameter(bind, 0);
  auto* source = reinterpret_cast<TableSource*>(duckdb_get_int64(address));
  duckdb_destroy_value(&address);
  // Columns are read by position; names of their own keep DuckDB from renaming the table's.
  for (std::size_t i = 0; i < source->columns().size(); ++i) {
    duckdb_logical_type type = duckdb_create_logical_type(StoredType(source->columns()[i]));
    duckdb_bind_add_result_column(bind, ("c" + std::to_string(i)).c_str(), type);
    duckdb_destroy_logical_type(&type);
  }
  duckdb_bind_set_bind_data(bind, source, nullptr);
}

void StartSource(duckdb_init_info init) {
  duckdb_init_set_max_threads(init, 1);  // rows keep their order whatever the thread count
}

// Calls `put(i)` for the chunk's rows; where the value is missing marks it so instead. Whether any
// was.
template <typename Missing, typename Put>
bool FillBlock(duckdb_vector vector, int64_t count, const Missing& missing, const Put& put) {
  uint64_t* validity = nullptr;
  for (int64_t i = 0; i < count; ++i) {
    if (!missing(i)) {
      put(i);
      continue;
    }
    if (validity == nullptr) {
      duckdb_vector_ensure_validity_writable(vector);
      validity = duckdb_vector_get_validity(vector);
    }
    duckdb_validity_set_row_invalid(validity, static_cast<idx_t>(i));
  }
  return validity != nullptr;
}

bool FillColumn(const Column& column, duckdb_type type, int64_t begin, int64_t count,
                duckdb_vector vector) {
  const auto row = [&](int64_t i) { return static_cast<std::size_t>(begin + i); };
  void* data = duckdb_vector_get_data(vector);
  if (column.is_text()) {
    const StringValues& texts = column.strings;
    return FillBlock(
        vector, count, [&](int64_t i) { return texts.codes[row(i)] < 0; },
        [&](int64_t i) {
          const std::string& text = texts[row(i)];
          duckdb_vector_assign_string_element_len(vector, static_cast<idx_t>(i), text.data(),
                                                  text.size());
        });
  }
  const double* numbers = column.numbers.data() + begin;
  const auto missing = [&](int64_t i) { return numbers[i] != numbers[i]; };
  switch (type) {
    case DUCKDB_TYPE_BIGINT: {
      auto* out = static_cast<int64_t*>(data);
      return FillBlock(vector, count, missing,
                       [&](int64_t i) { out[i] = static_cast<int64_t>(numbers[i]); });
    }
    case DUCKDB_TYPE_BOOLEAN: {
      auto* out = static_cast<bool*>(data);
      return FillBlock(vector, count, missing, [&](int64_t i) { out[i] = numbers[i] != 0; });
    }
    default: {
      auto* out = static_cast<double*>(data);
      // Most columns lack nothing: then it is a copy.
      int64_t lacking = 0;
      for (int64_t i = 0; i < count; ++i) lacking += missing(i) ? 1 : 0;
      if (lacking == 0) {
        std::copy_n(numbers, count, out);
        return false;
      }
      return FillBlock(vector, count, missing, [&](int64_t i) { out[i] = numbers[i]; });
    }
  }
}

void ReadSource(duckdb_function_info info, duckdb_data_chunk output) {
  auto& source = *static_cast<TableSource*>(duckdb_function_get_bind_data(info));
  const int64_t count = source.Fill(output, static_cast<int64_t>(duckdb_vector_size()));
  if (!source.status().ok()) {
    duckdb_function_set_error(info, source.status().message().c_str());
    return;
  }
  duckdb_data_chunk_set_size(output, static_cast<idx_t>(count));
}

void RegisterSource(duckdb_connection connection) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, kSourceFunction);
  duckdb_logical_type address = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
  duckdb_table_function_add_parameter(function, address);
  duckdb_destroy_logical_type(&address);
  duckdb_table_function_set_bind(function, BindSource);
  duckdb_table_function_set_init(function, StartSource);
  duckdb_table_function_set_function(function, ReadSource);
  duckdb_register_table_function(connection, function);
  duckdb_destroy_table_function(&function);
}

// penstock_number(text, address of the rules).
void ReadNumbers(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
  const auto rows = static_cast<int64_t>(duckdb_data_chunk_get_size(input));
  if (rows == 0) return;
  duckdb_vector texts = duckdb_data_chunk_get_vector(input, 0);
  const int64_t address =
      static_cast<int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 1)))[0];
  const auto& rules = *reinterpret_cast<const TextRules*>(address);
  auto* values = static_cast<duckdb_string_t*>(duckdb_vector_get_data(texts));
  const uint64_t* validity = duckdb_vector_get_validity(texts);
  auto* numbers = static_cast<double*>(duckdb_vector_get_data(output));
  for (int64_t i = 0; i < rows; ++i) {
    const bool valid = validity == nullptr || ((validity[i >> 6] >> (i & 63)) & 1) != 0;
    numbers[i] = valid ? NumberOrMark({duckdb_string_t_data(&values[i]),
                                       duckdb_string_t_length(values[i])},
                                      rules)
                       : kMissing;
  }
}

void RegisterNumbers(duckdb_connection connection) {
  duckdb_scalar_function function = duckdb_create_scalar_function();
  duckdb_scalar_function_set_name(function, kNumberFunction);
  duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
  duckdb_logical_type address = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
  duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
  duckdb_scalar_function_add_parameter(function, text);
  duckdb_scalar_function_add_parameter(function, address);
  duckdb_scalar_function_set_return_type(function, number);
  duckdb_destroy_logical_type(&number);
  duckdb_destroy_logical_type(&address);
  duckdb_destroy_logical_type(&text);
  duckdb_scalar_function_set_special_handling(function);  // NULL is a number, too: a missing one
  duckdb_scalar_function_set_function(function, ReadNumbers);
  duckdb_register_scalar_function(connection, function);
  duckdb_destroy_scalar_function(&function);
}

// The process's instance. Never closed: DuckDB's threads may outlive static destructors.
class Instance {
 public:
  static Instance& Get() {
    static auto* const instance = new Instance;
    return *instance;
  }

  Result<duckdb_connection> Connect(const TableOptions& options) {
    MutexLock lock(mutex_);
    PENSTOCK_RETURN_IF_ERROR(OpenOnce(options));
    duckdb_connection connection = nullptr;
    if (duckdb_connect(database_, &connection) != DuckDBSuccess) {
      return Internal("DuckDB gave no connection");
    }
    const Status configured = Configure(connection, options);
    if (!configured.ok()) {
      duckdb_disconnect(&connection);
      return configured;
    }
    return connection;
  }

 private:
  Status OpenOnce(const TableOptions& options) PENSTOCK_REQUIRES(mutex_) {
    if (database_ != nullptr) return Status::Ok();
    duckdb_config config = nullptr;
    if (duckdb_create_config(&config) != DuckDBSuccess) return Internal("DuckDB has no memory");
    threads_ = std::max(1, options.threads);
    duckdb_set_config(config, "threads", std::to_string(threads_).c_str());
    duckdb_set_config(config, "autoinstall_known_extensions", "false");
    duckdb_set_config(config, "autoload_known_extensions", "false");
    duckdb_set_config(config, "temp_directory", "");
    duckdb_set_config(config, "enable_external_file_cache", "false");
    char* error = nullptr;
    const duckdb_state state = duckdb_open_ext(nullptr, &database_, config, &error);
    duckdb_destroy_config(&config);
    if (state == DuckDBSuccess) {
      duckdb_connection connection = nullptr;
      if (duckdb_connect(database_, &connection) != DuckDBSuccess) {
        return Internal("DuckDB gave no connection");
      }
      RegisterSource(connection);
      RegisterNumbers(connection);
      duckdb_disconnect(&connection);
      return Status::Ok();
    }
    const Status status = Internal(std::string("DuckDB cannot start: ") + (error ? error : ""));
    duckdb_free(error);
    database_ = nullptr;
    return status;
  }

  Status Configure(duckdb_connection connection, const TableOptions& options)
      PENSTOCK_REQUIRES(mutex_) {
    std::string sql;
    if (const int threads = std::max(1, options.threads); threads != threads_) {
      sql += "SET threads = " + std::to_string(threads) + ";";
      threads_ = threads;
    }
    if (options.memory_bytes != 0 && options.memory_bytes != memory_bytes_) {
      // Below 64 MiB DuckDB cannot write a wide Parquet file at all.
      const int64_t bytes = std::max<int64_t>(options.memory_bytes, 64 << 20);
      sql += "SET memory_limit = '" + std::to_string(bytes) + "B';";
      memory_bytes_ = options.memory_bytes;
    }
    const int64_t stream =
        options.memory_bytes == 0 ? kStreamBytes : std::min(kStreamBytes, options.memory_bytes / 8);
    sql += "SET streaming_buffer_size = '" + std::to_string(stream) + "B';";
    duckdb_result result;
    Status status;
    if (duckdb_query(connection, sql.c_str(), &result) != DuckDBSuccess) {
      status = DuckError(duckdb_result_error(&result)).WithContext("DuckDB's settings");
    }
    duckdb_destroy_result(&result);
    return status;
  }

  Mutex mutex_;
  duckdb_database database_ PENSTOCK_GUARDED_BY(mutex_) = nullptr;
  int threads_ PENSTOCK_GUARDED_BY(mutex_) = 0;
  int64_t memory_bytes_ PENSTOCK_GUARDED_BY(mutex_) = 0;
};

std::string Doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out += quote;
}

// A prepared statement, destroyed with its scope.
struct Prepared {
  ~Prepared() { duckdb_destroy_prepare(&statement); }
  duckdb_prepared_statement statement = nullptr;
};

}  // namespace

duckdb_type StoredType(const ColumnInfo& column) {
  switch (column.type) {
    case ColumnType::kDouble:
      return DUCKDB_TYPE_DOUBLE;
    case ColumnType::kInteger:
      return DUCKDB_TYPE_BIGINT;
    case ColumnType::kBoolean:
      return DUCKDB_TYPE_BOOLEAN;
    case ColumnType::kString:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return DUCKDB_TYPE_VARCHAR;
  }
  return DUCKDB_TYPE_VARCHAR;
}

std::string Quote(std::string_view text) {
  return Doubled(text, '\'');
}
std::string QuoteName(std::string_view name) {
  return Doubled(name, '"');
}

Result<Connection> Connection::Open(const TableOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(duckdb_connection connection, Instance::Get().Connect(options));
  return Connection(connection, options);
}

Connection::Connection(Connection&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)), options_(other.options_) {}

Connection::~Connection() {
  if (connection_ != nullptr) duckdb_disconnect(&connection_);
}

Status Connection::Run(const std::string& sql) {
  duckdb_result result;
  Status status;
  if (duckdb_query(connection_, sql.c_str(), &result) != DuckDBSuccess) {
    status = options_.cancelled && options_.cancelled() ? Cancelled("cancelled")
                                                        : DuckError(duckdb_result_error(&result));
  }
  duckdb_destroy_result(&result);
  return status;
}

Result<std::vector<Connection::ResultColumn>> Connection::Describe(const std::string& sql) {
  duckdb_result result;
  std::vector<ResultColumn> columns;
  Status status;
  if (duckdb_query(connection_, ("SELECT * FROM (" + sql + ") LIMIT 0").c_str(), &result) !=
      DuckDBSuccess) {
    status = DuckError(duckdb_result_error(&result));
  } else {
    for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
      duckdb_logical_type type = duckdb_column_logical_type(&result, i);
      char* alias = duckdb_logical_type_get_alias(type);
      columns.push_back({duckdb_column_name(&result, i), duckdb_column_type(&result, i),
                         alias != nullptr && std::string_view(alias) == "JSON"});
      duckdb_free(alias);
      duckdb_destroy_logical_type(&type);
    }
  }
  duckdb_destroy_result(&result);
  if (!status.ok()) return status;
  return columns;
}

Status Connection::Stream(const std::string& sql, const Visitor& visit) {
  Prepared prepared;
  if (duckdb_prepare(connection_, sql.c_str(), &prepared.statement) != DuckDBSuccess) {
    return DuckError(duckdb_prepare_error(prepared.statement));
  }
  duckdb_result result;
  Status status;
  if (duckdb_execute_prepared_streaming(prepared.statement, &result) != DuckDBSuccess) {
    status = DuckError(duckdb_result_error(&result));
  }
  while (status.ok()) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk == nullptr) {
      // A stream that breaks ends like one that is complete, but leaves its error behind.
      if (const char* error = duckdb_result_error(&result); error != nullptr && *error != '\0') {
        status = DuckError(error);
      }
      break;
    }
    status = options_.cancelled && options_.cancelled()
                 ? Cancelled("cancelled")
                 : visit(chunk, static_cast<int64_t>(duckdb_data_chunk_get_size(chunk)));
    duckdb_destroy_data_chunk(&chunk);
  }
  duckdb_destroy_result(&result);
  return status;
}

std::string NumberSql(const std::string& expression, const TextRules& rules) {
  const auto address = static_cast<int64_t>(reinterpret_cast<intptr_t>(&rules));
  return std::string(kNumberFunction)
      .append("(")
      .append(expression)
      .append(", ")
      .append(std::to_string(address))
      .append("::BIGINT)");
}

namespace {

std::vector<ColumnInfo> ColumnsOf(const Table& table) {
  std::vector<ColumnInfo> columns;
  for (const Column& column : table.columns) columns.push_back(column.info);
  return columns;
}

}  // namespace

TableSource::TableSource(const Table& table, std::function<bool()> cancelled)
    : columns_(ColumnsOf(table)),
      cancelled_(std::move(cancelled)),
      table_(&table),
      missing_(columns_.size()) {}

TableSource::TableSource(std::vector<ColumnInfo> columns, TableStream next,
                         std::function<bool()> cancelled)
    : columns_(std::move(columns)),
      next_(std::move(next)),
      cancelled_(std::move(cancelled)),
      missing_(columns_.size()) {}

int64_t TableSource::Fill(duckdb_data_chunk chunk, int64_t most) {
  if (cancelled_ && cancelled_()) {
    status_ = Cancelled("cancelled");
    return 0;
  }
  while (table_ == nullptr || at_ == table_->rows) {
    if (!next_) return 0;
    Result<std::optional<Table>> next = next_();
    status_ = next.status();
    if (!next.ok() || !next->has_value()) return 0;
    owned_ = std::move(**next);
    table_ = &owned_;
    at_ = 0;
  }
  const int64_t count = std::min(most, table_->rows - at_);
  for (std::size_t j = 0; j < columns_.size(); ++j) {
    const bool missing = FillColumn(table_->columns[j], StoredType(columns_[j]), at_, count,
                                    duckdb_data_chunk_get_vector(chunk, j));
    if (missing) missing_[j] = true;
  }
  at_ += count;
  given_ += count;
  return count;
}

std::string TableSource::Sql() const {
  const auto address = static_cast<int64_t>(reinterpret_cast<intptr_t>(this));
  return std::string(kSourceFunction).append("(").append(std::to_string(address)).append(")");
}

}  // namespace penstock::duck
