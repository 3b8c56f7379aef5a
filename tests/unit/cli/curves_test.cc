// Series of metrics in a row each.

#include "client/cli/curves.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penstock::cli {
namespace {

void Add(v1::ReadMetricsResponse& answer, const std::string& name, int attempt,
         const std::vector<double>& values) {
  v1::MetricSeries& series = *answer.add_series();
  series.set_name(name);
  series.set_attempt(attempt);
  for (const double value : values) {
    series.add_indices(series.values_size());
    series.add_values(value);
    series.add_times()->set_nanos(series.values_size() * 1'000);
  }
  series.set_point_count(series.values_size());
}

TEST(CurveTable, SaysWhereEachSeriesWasBest) {
  v1::ReadMetricsResponse answer;
  Add(answer, "validation_auc", 1, {0.5, 0.9, 0.8});
  Add(answer, "validation_logloss", 1, {0.6, std::nan(""), 0.3, 0.4});
  Add(answer, "train_mape", 1, {3, 2});
  Add(answer, "learning_rate", 1, {1, 0.5});
  EXPECT_EQ(CurveTable(answer).Text(),
            "SERIES              POINTS  FIRST  LAST  BEST\n"
            "validation_auc      3       0.5    0.8   0.9 at 1\n"
            "validation_logloss  4       0.6    0.4   0.3 at 2\n"
            "train_mape          2       3      2     2 at 1\n"
            "learning_rate       2       1      0.5\n");
}

TEST(CurveTable, TellsAttemptsApartWhereThereAreSeveral) {
  v1::ReadMetricsResponse answer;
  Add(answer, "train_rmse", 1, {3});
  Add(answer, "train_rmse", 2, {3, 1});
  EXPECT_EQ(CurveTable(answer).Text(),
            "SERIES      TRY  POINTS  FIRST  LAST  BEST\n"
            "train_rmse  1    1       3      3     3 at 0\n"
            "train_rmse  2    2       3      1     1 at 1\n");
}

TEST(PointLines, AreInTheOrderOfLogging) {
  v1::ReadMetricsResponse answer;
  Add(answer, "auc", 1, {0.5, 0.9});
  Add(answer, "loss", 1, {3, 2});
  const std::string time = LocalTime(answer.series(0).times(0));
  EXPECT_EQ(PointLines(answer), time + "  auc  0  0.5\n" + time + "  loss  0  3\n" + time +
                                    "  auc  1  0.9\n" + time + "  loss  1  2\n");
}

}  // namespace
}  // namespace penstock::cli
