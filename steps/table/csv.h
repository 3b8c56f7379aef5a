#ifndef PENSTOCK_STEPS_TABLE_CSV_H_
#define PENSTOCK_STEPS_TABLE_CSV_H_

// The lines and fields of CSV text. DuckDB reads CSV; this finds out the dialect beforehand, and
// afterwards where in the file something stands or went wrong (line, column). It also reads the few
// dialects that DuckDB does not (comment lines, line ends that are mixed). Not thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

struct CsvDialect {
  char delimiter = ',';
  char quote = '"';   // '\0': nothing is quoted
  char escape = '"';  // what makes a quote inside quotes a plain character
  char comment = '\0';
  int skip_lines = 0;  // before the header
};

// Walks records. After Next() returned true, the accessors describe that record.
class CsvScanner {
 public:
  // `bytes` must outlive the scanner. A UTF-8 byte order mark is passed over.
  CsvScanner(std::string_view bytes, const CsvDialect& dialect);

  // False at the end. Blank lines and comment lines are no records; with `keep_blank`, a blank line
  // is a record with one empty field (as in a file of one column).
  bool Next(bool keep_blank = false);

  std::size_t fields() const { return fields_.size(); }
  // The field without its quotes.
  std::string text(std::size_t field) const;
  // Its bytes as they stand in the file, quotes included.
  std::string_view raw(std::size_t field) const;
  // Whether it has quotes; if not, `raw` is its text.
  bool quoted(std::size_t field) const { return fields_[field].quoted; }
  // 1-based line of the record's first byte, and of a field's.
  int64_t line() const { return line_; }
  int64_t line(std::size_t field) const;
  // What is wrong with the record's quotes, if anything, and in which field (from 0).
  struct QuoteError {
    std::size_t field;
    std::string message;
  };
  const std::optional<QuoteError>& quote_error() const { return quote_error_; }
  // Offset of the first byte after the record.
  std::size_t offset() const { return at_; }

 private:
  struct Field {
    std::size_t begin;
    std::size_t end;
    bool quoted;
  };
  void SkipLine();
  bool SkipNewline();
  void ReadField();

  std::string_view bytes_;
  CsvDialect dialect_;
  std::size_t at_ = 0;
  int64_t next_line_ = 1;
  int64_t line_ = 1;
  std::vector<Field> fields_;
  std::optional<QuoteError> quote_error_;
};

// The delimiter among , ; tab | under which the first records of `head` have the same number of
// fields, more than one, most often; ',' where none does. `dialect` gives the rest.
char DetectDelimiter(std::string_view head, CsvDialect dialect);

// What makes a record unreadable.
struct CsvProblem {
  int64_t line = 0;
  int64_t column = 0;  // 1-based field
  std::string message;
};
// Of the scanner's record, where `columns` fields are expected.
std::optional<CsvProblem> FindRecordProblem(const CsvScanner& scanner, std::size_t columns);

// "0xE9" and the like for the first byte of `text` that is not UTF-8; nullopt: there is none.
std::optional<std::string> FirstBadByte(std::string_view text);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_CSV_H_
