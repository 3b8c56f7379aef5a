#include "steps/process/operation.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace penstock {
namespace {

struct Entry {
  std::string_view name;
  bool fitted;
  Result<std::unique_ptr<Operation>> (*make)(const Json& spec);
};

constexpr std::array<Entry, 7> kOperations = {{
    {"drop", false, MakeDrop},
    {"impute", true, MakeImpute},
    {"map_values", false, MakeMapValues},
    {"min_max", true, MakeMinMax},
    {"one_hot", true, MakeOneHot},
    {"ordinal", true, MakeOrdinal},
    {"standard", true, MakeStandard},
}};

}  // namespace

const std::vector<std::string>& OperationNames() {
  static const auto* const names = [] {
    auto* list = new std::vector<std::string>{"drop_missing"};
    for (const Entry& entry : kOperations) list->emplace_back(entry.name);
    std::sort(list->begin(), list->end());
    return list;
  }();
  return *names;
}

bool IsFitted(std::string_view op) {
  return std::any_of(kOperations.begin(), kOperations.end(),
                     [&](const Entry& entry) { return entry.name == op && entry.fitted; });
}

Result<std::unique_ptr<Operation>> MakeOperation(const Json& spec) {
  const std::string op = JsonString(spec, "op");
  for (const Entry& entry : kOperations) {
    if (entry.name == op) return entry.make(spec);
  }
  return InvalidArgument("unknown operation \"" + op + "\"" + Suggestion(op, OperationNames()));
}

Result<Column*> FindColumn(Table& table, const std::string& name) {
  Column* column = table.Find(name);
  if (column != nullptr) return column;
  return InvalidArgument("the data have no column \"" + name + "\"" +
                         Suggestion(name, table.names()));
}

Status ReplaceColumn(Table& table, const std::string& name, std::vector<Column> columns) {
  const auto at = std::find_if(table.columns.begin(), table.columns.end(),
                               [&](const Column& column) { return column.info.name == name; });
  for (const Column& column : columns) {
    const Column* same = table.Find(column.info.name);
    if (same != nullptr && same != &*at) {
      return InvalidArgument("column \"" + name + "\" would become \"" + column.info.name +
                             "\", which is there already; rename or drop one");
    }
  }
  const auto next = table.columns.erase(at);
  table.columns.insert(next, std::make_move_iterator(columns.begin()),
                       std::make_move_iterator(columns.end()));
  return Status::Ok();
}

StringValues AsTexts(const Column& column) {
  if (column.is_text()) return column.strings;
  StringValues texts;
  texts.codes.reserve(column.numbers.size());
  std::unordered_map<double, int32_t> codes;
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    if (column.missing(i)) {
      texts.codes.push_back(-1);
      continue;
    }
    const auto [at, added] =
        codes.emplace(column.numbers[i], static_cast<int32_t>(texts.dictionary.size()));
    if (added) texts.dictionary.push_back(column.text(i));
    texts.codes.push_back(at->second);
  }
  return texts;
}

std::vector<std::string> DistinctTexts(const StringValues& values,
                                       const std::vector<int64_t>& rows) {
  std::vector<bool> seen(values.dictionary.size());
  for (const int64_t row : rows) {
    const int32_t code = values.codes[static_cast<std::size_t>(row)];
    if (code >= 0) seen[static_cast<std::size_t>(code)] = true;
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) texts.push_back(values.dictionary[i]);
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

bool AnyMissing(const Column& column, const std::vector<int64_t>& rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](int64_t row) { return column.missing(static_cast<std::size_t>(row)); });
}

}  // namespace penstock
