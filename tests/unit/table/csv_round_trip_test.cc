// Random tables, written in random dialects and read back: DuckDB and the scanner must both find
// every value where it was put. And random bytes: an answer or an error, with a place in it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "steps/table/read.h"
#include "table_files.h"

namespace penstock {
namespace {

struct Dialect {
  char delimiter;
  char quote;
  char escape;
  std::string line_end;
  bool mark;  // byte order mark
  bool last_line_end;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t bound) { return random_.Next() % bound; }
  bool Flip() { return Below(2) == 0; }

  Dialect AnyDialect() {
    const char delimiter = ",;\t|"[Below(4)];
    const char quote = "\"'"[Below(2)];
    return {
        delimiter, quote, Flip() ? quote : '\\', std::vector<std::string>{"\n", "\r\n"}[Below(2)],
        Flip(),    Flip()};
  }

  std::string AnyText() {
    static const std::vector<std::string> kPieces = {"a", "B",  "7", "é",  "😀",  " ",  ",",   ";",
                                                     "|", "\t", "'", "\"", "\\", "\n", "x y", "#"};
    std::string text;
    for (uint64_t n = Below(6); n > 0; --n) text += kPieces[Below(kPieces.size())];
    return text;
  }

 private:
  SeededRandom random_;
};

std::string Trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string Quoted(const std::string& text, const Dialect& dialect) {
  std::string out(1, dialect.quote);
  for (const char c : text) {
    if (c == dialect.quote || c == dialect.escape) out += dialect.escape;
    out += c;
  }
  return out + dialect.quote;
}

bool NeedsQuotes(const std::string& text, const Dialect& dialect) {
  return text.find_first_of(std::string(" \n\r") + dialect.delimiter + dialect.quote +
                            dialect.escape) != std::string::npos;
}

TEST(CsvRoundTrip, EveryValueIsFoundWhereItWasPut) {
  TestFolder folder;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Generator any(seed);
    const Dialect dialect = any.AnyDialect();
    const std::size_t columns = 2 + any.Below(4);
    const std::size_t rows = 1 + any.Below(8);
    std::string bytes = dialect.mark ? "\xEF\xBB\xBF" : "";
    std::vector<std::vector<std::string>> table;
    std::vector<std::vector<int64_t>> lines;
    int64_t line = 1;
    for (std::size_t j = 0; j < columns; ++j) {
      bytes += (j > 0 ? std::string(1, dialect.delimiter) : "") + "c" + std::to_string(j);
    }
    for (std::size_t i = 0; i < rows; ++i) {
      bytes += dialect.line_end;
      ++line;
      std::vector<std::string> row;
      std::vector<int64_t> row_lines;
      for (std::size_t j = 0; j < columns; ++j) {
        const std::string text = j == 0 ? "k" + any.AnyText() : any.AnyText();
        if (j > 0) bytes += dialect.delimiter;
        row_lines.push_back(line);
        bytes += NeedsQuotes(text, dialect) || any.Below(4) == 0 ? Quoted(text, dialect) : text;
        for (const char c : text) line += c == '\n' ? 1 : 0;
        row.push_back(Trimmed(text));
      }
      table.push_back(row);
      lines.push_back(row_lines);
    }
    if (dialect.last_line_end) bytes += dialect.line_end;
    folder.Write("any.csv", bytes);
    ReadOptions options;
    options.delimiter = dialect.delimiter;
    options.quote = dialect.quote;
    options.escape = dialect.escape;
    for (std::size_t j = 0; j < columns; ++j) {
      options.columns.push_back({"c" + std::to_string(j), ColumnKind::kText});
    }
    const auto raw = ReadRaw(folder.path() / "any.csv", "any.csv", options, {}, {}, {});
    ASSERT_TRUE(raw.ok()) << "seed " << seed << ": " << raw.status() << "\n" << bytes;
    ASSERT_EQ(raw->table.rows, static_cast<int64_t>(rows)) << "seed " << seed << "\n" << bytes;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        ASSERT_EQ(raw->table.columns[j].text(i), table[i][j])
            << "seed " << seed << " row " << i << " column " << j << "\n"
            << bytes;
        ASSERT_EQ(raw->Where(static_cast<int64_t>(i), "c" + std::to_string(j)),
                  "any.csv: line " + std::to_string(lines[i][j]) + ", column " +
                      std::to_string(j + 1) + " (c" + std::to_string(j) + ")")
            << "seed " << seed << "\n"
            << bytes;
      }
    }
  }
}

TEST(CsvRoundTrip, RandomBytesGiveAnAnswerOrAPlace) {
  TestFolder folder;
  static const std::string kBytes = "ab1,,,;\"\"\n\n\n\r'|\t #\\\xE9\xC3\xA9";
  int refused = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Generator any(seed);
    std::string bytes = any.Flip() ? "a,b\n" : "";
    for (uint64_t n = any.Below(40); n > 0; --n) bytes += kBytes[any.Below(kBytes.size())];
    folder.Write("any.csv", bytes);
    ReadOptions options;
    if (any.Flip()) options.delimiter = ',';
    if (any.Below(4) == 0) options.comment = '#';
    options.format = FileFormat::kCsv;
    const auto raw = ReadRaw(folder.path() / "any.csv", "any.csv", options, {}, {}, {});
    if (raw.ok()) {
      for (int64_t i = 0; i < raw->table.rows; ++i) {
        EXPECT_THAT(raw->Where(i, raw->table.columns[0].info.name),
                    testing::StartsWith("any.csv: line "));
      }
      continue;
    }
    ++refused;
    EXPECT_THAT(raw.status().message(), testing::StartsWith("any.csv: line "))
        << "seed " << seed << "\n"
        << bytes;
  }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace penstock
