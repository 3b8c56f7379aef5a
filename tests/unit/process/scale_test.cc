// Invariances, round trips and errors of operations that scale numbers; figures of other programs
// are in numbers_reference_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "steps/process/even_quantiles.h"
#include "steps/process/minimum.h"
#include "tests/unit/process/operation_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// 64 numbers of both signs, and exact when moved by powers of 2.
std::vector<double> Numbers() {
  std::vector<double> numbers;
  for (int i = 0; i < 64; ++i) numbers.push_back((i * 37 % 64 - 20) * (i % 3 + 1) * 0.25);
  return numbers;
}

template <typename Function>
Table Of(const Function& function) {
  std::vector<double> numbers;
  for (const double number : Numbers()) numbers.push_back(function(number));
  return Make({MakeNumberColumn("x", numbers)});
}
Table Same() {
  return Of([](double x) { return x; });
}

std::vector<double> Scaled(const Json& spec, const Table& table) {
  return FitApply(spec, table, table.rows).columns[0].numbers;
}

TEST(Robust, DoesNotMindShiftAndScale) {
  const Json spec = {{"op", "robust"}, {"columns", "x"}};
  EXPECT_EQ(Scaled(spec, Same()), Scaled(spec, Of([](double x) { return 8 * x + 1024; })));
  EXPECT_EQ(FitError({{"op", "robust"}, {"columns", "x"}, {"quantiles", {0.7, 0.2}}}, Same()),
            "robust: quantiles must be two shares from 0 to 1, the lower first");
}

TEST(MaxAbs, KeepsZeroAndDoesNotMindScale) {
  const Json spec = {{"op", "max_abs"}, {"columns", "x"}};
  EXPECT_EQ(Scaled(spec, Same()), Scaled(spec, Of([](double x) { return 4 * x; })));
  const Table table = Make({MakeNumberColumn("x", {0, -8, 2, 16})});
  EXPECT_THAT(FitApply(spec, table, 3).columns[0].numbers, ElementsAre(0, -1, 0.25, 2));
}

TEST(QuantileScale, DoesNotMindWhatKeepsTheOrder) {
  for (const char* distribution : {"uniform", "normal"}) {
    const Json spec = {{"op", "quantile"}, {"columns", "x"}, {"distribution", distribution}};
    EXPECT_EQ(Scaled(spec, Same()), Scaled(spec, Of([](double x) { return std::cbrt(x) * 7; })));
  }
}

TEST(QuantileScale, TiesAndValuesOutside) {
  const Table table = Make({MakeNumberColumn("x", {1, 2, 2, 2, 3, -5, 0, 1.5, 2.5, 9})});
  EXPECT_THAT(FitApply({{"op", "quantile"}, {"columns", "x"}}, table, 5).columns[0].numbers,
              ElementsAre(0, 0.5, 0.5, 0.5, 1, 0, 0, 0.125, 0.875, 1));
  const auto normal =
      FitApply({{"op", "quantile"}, {"columns", "x"}, {"distribution", "normal"}}, table, 5);
  // python3: statistics.NormalDist().inv_cdf(1e-7), (0.125)
  EXPECT_NEAR(normal.columns[0].numbers[5], -5.199337582192816, 1e-12);
  EXPECT_NEAR(normal.columns[0].numbers[7], -1.1503493803760083, 1e-15);
  EXPECT_EQ(normal.columns[0].numbers[1], 0);
  EXPECT_EQ(FitError({{"op", "quantile"}, {"columns", "x"}, {"n_quantiles", 1}}, table),
            "quantile: n_quantiles must be from 2 to 100000");
}

TEST(Log, ExponentialsUndoIt) {
  const Table table = Make({MakeNumberColumn("x", {0, 1e-12, 3.5, 1e6})});
  const auto logs = Scaled({{"op", "log"}, {"columns", "x"}}, table);
  EXPECT_DOUBLE_EQ(std::expm1(logs[1]), 1e-12) << "log1p keeps what 1 + x would lose";
  for (std::size_t i = 0; i < logs.size(); ++i) {
    EXPECT_NEAR(std::expm1(logs[i]), table.columns[0].numbers[i], 1e-9);
  }
}

TEST(Log, ValuesWithoutLogarithm) {
  const Table table = Make({MakeNumberColumn("x", {4, 0.5, 2, -1, kMissing, -7})});
  Json spec = {{"op", "log"}, {"columns", "x"}};
  std::string error;
  FitApply(spec, table, 3, &error);
  EXPECT_EQ(
      error,
      "row 4 of x: -1 has no logarithm with offset 1; give a larger offset, or below: missing "
      "or clip (to the smallest training value that has one)");
  spec["below"] = "missing";
  Table logs = FitApply(spec, table, 3);
  EXPECT_TRUE(logs.columns[0].missing(3));
  EXPECT_TRUE(logs.columns[0].missing(5));
  spec["below"] = "clip";
  logs = FitApply(spec, table, 3);
  EXPECT_EQ(logs.columns[0].numbers[3], std::log1p(0.5));
  EXPECT_TRUE(logs.columns[0].missing(4));
  EXPECT_EQ(logs.columns[0].numbers[5], std::log1p(0.5));
  // Nothing to clip to.
  spec["offset"] = -9;
  EXPECT_THAT(FitError(spec, table), HasSubstr("row 1 of x: 4 has no logarithm with offset -9"));
  spec["offset"] = "auto";
  logs = FitApply(spec, table, 4);
  EXPECT_EQ(logs.columns[0].numbers[3], 0) << "the smallest training value goes to log(1)";
  EXPECT_EQ(logs.columns[0].numbers[0], std::log(6.0));
  spec["offset"] = "none";
  EXPECT_EQ(FitError(spec, table), "log: offset must be a number or auto, not \"none\"");
}

TEST(YeoJohnson, NegatedNumbersGiveNegatedResults) {
  const Json spec = {{"op", "yeo_johnson"}, {"columns", "x"}};
  const auto results = Scaled(spec, Same());
  const auto negated = Scaled(spec, Of([](double x) { return -x; }));
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_NEAR(results[i], -negated[i], 1e-6);
  }
}

TEST(YeoJohnson, ThePowerCanBeUndone) {
  const Table table = Same();
  auto operation = MakeOperation({{"op", "yeo_johnson"}, {"columns", "x"}, {"standardize", false}});
  ASSERT_TRUE(operation.ok());
  const Frame frame = FrameOf(table);
  ASSERT_TRUE((*operation)->Fit(FitData(frame)).ok());
  const double lambda = (*operation)->ToJson()["fitted"]["x"]["lambda"];
  Table after = table;
  ASSERT_TRUE((*operation)->Apply(after, {}).ok());
  for (std::size_t i = 0; i < 64; ++i) {
    const double y = after.columns[0].numbers[i];
    const double x = y >= 0 ? std::pow(y * lambda + 1, 1 / lambda) - 1
                            : 1 - std::pow(1 - (2 - lambda) * y, 1 / (2 - lambda));
    EXPECT_NEAR(x, table.columns[0].numbers[i], 1e-12 * std::max(1.0, std::fabs(x)) * 64);
  }
}

// Powers of such numbers are all the same in doubles, but what is standardised is not.
TEST(YeoJohnson, NumbersFarFromZero) {
  const Table table = Of([](double x) { return 1e9 + x; });
  const auto results = Scaled({{"op", "yeo_johnson"}, {"columns", "x"}}, table);
  double sum = 0;
  double squares = 0;
  for (const double y : results) {
    sum += y;
    squares += y * y;
  }
  EXPECT_NEAR(sum / 64, 0, 1e-9);
  EXPECT_NEAR(squares / 64, 1, 1e-9);
  const auto& x = table.columns[0].numbers;
  for (std::size_t i = 0; i < 64; ++i) {
    for (std::size_t j = 0; j < 64; ++j) {
      ASSERT_EQ(x[i] < x[j], results[i] < results[j]);
    }
  }
}

TEST(Scaling, WhatIsOutOfRangeIsNamed) {
  const Table table = Make({MakeNumberColumn("x", {0, 5e-324, 1, 1e308, -1e308})});
  std::string error;
  FitApply({{"op", "max_abs"}, {"columns", "x"}}, table, 2, &error);
  EXPECT_EQ(error,
            "row 3 of x: 1 is out of range: what max_abs makes of it is no finite number; mend the "
            "value, or clip it with outliers before");
  EXPECT_THAT(FitError({{"op", "min_max"}, {"columns", "x"}}, table),
              HasSubstr("min_max: column \"x\" has values that are too large to be scaled"));
}

// All ranks of numbers that do not fit into memory, by as many passes as it takes.
TEST(EvenQuantiles, SelectsRanksInLittleMemory) {
  std::vector<double> numbers;
  for (int i = 0; i < 500; ++i) numbers.push_back(std::ldexp(i * 7919 % 501 - 250, i % 40 - 20));
  for (int i = 0; i < 300; ++i) numbers.push_back(1.5);  // more than fit
  const Frame frame = FrameOf(Make({MakeNumberColumn("x", numbers)}), 64);
  const FitData data(frame);
  std::vector<int64_t> ranks;
  for (int64_t i = 0; i < 800; i += 3) ranks.push_back(i);
  std::vector<double> sorted = numbers;
  std::sort(sorted.begin(), sorted.end());
  for (const int64_t capacity : {1, 10, 100, 1'000}) {
    const auto found = SelectRanks(
        data, {"x"},
        [](const Table& block, std::vector<double>& to) {
          to.insert(to.end(), block.columns[0].numbers.begin(), block.columns[0].numbers.end());
        },
        800, ranks, capacity);
    ASSERT_TRUE(found.ok());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      ASSERT_EQ((*found)[i], sorted[static_cast<std::size_t>(ranks[i])]) << capacity;
    }
  }
}

TEST(EvenQuantiles, DoNotDependOnMemory) {
  const Table table = Make({MakeNumberColumn("a", Numbers()), MakeNumberColumn("b", {Numbers()}),
                            MakeNumberColumn("none", std::vector<double>(64, kMissing))});
  const Frame frame = FrameOf(table, 10);
  const auto learn = [&](int64_t budget) {
    FitData::Options options;
    options.frame = &frame;
    options.budget = budget;
    auto quantiles =
        LearnEvenQuantiles(FitData(options), {"a", "none", "b"}, [](int64_t) { return 11; });
    EXPECT_TRUE(quantiles.ok());
    return *quantiles;
  };
  const auto all = learn(1 << 20);
  EXPECT_EQ(all[0].size(), 11u);
  EXPECT_EQ(all[0], all[2]);
  EXPECT_TRUE(all[1].empty());
  EXPECT_EQ(all, learn(64 * 16));  // one column at a time
  EXPECT_EQ(all, learn(64));       // not even one
}

TEST(FindMinimum, OfKnownFunctions) {
  const auto parabola =
      FindMinimum([](double x) { return Result<double>((x - 7) * (x - 7)); }, -2, 2);
  ASSERT_TRUE(parabola.ok());
  EXPECT_NEAR(*parabola, 7, 1e-6);
  const auto cosh = FindMinimum([](double x) { return Result<double>(std::cosh(x + 40)); }, -2, 2);
  ASSERT_TRUE(cosh.ok());
  EXPECT_NEAR(*cosh, -40, 1e-6);
  const auto falling = FindMinimum([](double x) { return Result<double>(-x); }, 0, 1);
  EXPECT_EQ(falling.status().code(), StatusCode::kInvalidArgument);
  const auto failing = FindMinimum([](double) { return Result<double>(Cancelled("no")); }, 0, 1);
  EXPECT_EQ(failing.status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace penstock
