// Operations about columns and rows in whole process steps.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <set>

#include "steps/process/process.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class ShapeTest : public testing::Test {
 protected:
  Result<StepOutcome> Run(std::string_view parameters) {
    const auto json = ParseJson(parameters);
    EXPECT_TRUE(json.ok()) << json.status();
    step_.parameters_ = *json;
    step_.Reset();
    return RunProcess(step_);
  }
  Table Load(const std::string& output) {
    auto table = LoadDataset(step_.output_ / output, {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? std::move(*table) : Table();
  }
  std::vector<std::string> Texts(const std::string& output, const std::string& column) {
    const Table table = Load(output);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
      texts.push_back(table.Find(column)->text(i));
    }
    return texts;
  }
  std::string Error(std::string_view parameters) {
    const auto outcome = Run(parameters);
    return outcome.ok() ? "no error" : outcome.status().message();
  }
  FakeStep step_{"process"};
};

constexpr char kOrders[] =
    "id,day,price,who,y\n"
    "1,2027-01-31,10,ann,a\n"
    "2,2027-02-01,20,bob,b\n"
    "3,2026-12-31,30,ann,b\n"
    "4,2027-01-31,10,ann,a\n"
    "5,,40,cid,a\n";

TEST_F(ShapeTest, FilterChoosesRowsWhereItFits) {
  const auto file = step_.AddFile("data", "@orders.csv", kOrders);
  const auto outcome = Run(R"({"roles": {"label": "y", "id": ["id"]}, "transforms": [
      {"op": "filter", "where": "price < 40 AND who <> 'bob'", "applies": "all"},
      {"op": "filter", "where": "who = 'ann' AND y = 'b' OR price = 10"},
      {"op": "drop", "columns": ["day", "who"]}]})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(Texts("data", "id"), ElementsAre("1", "3", "4"));
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 2);
  // Predicting loses no row.
  auto transform = Transform::Load(step_.output_ / "transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  const auto applied = transform->ApplyToRaw(file, {}, step_);
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(applied->features.rows, 5);
  // Another step that applies the transform chooses by `applies: all` alone.
  step_.Bind("transform", step_.output_ / "transform", "transform");
  ASSERT_TRUE(Run("{}").ok());
  EXPECT_THAT(Texts("data", "id"), ElementsAre("1", "3", "4"));
}

// Columns that were dropped need not come again, but for those by which rows are chosen.
TEST_F(ShapeTest, TransformsApplyToDataWithoutDroppedColumns) {
  step_.AddFile("data", "@orders.csv", kOrders);
  ASSERT_TRUE(Run(R"({"roles": {"label": "y", "id": ["id"]}, "transforms": [
      {"op": "filter", "where": "who <> 'bob'", "applies": "all"},
      {"op": "drop", "columns": ["day", "who"]}]})")
                  .ok());
  step_.Bind("transform", step_.output_ / "transform", "transform");
  step_.Unbind("data");
  step_.AddFile("data", "@new.csv", "price,who\n7,ann\n8,bob\n");
  const auto applied = Run("{}");
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_THAT(Texts("data", "price"), ElementsAre("7"));
  step_.Unbind("data");
  step_.AddFile("data", "@new.csv", "price,day\n7,2027-01-01\n");
  EXPECT_THAT(Error("{}"), StartsWith("@new.csv: the data have no column \"who\""));
}

TEST_F(ShapeTest, FilterNamesTheRowThatItCannotJudge) {
  step_.AddFile("data", "@orders.csv", kOrders);
  EXPECT_THAT(Error(R"({"transforms": [{"op": "filter", "where": "CAST(who AS INTEGER) > 1"}]})"),
              StartsWith("transforms[0]: @orders.csv: line 2, column 4 (who): expression "
                         "`CAST(who AS INTEGER) > 1`: "));
  EXPECT_THAT(Error(R"({"transforms": [{"op": "filter", "where": "false"}]})"),
              HasSubstr("no row is left to fit on"));
  EXPECT_THAT(Error(R"({"transforms": [{"op": "derive", "name": "n",
                                        "expression": "CAST(day AS DATE) + who"}]})"),
              HasSubstr("transforms[0]: expression `CAST(day AS DATE) + who`"));
}

TEST_F(ShapeTest, SortAndShuffleOrderWhatIsWritten) {
  step_.AddFile("data", "@orders.csv", kOrders);
  ASSERT_TRUE(Run(R"({"roles": {"id": ["id"]}, "transforms": [
      {"op": "sort", "by": ["day", "price"], "descending": ["price"]}]})")
                  .ok());
  EXPECT_THAT(Texts("data", "id"), ElementsAre("3", "1", "4", "2", "5"));
  ASSERT_TRUE(Run(R"({"roles": {"id": ["id"]}, "transforms": [
      {"op": "sort", "by": ["id"], "descending": true}]})")
                  .ok());
  EXPECT_THAT(Texts("data", "id"), ElementsAre("5", "4", "3", "2", "1"));
  ASSERT_TRUE(
      Run(R"({"roles": {"id": ["id"]}, "transforms": [{"op": "shuffle", "seed": 3}]})").ok());
  const auto shuffled = Texts("data", "id");
  EXPECT_THAT(shuffled, testing::UnorderedElementsAre("1", "2", "3", "4", "5"));
}

// Features are computed for rows that are left alone, also where these are written in another
// order.
TEST_F(ShapeTest, RowsThatAreDroppedAreNotComputed) {
  step_.AddFile("data", "@orders.csv", kOrders);
  ASSERT_TRUE(Run(R"json({"roles": {"id": ["id"]}, "transforms": [
      {"op": "filter", "where": "price > 10"},
      {"op": "derive", "name": "log", "expression": "ln(price - 10)"},
      {"op": "derive", "name": "name", "expression": "who || '!'"},
      {"op": "sort", "by": ["log"], "descending": true}]})json")
                  .ok());
  EXPECT_THAT(Texts("data", "id"), ElementsAre("5", "3", "2"));
  EXPECT_THAT(Texts("data", "name"), ElementsAre("cid!", "ann!", "bob!"));
  const Table table = Load("data");
  EXPECT_THAT(
      table.Find("log")->numbers,
      ElementsAre(DoubleEq(std::log(30.0)), DoubleEq(std::log(20.0)), DoubleEq(std::log(10.0))));
}

std::string Numbers(int rows) {
  std::string bytes = "i,x,t,y\n";
  for (int i = 0; i < rows; ++i) {
    bytes += std::to_string(i) + "," + std::to_string((i * 7'919) % 1'009) + ",t" +
             std::to_string(i % 13) + "," + (i % 3 == 0 ? "a" : "b") + "\n";
  }
  return bytes;
}

// Neither which part a row goes to nor what is learned depends on the order, and whole rows move.
TEST_F(ShapeTest, OrderChangesNoPartAndNoValue) {
  step_.AddFile("data", "n.csv", Numbers(2'000));
  const auto run = [&](const std::string& first) {
    const auto outcome = Run(R"({"roles": {"label": "y", "keep": ["i"]},
        "split": {"train": 0.7, "test": 0.3, "seed": 5}, "transforms": [)" +
                             first + R"({"op": "standard", "columns": "x"},
                             {"op": "one_hot", "columns": "t"}]})");
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  };
  const auto rows = [&](const std::string& part) {
    const Table table = Load(part);
    std::map<std::string, std::string> all;
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
      std::string& row = all[table.Find("i")->text(i)];
      for (const Column& column : table.columns) row += column.text(i) + "|";
    }
    return all;
  };
  run("");
  const auto train = rows("train");
  const auto test = rows("test");
  for (const char* first : {R"({"op": "shuffle", "seed": 9},)",
                            R"({"op": "sort", "by": ["t", "x"], "descending": ["t"]},)"}) {
    run(first);
    EXPECT_EQ(rows("train"), train) << first;
    EXPECT_EQ(rows("test"), test) << first;
    const auto bytes = TreeBytes(step_.output_);
    step_.threads_ = step_.threads_ == 2 ? 4 : 1;
    run(first);
    EXPECT_EQ(TreeBytes(step_.output_), bytes) << first;
  }
  run(R"({"op": "sort", "by": ["i"], "descending": true},)");
  const Table sorted = Load("test");
  double before = 2'000;
  for (const double i : sorted.Find("i")->numbers) {
    EXPECT_LT(i, before);
    before = i;
  }
}

TEST_F(ShapeTest, DeduplicateKeepsOneOrNamesTheRows) {
  step_.AddFile("data", "@orders.csv", kOrders);
  const auto run = [&](const std::string& parameters) {
    return Run(R"({"roles": {"label": "y", "id": ["id"]}, "transforms": [{"op": "deduplicate")" +
               parameters + "}]}");
  };
  ASSERT_TRUE(run("").ok());
  EXPECT_THAT(Texts("data", "id"), ElementsAre("1", "2", "3", "5"));
  ASSERT_TRUE(run(R"(, "key": ["who"], "keep": "last")").ok());
  EXPECT_THAT(Texts("data", "id"), ElementsAre("2", "4", "5"));
  ASSERT_TRUE(run(R"(, "key": ["who"], "conflict": "drop")").ok());
  EXPECT_THAT(Texts("data", "id"), ElementsAre("2", "5"));
  EXPECT_EQ(run(R"(, "key": ["day", "who"], "keep": "error")").status().message(),
            "transforms[0]: @orders.csv: line 5, column 2 (day): deduplicate: the row has the same "
            "key (day, who) as @orders.csv: line 2, column 2 (day); mend the rows, or give keep: "
            "first, last or none");
  EXPECT_EQ(run(R"(, "key": ["who"], "conflict": "error")").status().message(),
            "transforms[0]: @orders.csv: line 4, column 4 (who): deduplicate: the row has the same "
            "key (who) as @orders.csv: line 2, column 4 (who), and other values besides; mend the "
            "rows, or give conflict: first, last or drop");
}

constexpr char kChain[] = R"json({"roles": {"label": "y", "id": ["id"]},
    "split": {"train": 0.6, "test": 0.4, "seed": 1},
    "transforms": [
      {"op": "parse_dates", "columns": "day", "formats": ["%d.%m.%Y"], "keep": "date",
       "parts": ["year", "weekday", "epoch"], "cyclical": ["month"]},
      {"op": "derive", "name": "total", "expression": "price * amount / 3"},
      {"op": "derive", "name": "age of order",
       "expression": "date_diff('day', day, DATE '2027-06-01')"},
      {"op": "derive", "name": "amount",
       "expression": "CASE WHEN amount > 4 THEN 'many' ELSE 'few' END"},
      {"op": "rename", "map": {"price": "day.month_sin!", "total": "\"quoted\""}},
      {"op": "cast", "columns": "flag", "to": "boolean"},
      {"op": "prune", "rule": "constant"},
      {"op": "prune", "rule": "correlated", "threshold": 0.9999},
      {"op": "prune", "rule": "sensitive"},
      {"op": "one_hot", "columns": ["amount"]},
      {"op": "select", "columns": {"kind": "numeric"}}]})json";

// What is written and what the transform makes of the raw rows are the same bits.
TEST_F(ShapeTest, RawAndProcessedGiveTheSameBits) {
  std::string bytes = "id,day,price,amount,flag,sex,same,y\n";
  for (int i = 0; i < 400; ++i) {
    bytes += std::to_string(i) + "," + std::to_string(i % 28 + 1) + "." +
             std::to_string(i % 12 + 1) + "." + std::to_string(2020 + i % 7) + "," +
             std::to_string(i * 0.37) + "," + std::to_string(i % 9) + "," +
             (i % 2 == 0 ? "yes" : "no") + ",f,7," + (i % 3 == 0 ? "a" : "b") + "\n";
  }
  const auto file = step_.AddFile("data", "@orders.csv", bytes);
  const auto outcome = Run(kChain);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(step_.log_,
              HasSubstr("transforms[6]: prune: 2 constant columns dropped: \"same\", \"sex\"\n"));
  // The later of two that say the same.
  EXPECT_THAT(step_.log_, HasSubstr("transforms[7]: prune: 1 correlated columns dropped: "
                                    "\"age of order\"\n"));
  auto transform = Transform::Load(step_.output_ / "transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  EXPECT_EQ(ReadBytes(step_.output_ / "transform/transform.json"),
            DumpJson(transform->ToJson()) + "\n");
  const auto applied = transform->ApplyToRaw(file, {.keep = {"id"}}, step_);
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_THAT(applied->features.names,
              ElementsAre("day.year", "day.weekday", "day.epoch", "day.month_sin", "day.month_cos",
                          "day.month_sin!", "amount=few", "amount=many", "flag", "\"quoted\""));
  std::size_t rows = 0;
  for (const char* part : {"train", "test"}) {
    const Table table = Load(part);
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i, ++rows) {
      const auto raw = static_cast<std::size_t>(std::stoi(table.Find("id")->text(i)));
      for (std::size_t j = 0; j < applied->features.names.size(); ++j) {
        const Column& column = *table.Find(applied->features.names[j]);
        ASSERT_EQ(std::bit_cast<uint64_t>(column.numbers[i]),
                  std::bit_cast<uint64_t>(applied->features.columns[j][raw]))
            << column.info.name << " " << raw;
      }
    }
  }
  EXPECT_EQ(rows, 400u);
  // Data to predict need no columns that were pruned or dropped.
  std::set<std::string> raw;
  for (const ColumnInfo& column : transform->raw_features()) raw.insert(column.name);
  EXPECT_THAT(raw, ElementsAre("amount", "day", "flag", "price"));
}

// Kept times are stored, and come back as they were written.
TEST_F(ShapeTest, KeptTimesGoThroughParquet) {
  step_.AddFile("data", "t.csv", "t\n1.5\n0\n-86400.000001\n");
  ASSERT_TRUE(Run(R"({"transforms": [{"op": "parse_dates", "columns": "t"}]})").ok());
  EXPECT_THAT(Texts("data", "t"), ElementsAre("1970-01-01 00:00:01.5", "1970-01-01 00:00:00",
                                              "1969-12-30 23:59:59.999999"));
  const auto info = ReadDatasetInfo(step_.output_ / "data");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->Find("t")->type, ColumnType::kTimestamp);
  EXPECT_EQ(info->Find("t")->kind, ColumnKind::kDate);
}

TEST_F(ShapeTest, ErrorsOfColumnsNameTheCell) {
  step_.AddFile("data", "@orders.csv", kOrders);
  EXPECT_THAT(Error(R"({"transforms": [{"op": "parse_dates", "columns": "who"}]})"),
              StartsWith("transforms[0]: @orders.csv: line 2, column 4 (who): \"ann\" is no ISO"));
  EXPECT_THAT(
      Error(R"({"transforms": [{"op": "cast", "columns": "who", "to": "numeric"}]})"),
      StartsWith("transforms[0]: @orders.csv: line 2, column 4 (who): \"ann\" is no number"));
  EXPECT_THAT(Error(R"json({"transforms": [{"op": "derive", "name": "x",
                                        "expression": "ln(price - 30)"}]})json"),
              StartsWith("transforms[0]: @orders.csv: line 2, column 3 (price): expression "));
  EXPECT_THAT(Error(R"({"roles": {"label": "y"}, "transforms": [
                          {"op": "derive", "name": "y", "expression": "1"}]})"),
              HasSubstr("there would be a feature \"y\", but the column of that name has a role"));
  EXPECT_THAT(Error(R"({"roles": {"label": "y"}, "transforms": [
                          {"op": "derive", "name": "z", "expression": "y"}]})"),
              HasSubstr("there is no column \"y\""));
}

}  // namespace
}  // namespace penstock
