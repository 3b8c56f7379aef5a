#include "client/cli/curves.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

namespace penstock::cli {
namespace {

using Series = ::penstock::v1::MetricSeries;

enum class Better { kUnknown, kLower, kHigher };

Better Direction(std::string_view name) {
  const auto has = [name](std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(), [name](std::string_view part) {
      return name.find(part) != std::string_view::npos;
    });
  };
  // First: "mape" holds "map".
  if (has({"loss", "error", "mse", "mae", "mape", "mphe", "deviance", "nloglik"})) {
    return Better::kLower;
  }
  if (has({"auc", "accuracy", "f1", "r2", "precision", "recall", "ndcg", "map"})) {
    return Better::kHigher;
  }
  return Better::kUnknown;
}

// "0.336 at 57"; empty where the name does not say what is better.
std::string Best(const Series& series) {
  const Better better = Direction(series.name());
  int best = -1;
  for (int i = 0; better != Better::kUnknown && i < series.values_size(); ++i) {
    const double value = series.values(i);
    if (std::isnan(value)) continue;
    const bool improves = best < 0 || (better == Better::kLower ? value < series.values(best)
                                                                : value > series.values(best));
    if (improves) best = i;
  }
  if (best < 0 || best >= series.indices_size()) return {};
  return FormatMetric(series.values(best)) + " at " + std::to_string(series.indices(best));
}

}  // namespace

Table CurveTable(const ::penstock::v1::ReadMetricsResponse& answer) {
  std::set<int> attempts;
  for (const Series& series : answer.series()) attempts.insert(series.attempt());
  const bool several = attempts.size() > 1;
  std::vector<std::string> header = {"SERIES", "POINTS", "FIRST", "LAST", "BEST"};
  if (several) header.insert(header.begin() + 1, "TRY");
  Table table(std::move(header));
  for (const Series& series : answer.series()) {
    if (series.values().empty()) continue;
    std::vector<std::string> row = {
        series.name(), std::to_string(series.point_count()), FormatMetric(series.values(0)),
        FormatMetric(series.values(series.values_size() - 1)), Best(series)};
    if (several) row.insert(row.begin() + 1, std::to_string(series.attempt()));
    table.Add(std::move(row));
  }
  return table;
}

std::string PointLines(const ::penstock::v1::ReadMetricsResponse& answer) {
  struct Line {
    Time time;
    std::string text;
  };
  std::vector<Line> lines;
  for (const Series& series : answer.series()) {
    for (int i = 0; i < series.values_size(); ++i) {
      lines.push_back({ToTime(series.times(i)), LocalTime(series.times(i)) + "  " + series.name() +
                                                    "  " + std::to_string(series.indices(i)) +
                                                    "  " + FormatMetric(series.values(i))});
    }
  }
  std::ranges::stable_sort(lines, {}, &Line::time);
  std::string text;
  for (const Line& line : lines) text += line.text + "\n";
  return text;
}

}  // namespace penstock::cli
