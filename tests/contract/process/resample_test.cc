// downsample, upsample, smote and class_weights: a whole process step, against what
// tests/unit/process/resample_reference.py computed by itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "steps/process/process.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::string ReferenceData() {
  return ReadBytes("tests/unit/process/resample_reference.csv");
}

const Json& Reference(const char* member) {
  static const Json* const all = [] {
    const auto json = ParseJson(ReadBytes("tests/unit/process/resample_reference.json"));
    EXPECT_TRUE(json.ok()) << json.status();
    return new Json(json.ok() ? *json : Json());
  }();
  return JsonMember(*all, member);
}

const Json kRoles = {{"label", "y"}, {"id", {"id"}}, {"weight", "w"}, {"keep", {"note"}}};

class ResampleTest : public testing::Test {
 protected:
  Result<StepOutcome> Run(const Json& parameters) {
    step_.parameters_ = parameters;
    step_.Reset();
    return RunProcess(step_);
  }
  // The reference data through `transforms`, without a split.
  Result<StepOutcome> RunOne(const Json& operation) {
    step_.Unbind("data");
    step_.AddFile("data", "@rows.csv", ReferenceData());
    return Run({{"roles", kRoles}, {"transforms", Json::array({operation})}});
  }
  std::string Error(const Json& operation) {
    const auto outcome = RunOne(operation);
    return outcome.ok() ? "no error" : outcome.status().message();
  }
  Table Load(const std::string& output) {
    auto table = LoadDataset(step_.output_ / output, {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? std::move(*table) : Table();
  }
  static std::vector<std::string> Texts(const Table& table, const std::string& name) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
      texts.push_back(table.Find(name)->text(i));
    }
    return texts;
  }
  static std::map<std::string, int> Counts(const Table& table) {
    std::map<std::string, int> counts;
    for (const std::string& text : Texts(table, "y")) ++counts[text];
    return counts;
  }
  // Rows from `first` on are those of the reference.
  void ExpectRows(const Table& table, std::size_t first, const Json& expected) {
    ASSERT_EQ(static_cast<std::size_t>(table.rows), first + expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Json& row = expected[i];
      const std::size_t at = first + i;
      for (const char* name : {"a", "b"}) {
        EXPECT_NEAR(table.Find(name)->numbers[at], JsonDouble(row, name), 1e-12) << name << i;
      }
      EXPECT_EQ(table.Find("w")->numbers[at], JsonDouble(row, "w")) << i;
      for (const char* name : {"color", "size", "y", "note"}) {
        EXPECT_EQ(table.Find(name)->text(at), JsonString(row, name)) << name << " " << i;
      }
      EXPECT_TRUE(table.Find("id")->missing(at)) << i;
    }
  }
  FakeStep step_{"process"};
};

TEST_F(ResampleTest, DownsampleByAnotherProgram) {
  const auto outcome = RunOne({{"op", "downsample"}, {"ratio", 1.5}, {"seed", 7}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Table table = Load("data");
  EXPECT_EQ(Json(Texts(table, "id")), Reference("downsample"));
  EXPECT_THAT(Counts(table), ElementsAre(testing::Pair("common", 13), testing::Pair("mid", 13),
                                         testing::Pair("rare", 9)));
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 25);
  EXPECT_THAT(step_.log_, HasSubstr("downsample: 35 of 60 training rows stay"));
}

TEST_F(ResampleTest, UpsampleByAnotherProgram) {
  const auto outcome = RunOne({{"op", "upsample"}, {"seed", 7}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Table table = Load("data");
  EXPECT_EQ(Json(Texts(table, "id")), Reference("upsample"));
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 0);
  EXPECT_EQ(outcome->metrics.at("rows"), 60);
  EXPECT_THAT(step_.log_, HasSubstr("upsample: 60 training rows became 78"));
}

TEST_F(ResampleTest, SmoteByAnotherProgram) {
  for (const int threads : {1, 4}) {
    step_.threads_ = threads;
    auto outcome = RunOne({{"op", "smote"}, {"k", 3}, {"seed", 5}});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ExpectRows(Load("data"), 60, Reference("smote"));
    EXPECT_THAT(step_.log_,
                HasSubstr("smote: class \"rare\" has 9 training rows, and 17 were added"));
    outcome = RunOne({{"op", "smote"},
                      {"k", 4},
                      {"seed", 11},
                      {"shares", {{"common", 0.25}, {"mid", 0.5}, {"rare", 0.25}}}});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ExpectRows(Load("data"), 60, Reference("smote_shares"));
  }
}

TEST_F(ResampleTest, ClassWeightsByAnotherProgram) {
  ASSERT_TRUE(RunOne({{"op", "class_weights"}}).ok());
  const Table weighted = Load("data");
  const Json& expected = Reference("class_weights");
  ASSERT_TRUE(RunOne({{"op", "class_weights"}, {"weights", {{"rare", 3}}}}).ok());
  const Table given = Load("data");
  ASSERT_TRUE(Run({{"roles", kRoles}}).ok());
  const Table plain = Load("data");
  ASSERT_EQ(weighted.names(), plain.names());
  for (std::size_t i = 0; i < 60; ++i) {
    const std::string label = plain.Find("y")->text(i);
    const double before = plain.Find("w")->numbers[i];
    EXPECT_DOUBLE_EQ(weighted.Find("w")->numbers[i], before * JsonDouble(expected, label));
    EXPECT_EQ(given.Find("w")->numbers[i], before * (label == "rare" ? 3 : 1));
  }
}

// 400 rows: one in ten is "yes".
std::string Rare(const std::string& more = {}) {
  std::string csv = "id,x,z,ok\n";
  for (int i = 0; i < 400; ++i) {
    csv += std::to_string(i) + "," + std::to_string(i * 37 % 101 / 7.0) + "," +
           std::to_string(i * 11 % 17) + "," + (i % 10 == 3 ? "yes" : "no") + "\n";
  }
  return csv + more;
}

TEST_F(ResampleTest, ChangesTrainingRowsAlone) {
  step_.AddFile("data", "rare.csv", Rare());
  Json parameters = {{"roles", {{"label", "ok"}, {"id", {"id"}}}},
                     {"split", {{"train", 0.7}, {"test", 0.3}, {"seed", 1}}}};
  ASSERT_TRUE(Run(parameters).ok());
  const Table test = Load("test");
  const Table train = Load("train");
  const auto yes = [&](const Table& table) {
    const auto texts = Texts(table, "ok");
    return std::count(texts.begin(), texts.end(), "yes");
  };
  const auto rare = yes(train);
  const auto common = train.rows - rare;
  for (const char* op : {"downsample", "upsample", "smote", "class_weights"}) {
    parameters["transforms"] = Json::array({{{"op", op}}});
    const auto outcome = Run(parameters);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    const Table left = Load("test");
    for (const char* name : {"id", "x", "z", "ok"}) {
      EXPECT_EQ(Texts(left, name), Texts(test, name)) << op;
    }
    EXPECT_EQ(outcome->metrics.at("test_rows"), 120) << op;
    const Table now = Load("train");
    EXPECT_EQ(outcome->metrics.at("train_rows"), static_cast<double>(now.rows));
    const bool weights = std::string(op) == "class_weights";
    const auto most = std::string(op) == "downsample" ? rare : common;
    EXPECT_EQ(yes(now), weights ? rare : most) << op;
    EXPECT_EQ(now.rows - yes(now), most) << op;
    if (!weights) continue;
    EXPECT_THAT(left.Find("class_weight")->numbers, Each(1));
    double of_class[2] = {0, 0};
    for (std::size_t i = 0; i < static_cast<std::size_t>(now.rows); ++i) {
      of_class[now.Find("ok")->text(i) == "yes" ? 1 : 0] += now.Find("class_weight")->numbers[i];
    }
    EXPECT_NEAR(of_class[0], 140, 1e-9);
    EXPECT_NEAR(of_class[1], 140, 1e-9);
    EXPECT_EQ(ReadDatasetInfo(step_.output_ / "train")->roles.weight, "class_weight");
  }
}

TEST_F(ResampleTest, WorksAfterWhatIsFittedAndBeforeIt) {
  step_.AddFile("data", "rare.csv", Rare());
  const Json before = {{"op", "standard"}, {"columns", {"x"}}};
  const Json after = {{"op", "one_hot"}, {"columns", "z"}};
  for (const char* op : {"downsample", "upsample", "smote", "class_weights"}) {
    const auto outcome = Run({{"roles", {{"label", "ok"}, {"id", {"id"}}}},
                              {"split", {{"train", 0.7}, {"test", 0.3}, {"seed", 1}}},
                              {"transforms", {before, {{"op", op}}, {{"op", op}}, after}}});
    ASSERT_TRUE(outcome.ok()) << op << outcome.status();
    // Raw rows through the stored transform are what was written.
    const auto transform = Transform::Load(step_.output_ / "transform");
    ASSERT_TRUE(transform.ok()) << transform.status();
    const auto applied =
        transform->ApplyToRaw(step_.AddFile("raw", "rare.csv", Rare()),
                              {.labels = false, .keep = {"id"}, .as_table = true}, step_);
    ASSERT_TRUE(applied.ok()) << applied.status();
    std::map<std::string, std::size_t> row_of;
    const Table test = Load("test");
    EXPECT_EQ(applied->table.rows, 400);
    for (std::size_t i = 0; i < 400; ++i) row_of[applied->kept.columns[0].text(i)] = i;
    for (std::size_t i = 0; i < static_cast<std::size_t>(test.rows); ++i) {
      const std::size_t raw = row_of.at(test.Find("id")->text(i));
      for (const Column& column : applied->table.columns) {
        EXPECT_EQ(column.numbers[raw], test.Find(column.info.name)->numbers[i]) << op;
      }
    }
  }
}

TEST_F(ResampleTest, CopiesCountAsRows) {
  // Upsampled, and then half of each class left out again.
  step_.AddFile("data", "rare.csv", Rare());
  const auto run = [&](const Json& transforms) {
    const auto outcome =
        Run({{"roles", {{"label", "ok"}, {"id", {"id"}}}}, {"transforms", transforms}});
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    std::map<std::string, int> counts;
    for (const std::string& text : Texts(Load("data"), "ok")) ++counts[text];
    return counts;
  };
  const Json up = {{"op", "upsample"}};
  EXPECT_EQ(run(Json::array({up}))["yes"], 360);
  EXPECT_EQ(run({up, {{"op", "downsample"}, {"shares", {{"yes", 0.75}, {"no", 0.25}}}}}),
            (std::map<std::string, int>{{"yes", 360}, {"no", 120}}));
  EXPECT_EQ(run({up, {{"op", "upsample"}, {"shares", {{"yes", 0.75}, {"no", 0.25}}}}}),
            (std::map<std::string, int>{{"yes", 1'080}, {"no", 360}}));
  // All weigh the same then.
  ASSERT_TRUE(
      Run({{"roles", {{"label", "ok"}}}, {"transforms", {up, {{"op", "class_weights"}}}}}).ok());
  EXPECT_THAT(Load("data").Find("class_weight")->numbers, Each(1));
}

TEST_F(ResampleTest, SmoteStaysBetweenItsRowsAndKeepsIndicatorsWhole) {
  step_.AddFile("data", "rare.csv", Rare());
  const auto outcome =
      Run({{"roles", {{"label", "ok"}, {"id", {"id"}}}},
           {"transforms",
            {{{"op", "one_hot"}, {"columns", "z"}}, {{"op", "smote"}, {"max_rows", 20}}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(step_.log_, HasSubstr("smote: 20 of 40 rows of class \"yes\" were drawn to learn"));
  const Table table = Load("data");
  ASSERT_EQ(table.rows, 720);
  double low = INFINITY;
  double high = -INFINITY;
  for (std::size_t i = 0; i < 720; ++i) {
    const double x = table.Find("x")->numbers[i];
    if (i < 400) {
      if (table.Find("ok")->text(i) != "yes") continue;
      low = std::min(low, x);
      high = std::max(high, x);
    } else {
      EXPECT_GE(x, low);
      EXPECT_LE(x, high);
      EXPECT_EQ(table.Find("ok")->text(i), "yes");
    }
    for (const Column& column : table.columns) {
      if (column.info.type != ColumnType::kBoolean) continue;
      EXPECT_TRUE(column.numbers[i] == 0 || column.numbers[i] == 1) << column.info.name;
    }
  }
}

TEST_F(ResampleTest, WholeNumbersStayWhole) {
  step_.AddFile("data", "rare.csv", Rare());
  ASSERT_TRUE(Run({{"roles", {{"label", "ok"}, {"id", {"id"}}}},
                   {"transforms", {{{"op", "ordinal"}, {"columns", "z"}}, {{"op", "smote"}}}}})
                  .ok());
  const Table table = Load("data");
  ASSERT_EQ(table.rows, 720);
  EXPECT_EQ(Name(table.Find("z")->info.type), "integer");
  for (const double z : table.Find("z")->numbers) EXPECT_EQ(z, std::floor(z));
}

TEST_F(ResampleTest, SmoteOfTwoRowsAndWithoutNumbers) {
  step_.AddFile("data", "few.csv", "c,y\nu,a\nv,a\nu,b\nu,b\nw,b\nu,b\n");
  const auto outcome = Run({{"roles", {{"label", "y"}}}, {"transforms", {{{"op", "smote"}}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  // Each new row has the value of the only neighbour of the row that it begins at.
  const auto made = Texts(Load("data"), "c");
  ASSERT_EQ(made.size(), 8u);
  EXPECT_THAT(std::vector<std::string>({made[6], made[7]}),
              testing::UnorderedElementsAre("u", "v"));
}

TEST_F(ResampleTest, BadParametersAndData) {
  const auto data = [&](const std::string& csv, const Json& parameters) {
    step_.Unbind("data");
    step_.AddFile("data", "@d.csv", csv);
    const auto outcome = Run(parameters);
    return outcome.ok() ? std::string("no error") : outcome.status().message();
  };
  for (const char* op : {"downsample", "upsample", "smote", "class_weights"}) {
    const Json transforms = Json::array({{{"op", op}}});
    const std::string at = std::string("transforms[0]: ") + op;
    EXPECT_THAT(data("x,y\n1,2\n2,3\n", {{"roles", {{"label", "y"}}}, {"transforms", transforms}}),
                HasSubstr(at + ": the label \"y\" is a number, and this is about classes"));
    EXPECT_THAT(data("x,y\n1,2\n2,3\n", {{"transforms", transforms}}),
                HasSubstr(at + ": the data have no label; name it in roles.label"));
  }
  const auto shares = [](const char* op, const Json& value) {
    return Json{{"op", op}, {"shares", value}};
  };
  EXPECT_THAT(Error(shares("downsample", {{"rare", 0.5}, {"common", 0.5}})),
              HasSubstr("downsample: shares says nothing of class \"mid\""));
  EXPECT_THAT(Error(shares("upsample", {{"rare", 0.5}, {"commons", 0.5}})),
              HasSubstr("shares names \"commons\", which is no class (did you mean \"common\"?)"));
  EXPECT_THAT(Error(shares("smote", {{"rare", 0.9998}, {"common", 1e-4}, {"mid", 1e-4}})),
              HasSubstr("class \"rare\" has 9 training rows, and would have 259948: more than "
                        "1000 for each"));
  EXPECT_THAT(Error({{"op", "class_weights"}, {"weights", {{"rar", 2}}}}),
              HasSubstr("weights names \"rar\", which is no class (did you mean \"rare\"?)"));
  EXPECT_THAT(Error({{"op", "class_weights"}, {"name", "weight"}}),
              HasSubstr("the data have weights already, in column \"w\""));
  EXPECT_THAT(data("x,class_weight,y\n1,2,a\n2,3,b\n",
                   {{"roles", {{"label", "y"}}}, {"transforms", {{{"op", "class_weights"}}}}}),
              HasSubstr("there is a column \"class_weight\" already"));
  const Json smote = {{"roles", {{"label", "y"}}}, {"transforms", {{{"op", "smote"}}}}};
  EXPECT_THAT(data("x,y\n1,a\n,b\n2,b\n", smote),
              HasSubstr("smote: class \"a\" has only 1 training row"));
  EXPECT_THAT(data("x,y\n1,a\n,a\n2,b\n3,b\n4,b\n", smote),
              HasSubstr("@d.csv: line 3, column 1 (x): smote: the number is missing; use impute"));
  EXPECT_THAT(data("x,y\n1,a\n1e200,a\n2,b\n3,b\n4,b\n", smote),
              HasSubstr("the numbers of column \"x\" are too large for distances"));
  // One class: nothing to balance.
  EXPECT_EQ(data("x,y\n1,a\n2,a\n", {{"roles", {{"label", "y"}}},
                                     {"labels", {{"classes", {"a", "b"}}}},
                                     {"transforms",
                                      {{{"op", "smote"}},
                                       {{"op", "downsample"}},
                                       {{"op", "upsample"}},
                                       {{"op", "class_weights"}}}}}),
            "no error");
  EXPECT_THAT(Load("data").Find("class_weight")->numbers, ElementsAre(1, 1));
}

TEST_F(ResampleTest, ADamagedTransformIsRefused) {
  ASSERT_TRUE(RunOne({{"op", "upsample"}}).ok());
  const auto transform = Transform::Load(step_.output_ / "transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  Json json = transform->ToJson();
  EXPECT_TRUE(Transform::FromJson(json).ok());
  for (const Json& damaged : {Json("upsample"), Json{{"op", "standard"}}, Json{{"op", 7}}}) {
    json["row_filters"][0] = damaged;
    const auto read = Transform::FromJson(json);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.status().code(), StatusCode::kDataLoss);
    EXPECT_THAT(read.status().message(), HasSubstr("row_filters holds what is no row operation"));
  }
}

TEST_F(ResampleTest, SmoteNeedsMemoryForItsRows) {
  std::string csv = "x,y\n";
  for (int i = 0; i < 3'000; ++i) csv += std::to_string(i) + (i % 3 == 0 ? ",a\n" : ",b\n");
  step_.AddFile("data", "@d.csv", csv);
  step_.memory_bytes_ = 1 << 16;
  const auto outcome = Run({{"roles", {{"label", "y"}}}, {"transforms", {{{"op", "smote"}}}}});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.status().message(),
              HasSubstr("smote: 1000 rows of class \"a\" with 2 columns do not fit into the "
                        "step's memory; lower max_rows"));
}

}  // namespace
}  // namespace penstock
