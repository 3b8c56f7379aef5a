#ifndef PENSTOCK_TESTS_UNIT_PROCESS_OPERATION_BENCH_H_
#define PENSTOCK_TESTS_UNIT_PROCESS_OPERATION_BENCH_H_

// Fits and applies single operations.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "steps/process/fit_data.h"
#include "steps/process/operation.h"
#include "steps/table/collect.h"
#include "steps/table/frame.h"

namespace penstock {

inline Table Make(std::vector<Column> columns) {
  Table table;
  table.columns = std::move(columns);
  const Column& first = table.columns.front();
  table.rows =
      static_cast<int64_t>(first.is_text() ? first.strings.codes.size() : first.numbers.size());
  return table;
}

// Rows [begin, end).
inline Table RowsOf(const Table& table, int64_t begin, int64_t end) {
  std::vector<int32_t> choice(static_cast<std::size_t>(end - begin));
  std::iota(choice.begin(), choice.end(), static_cast<int32_t>(begin));
  Table rows;
  rows.rows = end - begin;
  for (const Column& column : table.columns) rows.columns.push_back(ChooseRows(column, choice));
  return rows;
}

// In blocks of `block_rows`.
inline Frame FrameOf(const Table& table, int64_t block_rows = int64_t{1} << 20) {
  Frame frame(FrameOptions{.table = {.threads = 2}, .memory_bytes = 0, .scratch = {}});
  for (int64_t begin = 0; begin == 0 || begin < table.rows; begin += block_rows) {
    EXPECT_TRUE(
        frame.Append(RowsOf(table, begin, std::min(begin + block_rows, table.rows))).ok());
  }
  return frame;
}

inline void ExpectSame(const Table& a, const Table& b) {
  ASSERT_EQ(a.names(), b.names());
  ASSERT_EQ(a.rows, b.rows);
  for (std::size_t j = 0; j < a.columns.size(); ++j) {
    EXPECT_EQ(Name(a.columns[j].info.type), Name(b.columns[j].info.type)) << a.columns[j].info.name;
    EXPECT_EQ(Name(a.columns[j].info.kind), Name(b.columns[j].info.kind)) << a.columns[j].info.name;
    for (std::size_t i = 0; i < static_cast<std::size_t>(a.rows); ++i) {
      ASSERT_EQ(a.columns[j].text(i), b.columns[j].text(i)) << a.columns[j].info.name << " " << i;
    }
  }
}

// Fits on the first `fit_rows` rows and applies to all. What was fitted must come out of blocks of
// any length, and of its stored form; what is applied to a table must be what is applied to parts
// of it. Returns the table after it, or one without columns and `error`.
inline Table FitApply(const Json& spec, const Table& table, int64_t fit_rows,
                      std::string* error = nullptr, const Roles& roles = {},
                      const LabelInfo& label = {}) {
  const auto fail = [&](const Status& status) {
    if (error == nullptr) ADD_FAILURE() << status;
    if (error != nullptr) *error = status.message();
    return Table();
  };
  const Table training = RowsOf(table, 0, fit_rows);
  const Frame frame = FrameOf(training);
  auto made = MakeOperation(spec);
  if (!made.ok()) return fail(made.status());
  const std::shared_ptr<Operation> operation = std::move(*made);
  const FitData data(frame, roles, label);
  if (const Status status = operation->Fit(data); !status.ok()) return fail(status);
  Table features;
  features.rows = table.rows;
  for (const Column& column : table.columns) {
    if (roles.is_feature(column.info.name)) features.columns.push_back(column);
  }
  OperationChain chain(std::vector<ColumnInfo>(data.columns().begin(),
                                               data.columns().begin() +
                                                   static_cast<std::ptrdiff_t>(
                                                       data.features().columns.size())));
  if (const Status status = chain.Add(operation); !status.ok()) return fail(status);
  Table applied = features;
  if (const Status status = operation->Apply(applied, {}); !status.ok()) return fail(status);
  const Json fitted = operation->ToJson();

  // What the chain knows of the columns that come out is so, and any of them can be had alone.
  EXPECT_EQ(chain.output().names(), applied.names());
  for (std::size_t j = 0; j < applied.columns.size(); ++j) {
    const ColumnInfo& info = applied.columns[j].info;
    EXPECT_EQ(Name(chain.output().columns[j].info.type), Name(info.type)) << info.name;
    EXPECT_EQ(Name(chain.output().columns[j].info.kind), Name(info.kind)) << info.name;
    Table alone = features;
    const OperationChain::Plan plan = chain.PlanFor({info.name});
    for (Column& column : alone.columns) {
      const bool needed = std::find(plan.inputs.begin(), plan.inputs.end(), column.info.name) !=
                          plan.inputs.end();
      if (!needed) column = {column.info, {}, {}};
    }
    const Status status = chain.Apply(plan, alone, {});
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(alone.names(), applied.names());
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
      EXPECT_EQ(alone.columns[j].text(i), applied.columns[j].text(i)) << info.name;
    }
  }

  const Frame blocks = FrameOf(training, 3);
  auto in_blocks = MakeOperation(spec);
  EXPECT_TRUE(in_blocks.ok());
  const Status fit = (*in_blocks)->Fit(FitData(blocks, roles, label));
  EXPECT_TRUE(fit.ok()) << fit;

  const auto stored = ParseJson(DumpJson(fitted));
  EXPECT_TRUE(stored.ok());
  auto again = MakeOperation(*stored);
  EXPECT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(DumpJson((*again)->ToJson()), DumpJson(*stored));
  EXPECT_EQ((*again)->columns(), operation->columns());
  TableCollector collector;
  for (int64_t begin = 0; begin == 0 || begin < table.rows; begin += 2) {
    Table part = RowsOf(features, begin, std::min(begin + 2, table.rows));
    const Status status = (*again)->Apply(part, {});
    EXPECT_TRUE(status.ok()) << status;
    collector.Append(std::move(part));
  }
  Table second = collector.Take();
  ExpectSame(applied, second);
  return applied;
}

// What is wrong with fitting and applying to all rows.
inline std::string FitError(const Json& spec, const Table& table, const Roles& roles = {},
                            const LabelInfo& label = {}) {
  std::string error = "no error";
  FitApply(spec, table, table.rows, &error, roles, label);
  return error;
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_PROCESS_OPERATION_BENCH_H_
