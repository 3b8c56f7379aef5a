#ifndef PENSTOCK_STEPS_TABLE_SQL_ROWS_H_
#define PENSTOCK_STEPS_TABLE_SQL_ROWS_H_

// penstock_rows(NUMBER): the table function through which a Database reads Rows. Private to
// steps/table.

#include <duckdb.h>

namespace penstock::sql {

class Database;

inline constexpr char kRowsFunction[] = "penstock_rows";

// `database` must outlive the connection's instance.
void RegisterRowsFunction(duckdb_connection connection, Database* database);

}  // namespace penstock::sql

#endif  // PENSTOCK_STEPS_TABLE_SQL_ROWS_H_
