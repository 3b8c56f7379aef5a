#ifndef PENSTOCK_TESTS_UNIT_PROCESS_REFERENCE_H_
#define PENSTOCK_TESTS_UNIT_PROCESS_REFERENCE_H_

// Files that NAME_reference.py wrote, and comparisons with them.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/json.h"
#include "steps/process/operation.h"
#include "steps/table/table.h"
#include "tests/unit/table/table_files.h"

namespace penstock {

inline Json LoadReference(const std::string& name) {
  const auto json = ParseJson(ReadBytes("tests/unit/process/" + name));
  EXPECT_TRUE(json.ok()) << json.status();
  return json.ok() ? *json : Json();
}

// Columns of `table` against rows of numbers, each to `tolerance` times its size, or the same where
// that is 0.
inline void ExpectMatrix(const Table& table, const Json& matrix, double tolerance,
                         std::size_t first_column = 0) {
  ASSERT_EQ(table.rows, static_cast<int64_t>(matrix.size()));
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    ASSERT_EQ(table.columns.size() - first_column, matrix[i].size());
    for (std::size_t j = 0; j < matrix[i].size(); ++j) {
      const double expected = matrix[i][j].get<double>();
      const double actual = table.columns[first_column + j].numbers[i];
      ASSERT_NEAR(actual, expected, tolerance * std::max(1.0, std::fabs(expected)))
          << table.columns[first_column + j].info.name << " " << i;
    }
  }
}

inline void ExpectNumbers(const std::vector<double>& actual, const Json& expected,
                          double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double value = expected[i].get<double>();
    ASSERT_NEAR(actual[i], value, tolerance * std::max(1.0, std::fabs(value))) << i;
  }
}

// What is wrong with a transform's stored operation.
inline std::string RestoreError(const Json& stored) {
  const auto made = MakeOperation(stored);
  return made.ok() ? "no error" : made.status().message();
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_PROCESS_REFERENCE_H_
