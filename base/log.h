#ifndef PENSTOCK_BASE_LOG_H_
#define PENSTOCK_BASE_LOG_H_

// The process's log: one line a record on stderr (or a file), UTC, level, then text that carries
// ids as `run= step= attempt= worker=`. Secrets are never passed in. Thread-safe.
//
//   LOG_INFO("lease expired run={} step={} attempt={} worker={}", run, step, attempt, worker);

#include <spdlog/fmt/ostr.h>
#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

#include "base/status.h"
#include "base/strong_id.h"

namespace penstock {

// Call once, in main. `level`: trace, debug, info, warn or error. `json` writes a JSON object a
// line. kInvalidArgument for another level.
Status InitLogging(std::string_view program, std::string_view level, bool json);

}  // namespace penstock

template <typename Tag, typename T>
struct fmt::formatter<penstock::StrongId<Tag, T>> : fmt::formatter<T> {
  template <typename Context>
  auto format(const penstock::StrongId<Tag, T>& id, Context& context) const {
    return fmt::formatter<T>::format(id.value(), context);
  }
};

template <>
struct fmt::formatter<penstock::Status> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const penstock::Status& status, Context& context) const {
    return fmt::formatter<std::string>::format(status.ToString(), context);
  }
};

#define LOG_DEBUG(...) ::spdlog::debug(__VA_ARGS__)
#define LOG_INFO(...) ::spdlog::info(__VA_ARGS__)
#define LOG_WARN(...) ::spdlog::warn(__VA_ARGS__)
#define LOG_ERROR(...) ::spdlog::error(__VA_ARGS__)

#endif  // PENSTOCK_BASE_LOG_H_
