#include "client/cli/output.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include "base/json.h"
#include "base/text.h"

namespace penstock::cli {
namespace {

constexpr std::size_t kMaxCell = 72;

// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t Width(std::string_view text) {
  std::size_t width = 0;
  bool escape = false;
  for (const char c : text) {
    if (c == '\033') escape = true;
    if (!escape && (static_cast<unsigned char>(c) & 0xc0) != 0x80) ++width;
    if (escape && c == 'm') escape = false;
  }
  return width;
}

std::string Cell(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.find('\033') != std::string::npos || Width(text) <= kMaxCell) return text;
  std::size_t end = kMaxCell - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

bool NeedsQuotes(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./ ";
  if (text.find_first_not_of(kPlain) != std::string::npos) return true;
  static constexpr std::string_view kStart = "0123456789-. ";
  if (kStart.find(text.front()) != std::string_view::npos) return true;
  static const std::vector<std::string> kWords = {"true", "false", "null", "yes", "no",
                                                  "on",   "off",   "y",    "n"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), ::tolower);
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

std::string YamlScalar(const Json& json) {
  if (!json.is_string()) return DumpJson(json);
  const std::string text = json.get<std::string>();
  return NeedsQuotes(text) ? DumpJson(json) : text;
}

void WriteYaml(const Json& json, int indent, std::string& out) {
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      out += pad + YamlScalar(key) + ":";
      if (value.is_structured() && !value.empty()) {
        out += "\n";
        WriteYaml(value, value.is_array() ? indent : indent + 2, out);
      } else {
        out += " " + YamlScalar(value) + "\n";
      }
    }
    return;
  }
  for (const Json& value : json) {
    if (value.is_structured() && !value.empty()) {
      std::string inner;
      WriteYaml(value, indent + 2, inner);
      out += pad + "- " + inner.substr(static_cast<std::size_t>(indent) + 2);
    } else {
      out += pad + "- " + YamlScalar(value) + "\n";
    }
  }
}

}  // namespace

int Fail(const Status& status) {
  std::cerr << "error: " << status.message() << "\n";
  for (const Problem& problem : status.problems()) {
    std::cerr << "  " << problem.path << (problem.path.empty() ? "" : ": ") << problem.message
              << "\n";
  }
  if (status.reason() == "UNREACHABLE" || status.code() == StatusCode::kDeadlineExceeded) {
    return kUnreachable;
  }
  return status.reason() == "WRONG_USE" ? kWrongUse : kRefused;
}

std::string Table::Text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(Cell(row[i])));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = Cell(row[i]);
      line += cell;
      if (i + 1 < row.size()) line += std::string(widths[i] - Width(cell) + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string Render(const google::protobuf::Message& message, Format format) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = format == Format::kJson;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return "{}\n";
  if (format != Format::kYaml) return text.ends_with('\n') ? text : text + "\n";
  const Result<Json> json = ParseJson(text, {.max_bytes = 64 << 20, .max_depth = 100});
  if (!json.ok() || json->empty()) return "{}\n";
  std::string yaml;
  WriteYaml(*json, 0, yaml);
  return yaml;
}

Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return {timestamp.seconds() * 1'000'000 + timestamp.nanos() / 1'000};
}

std::string LocalTime(const google::protobuf::Timestamp& timestamp) {
  if (timestamp.seconds() == 0) return {};
  const time_t when = timestamp.seconds();
  tm parts{};
  localtime_r(&when, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string Age(const google::protobuf::Timestamp& timestamp, Time now) {
  if (timestamp.seconds() == 0) return {};
  const int64_t seconds = std::max<int64_t>(0, (now - ToTime(timestamp)).count() / 1'000'000);
  if (seconds < 120) return std::to_string(seconds) + " s ago";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min ago";
  if (seconds < 172'800) return std::to_string(seconds / 3'600) + " h ago";
  return std::to_string(seconds / 86'400) + " d ago";
}

std::string Lasted(const google::protobuf::Timestamp& begin, const google::protobuf::Timestamp& end,
                   Time now) {
  if (begin.seconds() == 0) return {};
  const Time until = end.seconds() == 0 ? now : ToTime(end);
  return FormatDuration(std::max(until - ToTime(begin), Micros(0)));
}

std::string FormatMetric(double value) {
  if (std::isnan(value)) return "undefined";
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

bool IsTerminal() {
  static const bool terminal = [] {
    const char* term = std::getenv("TERM");
    return isatty(STDOUT_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
  }();
  return terminal;
}

std::string Coloured(std::string_view state) {
  if (!IsTerminal() || std::getenv("NO_COLOR") != nullptr) return std::string(state);
  const char* colour = "\033[0m";
  if (state == "SUCCEEDED" || state == "CACHED" || state == "Approved") colour = "\033[32m";
  if (state == "FAILED" || state == "Rejected" || state == "LOST") colour = "\033[31m";
  if (state == "RUNNING" || state == "LEASED") colour = "\033[36m";
  if (state == "RETRY_WAIT" || state == "CANCELLING" || state == "PendingManualApproval") {
    colour = "\033[33m";
  }
  if (state == "SKIPPED" || state == "WAITING" || state == "CANCELLED") colour = "\033[2m";
  return std::string(colour) + std::string(state) + "\033[0m";
}

}  // namespace penstock::cli
