#ifndef PENSTOCK_STEPS_TABLE_CSV_SHAPE_H_
#define PENSTOCK_STEPS_TABLE_CSV_SHAPE_H_

// What can be said of a CSV file before reading it. Private to steps/table.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "steps/table/csv.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {

struct CsvShape {
  CsvDialect dialect;
  bool header = false;
  std::vector<std::string> names;
};

// From the first record. kInvalidArgument with the place: no text, no records, a header that is
// none, names that are missing.
Result<CsvShape> FindShape(std::string_view bytes, const std::string& file, const Request& request);

// What the first records hold in a column: a text among them makes it one of texts.
enum class CsvContent { kNothing, kNumbers, kText };
// One for each of the file's columns.
std::vector<CsvContent> LookAtHead(std::string_view bytes, const CsvShape& shape,
                                   const ReadOptions& options);

// What is wrong with a record, as the user is told.
Status CsvProblemStatus(const CsvProblem& problem, const CsvShape& shape, const std::string& file);

// What all the bytes of a file tell, at the speed of reading them.
struct CsvBytes {
  bool mixed_line_ends = false;  // lines end in more than one way
  // Nothing in the file is read as a number by DuckDB and not by ParseNumber, but infinities and
  // NaN.
  bool plain_numbers = false;
};
Result<CsvBytes> LookAtBytes(const std::filesystem::path& path, const std::string& file, char quote,
                             const std::function<bool()>& cancelled);

}  // namespace penstock::reading

#endif  // PENSTOCK_STEPS_TABLE_CSV_SHAPE_H_
