#ifndef PENSTOCK_TESTS_UNIT_PROFILE_PROFILE_BENCH_H_
#define PENSTOCK_TESTS_UNIT_PROFILE_PROFILE_BENCH_H_

// Profiles of tables that a test makes.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "steps/profile/gather.h"
#include "steps/profile/page.h"
#include "steps/profile/report.h"
#include "steps/table/frame.h"

namespace penstock {

inline Table TableOf(std::vector<Column> columns) {
  Table table;
  for (const Column& column : columns) {
    table.rows = static_cast<int64_t>(std::max(column.numbers.size(), column.strings.codes.size()));
  }
  table.columns = std::move(columns);
  return table;
}

// Rows [begin, end) of a table.
inline Table RowsOf(const Table& table, const std::vector<int64_t>& rows) {
  Table part;
  part.rows = static_cast<int64_t>(rows.size());
  for (const Column& column : table.columns) {
    if (!column.is_text()) {
      std::vector<double> values;
      for (const int64_t row : rows)
        values.push_back(column.numbers[static_cast<std::size_t>(row)]);
      part.columns.push_back(
          MakeNumberColumn(column.info.name, values, column.info.type, column.info.kind));
      continue;
    }
    std::vector<std::string> values;
    std::vector<bool> present;
    for (const int64_t row : rows) {
      values.push_back(column.text(static_cast<std::size_t>(row)));
      present.push_back(!column.missing(static_cast<std::size_t>(row)));
    }
    part.columns.push_back(MakeStringColumn(column.info.name, values, column.info.kind, present));
    part.columns.back().info.type = column.info.type;
  }
  return part;
}

// The table in blocks of `block_rows`.
inline Frame FrameOf(const Table& table, int64_t block_rows, FrameOptions options = {}) {
  Frame frame(std::move(options));
  for (int64_t first = 0; first == 0 || first < table.rows; first += block_rows) {
    std::vector<int64_t> rows;
    for (int64_t i = first; i < std::min(first + block_rows, table.rows); ++i) rows.push_back(i);
    const Status status = frame.Append(RowsOf(table, rows));
    EXPECT_TRUE(status.ok()) << status;
  }
  return frame;
}

inline Profile ProfileOf(const Frame& frame, const Roles& roles = {},
                         const ProfileOptions& options = {}) {
  Result<Profile> profile = MakeProfile(frame, roles, options);
  EXPECT_TRUE(profile.ok()) << profile.status();
  return profile.ok() ? *std::move(profile) : Profile();
}

inline Profile ProfileOf(const Table& table, const Roles& roles = {},
                         const ProfileOptions& options = {}) {
  return ProfileOf(FrameOf(table, 100), roles, options);
}

inline std::vector<std::string> HintWords(const Profile& profile) {
  std::vector<std::string> words;
  for (const Hint& hint : profile.hints) words.push_back(hint.hint);
  return words;
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_PROFILE_PROFILE_BENCH_H_
