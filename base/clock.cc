#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace penstock {
namespace {

int64_t ReadMicros(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

class RealClock : public Clock {
 public:
  Time Now() const override { return {ReadMicros(CLOCK_REALTIME)}; }
  Tick Ticks() const override { return {ReadMicros(CLOCK_BOOTTIME)}; }
};

}  // namespace

const Clock& Clock::Real() {
  static const RealClock* const clock = new RealClock;
  return *clock;
}

std::string FormatTime(Time time) {
  if (!time.set()) return {};
  int64_t seconds = time.micros / 1'000'000;
  int64_t millis = time.micros / 1'000 % 1'000;
  if (millis < 0) {
    millis += 1'000;
    --seconds;
  }
  const time_t when = seconds;
  tm parts{};
  gmtime_r(&when, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(millis));
  return text;
}

std::string FormatDuration(Micros duration) {
  const int64_t us = duration.count();
  char text[64];
  if (us == 0) return "0 s";
  if (us < 1'000) {
    std::snprintf(text, sizeof text, "%lld us", static_cast<long long>(us));
  } else if (us < 1'000'000) {
    std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(us) / 1e3);
  } else if (us < 60'000'000) {
    std::snprintf(text, sizeof text, "%.2f s", static_cast<double>(us) / 1e6);
  } else if (us < 3'600'000'000) {
    std::snprintf(text, sizeof text, "%lld m %02lld s", static_cast<long long>(us / 60'000'000),
                  static_cast<long long>(us / 1'000'000 % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld h %02lld m", static_cast<long long>(us / 3'600'000'000),
                  static_cast<long long>(us / 60'000'000 % 60));
  }
  return text;
}

}  // namespace penstock
