// Points of metric series as bytes, and in the journal.

#include "storage/journal/points.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/random.h"
#include "storage/journal/journal.h"

namespace penstock {
namespace {

constexpr Time kNow{1'760'000'000'000'000};

bool Same(const MetricPoint& a, const MetricPoint& b) {
  const bool same_value = a.value == b.value || (std::isnan(a.value) && std::isnan(b.value));
  return a.name == b.name && a.index == b.index && a.time == b.time && same_value;
}

void ExpectRoundTrip(const std::vector<MetricPoint>& points) {
  const std::string bytes = EncodePoints(points);
  EXPECT_EQ(CountPoints(bytes), static_cast<int64_t>(points.size()));
  const auto back = DecodePoints(bytes);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->size(), points.size());
  for (std::size_t i = 0; i < points.size(); ++i) EXPECT_TRUE(Same((*back)[i], points[i])) << i;
}

TEST(PointsTest, AnyPointsComeBackAsTheyWere) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  ExpectRoundTrip({});
  ExpectRoundTrip({{"loss", 0, 0.5, kNow},
                   {"auc", 7, std::nan(""), kNow},
                   {"loss", 1, -std::numeric_limits<double>::infinity(), {kNow.micros + 3}},
                   {"", kMost, 5e-324, {0}},
                   {"loss", kLeast, 0, {kLeast}},
                   {"loss", kMost, 0, {kMost}}});
}

TEST(PointsTest, ACurveTakesLittle) {
  std::vector<MetricPoint> points;
  for (int i = 0; i < 1'000; ++i) {
    points.push_back({"validation:logloss", i, 1.0 / (i + 3), {kNow.micros + i * 8'000}});
  }
  EXPECT_LT(EncodePoints(points).size(), 13'000U);
}

TEST(PointsTest, DamagedBytesAreToldAndReadNothingBeyondThem) {
  const std::string bytes =
      EncodePoints(std::vector<MetricPoint>{{"loss", 0, 0.5, kNow}, {"auc", 1, 0.7, kNow}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodePoints(bytes.substr(0, size)).status().reason(), "CORRUPT") << size;
  }
  EXPECT_FALSE(DecodePoints(bytes + "x").ok());
  SeededRandom random(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    const auto at = static_cast<std::size_t>(random.Next() % damaged.size());
    damaged[at] = static_cast<char>(random.Next());
    (void)DecodePoints(damaged);  // whatever it says, the sanitizers are silent
    EXPECT_LE(CountPoints(damaged), static_cast<int64_t>(damaged.size()));
  }
}

class SeriesTest : public testing::Test {
 protected:
  void Append(int attempt, int64_t first, int count) {
    std::vector<MetricPoint> points;
    for (int64_t i = first; i < first + count; ++i) {
      points.push_back({i % 2 == 0 ? "even" : "odd", i, static_cast<double>(i), kNow});
    }
    ASSERT_TRUE(journal_->AppendMetrics(run_, {3, attempt}, first, points).ok());
  }
  // The values by attempt, name by name.
  std::vector<double> Values(const std::vector<std::string>& names, PointPosition from,
                             PointPosition* end = nullptr) {
    const auto read = journal_->ReadMetrics(run_, 3, names, from);
    EXPECT_TRUE(read.ok()) << read.status();
    std::vector<double> values;
    for (const MetricSeries& one : read->series) {
      for (const MetricPoint& point : one.points) values.push_back(point.value);
    }
    if (end != nullptr) *end = read->end;
    return values;
  }

  const RunId run_{"run-01ARYZ6S41TSV4RRFFQ69G5FAV"};
  TempFolder folder_ = *TempFolder::Make("/tmp");
  std::unique_ptr<Journal> journal_ = *Journal::Open(folder_.path());
};

TEST_F(SeriesTest, ReadingGoesOnWhereItEnded) {
  PointPosition end;
  EXPECT_TRUE(Values({}, {}, &end).empty());
  Append(1, 0, 3);
  EXPECT_EQ(Values({}, end, &end), (std::vector<double>{0, 2, 1}));
  EXPECT_TRUE(Values({}, end, &end).empty());
  Append(1, 3, 2);
  Append(2, 0, 2);
  EXPECT_EQ(Values({}, end, &end), (std::vector<double>{4, 3, 0, 1}));
  EXPECT_EQ(end, (PointPosition{2, 2}));
  EXPECT_EQ(Values({"odd"}, {1, 2}), (std::vector<double>{3, 1})) << "inside a frame";
  journal_ = *Journal::Open(folder_.path());
  EXPECT_EQ(Values({}, {}), (std::vector<double>{0, 2, 4, 1, 3, 0, 1}));
  EXPECT_EQ(journal_->ReadMetrics(run_, 3, {"even"})->series.at(0).points.at(1).time, kNow);
}

TEST_F(SeriesTest, PointsThatAreKnownAreDropped) {
  Append(1, 0, 3);
  Append(1, 1, 4);
  EXPECT_EQ(Values({}, {}), (std::vector<double>{0, 2, 4, 1, 3}));
}

}  // namespace
}  // namespace penstock
