#include "steps/script/metrics.h"

#include <fcntl.h>
#include <re2/re2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kLongestPrinted = 4 << 10;
constexpr std::size_t kLongestLine = 64 << 10;
constexpr std::size_t kMaxName = 64;
// A script that prints a number a line must not make its worker's memory grow.
constexpr int64_t kMaxPoints = 200'000;
constexpr std::string_view kStep = "step";
constexpr std::string_view kProgress = "progress";

double AsDouble(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

bool IsMetric(const Json& value) {
  return value.is_number() || value.is_null();
}

// Where on its curve a point says that it stands; -1: it does not say.
int64_t IndexOf(const Json& step) {
  if (!step.is_number_integer()) return -1;
  if (step.is_number_unsigned() && step.get<uint64_t>() > uint64_t{INT64_MAX}) return INT64_MAX;
  return std::max<int64_t>(step.get<int64_t>(), 0);
}

// Opens what is a plain file and no link: a script may have put anything there.
UniqueFd OpenPlain(const std::filesystem::path& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (file.valid() && (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))) file.Close();
  return file;
}

std::optional<double> ParseNumber(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void LineCutter::Feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find_first_of("\n\r");
    const std::string_view part = bytes.substr(0, end);
    if (end != std::string_view::npos && begun_.empty()) {
      if (!part.empty()) line(part.substr(0, longest_));
    } else {
      begun_ += part.substr(0, longest_ - std::min(longest_, begun_.size()));
      if (end == std::string_view::npos) return;
      line(begun_);
      begun_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void LineCutter::Finish(const std::function<void(std::string_view)>& line) {
  if (!begun_.empty()) line(begun_);
  begun_.clear();
}

ScriptMetrics::ScriptMetrics(const Json& definitions, Point point, Progress progress)
    : point_(std::move(point)),
      progress_(std::move(progress)),
      printed_(kLongestPrinted),
      lines_(kLongestLine) {
  for (const Json& each : definitions) {
    definitions_.push_back(
        {JsonString(each, "name"), std::make_unique<RE2>(JsonString(each, "regex"), RE2::Quiet)});
  }
}

ScriptMetrics::~ScriptMetrics() = default;

void ScriptMetrics::Printed(std::string_view bytes) {
  if (definitions_.empty()) return;
  printed_.Feed(bytes, [this](std::string_view line) { Line(line); });
}

void ScriptMetrics::Line(std::string_view line) {
  for (const Definition& definition : definitions_) {
    re2::StringPiece number;
    if (!RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *definition.regex,
                           &number)) {
      continue;
    }
    const auto value = ParseNumber(std::string_view(number.data(), number.size()));
    if (value) {
      Add(definition.name, -1, *value);
    } else {
      Warn("the regular expression of metric " + definition.name + " found \"" +
           TruncateUtf8({number.data(), number.size()}, 60) + "\", which is no number");
    }
  }
}

void ScriptMetrics::ReadLines(const std::filesystem::path& file, bool last) {
  if (!lines_file_.valid()) lines_file_ = OpenPlain(file);
  const auto object = [this](std::string_view line) { Object(line); };
  std::string buffer(64 << 10, '\0');
  while (lines_file_.valid()) {
    const ssize_t count = read(lines_file_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    lines_.Feed({buffer.data(), static_cast<std::size_t>(count)}, object);
  }
  if (!last) return;
  lines_.Finish(object);
  printed_.Finish([this](std::string_view line) { Line(line); });
}

void ScriptMetrics::Object(std::string_view line) {
  if (Trim(line).empty()) return;
  const Result<Json> json = ParseJson(line, {.max_bytes = kLongestLine, .max_depth = 8});
  if (!json.ok() || !json->is_object()) {
    return Warn("metrics.jsonl: \"" + TruncateUtf8(line, 60) + "\" is no object of numbers");
  }
  const int64_t index = IndexOf(JsonMember(*json, kStep));
  const Json& progress = JsonMember(*json, kProgress);
  if (progress.is_number()) progress_(progress.get<double>(), JsonString(*json, "note"));
  for (const auto& [name, value] : json->items()) {
    if (name != kStep && name != kProgress && IsMetric(value)) Add(name, index, AsDouble(value));
  }
}

Status ScriptMetrics::ReadDocument(const std::filesystem::path& file) {
  if (!OpenPlain(file).valid()) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, 16 << 20));
  const Result<Json> json = ParseJson(text, {.max_bytes = 16 << 20, .max_depth = 8});
  if (!json.ok()) return InvalidArgument("metrics.json: " + json.status().message());
  if (!json->is_object()) return InvalidArgument("metrics.json must hold an object of numbers");
  for (const auto& [name, value] : json->items()) {
    if (IsMetric(value)) {
      Add(name, -1, AsDouble(value));
      continue;
    }
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), IsMetric)) {
      return InvalidArgument("metrics.json: " + TruncateUtf8(name, 60) +
                             " is neither a number nor a list of numbers");
    }
    for (const Json& each : value) Add(name, -1, AsDouble(each));
  }
  return Status::Ok();
}

void ScriptMetrics::Add(const std::string& name, int64_t index, double value) {
  if (name.empty() || name.size() > kMaxName || !IsUtf8(name)) {
    return Warn("\"" + TruncateUtf8(name, 40) + "…\" is no name for a metric: at most " +
                std::to_string(kMaxName) + " characters");
  }
  if (!scalars_.contains(name) &&
      scalars_.size() >= static_cast<std::size_t>(limits::kMaxMetricsPerReport)) {
    return Warn("a step reports at most " + std::to_string(limits::kMaxMetricsPerReport) +
                " metrics; others are left out");
  }
  scalars_[name] = value;
  int64_t& next = next_index_[name];
  if (index < 0) index = next;
  // Behind the largest number there is none: further points stay at it.
  next = std::max(next, index < INT64_MAX ? index + 1 : index);
  if (++points_ > kMaxPoints) {
    return Warn("of the metrics' curves only the first " + std::to_string(kMaxPoints) +
                " points are kept");
  }
  point_(name, index, value);
}

void ScriptMetrics::Warn(const std::string& what) {
  constexpr std::size_t kMost = 5;
  if (warnings_.size() < kMost &&
      std::find(warnings_.begin(), warnings_.end(), what) == warnings_.end()) {
    warnings_.push_back(what);
  }
}

}  // namespace penstock
