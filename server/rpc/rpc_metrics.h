#ifndef PENSTOCK_SERVER_RPC_RPC_METRICS_H_
#define PENSTOCK_SERVER_RPC_RPC_METRICS_H_

// Counts and durations of calls by method. Written by any thread, read by /metrics.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace penstock {

// Upper bounds in microseconds; one more bucket stands for what is above.
inline constexpr std::array<int64_t, 10> kRpcBucketMicros = {
    250, 500, 1'000, 2'500, 5'000, 10'000, 50'000, 250'000, 1'000'000, 10'000'000};

struct MethodMetrics {
  static constexpr std::size_t kCodes = 17;
  std::array<std::atomic<int64_t>, kCodes> by_code{};
  std::array<std::atomic<int64_t>, kRpcBucketMicros.size() + 1> by_duration{};
  std::atomic<int64_t> micros{0};  // sum

  void Record(StatusCode code, Micros duration) {
    by_code[static_cast<std::size_t>(code)].fetch_add(1, std::memory_order_relaxed);
    std::size_t bucket = 0;
    while (bucket < kRpcBucketMicros.size() && duration.count() > kRpcBucketMicros[bucket]) {
      ++bucket;
    }
    by_duration[bucket].fetch_add(1, std::memory_order_relaxed);
    micros.fetch_add(duration.count(), std::memory_order_relaxed);
  }
};

class RpcMetrics {
 public:
  // Knows every method of the API from the start; the map never changes after.
  RpcMetrics();
  // "RunService/GetRun"; aborts for a method that is not in the API.
  MethodMetrics& Of(std::string_view service, std::string_view method);
  const std::map<std::string, MethodMetrics, std::less<>>& methods() const { return methods_; }

  std::atomic<int64_t> denied{0};      // PERMISSION_DENIED by role
  std::atomic<int64_t> overloaded{0};  // refused because a pool's queue was full
  std::atomic<int64_t> open_streams{0};
  std::atomic<int64_t> watch_resyncs{0};  // slow watchers that got a fresh snapshot
  std::atomic<int64_t> uploaded_bytes{0};
  std::atomic<int64_t> downloaded_bytes{0};

 private:
  std::map<std::string, MethodMetrics, std::less<>> methods_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_RPC_METRICS_H_
