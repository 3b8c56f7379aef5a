#ifndef PENSTOCK_STEPS_TABLE_COLUMN_BUILDER_H_
#define PENSTOCK_STEPS_TABLE_COLUMN_BUILDER_H_

// Turns the blocks that DuckDB gives, and texts, into columns. Private to steps/table. Not
// thread-safe; several builders may work on several columns of one block at once.

#include <duckdb.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steps/table/table.h"

namespace penstock {

// Texts by number, in order of first appearance. Open addressing over the dictionary itself.
class TextIndex {
 public:
  explicit TextIndex(std::vector<std::string>* dictionary);
  int32_t Intern(std::string_view text);
  // Begins anew; the dictionary must be empty.
  void Clear();

 private:
  void Grow();
  std::vector<std::string>* dictionary_;
  std::vector<int32_t> slots_;
  std::vector<uint64_t> hashes_;  // of dictionary entries
};

// What texts mean.
struct TextRules {
  bool trim = false;                                // take blanks around them away
  const std::vector<std::string>* nulls = nullptr;  // missing, besides the empty text

  bool IsNull(std::string_view text) const;
};

// A number, kMissing, or the mark of a text that is none.
double NumberOrMark(std::string_view text, const TextRules& rules);
// Whether `value` is that mark: a NaN of its own.
bool IsBadNumber(double value);

class ColumnBuilder {
 public:
  // Texts are parsed where `info.type` is a number's, and numbers become texts where it is not.
  ColumnBuilder(ColumnInfo info, const TextRules& rules);
  ColumnBuilder(const ColumnBuilder&) = delete;
  ColumnBuilder& operator=(const ColumnBuilder&) = delete;

  // Makes room for `rows` rows in all.
  void Reserve(int64_t rows);
  // `rows` rows of a vector of type VARCHAR, DOUBLE, BIGINT or BOOLEAN, from `begin` on. With
  // `marks`, doubles may be NumberOrMark's.
  void Append(duckdb_vector vector, duckdb_type type, int64_t begin, int64_t rows,
              bool marks = false);
  void AppendText(std::string_view text);
  void AppendNumber(double value);

  // The first text that is no number in a numeric column.
  struct BadNumber {
    int64_t row = 0;   // since the last Take
    std::string text;  // empty where only its mark came
  };
  const std::optional<BadNumber>& bad_number() const { return bad_number_; }

  // The rows since the last Take.
  Column Take();

 private:
  template <typename T>
  void AppendNumbers(duckdb_vector vector, int64_t begin, int64_t rows);
  void AppendMarked(double value, std::string_view text);

  // A text that lies in DuckDB's own value, without a pointer, and its code: columns of few values
  // meet the same ones again and again.
  static constexpr uint32_t kShortText = 12;
  static constexpr int kRecentBits = 8;
  using ShortText = std::array<uint64_t, 2>;
  struct Recent {
    ShortText text = {};
    int32_t code = -1;
  };
  void AppendShort(duckdb_string_t& text);

  Column column_;
  bool text_;
  TextRules rules_;
  TextIndex index_;
  std::array<Recent, 1 << kRecentBits> recent_;
  bool any_missing_ = false;
  std::optional<BadNumber> bad_number_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_COLUMN_BUILDER_H_
