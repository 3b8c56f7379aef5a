#include "client/cli/data_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "client/cli/output.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Json Head() {
  return {{"columns",
           {{{"name", "age"}, {"type", "double"}, {"kind", "numeric"}},
            {{"name", "why\n\"so\"?🙂"}, {"type", "string"}, {"kind", "text"}}}},
          {"rows", {{"39", "a\tb"}, {nullptr, nullptr}}},
          {"total", 7}};
}

Json Wide(int columns) {
  Json head{{"columns", Json::array()}, {"rows", {Json::array()}}, {"total", 1}};
  for (int i = 0; i < columns; ++i) {
    head["columns"].push_back(
        {{"name", "c" + std::to_string(i)}, {"type", "double"}, {"kind", "numeric"}});
    head["rows"][0].push_back("1");
  }
  return head;
}

TEST(HeadTextTest, AlignsColumnsBelowTheirKinds) {
  EXPECT_EQ(HeadText(Head(), std::string::npos),
            "    age  why \"so\"?🙂\n"
            "numeric  text\n"
            "     39  a b\n"
            "      ∅  ∅\n");
}

TEST(HeadTextTest, LeavesOutWhatHasNoRoomAndSaysSo) {
  const std::string text = HeadText(Wide(10'000), 40);
  for (const std::string& line : Split(text, '\n')) {
    if (line.starts_with("…")) continue;
    EXPECT_LE(Width(line), 40U) << line;
  }
  EXPECT_THAT(text, HasSubstr("c0"));
  EXPECT_THAT(text, HasSubstr("… and 9996 more columns; penstock data schema"));
  EXPECT_THAT(HeadText(Wide(5), 40), HasSubstr("… and 1 more column;"));
  const std::string whole = HeadText(Wide(10'000), std::string::npos);
  EXPECT_THAT(whole, HasSubstr("c9999"));
  EXPECT_THAT(whole, Not(HasSubstr("…")));
}

TEST(HeadTextTest, CutsLongCellsInAWindowAlone) {
  Json head = Head();
  head["rows"][0][1] = std::string(100, 'x');
  EXPECT_THAT(HeadText(head, 200), HasSubstr(std::string(31, 'x') + "…"));
  EXPECT_THAT(HeadText(head, std::string::npos), HasSubstr(std::string(100, 'x')));
  // Even the first column has to fit.
  for (const std::string& line : Split(HeadText(head, 5), '\n')) {
    if (line.starts_with("… and")) continue;
    EXPECT_LE(Width(line), 5U) << line;
  }
}

TEST(HeadTextTest, NoRowsAreStillColumns) {
  Json head = Head();
  head["rows"] = Json::array();
  EXPECT_EQ(HeadText(head, std::string::npos), "    age  why \"so\"?🙂\nnumeric  text\n");
}

TEST(HeadJsonTest, RowsAreObjects) {
  Json head = Head();
  head["rows"][0][0] = 39;
  const Json json = HeadJson(head);
  EXPECT_EQ(json["rows"][0], (Json{{"age", 39}, {"why\n\"so\"?🙂", "a\tb"}}));
  EXPECT_TRUE(json["rows"][1]["age"].is_null());
  EXPECT_EQ(json["total"], 7);
  EXPECT_EQ(json["columns"].size(), 2U);
}

TEST(SchemaTextTest, TellsColumnsAndWhatTheDatasetSays) {
  const Json schema{{"rows", 3},
                    {"columns",
                     {{{"name", "y"},
                       {"type", "string"},
                       {"kind", "categorical"},
                       {"role", "label"},
                       {"missing", 1},
                       {"distinct", 1'000},
                       {"distinctCapped", true},
                       {"minimum", "a"},
                       {"maximum", "b"},
                       {"examples", {"a", "b"}}}}},
                    {"dataset",
                     {{"roles", {{"label", "y"}}},
                      {"label", {{"kind", "classes"}, {"classes", {"a", "b"}}, {"positive", "b"}}},
                      {"transform", "abc"}}}};
  const std::string text = SchemaText(schema);
  EXPECT_THAT(text, HasSubstr("ROWS       3\n"));
  EXPECT_THAT(text, HasSubstr("LABEL      y, of the classes a, b; b is positive\n"));
  EXPECT_THAT(text, HasSubstr("TRANSFORM  sha256:abc\n"));
  EXPECT_THAT(text, testing::ContainsRegex("y +categorical +string +label +1 +> 1000 +a +b +a, b"));
  const Json json = SchemaJson(schema);
  EXPECT_EQ(json["label"]["positive"], "b");
  EXPECT_EQ(json["columns"][0]["missing"], 1);
}

TEST(SchemaTextTest, PlainDataHaveNoLabel) {
  const Json schema{{"rows", 0}, {"columns", Json::array()}, {"dataset", nullptr}};
  EXPECT_THAT(SchemaText(schema), Not(HasSubstr("LABEL")));
  EXPECT_TRUE(SchemaJson(schema)["roles"].is_null());
}

}  // namespace
}  // namespace penstock::cli
