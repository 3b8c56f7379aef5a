// What every algorithm promises, run on each that is built in.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

struct Case {
  std::string algorithm;
  int classes = 0;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const Algorithm* algorithm : BuiltIn::Get().algorithms.All()) {
    for (const int classes : {0, 2, 3}) cases.push_back({std::string(algorithm->name()), classes});
  }
  return cases;
}

class AlgorithmTest : public testing::TestWithParam<Case> {
 protected:
  const Algorithm& algorithm() const {
    return *BuiltIn::Get().algorithms.Find(GetParam().algorithm);
  }
  int classes() const { return GetParam().classes; }
  Result<TrainResult> Train(const LabelledData& data, const LabelledData* validation = nullptr) {
    step_.Reset();
    step_.series_.clear();
    step_.asked_ = 0;
    return algorithm().Train(MakeSetup(classes()), data, validation, step_);
  }
  // What model.json tells Load.
  Json ModelJson(const LabelledData& data) const {
    const TrainingSetup setup = MakeSetup(classes());
    return {{"algorithm", algorithm().name()},
            {"version", algorithm().version()},
            {"task", Name(setup.task)},
            {"classes", setup.classes},
            {"positive", classes() == 2 ? Json(setup.classes[1]) : Json()},
            {"features", data.features.names},
            {"hyperparameters", setup.hyperparameters}};
  }
  SeriesStep step_{"train"};
};

// Mean squared error, or the share of rows whose likeliest class is wrong.
double Error(const Predictions& predictions, const std::vector<double>& labels) {
  double sum = 0;
  const size_t width = static_cast<size_t>(predictions.columns);
  for (size_t i = 0; i < labels.size(); ++i) {
    const double* row = predictions.scores.data() + i * width;
    if (predictions.task == Task::kRegression) {
      sum += (row[0] - labels[i]) * (row[0] - labels[i]);
    } else {
      const auto best = std::max_element(row, row + width) - row;
      sum += static_cast<double>(best) == labels[i] ? 0 : 1;
    }
  }
  return sum / static_cast<double>(labels.size());
}

TEST_P(AlgorithmTest, ChoosesTheTaskByTheLabel) {
  const Result<Task> task = algorithm().ChooseTask(Json::object(), classes());
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(*task, MakeSetup(classes()).task);
}

TEST_P(AlgorithmTest, LearnsWhatCanBeLearnt) {
  const LabelledData data = MakeData(2000, classes(), 1);
  const LabelledData fresh = MakeData(1000, classes(), 2);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  Result<Predictions> predictions = trained->model->Predict(fresh.features, 1);
  ASSERT_TRUE(predictions.ok()) << predictions.status();
  ASSERT_EQ(predictions->rows, 1000);
  EXPECT_EQ(predictions->task, MakeSetup(classes()).task);
  EXPECT_EQ(predictions->columns, std::max(1, classes()));
  ASSERT_EQ(predictions->scores.size(), 1000u * std::max(1, classes()));
  // The labels' variance is about 1.9, a constant guess errs on half or a third of the rows.
  EXPECT_LT(Error(*predictions, fresh.labels), classes() == 0 ? 0.06 : 0.12);
  for (const auto& [name, value] : trained->metrics) EXPECT_TRUE(std::isfinite(value)) << name;
}

TEST_P(AlgorithmTest, ProbabilitiesSumToOne) {
  if (classes() == 0) return;
  const LabelledData data = MakeData(500, classes(), 1);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  const Predictions predictions = trained->model->Predict(data.features, 1).value();
  const size_t width = static_cast<size_t>(predictions.columns);
  for (size_t i = 0; i < 500; ++i) {
    double sum = 0;
    for (size_t k = 0; k < width; ++k) {
      const double p = predictions.scores[i * width + k];
      ASSERT_GE(p, 0);
      ASSERT_LE(p, 1);
      sum += p;
    }
    ASSERT_NEAR(sum, 1, 1e-12);
  }
}

TEST_P(AlgorithmTest, LogsACurveThatFallsAndJudgesTheValidationData) {
  const LabelledData data = MakeData(1000, classes(), 1);
  const LabelledData validation = MakeData(300, classes(), 2);
  Result<TrainResult> trained = Train(data, &validation);
  ASSERT_TRUE(trained.ok()) << trained.status();
  int train_curves = 0, validation_metrics = 0;
  for (const auto& [name, values] : step_.series_) {
    ASSERT_FALSE(values.empty());
    const bool of_train = name.starts_with("train_");
    const bool of_validation = name.starts_with("validation_");
    train_curves += of_train ? 1 : 0;
    if (!of_train && !of_validation) continue;  // a solver's own measure
    EXPECT_LE(values.back(), values.front()) << name;
    ASSERT_TRUE(trained->metrics.contains(name)) << name;
    EXPECT_EQ(trained->metrics.at(name), values.back()) << name;
  }
  EXPECT_GE(train_curves, 1);
  for (const auto& [name, value] : trained->metrics) {
    validation_metrics += name.starts_with("validation_") ? 1 : 0;
  }
  EXPECT_GE(validation_metrics, 1);
}

TEST_P(AlgorithmTest, SavedAndLoadedPredictsTheSameBits) {
  const LabelledData data = MakeData(500, classes(), 1);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  ASSERT_TRUE(trained->model->Save(step_.output_).ok());
  Result<std::unique_ptr<Model>> loaded = algorithm().Load(step_.output_, ModelJson(data));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const LabelledData fresh = MakeData(300, classes(), 2);
  EXPECT_EQ((*loaded)->Predict(fresh.features, 1)->scores,
            trained->model->Predict(fresh.features, 1)->scores);
  EXPECT_EQ((*loaded)->FeatureImportance(), trained->model->FeatureImportance());
}

TEST_P(AlgorithmTest, TheSameDataGiveTheSameBytesOnAnyNumberOfThreads) {
  const LabelledData data = MakeData(800, classes(), 1);
  std::map<std::string, std::string> first;
  for (const int threads : {1, 1, 2}) {
    step_.threads_ = threads;
    Result<TrainResult> trained = Train(data);
    ASSERT_TRUE(trained.ok()) << trained.status();
    ASSERT_TRUE(trained->model->Save(step_.output_).ok());
    const auto tree = TreeBytes(step_.output_);
    ASSERT_FALSE(tree.empty());
    if (first.empty()) first = tree;
    EXPECT_EQ(tree, first) << threads;
  }
}

TEST_P(AlgorithmTest, PredictsTheSameBitsOnAnyNumberOfThreads) {
  const LabelledData data = MakeData(500, classes(), 1);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  const LabelledData many = MakeData(40'000, classes(), 2);
  EXPECT_EQ(trained->model->Predict(many.features, 1)->scores,
            trained->model->Predict(many.features, 3)->scores);
}

TEST_P(AlgorithmTest, ScoresOfARowDoNotDependOnItsNeighbours) {
  const LabelledData data = MakeData(500, classes(), 1);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  const Predictions all = trained->model->Predict(data.features, 1).value();
  Features one;
  one.rows = 1;
  one.names = data.features.names;
  for (const auto& column : data.features.columns) one.columns.push_back({column[7]});
  const Predictions single = trained->model->Predict(one, 1).value();
  for (size_t k = 0; k < single.scores.size(); ++k) {
    EXPECT_EQ(single.scores[k], all.scores[7 * single.scores.size() + k]);
  }
}

TEST_P(AlgorithmTest, NoRowsGiveNoPredictions) {
  const LabelledData data = MakeData(200, classes(), 1);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  Features none;
  none.names = data.features.names;
  none.columns.resize(none.names.size());
  const Result<Predictions> predictions = trained->model->Predict(none, 2);
  ASSERT_TRUE(predictions.ok()) << predictions.status();
  EXPECT_EQ(predictions->rows, 0);
  EXPECT_EQ(predictions->columns, std::max(1, classes()));
  EXPECT_TRUE(predictions->scores.empty());
}

TEST_P(AlgorithmTest, StopsWhenCancelled) {
  const LabelledData data = MakeData(2000, classes(), 1);
  step_.cancel_after_ = 1;
  const Result<TrainResult> trained = Train(data);
  ASSERT_FALSE(trained.ok());
  EXPECT_EQ(trained.status().code(), StatusCode::kCancelled);
}

TEST_P(AlgorithmTest, RefusesInfinityNamingTheFeature) {
  LabelledData data = MakeData(100, classes(), 1);
  data.features.columns[1][4] = INFINITY;
  const Result<TrainResult> trained = Train(data);
  ASSERT_FALSE(trained.ok());
  EXPECT_EQ(trained.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(trained.status().message(), testing::HasSubstr("\"y\""));
}

TEST_P(AlgorithmTest, ImportanceNamesFeaturesThatMatter) {
  const LabelledData data = MakeData(1000, classes(), 1);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  const auto importance = trained->model->FeatureImportance();
  if (importance.empty()) return;  // an algorithm may have none
  const auto& names = data.features.names;
  for (const auto& [name, value] : importance) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
    EXPECT_GE(value, 0);
  }
  ASSERT_TRUE(importance.contains("x"));
  if (importance.contains("colour=red")) {
    EXPECT_GT(importance.at("x"), importance.at("colour=red"));
  }
}

TEST_P(AlgorithmTest, AMissingOrDamagedFileIsDataLoss) {
  const LabelledData data = MakeData(200, classes(), 1);
  step_.Reset();
  EXPECT_EQ(algorithm().Load(step_.output_, ModelJson(data)).status().code(),
            StatusCode::kDataLoss);
  Result<TrainResult> trained = Train(data);
  ASSERT_TRUE(trained.ok()) << trained.status();
  ASSERT_TRUE(trained->model->Save(step_.output_).ok());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(step_.output_)) {
    if (entry.is_regular_file()) {
      std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
    }
  }
  EXPECT_EQ(algorithm().Load(step_.output_, ModelJson(data)).status().code(),
            StatusCode::kDataLoss);
}

INSTANTIATE_TEST_SUITE_P(BuiltIn, AlgorithmTest, testing::ValuesIn(Cases()),
                         [](const testing::TestParamInfo<Case>& chosen) {
                           std::string name = chosen.param.algorithm;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + "_" + std::to_string(chosen.param.classes) + "_classes";
                         });

}  // namespace
}  // namespace penstock
