// Encodings, texts and products through the whole step: what training rows, held-out rows and rows
// to predict get.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "steps/process/process.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;

constexpr int kRows = 400;

// A file with a row number, a category, a text, two numbers and a label of two classes.
std::string Rows() {
  static const std::vector<std::string> kWords = {"oil", "leak", "pump", "Valve", "seal"};
  std::string csv = "id,shop,note,u,v,bought\n";
  uint64_t state = 7;
  const auto next = [&](uint64_t count) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>((state >> 33) % count);
  };
  for (int i = 0; i < kRows; ++i) {
    const std::size_t shop = next(6);
    csv += std::to_string(i) + ",s" + std::to_string(shop) + "," + kWords[next(5)] + " " +
           kWords[next(5)] + "," + std::to_string(next(1'000)) + "." + std::to_string(next(10)) +
           "," + std::to_string(next(50)) + (next(6) > shop ? ",yes\n" : ",no\n");
  }
  return csv;
}

class EncodeContract : public testing::Test {
 protected:
  Result<StepOutcome> Run(const Json& transforms, const Json& split = Json()) {
    step_.parameters_ = {
        {"roles", {{"label", "bought"}, {"keep", {"id"}}}},
        {"labels", {{"classes", {"no", "yes"}}, {"positive", "yes"}}},
        {"read", {{"columns", Json::array({{{"name", "note"}, {"kind", "text"}}})}}},
        {"transforms", transforms}};
    if (!split.is_null()) step_.parameters_["split"] = split;
    step_.Reset();
    return RunProcess(step_);
  }
  Table Load(const std::string& output) const {
    auto table = LoadDataset(step_.output_ / output, {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? std::move(*table) : Table();
  }
  // Column `name` by row number.
  static std::map<double, double> ById(const Table& table, const std::string& name) {
    std::map<double, double> values;
    const Column* id = table.Find("id");
    const Column* column = table.Find(name);
    if (id == nullptr || column == nullptr) return values;
    for (std::size_t i = 0; i < column->numbers.size(); ++i) {
      values[id->is_text() ? std::stod(id->text(i)) : id->numbers[i]] = column->numbers[i];
    }
    return values;
  }

  const std::string rows_ = Rows();
  FakeStep step_{"process"};
};

TEST_F(EncodeContract, TargetIsOutOfFoldOnTrainAlone) {
  const InputArtifact raw = step_.AddFile("data", "@shops.csv", rows_);
  const Json transforms = {{{"op", "hash_text"}, {"columns", "note"}, {"n_columns", 2}},
                           {{"op", "target"}, {"columns", "shop"}, {"smoothing", 5}}};
  const auto outcome = Run(transforms, {{"train", 0.6}, {"validation", 0.2}, {"test", 0.2}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();

  // What raw rows get: whole-train values.
  auto transform = Transform::Load(step_.output_ / "transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  const auto applied = transform->ApplyToRaw(raw, {.labels = false, .keep = {"id"}}, step_);
  ASSERT_TRUE(applied.ok()) << applied.status();
  ASSERT_EQ(applied->features.names[0], "shop");
  const std::vector<double>& whole = applied->features.columns[0];

  // By hand, of the train part as it was read.
  const Table train = Load("train");
  std::map<double, std::string> shop_of;
  std::map<double, std::string> label_of;
  std::size_t at = rows_.find('\n') + 1;
  for (int i = 0; i < kRows; ++i) {
    const std::size_t end = rows_.find('\n', at);
    const std::string line = rows_.substr(at, end - at);
    const std::size_t comma = line.find(',');
    shop_of[i] = line.substr(comma + 1, 2);
    label_of[i] = line.substr(line.rfind(',') + 1);
    at = end + 1;
  }
  const std::map<double, double> in_train = ById(train, "shop");
  EXPECT_EQ(in_train.size(), 240u);
  std::map<std::string, double> bought;
  std::map<std::string, double> rows;
  double all = 0;
  for (const auto& [id, value] : in_train) {
    rows[shop_of[id]] += 1;
    if (label_of[id] != "yes") continue;
    bought[shop_of[id]] += 1;
    all += 1;
  }
  const auto expected = [&](double id) {
    const std::string& shop = shop_of[id];
    return (bought[shop] + 5 * all / 240) / (rows[shop] + 5);
  };
  for (std::size_t i = 0; i < kRows; ++i) {
    EXPECT_DOUBLE_EQ(whole[i], expected(static_cast<double>(i)));
  }
  // Held-out rows have the same bits as raw rows; training rows have others, several a category.
  for (const char* part : {"validation", "test"}) {
    const std::map<double, double> values = ById(Load(part), "shop");
    EXPECT_EQ(values.size(), 80u);
    for (const auto& [id, value] : values) EXPECT_EQ(value, whole[static_cast<std::size_t>(id)]);
  }
  std::map<std::string, std::set<double>> different;
  for (const auto& [id, value] : in_train) {
    EXPECT_NE(value, whole[static_cast<std::size_t>(id)]);
    different[shop_of[id]].insert(value);
  }
  for (const auto& [shop, values] : different) {
    EXPECT_GT(values.size(), 2u) << shop;
    EXPECT_LE(values.size(), 5u) << shop;
  }

  // A step that applies the transform learns from no row, whatever part it is in.
  FakeStep later("process");
  later.inputs_["data"] = {raw};
  later.inputs_["transform"] = {
      {step_.output_ / "transform", ArtifactType::kTransform, Digest(), "@shops"}};
  for (const Json& split : {Json(), Json{{"train", 0.5}, {"test", 0.5}}}) {
    later.parameters_ = Json::object();
    if (!split.is_null()) later.parameters_["split"] = split;
    later.Reset();
    const auto again = RunProcess(later);
    ASSERT_TRUE(again.ok()) << again.status();
    std::size_t rows_written = 0;
    for (const char* part : {"data", "train", "test"}) {
      if (!std::filesystem::exists(later.output_ / part)) continue;
      const auto table = LoadDataset(later.output_ / part, {}, {});
      ASSERT_TRUE(table.ok()) << table.status();
      for (const auto& [id, value] : ById(*table, "shop")) {
        EXPECT_EQ(value, whole[static_cast<std::size_t>(id)]) << part;
        ++rows_written;
      }
    }
    EXPECT_EQ(rows_written, static_cast<std::size_t>(kRows));
  }
}

TEST_F(EncodeContract, LaterOperationsSeeOutOfFoldValues) {
  step_.AddFile("data", "@shops.csv", rows_);
  const Json transforms = {{{"op", "target"}, {"columns", "shop"}},
                           {{"op", "standard"}, {"columns", "shop"}}};
  ASSERT_TRUE(Run(transforms, {{"train", 0.8}, {"test", 0.2}}).ok());
  const Table train = Load("train");
  double sum = 0;
  double squares = 0;
  for (const double value : train.Find("shop")->numbers) {
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / static_cast<double>(train.rows), 0, 1e-12);
  EXPECT_NEAR(squares / static_cast<double>(train.rows), 1, 1e-12);
}

// Everything but the label's operation gives a row the same bits, read as it was or processed.
TEST_F(EncodeContract, RawRowsGetWhatProcessedRowsHave) {
  const InputArtifact raw = step_.AddFile("data", "@shops.csv", rows_);
  const std::vector<Json> chains = {
      {{{"op", "one_hot"}, {"columns", "shop"}, {"min_share", 0.17}},
       {{"op", "tf_idf"}, {"columns", "note"}, {"ngrams", {1, 2}}, {"max_tokens", 9}},
       {{"op", "polynomial"}, {"columns", {"u", "v"}}, {"degree", 3}}},
      {{{"op", "frequency"}, {"columns", "shop"}},
       {{"op", "bag_of_words"}, {"columns", "note"}, {"values", "log"}},
       {{"op", "pca"},
        {"columns", {{"kind", "numeric"}}},
        {"standardize", true},
        {"variance", 0.9}}},
      {{{"op", "hash"}, {"columns", "shop"}, {"n_columns", 3}},
       {{"op", "hash_text"}, {"columns", "note"}, {"n_columns", 5}, {"norm", "l1"}},
       {{"op", "interactions"}, {"columns", {"u", "v"}}}},
      {{{"op", "categorical"}, {"columns", "shop"}},
       {{"op", "hash_text"}, {"columns", "note"}, {"n_columns", 2}}}};
  for (const Json& transforms : chains) {
    SCOPED_TRACE(DumpJson(transforms));
    const auto outcome = Run(transforms, {{"train", 0.5}, {"test", 0.5}});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    auto transform = Transform::Load(step_.output_ / "transform");
    ASSERT_TRUE(transform.ok()) << transform.status();
    const auto applied = transform->ApplyToRaw(raw, {.labels = false, .keep = {"id"}}, step_);
    ASSERT_TRUE(applied.ok()) << applied.status();
    for (const char* part : {"train", "test"}) {
      const Table table = Load(part);
      for (std::size_t j = 0; j < applied->features.names.size(); ++j) {
        for (const auto& [id, value] : ById(table, applied->features.names[j])) {
          ASSERT_EQ(value, applied->features.columns[j][static_cast<std::size_t>(id)])
              << part << " " << applied->features.names[j];
        }
      }
      EXPECT_EQ(ById(table, applied->features.names[0]).size(), 200u);
    }
  }
}

TEST_F(EncodeContract, ADatasetKeepsTheCategoriesOfCodes) {
  step_.AddFile("data", "@shops.csv", rows_);
  const Json transforms = {{{"op", "drop"}, {"columns", "note"}},
                           {{"op", "categorical"}, {"columns", "shop"}}};
  ASSERT_TRUE(Run(transforms).ok());
  const auto info = ReadDatasetInfo(step_.output_ / "data");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->Find("shop")->kind, ColumnKind::kCategorical);
  EXPECT_EQ(info->Find("shop")->type, ColumnType::kInteger);
  EXPECT_THAT(info->Find("shop")->categories, ElementsAre("s0", "s1", "s2", "s3", "s4", "s5"));
  // Algorithms take the codes as numbers.
  const auto labelled = LoadLabelled(step_.output_ / "data", {});
  ASSERT_TRUE(labelled.ok()) << labelled.status();
  EXPECT_THAT(labelled->features.names, ElementsAre("shop", "u", "v"));
  for (const double code : labelled->features.columns[0]) {
    EXPECT_TRUE(code == std::floor(code) && code >= 0 && code <= 5);
  }
}

TEST_F(EncodeContract, PcaNamesTheCellOfTheFile) {
  step_.AddFile("data", "@a.csv", "x,y\n1,2\n3,\n5,6\n");
  step_.parameters_ = {{"transforms", {{{"op", "pca"}, {"columns", {"x", "y"}}}}}};
  step_.Reset();
  const auto outcome = RunProcess(step_);
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.status().message(),
              testing::HasSubstr("@a.csv: line 3, column 2 (y): the value is missing, which pca "
                                 "cannot use"));
}

}  // namespace
}  // namespace penstock
