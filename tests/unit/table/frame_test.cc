#include "steps/table/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Table Block(int64_t first, int64_t rows) {
  std::vector<double> numbers;
  std::vector<std::string> texts;
  for (int64_t i = first; i < first + rows; ++i) {
    numbers.push_back(i % 7 == 3 ? kMissing : static_cast<double>(i));
    texts.push_back(i % 3 == 0 ? "a text that is longer than a small string"
                               : std::to_string(i % 5));
  }
  std::vector<bool> present(texts.size(), true);
  present.back() = false;
  Table table;
  table.rows = rows;
  table.columns.push_back(MakeNumberColumn("n", std::move(numbers)));
  table.columns.push_back(MakeStringColumn("t", texts, ColumnKind::kText, present));
  table.columns.push_back(
      MakeNumberColumn("z", std::vector<double>(static_cast<std::size_t>(rows))));
  return table;
}

// In memory, half in memory, and all in the scratch file; on one thread and on more.
class FrameTest : public testing::TestWithParam<std::tuple<int64_t, int>> {
 protected:
  Frame Make() {
    FrameOptions options;
    options.memory_bytes = std::get<0>(GetParam());
    options.table.threads = std::get<1>(GetParam());
    options.scratch = folder_.path();
    Frame frame(std::move(options));
    for (int64_t first = 0; first < 1'000; first += 100) {
      EXPECT_TRUE(frame.Append(Block(first, 100)).ok());
    }
    return frame;
  }
  static std::vector<std::string> Rows(const Frame& frame,
                                       const std::vector<std::string>& columns) {
    auto rows = MapBlocks<std::vector<std::string>>(
        frame, columns, [&](int64_t, const Table& table, std::vector<std::string>* lines) {
          for (int64_t i = 0; i < table.rows; ++i) {
            std::string line;
            for (const std::string& name : columns) {
              line += table.Find(name)->text(static_cast<std::size_t>(i)) + "|";
            }
            lines->push_back(line);
          }
          return Status::Ok();
        });
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> all;
    for (const auto& block : *rows) all.insert(all.end(), block.begin(), block.end());
    return all;
  }
  TestFolder folder_;
};

TEST_P(FrameTest, KeepsWhatWasAppendedInItsOrder) {
  const Frame frame = Make();
  EXPECT_EQ(frame.rows(), 1'000);
  EXPECT_EQ(frame.blocks(), 10);
  EXPECT_EQ(frame.first_row(3), 300);
  EXPECT_EQ(frame.first_row(10), 1'000);
  Table all = Block(0, 1'000);
  const auto rows = Rows(frame, {"t", "n"});
  ASSERT_EQ(rows.size(), 1'000U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string text = i % 100 == 99 ? "" : all.columns[1].text(i);
    EXPECT_EQ(rows[i], text + "|" + all.columns[0].text(i) + "|");
  }
  EXPECT_TRUE(frame.Find("n")->nullable);
  EXPECT_FALSE(frame.Find("z")->nullable);
  EXPECT_EQ(frame.Find("x"), nullptr);
}

TEST_P(FrameTest, AChangeOfSomeColumnsLeavesTheOthers) {
  Frame frame = Make();
  const auto before = Rows(frame, {"t"});
  const Status status = frame.Change({"n"}, [](int64_t, Table& table) {
    Column doubled = *table.Find("n");
    doubled.info.name = "twice";
    for (double& value : doubled.numbers) value = std::isnan(value) ? -1 : value * 2;
    doubled.info.nullable = false;
    std::erase_if(table.columns, [](const Column& column) { return column.info.name == "n"; });
    table.columns.push_back(std::move(doubled));
    return Status::Ok();
  });
  ASSERT_TRUE(status.ok()) << status;
  std::vector<std::string> names;
  for (const ColumnInfo& column : frame.columns()) names.push_back(column.name);
  EXPECT_THAT(names, ElementsAre("t", "z", "twice"));
  EXPECT_FALSE(frame.Find("twice")->nullable);
  EXPECT_EQ(Rows(frame, {"t"}), before);
  const auto rows = Rows(frame, {"twice"});
  EXPECT_EQ(rows[5], "10|");
  EXPECT_EQ(rows[3], "-1|");
  EXPECT_EQ(rows[999], "1998|");
  // And once more, of what was changed.
  ASSERT_TRUE(frame
                  .Change({"twice"},
                          [](int64_t, Table& table) {
                            for (double& value : table.Find("twice")->numbers) value += 1;
                            return Status::Ok();
                          })
                  .ok());
  EXPECT_EQ(Rows(frame, {"twice"})[999], "1999|");
  EXPECT_EQ(Rows(frame, {"z"})[999], "0|");
}

TEST_P(FrameTest, TheFirstBlocksErrorIsTheErrorWhateverTheOrder) {
  const Frame frame = Make();
  const Status status = frame.ForEach({}, [](int64_t block, const Table&) {
    return block >= 4 ? InvalidArgument("block " + std::to_string(block)) : Status::Ok();
  });
  EXPECT_EQ(status.message(), "block 4");
  EXPECT_EQ(
      frame.ForEach({}, [](int64_t, const Table&) -> Status { throw std::bad_alloc(); }).code(),
      StatusCode::kResourceExhausted);
}

TEST_P(FrameTest, BlocksMustComeToTheSameColumns) {
  Frame frame = Make();
  Table other = Block(0, 10);
  other.columns[0].info.name = "m";
  EXPECT_THAT(frame.Append(std::move(other)).message(), HasSubstr("different columns"));
  const Status status = frame.Change({"n"}, [](int64_t block, Table& table) {
    if (block == 7) table.columns.pop_back();
    return Status::Ok();
  });
  EXPECT_THAT(status.message(), HasSubstr("different columns"));
}

TEST_P(FrameTest, LeavesNothingInTheScratchFolder) {
  const Frame frame = Make();
  EXPECT_THAT(std::vector<std::filesystem::directory_entry>(
                  std::filesystem::directory_iterator(folder_.path()), {}),
              IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Budgets, FrameTest,
                         testing::Combine(testing::Values<int64_t>(0, 10'000, 1),
                                          testing::Values(1, 4)),
                         [](const auto& test) {
                           const int64_t budget = std::get<0>(test.param);
                           const std::string where = budget == 0   ? "Memory"
                                                     : budget == 1 ? "File"
                                                                   : "Both";
                           return where + std::to_string(std::get<1>(test.param)) + "Threads";
                         });

TEST(Frame, WithoutRowsHasColumnsThatCanChange) {
  Frame frame;
  Table empty = Block(0, 1);
  empty.rows = 0;
  for (Column& column : empty.columns) {
    column.numbers.clear();
    column.strings = {};
  }
  ASSERT_TRUE(frame.Append(std::move(empty)).ok());
  EXPECT_EQ(frame.rows(), 0);
  EXPECT_EQ(frame.columns().size(), 3U);
  ASSERT_TRUE(frame
                  .Change({"n"},
                          [](int64_t, Table& table) {
                            table.columns.erase(table.columns.begin());
                            return Status::Ok();
                          })
                  .ok());
  EXPECT_EQ(frame.columns().size(), 2U);
}

TEST(Frame, StopsWhenItIsCancelled) {
  FrameOptions options;
  options.table.cancelled = [] { return true; };
  Frame frame(std::move(options));
  ASSERT_TRUE(frame.Append(Block(0, 10)).ok());
  EXPECT_EQ(frame.ForEach({}, [](int64_t, const Table&) { return Status::Ok(); }).code(),
            StatusCode::kCancelled);
}

}  // namespace
}  // namespace penstock
