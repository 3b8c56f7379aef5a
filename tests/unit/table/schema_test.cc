#include "steps/table/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SchemaTest : public testing::Test {
 protected:
  Result<TableSchema> Schema(const std::string& bytes, const ReadOptions& options = {},
                             int threads = 1) {
    folder_.Write("a.csv", bytes);
    FrameOptions frame;
    frame.table.threads = threads;
    return ReadSchema({folder_.path() / "a.csv", "a.csv"}, options, frame);
  }
  // "name: kind type" of each column.
  std::vector<std::string> Kinds(const std::string& bytes, const ReadOptions& options = {}) {
    const auto schema = Schema(bytes, options);
    if (!schema.ok()) return {schema.status().message()};
    std::vector<std::string> kinds;
    for (const ColumnSummary& column : schema->columns) {
      kinds.push_back(column.info.name + ": " + std::string(Name(column.info.kind)) + " " +
                      std::string(Name(column.info.type)));
    }
    return kinds;
  }
  TestFolder folder_;
};

TEST_F(SchemaTest, DescribesColumns) {
  const auto schema = Schema("n,t,e\n1.5,b,\n-2,a,\n1.5,,\n7,c,\n");
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->rows, 4);
  ASSERT_EQ(schema->columns.size(), 3U);
  const ColumnSummary& number = schema->columns[0];
  EXPECT_EQ(number.missing, 0);
  EXPECT_EQ(number.distinct, 3);
  EXPECT_THAT(number.examples, ElementsAre("1.5", "-2", "7"));
  EXPECT_EQ(number.minimum, "-2");
  EXPECT_EQ(number.maximum, "7");
  EXPECT_FALSE(number.info.nullable);
  const ColumnSummary& text = schema->columns[1];
  EXPECT_EQ(text.missing, 1);
  EXPECT_EQ(text.distinct, 3);
  EXPECT_THAT(text.examples, ElementsAre("b", "a", "c"));
  EXPECT_EQ(text.minimum, "a");
  EXPECT_EQ(text.maximum, "c");
  EXPECT_TRUE(text.info.nullable);
  const ColumnSummary& empty = schema->columns[2];
  EXPECT_EQ(empty.missing, 4);
  EXPECT_EQ(empty.distinct, 0);
  EXPECT_THAT(empty.examples, IsEmpty());
  EXPECT_FALSE(empty.minimum.has_value());
}

TEST_F(SchemaTest, TellsDates) {
  EXPECT_THAT(Kinds("d,t,m,x\n2026-11-26,2026-11-26T19:34,2026-11-26,2026-11-26\n"
                    "2024-02-29,2026-11-26 19:34:11.5+01:00,2026-11-26T00:00Z,2026-02-29\n,,,\n"),
              ElementsAre("d: date date", "t: date timestamp", "m: date timestamp",
                          "x: categorical string"));
}

TEST_F(SchemaTest, TellsIdentifiersByNameAndValues) {
  EXPECT_THAT(Kinds("id,user_id,OrderId,paid,x_id,y_id,z_uuid\n1,a,7,1,1,1.5,q\n2,b,8,2,1,2,\n"),
              ElementsAre("id: id double", "user_id: id string", "OrderId: id double",
                          "paid: numeric double", "x_id: numeric double", "y_id: numeric double",
                          "z_uuid: categorical string"));
  EXPECT_THAT(Kinds("id,b\n1,2\n"), ElementsAre("id: numeric double", "b: numeric double"))
      << "one row says nothing";
}

TEST_F(SchemaTest, TellsTexts) {
  std::string bytes = "review,city,few\n";
  for (int i = 0; i < 40; ++i) {
    bytes += "this is what customer number " + std::to_string(i) + " wrote,city" +
             std::to_string(i) + ",a text that is long but always the same\n";
  }
  EXPECT_THAT(Kinds(bytes), ElementsAre("review: text string", "city: categorical string",
                                        "few: categorical string"));
}

TEST_F(SchemaTest, GivenKindsStay) {
  ReadOptions options;
  options.columns = {{"id", ColumnKind::kCategorical}, {"d", ColumnKind::kText}};
  EXPECT_THAT(Kinds("id,d\na,2026-11-26\nb,2026-11-27\n", options),
              ElementsAre("id: categorical string", "d: text string"));
}

TEST_F(SchemaTest, CountsDistinctValuesUpToAThousandOverAllBlocks) {
  std::string bytes = "i,k,t\n";
  for (int i = 0; i < 150'000; ++i) {
    bytes +=
        std::to_string(i) + "," + std::to_string(i / 150) + ",t" + std::to_string(i / 140) + "\n";
  }
  for (const int threads : {1, 4}) {
    const auto schema = Schema(bytes, {}, threads);
    ASSERT_TRUE(schema.ok()) << schema.status();
    EXPECT_EQ(schema->columns[0].distinct, kMaxDistinct + 1);
    EXPECT_EQ(schema->columns[1].distinct, 1'000);
    EXPECT_EQ(schema->columns[2].distinct, kMaxDistinct + 1);
    EXPECT_EQ(schema->columns[0].maximum, "149999");
    EXPECT_THAT(schema->columns[0].examples, ElementsAre("0", "1", "2", "3", "4"));
    EXPECT_EQ(schema->columns[2].minimum, "t0");
    EXPECT_EQ(schema->columns[2].maximum, "t999");
  }
}

TEST(ParseIsoDate, KnowsTheCalendar) {
  for (const char* text : {"2026-01-31", "2000-02-29", "0000-01-01"}) {
    EXPECT_EQ(ParseIsoDate(text), false) << text;
  }
  for (const char* text : {"2026-01-31T00:00", "2026-01-31 23:59:60", "2026-01-31T01:02:03.123456Z",
                           "2026-01-31T01:02:03-0530", "2026-01-31T01:02+05"}) {
    EXPECT_EQ(ParseIsoDate(text), true) << text;
  }
  for (const char* text :
       {"", "2026-1-31", "2026-02-30", "1900-02-29", "2026-13-01", "2026-00-10", "2026/01/31",
        "2026-01-31T", "2026-01-31T24:00", "2026-01-31T1:00", "2026-01-31T01:02:03.",
        "2026-01-31T01:02X", "2026-01-31T01:02+5", "20260131", "2026-01-31 "}) {
    EXPECT_FALSE(ParseIsoDate(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace penstock
