// sort, shuffle, filter and deduplicate, against what pandas gives (shape_reference.py).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "tests/unit/process/shape_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const double kInfinity = std::numeric_limits<double>::infinity();

std::vector<int> Expected(const char* operation, const std::string& what) {
  return Reference()[operation][what].get<std::vector<int>>();
}

Json Sort(const Json& by, const Json& descending = false) {
  return {{"op", "sort"}, {"by", by}, {"descending", descending}};
}

TEST(Sort, AsPandasDoes) {
  const Table table = ReferenceTable({"a", "b", "t"});
  for (const int64_t block : {1'000, 7}) {
    EXPECT_EQ(RowsAfter({Sort({"a"})}, table, block), Expected("sort", "a"));
    EXPECT_EQ(RowsAfter({Sort({"t"})}, table, block), Expected("sort", "t"));
    EXPECT_EQ(RowsAfter({Sort({"a"}, true)}, table, block), Expected("sort", "a down"));
    EXPECT_EQ(RowsAfter({Sort({"t", "b", "a"}, {"b"})}, table, block),
              Expected("sort", "t, b down, a"));
  }
}

// The last sort counts most, and leaves equal rows as they stand.
TEST(Sort, IsStable) {
  const Table table = ReferenceTable({"a", "b", "t"});
  EXPECT_EQ(RowsAfter({Sort({"a"}), Sort({"b"}, true), Sort({"t"})}, table),
            Expected("sort", "t, b down, a"));
  const std::vector<int> once = RowsAfter({Sort({"b"})}, table);
  EXPECT_EQ(RowsAfter({Sort({"b"}), Sort({"b"})}, table), once);
}

TEST(Sort, EdgesOfNumbersAndTexts) {
  Column dates =
      MakeStringColumn("day", {"2027-01-02", "", "1999-12-31", "2027-01-01", "0001-01-01"},
                       ColumnKind::kDate, {true, false, true, true, true});
  dates.info.type = ColumnType::kDate;
  const Table table = Make({MakeNumberColumn("x", {kInfinity, -kInfinity, 0.0, -0.0, kMissing}),
                            MakeStringColumn("t", {"\"a'; DROP", "A", "\n", "é", "a"}),
                            MakeNumberColumn("\"x\" ; --", {3, 1, 2, 1, 3}), dates});
  EXPECT_THAT(RowsAfter({Sort({"x"})}, table), ElementsAre(1, 2, 3, 0, 4));
  EXPECT_THAT(RowsAfter({Sort({"x"}, true)}, table), ElementsAre(0, 2, 3, 1, 4));
  EXPECT_THAT(RowsAfter({Sort({"t"})}, table), ElementsAre(2, 0, 1, 4, 3));
  EXPECT_THAT(RowsAfter({Sort({"\"x\" ; --", "x"}, {"x"})}, table), ElementsAre(3, 1, 2, 0, 4));
  EXPECT_THAT(RowsAfter({Sort({"day"})}, table), ElementsAre(4, 2, 3, 0, 1));
}

TEST(Sort, RowsThatAreDroppedStayDropped) {
  const Table table = Make({MakeNumberColumn("x", {5, 4, 3, 2, 1})});
  const Json filter = {{"op", "filter"}, {"where", "x <> 3"}};
  EXPECT_THAT(RowsAfter({filter, Sort({"x"})}, table, 2), ElementsAre(4, 3, 1, 0));
  EXPECT_THAT(RowsAfter({Sort({"x"}), filter}, table, 2), ElementsAre(4, 3, 1, 0));
}

TEST(Sort, DegenerateTables) {
  EXPECT_THAT(RowsAfter({Sort({"x"})}, Make({MakeNumberColumn("x", {})})), IsEmpty());
  EXPECT_THAT(RowsAfter({Sort({"x"})}, Make({MakeNumberColumn("x", {1})})), ElementsAre(0));
  EXPECT_THAT(RowsAfter({Sort({"x"})}, Make({MakeNumberColumn("x", {kMissing, kMissing})})),
              ElementsAre(0, 1));
}

TEST(Sort, SaysWhatIsWrong) {
  const Table table = Make({MakeNumberColumn("age", {1, 2})});
  EXPECT_EQ(RowError(Sort({"agee"}), table),
            "sort: no column is named \"agee\" (did you mean \"age\"?)");
  EXPECT_EQ(RowError(Sort(Json::array()), table), "sort: by must name at least one column");
  EXPECT_EQ(RowError(Sort({"age", "age"}), table), "sort: by names a column twice");
  EXPECT_EQ(RowError(Sort({"age"}, {"x"}), table),
            "sort: descending names \"x\", which is not in by");
  Json train = Sort({"age"});
  train["applies"] = "train";
  EXPECT_EQ(RowError(train, table), "sort: applies must be fit or all");
}

TEST(Shuffle, IsAPermutationBySeed) {
  std::vector<double> values(1'000);
  std::iota(values.begin(), values.end(), 0);
  const Table table = Make({MakeNumberColumn("x", values)});
  const auto shuffled = [&](int seed, int64_t block) {
    return RowsAfter({{{"op", "shuffle"}, {"seed", seed}}}, table, block);
  };
  const std::vector<int> order = shuffled(7, 100);
  EXPECT_EQ(order, shuffled(7, 1'000));
  EXPECT_NE(order, shuffled(8, 100));
  EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 1'000u);
  // As many rows as chance leaves in their places: one, more than eight once in a million.
  int stayed = 0;
  for (int i = 0; i < 1'000; ++i) stayed += order[static_cast<std::size_t>(i)] == i ? 1 : 0;
  EXPECT_LT(stayed, 9);
  // What is sorted afterwards is sorted, with equal rows as they were shuffled.
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()) == false);
  const std::vector<int> sorted = RowsAfter({{{"op", "shuffle"}, {"seed", 7}}, Sort({"x"})}, table);
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
  EXPECT_EQ(RowError({{"op", "shuffle"}, {"seed", -1}}, table), "shuffle: seed must be at least 0");
}

// Each of the 6 orders of three rows comes about as often: chi-squared below the 99.99 % quantile
// of 5 degrees of freedom.
TEST(Shuffle, EveryOrderIsAsLikely) {
  const Table table = Make({MakeNumberColumn("x", {1, 2, 3})});
  std::map<std::vector<int>, int> count;
  for (int seed = 0; seed < 1'200; ++seed) {
    ++count[RowsAfter({{{"op", "shuffle"}, {"seed", seed}}}, table)];
  }
  EXPECT_EQ(count.size(), 6u);
  double chi = 0;
  for (const auto& [order, times] : count) chi += (times - 200.0) * (times - 200.0) / 200;
  EXPECT_LT(chi, 25.7);
}

Json Filter(const std::string& where) {
  return {{"op", "filter"}, {"where", where}};
}

TEST(Filter, AsPandasDoes) {
  const Table table = ReferenceTable(ReferenceNames());
  for (const auto& [where, rows] : Reference()["filter"].items()) {
    EXPECT_EQ(RowsAfter({Filter(where)}, table, 1'000), rows.get<std::vector<int>>()) << where;
    EXPECT_EQ(RowsAfter({Filter(where)}, table, 7), rows.get<std::vector<int>>()) << where;
  }
}

TEST(Filter, OneAfterTheOtherIsAnd) {
  const Table table = ReferenceTable(ReferenceNames());
  EXPECT_EQ(RowsAfter({Filter("a > 0"), Filter("b < 2")}, table),
            RowsAfter({Filter("a > 0 AND b < 2")}, table));
  EXPECT_EQ(RowsAfter({Filter("true")}, table).size(), 200u);
  EXPECT_THAT(RowsAfter({Filter("a > 0"), Filter("NOT a > 0")}, table), IsEmpty());
}

TEST(Filter, TrainRowsAlone) {
  const Table table = Make({MakeNumberColumn("x", {1, 2, 3, 4})});
  auto draft = DraftOf(table, 3);
  ASSERT_TRUE(draft.ok());
  Json spec = Filter("x > 2");
  spec["applies"] = "train";
  const Status status = (*MakeRowOperation(spec))->Run(*draft);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(draft->live_rows(), 4);
  EXPECT_EQ(draft->TrainingRows().rows(), 2);
}

TEST(Filter, SaysWhatIsWrong) {
  const Table table = Make({MakeNumberColumn("age", {1, 2}), MakeStringColumn("t", {"1", "x"})});
  EXPECT_EQ(RowError(Filter(""), table), "filter: where must say which rows stay, in SQL");
  EXPECT_THAT(RowError(Filter("agee > 1"), table),
              HasSubstr("there is no column \"agee\" (did you mean \"age\"?)"));
  EXPECT_THAT(RowError(Filter("age + 1"), table), HasSubstr("is neither true nor false"));
  EXPECT_THAT(RowError(Filter("age >"), table), HasSubstr("expression `age >`"));
  EXPECT_THAT(RowError(Filter("sum(age) > 1"), table), HasSubstr("expression `sum(age) > 1`"));
  EXPECT_THAT(RowError(Filter("age > random()"), table), HasSubstr("random"));
  EXPECT_THAT(RowError(Filter("age > agee"), Make({MakeNumberColumn("age", {})})),
              HasSubstr("no column \"agee\""));
  EXPECT_THAT(RowError(Filter("age + 1"), Make({MakeNumberColumn("age", {})})),
              HasSubstr("is neither true nor false"));
}

Json Deduplicate(const Json& key, const std::string& keep, const std::string& conflict = "keep") {
  Json spec = {{"op", "deduplicate"}, {"keep", keep}, {"conflict", conflict}};
  if (!key.is_null()) spec["key"] = key;
  return spec;
}

TEST(Deduplicate, AsPandasDoes) {
  const Table table = ReferenceTable({"a", "b", "t"});
  // Of 200 rows of 40 bytes: all at once, and in hundreds of passes.
  for (const int64_t budget : {0, 64}) {
    for (const char* keep : {"first", "last", "none"}) {
      EXPECT_EQ(RowsAfter({Deduplicate({"t", "b"}, keep)}, table, 7, budget),
                Expected("deduplicate", keep))
          << keep << budget;
    }
    EXPECT_EQ(RowsAfter({Deduplicate({"t", "b"}, "first", "drop")}, table, 7, budget),
              Expected("deduplicate", "alike"));
  }
}

TEST(Deduplicate, IsIdempotentAndKnowsTheOrder) {
  const Table table = ReferenceTable({"a", "b", "t"});
  const Json first = Deduplicate({"t"}, "first");
  EXPECT_EQ(RowsAfter({first, first}, table), RowsAfter({first}, table));
  EXPECT_EQ(RowsAfter({first, Deduplicate({"t"}, "error", "error")}, table),
            RowsAfter({first}, table));
  // The first of each text after sorting has the smallest number.
  const std::vector<int> smallest = RowsAfter({Sort({"t", "a"}), first}, table);
  const std::vector<int> sorted = Expected("sort", "a");
  std::set<std::string> seen;
  std::set<int> expected;
  for (const int row : sorted) {
    if (seen.insert(table.columns[2].text(static_cast<std::size_t>(row))).second) {
      expected.insert(row);
    }
  }
  EXPECT_EQ(std::set<int>(smallest.begin(), smallest.end()), expected);
}

TEST(Deduplicate, WithoutAKeyByFeaturesAndLabel) {
  const Table table = Make({MakeStringColumn("id", {"1", "2", "3", "4", "5"}, ColumnKind::kId),
                            MakeNumberColumn("x", {0.0, -0.0, kMissing, kMissing, 0.0}),
                            MakeNumberColumn("y", {1, 1, 1, 1, 2})});
  Roles roles;
  roles.id = {"id"};
  roles.label = "y";
  EXPECT_THAT(RowsAfter({Deduplicate({}, "first")}, table, 2, 0, roles), ElementsAre(0, 2, 4));
  EXPECT_THAT(RowsAfter({Deduplicate({"id"}, "first")}, table, 2, 0, roles),
              ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(RowsAfter({Deduplicate({"x"}, "last", "drop")}, table, 2, 0, roles), ElementsAre(3));
  EXPECT_THAT(RowsAfter({Deduplicate({"x"}, "none", "last")}, table, 2, 0, roles), ElementsAre(4));
}

TEST(Deduplicate, TrainRowsAlone) {
  auto draft = DraftOf(Make({MakeNumberColumn("x", {1, 1, 2, 1})}), 3);
  ASSERT_TRUE(draft.ok());
  Json spec = Deduplicate({"x"}, "last");
  spec["applies"] = "train";
  const Status status = (*MakeRowOperation(spec))->Run(*draft);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(draft->live_rows(), 4);
  EXPECT_EQ(draft->TrainingRows().rows(), 2);
  EXPECT_TRUE(draft->is_training(3));
}

TEST(Deduplicate, DegenerateTables) {
  EXPECT_THAT(RowsAfter({Deduplicate({"x"}, "first")}, Make({MakeNumberColumn("x", {})})),
              IsEmpty());
  EXPECT_THAT(RowsAfter({Deduplicate({"x"}, "none")}, Make({MakeNumberColumn("x", {1})})),
              ElementsAre(0));
  EXPECT_THAT(
      RowsAfter({Deduplicate({"x"}, "first")},
                Make({MakeNumberColumn("x", {kInfinity, -kInfinity, kInfinity, kMissing})})),
      ElementsAre(0, 1, 3));
}

TEST(Deduplicate, SaysWhatIsWrong) {
  const Table table = Make({MakeNumberColumn("age", {1, 2})});
  EXPECT_EQ(RowError(Deduplicate({"agee"}, "first"), table),
            "deduplicate: no column is named \"agee\" (did you mean \"age\"?)");
  EXPECT_EQ(RowError(Deduplicate({"age"}, "drop"), table),
            "deduplicate: keep must be first, last, none or error");
  EXPECT_EQ(RowError(Deduplicate({"age"}, "first", "none"), table),
            "deduplicate: conflict must be keep, first, last, drop or error");
}

}  // namespace
}  // namespace penstock
