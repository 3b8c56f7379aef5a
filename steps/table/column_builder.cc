#include "steps/table/column_builder.h"

#include <algorithm>
#include <bit>
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

// A quiet NaN that no arithmetic gives.
constexpr uint64_t kBadNumberBits = 0x7FF8'0000'0000'0BADULL;

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

void TextIndex::Clear() {
  // Room for as many texts as before, but not for one long block's for ever.
  slots_.assign(std::clamp<std::size_t>(std::bit_ceil(hashes_.size() * 2 + 2), 64, 1 << 18), -1);
  hashes_.clear();
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

bool TextRules::IsNull(std::string_view text) const {
  return text.empty() ||
         (nulls != nullptr && std::find(nulls->begin(), nulls->end(), text) != nulls->end());
}

double NumberOrMark(std::string_view text, const TextRules& rules) {
  if (rules.trim) text = TrimBlanks(text);
  if (rules.IsNull(text)) return kMissing;
  const std::optional<double> number = ParseNumber(text);
  return number ? *number : std::bit_cast<double>(kBadNumberBits);
}

bool IsBadNumber(double value) {
  return std::bit_cast<uint64_t>(value) == kBadNumberBits;
}

ColumnBuilder::ColumnBuilder(ColumnInfo info, const TextRules& rules)
    : rules_(rules), index_(&column_.strings.dictionary) {
  column_.info = std::move(info);
  text_ = column_.is_text();
}

void ColumnBuilder::Reserve(int64_t rows) {
  // A hint from a file: not to be believed without limit.
  rows = std::min<int64_t>(rows, 1 << 24);
  if (text_) {
    column_.strings.codes.reserve(static_cast<std::size_t>(rows));
  } else {
    column_.numbers.reserve(static_cast<std::size_t>(rows));
  }
}

// One value of a numeric column, and the text that it came from.
void ColumnBuilder::AppendMarked(double value, std::string_view text) {
  if (value != value) {
    any_missing_ = true;
    if (IsBadNumber(value)) {
      if (!bad_number_) {
        bad_number_ = {static_cast<int64_t>(column_.numbers.size()), std::string(text)};
      }
      value = kMissing;
    }
  }
  column_.numbers.push_back(value);
}

void ColumnBuilder::AppendText(std::string_view text) {
  if (!text_) {
    AppendMarked(NumberOrMark(text, rules_), TrimBlanks(text));
    return;
  }
  if (rules_.trim) text = TrimBlanks(text);
  const bool missing = rules_.IsNull(text);
  any_missing_ = any_missing_ || missing;
  column_.strings.codes.push_back(missing ? -1 : index_.Intern(text));
}

void ColumnBuilder::AppendNumber(double value) {
  if (!text_) {
    AppendMarked(value, {});
  } else if (value != value) {
    any_missing_ = true;
    column_.strings.codes.push_back(-1);
  } else {
    column_.strings.codes.push_back(index_.Intern(NumberText(value)));
  }
}

template <typename T>
void ColumnBuilder::AppendNumbers(duckdb_vector vector, int64_t begin, int64_t rows) {
  const auto* values = static_cast<const T*>(duckdb_vector_get_data(vector)) + begin;
  const uint64_t* validity = duckdb_vector_get_validity(vector);
  if (text_) {
    for (int64_t i = 0; i < rows; ++i) {
      AppendNumber(Valid(validity, begin + i) ? static_cast<double>(values[i]) + 0.0 : kMissing);
    }
    return;
  }
  std::vector<double>& numbers = column_.numbers;
  const std::size_t first = numbers.size();
  numbers.resize(first + static_cast<std::size_t>(rows));
  double* out = numbers.data() + first;
  bool missing = false;
  // Adding 0 turns -0 into 0, so that equal numbers have equal bytes.
  if (validity == nullptr) {
    for (int64_t i = 0; i < rows; ++i) {
      out[i] = static_cast<double>(values[i]) + 0.0;
      missing |= out[i] != out[i];
    }
  } else {
    for (int64_t i = 0; i < rows; ++i) {
      out[i] = Valid(validity, begin + i) ? static_cast<double>(values[i]) + 0.0 : kMissing;
      missing |= out[i] != out[i];
    }
  }
  any_missing_ = any_missing_ || missing;
}

void ColumnBuilder::Append(duckdb_vector vector, duckdb_type type, int64_t begin, int64_t rows,
                           bool marks) {
  const uint64_t* validity = duckdb_vector_get_validity(vector);
  if (type == DUCKDB_TYPE_DOUBLE && marks) {
    const auto* values = static_cast<const double*>(duckdb_vector_get_data(vector));
    for (int64_t i = begin; i < begin + rows; ++i) {
      AppendMarked(Valid(validity, i) ? values[i] : kMissing, {});
    }
  } else if (type == DUCKDB_TYPE_DOUBLE) {
    AppendNumbers<double>(vector, begin, rows);
  } else if (type == DUCKDB_TYPE_BIGINT) {
    AppendNumbers<int64_t>(vector, begin, rows);
  } else if (type == DUCKDB_TYPE_BOOLEAN) {
    AppendNumbers<uint8_t>(vector, begin, rows);
  } else {
    auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
    if (text_) column_.strings.codes.reserve(column_.strings.codes.size() + static_cast<std::size_t>(rows));
    for (int64_t i = begin; i < begin + rows; ++i) {
      if (!Valid(validity, i)) {
        AppendText({});
      } else if (text_ && duckdb_string_t_length(texts[i]) <= kShortText) {
        AppendShort(texts[i]);
      } else {
        AppendText(TextAt(texts, i));
      }
    }
  }
}

void ColumnBuilder::AppendShort(duckdb_string_t& text) {
  static_assert(sizeof(ShortText) == sizeof(duckdb_string_t));
  const auto key = std::bit_cast<ShortText>(text);
  Recent& recent = recent_[(key[0] * 0x9e3779b97f4a7c15U ^ key[1] * 0xc2b2ae3d27d4eb4fU) >>
                           (64 - kRecentBits)];
  if (recent.code < 0 || recent.text != key) {
    AppendText(TextAt(&text, 0));
    recent = {key, column_.strings.codes.back()};
    return;
  }
  column_.strings.codes.push_back(recent.code);
}

Column ColumnBuilder::Take() {
  Column taken;
  taken.info = column_.info;
  taken.info.nullable = any_missing_;
  taken.numbers = std::move(column_.numbers);
  taken.strings = std::move(column_.strings);
  column_.numbers = {};
  column_.strings = {};
  index_.Clear();
  recent_.fill({});
  any_missing_ = false;
  bad_number_.reset();
  return taken;
}

}  // namespace penstock
