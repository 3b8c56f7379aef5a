#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <memory>

namespace penstock {

Status InitLogging(std::string_view program, std::string_view level, bool json) {
  static constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error"};
  int found = -1;
  for (int i = 0; i < 5; ++i) {
    if (kLevels[i] == level) found = i;
  }
  if (found < 0) {
    return InvalidArgument("log level \"" + std::string(level) +
                           "\" is unknown; use trace, debug, info, warn or error");
  }
  const auto logger = isatty(STDERR_FILENO) != 0 && !json
                          ? spdlog::stderr_color_mt(std::string(program))
                          : spdlog::stderr_logger_mt(std::string(program));
  spdlog::set_default_logger(logger);
  spdlog::set_level(static_cast<spdlog::level::level_enum>(found));
  spdlog::flush_on(spdlog::level::info);
  if (json) {
    // Quotes and line ends inside a message are the writers' duty: messages hold ids and names.
    spdlog::set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","program":"%n","message":"%v"})",
        spdlog::pattern_time_type::utc);
  } else {
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%L%$ %n: %v", spdlog::pattern_time_type::utc);
  }
  return Status::Ok();
}

}  // namespace penstock
