#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "base/json.h"

namespace penstock {
namespace {

// The message as a JSON string: quotes, line ends and control characters in it are escaped, so that
// a record is one line whatever it holds. For people without the outer quotes, and quotes as they
// are.
class EscapedMessage : public spdlog::custom_flag_formatter {
 public:
  explicit EscapedMessage(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& record, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    const std::string_view text(record.payload.data(), record.payload.size());
    std::string escaped;
    if (json_) {
      escaped = DumpJson(text);
    } else {
      for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
          escaped += c;
        } else {
          const std::string quoted = c == 0x7f ? "\"\\u007f\"" : DumpJson(std::string(1, c));
          escaped.append(quoted, 1, quoted.size() - 2);
        }
      }
    }
    out.append(escaped.data(), escaped.data() + escaped.size());
  }

  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<EscapedMessage>(json_);
  }

 private:
  const bool json_;
};

}  // namespace

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
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<EscapedMessage>('*', json);
  formatter->set_pattern(
      json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","program":"%n","message":%*})"
           : "%Y-%m-%dT%H:%M:%S.%eZ %^%L%$ %n: %*");
  spdlog::set_formatter(std::move(formatter));
  return Status::Ok();
}

}  // namespace penstock
