// Series of metrics in answers.

#include "server/rpc/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

std::vector<MetricPoint> Curve(int count) {
  std::vector<MetricPoint> points;
  for (int i = 0; i < count; ++i) points.push_back({"loss", i, 1, Time{1'000 + i}});
  return points;
}

TEST(ThinTest, EndsAndExtremesStay) {
  std::vector<MetricPoint> points = Curve(10'000);
  points[0].value = 3;
  points[4'321].value = 9;
  points[4'322].value = -9;
  points[5'000].value = std::nan("");
  points[9'999].value = 2;
  const auto thin = Thin(points, 100);
  EXPECT_LE(thin.size(), 100U);
  EXPECT_EQ(thin.front().value, 3);
  EXPECT_EQ(thin.back().value, 2);
  EXPECT_EQ(std::ranges::count(thin, 9.0, &MetricPoint::value), 1);
  EXPECT_EQ(std::ranges::count(thin, -9.0, &MetricPoint::value), 1);
  EXPECT_TRUE(std::ranges::is_sorted(thin, {}, &MetricPoint::index));
  EXPECT_EQ(Thin(Curve(100), 100).size(), 100U) << "what fits stays whole";
  EXPECT_EQ(Thin(Curve(3), 2).size(), 2U);
}

class ReadSeriesTest : public testing::Test {
 protected:
  Status Read() {
    response_.Clear();
    return ReadSeries(*journal_, run_, 0, request_, &response_);
  }
  const RunId run_{"run-1"};
  TempFolder folder_ = *TempFolder::Make("/tmp");
  std::unique_ptr<Journal> journal_ = *Journal::Open(folder_.path());
  v1::ReadMetricsRequest request_;
  v1::ReadMetricsResponse response_;
};

TEST_F(ReadSeriesTest, TheCursorLeadsOn) {
  ASSERT_TRUE(journal_->AppendMetrics(run_, {0, 1}, 0, Curve(3)).ok());
  ASSERT_TRUE(Read().ok());
  ASSERT_EQ(response_.series_size(), 1);
  EXPECT_THAT(response_.series(0).indices(), testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(response_.series(0).times(2).nanos(), 1'002'000);
  request_.set_cursor(response_.cursor());
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(response_.series_size(), 0);
  EXPECT_EQ(response_.cursor(), request_.cursor());
  for (const char* bad : {"x", "1", "1.", "1.2.3", "-1.2", "1.-2", ".", "1.2 "}) {
    request_.set_cursor(bad);
    EXPECT_EQ(Read().reason(), "BAD_CURSOR") << bad;
  }
}

TEST_F(ReadSeriesTest, LongSeriesAreThinnedAndSaySo) {
  ASSERT_TRUE(journal_->AppendMetrics(run_, {0, 1}, 0, Curve(5'000)).ok());
  ASSERT_TRUE(Read().ok());
  EXPECT_LE(response_.series(0).values_size(), 2'000);
  EXPECT_EQ(response_.series(0).point_count(), 5'000);
  request_.set_max_points(limits::kMaxSeriesPoints);
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(response_.series(0).values_size(), 5'000);
  for (const int bad : {-1, 1, limits::kMaxSeriesPoints + 1}) {
    request_.set_max_points(bad);
    EXPECT_EQ(Read().code(), StatusCode::kInvalidArgument) << bad;
  }
}

// A million points of four series, all asked for: more than a message can hold.
TEST_F(ReadSeriesTest, TheAnswerFitsIntoAMessage) {
  std::vector<MetricPoint> points;
  for (int i = 0; i < 1'000'000; ++i) {
    points.push_back({"series-" + std::to_string(i % 4), i, 0.1 * i, Time{1'760'000'000'000'000}});
  }
  ASSERT_TRUE(journal_->AppendMetrics(run_, {0, 1}, 0, points).ok());
  request_.set_max_points(limits::kMaxSeriesPoints);
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(response_.series_size(), 4);
  EXPECT_LT(response_.ByteSizeLong(), static_cast<std::size_t>(limits::kMaxMessageBytes));
}

}  // namespace
}  // namespace penstock
