// Formats, encodings, compression and folders, and input that is hardly any.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "steps/table/read.h"
#include "table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string LittleEndian(uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// RFC 1952, around one stored block of RFC 1951.
std::string Gzip(std::string_view text) {
  uint32_t crc = ~0U;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  const auto size = static_cast<uint32_t>(text.size());
  return std::string("\x1F\x8B\x08\0\0\0\0\0\0\x03\x01", 11) + LittleEndian(size, 2) +
         LittleEndian(~size, 2) + std::string(text) + LittleEndian(~crc, 4) + LittleEndian(size, 4);
}

// RFC 8878, one segment of one raw block.
std::string Zstd(std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  return std::string("\x28\xB5\x2F\xFD\xA0", 5) + LittleEndian(size, 4) +
         LittleEndian(size << 3 | 1, 3) + std::string(text);
}

std::string Utf16(std::string_view ascii, bool big, bool mark) {
  std::string out = mark ? (big ? "\xFE\xFF" : "\xFF\xFE") : "";
  for (const char c : ascii) out += big ? std::string{'\0', c} : std::string{c, '\0'};
  return out;
}

class ReadFormatsTest : public testing::Test {
 protected:
  Result<RawTable> Read(const std::string& name, const ReadOptions& options = {},
                        const std::vector<std::string>& wanted = {},
                        const std::vector<std::string>& optional = {}) {
    TableOptions table;
    table.threads = 2;
    table.scratch = scratch_.path();
    return ReadRaw(folder_.path() / name, name, options, wanted, optional, table);
  }
  // Names, then every row, or the error.
  std::vector<std::string> Rows(const std::string& name, const ReadOptions& options = {},
                                const std::vector<std::string>& wanted = {}) {
    const auto raw = Read(name, options, wanted);
    if (!raw.ok()) return {raw.status().message()};
    std::vector<std::string> rows(static_cast<std::size_t>(raw->table.rows) + 1);
    for (const Column& column : raw->table.columns) {
      rows[0] += (rows[0].empty() ? "" : "|") + column.info.name;
      for (std::size_t i = 1; i < rows.size(); ++i) {
        rows[i] += (&column == &raw->table.columns[0] ? "" : "|") +
                   (column.missing(i - 1) ? "<missing>" : column.text(i - 1));
      }
    }
    return rows;
  }
  std::string Error(const std::string& name, const ReadOptions& options = {}) {
    const auto raw = Read(name, options);
    return raw.ok() ? "read without an error" : raw.status().message();
  }
  std::string Write(const std::string& name, std::string_view bytes) {
    folder_.Write(name, bytes);
    return name;
  }
  TestFolder folder_;
  TestFolder scratch_;
};

const std::vector<std::string> kSmall = {"a|b", "1|x", "2|y"};

TEST_F(ReadFormatsTest, Uncompresses) {
  const std::string csv = "a,b\n1,x\n2,y\n";
  EXPECT_EQ(Rows(Write("a.csv.gz", Gzip(csv))), kSmall);
  EXPECT_EQ(Rows(Write("b", Zstd(csv))), kSmall);
  EXPECT_EQ(Rows(Write("c", Gzip("a,b\n") + Gzip("1,x\n2,y\n") + std::string(512, '\0'))), kSmall);
  EXPECT_EQ(Rows(Write("d", Zstd("a,b\n1") + Zstd(",x\n2,y\n"))), kSmall);
  EXPECT_EQ(Rows(Write("e.tsv.zst", Zstd("a\tb\n1\tx\n2\ty\n"))), kSmall);
  EXPECT_EQ(Rows(Write("f.jsonl.gz", Gzip("{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n"))),
            kSmall);
  ReadOptions options;
  options.compression = FileCompression::kGzip;
  EXPECT_EQ(Rows("a.csv.gz", options), kSmall);
  EXPECT_EQ(Error("b", options), "b: not compressed with gzip; see read.compression");
  options.compression = FileCompression::kNone;
  EXPECT_THAT(Error("b", options), HasSubstr("line 1, column 1: the file is compressed"));
  const auto raw = Read("a.csv.gz");
  ASSERT_TRUE(raw.ok());
  EXPECT_EQ(raw->Where(1, "b"), "a.csv.gz: line 3, column 2 (b)");
}

TEST_F(ReadFormatsTest, CompressedDataThatAreCutShortAreNoFewerRows) {
  for (const bool gzip : {true, false}) {
    const std::string whole = gzip ? Gzip("a,b\n1,x\n2,y\n") : Zstd("a,b\n1,x\n2,y\n");
    for (std::size_t size = gzip ? 2 : 4; size < whole.size(); ++size) {
      EXPECT_THAT(Error(Write("cut", whole.substr(0, size))),
                  StartsWith(std::string("cut: the compressed data (") + (gzip ? "gzip" : "zstd") +
                             ") are cut short"))
          << size;
    }
  }
  std::string damaged = Gzip("a,b\n1,x\n2,y\n");
  damaged[damaged.size() - 10] ^= 1;
  EXPECT_THAT(Error(Write("a", damaged)), StartsWith("a: the compressed data (gzip) are damaged"));
  EXPECT_THAT(Error(Write("a", Gzip("a\n1\n") + "more")), HasSubstr("(gzip) are damaged"));
  EXPECT_THAT(Error(Write("a", Zstd("a\n1\n") + "more")), HasSubstr("(zstd) are"));
  EXPECT_THAT(Error(Write("a.zip", "PK\x03\x04zip")), HasSubstr("the file is compressed"));
}

TEST_F(ReadFormatsTest, LeavesNothingInTheScratchFolder) {
  const auto files = [&] {
    return std::vector<std::filesystem::directory_entry>(
        std::filesystem::directory_iterator(scratch_.path()), {});
  };
  {
    const auto raw = Read(Write("a", Gzip(Utf16("a,b\n1,x\n", true, true))));
    ASSERT_TRUE(raw.ok()) << raw.status();
    EXPECT_EQ(files().size(), 1U);
  }
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_FALSE(Read(Write("b", Gzip("a,b\n1\n"))).ok());
  EXPECT_FALSE(Read(Write("c", Gzip("a,b\n1\n").substr(0, 20))).ok());
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(ReadFormatsTest, ReadsEncodings) {
  const std::string csv = "a,b\n1,x\n2,y\n";
  for (const bool big : {true, false}) {
    EXPECT_EQ(Rows(Write("u", Utf16(csv, big, true))), kSmall);
    ReadOptions options;
    options.encoding = big ? "UTF-16BE" : "utf-16";
    EXPECT_EQ(Rows(Write("u", Utf16(csv, big, false)), options), kSmall);
  }
  ReadOptions latin;
  latin.encoding = "latin-1";
  EXPECT_EQ(Rows(Write("l", "name,n\ncaf\xE9,1\n"), latin),
            (std::vector<std::string>{"name|n", "café|1"}));
  ReadOptions windows;
  windows.encoding = "windows-1252";
  EXPECT_EQ(Rows(Write("w", "prix \x80;n\n\x93no\x94;1\n"), windows),
            (std::vector<std::string>{"prix €|n", "“no”|1"}));
  EXPECT_EQ(Error(Write("w", "a;b\n1;2\n3;\x81\n"), windows),
            "w: line 3: byte 0x81 is not windows-1252; see read.encoding");
  EXPECT_THAT(Error(Write("u", Utf16(csv, false, true) + "x")),
              HasSubstr("byte 0x78 is not UTF-16"));
  ReadOptions unknown;
  unknown.encoding = "klingon";
  EXPECT_THAT(Error(Write("k", csv), unknown),
              StartsWith("read.encoding: \"klingon\" is no encoding that is known here"));
  EXPECT_THAT(Error(Write("l", "name,n\ncaf\xE9,1\n")),
              StartsWith("l: line 2, column 1 (name): byte 0xE9 is not UTF-8; name its "
                         "read.encoding"));
  // Longer than what is converted at once.
  std::string many = "t,n\n";
  for (int i = 0; i < 300'000; ++i) many += "\xE9\xE8,1\n";
  const auto raw = Read(Write("m", many), latin);
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->table.rows, 300'000);
  EXPECT_THAT(raw->table.columns[0].strings.dictionary, ElementsAre("éè"));
}

TEST_F(ReadFormatsTest, ReadsSvmLight) {
  EXPECT_EQ(
      Rows(Write("a.svm", "# made by hand\n+1 2:0.5 4:-1e2 # why\n\n-1 1:3\n0\n")),
      (std::vector<std::string>{"label|f1|f2|f3|f4", "1|0|0.5|0|-100", "-1|3|0|0|0", "0|0|0|0|0"}));
  EXPECT_EQ(Rows(Write("z.libsvm", "1 0:1 2:2\r\n")),
            (std::vector<std::string>{"label|f0|f1|f2", "1|1|0|2"}));
  ReadOptions options;
  options.format = FileFormat::kSvmLight;
  EXPECT_EQ(Rows(Write("q", "3 qid:7 1:1\n1 qid:7 2:1\n"), options),
            (std::vector<std::string>{"label|qid|f1|f2", "3|7|1|0", "1|7|0|1"}));
  options.columns = {{"grade", ColumnKind::kCategorical},
                     {"q", std::nullopt},
                     {"x", std::nullopt},
                     {"y", std::nullopt},
                     {"z", std::nullopt}};
  EXPECT_EQ(Rows("q", options),
            (std::vector<std::string>{"grade|q|x|y|z", "3|7|1|0|0", "1|7|0|1|0"}));
  options.columns.resize(3);
  EXPECT_THAT(Error("q", options), StartsWith("q: read.columns names 3 columns, the rows have 4"));
  // Only what is wanted, and what only a model knows of.
  EXPECT_EQ(Rows("a.svm", {}, {"f2", "f6"}),
            (std::vector<std::string>{"f2|f6", "0.5|0", "0|0", "0|0"}));
  // All files of a folder have the features of all.
  Write("s/1.svm", "1 2:1\n");
  Write("s/2.svm", "0 3:1\n");
  EXPECT_EQ(Rows("s"), (std::vector<std::string>{"label|f1|f2|f3", "1|0|1|0", "0|0|0|1"}));
}

TEST_F(ReadFormatsTest, SvmLightErrorsNameTheLine) {
  ReadOptions options;
  options.format = FileFormat::kSvmLight;
  EXPECT_THAT(Error(Write("a", "1 1:1\n0 1:x\n"), options),
              StartsWith("a: line 2, column 2: \"1:x\" is no index:value"));
  EXPECT_THAT(Error(Write("a", "1 1:1 3\n"), options),
              StartsWith("a: line 1, column 3: \"3\" is no index:value"));
  EXPECT_THAT(Error(Write("a", "1 -1:1\n"), options), HasSubstr("no index:value"));
  EXPECT_THAT(Error(Write("a", "1 1:nan\n"), options), HasSubstr("no index:value"));
  EXPECT_EQ(Error(Write("a", "1 2:1 2:1\n"), options),
            "a: line 1, column 3: the line has feature 2 twice");
  EXPECT_THAT(Error(Write("a", "\nyes 1:1\n"), options),
              StartsWith("a: line 2, column 1: the label \"yes\" is not a number"));
  EXPECT_THAT(Error(Write("a", "1 qid:1 1:1\n1 1:1\n"), options),
              StartsWith("a: line 2, column 1: the line has no qid"));
  EXPECT_THAT(Error(Write("a", "1 99999999:1\n"), options), HasSubstr("at most 32768 features"));
  EXPECT_THAT(Error(Write("a", "# nothing\n"), options), HasSubstr("the file is empty"));
}

TEST_F(ReadFormatsTest, ReadsTheFilesOfAFolderThatPatternsMean) {
  for (const char* name : {"part-1.csv", "part-2.csv", "notes.csv", "deep/part-3.csv",
                           "deep/er/part-4.csv", ".hidden/part-5.csv", "_part-6.csv"}) {
    Write(std::string("in/") + name,
          "n\n" + std::string(1, name[std::string(name).size() - 5]) + "\n");
  }
  const auto values = [&](const std::vector<std::string>& patterns) {
    ReadOptions options;
    options.files = patterns;
    std::vector<std::string> rows = Rows("in", options);
    if (rows.size() > 1) rows.erase(rows.begin());
    return rows;
  };
  EXPECT_THAT(values({}), ElementsAre("s", "1", "2"));
  EXPECT_THAT(values({"part-*.csv"}), ElementsAre("1", "2"));
  EXPECT_THAT(values({"**/part-*.csv"}), ElementsAre("4", "3", "1", "2"));
  EXPECT_THAT(values({"deep/*"}), ElementsAre("3"));
  EXPECT_THAT(values({"part-[2-9].csv", "deep/*/*.csv"}), ElementsAre("4", "2"));
  EXPECT_THAT(values({"_*"}), ElementsAre("6"));
  EXPECT_THAT(values({"*.parquet", "x/*"}),
              ElementsAre("in: the folder holds no file that read.files means (*.parquet, x/*)"));
}

TEST_F(ReadFormatsTest, TheLabelMayComeFirstWithoutAHeader) {
  ReadOptions options;
  options.header = false;
  EXPECT_EQ(Rows(Write("a.csv", "1,0.5,x\n0,0.25,y\n"), options),
            (std::vector<std::string>{"column1|column2|column3", "1|0.5|x", "0|0.25|y"}));
}

TEST_F(ReadFormatsTest, JsonMayLackKeysAndMixTypes) {
  std::string lines;
  for (int i = 0; i < 30'000; ++i) lines += "{\"a\": " + std::to_string(i) + "}\n";
  const auto raw = Read(Write("late.jsonl", lines + "{\"a\": \"x\", \"b\": 1.5}\n"));
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->table.rows, 30'001);
  ASSERT_THAT(raw->table.names(), ElementsAre("a", "b"));
  EXPECT_EQ(raw->table.columns[0].text(7), "7");
  EXPECT_EQ(raw->table.columns[0].text(30'000), "x");
  EXPECT_TRUE(raw->table.columns[1].missing(7));
  EXPECT_EQ(raw->table.columns[1].numbers[30'000], 1.5);
  EXPECT_EQ(Rows(Write("m.jsonl",
                       "{\"a\":1,\"b\":\"x\"}\n{\"a\":\"y\",\"b\":null}\n"
                       "{\"b\":true,\"a\":2.5}\n")),
            (std::vector<std::string>{"a|b", "1|x", "y|<missing>", "2.5|true"}));
  EXPECT_THAT(Error(Write("s.jsonl", "{\"a\":1}\n{\"a\":{\"b\":1}}\n")),
              StartsWith("s.jsonl: a column holds lists or structures beside other values"));
  EXPECT_THAT(Error(Write("t.jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":nul}\n")),
              StartsWith("t.jsonl: cannot be read: line 3 is no record"));
  EXPECT_THAT(Error(Write("t.jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":")),
              StartsWith("t.jsonl: cannot be read: line 3 is no record"));
}

TEST_F(ReadFormatsTest, NamesAreData) {
  const std::vector<std::string> names = {"a\"b",   "c'd",  "two\nlines", "😀",
                                          "select", "*",    "c0",         "A",
                                          "a",      "x, y", "\\",         "; drop table t"};
  std::string header;
  std::string row;
  for (const std::string& name : names) {
    std::string quoted;
    for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    header += (header.empty() ? "\"" : ",\"") + quoted + "\"";
    row += (row.empty() ? "" : ",") + std::to_string(name.size());
  }
  const auto raw = Read(Write("n.csv", header + "\n" + row + "\n" + row + "\n"));
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->table.names(), names);
  for (const Column& column : raw->table.columns) {
    EXPECT_EQ(column.numbers, std::vector<double>(2, static_cast<double>(column.info.name.size())));
  }
  EXPECT_THAT(Rows("n.csv", {}, {"two\nlines"}), ElementsAre("two\nlines", "9", "9"));
  EXPECT_THAT(Error(Write("d.csv", "a,b,a\n1,2,3\n")), HasSubstr("the header names \"a\" twice"));
  std::string json = "{";
  for (const std::string& name : {std::string("a b"), std::string("a\\\"b"), std::string("😀")}) {
    json += (json.size() > 1 ? ",\"" : "\"") + name + "\": 1";
  }
  const auto typed = Read(Write("n.json", json + "}\n"));
  ASSERT_TRUE(typed.ok()) << typed.status();
  EXPECT_THAT(typed->table.names(), ElementsAre("a b", "a\"b", "😀"));
}

TEST_F(ReadFormatsTest, TenThousandColumns) {
  std::string bytes;
  for (int line = 0; line < 4; ++line) {
    for (int j = 0; j < 10'000; ++j) {
      bytes +=
          (j > 0 ? "," : "") + (line == 0 ? "c" + std::to_string(j) : std::to_string(j + line));
    }
    bytes += "\n";
  }
  const auto raw = Read(Write("wide.csv", bytes));
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->table.rows, 3);
  ASSERT_EQ(raw->table.columns.size(), 10'000U);
  EXPECT_THAT(raw->table.columns[9'999].numbers, ElementsAre(10'000, 10'001, 10'002));
}

TEST_F(ReadFormatsTest, LongCells) {
  const std::string cell(1 << 20, 'z');
  std::string bytes = "a,b,c\n";
  for (int i = 0; i < 5; ++i) bytes += std::to_string(i) + "," + cell + "," + cell + cell + "\n";
  const auto raw = Read(Write("long.csv", bytes));
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->table.rows, 5);
  EXPECT_EQ(raw->table.columns[0].numbers[4], 4);
  EXPECT_EQ(raw->table.columns[1].text(4), cell);
  EXPECT_EQ(raw->table.columns[2].text(2).size(), cell.size() * 2);
}

TEST_F(ReadFormatsTest, InfinitiesAreTexts) {
  const auto raw = Read(Write("i.csv", "x,y\n1,2\ninf,3\n-inf,4\nnan,5\n"));
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->table.columns[0].info.kind, ColumnKind::kCategorical);
  ReadOptions numeric;
  numeric.columns = {{"x", ColumnKind::kNumeric}};
  EXPECT_THAT(Error("i.csv", numeric),
              StartsWith("i.csv: line 3, column 1 (x): \"inf\" is not a number"));
  numeric.nulls = {"inf", "-inf", "nan"};
  EXPECT_THAT(Rows("i.csv", numeric),
              ElementsAre("x|y", "1|2", "<missing>|3", "<missing>|4", "<missing>|5"));
}

TEST_F(ReadFormatsTest, OneRowAndNone) {
  EXPECT_THAT(Rows(Write("a.csv", "a,b\n1,2")), ElementsAre("a|b", "1|2"));
  EXPECT_THAT(Rows(Write("a.csv", "a,b")), ElementsAre("a|b"));
  EXPECT_THAT(Error(Write("a.json", "[]")), testing::Not(HasSubstr("INTERNAL")));
  EXPECT_EQ(Error(Write("a.json", " \n")), "a.json: line 1, column 1: the file is empty");
  EXPECT_EQ(Error(Write("a.csv.gz", Gzip(""))), "a.csv.gz: line 1, column 1: the file is empty");
  EXPECT_EQ(Rows(Write("b.json", "\xEF\xBB\xBF{\"a\": 1}\n")),
            (std::vector<std::string>{"a", "1"}));
  EXPECT_THAT(Error(Write("a.csv", std::string(100, '\0'))), testing::Not(HasSubstr("INTERNAL")));
}

}  // namespace
}  // namespace penstock
