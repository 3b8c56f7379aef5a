#include "steps/table/moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace penstock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// A spread below this share of the mean is rounding.
constexpr double kRounding = 1e-14;

bool Flat(double squares, double mean, int64_t count) {
  const double smallest = kRounding * std::fabs(mean);
  return squares <= smallest * smallest * static_cast<double>(count);
}

}  // namespace

void Moments::Merge(const Moments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const auto a = static_cast<double>(count);
  const auto b = static_cast<double>(other.count);
  const double n = a + b;
  const double delta = other.mean - mean;
  const double step = delta / n;
  const double step2 = step * step;
  const double term = delta * step * a * b;
  m4 += other.m4 + term * step2 * (a * a - a * b + b * b) +
        6 * step2 * (a * a * other.m2 + b * b * m2) + 4 * step * (a * other.m3 - b * m3);
  m3 += other.m3 + term * step * (a - b) + 3 * step * (a * other.m2 - b * m2);
  m2 += other.m2 + term;
  mean += step * b;
  count += other.count;
}

Moments Moments::Of(std::span<const double> values) {
  Moments moments;
  double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    ++moments.count;
    sum += value;
  }
  if (moments.count == 0) return moments;
  const auto n = static_cast<double>(moments.count);
  const double about = sum / n;
  double s1 = 0;
  double s2 = 0;
  double s3 = 0;
  double s4 = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    const double d = value - about;
    const double d2 = d * d;
    s1 += d;
    s2 += d2;
    s3 += d2 * d;
    s4 += d2 * d2;
  }
  // From `about`, which is the mean but for rounding, to the mean.
  const double shift = s1 / n;
  moments.mean = about + shift;
  moments.m2 = std::max(s2 - n * shift * shift, 0.0);  // a NaN stays one
  moments.m3 = s3 - 3 * shift * s2 + 2 * n * shift * shift * shift;
  moments.m4 = s4 - 4 * shift * s3 + 6 * shift * shift * s2 - 3 * n * shift * shift * shift * shift;
  return moments;
}

double Moments::Variance() const {
  return count < 2 ? kNaN : m2 / static_cast<double>(count - 1);
}

double Moments::StandardDeviation() const {
  return std::sqrt(Variance());
}

double Moments::Skewness() const {
  if (count < 3 || !(m2 > 0)) return kNaN;
  const auto n = static_cast<double>(count);
  return n * std::sqrt(n - 1) / (n - 2) * (m3 / (m2 * std::sqrt(m2)));
}

double Moments::Kurtosis() const {
  if (count < 4 || !(m2 > 0)) return kNaN;
  const auto n = static_cast<double>(count);
  return n * (n + 1) * (n - 1) / ((n - 2) * (n - 3)) * (m4 / m2 / m2) -
         3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3));
}

void CoMoments::Merge(const CoMoments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const auto a = static_cast<double>(count);
  const auto b = static_cast<double>(other.count);
  const double weight = a * b / (a + b);
  const double dx = other.mean_x - mean_x;
  const double dy = other.mean_y - mean_y;
  xx += other.xx + dx * dx * weight;
  yy += other.yy + dy * dy * weight;
  xy += other.xy + dx * dy * weight;
  mean_x += dx * b / (a + b);
  mean_y += dy * b / (a + b);
  count += other.count;
}

CoMoments CoMoments::Of(std::span<const double> x, std::span<const double> y) {
  CoMoments moments;
  double sum_x = 0;
  double sum_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    ++moments.count;
    sum_x += x[i];
    sum_y += y[i];
  }
  if (moments.count == 0) return moments;
  const auto n = static_cast<double>(moments.count);
  moments.mean_x = sum_x / n;
  moments.mean_y = sum_y / n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    const double dx = x[i] - moments.mean_x;
    const double dy = y[i] - moments.mean_y;
    moments.xx += dx * dx;
    moments.yy += dy * dy;
    moments.xy += dx * dy;
  }
  return moments;
}

double CoMoments::Correlation() const {
  if (count < 2 || Flat(xx, mean_x, count) || Flat(yy, mean_y, count)) return kNaN;
  const double r = xy / (std::sqrt(xx) * std::sqrt(yy));
  return std::clamp(r, -1.0, 1.0);
}

}  // namespace penstock
