#include "steps/table/sql_rows.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "steps/table/duck.h"
#include "steps/table/sql_database.h"

namespace penstock::sql {
namespace {

// A scan in progress. Columns by their place in Rows::columns; those that are not read are null.
struct Scan {
  std::vector<int64_t> wanted;  // of each vector of the chunk: the column, or -1 for none
  int64_t block = 0;
  int64_t next = 0;  // row in the block
  Table loaded;      // of a frame: the block's wanted columns
  std::vector<const Column*> columns;
  int64_t rows = -1;  // of the block; below 0: not there yet
};

void AddColumn(duckdb_bind_info bind, const std::string& name, duckdb_type type) {
  duckdb_logical_type logical = duckdb_create_logical_type(type);
  duckdb_bind_add_result_column(bind, name.c_str(), logical);
  duckdb_destroy_logical_type(&logical);
}

void Bind(duckdb_bind_info bind) {
  duckdb_value value = duckdb_bind_get_parameter(bind, 0);
  const int64_t number = duckdb_get_int64(value);
  duckdb_destroy_value(&value);
  const Rows* rows = static_cast<Database*>(duckdb_bind_get_extra_info(bind))->Find(number);
  if (rows == nullptr) {
    duckdb_bind_set_error(bind, "there are no such rows");
    return;
  }
  for (std::size_t i = 0; i < rows->columns.size(); ++i) {
    AddColumn(bind, "c" + std::to_string(i), duck::StoredType(rows->columns[i]));
  }
  // DuckDB has no table without columns.
  if (rows->columns.empty()) AddColumn(bind, "c0", DUCKDB_TYPE_BOOLEAN);
  const int64_t count = rows->frame != nullptr ? rows->frame->rows() : rows->block->rows;
  duckdb_bind_set_cardinality(bind, static_cast<idx_t>(count), true);
  duckdb_bind_set_bind_data(bind, const_cast<Rows*>(rows), nullptr);
}

void Start(duckdb_init_info init) {
  const auto& rows = *static_cast<const Rows*>(duckdb_init_get_bind_data(init));
  auto* scan = new Scan;
  for (idx_t i = 0; i < duckdb_init_get_column_count(init); ++i) {
    const idx_t column = duckdb_init_get_column_index(init, i);
    scan->wanted.push_back(column < rows.columns.size() ? static_cast<int64_t>(column) : -1);
  }
  duckdb_init_set_init_data(init, scan, [](void* data) { delete static_cast<Scan*>(data); });
  duckdb_init_set_max_threads(init, 1);
}

// Calls `put(i)` for the values of rows [begin, begin + count); marks those that are missing.
template <typename Put>
void FillValues(const Column& column, int64_t begin, int64_t count, duckdb_vector vector,
                const Put& put) {
  uint64_t* validity = nullptr;
  for (int64_t i = 0; i < count; ++i) {
    if (!column.missing(static_cast<std::size_t>(begin + i))) {
      put(i, static_cast<std::size_t>(begin + i));
      continue;
    }
    if (validity == nullptr) {
      duckdb_vector_ensure_validity_writable(vector);
      validity = duckdb_vector_get_validity(vector);
    }
    duckdb_validity_set_row_invalid(validity, static_cast<idx_t>(i));
  }
}

void Fill(const Column& column, int64_t begin, int64_t count, duckdb_vector vector) {
  void* data = duckdb_vector_get_data(vector);
  switch (duck::StoredType(column.info)) {
    case DUCKDB_TYPE_DOUBLE:
      FillValues(column, begin, count, vector, [&](int64_t i, std::size_t row) {
        static_cast<double*>(data)[i] = column.numbers[row];
      });
      break;
    case DUCKDB_TYPE_BIGINT:
      FillValues(column, begin, count, vector, [&](int64_t i, std::size_t row) {
        static_cast<int64_t*>(data)[i] = static_cast<int64_t>(column.numbers[row]);
      });
      break;
    case DUCKDB_TYPE_BOOLEAN:
      FillValues(column, begin, count, vector, [&](int64_t i, std::size_t row) {
        static_cast<bool*>(data)[i] = column.numbers[row] != 0;
      });
      break;
    default:
      FillValues(column, begin, count, vector, [&](int64_t i, std::size_t row) {
        const std::string& text = column.strings[row];
        duckdb_vector_assign_string_element_len(vector, static_cast<idx_t>(i), text.data(),
                                                text.size());
      });
  }
}

// Makes the columns of the scan's block ready. The frame lends a block for the time of a call
// alone: what is wanted of it is copied.
Status Load(const Rows& rows, Scan& scan) {
  scan.columns.assign(scan.wanted.size(), nullptr);
  if (rows.frame == nullptr) {
    for (std::size_t i = 0; i < scan.wanted.size(); ++i) {
      if (scan.wanted[i] < 0) continue;
      scan.columns[i] =
          rows.block->Find(rows.columns[static_cast<std::size_t>(scan.wanted[i])].name);
    }
    scan.rows = rows.block->rows;
    return Status::Ok();
  }
  std::vector<std::string> names;
  for (const int64_t wanted : scan.wanted) {
    if (wanted >= 0) names.push_back(rows.columns[static_cast<std::size_t>(wanted)].name);
  }
  const auto copy = [&](int64_t, const Table& block) {
    scan.loaded = {};
    scan.loaded.rows = block.rows;
    for (const std::string& name : names) scan.loaded.columns.push_back(*block.Find(name));
    return Status::Ok();
  };
  PENSTOCK_RETURN_IF_ERROR(rows.frame->Visit(scan.block, names, copy));
  std::size_t at = 0;
  for (std::size_t i = 0; i < scan.wanted.size(); ++i) {
    if (scan.wanted[i] >= 0) scan.columns[i] = &scan.loaded.columns[at++];
  }
  scan.rows = scan.loaded.rows;
  return Status::Ok();
}

Status ReadChunk(const Rows& rows, Scan& scan, duckdb_data_chunk output) {
  const int64_t blocks = rows.frame == nullptr ? 1 : rows.frame->blocks();
  while (scan.block < blocks) {
    if (scan.rows < 0) PENSTOCK_RETURN_IF_ERROR(Load(rows, scan));
    if (scan.next < scan.rows) break;
    ++scan.block;
    scan.next = 0;
    scan.rows = -1;
  }
  if (scan.block == blocks) {
    duckdb_data_chunk_set_size(output, 0);
    return Status::Ok();
  }
  const int64_t count = std::min(static_cast<int64_t>(duckdb_vector_size()), scan.rows - scan.next);
  for (std::size_t i = 0; i < scan.columns.size(); ++i) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
    if (scan.columns[i] != nullptr) {
      Fill(*scan.columns[i], scan.next, count, vector);
      continue;
    }
    duckdb_vector_ensure_validity_writable(vector);
    uint64_t* validity = duckdb_vector_get_validity(vector);
    for (int64_t row = 0; row < count; ++row) {
      duckdb_validity_set_row_invalid(validity, static_cast<idx_t>(row));
    }
  }
  duckdb_data_chunk_set_size(output, static_cast<idx_t>(count));
  scan.next += count;
  return Status::Ok();
}

// No exception may pass through DuckDB's C interface.
void Read(duckdb_function_info info, duckdb_data_chunk output) {
  Status status;
  try {
    status = ReadChunk(*static_cast<const Rows*>(duckdb_function_get_bind_data(info)),
                       *static_cast<Scan*>(duckdb_function_get_init_data(info)), output);
  } catch (const std::bad_alloc&) {
    status = ResourceExhausted("Out of Memory");
  } catch (const std::exception& error) {
    status = Internal(error.what());
  }
  if (!status.ok()) duckdb_function_set_error(info, status.message().c_str());
}

}  // namespace

void RegisterRowsFunction(duckdb_connection connection, Database* database) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, kRowsFunction);
  duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
  duckdb_table_function_add_parameter(function, number);
  duckdb_destroy_logical_type(&number);
  duckdb_table_function_set_extra_info(function, database, nullptr);
  duckdb_table_function_set_bind(function, Bind);
  duckdb_table_function_set_init(function, Start);
  duckdb_table_function_set_function(function, Read);
  duckdb_table_function_supports_projection_pushdown(function, true);
  duckdb_register_table_function(connection, function);
  duckdb_destroy_table_function(&function);
}

}  // namespace penstock::sql
