// select, rename, cast and derive; figures by shape_reference.py.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/process/shape_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const double kInfinity = std::numeric_limits<double>::infinity();
constexpr char kWild[] = "se\"lect';\n--\xF0\x9F\x8D\x8E";

Table Wild() {
  return Make({MakeNumberColumn("age", {1, kMissing, 3}), MakeNumberColumn(kWild, {4, 5, 6}),
               MakeStringColumn("job", {"a", "b", "a"}),
               MakeStringColumn("note", {"x", "y", "z"}, ColumnKind::kText)});
}

TEST(Select, KeepsTheTablesOrder) {
  EXPECT_THAT(FitApply({{"op", "select"}, {"columns", {"job", "age"}}}, Wild(), 3).names(),
              ElementsAre("age", "job"));
  EXPECT_THAT(FitApply({{"op", "select"}, {"columns", {{"kind", "numeric"}}}}, Wild(), 3).names(),
              ElementsAre("age", kWild));
  EXPECT_THAT(
      FitApply({{"op", "select"}, {"columns", Json::array({kWild, {{"match", "n*"}}})}}, Wild(), 1)
          .names(),
      ElementsAre(kWild, "note"));
}

// select of some columns is drop of the others.
TEST(Select, IsTheComplementOfDrop) {
  const Table table = ReferenceTable(ReferenceNames());
  ExpectSame(
      FitApply({{"op", "select"}, {"columns", {"a", "t", "near b"}}}, table, 50),
      FitApply({{"op", "drop"},
                {"columns", {"b", "anti", "apart", "half", "mostly", "same", "key", "code"}}},
               table, 50));
}

TEST(Select, SaysWhatIsWrong) {
  EXPECT_EQ(FitError({{"op", "select"}, {"columns", "agee"}}, Wild()),
            "no feature is named \"agee\" (did you mean \"age\"?)");
  EXPECT_EQ(FitError({{"op", "select"}}, Wild()), "select: columns must say which columns stay");
  EXPECT_EQ(FitError({{"op", "select"}, {"columns", {{"kind", "date"}}}}, Wild()),
            "select: no feature fits columns, so none is left");
}

TEST(Rename, ChangesNamesAlone) {
  const Table renamed = FitApply(
      {{"op", "rename"}, {"map", {{"age", kWild}, {kWild, "age"}, {"job", "\""}}}}, Wild(), 3);
  EXPECT_THAT(renamed.names(), ElementsAre(kWild, "age", "\"", "note"));
  EXPECT_THAT(renamed.columns[1].numbers, ElementsAre(4, 5, 6));
  EXPECT_EQ(renamed.columns[2].info.kind, ColumnKind::kCategorical);
}

TEST(Rename, ThereAndBack) {
  const Table table = ReferenceTable(ReferenceNames());
  const Table there = FitApply({{"op", "rename"}, {"map", {{"a", "x"}, {"t", "a"}}}}, table, 9);
  ExpectSame(FitApply({{"op", "rename"}, {"map", {{"x", "a"}, {"a", "t"}}}}, there, 9), table);
}

TEST(Rename, SaysWhatIsWrong) {
  const auto error = [](const Json& map) {
    return FitError({{"op", "rename"}, {"map", map}}, Wild());
  };
  EXPECT_EQ(error({{"agee", "x"}}), "no feature is named \"agee\" (did you mean \"age\"?)");
  EXPECT_THAT(error(Json::object()), HasSubstr("map must say what at least one column"));
  EXPECT_THAT(error({{"age", ""}}), HasSubstr("the new name of column \"age\" must be a text"));
  EXPECT_THAT(error({{"age", 7}}), HasSubstr("must be a text"));
  EXPECT_EQ(error({{"age", "x"}, {"job", "x"}}), "rename: two columns would be called \"x\"");
  EXPECT_THAT(error({{"age", "job"}}),
              HasSubstr("column \"age\" would become \"job\", which is there already"));
}

TEST(Rename, RefusesDamagedTransforms) {
  const Json spec = {{"op", "rename"}, {"map", {{"a", "x"}}}, {"fitted", {{"columns", {"b"}}}}};
  auto made = MakeOperation(spec);
  ASSERT_TRUE(made.ok());
  const std::shared_ptr<Operation> operation = std::move(*made);
  OperationChain chain({{.name = "a"}, {.name = "b"}});
  EXPECT_EQ(chain.Add(operation).code(), StatusCode::kInvalidArgument);
}

Json Cast(const std::string& to, const std::string& errors = "error") {
  return {{"op", "cast"}, {"columns", {{"match", "*"}}}, {"to", to}, {"errors", errors}};
}

TEST(Cast, TextsToNumbersAsPandasDoes) {
  const Json& reference = Reference()["cast"];
  const Table table = Make({TextColumn("t", reference["texts"])});
  for (const char* to : {"numeric", "integer"}) {
    const Table cast = FitApply(Cast(to, "missing"), table, 3);
    ExpectNumbers(cast.columns[0].numbers, NumbersOf(reference[to]), 0, to);
    EXPECT_EQ(cast.columns[0].info.kind, ColumnKind::kNumeric);
    EXPECT_EQ(Name(cast.columns[0].info.type),
              Name(std::string(to) == "integer" ? ColumnType::kInteger : ColumnType::kDouble));
  }
}

TEST(Cast, Booleans) {
  const Table table = Make(
      {MakeStringColumn("t", {"True", "NO", "y", "f", "on", "OFF", "1", "0.0", "", "maybe", "2"},
                        ColumnKind::kCategorical,
                        {true, true, true, true, true, true, true, true, false, true, true})});
  const Table cast = FitApply(Cast("boolean", "missing"), table, 3);
  ExpectNumbers(cast.columns[0].numbers, {1, 0, 1, 0, 1, 0, 1, 0, kMissing, kMissing, kMissing}, 0,
                "boolean");
  EXPECT_EQ(cast.columns[0].info.type, ColumnType::kBoolean);
}

TEST(Cast, NumbersToTextsAndBack) {
  const Table table = Make({MakeNumberColumn("x", {1, 0.1, -1e300, kMissing, 12'345'678, 1e-7})});
  for (const auto& [to, kind] :
       {std::pair("categorical", ColumnKind::kCategorical), std::pair("text", ColumnKind::kText),
        std::pair("id", ColumnKind::kId)}) {
    const Table texts = FitApply(Cast(to), table, 6);
    EXPECT_EQ(Name(texts.columns[0].info.kind), Name(kind));
    EXPECT_EQ(texts.columns[0].info.type, ColumnType::kString);
    EXPECT_EQ(texts.columns[0].text(0), "1");
    EXPECT_EQ(texts.columns[0].text(4), "12345678");
    EXPECT_TRUE(texts.columns[0].missing(3));
    ExpectSame(FitApply(Cast("numeric"), texts, 6), table);
  }
}

TEST(Cast, DatesToTexts) {
  Column day = MakeStringColumn("day", {"2027-01-31", "2027-02-01"}, ColumnKind::kDate);
  day.info.type = ColumnType::kDate;
  const Table cast = FitApply(Cast("text"), Make({day}), 2);
  EXPECT_EQ(cast.columns[0].text(0), "2027-01-31");
  EXPECT_EQ(cast.columns[0].info.type, ColumnType::kString);
  EXPECT_THAT(FitError(Cast("numeric"), Make({day})),
              HasSubstr("column \"day\" is a date; parse_dates with parts: [epoch]"));
}

TEST(Cast, SaysWhatIsWrong) {
  const Table texts = Make({MakeStringColumn("t", {"1", "abc", "2.5"})});
  EXPECT_EQ(FitError(Cast("numeric"), texts),
            "row 2 of t: \"abc\" is no number; mend it, or give errors: missing");
  const Table numbers = Make({MakeNumberColumn("x", {1, 2.5})});
  EXPECT_EQ(FitError(Cast("integer"), numbers),
            "row 2 of x: \"2.5\" is no whole number of up to 2^53; mend it, or give errors: "
            "missing");
  EXPECT_THAT(FitError(Cast("boolean"), numbers), StartsWith("row 2 of x: \"2.5\" is no boolean"));
  EXPECT_THAT(FitError(Cast("integer"), Make({MakeNumberColumn("x", {kInfinity})})),
              StartsWith("row 1 of x: \"inf\" is no whole number"));
  EXPECT_THAT(FitError(Cast("integer"), Make({MakeStringColumn("x", {"9007199254740994"})})),
              HasSubstr("is no whole number of up to 2^53"));
  EXPECT_THAT(FitError(Cast("integr"), numbers), HasSubstr("did you mean \"integer\"?"));
  EXPECT_THAT(FitError(Cast("integer", "ignore"), numbers),
              HasSubstr("errors must be error or missing"));
}

TEST(Cast, DegenerateColumns) {
  for (const char* to : {"numeric", "integer", "boolean", "categorical", "text", "id"}) {
    for (const Table& table :
         {Make({MakeNumberColumn("x", {})}), Make({MakeNumberColumn("x", {kMissing})}),
          Make({MakeStringColumn("x", {})}),
          Make({MakeStringColumn("x", {""}, ColumnKind::kText, {false})})}) {
      const Table cast = FitApply(Cast(to), table, table.rows);
      ASSERT_EQ(cast.columns.size(), 1u);
      for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
        EXPECT_TRUE(cast.columns[0].missing(i));
      }
    }
  }
  const Table infinite = Make({MakeNumberColumn("x", {kInfinity, -kInfinity})});
  EXPECT_EQ(FitApply(Cast("numeric"), infinite, 2).columns[0].numbers[1], -kInfinity);
  EXPECT_TRUE(FitApply(Cast("integer", "missing"), infinite, 2).columns[0].missing(0));
}

Json Derive(const std::string& name, const std::string& expression) {
  return {{"op", "derive"}, {"name", name}, {"expression", expression}};
}

// DuckDB and numpy both compute in doubles, operation by operation: the same bits.
TEST(Derive, AsPandasDoes) {
  const Table table = ReferenceTable(ReferenceNames());
  for (const auto& [expression, values] : Reference()["derive"].items()) {
    const Table derived = FitApply(Derive("new", expression), table, 40);
    ASSERT_EQ(derived.columns.size(), table.columns.size() + 1) << expression;
    EXPECT_EQ(derived.columns.back().info.name, "new");
    ExpectNumbers(derived.columns.back().numbers, NumbersOf(values), 0, expression);
  }
}

TEST(Derive, TextsAndReplacedColumns) {
  Table derived = FitApply(Derive("job", "upper(job) || '-' || job"), Wild(), 2);
  EXPECT_THAT(derived.names(), ElementsAre("age", kWild, "job", "note"));
  EXPECT_EQ(derived.columns[2].text(1), "B-b");
  EXPECT_EQ(derived.columns[2].info.kind, ColumnKind::kCategorical);
  // What is replaced need not be read.
  derived = FitApply(Derive("age", "length(job) + 1"), Wild(), 2);
  EXPECT_THAT(derived.columns[0].numbers, ElementsAre(2, 2, 2));
  derived = FitApply(Derive("one", "1"), Wild(), 2);
  EXPECT_THAT(derived.columns[4].numbers, ElementsAre(1, 1, 1));
}

TEST(Derive, AnyColumnNameCanBeRead) {
  std::string quoted = "\"";
  for (const char c : std::string(kWild))
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  quoted += "\" * 2";
  const Table derived = FitApply(Derive("a\"b", quoted), Wild(), 2);
  EXPECT_THAT(derived.columns[4].numbers, ElementsAre(8, 10, 12));
  EXPECT_EQ(derived.columns[4].info.name, "a\"b");
}

TEST(Derive, ReadsNoMoreThanItsColumns) {
  auto made = MakeOperation(Derive("x", "age + 1"));
  ASSERT_TRUE(made.ok());
  const Frame frame = FrameOf(Wild());
  ASSERT_TRUE((*made)->Fit(FitData(frame)).ok());
  EXPECT_THAT((*made)->columns(), ElementsAre("age"));
}

TEST(Derive, SaysWhatIsWrong) {
  EXPECT_THAT(FitError(Derive("x", "agee + 1"), Wild()),
              HasSubstr("there is no column \"agee\" (did you mean \"age\"?)"));
  EXPECT_EQ(FitError(Derive("", "1"), Wild()), "derive: name must say what the column is called");
  EXPECT_EQ(FitError(Derive("x", ""), Wild()),
            "derive: expression must say what is computed, in SQL");
  for (const char* refused : {"avg(age)", "age; DROP TABLE data", "(SELECT 1)", "now()", "random()",
                              "row_number() OVER ()", "age +"}) {
    EXPECT_THAT(FitError(Derive("x", refused), Wild()), HasSubstr("expression `")) << refused;
  }
  const Table table =
      Make({MakeNumberColumn("n", {1, 2, 0, 4}), MakeStringColumn("t", {"1", "2", "3", "four"})});
  EXPECT_THAT(FitError(Derive("x", "CAST(t AS DOUBLE)"), table),
              StartsWith("row 4 of t: expression `CAST(t AS DOUBLE)`: "));
  EXPECT_THAT(FitError(Derive("x", "ln(n)"), table), StartsWith("row 3 of n: expression `ln(n)`"));
  EXPECT_THAT(FitError(Derive("x", "n + t"), table), testing::Not(StartsWith("row 1 of n")));
}

TEST(Derive, InfinitiesAndMissingValues) {
  const Table table = Make({MakeNumberColumn("n", {1e308, kInfinity, -kInfinity, kMissing, 0})});
  Table derived = FitApply(Derive("x", "n * 1.0"), table, 5);
  ExpectNumbers(derived.columns[1].numbers, {1e308, kInfinity, -kInfinity, kMissing, 0}, 0, "n");
  // Division by zero is missing.
  derived = FitApply(Derive("x", "1 / n"), table, 5);
  ExpectNumbers(derived.columns[1].numbers, {1e-308, 0, 0, kMissing, kMissing}, 1e-320, "1 / n");
  EXPECT_THAT(FitError(Derive("x", "n * 10"), table), StartsWith("row 1 of n: "));
  const Table none = Make({MakeNumberColumn("n", {})});
  EXPECT_EQ(FitApply(Derive("x", "n + 1"), none, 0).columns[1].numbers.size(), 0u);
}

TEST(Derive, RefusesDamagedTransforms) {
  Json spec = Derive("x", "a + b");
  for (const Json& columns : {Json({"a"}), Json(7), Json({"a", "a"}), Json({"b", "c"})}) {
    spec["fitted"] = {{"columns", columns}};
    auto made = MakeOperation(spec);
    ASSERT_TRUE(made.ok());
    const std::shared_ptr<Operation> operation = std::move(*made);
    OperationChain chain({{.name = "a"}, {.name = "b"}});
    EXPECT_EQ(chain.Add(operation).code(), StatusCode::kInvalidArgument) << columns;
  }
}

}  // namespace
}  // namespace penstock
