#include "steps/table/read.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "base/text.h"
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

// Blocks put together again.
class Collector {
 public:
  void Clear() {
    table_ = {};
    indices_.clear();
  }

  void Append(Table&& block) {
    if (table_.columns.empty()) {
      for (const Column& column : block.columns) {
        table_.columns.push_back({column.info, {}, {}});
        table_.columns.back().info.nullable = false;
      }
      for (Column& column : table_.columns) indices_.emplace_back(&column.strings.dictionary);
    }
    table_.rows += block.rows;
    for (std::size_t j = 0; j < block.columns.size(); ++j) {
      Column& from = block.columns[j];
      Column& to = table_.columns[j];
      to.info.nullable = to.info.nullable || from.info.nullable;
      to.numbers.insert(to.numbers.end(), from.numbers.begin(), from.numbers.end());
      std::vector<int32_t> codes;
      for (const std::string& text : from.strings.dictionary) {
        codes.push_back(indices_[j].Intern(text));
      }
      for (const int32_t code : from.strings.codes) {
        to.strings.codes.push_back(code < 0 ? -1 : codes[static_cast<std::size_t>(code)]);
      }
      from = {};
    }
  }

  Table Take() { return std::move(table_); }

 private:
  Table table_;
  std::vector<TextIndex> indices_;  // of its columns' dictionaries
};

// Appends codes of another dictionary.
void AppendTexts(StringValues& to, const StringValues& from) {
  std::unordered_map<std::string, int32_t> known;
  for (std::size_t i = 0; i < to.dictionary.size(); ++i) {
    known.emplace(to.dictionary[i], static_cast<int32_t>(i));
  }
  std::vector<int32_t> renumbered;
  for (const std::string& text : from.dictionary) {
    const auto [at, added] = known.emplace(text, static_cast<int32_t>(to.dictionary.size()));
    if (added) to.dictionary.push_back(text);
    renumbered.push_back(at->second);
  }
  to.codes.reserve(to.codes.size() + from.codes.size());
  for (const int32_t code : from.codes) {
    to.codes.push_back(code < 0 ? -1 : renumbered[static_cast<std::size_t>(code)]);
  }
}

// A column that was taken for numbers because its part held nothing else becomes text.
void MakeText(Column& column) {
  std::vector<std::string> values;
  std::vector<bool> present;
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    values.push_back(column.text(i));
    present.push_back(!column.missing(i));
  }
  column = MakeStringColumn(column.info.name, values, ColumnKind::kCategorical, present);
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
  Collector collector;
  PENSTOCK_ASSIGN_OR_RETURN(
      reading::Sources sources,
      reading::ReadAll({{path, std::string(display_name)}}, request, [&] { collector.Clear(); },
                       [&](Table&& block) {
                         collector.Append(std::move(block));
                         return Status::Ok();
                       }));
  return RawTable{collector.Take(), std::move(sources.parts), std::move(sources.dataset)};
}

Status AppendRows(RawTable& table, RawTable&& more) {
  if (table.parts.empty()) {
    table = std::move(more);
    return Status::Ok();
  }
  if (table.table.names() != more.table.names()) {
    return InvalidArgument(more.parts.front().display_name + ": its columns (" +
                           Join(more.table.names(), ", ") + ") differ from those of " +
                           table.parts.front().display_name + " (" +
                           Join(table.table.names(), ", ") +
                           "); all parts must have the same columns in the same order");
  }
  for (std::size_t j = 0; j < table.table.columns.size(); ++j) {
    Column& to = table.table.columns[j];
    Column& from = more.table.columns[j];
    if (to.is_text() && !from.is_text()) MakeText(from);
    if (from.is_text() && !to.is_text()) MakeText(to);
    if (to.is_text()) {
      AppendTexts(to.strings, from.strings);
    } else {
      to.numbers.insert(to.numbers.end(), from.numbers.begin(), from.numbers.end());
      if (to.info.type != from.info.type) to.info.type = ColumnType::kDouble;
    }
    to.info.nullable = to.info.nullable || from.info.nullable;
  }
  for (RawTable::Part& part : more.parts) {
    part.first_row += table.table.rows;
    table.parts.push_back(std::move(part));
  }
  table.table.rows += more.table.rows;
  return Status::Ok();
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
