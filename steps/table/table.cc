#include "steps/table/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace penstock {
namespace {

constexpr std::array<std::pair<ColumnType, std::string_view>, 6> kTypes = {{
    {ColumnType::kDouble, "double"},
    {ColumnType::kInteger, "integer"},
    {ColumnType::kString, "string"},
    {ColumnType::kBoolean, "boolean"},
    {ColumnType::kDate, "date"},
    {ColumnType::kTimestamp, "timestamp"},
}};

constexpr std::array<std::pair<ColumnKind, std::string_view>, 5> kKinds = {{
    {ColumnKind::kNumeric, "numeric"},
    {ColumnKind::kCategorical, "categorical"},
    {ColumnKind::kText, "text"},
    {ColumnKind::kDate, "date"},
    {ColumnKind::kId, "id"},
}};

template <typename Pairs>
auto Parse(const Pairs& pairs, std::string_view name, std::string_view what)
    -> Result<std::decay_t<decltype(pairs[0].first)>> {
  std::vector<std::string> known;
  for (const auto& [value, text] : pairs) {
    if (text == name) return value;
    known.emplace_back(text);
  }
  return InvalidArgument("\"" + std::string(name) + "\" is no " + std::string(what) + " of column" +
                         Suggestion(name, known));
}

}  // namespace

std::string_view Name(ColumnType type) {
  return kTypes[static_cast<std::size_t>(type)].second;
}
std::string_view Name(ColumnKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].second;
}

Result<ColumnType> ParseColumnType(std::string_view name) {
  return Parse(kTypes, name, "type");
}
Result<ColumnKind> ParseColumnKind(std::string_view name) {
  return Parse(kKinds, name, "kind");
}

std::string Column::text(std::size_t i) const {
  if (missing(i)) return {};
  return is_text() ? strings[i] : NumberText(numbers[i]);
}

std::string NumberText(double value) {
  if (std::fabs(value) < 1e15 && value == std::floor(value)) {
    return std::to_string(static_cast<int64_t>(value));
  }
  return FormatDouble(value);
}

const Column* Table::Find(std::string_view name) const {
  for (const Column& column : columns) {
    if (column.info.name == name) return &column;
  }
  return nullptr;
}

Column* Table::Find(std::string_view name) {
  return const_cast<Column*>(std::as_const(*this).Find(name));
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const Column& column : columns) names.push_back(column.info.name);
  return names;
}

Column MakeNumberColumn(std::string name, std::vector<double> values, ColumnType type,
                        ColumnKind kind) {
  Column column;
  column.info.name = std::move(name);
  column.info.type = type;
  column.info.kind = kind;
  column.numbers = std::move(values);
  for (const double value : column.numbers) {
    if (std::isnan(value)) column.info.nullable = true;
  }
  return column;
}

Column MakeStringColumn(std::string name, const std::vector<std::string>& values, ColumnKind kind,
                        const std::vector<bool>& present) {
  Column column;
  column.info.name = std::move(name);
  column.info.type = ColumnType::kString;
  column.info.kind = kind;
  column.strings.codes.reserve(values.size());
  std::unordered_map<std::string_view, int32_t> codes;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!present.empty() && !present[i]) {
      column.strings.codes.push_back(-1);
      column.info.nullable = true;
      continue;
    }
    const auto [at, added] = codes.emplace(values[i], static_cast<int32_t>(codes.size()));
    if (added) column.strings.dictionary.push_back(values[i]);
    column.strings.codes.push_back(at->second);
  }
  return column;
}

std::string SuggestColumn(std::string_view name, const std::vector<std::string>& known) {
  constexpr std::size_t kShown = 20;
  if (const std::string near = Nearest(name, known); !near.empty()) return Suggestion(name, {near});
  if (known.empty()) return {};
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(kShown, known.size()); ++i) {
    shown.push_back(known[i].substr(0, 64));
  }
  if (known.size() > kShown) {
    shown.back() += " and " + std::to_string(known.size() - kShown) + " more";
  }
  return " (known: " + Join(shown, ", ") + ")";
}

}  // namespace penstock
