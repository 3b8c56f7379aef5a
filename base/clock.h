#ifndef PENSTOCK_BASE_CLOCK_H_
#define PENSTOCK_BASE_CLOCK_H_

// Time behind one seam. `Now` is the wall clock for records; `Ticks` is CLOCK_BOOTTIME for leases
// and timers: it never jumps back and counts while the machine is suspended.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace penstock {

using Micros = std::chrono::microseconds;

// Microseconds since the epoch, UTC: what rows and messages hold.
struct Time {
  int64_t micros = 0;
  friend auto operator<=>(const Time&, const Time&) = default;
  friend Time operator+(Time t, Micros d) { return {t.micros + d.count()}; }
  friend Time operator-(Time t, Micros d) { return {t.micros - d.count()}; }
  friend Micros operator-(Time a, Time b) { return Micros(a.micros - b.micros); }
  bool set() const { return micros != 0; }
};

// A point of the boot-time clock; means nothing in another process's life.
struct Tick {
  int64_t micros = 0;
  friend auto operator<=>(const Tick&, const Tick&) = default;
  friend Tick operator+(Tick t, Micros d) { return {t.micros + d.count()}; }
  friend Micros operator-(Tick a, Tick b) { return Micros(a.micros - b.micros); }
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() const = 0;
  virtual Tick Ticks() const = 0;

  // The machine's clock; lives for ever.
  static const Clock& Real();
};

// A clock that moves only when told to. Thread-safe.
class FakeClock : public Clock {
 public:
  explicit FakeClock(Time start = {1'700'000'000'000'000}) : now_(start.micros) {}
  Time Now() const override { return {now_.load()}; }
  Tick Ticks() const override { return {ticks_.load()}; }

  void Advance(Micros by) {
    now_ += by.count();
    ticks_ += by.count();
  }
  // Moves the wall clock alone, as an operator or NTP would.
  void JumpWall(Micros by) { now_ += by.count(); }

 private:
  std::atomic<int64_t> now_;
  std::atomic<int64_t> ticks_{1'000'000};
};

// "2026-01-31T08:15:30.123Z"; empty for an unset time.
std::string FormatTime(Time time);
// "0 s", "850 us", "12.3 ms", "4.21 s", "2 m 05 s", "3 h 07 m".
std::string FormatDuration(Micros duration);

}  // namespace penstock

#endif  // PENSTOCK_BASE_CLOCK_H_
