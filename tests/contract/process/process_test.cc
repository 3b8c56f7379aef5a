#include "steps/process/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class ProcessTest : public testing::Test {
 protected:
  // Runs with `parameters` as a definition writes them (JSON).
  Result<StepOutcome> Run(std::string_view parameters) {
    const auto json = ParseJson(parameters);
    EXPECT_TRUE(json.ok()) << json.status();
    step_.parameters_ = *json;
    step_.Reset();
    return RunProcess(step_);
  }
  Table Load(const std::string& output) {
    auto table = LoadDataset(step_.output_ / output, {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? std::move(*table) : Table();
  }
  std::string Error(std::string_view parameters) {
    const auto outcome = Run(parameters);
    return outcome.ok() ? "no error" : outcome.status().message();
  }
  FakeStep step_{"process"};
};

constexpr char kPeople[] =
    "id,age,job,pay,ok\n"
    "1,20,cook,10.5,yes\n"
    "2,,nurse,20,no\n"
    "3,40,,30,no\n"
    "4,60,cook,,yes\n";

TEST_F(ProcessTest, PassesDataThrough) {
  step_.AddFile("data", "@people.csv", kPeople);
  const auto outcome = Run(R"({"roles": {"label": "ok", "id": ["id"]}})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->outputs.size(), 2u);
  EXPECT_EQ(outcome->outputs[0].name, "data");
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kDataset);
  EXPECT_EQ(outcome->outputs[1].name, "transform");
  EXPECT_EQ(outcome->outputs[1].type, ArtifactType::kTransform);
  EXPECT_EQ(outcome->metrics.at("rows"), 4);
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 0);
  EXPECT_EQ(outcome->metrics.at("features"), 3);
  const auto info = ReadDatasetInfo(step_.output_ / "data");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_THAT(info->feature_names(), ElementsAre("age", "job", "pay"));
  EXPECT_THAT(info->label.classes, ElementsAre("no", "yes"));
  EXPECT_EQ(info->label.positive, "yes");
  EXPECT_EQ(info->Find("id")->kind, ColumnKind::kId);
  EXPECT_EQ(info->Find("job")->kind, ColumnKind::kCategorical);
  EXPECT_TRUE(info->Find("job")->nullable);
  EXPECT_EQ(ReadBytes(step_.output_ / "data/transform/transform.json"),
            ReadBytes(step_.output_ / "transform/transform.json"));
}

TEST_F(ProcessTest, FillsEncodesAndScales) {
  step_.AddFile("data", "@people.csv", kPeople);
  const auto outcome = Run(R"({
      "roles": {"label": "ok", "keep": ["id"]},
      "labels": {"classes": ["no", "yes"], "positive": "yes"},
      "transforms": [
        {"op": "impute", "columns": "age", "method": "mean"},
        {"op": "impute", "columns": ["pay"], "method": "median", "indicator": true},
        {"op": "impute", "columns": {"kind": "categorical"}, "method": "category"},
        {"op": "one_hot", "columns": {"kind": "categorical"}},
        {"op": "standard", "columns": ["age"]},
        {"op": "min_max", "columns": {"match": "pa?"}, "range": [-1, 1]}]})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Table table = Load("data");
  EXPECT_THAT(table.names(), ElementsAre("age", "job=cook", "job=missing", "job=nurse", "pay",
                                         "pay=(missing)", "id", "ok"));
  // Mean of 20, 40, 60 is 40; then (20, 40, 40, 60): mean 40, variance 200.
  const double unit = 20 / std::sqrt(200.0);
  EXPECT_THAT(table.Find("age")->numbers, ElementsAre(-unit, 0, 0, unit));
  EXPECT_THAT(table.Find("job=cook")->numbers, ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(table.Find("job=missing")->numbers, ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(table.Find("job=nurse")->numbers, ElementsAre(0, 1, 0, 0));
  // Median 20 fills the last; 10.5 … 30 goes to -1 … 1.
  EXPECT_THAT(table.Find("pay")->numbers,
              ElementsAre(-1, 9.5 / 19.5 * 2 - 1, 1, 9.5 / 19.5 * 2 - 1));
  EXPECT_THAT(table.Find("pay=(missing)")->numbers, ElementsAre(0, 0, 0, 1));
}

TEST_F(ProcessTest, OtherOperations) {
  step_.AddFile("data", "@people.csv", kPeople);
  auto outcome = Run(R"({
      "roles": {"label": "ok"},
      "transforms": [
        {"op": "drop", "columns": "id"},
        {"op": "map_values", "columns": "job", "map": {"nurse": "care", "cook": null}},
        {"op": "impute", "columns": {"kind": "numeric"}, "method": "constant", "value": -1},
        {"op": "one_hot", "columns": "job", "missing": "category"}]})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  Table table = Load("data");
  EXPECT_THAT(table.names(), ElementsAre("age", "job=care", "job=(missing)", "pay", "ok"));
  EXPECT_THAT(table.Find("age")->numbers, ElementsAre(20, -1, 40, 60));
  EXPECT_THAT(table.Find("job=care")->numbers, ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(table.Find("job=(missing)")->numbers, ElementsAre(1, 0, 1, 1));
  outcome = Run(R"({
      "roles": {"label": "ok"},
      "transforms": [
        {"op": "impute", "columns": "job", "method": "mode"},
        {"op": "ordinal", "columns": "job", "order": ["nurse", "cook"]},
        {"op": "map_values", "columns": "id", "map": {"1": "7"}, "kind": "categorical"},
        {"op": "one_hot", "columns": "id", "drop_first": true}]})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  table = Load("data");
  EXPECT_THAT(table.names(), ElementsAre("id=3", "id=4", "id=7", "age", "job", "pay", "ok"));
  EXPECT_THAT(table.Find("job")->numbers, ElementsAre(1, 0, 1, 1));
  outcome = Run(R"({
      "roles": {"label": "ok"},
      "transforms": [{"op": "drop_missing", "columns": ["age", "job"]}]})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(Load("data").Find("id")->numbers, ElementsAre(1, 4));
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 2);
}

TEST_F(ProcessTest, NumericLabelIsRegression) {
  step_.AddFile("data", "@people.csv", kPeople);
  const auto outcome = Run(R"({"roles": {"label": "pay", "weight": "id"},
                               "labels": {"missing": "drop"}})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 1);
  const auto info = ReadDatasetInfo(step_.output_ / "data");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->label.kind, LabelInfo::Kind::kNumber);
  EXPECT_THAT(Load("data").Find("pay")->numbers, ElementsAre(10.5, 20, 30));
}

TEST_F(ProcessTest, LabelsAreMappedAndMatchedAsNumbers) {
  step_.AddFile("data", "a.csv", "x,y\n1,1.0\n2,0\n3,one\n");
  const auto outcome = Run(R"({"roles": {"label": "y"},
                               "labels": {"classes": [0, 1], "positive": 1, "map": {"one": 1}}})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto data = LoadDataset(step_.output_ / "data", {"y"}, {});
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->columns[0].text(0), "1");
  EXPECT_EQ(data->columns[0].text(1), "0");
  EXPECT_EQ(data->columns[0].text(2), "1");
}

TEST_F(ProcessTest, JoinsSeveralInputs) {
  step_.AddFile("data", "monday.csv", "x,y\n1,a\n");
  step_.AddFile("data", "tuesday.csv", "x,y\n2,b\n3,z\n");
  auto outcome = Run(R"({"roles": {"label": "y"}})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(Load("data").Find("x")->numbers, ElementsAre(1, 2, 3));
  EXPECT_THAT(Error(R"({"roles": {"label": "y"}, "labels": {"classes": ["a", "b"]}})"),
              StartsWith("tuesday.csv: line 3, column 2 (y): label \"z\" is not among the classes "
                         "(a, b); add it to labels.classes"));
}

TEST_F(ProcessTest, ErrorsAboutDataNameFileLineAndColumn) {
  const auto error = [&](std::string_view bytes, std::string_view parameters) {
    step_.Unbind("data");
    step_.AddFile("data", "@my census.csv", bytes);
    return Error(parameters);
  };
  const char* label = R"({"roles": {"label": "y"}})";
  EXPECT_THAT(error("", label), StartsWith("@my census.csv: line 1, column 1: the file is empty"));
  EXPECT_THAT(error("x,y\n", label), StartsWith("@my census.csv: line 2: there are no rows"));
  EXPECT_THAT(error("x,y\n1,a\n2\n", label),
              StartsWith("@my census.csv: line 3, column 2 (y): the line has 1 field"));
  EXPECT_THAT(error("x,y\n1,\xFF\n", label),
              StartsWith("@my census.csv: line 2, column 2 (y): byte 0xFF is not UTF-8"));
  EXPECT_THAT(error("x,yy\n1,a\n", label),
              StartsWith("@my census.csv: line 1: no column is named \"y\" (roles.label) (did you "
                         "mean \"yy\"?)"));
  EXPECT_THAT(error("a,b\n1,a\n", label), HasSubstr("(roles.label) (known: a, b)"));
  EXPECT_THAT(
      error("x,y\n\"1\n2\",a\n3,\n4,b\n", label),
      StartsWith("@my census.csv: line 4, column 2 (y): the label is missing; mend the row"));
  EXPECT_THAT(
      error("x,y\n1,a\n\n2,c\n", R"({"roles": {"label": "y"}, "labels": {"classes": ["a", "b"]}})"),
      StartsWith("@my census.csv: line 4, column 2 (y): label \"c\" is not among"));
  EXPECT_THAT(error("x,y\n1,a\n2,a\n", label),
              StartsWith("@my census.csv: label \"y\" has only the class \"a\""));
  EXPECT_THAT(
      error("x,y\n1,a\n2,b\n", R"({"roles": {"label": "y"}, "labels": {"positive": "zap"}})"),
      StartsWith("@my census.csv: labels.positive is \"zap\", which is not among"));
  EXPECT_THAT(error("x,w\n1,2\n1,-3\n", R"({"roles": {"weight": "w"}})"),
              StartsWith("@my census.csv: line 3, column 2 (w): weight \"-3\" is not a number of"));
  EXPECT_THAT(error("x,w\n1,2\n1,heavy\n", R"({"roles": {"weight": "w"}})"),
              StartsWith("@my census.csv: line 3, column 2 (w): \"heavy\" is not a number"));
  EXPECT_THAT(error("x,y\n1,a\n2,b\n",
                    R"({"roles": {"label": "y"}, "transforms": [
                        {"op": "standard", "columns": "z"}]})"),
              StartsWith("@my census.csv: transforms[0]: no feature is named \"z\""));
  EXPECT_THAT(error("x,y\nu,a\nv,b\n",
                    R"({"roles": {"label": "y"}, "transforms": [
                        {"op": "standard", "columns": "x"}]})"),
              StartsWith("@my census.csv: transforms[0]: standard: column \"x\" is categorical"));
  EXPECT_THAT(error("x,y\nu,a\nv,b\n",
                    R"({"roles": {"label": "y"}, "transforms": [
                        {"op": "impute", "columns": "x", "method": "mean"}]})"),
              HasSubstr("mean is for numbers; use mode, constant or category"));
  EXPECT_THAT(error("x,y\n,a\n,b\n",
                    R"({"roles": {"label": "y"}, "transforms": [
                        {"op": "impute", "columns": "x", "method": "mean"}]})"),
              HasSubstr("has no value in the training rows, so mean is undefined"));
  EXPECT_THAT(
      error("x,y\nu,a\nv,b\n",
            R"({"roles": {"label": "y"}, "transforms": [
                        {"op": "ordinal", "columns": "x", "order": ["u"]}]})"),
      StartsWith("transforms[0]: @my census.csv: line 3, column 1 (x): \"v\" does not occur"));
  EXPECT_THAT(error("x,y\nu,a\nv,b\n",
                    R"({"roles": {"label": "y"}, "transforms": [
                        {"op": "one_hot", "columns": "x", "max_categories": 1}]})"),
              HasSubstr("column \"x\" has more than 1 distinct values"));
}

TEST_F(ProcessTest, WarnsOfClassesThatNobodyCanLearn) {
  constexpr char kClasses[] = R"({"roles": {"label": "y"}, "labels": {"classes": ["a", "b"]}})";
  step_.AddFile("data", "@one.csv", "x,y\n1,a\n2,a\n");
  ASSERT_TRUE(Run(kClasses).ok());
  EXPECT_THAT(step_.log_,
              HasSubstr("warning: @one.csv: no row of column \"y\" has the class \"b\""));
  EXPECT_THAT(step_.log_,
              HasSubstr("warning: all rows of data have the class \"a\" in column \"y\": "
                        "no classifier can learn from them"));
  step_.Unbind("data");
  step_.AddFile("data", "@two.csv", "x,y\n1,a\n2,b\n");
  ASSERT_TRUE(Run(kClasses).ok());
  EXPECT_THAT(step_.log_, testing::Not(HasSubstr("warning")));
}

TEST_F(ProcessTest, MissingFile) {
  step_.inputs_["data"] = {
      {step_.folder_.path() / "none", ArtifactType::kFile, Digest(), "@a.csv"}};
  EXPECT_EQ(Error("{}"), "@a.csv: no such file");
}

// 1,000 rows: i, a class that is "a" for every third, and a number.
std::string Many(double last = 0) {
  std::string bytes = "i,x,y\n";
  for (int i = 0; i < 1'000; ++i) {
    const double x = i == 999 && last != 0 ? last : i * 0.37;
    bytes += std::to_string(i) + "," + std::to_string(x) + "," + (i % 3 == 0 ? "a" : "b") + "\n";
  }
  return bytes;
}

constexpr char kSplit[] = R"({
    "roles": {"label": "y", "keep": ["i"]},
    "split": {"train": 0.7, "validation": 0.2, "test": 0.1, "seed": 7, "stratify": "y"},
    "transforms": [{"op": "standard", "columns": {"kind": "numeric"}}]})";

TEST_F(ProcessTest, SplitsExactlyAndStratified) {
  step_.AddFile("data", "many.csv", Many());
  const auto outcome = Run(kSplit);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("train_rows"), 700);
  EXPECT_EQ(outcome->metrics.at("validation_rows"), 200);
  EXPECT_EQ(outcome->metrics.at("test_rows"), 100);
  std::set<double> seen;
  const std::map<std::string, double> of_a = {
      {"train", 233.8}, {"validation", 66.8}, {"test", 33.4}};
  for (const auto& [name, share] : of_a) {
    const Table table = Load(name);
    double count = 0;
    double before = -1;
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
      const double number = table.Find("i")->numbers[i];
      EXPECT_GT(number, before) << "rows keep their order";
      before = number;
      EXPECT_TRUE(seen.insert(number).second) << "in two parts: " << number;
      if (table.Find("y")->text(i) == "a") ++count;
    }
    EXPECT_LE(std::fabs(count - share), 1) << name;
  }
  EXPECT_EQ(seen.size(), 1'000u);
}

TEST_F(ProcessTest, SplitKeepsGroupsTogether) {
  std::string bytes = "who,x,y\n";
  for (int i = 0; i < 300; ++i) {
    bytes += "p" + std::to_string(i % 31) + "," + std::to_string(i) + "," +
             (i % 3 == 0 ? "a" : "b") + "\n";
  }
  step_.AddFile("data", "visits.csv", bytes);
  ASSERT_TRUE(Run(R"({"roles": {"label": "y", "group": "who"},
                      "split": {"train": 0.5, "test": 0.5, "seed": 3}})")
                  .ok());
  std::set<std::string> train;
  const Table first = Load("train");
  const Table second = Load("test");
  EXPECT_EQ(first.rows + second.rows, 300);
  for (std::size_t i = 0; i < static_cast<std::size_t>(first.rows); ++i) {
    train.insert(first.Find("who")->text(i));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(second.rows); ++i) {
    EXPECT_EQ(train.count(second.Find("who")->text(i)), 0u);
  }
}

TEST_F(ProcessTest, SameBytesOnEveryRun) {
  step_.AddFile("data", "many.csv", Many());
  ASSERT_TRUE(Run(kSplit).ok());
  const auto first = TreeBytes(step_.output_);
  step_.threads_ = 4;
  ASSERT_TRUE(Run(kSplit).ok());
  EXPECT_EQ(TreeBytes(step_.output_), first);
  ASSERT_EQ(first.size(), 3u * 3 + 1);
}

// The rows of the test part, found once, get an outlier: nothing that was fitted may move.
TEST_F(ProcessTest, FitsOnTrainAlone) {
  step_.AddFile("data", "many.csv", Many());
  ASSERT_TRUE(Run(kSplit).ok());
  const std::string transform = ReadBytes(step_.output_ / "transform/transform.json");
  const auto train = TreeBytes(step_.output_ / "train");
  const double last = Load("test").Find("i")->numbers.back();
  std::string bytes = "i,x,y\n";
  for (int i = 0; i < 1'000; ++i) {
    bytes += std::to_string(i) + "," + (i == last ? "1e12" : std::to_string(i * 0.37)) + "," +
             (i % 3 == 0 ? "a" : "b") + "\n";
  }
  step_.Unbind("data");
  step_.AddFile("data", "many.csv", bytes);
  ASSERT_TRUE(Run(kSplit).ok());
  EXPECT_GT(Load("test").Find("x")->numbers.back(), 1e6) << "the outlier is in the test part";
  EXPECT_EQ(ReadBytes(step_.output_ / "transform/transform.json"), transform);
  EXPECT_EQ(TreeBytes(step_.output_ / "train"), train);
}

TEST_F(ProcessTest, DropMissingInTrainingRowsOnly) {
  std::string bytes = "i,x,y\n";
  for (int i = 0; i < 100; ++i) {
    bytes +=
        std::to_string(i) + "," + (i % 2 == 0 ? "" : "1") + "," + (i % 3 == 0 ? "a" : "b") + "\n";
  }
  step_.AddFile("data", "holes.csv", bytes);
  const auto outcome = Run(R"({
      "roles": {"label": "y"}, "split": {"train": 0.8, "test": 0.1, "seed": 1},
      "transforms": [{"op": "drop_missing", "columns": "x", "applies": "train"}]})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Table train = Load("train");
  EXPECT_LT(train.rows, 60);
  for (const double x : train.Find("x")->numbers) EXPECT_EQ(x, 1);
  EXPECT_EQ(outcome->metrics.at("test_rows"), 10);
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 90 - static_cast<double>(train.rows) + 0.0);
}

TEST_F(ProcessTest, RawAndProcessedDataGiveTheSameBits) {
  const std::string bytes =
      "id,age,job,pay,ok,junk\n1,20,cook,10.1,yes,z\n2,,nurse,0.3,no,z\n3,41,,1e-7,no,z\n"
      "4,60,\"co,ok\",,yes,z\n-0,-0,cook,-0.0,yes,z\n";
  step_.AddFile("data", "people.csv", bytes);
  ASSERT_TRUE(Run(R"({
      "roles": {"label": "ok", "id": ["id"]},
      "transforms": [
        {"op": "drop", "columns": "junk"},
        {"op": "impute", "columns": "age", "method": "mean"},
        {"op": "one_hot", "columns": {"kind": "categorical"}, "missing": "category"},
        {"op": "standard", "columns": ["age", "pay"]}]})")
                  .ok());
  const auto processed = LoadLabelled(step_.output_ / "data", {});
  ASSERT_TRUE(processed.ok()) << processed.status();
  const auto transform = Transform::Load(step_.output_ / "data/transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  EXPECT_EQ(transform->TreeDigest().value(),
            ReadDatasetInfo(step_.output_ / "data")->transform_digest);
  EXPECT_EQ(DumpJson(transform->ToJson()) + "\n",
            ReadBytes(step_.output_ / "transform/transform.json"));
  // Other order, other columns, no label: what a caller of predict brings.
  const InputArtifact same = step_.AddFile("x", "people.csv", bytes);
  const InputArtifact bare = step_.AddFile(
      "x", "bare.csv",
      "pay;job;extra;age\n10.1;cook;q;20\n0.3;nurse;q;\n1e-7;;q;41\n;co,ok;q;60\n-0.0;cook;q;-0\n");
  for (const InputArtifact& input : {same, bare}) {
    const auto applied = transform->ApplyToRaw(input, {.labels = true, .keep = {}}, step_);
    ASSERT_TRUE(applied.ok()) << applied.status();
    EXPECT_EQ(applied->has_labels, input.display_name == "people.csv");
    if (applied->has_labels) {
      EXPECT_EQ(applied->labels, processed->labels);
    }
    ASSERT_EQ(applied->features.names, processed->features.names);
    for (std::size_t j = 0; j < processed->features.columns.size(); ++j) {
      const auto& a = applied->features.columns[j];
      const auto& b = processed->features.columns[j];
      ASSERT_EQ(a.size(), b.size());
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)), 0)
          << processed->features.names[j];
    }
  }
  const auto kept = transform->ApplyToRaw(bare, {.labels = false, .keep = {"extra", "age"}}, step_);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_THAT(kept->kept.names(), ElementsAre("extra", "age"));
  EXPECT_EQ(kept->kept.columns[0].text(1), "q");
  EXPECT_EQ(kept->kept.columns[1].text(0), "20");
  const auto lacking =
      transform->ApplyToRaw(step_.AddFile("x", "@lacking.csv", "age,pay\n1,2\n"), {}, step_);
  ASSERT_FALSE(lacking.ok());
  EXPECT_EQ(lacking.status().message(),
            "@lacking.csv: line 1: no column is named \"job\" (known: age, pay)");
  const auto twice = transform->ApplyToRaw(
      InputArtifact{step_.output_ / "data", ArtifactType::kDataset, Digest(), "train"}, {}, step_);
  ASSERT_FALSE(twice.ok());
}

TEST_F(ProcessTest, AppliesATransformThatIsGiven) {
  step_.AddFile("data", "many.csv", Many());
  ASSERT_TRUE(Run(kSplit).ok());
  const auto train = step_.output_ / "train";
  step_.Bind("transform", step_.output_ / "transform", "old");
  // New raw data, without a label.
  step_.Unbind("data");
  step_.AddFile("data", "new.csv", "x,i\n100,7\n200,\n");
  auto outcome = Run("{}");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Table table = Load("data");
  EXPECT_THAT(table.names(), ElementsAre("x", "i"));
  EXPECT_EQ(ReadDatasetInfo(step_.output_ / "data")->roles.label, "");
  EXPECT_EQ(ReadBytes(step_.output_ / "transform/transform.json"),
            ReadBytes(train / "transform/transform.json"));
  // Data that went through it pass unchanged; others are refused.
  step_.Bind("data", train, "train");
  outcome = Run("{}");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(TreeBytes(step_.output_ / "data"), TreeBytes(train));
  step_.Unbind("transform");
  step_.Unbind("data");
  step_.AddFile("data", "many.csv", Many());
  ASSERT_TRUE(Run(R"({"roles": {"label": "y"}})").ok());
  step_.Bind("transform", step_.output_ / "transform", "other");
  step_.Bind("data", train, "train");
  EXPECT_THAT(Error("{}"), StartsWith("train: the dataset went through another transform"));
}

TEST_F(ProcessTest, StopsWhenAsked) {
  step_.AddFile("data", "many.csv", Many());
  int stopped = 0;
  for (int after = 0; after < 20; ++after) {
    step_.cancel_after_ = after;
    step_.asked_ = 0;
    const auto outcome = Run(kSplit);
    if (outcome.ok()) break;
    EXPECT_EQ(outcome.status().code(), StatusCode::kCancelled) << after << outcome.status();
    ++stopped;
  }
  EXPECT_GE(stopped, 3);
}

// --- Folds

// id, a number that is the id squared, a category that no other row has, a group of three rows, and
// every fourth row positive.
std::string RowsForFolds(int count) {
  std::string csv = "id,x,only,family,y\n";
  for (int i = 0; i < count; ++i) {
    csv += std::to_string(i) + "," + std::to_string(i * i) + ",c" + std::to_string(i) + ",f" +
           std::to_string(i / 3) + "," + (i % 4 == 0 ? "yes" : "no") + "\n";
  }
  return csv;
}

std::vector<std::string> TextsOf(const Table& table, const std::string& column) {
  const StringValues& texts = table.Find(column)->strings;
  std::vector<std::string> values;
  for (std::size_t i = 0; i < texts.codes.size(); ++i) values.push_back(texts[i]);
  return values;
}

TEST_F(ProcessTest, EveryRowIsValidationInExactlyOneFold) {
  step_.AddFile("data", "rows.csv", RowsForFolds(41));
  std::multiset<std::string> judged;
  for (int fold = 0; fold < 4; ++fold) {
    const auto outcome = Run(R"({"roles": {"label": "y", "id": ["id"]}, "split": {"kFold": 4,
        "fold": )" + std::to_string(fold) +
                             R"(, "seed": 3, "stratify": "y"}})");
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_EQ(outcome->outputs.size(), 3u);
    EXPECT_EQ(outcome->outputs[0].name, "train");
    EXPECT_EQ(outcome->outputs[1].name, "validation");
    EXPECT_EQ(outcome->metrics.at("train_rows") + outcome->metrics.at("validation_rows"), 41);
    EXPECT_EQ(outcome->metrics.at("rows_dropped"), 0);
    const auto here = TextsOf(Load("validation"), "id");
    const auto others = TextsOf(Load("train"), "id");
    judged.insert(here.begin(), here.end());
    for (const std::string& id : here) EXPECT_THAT(others, testing::Not(testing::Contains(id)));
    // 11 of 41 rows are positive.
    const auto labels = TextsOf(Load("validation"), "y");
    EXPECT_NEAR(static_cast<double>(std::count(labels.begin(), labels.end(), "yes")), 11 / 4.0, 1);
  }
  EXPECT_EQ(judged.size(), 41u);
  EXPECT_EQ(std::set<std::string>(judged.begin(), judged.end()).size(), 41u);
}

TEST_F(ProcessTest, AFoldIsFittedWithoutTheRowsThatItIsJudgedOn) {
  step_.AddFile("data", "rows.csv", RowsForFolds(20));
  for (int fold = 0; fold < 5; ++fold) {
    const auto outcome = Run(R"({"roles": {"label": "y", "id": ["id"]},
        "split": {"kFold": 5, "fold": )" +
                             std::to_string(fold) + R"(, "seed": 3},
        "transforms": [{"op": "drop", "columns": "family"}, {"op": "standard", "columns": "x"},
                       {"op": "one_hot", "columns": "only", "unknown": "ignore"}]})");
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    const Table train = Load("train");
    const Table validation = Load("validation");
    // Standardised by the training rows alone: their mean is 0, and that of all rows is not.
    double sum = 0;
    for (const double x : train.Find("x")->numbers) sum += x;
    EXPECT_NEAR(sum, 0, 1e-9);
    double rest = 0;
    for (const double x : validation.Find("x")->numbers) rest += x;
    EXPECT_GT(std::abs(rest), 1e-3);
    // A category that only a validation row has is no column.
    for (const std::string& id : TextsOf(validation, "id")) {
      EXPECT_EQ(train.Find("only=c" + id), nullptr);
    }
    for (const std::string& id : TextsOf(train, "id")) {
      EXPECT_NE(validation.Find("only=c" + id), nullptr);
    }
  }
}

TEST_F(ProcessTest, FoldsKeepGroupsWhole) {
  step_.AddFile("data", "rows.csv", RowsForFolds(30));
  std::map<std::string, int> fold_of;
  for (int fold = 0; fold < 3; ++fold) {
    const auto outcome = Run(R"({"roles": {"label": "y", "group": "family"},
        "split": {"kFold": 3, "fold": )" +
                             std::to_string(fold) + R"(}})");
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    for (const std::string& family : TextsOf(Load("validation"), "family")) {
      EXPECT_EQ(fold_of.emplace(family, fold).first->second, fold) << family;
    }
  }
  EXPECT_EQ(fold_of.size(), 10u);
}

TEST_F(ProcessTest, AFoldWithoutRowsIsRefused) {
  step_.AddFile("data", "@people.csv", kPeople);
  EXPECT_THAT(Error(R"({"roles": {"label": "ok"}, "split": {"kFold": 6, "fold": 5}})"),
              HasSubstr("fold 5 of 6 gets no row"));
}

TEST_F(ProcessTest, JoinsSeveralInputsBySql) {
  step_.AddFile("orders", "@orders.csv",
                "id,customer,amount,back\n1,7,10,no\n2,8,20,yes\n3,7,30,no\n");
  step_.AddFile("customers", "@customers.csv", "customer;region\n7;north\n8;?\n9;south\n");
  const std::string with = R"({
      "sql": "SELECT o.id, amount, region, back FROM orders o JOIN customers c USING (customer) ORDER BY o.id DESC",
      "tables": {"customers": {"nulls": ["?"]}},
      "roles": {"label": "back", "id": ["id"]},
      "transforms": [{"op": "one_hot", "columns": "region", "missing": "category"}]})";
  auto outcome = Run(with);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  Table table = Load("data");
  EXPECT_THAT(table.names(),
              ElementsAre("amount", "region=north", "region=(missing)", "id", "back"));
  EXPECT_THAT(table.Find("amount")->numbers, ElementsAre(30, 20, 10));
  EXPECT_THAT(table.Find("region=north")->numbers, ElementsAre(1, 0, 1));
  EXPECT_EQ(table.Find("id")->text(0), "3");
  EXPECT_EQ(outcome->metrics.at("rows"), 3);
  EXPECT_THAT(step_.log_, HasSubstr("read customers from @customers.csv: 3 rows, 2 columns"));

  // Later data come as the query gives them, also through a query.
  const auto transform = Transform::Load(step_.output_ / "transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  const auto applied = transform->ApplyToRaw(
      step_.AddFile("x", "@later.csv", "amount,region\n5,north\n"), {}, step_);
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_THAT(applied->features.columns, ElementsAre(ElementsAre(5), ElementsAre(1), ElementsAre(0)));
  step_.Unbind("x");
  step_.Bind("transform", step_.output_ / "transform", "transform");
  outcome = Run(R"({"sql": "SELECT id, amount, 1 AS region FROM orders ORDER BY id"})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  table = Load("data");
  EXPECT_THAT(table.Find("region=north")->numbers, ElementsAre(0, 0, 0));
  EXPECT_THAT(Error(R"({"sql": "SELECT id, 'x' AS amount, 'north' AS region FROM orders"})"),
              StartsWith("sql: row 1, column 2 (amount): \"x\" is not a number"));
  EXPECT_THAT(Error(R"({"sql": "SELECT id, amount FROM orders"})"),
              StartsWith("sql: its result has no column \"region\""));
  step_.Unbind("transform");
  EXPECT_THAT(Error(R"({"sql": "SELECT * FROM order_items"})"), StartsWith("sql: "));
  EXPECT_THAT(Error(R"({"sql": "SELECT id FROM orders", "roles": {"label": "back"}})"),
              HasSubstr("no column is named \"back\" (roles.label)"));
  EXPECT_THAT(Error(R"({"sql": "SELECT 'heavy' AS w, amount FROM orders",
                        "roles": {"weight": "w"}})"),
              StartsWith("sql: row 1, column 1 (w): \"heavy\" is not a number"));
}

}  // namespace
}  // namespace penstock
