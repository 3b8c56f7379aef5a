#ifndef PENSTOCK_STEPS_TABLE_READ_INTERNAL_H_
#define PENSTOCK_STEPS_TABLE_READ_INTERNAL_H_

// The readers of one file each, behind ReadRaw. Private to steps/table.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steps/table/column_builder.h"
#include "steps/table/duck.h"
#include "steps/table/read.h"

namespace penstock::reading {

struct Request {
  const ReadOptions& options;
  const std::vector<std::string>& wanted;
  const std::vector<std::string>& optional;
  const TableOptions& table_options;

  // Whether the file's column is to be read.
  bool Wants(std::string_view column) const;
  // Whether it may be absent.
  bool IsOptional(std::string_view column) const;
  // The kind that the options give it, if any.
  std::optional<ColumnKind> KindOf(std::string_view column) const;
};

// A path as DuckDB must see it: quoted, and nothing in it a pattern.
std::string SqlPath(const std::filesystem::path& path);

// The column of a relation at `index` (from 0), as SQL.
std::string Position(std::size_t index);

// One column of a query and how it becomes a column of the table.
struct Selected {
  std::string expression;  // SQL
  ColumnInfo info;
  duckdb_type type = DUCKDB_TYPE_VARCHAR;
  bool infer = false;
};

// Runs "SELECT <expressions> FROM relation". `expected_rows`: how many there will be, or 0. `bad`
// gets the first text in a numeric column, as (index into `selected`, what).
struct BadNumber {
  std::size_t column = 0;
  ColumnBuilder::BadNumber number;
};
Result<Table> RunSelect(const std::string& relation, std::vector<Selected> selected,
                        const ColumnBuilder::Rules& rules, const TableOptions& options,
                        std::optional<BadNumber>* bad, int64_t expected_rows = 0);

// Takes the builders' columns into `table`, and the first bad number into `bad` (may be null).
void FinishColumns(const std::vector<std::unique_ptr<ColumnBuilder>>& builders,
                   const std::vector<Selected>& selected, Table& table,
                   std::optional<BadNumber>* bad);

// How the column `name` at `position` of a typed file (Parquet, JSON) is selected. `kind`: what the
// options say.
Result<Selected> SelectTyped(const std::string& name, const std::string& position, duckdb_type type,
                             std::optional<ColumnKind> kind);

Result<RawTable> ReadCsvFile(const std::filesystem::path& path, const std::string& display_name,
                             const Request& request);
// `names`: what the columns are called, whatever the file says; empty: as in the file.
Result<RawTable> ReadTypedFile(const std::filesystem::path& path, const std::string& display_name,
                               FileFormat format, const Request& request,
                               const std::vector<std::string>& names = {});

// kInvalidArgument for the first wanted column that is not among `names`; `where` opens the
// message.
Status CheckWanted(const Request& request, const std::vector<std::string>& names,
                   const std::string& where);
// The message for a text in a numeric column.
Status NotANumber(const RawTable& table, const std::string& column, const BadNumber& bad);

}  // namespace penstock::reading

#endif  // PENSTOCK_STEPS_TABLE_READ_INTERNAL_H_
