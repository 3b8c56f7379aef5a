#include "steps/validate/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/iso_time.h"
#include "steps/catalog/validate.h"
#include "tests/unit/table/table_files.h"

namespace penstock {
namespace {

TEST(FindRepeatedKeysTest, IsTheSameForAnyMemory) {
  TestFolder folder;
  FrameOptions options;
  options.table.threads = 3;
  Frame frame(options);
  std::map<std::string, int64_t> first;
  std::vector<RepeatedKeys::Row> expected;
  int64_t repeated = 0;
  uint64_t state = 1;
  for (int64_t begin = 0; begin < 20'000; begin += 1'000) {
    std::vector<double> numbers;
    std::vector<std::string> texts;
    for (int64_t row = begin; row < begin + 1'000; ++row) {
      state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
      numbers.push_back(static_cast<double>(state >> 33 & 255));
      texts.push_back(std::string(1, static_cast<char>('a' + (state >> 45) % 26)) +
                      std::to_string(state >> 50 & 15));
      const auto [at, added] =
          first.emplace(std::to_string(state >> 33 & 255) + "/" + texts.back(), row);
      if (added) continue;
      ++repeated;
      if (expected.size() < kMaxExamples) expected.push_back({row, at->second});
    }
    Table table;
    table.rows = 1'000;
    table.columns.push_back(MakeNumberColumn("n", numbers));
    table.columns.push_back(MakeStringColumn("t", texts));
    ASSERT_TRUE(frame.Append(std::move(table)).ok());
  }
  ASSERT_GT(repeated, 1'000);
  for (const int64_t memory : {int64_t{0}, int64_t{1} << 30, int64_t{100'000}, int64_t{2'000}}) {
    const auto found = FindRepeatedKeys(frame, {"n", "t"}, memory);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->checked, 20'000);
    EXPECT_EQ(found->repeated, repeated) << memory;
    ASSERT_EQ(found->rows.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(found->rows[i].row, expected[i].row) << memory;
      EXPECT_EQ(found->rows[i].first, expected[i].first) << memory;
    }
  }
}

TEST(ParseIsoTimeTest, TakesDatesAndTimes) {
  const auto micros = [](std::string_view text) {
    const auto time = ParseIsoTime(text);
    return time ? time->micros : -1;
  };
  constexpr int64_t kDay = 86'400'000'000;
  EXPECT_EQ(micros("1970-01-02"), kDay);
  EXPECT_EQ(micros("1970-01-02T01:02"), kDay + 3'720'000'000);
  EXPECT_EQ(micros("1970-01-02 01:02:03"), kDay + 3'723'000'000);
  EXPECT_EQ(micros("1970-01-02 01:02:03.5"), kDay + 3'723'500'000);
  EXPECT_EQ(micros("1970-01-02 01:02:03.25Z"), kDay + 3'723'250'000);
  EXPECT_EQ(micros("1970-01-02 01:02:03+01"), kDay + 123'000'000);
  EXPECT_EQ(micros("1970-01-02T01:02:03-00:30"), kDay + 5'523'000'000);
  EXPECT_EQ(ParseIsoTime("1969-12-31")->micros, -kDay);
  for (const char* text : {"", "1970", "1970-01", "1970-13-01", "1970-02-30", "1970-01-01x",
                           "1970-01-01 25:00", "1970-01-01 10", "1970-01-01 10:00:00+1", "now",
                           "01.02.1970", "1970-01-01 10:00:00 UTC", "1970-01-01T10:00:00.Z"}) {
    EXPECT_FALSE(ParseIsoTime(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace penstock
