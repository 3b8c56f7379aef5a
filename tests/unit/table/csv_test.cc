#include "steps/table/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock {
namespace {

using testing::ElementsAre;

struct Record {
  int64_t line;
  std::vector<std::string> texts;
  friend bool operator==(const Record&, const Record&) = default;
};

std::vector<Record> Scan(std::string_view bytes, const CsvDialect& dialect = {}) {
  CsvScanner scanner(bytes, dialect);
  std::vector<Record> records;
  while (scanner.Next()) {
    Record record{scanner.line(), {}};
    for (std::size_t i = 0; i < scanner.fields(); ++i) record.texts.push_back(scanner.text(i));
    records.push_back(record);
  }
  return records;
}

TEST(CsvScanner, CountsLinesWhateverEndsThem) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const auto records = Scan("a,b" + end + end + "1,2" + end + "3,4");
    ASSERT_EQ(records.size(), 3u) << "line end " << end.size();
    EXPECT_EQ(records[0], (Record{1, {"a", "b"}}));
    EXPECT_EQ(records[1], (Record{3, {"1", "2"}}));
    EXPECT_EQ(records[2], (Record{4, {"3", "4"}}));
  }
}

TEST(CsvScanner, CountsLinesInsideQuotes) {
  const auto records = Scan("a,b\n\"x\ny\r\nz\",2\n3,4\n");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[1], (Record{2, {"x\ny\r\nz", "2"}}));
  EXPECT_EQ(records[2], (Record{5, {"3", "4"}}));
  CsvScanner scanner("\"x\ny\",\"a\nb\",c\n", CsvDialect{});
  ASSERT_TRUE(scanner.Next());
  EXPECT_EQ(scanner.line(0), 1);
  EXPECT_EQ(scanner.line(1), 2);
  EXPECT_EQ(scanner.line(2), 3);
}

TEST(CsvScanner, UndoesQuotesAndEscapes) {
  EXPECT_EQ(Scan("\"a\"\"b\",\"\",\"c,d\", \"e\" \n")[0].texts,
            (std::vector<std::string>{"a\"b", "", "c,d", "e"}));
  CsvDialect dialect;
  dialect.quote = '\'';
  dialect.escape = '\\';
  EXPECT_EQ(Scan("'it\\'s','b\\\\c'\n", dialect)[0].texts,
            (std::vector<std::string>{"it's", "b\\c"}));
  dialect.quote = '\0';
  EXPECT_EQ(Scan("'a,\"b\n", dialect)[0].texts, (std::vector<std::string>{"'a", "\"b"}));
}

TEST(CsvScanner, PassesOverMarksCommentsAndLeadingLines) {
  CsvDialect dialect;
  dialect.comment = '#';
  dialect.skip_lines = 1;
  const auto records =
      Scan("\xEF\xBB\xBF|title, of the file\n# why\na,b\n  # note\n1,2\n", dialect);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0], (Record{3, {"a", "b"}}));
  EXPECT_EQ(records[1], (Record{5, {"1", "2"}}));
}

TEST(CsvScanner, SaysWhatIsWrongWithQuotes) {
  CsvScanner open("a,\"b\nc,d\n", CsvDialect{});
  ASSERT_TRUE(open.Next());
  ASSERT_TRUE(open.quote_error().has_value());
  EXPECT_EQ(open.quote_error()->field, 1u);
  EXPECT_THAT(open.quote_error()->message, testing::HasSubstr("never closed"));
  CsvScanner after("\"a\"b,c\n", CsvDialect{});
  ASSERT_TRUE(after.Next());
  ASSERT_TRUE(after.quote_error().has_value());
  EXPECT_THAT(after.quote_error()->message, testing::HasSubstr("follows the closing quote"));
  EXPECT_EQ(after.fields(), 2u);
}

TEST(DetectDelimiter, TakesTheOneThatLinesAgreeOn) {
  EXPECT_EQ(DetectDelimiter("a,b\n1,2\n", {}), ',');
  EXPECT_EQ(DetectDelimiter("a;b;c\n1,5;2,5;x\n2,5;1;y\n", {}), ';');
  EXPECT_EQ(DetectDelimiter("a\tb\nhello, you\t2\nx\ty, z\n", {}), '\t');
  EXPECT_EQ(DetectDelimiter("a|b\n1|2\n", {}), '|');
  EXPECT_EQ(DetectDelimiter("only\none\n", {}), ',');
  EXPECT_EQ(DetectDelimiter("a;b\n\"x;y,z\";2\n", {}), ';');
}

std::optional<CsvProblem> FindCsvProblem(std::string_view bytes, const CsvDialect& dialect,
                                         std::size_t columns) {
  CsvScanner scanner(bytes, dialect);
  while (scanner.Next(columns == 1)) {
    if (auto problem = FindRecordProblem(scanner, columns)) return problem;
  }
  return std::nullopt;
}

TEST(FindRecordProblem, NamesLineAndField) {
  EXPECT_FALSE(FindCsvProblem("a,b\n1,2\n\n", {}, 2).has_value());
  const auto ragged = FindCsvProblem("a,b\n\"x\ny\",2\n3\n", {}, 2);
  ASSERT_TRUE(ragged.has_value());
  EXPECT_EQ(ragged->line, 4);
  EXPECT_EQ(ragged->column, 2);
  const auto wide = FindCsvProblem("a,b\n1,2,3\n", {}, 2);
  ASSERT_TRUE(wide.has_value());
  EXPECT_EQ(wide->line, 2);
  EXPECT_EQ(wide->column, 3);
  EXPECT_THAT(wide->message, testing::HasSubstr("3 fields, 2 are expected"));
  const auto latin = FindCsvProblem("a,b\n1,caf\xE9\n", {}, 2);
  ASSERT_TRUE(latin.has_value());
  EXPECT_EQ(latin->line, 2);
  EXPECT_EQ(latin->column, 2);
  EXPECT_THAT(latin->message, testing::HasSubstr("0xE9 is not UTF-8"));
}

}  // namespace
}  // namespace penstock
