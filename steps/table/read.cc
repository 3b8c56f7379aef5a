#include "steps/table/read.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "steps/table/collect.h"
#include "steps/table/mapped_file.h"
#include "steps/table/read_internal.h"

namespace penstock {
namespace {

constexpr std::array<std::string_view, 7> kFormatNames = {
    "auto", "csv", "tsv", "parquet", "json", "jsonl", "svmlight"};
constexpr std::array<std::string_view, 4> kCompressionNames = {"auto", "none", "gzip", "zstd"};

template <typename Value, std::size_t kCount>
Result<Value> ParseName(const std::array<std::string_view, kCount>& names, std::string_view name,
                        const std::string& what) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (names[i] == name) return static_cast<Value>(i);
  }
  return InvalidArgument("\"" + std::string(name) + "\" is no " + what +
                         Suggestion(name, {names.begin(), names.end()}));
}

bool Contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

std::string_view Name(FileFormat format) {
  return kFormatNames[static_cast<std::size_t>(format)];
}

Result<FileFormat> ParseFileFormat(std::string_view name) {
  return ParseName<FileFormat>(kFormatNames, name, "file format");
}

std::string_view Name(FileCompression compression) {
  return kCompressionNames[static_cast<std::size_t>(compression)];
}

Result<FileCompression> ParseFileCompression(std::string_view name) {
  return ParseName<FileCompression>(kCompressionNames, name, "compression");
}

std::optional<double> ParseNumber(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return std::nullopt;
  }
  // from_chars also knows "inf" and "nan".
  const std::size_t digits = !text.empty() && text.front() == '-' ? 1 : 0;
  if (text.size() <= digits ||
      !((text[digits] >= '0' && text[digits] <= '9') || text[digits] == '.')) {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too small is 0 or next to it, too large is no number.
    value = std::strtod(std::string(text).c_str(), nullptr);
    if (!std::isfinite(value)) return std::nullopt;
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return value + 0.0;
}

std::string RawTable::Where(int64_t row, std::string_view column) const {
  return reading::WhereIn(parts, row, column);
}

Result<RawTable> ReadRaw(const std::filesystem::path& path, std::string_view display_name,
                         const ReadOptions& options, const std::vector<std::string>& wanted,
                         const std::vector<std::string>& optional,
                         const TableOptions& table_options) {
  const reading::Request request{options, wanted, optional, table_options};
  TableCollector collector;
  PENSTOCK_ASSIGN_OR_RETURN(
      reading::Sources sources,
      reading::ReadAll({{path, std::string(display_name)}}, request, [&] { collector.Clear(); },
                       [&](Table&& block) {
                         collector.Append(std::move(block));
                         return Status::Ok();
                       }));
  return RawTable{collector.Take(), std::move(sources.parts), std::move(sources.dataset)};
}

namespace reading {

bool Request::Wants(std::string_view column) const {
  return wanted.empty() || Contains(wanted, column) || Contains(optional, column);
}

bool Request::IsOptional(std::string_view column) const {
  return Contains(optional, column);
}

std::optional<ColumnKind> Request::KindOf(std::string_view column) const {
  for (const std::vector<ColumnSpec>* specs : {&options.kinds, &options.columns}) {
    for (const ColumnSpec& spec : *specs) {
      if (spec.name == column && spec.kind) return spec.kind;
    }
  }
  return std::nullopt;
}

std::string SqlPath(const std::filesystem::path& path) {
  std::string pattern;
  for (const char c : path.string()) {
    if (c == '*' || c == '?' || c == '[') {
      pattern += std::string("[") + c + "]";
    } else {
      pattern += c;
    }
  }
  return duck::Quote(pattern);
}

Status CheckWanted(const Request& request, const std::vector<std::string>& names,
                   const std::string& where) {
  for (const std::string& column : request.wanted) {
    if (Contains(names, column)) continue;
    return InvalidArgument(where + ": line 1: no column is named \"" + column + "\"" +
                           SuggestColumn(column, names));
  }
  return Status::Ok();
}

std::string WhereIn(const std::vector<RawTable::Part>& parts, int64_t row,
                    std::string_view column) {
  const RawTable::Part* part = nullptr;
  for (const RawTable::Part& candidate : parts) {
    if (row >= candidate.first_row) part = &candidate;
  }
  if (part == nullptr) return "row " + std::to_string(row + 1);
  const auto name = std::find(part->names.begin(), part->names.end(), column);
  const auto field = static_cast<std::size_t>(name - part->names.begin());
  std::string place;
  if (part->csv) {
    if (const auto file = MappedFile::Open(part->path, part->display_name); file.ok()) {
      CsvScanner scanner(file->bytes(), part->dialect);
      if (part->header) static_cast<void>(scanner.Next());
      bool found = true;
      for (int64_t i = part->first_row; i <= row && found; ++i) {
        found = scanner.Next(part->names.size() == 1);
        file->Forget(scanner.offset());
      }
      if (found) {
        place = "line " +
                std::to_string(field < scanner.fields() ? scanner.line(field) : scanner.line());
      }
    }
  }
  if (place.empty()) place = "row " + std::to_string(row - part->first_row + 1);
  std::string where = part->display_name + ": " + place;
  if (name != part->names.end()) where += ", column " + std::to_string(field + 1);
  return where + " (" + std::string(column) + ")";
}

Status NotANumber(const std::string& where, const std::string& text) {
  return InvalidArgument(where + ": \"" + text +
                         "\" is not a number; add it to read.nulls if it stands for a missing "
                         "value, or give the column kind: categorical");
}

}  // namespace reading
}  // namespace penstock
