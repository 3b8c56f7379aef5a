#include "client/cli/output.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include "base/json.h"
#include "base/text.h"
#include "client/cli/local_worker.h"

namespace penstock::cli {
namespace {

// A digest fits.
constexpr std::size_t kMaxCell = 72;
constexpr std::size_t kWhole = std::string::npos;
constexpr std::size_t kMinLast = 20;
constexpr char kColourEnd[] = "\033[0m";

// Bytes of a colour's escape sequence at the text's start; 0 where there is none.
std::size_t ColourBytes(std::string_view text) {
  if (!text.starts_with("\033[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

// Bytes of the UTF-8 character at the text's start.
std::size_t CharacterBytes(std::string_view text) {
  std::size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) ++bytes;
  return bytes;
}

// The blocks of East Asian wide characters and of emoji, by their UTF-8 bytes.
std::size_t CharacterWidth(std::string_view character) {
  const auto is = [&character](std::string_view first, std::string_view last) {
    return character >= first && character <= last;
  };
  const bool wide = is("\xe1\x84\x80", "\xe1\x85\x9f") || is("\xe2\xba\x80", "\xea\x93\x8f") ||
                    is("\xea\xb0\x80", "\xed\x9e\xa3") || is("\xef\xa4\x80", "\xef\xab\xbf") ||
                    is("\xef\xbc\x80", "\xef\xbd\xa0") ||
                    is("\xf0\x9f\x8c\x80", "\xf0\xbf\xbf\xbd");
  return wide ? 2 : 1;
}

// On one line, and without what a terminal would obey but for colours.
std::string Cell(std::string_view text) {
  std::string cell;
  while (!text.empty()) {
    const std::size_t colour = ColourBytes(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (colour == 0 && (first < 0x20 || first == 0x7f)) {
      cell += ' ';
      text.remove_prefix(1);
      continue;
    }
    const std::size_t bytes = colour > 0 ? colour : CharacterBytes(text);
    cell += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return cell;
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
  if (status.reason() == kWorkFailedReason) return kWorkFailed;
  if (status.reason() == "UNREACHABLE" || status.code() == StatusCode::kDeadlineExceeded) {
    return kUnreachable;
  }
  return status.reason() == "WRONG_USE" ? kWrongUse : kRefused;
}

std::size_t Width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    std::size_t bytes = ColourBytes(text);
    if (bytes == 0) {
      bytes = CharacterBytes(text);
      width += CharacterWidth(text.substr(0, bytes));
    }
    text.remove_prefix(bytes);
  }
  return width;
}

std::string CutTo(std::string text, std::size_t width) {
  if (width == kWhole || Width(text) <= width) return text;
  std::string cut;
  std::size_t used = 0;
  bool coloured = false;
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t bytes = ColourBytes(rest);
    if (bytes > 0) {
      coloured = true;
    } else {
      bytes = CharacterBytes(rest);
      used += CharacterWidth(rest.substr(0, bytes));
      if (used + 1 > width) break;
    }
    cut += rest.substr(0, bytes);
    rest.remove_prefix(bytes);
  }
  if (width > 0) cut += "…";
  return coloured ? cut + kColourEnd : cut;
}

std::size_t WindowWidth(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::size_t Table::WidthBeforeLast(std::size_t max_cell) const {
  std::size_t width = 0;
  for (std::size_t i = 0; i + 1 < rows_.front().size(); ++i) {
    std::size_t column = 0;
    for (const auto& row : rows_) {
      if (i < row.size()) column = std::max(column, Width(CutTo(Cell(row[i]), max_cell)));
    }
    width += column + 2;
  }
  return width;
}

std::string Table::Text() const {
  if (!IsTerminal()) return Lay(kWhole, kWhole);
  const std::size_t before = WidthBeforeLast(kMaxCell);
  const std::size_t window = WindowWidth(STDOUT_FILENO);
  return Lay(kMaxCell, window >= before + kMinLast ? window - before : kMaxCell);
}

std::string Table::Fit(std::size_t width) const {
  const std::size_t before = WidthBeforeLast(kMaxCell);
  std::string fitting;
  for (const std::string& row : Split(Lay(kMaxCell, width > before ? width - before : 0), '\n')) {
    if (!row.empty()) fitting += CutTo(row, width) + "\n";
  }
  return fitting;
}

std::string Table::Lay(std::size_t max_cell, std::size_t max_last) const {
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    std::vector<std::string>& laid = cells.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      laid.push_back(CutTo(Cell(row[i]), i + 1 < row.size() ? max_cell : max_last));
      widths[i] = std::max(widths[i], Width(laid.back()));
    }
  }
  std::string text;
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - Width(row[i]) + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

namespace {

// protobuf writes maps in the order of their hashes, unless they were serialised in order before.
bool ToJsonInOrder(const google::protobuf::Message& message,
                   const google::protobuf::util::JsonPrintOptions& options, std::string* text) {
  static google::protobuf::util::TypeResolver* const resolver =
      google::protobuf::util::NewTypeResolverForDescriptorPool(
          "type.googleapis.com", google::protobuf::DescriptorPool::generated_pool());
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (!message.SerializeToCodedStream(&coded)) return false;
  }
  return google::protobuf::util::BinaryToJsonString(
             resolver, "type.googleapis.com/" + message.GetDescriptor()->full_name(), bytes, text,
             options)
      .ok();
}

}  // namespace

std::string RenderLine(const google::protobuf::Message& message) {
  std::string text;
  if (!ToJsonInOrder(message, {}, &text)) return "{}\n";
  return text + "\n";
}

std::string Render(const google::protobuf::Message& message, Format format) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = format == Format::kJson;
  std::string text;
  if (!ToJsonInOrder(message, options, &text)) return "{}\n";
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
  return std::string(colour) + std::string(state) + kColourEnd;
}

}  // namespace penstock::cli
