#ifndef PENSTOCK_STORAGE_MODEL_KEEPALIVE_H_
#define PENSTOCK_STORAGE_MODEL_KEEPALIVE_H_

// How the two ends of a connection notice that the other is gone without a word (a cable, a switch,
// a machine without power): pings that must be answered.

#include <chrono>

namespace penstock::keepalive {

struct Pings {
  std::chrono::milliseconds every;
  std::chrono::milliseconds patience;  // for the answer
};

// What clients and workers do: a stream of a lost coordinator ends within 20 s.
inline constexpr Pings kClient{std::chrono::seconds(10), std::chrono::seconds(10)};
inline constexpr Pings kServer{std::chrono::seconds(30), std::chrono::seconds(10)};
// Pings that come faster are taken for an attack: the server ends the connection
// (too_many_pings). Far below what a client does, whose timer need not be exact.
inline constexpr std::chrono::milliseconds kFastestAccepted = std::chrono::seconds(5);
static_assert(kClient.every >= 2 * kFastestAccepted);

}  // namespace penstock::keepalive

#endif  // PENSTOCK_STORAGE_MODEL_KEEPALIVE_H_
