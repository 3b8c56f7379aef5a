#include "steps/table/collect.h"

#include <utility>

#include "steps/table/column_builder.h"

namespace penstock {

TableCollector::TableCollector() = default;
TableCollector::~TableCollector() = default;

void TableCollector::Clear() {
  indices_.clear();
  table_ = {};
}

void TableCollector::Append(Table&& block) {
  if (table_.columns.empty()) {
    for (const Column& column : block.columns) {
      table_.columns.push_back({column.info, {}, {}});
      table_.columns.back().info.nullable = false;
    }
    for (Column& column : table_.columns) {
      indices_.push_back(std::make_unique<TextIndex>(&column.strings.dictionary));
    }
  }
  table_.rows += block.rows;
  for (std::size_t j = 0; j < block.columns.size(); ++j) {
    Column& from = block.columns[j];
    Column& to = table_.columns[j];
    to.info.nullable = to.info.nullable || from.info.nullable;
    to.numbers.insert(to.numbers.end(), from.numbers.begin(), from.numbers.end());
    std::vector<int32_t> codes;
    for (const std::string& text : from.strings.dictionary) {
      codes.push_back(indices_[j]->Intern(text));
    }
    for (const int32_t code : from.strings.codes) {
      to.strings.codes.push_back(code < 0 ? -1 : codes[static_cast<std::size_t>(code)]);
    }
    from = {};
  }
}

Table TableCollector::Take() {
  indices_.clear();
  return std::exchange(table_, {});
}

Column ChooseRows(const Column& column, const std::vector<int32_t>& choice, bool keep_dictionary) {
  Column chosen;
  chosen.info = column.info;
  if (!column.is_text()) {
    chosen.numbers.reserve(choice.size());
    for (const int32_t i : choice) {
      chosen.numbers.push_back(column.numbers[static_cast<std::size_t>(i)]);
    }
    return chosen;
  }
  const StringValues& from = column.strings;
  std::vector<int32_t> known(from.dictionary.size(), -1);
  if (keep_dictionary) {
    chosen.strings.dictionary = from.dictionary;
    for (std::size_t i = 0; i < known.size(); ++i) known[i] = static_cast<int32_t>(i);
  }
  chosen.strings.codes.reserve(choice.size());
  for (const int32_t i : choice) {
    const int32_t code = from.codes[static_cast<std::size_t>(i)];
    if (code < 0) {
      chosen.strings.codes.push_back(-1);
      continue;
    }
    int32_t& own = known[static_cast<std::size_t>(code)];
    if (own < 0) {
      own = static_cast<int32_t>(chosen.strings.dictionary.size());
      chosen.strings.dictionary.push_back(from.dictionary[static_cast<std::size_t>(code)]);
    }
    chosen.strings.codes.push_back(own);
  }
  return chosen;
}

}  // namespace penstock
