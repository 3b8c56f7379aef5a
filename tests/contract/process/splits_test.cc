// How a process step divides rows among its parts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "steps/process/process.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class SplitsTest : public testing::Test {
 protected:
  Result<StepOutcome> Run(const std::string& csv, const Json& parameters) {
    step_.Unbind("data");
    step_.AddFile("data", "@rows.csv", csv);
    step_.parameters_ = parameters;
    step_.Reset();
    return RunProcess(step_);
  }
  std::string Error(const std::string& csv, const Json& parameters) {
    const auto outcome = Run(csv, parameters);
    return outcome.ok() ? "no error" : outcome.status().message();
  }
  // The values of a column in one part, as text.
  std::vector<std::string> In(const std::string& part, const std::string& column = "id") {
    auto table = LoadDataset(step_.output_ / part, {column}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    std::vector<std::string> texts;
    for (std::size_t i = 0; table.ok() && i < static_cast<std::size_t>(table->rows); ++i) {
      texts.push_back(table->columns[0].text(i));
    }
    return texts;
  }
  // The part of each row, by its id; no row is in two.
  std::map<std::string, std::string> Parts(const std::vector<std::string>& parts) {
    std::map<std::string, std::string> part_of;
    for (const std::string& part : parts) {
      for (const std::string& id : In(part)) {
        EXPECT_TRUE(part_of.emplace(id, part).second) << id << " is in two parts";
      }
    }
    return part_of;
  }
  FakeStep step_{"process"};
};

const Json kId = {{"id", {"id"}}};

// Rows `first` to `last`: an id, a number, a group of three.
std::string Rows(int first, int last) {
  std::string csv;
  for (int i = first; i < last; ++i) {
    csv += "r" + std::to_string(i) + "," + std::to_string(i * i % 1'009) + ",g" +
           std::to_string(i / 3) + "\n";
  }
  return csv;
}
const std::string kHeader = "id,x,g\n";

TEST_F(SplitsTest, EightyTenTenWithoutFractions) {
  const auto outcome = Run(kHeader + Rows(0, 205), {{"roles", kId}, {"split", Json::object()}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("train_rows"), 164);
  // 20.5 each, of 41: the earlier part gets the row that is left.
  EXPECT_EQ(outcome->metrics.at("validation_rows"), 21);
  EXPECT_EQ(outcome->metrics.at("test_rows"), 20);
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 0);
  EXPECT_EQ(Parts({"train", "validation", "test"}).size(), 205u);
}

TEST_F(SplitsTest, OtherSeedsOtherRows) {
  const auto part_of = [&](int seed) {
    EXPECT_TRUE(Run(kHeader + Rows(0, 100), {{"roles", kId}, {"split", {{"seed", seed}}}}).ok());
    return Parts({"train", "validation", "test"});
  };
  EXPECT_NE(part_of(1), part_of(2));
  EXPECT_EQ(part_of(1), part_of(1));
}

// --- By time

Json ByTime() {
  return {{"roles", {{"id", {"id"}}, {"time", "t"}}},
          {"split", {{"train", 0.6}, {"validation", 0.2}, {"test", 0.2}, {"by", "time"}}}};
}

TEST_F(SplitsTest, EarliestRowsAreTrain) {
  // Dates, times with and without a zone, in no order; rows stay in the order of the file.
  const std::string csv =
      "id,x,t\n"
      "a,1,2027-03-01\nb,1,2026-12-31\nc,1,2027-01-31T06:00:00Z\nd,1,2027-01-31T06:30:00+01:00\n"
      "e,1,2027-01-31\nf,1,2027-02-28T23:59:59.5Z\ng,1,2020-02-29\nh,1,2027-03-02\n"
      "i,1,1969-07-20T20:17:40Z\nj,1,2027-02-01\n";
  ASSERT_TRUE(Run(csv, ByTime()).ok());
  EXPECT_THAT(In("train"), ElementsAre("b", "c", "d", "e", "g", "i"));
  EXPECT_THAT(In("validation"), ElementsAre("f", "j"));
  EXPECT_THAT(In("test"), ElementsAre("a", "h"));
}

TEST_F(SplitsTest, NumbersAreTimesToo) {
  std::string csv = "id,x,t\n";
  for (int i = 0; i < 10; ++i) {
    csv += std::to_string(i) + ",1," + std::to_string(1'000 - 100.5 * i) + "\n";
  }
  ASSERT_TRUE(Run(csv, ByTime()).ok());
  EXPECT_THAT(In("train"), ElementsAre("4", "5", "6", "7", "8", "9"));
  EXPECT_THAT(In("validation"), ElementsAre("2", "3"));
  EXPECT_THAT(In("test"), ElementsAre("0", "1"));
}

TEST_F(SplitsTest, RowsOfOneTimeStayTogether) {
  // The sixth of ten rows is of a time that four rows have.
  const std::string csv =
      "id,x,t\na,1,1\nb,1,2\nc,1,3\nd,1,4\ne,1,5\nf,1,5\ng,1,5\nh,1,5\ni,1,6\nj,1,7\n";
  ASSERT_TRUE(Run(csv, ByTime()).ok());
  EXPECT_THAT(In("train"), ElementsAre("a", "b", "c", "d", "e", "f", "g", "h"));
  EXPECT_THAT(In("validation"), ElementsAre());
  EXPECT_THAT(In("test"), ElementsAre("i", "j"));
}

TEST_F(SplitsTest, EveryRowNeedsATime) {
  EXPECT_EQ(Error("id,x,t\na,1,2027-01-01\nb,2,\nc,3,2027-01-03\n", ByTime()),
            "@rows.csv: line 3, column 3 (t): the time is missing; mend the row");
  EXPECT_EQ(Error("id,x,t\na,1,5\nb,2,\nc,3,6\n", ByTime()),
            "@rows.csv: line 3, column 3 (t): the time is missing; mend the row");
  EXPECT_THAT(Error("id,x,t\na,1,2027-01-01\nb,2,2027-02-30\nc,3,2027-01-03\n", ByTime()),
              StartsWith("@rows.csv: line 3, column 3 (t): \"2027-02-30\" is no ISO date or time"));
  EXPECT_THAT(Error("id,x,t\na,1,yesterday\n", ByTime()),
              StartsWith("@rows.csv: line 2, column 3 (t): \"yesterday\" is no ISO date or time"));
  // Rows that are dropped before need none.
  Json parameters = ByTime();
  parameters["roles"]["label"] = "y";
  parameters["labels"] = {{"missing", "drop"}};
  EXPECT_EQ(Error("id,x,t,y\na,1,1,5\nb,2,,\nc,3,3,6\nd,1,4,1\ne,1,5,1\nf,1,6,1\n", parameters),
            "no error");
  EXPECT_THAT(Error(kHeader + Rows(0, 9), {{"roles", kId}, {"split", {{"by", "time"}}}}),
              HasSubstr("split: by: time needs the column of times; name it in roles.time"));
}

// --- By hash

TEST_F(SplitsTest, ARowStaysInItsPartAsDataGrow) {
  const Json parameters = {{"roles", kId},
                           {"split", {{"train", 0.7}, {"test", 0.3}, {"by", "hash"}, {"seed", 4}}}};
  ASSERT_TRUE(Run(kHeader + Rows(0, 400), parameters).ok());
  const auto before = Parts({"train", "test"});
  // More rows, before, between and behind.
  ASSERT_TRUE(
      Run(kHeader + Rows(900, 1'500) + Rows(200, 400) + Rows(600, 700) + Rows(0, 200), parameters)
          .ok());
  const auto after = Parts({"train", "test"});
  ASSERT_EQ(before.size(), 400u);
  EXPECT_EQ(after.size(), 1'100u);
  for (const auto& [id, part] : before) EXPECT_EQ(after.at(id), part) << id;
  // About the shares: 1,100 rows at 0.3 have a standard deviation of 15.
  EXPECT_NEAR(static_cast<double>(In("test").size()), 330, 75);
  // Less than all: rows of the hashes above go to no part.
  Json less = parameters;
  less["split"]["train"] = 0.4;
  const auto outcome = Run(kHeader + Rows(0, 400), less);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_NEAR(outcome->metrics.at("rows_dropped"), 120, 45);
  // Another seed divides otherwise.
  Json other = parameters;
  other["split"]["seed"] = 5;
  ASSERT_TRUE(Run(kHeader + Rows(0, 400), other).ok());
  EXPECT_NE(Parts({"train", "test"}), before);
}

TEST_F(SplitsTest, KeysAreIdsOrNamedColumns) {
  Json parameters = {{"roles", kId},
                     {"split", {{"train", 0.5}, {"test", 0.5}, {"by", "hash"}, {"key", "g"}}}};
  ASSERT_TRUE(Run(kHeader + Rows(0, 300), parameters).ok());
  // Rows of one key are in one part.
  std::set<std::string> train;
  for (const std::string& group : In("train", "g")) train.insert(group);
  for (const std::string& group : In("test", "g")) EXPECT_EQ(train.count(group), 0u) << group;
  const auto by_group = Parts({"train", "test"});
  // The default is roles.id; naming it is the same.
  parameters["split"]["key"] = {"id"};
  ASSERT_TRUE(Run(kHeader + Rows(0, 300), parameters).ok());
  const auto by_id = Parts({"train", "test"});
  EXPECT_NE(by_id, by_group);
  parameters["split"].erase("key");
  ASSERT_TRUE(Run(kHeader + Rows(0, 300), parameters).ok());
  EXPECT_EQ(Parts({"train", "test"}), by_id);
  parameters["split"]["key"] = {"idd"};
  EXPECT_THAT(Error(kHeader + Rows(0, 300), parameters),
              HasSubstr("split.key: no column is named \"idd\" (did you mean \"id\"?)"));
  EXPECT_THAT(Error(kHeader + Rows(0, 300), {{"split", {{"by", "hash"}}}}),
              HasSubstr("split: by: hash needs a key: name its columns in split.key, or in roles"));
}

TEST_F(SplitsTest, FoldsByHash) {
  const auto folds = [&](int rows) {
    std::map<std::string, int> fold_of;
    for (int fold = 0; fold < 4; ++fold) {
      const auto outcome =
          Run(kHeader + Rows(0, rows),
              {{"roles", kId}, {"split", {{"kFold", 4}, {"fold", fold}, {"by", "hash"}}}});
      EXPECT_TRUE(outcome.ok()) << outcome.status();
      EXPECT_EQ(In("train").size() + In("validation").size(), static_cast<std::size_t>(rows));
      for (const std::string& id : In("validation")) {
        EXPECT_TRUE(fold_of.emplace(id, fold).second) << id << " is judged twice";
      }
    }
    EXPECT_EQ(fold_of.size(), static_cast<std::size_t>(rows));
    return fold_of;
  };
  const auto few = folds(200);
  const auto many = folds(350);
  for (const auto& [id, fold] : few) EXPECT_EQ(many.at(id), fold) << id;
}

TEST_F(SplitsTest, GroupsStayWhole) {
  const auto outcome = Run(kHeader + Rows(0, 300), {{"roles", {{"id", {"id"}}, {"group", "g"}}},
                                                    {"split", Json::object()}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  std::map<std::string, std::string> part_of;
  for (const char* part : {"train", "validation", "test"}) {
    for (const std::string& group : In(part, "g")) {
      EXPECT_EQ(part_of.emplace(group, part).first->second, part) << group;
    }
  }
  EXPECT_EQ(part_of.size(), 100u);
  // Groups of three: as near as they let it be.
  EXPECT_NEAR(outcome->metrics.at("train_rows"), 240, 3);
  EXPECT_NEAR(outcome->metrics.at("validation_rows"), 30, 3);
  EXPECT_NEAR(outcome->metrics.at("test_rows"), 30, 3);
}

// --- Rows in two parts

TEST_F(SplitsTest, CountsRowsThatTrainHasToo) {
  // By time: the last four are the test part. Of them one equals a row of train, one but for the
  // label, one but for a missing value, and one another row of test.
  const std::string csv =
      "id,t,x,c,y\n"
      "1,1,5,u,a\n2,2,6,v,b\n3,3,7,,a\n4,4,0,w,b\n5,5,8,u,a\n6,6,9,u,b\n"
      "7,7,-0.0,w,b\n8,8,5,u,b\n9,9,7,u,a\n10,10,7,u,a\n";
  const Json parameters = {{"roles", {{"label", "y"}, {"time", "t"}, {"id", {"id"}}}},
                           {"split", {{"train", 0.6}, {"test", 0.4}, {"by", "time"}}}};
  auto outcome = Run(csv, parameters);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("shared_rows"), 1);
  EXPECT_THAT(step_.log_, HasSubstr("warning: 1 of 4 rows outside of train equal a row of train in "
                                    "all features and the label"));
  // Missing values are equal to each other.
  outcome = Run(csv + "11,11,7,,a\n12,12,7,,a\n", parameters);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("shared_rows"), 2);
  // Without any, none is warned of.
  outcome = Run("id,t,x,y\n1,1,1,a\n2,2,2,b\n3,3,3,a\n4,4,4,b\n5,5,5,b\n", parameters);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("shared_rows"), 0);
  EXPECT_THAT(step_.log_, Not(HasSubstr("warning")));
}

// --- The same for any threads and memory

std::string Long(int rows) {
  std::string csv = "id,t,a,b,word,note,y\n";
  uint64_t bits = 88'172'645'463'325'252U;
  for (int i = 0; i < rows; ++i) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    const auto draw = static_cast<int>(bits >> 40);
    csv += std::to_string(i) + "," + std::to_string(draw % 5'000) + "," +
           (draw % 11 == 0 ? "" : std::to_string(draw / 1'000.0)) + "," +
           std::to_string(draw % 977) + ",w" + std::to_string(draw % 23) + ",note " +
           std::to_string(draw % 50'000) + "," + (draw % 7 == 0 ? "yes" : "no") + "\n";
  }
  return csv;
}

TEST_F(SplitsTest, SameBytesForAnyThreadsAndMemory) {
  const std::string csv = Long(300'000);
  const Json fitted = {
      {{"op", "impute"}, {"columns", {"a"}}, {"method", "median"}, {"indicator", true}},
      {{"op", "one_hot"}, {"columns", {"word"}}},
      {{"op", "standard"}, {"columns", {"a", "b"}}},
      {{"op", "smote"}, {"max_rows", 1'000}, {"ratio", 5}},
      {{"op", "upsample"}, {"ratio", 4}},
      {{"op", "class_weights"}}};
  const Json roles = {{"label", "y"}, {"id", {"id"}}, {"time", "t"}, {"keep", {"note"}}};
  for (const Json& split :
       {Json{{"seed", 3}, {"stratify", "y"}}, Json{{"by", "time"}}, Json{{"by", "hash"}},
        Json{{"kFold", 3}, {"fold", 1}, {"by", "hash"}}}) {
    const Json parameters = {{"roles", roles}, {"split", split}, {"transforms", fitted}};
    step_.threads_ = 1;
    step_.memory_bytes_ = 0;
    const auto outcome = Run(csv, parameters);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(outcome->metrics.at("rows"), 300'000);
    const auto first = TreeBytes(step_.output_);
    step_.threads_ = 4;
    ASSERT_TRUE(Run(csv, parameters).ok());
    EXPECT_EQ(TreeBytes(step_.output_) == first, true) << "4 threads: " << DumpJson(split);
    // Blocks of the frame take 16 MiB of these; the others lie in the scratch file.
    step_.memory_bytes_ = int64_t{48} << 20;
    const auto spilled = Run(csv, parameters);
    ASSERT_TRUE(spilled.ok()) << spilled.status();
    EXPECT_EQ(TreeBytes(step_.output_) == first, true) << "spilling: " << DumpJson(split);
    std::filesystem::remove_all(step_.output_);
  }
}

}  // namespace
}  // namespace penstock
