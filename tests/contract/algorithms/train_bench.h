#ifndef PENSTOCK_TESTS_CONTRACT_ALGORITHMS_TRAIN_BENCH_H_
#define PENSTOCK_TESTS_CONTRACT_ALGORITHMS_TRAIN_BENCH_H_

// Small learnable data, and the built-in steps run on them without a worker.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "steps/api/model.h"
#include "steps/registry.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {

// All that is built in, filled once.
struct BuiltIn {
  AlgorithmRegistry algorithms;
  StepRegistry steps;

  static const BuiltIn& Get() {
    static const BuiltIn* const built_in = [] {
      auto* made = new BuiltIn;
      RegisterBuiltInSteps(made->steps, made->algorithms);
      return made;
    }();
    return *built_in;
  }
};

// A step that also keeps its metric series.
class SeriesStep : public FakeStep {
 public:
  using FakeStep::FakeStep;
  void LogMetric(std::string_view name, int64_t index, double value) override {
    std::vector<double>& values = series_[std::string(name)];
    EXPECT_EQ(index, static_cast<int64_t>(values.size())) << name;
    values.push_back(value);
  }
  Result<StepOutcome> Run() {
    Reset();
    series_.clear();
    asked_ = 0;
    const std::string key = algorithm_.empty() ? type_ : type_ + "/" + algorithm_;
    const StepFunction* function = BuiltIn::Get().steps.Find(key);
    if (function == nullptr) return NotFound("no step " + key);
    return (*function)(*this);
  }

  std::map<std::string, std::vector<double>> series_;
};

// Rows x, y, colour -> a label that depends on all three, with some noise. `classes` 0: a number.
inline LabelledData MakeData(int64_t rows, int classes, uint64_t seed) {
  SeededRandom random(seed);
  LabelledData data;
  data.features.rows = rows;
  data.features.names = {"x", "y", "colour=red", "colour=green", "colour=blue"};
  data.features.columns.resize(5);
  for (int64_t i = 0; i < rows; ++i) {
    const double x = 2 * random.NextDouble() - 1;
    const double y = 2 * random.NextDouble() - 1;
    const size_t colour = random.Next() % 3;
    data.features.columns[0].push_back(x);
    data.features.columns[1].push_back(y);
    for (size_t k = 0; k < 3; ++k) data.features.columns[2 + k].push_back(k == colour ? 1 : 0);
    const double score = 2 * x - y + (colour == 1 ? 1.0 : 0) + 0.4 * (random.NextDouble() - 0.5);
    if (classes == 0) {
      data.labels.push_back(score);
    } else if (classes == 2) {
      data.labels.push_back(score > 0 ? 1 : 0);
    } else {
      data.labels.push_back(score < -0.7 ? 0 : score > 0.7 ? 2 : 1);
    }
  }
  return data;
}

inline TrainingSetup MakeSetup(int classes) {
  TrainingSetup setup;
  setup.task = classes == 0 ? Task::kRegression : classes == 2 ? Task::kBinary : Task::kMulticlass;
  for (int k = 0; k < classes; ++k) setup.classes.push_back("class " + std::to_string(k));
  if (classes == 2) setup.positive_index = 1;
  setup.hyperparameters = Json::object();
  return setup;
}

// The same kind of data as a CSV file with a header.
inline std::string MakeCsv(int64_t rows, uint64_t seed, bool label = true) {
  SeededRandom random(seed);
  std::string csv = label ? "id,x,y,colour,bought\n" : "id,x,y,colour\n";
  const char* const colours[] = {"red", "green", "blue"};
  for (int64_t i = 0; i < rows; ++i) {
    const double x = std::floor(random.NextDouble() * 2000) / 1000 - 1;
    const double y = std::floor(random.NextDouble() * 2000) / 1000 - 1;
    const size_t colour = random.Next() % 3;
    const double score = 2 * x - y + (colour == 1 ? 1.0 : 0) + 0.4 * (random.NextDouble() - 0.5);
    csv += "r" + std::to_string(i) + "," + (i % 17 == 3 ? "" : std::to_string(x)) + "," +
           std::to_string(y) + "," + colours[colour];
    if (label) csv += score > 0 ? ",yes" : ",no";
    csv += "\n";
  }
  return csv;
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_CONTRACT_ALGORITHMS_TRAIN_BENCH_H_
