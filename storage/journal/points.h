#ifndef PENSTOCK_STORAGE_JOURNAL_POINTS_H_
#define PENSTOCK_STORAGE_JOURNAL_POINTS_H_

// Points of metric series as bytes: what one frame of the journal holds. A point takes 8 bytes for
// its value and about 4 for the rest: names stand once, indices and times as differences.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace penstock {

// A value that a step logged. `index` counts rounds, epochs or whatever the step counts.
struct MetricPoint {
  std::string name;
  int64_t index = 0;
  double value = 0;
  Time time;  // when it was logged
};

std::string EncodePoints(std::span<const MetricPoint> points);

// kDataLoss (CORRUPT) for bytes that EncodePoints did not make.
Result<std::vector<MetricPoint>> DecodePoints(std::string_view bytes);

// How many points the bytes say that they hold; 0 where they are none.
int64_t CountPoints(std::string_view bytes);

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_JOURNAL_POINTS_H_
