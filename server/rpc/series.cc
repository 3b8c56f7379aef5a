#include "server/rpc/series.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "server/rpc/convert.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// Of all series of an answer together: each point is some 30 bytes of a message.
constexpr std::size_t kMaxPointsPerAnswer = 400'000;
constexpr int kDefaultPoints = 2'000;

// "ATTEMPT.NUMBER"; the beginning where it is empty.
std::optional<PointPosition> ParseCursor(std::string_view text) {
  PointPosition position;
  if (text.empty()) return position;
  const char* const end = text.data() + text.size();
  const auto attempt = std::from_chars(text.data(), end, position.attempt);
  if (attempt.ec != std::errc() || attempt.ptr == end || *attempt.ptr != '.') return std::nullopt;
  const auto number = std::from_chars(attempt.ptr + 1, end, position.number);
  if (number.ec != std::errc() || number.ptr != end) return std::nullopt;
  if (position.attempt < 0 || position.number < 0) return std::nullopt;
  return position;
}

void ToProto(const MetricSeries& series, std::size_t count, v1::MetricSeries* out) {
  out->set_name(series.name);
  out->set_attempt(series.attempt);
  out->set_point_count(static_cast<int64_t>(series.points.size()));
  for (const MetricPoint& point : Thin(series.points, count)) {
    out->add_indices(point.index);
    out->add_values(point.value);
    *out->add_times() = TimeToProto(point.time);
  }
}

}  // namespace

std::vector<MetricPoint> Thin(const std::vector<MetricPoint>& points, std::size_t count) {
  if (points.size() <= count) return points;
  std::vector<MetricPoint> kept{points.front()};
  const std::size_t inner = points.size() - 2;
  const std::size_t stretches = (count - 2) / 2;
  for (std::size_t i = 0; i < stretches; ++i) {
    const auto from = points.begin() + 1 + static_cast<std::ptrdiff_t>(inner * i / stretches);
    const auto to = points.begin() + 1 + static_cast<std::ptrdiff_t>(inner * (i + 1) / stretches);
    auto lowest = to;
    auto highest = to;
    for (auto each = from; each != to; ++each) {
      if (std::isnan(each->value)) continue;
      if (lowest == to || each->value < lowest->value) lowest = each;
      if (highest == to || each->value > highest->value) highest = each;
    }
    if (lowest == to) continue;
    kept.push_back(*std::min(lowest, highest));
    if (lowest != highest) kept.push_back(*std::max(lowest, highest));
  }
  kept.push_back(points.back());
  return kept;
}

Status ReadSeries(Journal& journal, const RunId& run, StepIndex step,
                  const v1::ReadMetricsRequest& request, v1::ReadMetricsResponse* response) {
  const auto from = ParseCursor(request.cursor());
  if (!from) {
    return InvalidArgument("cursor: \"" + TruncateUtf8(request.cursor(), 40) +
                               "\" is none that an answer gave",
                           "BAD_CURSOR");
  }
  const int wanted = request.max_points() == 0 ? kDefaultPoints : request.max_points();
  if (wanted < 2 || wanted > limits::kMaxSeriesPoints) {
    return InvalidArgument("maxPoints: must be 2 to " + std::to_string(limits::kMaxSeriesPoints) +
                           ", not " + std::to_string(wanted));
  }
  const std::vector<std::string> names(request.names().begin(), request.names().end());
  PENSTOCK_ASSIGN_OR_RETURN(const MetricsRead read, journal.ReadMetrics(run, step, names, *from));
  std::size_t count = static_cast<std::size_t>(wanted);
  if (!read.series.empty()) {
    count = std::max<std::size_t>(2, std::min(count, kMaxPointsPerAnswer / read.series.size()));
  }
  for (const MetricSeries& one : read.series) ToProto(one, count, response->add_series());
  response->set_cursor(std::to_string(read.end.attempt) + "." + std::to_string(read.end.number));
  return Status::Ok();
}

}  // namespace penstock
