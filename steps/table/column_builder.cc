#include "steps/table/column_builder.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/text.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

bool Valid(const uint64_t* validity, int64_t i) {
  return validity == nullptr || ((validity[i >> 6] >> (i & 63)) & 1) != 0;
}

std::string_view TextAt(duckdb_string_t* strings, int64_t i) {
  return {duckdb_string_t_data(&strings[i]), duckdb_string_t_length(strings[i])};
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

TextIndex::TextIndex(std::vector<std::string>* dictionary)
    : dictionary_(dictionary), slots_(64, -1) {}

int32_t TextIndex::Intern(std::string_view text) {
  const uint64_t hash = std::hash<std::string_view>()(text);
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] >= 0) {
    const auto entry = static_cast<std::size_t>(slots_[slot]);
    if (hashes_[entry] == hash && (*dictionary_)[entry] == text) return slots_[slot];
    slot = (slot + 1) & (slots_.size() - 1);
  }
  const auto code = static_cast<int32_t>(dictionary_->size());
  slots_[slot] = code;
  dictionary_->emplace_back(text);
  hashes_.push_back(hash);
  if (dictionary_->size() * 2 > slots_.size()) Grow();
  return code;
}

void TextIndex::Grow() {
  std::vector<int32_t> slots(slots_.size() * 2, -1);
  for (std::size_t entry = 0; entry < hashes_.size(); ++entry) {
    std::size_t slot = hashes_[entry] & (slots.size() - 1);
    while (slots[slot] >= 0) slot = (slot + 1) & (slots.size() - 1);
    slots[slot] = static_cast<int32_t>(entry);
  }
  slots_ = std::move(slots);
}

ColumnBuilder::ColumnBuilder(ColumnInfo info, duckdb_type type, const Rules& rules)
    : type_(type), rules_(rules), index_(&column_.strings.dictionary) {
  column_.info = std::move(info);
}

bool ColumnBuilder::IsNull(std::string_view text) const {
  if (text.empty()) return true;
  if (rules_.nulls == nullptr) return false;
  return std::find(rules_.nulls->begin(), rules_.nulls->end(), text) != rules_.nulls->end();
}

void ColumnBuilder::AppendText(std::string_view text) {
  if (column_.info.kind == ColumnKind::kNumeric) {
    text = TrimBlanks(text);
    double value = kMissing;
    if (!IsNull(text)) {
      if (const auto number = ParseNumber(text)) {
        value = *number;
      } else if (!bad_number_) {
        bad_number_ = {static_cast<int64_t>(column_.numbers.size()), std::string(text)};
      }
    }
    any_missing_ = any_missing_ || value != value;
    column_.numbers.push_back(value);
    return;
  }
  if (rules_.trim) text = TrimBlanks(text);
  const bool missing = IsNull(text);
  any_missing_ = any_missing_ || missing;
  column_.strings.codes.push_back(missing ? -1 : index_.Intern(text));
}

void ColumnBuilder::AppendTexts(duckdb_vector vector, int64_t rows) {
  auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  const uint64_t* validity = duckdb_vector_get_validity(vector);
  for (int64_t i = 0; i < rows; ++i) {
    AppendText(Valid(validity, i) ? TextAt(texts, i) : std::string_view());
  }
}

template <typename T>
void ColumnBuilder::AppendNumbers(duckdb_vector vector, int64_t rows) {
  const auto* values = static_cast<const T*>(duckdb_vector_get_data(vector));
  const uint64_t* validity = duckdb_vector_get_validity(vector);
  std::vector<double>& numbers = column_.numbers;
  for (int64_t i = 0; i < rows; ++i) {
    // Adding 0 turns -0 into 0, so that equal numbers have equal bytes.
    const double value = Valid(validity, i) ? static_cast<double>(values[i]) + 0.0 : kMissing;
    any_missing_ = any_missing_ || value != value;
    numbers.push_back(value);
  }
}

void ColumnBuilder::Reserve(int64_t rows) {
  // A hint from a file: not to be believed without limit.
  rows = std::min<int64_t>(rows, 1 << 24);
  if (column_.is_text()) {
    column_.strings.codes.reserve(static_cast<std::size_t>(rows));
  } else {
    column_.numbers.reserve(static_cast<std::size_t>(rows));
  }
}

void ColumnBuilder::Append(duckdb_vector vector, int64_t rows) {
  switch (type_) {
    case DUCKDB_TYPE_DOUBLE:
      return AppendNumbers<double>(vector, rows);
    case DUCKDB_TYPE_BIGINT:
      return AppendNumbers<int64_t>(vector, rows);
    case DUCKDB_TYPE_BOOLEAN:
      return AppendNumbers<uint8_t>(vector, rows);
    default:
      return AppendTexts(vector, rows);
  }
}

Column ColumnBuilder::Finish(bool infer) && {
  if (infer && column_.is_text()) {
    std::vector<double> numbers;
    for (const std::string& text : column_.strings.dictionary) {
      const auto number = ParseNumber(text);
      if (!number) break;
      numbers.push_back(*number);
    }
    // A column without any value is numeric too: there is nothing to say that it is text.
    if (numbers.size() == column_.strings.dictionary.size()) {
      column_.numbers.reserve(column_.strings.codes.size());
      for (const int32_t code : column_.strings.codes) {
        column_.numbers.push_back(code < 0 ? kMissing : numbers[static_cast<std::size_t>(code)]);
      }
      column_.strings = {};
      column_.info.kind = ColumnKind::kNumeric;
      column_.info.type = ColumnType::kDouble;
    }
  }
  column_.info.nullable = any_missing_;
  return std::move(column_);
}

}  // namespace penstock
