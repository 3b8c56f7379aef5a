#include "steps/table/schema.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <unordered_set>
#include <utility>

#include "base/text.h"

namespace penstock {
namespace {

constexpr std::size_t kExamples = 5;
constexpr std::size_t kExampleBytes = 80;
constexpr int64_t kMostIds = 1 << 24;
constexpr int64_t kLeastTexts = 20;
constexpr double kTextBytes = 30;

bool IsSmall(char c) {
  return c >= 'a' && c <= 'z';
}

// Whether a column is called as identifiers are.
bool IsIdName(const std::string& name) {
  std::string lower = name;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const std::string_view whole : {"id", "uuid", "guid"}) {
    if (lower == whole) return true;
  }
  for (const std::string_view end : {"_id", "-id", " id", "_uuid", "_guid"}) {
    if (lower.ends_with(end)) return true;
  }
  return name.size() > 2 && name.ends_with("Id") && IsSmall(name[name.size() - 3]);
}

// What one block says of a column.
struct Part {
  int64_t missing = 0;
  std::vector<std::string> distinct;  // in order of appearance, up to kMaxDistinct + 1
  std::optional<double> least;
  std::optional<double> most;
  std::string least_text;
  std::string most_text;
  bool whole = true;             // numbers without fractions
  bool dates = true;             // nothing but dates
  bool times = false;            // some with times of day
  double text_bytes = 0;         // of all values
  std::vector<uint64_t> hashes;  // of all values, where the name is one of identifiers
};

// The digits of `text` at `at`, as a number; -1 where they are none.
int Digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

bool IsTimeOfDay(std::string_view text) {
  const auto colon = [&](std::size_t at) { return at < text.size() && text[at] == ':'; };
  const int hour = Digits(text, 0, 2);
  const int minute = Digits(text, 3, 2);
  if (hour < 0 || hour > 23 || !colon(2) || minute < 0 || minute > 59) return false;
  std::size_t at = 5;
  if (colon(at)) {
    const int second = Digits(text, 6, 2);
    if (second < 0 || second > 60) return false;
    at = 8;
    if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
      const std::size_t first = ++at;
      while (Digits(text, at, 1) >= 0) ++at;
      if (at == first) return false;
    }
  }
  const std::string_view zone = text.substr(at);
  if (zone.empty() || zone == "Z") return true;
  if (zone[0] != '+' && zone[0] != '-') return false;
  const int hours = Digits(zone, 1, 2);
  if (hours < 0 || hours > 23) return false;
  if (zone.size() == 3) return true;
  const std::size_t minutes = zone[3] == ':' ? 4 : 3;
  return zone.size() == minutes + 2 && Digits(zone, minutes, 2) >= 0 &&
         Digits(zone, minutes, 2) < 60;
}

void LookAtNumbers(const Column& column, bool hash, Part* part) {
  std::unordered_set<uint64_t> seen;
  for (const double value : column.numbers) {
    if (value != value) {
      ++part->missing;
      continue;
    }
    part->least = std::min(part->least.value_or(value), value);
    part->most = std::max(part->most.value_or(value), value);
    part->whole = part->whole && value == std::floor(value);
    const auto bits = std::bit_cast<uint64_t>(value);
    if (hash) part->hashes.push_back(bits);
    if (static_cast<int64_t>(seen.size()) <= kMaxDistinct && seen.insert(bits).second) {
      part->distinct.push_back(NumberText(value));
    }
  }
}

void LookAtTexts(const Column& column, bool hash, Part* part) {
  const StringValues& strings = column.strings;
  for (const std::string& text : strings.dictionary) {
    if (static_cast<int64_t>(part->distinct.size()) <= kMaxDistinct) part->distinct.push_back(text);
    if (&text == &strings.dictionary.front() || text < part->least_text) part->least_text = text;
    if (&text == &strings.dictionary.front() || text > part->most_text) part->most_text = text;
    if (!part->dates) continue;
    const std::optional<bool> date = ParseIsoDate(text);
    part->dates = date.has_value();
    part->times = part->times || date.value_or(false);
  }
  for (const int32_t code : strings.codes) {
    if (code < 0) {
      ++part->missing;
      continue;
    }
    const std::string& text = strings.dictionary[static_cast<std::size_t>(code)];
    part->text_bytes += static_cast<double>(text.size());
    if (hash) part->hashes.push_back(std::hash<std::string>()(text));
  }
}

ColumnSummary Summarize(const ColumnInfo& info, int64_t rows,
                        const std::vector<std::vector<Part>>& blocks, std::size_t column) {
  ColumnSummary summary;
  summary.info = info;
  const bool is_text = Column{info, {}, {}}.is_text();
  std::unordered_set<std::string> seen;
  std::vector<uint64_t> hashes;
  std::optional<double> least;
  std::optional<double> most;
  std::optional<std::string> least_text;
  std::optional<std::string> most_text;
  bool whole = true;
  bool dates = is_text;
  bool times = false;
  double text_bytes = 0;
  for (const std::vector<Part>& block : blocks) {
    const Part& part = block[column];
    summary.missing += part.missing;
    for (const std::string& value : part.distinct) {
      if (static_cast<int64_t>(seen.size()) > kMaxDistinct) break;
      if (seen.insert(value).second && summary.examples.size() < kExamples) {
        summary.examples.push_back(TruncateUtf8(value, kExampleBytes));
      }
    }
    if (part.distinct.empty()) continue;
    if (is_text) {
      least_text = std::min(least_text.value_or(part.least_text), part.least_text);
      most_text = std::max(most_text.value_or(part.most_text), part.most_text);
    } else {
      least = std::min(least.value_or(*part.least), *part.least);
      most = std::max(most.value_or(*part.most), *part.most);
    }
    whole = whole && part.whole;
    dates = dates && part.dates;
    times = times || part.times;
    text_bytes += part.text_bytes;
    hashes.insert(hashes.end(), part.hashes.begin(), part.hashes.end());
  }
  summary.distinct = static_cast<int64_t>(seen.size());
  if (least) summary.minimum = NumberText(*least);
  if (most) summary.maximum = NumberText(*most);
  if (least_text) summary.minimum = TruncateUtf8(*least_text, kExampleBytes);
  if (most_text) summary.maximum = TruncateUtf8(*most_text, kExampleBytes);
  const int64_t present = rows - summary.missing;
  if (present == 0) return summary;
  std::sort(hashes.begin(), hashes.end());
  const bool distinct = present > 1 && static_cast<int64_t>(hashes.size()) == rows &&
                        std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end();
  if (dates) {
    summary.info.kind = ColumnKind::kDate;
    summary.info.type = times ? ColumnType::kTimestamp : ColumnType::kDate;
  } else if (distinct && (is_text || whole)) {
    summary.info.kind = ColumnKind::kId;
  } else if (is_text && present >= kLeastTexts &&
             text_bytes >= kTextBytes * static_cast<double>(present) &&
             (summary.distinct > kMaxDistinct || summary.distinct * 2 > present)) {
    summary.info.kind = ColumnKind::kText;
  }
  return summary;
}

// Describes; columns named in `given` keep their kinds.
Result<TableSchema> Describe(const Frame& frame, const std::vector<std::string>& given) {
  std::vector<std::string> names;
  std::vector<bool> hash;
  for (const ColumnInfo& column : frame.columns()) {
    names.push_back(column.name);
    hash.push_back(IsIdName(column.name) && frame.rows() <= kMostIds);
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::vector<std::vector<Part>> blocks,
      MapBlocks<std::vector<Part>>(
          frame, names, [&](int64_t, const Table& table, std::vector<Part>* parts) {
            parts->resize(table.columns.size());
            for (std::size_t j = 0; j < table.columns.size(); ++j) {
              const Column& column = table.columns[j];
              (column.is_text() ? LookAtTexts : LookAtNumbers)(column, hash[j], &(*parts)[j]);
            }
            return Status::Ok();
          }));
  TableSchema schema;
  schema.rows = frame.rows();
  for (std::size_t j = 0; j < names.size(); ++j) {
    const ColumnInfo& info = frame.columns()[j];
    ColumnSummary summary = Summarize(info, frame.rows(), blocks, j);
    const bool inferred =
        info.kind == ColumnKind::kNumeric || info.kind == ColumnKind::kCategorical;
    if (!inferred || std::find(given.begin(), given.end(), info.name) != given.end()) {
      summary.info = info;
    }
    schema.columns.push_back(std::move(summary));
  }
  return schema;
}

}  // namespace

std::optional<bool> ParseIsoDate(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1) return std::nullopt;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int days = month == 2                                              ? (leap ? 29 : 28)
                   : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                           : 31;
  if (day > days) return std::nullopt;
  if (text.size() == 10) return false;
  if ((text[10] != 'T' && text[10] != ' ') || !IsTimeOfDay(text.substr(11))) return std::nullopt;
  return true;
}

Result<TableSchema> DescribeColumns(const Frame& frame) {
  return Describe(frame, {});
}

Result<TableSchema> ReadSchema(const DataSource& source, const ReadOptions& options,
                               const FrameOptions& frame_options) {
  PENSTOCK_ASSIGN_OR_RETURN(const RawFrame raw,
                            ReadFrame({source}, options, {}, {}, frame_options));
  std::vector<std::string> given;
  for (const std::vector<ColumnSpec>* specs : {&options.columns, &options.kinds}) {
    for (const ColumnSpec& spec : *specs) {
      if (spec.kind) given.push_back(spec.name);
    }
  }
  if (raw.dataset) {
    for (const ColumnInfo& column : raw.dataset->columns) given.push_back(column.name);
  }
  return Describe(raw.frame, given);
}

}  // namespace penstock
