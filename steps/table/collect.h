#ifndef PENSTOCK_STEPS_TABLE_COLLECT_H_
#define PENSTOCK_STEPS_TABLE_COLLECT_H_

// Tables put together of others, row by row. Not thread-safe.

#include <cstdint>
#include <memory>
#include <vector>

#include "steps/table/table.h"

namespace penstock {

class TextIndex;

// Blocks with the same columns, one after the other.
class TableCollector {
 public:
  TableCollector();
  ~TableCollector();
  TableCollector(const TableCollector&) = delete;
  TableCollector& operator=(const TableCollector&) = delete;

  void Append(Table&& block);
  void Clear();
  // All rows since the beginning or Clear.
  Table Take();

 private:
  Table table_;
  std::vector<std::unique_ptr<TextIndex>> indices_;  // of its columns' dictionaries
};

// The rows `choice` of a column, in that order; one may come several times. Its dictionary holds
// what these rows have, in order of first appearance; with `keep_dictionary`, it stays as it was.
Column ChooseRows(const Column& column, const std::vector<int32_t>& choice,
                  bool keep_dictionary = false);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_COLLECT_H_
