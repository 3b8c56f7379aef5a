#ifndef PENSTOCK_STEPS_TABLE_COLUMN_BUILDER_H_
#define PENSTOCK_STEPS_TABLE_COLUMN_BUILDER_H_

// Turns the blocks that DuckDB gives into columns. Private to steps/table. Not thread-safe; several
// builders may work on several columns of one block at once.

#include <duckdb.h>

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

 private:
  void Grow();
  std::vector<std::string>* dictionary_;
  std::vector<int32_t> slots_;
  std::vector<uint64_t> hashes_;  // of dictionary entries
};

class ColumnBuilder {
 public:
  struct Rules {
    bool trim = false;
    const std::vector<std::string>* nulls = nullptr;
  };
  // `type` is the type of the vectors to come. With a numeric `info.kind`, texts are parsed.
  ColumnBuilder(ColumnInfo info, duckdb_type type, const Rules& rules);
  ColumnBuilder(const ColumnBuilder&) = delete;
  ColumnBuilder& operator=(const ColumnBuilder&) = delete;

  // Makes room for `rows` rows in all.
  void Reserve(int64_t rows);
  void Append(duckdb_vector vector, int64_t rows);
  // One row as text; only where `type` is VARCHAR.
  void AppendText(std::string_view text);

  // The first text that is no number in a numeric column.
  struct BadNumber {
    int64_t row;
    std::string text;
  };
  const std::optional<BadNumber>& bad_number() const { return bad_number_; }

  // The column. With `infer`, texts that are all numbers become numbers.
  Column Finish(bool infer) &&;

 private:
  void AppendTexts(duckdb_vector vector, int64_t rows);
  template <typename T>
  void AppendNumbers(duckdb_vector vector, int64_t rows);
  bool IsNull(std::string_view text) const;

  Column column_;
  duckdb_type type_;
  Rules rules_;
  TextIndex index_;
  bool any_missing_ = false;
  std::optional<BadNumber> bad_number_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_COLUMN_BUILDER_H_
