#ifndef PENSTOCK_STEPS_TABLE_READ_H_
#define PENSTOCK_STEPS_TABLE_READ_H_

// Reads data as users bring them: CSV in any dialect, Parquet, JSON, JSON Lines and SVMlight files,
// compressed or not, folders of such files, and datasets. Thread-safe. Errors name the file as the user did, and line and
// column (1-based; a column is a field, not a character).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "steps/table/csv.h"
#include "steps/table/dataset.h"
#include "steps/table/table.h"

namespace penstock {

enum class FileFormat { kAuto, kCsv, kTsv, kParquet, kJson, kJsonLines, kSvmLight };
// "auto", "csv", "tsv", "parquet", "json", "jsonl", "svmlight"
std::string_view Name(FileFormat format);
Result<FileFormat> ParseFileFormat(std::string_view name);

enum class FileCompression { kAuto, kNone, kGzip, kZstd };
std::string_view Name(FileCompression compression);  // "auto", "none", "gzip", "zstd"
Result<FileCompression> ParseFileCompression(std::string_view name);

struct ColumnSpec {
  std::string name;
  std::optional<ColumnKind>
      kind;  // absent: numeric where every value is a number, else categorical
};

struct ReadOptions {
  FileFormat format = FileFormat::kAuto;
  // Auto: by a file's first bytes.
  FileCompression compression = FileCompression::kAuto;
  // Of texts, as iconv(3) calls it. With UTF-8, a file that begins with a mark of UTF-16 is read as
  // such.
  std::string encoding = "utf-8";
  // Of a folder, the files to read: patterns of paths in it, with * and ? (within a name), [a-z],
  // and **/ for any folders. Empty: the files that lie in it directly. Names that begin with a
  // point are never read, those that begin with _ only where a pattern does, too.
  std::vector<std::string> files;
  // Absent: a header is expected, unless `columns` are given and the first line differs from them.
  std::optional<bool> header;
  std::optional<char> delimiter;  // absent: detected
  char quote = '"';               // '\0': none
  std::optional<char> escape;     // absent: the quote
  char comment = '\0';            // '\0': none
  int skip_lines = 0;
  bool trim = true;                // strip blanks around unquoted and quoted values
  std::vector<std::string> nulls;  // besides the empty text
  // With a header: the columns that are listed must be there; others are read too. Without one: all
  // columns in order.
  std::vector<ColumnSpec> columns;
  // Kinds of columns by name, wherever the names come from; they win over those in `columns`.
  std::vector<ColumnSpec> kinds;
};

// A table with what is needed to say where in which file a row came from.
struct RawTable {
  struct Part {
    std::filesystem::path path;
    std::string display_name;
    int64_t first_row = 0;
    int64_t rows = 0;
    // Where `path` is a copy in plain UTF-8: it stays as long as this does.
    std::shared_ptr<const void> copy = nullptr;
    bool csv = false;
    bool header = false;
    CsvDialect dialect;
    std::vector<std::string> names;  // the file's columns, in its order
  };
  Table table;
  std::vector<Part> parts;
  // Where the input was a dataset: its record.
  std::optional<DatasetInfo> dataset;

  // "census.csv: line 12, column 15 (income)"; for other formats "row 12" instead of the line.
  // Reads the file again.
  std::string Where(int64_t row, std::string_view column) const;
};

// Reads one input: a file, a folder of files (in order of their paths; the same columns in each) or
// a dataset. A file in SVMlight's format ("label index:value …") has the columns label, qid (where
// lines have one) and f1, f2 … (f0 first where an index is 0), or as `options.columns` calls them,
// in that order; what a line does not name is 0. `wanted`: the columns to read, all of which must be there; empty: all. `optional`:
// read too where they are there. Columns come in the file's order. kNotFound: no such file.
// kInvalidArgument: empty, ragged, not UTF-8, a missing column, text in a numeric column …
Result<RawTable> ReadRaw(const std::filesystem::path& path, std::string_view display_name,
                         const ReadOptions& options, const std::vector<std::string>& wanted,
                         const std::vector<std::string>& optional,
                         const TableOptions& table_options);

// A number as CSV writes it: decimal, optional sign and exponent, blanks around it. nullopt for
// anything else, infinities and "nan" included. -0 reads as 0.
std::optional<double> ParseNumber(std::string_view text);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_READ_H_
