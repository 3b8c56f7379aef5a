// The paired bootstrap against comparison_reference.py, and cases whose answer is known.

#include "steps/evaluate/comparison.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penstock {
namespace {

constexpr double kTolerance = 1e-12;
constexpr int kRows = 60;

bool Never() {
  return false;
}

double Round(double value, double unit) {
  return std::round(value * unit) / unit;
}

// The rows of comparison_reference.py.
PairedRows Rows(bool weighted) {
  PairedRows rows;
  for (int i = 0; i < kRows; ++i) {
    const int label = i * 7 % 5 < 2 ? 1 : 0;
    rows.labels.push_back(label);
    rows.first.push_back(Round(i * 37 % 101 / 101.0 + 0.35 * label, 100));
    rows.second.push_back(Round(i * 53 % 97 / 97.0 + 0.26 * label, 10));
    if (weighted) rows.weights.push_back(1 + i % 3);
  }
  return rows;
}

// first, second, delta, low, high, p
void Expect(const PairedDifference& difference, const double (&expected)[6]) {
  const Measure measures[] = {difference.first, difference.second, difference.delta,
                              difference.low,   difference.high,   difference.p};
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(measures[i].value, expected[i], kTolerance) << i;
}

TEST(ComparisonTest, AucIsThatOfTheReference) {
  Expect(ComparePaired(PairedMeasure::kAuc, Rows(false), 1, Never),
         {0.7899305555555556, 0.7390046296296297, 0.05092592592592593, -0.10237867647058832,
          0.1925931157078215, 0.5634365634365635});
}

TEST(ComparisonTest, WeightsCount) {
  Expect(ComparePaired(PairedMeasure::kAuc, Rows(true), 1, Never),
         {0.8310185185185185, 0.7884837962962963, 0.04253472222222221, -0.09991967979670166,
          0.18386276650699726, 0.6273726273726273});
  PairedRows rows = Rows(true);
  for (int i = 0; i < kRows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    rows.labels[at] = 2 * rows.first[at];
  }
  Expect(ComparePaired(PairedMeasure::kRmse, rows, 1, Never),
         {0.7199907406812025, 0.947486147655996, -0.22749540697479353, -0.31242221001654547,
          -0.13157966819326056, 0.001998001998001998});
}

TEST(ComparisonTest, AccuracyIsThatOfTheReference) {
  PairedRows rows = Rows(false);
  for (double& value : rows.first) value = value > 0.5 ? 1 : 0;
  for (double& value : rows.second) value = value > 0.3 ? 1 : 0;
  Expect(ComparePaired(PairedMeasure::kAccuracy, rows, 1, Never),
         {0.6333333333333333, 0.7166666666666667, -0.08333333333333337, -0.21666666666666667,
          0.050000000000000044, 0.2997002997002997});
}

TEST(ComparisonTest, RmseIsThatOfTheReference) {
  PairedRows rows = Rows(false);
  for (std::size_t i = 0; i < rows.first.size(); ++i) {
    rows.labels[i] = 2 * rows.first[i];
    rows.first[i] = rows.labels[i] + 0.1;
  }
  Expect(ComparePaired(PairedMeasure::kRmse, rows, 1, Never),
         {0.10000000000000005, 0.9435147057677482, -0.8435147057677481, -0.9903736221348359,
          -0.6936622877738486, 0.001998001998001998});
}

TEST(ComparisonTest, IsTheSameForEveryNumberOfThreads) {
  const PairedDifference one = ComparePaired(PairedMeasure::kAuc, Rows(true), 1, Never);
  const PairedDifference four = ComparePaired(PairedMeasure::kAuc, Rows(true), 4, Never);
  EXPECT_EQ(one.low.value, four.low.value);
  EXPECT_EQ(one.high.value, four.high.value);
  EXPECT_EQ(one.p.value, four.p.value);
}

TEST(ComparisonTest, AModelIsNoBetterThanItself) {
  PairedRows rows = Rows(false);
  rows.second = rows.first;
  const PairedDifference difference = ComparePaired(PairedMeasure::kAuc, rows, 2, Never);
  Expect(difference, {difference.first.value, difference.first.value, 0, 0, 0, 1});
}

TEST(ComparisonTest, WhatIsUndefinedSaysWhy) {
  PairedRows rows = Rows(false);
  for (double& label : rows.labels) label = 1;
  const PairedDifference difference = ComparePaired(PairedMeasure::kAuc, rows, 1, Never);
  EXPECT_FALSE(difference.delta.defined());
  EXPECT_EQ(difference.p.reason, "all rows are of one class");
  EXPECT_FALSE(ComparePaired(PairedMeasure::kRmse, {}, 1, Never).delta.defined());
}

TEST(ComparisonTest, ResamplesWithoutAPositiveRowAreLeftOut) {
  // One row in six is positive: about a third of the resamples draw none.
  const PairedRows rows{{1, 0, 0, 0, 0, 0}, {}, {9, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}};
  const PairedDifference difference = ComparePaired(PairedMeasure::kAuc, rows, 1, Never);
  EXPECT_EQ(difference.delta.value, 1);
  EXPECT_EQ(difference.low.value, 1) << "it is above all others whenever it is drawn";
  EXPECT_EQ(difference.high.value, 1);
  EXPECT_LT(difference.p.value, 0.01);
}

}  // namespace
}  // namespace penstock
