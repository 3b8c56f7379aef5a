// CSV: the scanner under every dialect. The first byte chooses the dialect.

#include "steps/table/csv.h"

#include "base/text.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

CsvDialect DialectOf(unsigned char choice) {
  CsvDialect dialect;
  dialect.delimiter = ",;\t|"[choice & 3];
  if ((choice & 4) != 0) dialect.quote = '\0';
  if ((choice & 8) != 0) dialect.escape = '\\';
  if ((choice & 16) != 0) dialect.comment = '#';
  dialect.skip_lines = choice >> 6;
  return dialect;
}

}  // namespace

int FuzzCsv(std::string_view bytes) {
  if (bytes.empty()) return -1;
  const CsvDialect dialect = DialectOf(static_cast<unsigned char>(bytes.front()));
  bytes.remove_prefix(1);
  for (const bool keep_blank : {false, true}) {
    CsvScanner scanner(bytes, dialect);
    std::size_t before = 0;
    int64_t line = 0;
    while (scanner.Next(keep_blank)) {
      FUZZ_EXPECT(scanner.offset() > before && scanner.offset() <= bytes.size(), "no progress");
      before = scanner.offset();
      FUZZ_EXPECT(scanner.line() > line, "lines go back");
      line = scanner.line();
      FUZZ_EXPECT(scanner.fields() > 0, "a record without fields");
      for (std::size_t i = 0; i < scanner.fields(); ++i) {
        const std::string_view raw = scanner.raw(i);
        FUZZ_EXPECT(raw.empty() || (raw.data() >= bytes.data() &&
                                    raw.data() + raw.size() <= bytes.data() + bytes.size()),
                    "a field outside of the text");
        FUZZ_EXPECT(scanner.text(i).size() <= raw.size(), std::string(raw));
      }
      FUZZ_EXPECT(scanner.line(scanner.fields() - 1) >= line, "a field before its record");
      if (const auto& error = scanner.quote_error(); error) {
        FUZZ_EXPECT(error->field < scanner.fields() && !error->message.empty(), error->message);
      }
      for (const std::size_t columns : {1, 2, 5}) {
        const auto problem = FindRecordProblem(scanner, columns);
        if (!problem) continue;
        FUZZ_EXPECT(problem->line >= 1 && !problem->message.empty(), problem->message);
      }
    }
  }
  const char delimiter = DetectDelimiter(bytes, dialect);
  FUZZ_EXPECT(std::string_view(",;\t|").find(delimiter) != std::string_view::npos, "a delimiter");
  FUZZ_EXPECT(FirstBadByte(bytes).has_value() == !IsUtf8(bytes), "what is UTF-8");
  return 0;
}

}  // namespace penstock::fuzz
