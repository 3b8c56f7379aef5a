#ifndef PENSTOCK_STEPS_API_MODEL_H_
#define PENSTOCK_STEPS_API_MODEL_H_

// What every algorithm gives to `evaluate` and `predict`, and the shape of data that it learns
// from. Algorithms implement Algorithm and Model; nobody else knows their files.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

enum class Task { kBinary, kMulticlass, kRegression };
// "binary_classification", "multiclass_classification", "regression".
std::string_view Name(Task task);

// A dense block of features. Row-major float32 or float64 would double either memory or error:
// features are float64 here, column-major, and each algorithm takes what it needs. NaN is missing.
struct Features {
  int64_t rows = 0;
  std::vector<std::string> names;            // one a column
  std::vector<std::vector<double>> columns;  // columns[j][i], each of `rows`
};

// What supervised algorithms train on.
struct LabelledData {
  Features features;
  std::vector<double> labels;   // class index for classification, the value for regression
  std::vector<double> weights;  // empty: all 1
};

// Predictions of `rows` rows. Classification: `scores` is row-major rows × classes, probabilities
// that sum to 1 (binary too: two columns, the positive class at `positive_index`). Regression:
// rows × 1, values.
struct Predictions {
  Task task = Task::kRegression;
  int64_t rows = 0;
  int columns = 1;
  std::vector<double> scores;
  // Classification: false where only the classes are known; each then has a score of 1.
  bool probabilities = true;
};

// What training knows besides the numbers.
struct TrainingSetup {
  Task task = Task::kRegression;
  std::vector<std::string> classes;  // empty for regression
  int positive_index = -1;           // binary: index into classes
  Json hyperparameters;              // resolved, with defaults
};

// A trained model in memory. Thread-safe for const use.
class Model {
 public:
  virtual ~Model() = default;
  // `features` has the columns that the model was trained on, in that order (the caller checks).
  // `threads` >= 1.
  virtual Result<Predictions> Predict(const Features& features, int threads) const = 0;
  // Importance by feature where the algorithm has one (gain for trees, |coefficient| × spread for
  // linear models), else empty.
  virtual std::map<std::string, double> FeatureImportance() const = 0;
  // Writes the algorithm's own files into `folder` (not model.json, which the caller writes).
  virtual Status Save(const std::filesystem::path& folder) const = 0;
};

struct TrainResult {
  std::unique_ptr<Model> model;
  std::map<std::string, double> metrics;  // final scalars: "train_loss", "best_iteration" …
};

// One algorithm. Stateless and thread-safe.
class Algorithm {
 public:
  virtual ~Algorithm() = default;
  virtual std::string_view name() const = 0;     // "xgboost"
  virtual std::string_view version() const = 0;  // raised when results change
  // Which task the hyperparameters and the label's kind mean; kInvalidArgument when they do not
  // fit each other ("objective binary:logistic needs 2 classes, the label has 5").
  virtual Result<Task> ChooseTask(const Json& hyperparameters, int class_count) const = 0;
  // `validation` may be null. Logs curves and progress through `context` and stops with kCancelled.
  virtual Result<TrainResult> Train(const TrainingSetup& setup, const LabelledData& train,
                                    const LabelledData* validation, StepContext& context) const = 0;
  // Reads what Model::Save wrote. `model_json` is the model's model.json. kDataLoss: a file is
  // absent or damaged.
  virtual Result<std::unique_ptr<Model>> Load(const std::filesystem::path& folder,
                                              const Json& model_json) const = 0;
};

// Algorithms by name. Filled once in main; registering a name twice aborts.
class AlgorithmRegistry {
 public:
  void Register(std::unique_ptr<Algorithm> algorithm);
  // nullptr when unknown.
  const Algorithm* Find(std::string_view name) const;
  std::vector<const Algorithm*> All() const;

 private:
  std::map<std::string, std::unique_ptr<Algorithm>, std::less<>> algorithms_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_API_MODEL_H_
