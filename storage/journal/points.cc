#include "storage/journal/points.h"

#include <bit>
#include <cstring>
#include <map>
#include <optional>

namespace penstock {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored as they lie in memory");

void PutVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

// Small numbers of either sign become small ones without.
uint64_t ZigZag(uint64_t difference) {
  return (difference << 1) ^ (0 - (difference >> 63));
}
uint64_t UnZigZag(uint64_t value) {
  return (value >> 1) ^ (0 - (value & 1));
}

// Takes numbers and texts off the front of `bytes`; nothing once they do not suffice.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> Bytes(uint64_t count) {
    if (count > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

struct Series {
  std::string name;
  uint64_t index = 0;  // of its last point
};

std::optional<std::vector<Series>> ReadNames(Cursor& cursor) {
  const auto count = cursor.Varint();
  if (!count || *count > cursor.left()) return std::nullopt;
  std::vector<Series> series(*count);
  for (Series& each : series) {
    const auto size = cursor.Varint();
    const auto name = size ? cursor.Bytes(*size) : std::nullopt;
    if (!name) return std::nullopt;
    each.name = *name;
  }
  return series;
}

std::optional<std::vector<MetricPoint>> Read(std::string_view bytes) {
  Cursor cursor(bytes);
  const auto count = cursor.Varint();
  if (!count || *count > cursor.left()) return std::nullopt;
  auto series = ReadNames(cursor);
  if (!series) return std::nullopt;
  std::vector<MetricPoint> points(*count);
  uint64_t time = 0;
  for (MetricPoint& point : points) {
    const auto which = cursor.Varint();
    const auto index = cursor.Varint();
    const auto later = cursor.Varint();
    const auto value = cursor.Bytes(sizeof(double));
    if (!which || *which >= series->size() || !index || !later || !value) return std::nullopt;
    Series& one = (*series)[*which];
    one.index += UnZigZag(*index);
    time += UnZigZag(*later);
    point.name = one.name;
    point.index = static_cast<int64_t>(one.index);
    point.time.micros = static_cast<int64_t>(time);
    std::memcpy(&point.value, value->data(), sizeof(double));
  }
  if (cursor.left() > 0) return std::nullopt;
  return points;
}

}  // namespace

std::string EncodePoints(std::span<const MetricPoint> points) {
  std::map<std::string_view, std::size_t> numbers;
  std::vector<Series> series;
  for (const MetricPoint& point : points) {
    if (numbers.emplace(point.name, series.size()).second) series.push_back({point.name});
  }
  std::string bytes;
  PutVarint(points.size(), &bytes);
  PutVarint(series.size(), &bytes);
  for (const Series& each : series) {
    PutVarint(each.name.size(), &bytes);
    bytes += each.name;
  }
  uint64_t time = 0;
  for (const MetricPoint& point : points) {
    const std::size_t which = numbers[point.name];
    const auto index = static_cast<uint64_t>(point.index);
    const auto now = static_cast<uint64_t>(point.time.micros);
    PutVarint(which, &bytes);
    PutVarint(ZigZag(index - series[which].index), &bytes);
    PutVarint(ZigZag(now - time), &bytes);
    bytes.append(reinterpret_cast<const char*>(&point.value), sizeof(double));
    series[which].index = index;
    time = now;
  }
  return bytes;
}

Result<std::vector<MetricPoint>> DecodePoints(std::string_view bytes) {
  auto points = Read(bytes);
  if (!points) return DataLoss("these bytes are no points of metrics", "CORRUPT");
  return *std::move(points);
}

int64_t CountPoints(std::string_view bytes) {
  const auto count = Cursor(bytes).Varint();
  return count && *count <= bytes.size() ? static_cast<int64_t>(*count) : 0;
}

}  // namespace penstock
