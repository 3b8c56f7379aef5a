#ifndef PENSTOCK_TESTS_UNIT_PROCESS_SHAPE_BENCH_H_
#define PENSTOCK_TESTS_UNIT_PROCESS_SHAPE_BENCH_H_

// What shape_reference.py computed, and row operations on tables.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "steps/process/draft.h"
#include "steps/process/row_operation.h"
#include "tests/unit/process/operation_bench.h"
#include "tests/unit/table/table_files.h"

namespace penstock {

inline const Json& Reference() {
  static const auto* const reference = [] {
    const auto json = ParseJson(ReadBytes("tests/unit/process/shape_reference.json"));
    EXPECT_TRUE(json.ok()) << json.status();
    return new Json(json.ok() ? *json : Json());
  }();
  return *reference;
}

// A list of numbers, in which null is missing.
inline std::vector<double> NumbersOf(const Json& list) {
  std::vector<double> numbers;
  for (const Json& value : list)
    numbers.push_back(value.is_null() ? kMissing : value.get<double>());
  return numbers;
}

// A list of texts, in which null is missing.
inline Column TextColumn(const std::string& name, const Json& list,
                         ColumnKind kind = ColumnKind::kCategorical) {
  std::vector<std::string> texts;
  std::vector<bool> present;
  for (const Json& value : list) {
    texts.push_back(value.is_null() ? "" : value.get<std::string>());
    present.push_back(!value.is_null());
  }
  return MakeStringColumn(name, texts, kind, present);
}

// In the order of their names, as JSON has them.
inline Table ReferenceTable(const std::vector<std::string>& names) {
  std::vector<Column> columns;
  for (const std::string& name : names) {
    const Json& values = Reference()["table"][name];
    const bool text = name == "t" || name == "code";
    columns.push_back(text ? TextColumn(name, values) : MakeNumberColumn(name, NumbersOf(values)));
  }
  return Make(std::move(columns));
}

inline std::vector<std::string> ReferenceNames() {
  return {"a", "b", "t", "near b", "anti", "apart", "half", "mostly", "same", "key", "code"};
}

// NaN equals NaN.
inline void ExpectNumbers(const std::vector<double>& found, const std::vector<double>& expected,
                          double tolerance, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (expected[i] != expected[i]) {
      EXPECT_TRUE(found[i] != found[i]) << what << " " << i;
    } else if (found[i] != expected[i]) {
      EXPECT_NEAR(found[i], expected[i], tolerance) << what << " " << i;
    }
  }
}

inline Result<Draft> DraftOf(const Table& table, int64_t block_rows, int64_t budget = 0,
                             Roles roles = {}) {
  RawFrame raw;
  raw.frame = FrameOf(table, block_rows);
  LabelInfo label;
  if (!roles.label.empty()) label.kind = LabelInfo::Kind::kNumber;
  return Draft::Make(std::move(raw), std::move(roles), {}, std::move(label), budget);
}

// The rows that are left after operations, in the order in which they would be written.
inline std::vector<int> RowsAfter(const std::vector<Json>& specs, const Table& table,
                                  int64_t block_rows = 7, int64_t budget = 0,
                                  const Roles& roles = {}) {
  std::vector<int> rows;
  auto draft = DraftOf(table, block_rows, budget, roles);
  EXPECT_TRUE(draft.ok()) << draft.status();
  for (const Json& spec : specs) {
    const auto operation = MakeRowOperation(spec);
    EXPECT_TRUE(operation.ok()) << operation.status();
    if (!operation.ok()) return rows;
    const Status status = (*operation)->Run(*draft);
    EXPECT_TRUE(status.ok()) << status;
  }
  for (int64_t i = 0; i < draft->rows(); ++i) {
    const int64_t row = draft->order().empty() ? i : draft->order()[static_cast<std::size_t>(i)];
    if (draft->is_live(row)) rows.push_back(static_cast<int>(row));
  }
  return rows;
}

inline std::string RowError(const Json& spec, const Table& table) {
  auto draft = DraftOf(table, 7);
  EXPECT_TRUE(draft.ok()) << draft.status();
  const auto operation = MakeRowOperation(spec);
  if (!operation.ok()) return operation.status().message();
  const Status status = (*operation)->Run(*draft);
  return status.ok() ? "no error" : status.message();
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_PROCESS_SHAPE_BENCH_H_
