#include "steps/algorithms/xgboost/xgboost.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "steps/algorithms/xgboost/curves.h"
#include "steps/algorithms/xgboost/objective.h"
#include "steps/xgb/xgb.h"

namespace penstock {
namespace {

// Raised when the same data and hyperparameters give another model.
constexpr char kVersion[] = "1";

// Hyperparameters that go to XGBoost as they are, under the same name.
constexpr const char* kPassedOn[] = {"max_depth",
                                     "max_leaves",
                                     "eta",
                                     "gamma",
                                     "min_child_weight",
                                     "max_delta_step",
                                     "subsample",
                                     "colsample_bytree",
                                     "colsample_bylevel",
                                     "colsample_bynode",
                                     "lambda",
                                     "alpha",
                                     "tree_method",
                                     "grow_policy",
                                     "max_bin",
                                     "scale_pos_weight",
                                     "base_score",
                                     "seed",
                                     "num_parallel_tree",
                                     "tweedie_variance_power",
                                     "huber_slope"};

class XgboostModel : public Model {
 public:
  XgboostModel(xgb::Booster booster, Task task, int class_count, int positive_index,
               std::vector<std::string> features)
      : booster_(std::move(booster)),
        task_(task),
        class_count_(class_count),
        positive_index_(positive_index),
        features_(std::move(features)) {}

  Result<Predictions> Predict(const Features& features, int threads) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<float> scores, booster_.Predict(features, threads));
    Predictions predictions;
    predictions.task = task_;
    predictions.rows = features.rows;
    const size_t rows = static_cast<size_t>(features.rows);
    predictions.columns = std::max(1, class_count_);
    if (rows == 0) return predictions;
    const size_t width = scores.size() / rows;
    if (task_ == Task::kRegression) {
      predictions.scores.assign(scores.begin(), scores.end());
      return predictions;
    }
    if (width == 1) {  // binary: the probability of the positive class
      predictions.scores.resize(2 * rows);
      const size_t positive = positive_index_ == 0 ? 0 : 1;
      for (size_t i = 0; i < rows; ++i) {
        const double p = scores[i];
        predictions.scores[2 * i + positive] = p;
        predictions.scores[2 * i + 1 - positive] = 1.0 - p;
      }
      return predictions;
    }
    // float32 probabilities sum to 1 within 1e-7; in double they can do better.
    predictions.scores.resize(scores.size());
    for (size_t i = 0; i < rows; ++i) {
      double sum = 0;
      for (size_t k = 0; k < width; ++k) sum += scores[i * width + k];
      for (size_t k = 0; k < width; ++k) {
        predictions.scores[i * width + k] = scores[i * width + k] / sum;
      }
    }
    return predictions;
  }

  std::map<std::string, double> FeatureImportance() const override {
    std::map<std::string, double> importance;
    const Result<std::map<int, double>> gains = booster_.GainByFeature();
    if (!gains.ok()) return importance;
    for (const auto& [position, gain] : *gains) {
      const size_t index = static_cast<size_t>(position);
      if (index < features_.size()) importance[features_[index]] = gain;
    }
    return importance;
  }

  Status Save(const std::filesystem::path& folder) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string bytes, booster_.Save(xgb::Booster::Format::kUbj));
    const std::filesystem::path path = folder / kXgboostModelFile;
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) return ErrnoStatus(errno, "cannot write " + path.string());
    return Status::Ok();
  }

 private:
  xgb::Booster booster_;
  Task task_;
  int class_count_;  // 0 for regression
  int positive_index_;
  std::vector<std::string> features_;
};

std::string AsParameter(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return FormatDouble(value.get<double>());
  return DumpJson(value);
}

// What a training works on, in the order of its steps.
class Training {
 public:
  Training(const TrainingSetup& setup, const LabelledData& train, const LabelledData* validation,
           StepContext& context)
      : setup_(setup), train_(train), validation_(validation), context_(context) {}

  Result<TrainResult> Run() {
    PENSTOCK_RETURN_IF_ERROR(Prepare());
    std::vector<const xgb::Matrix*> matrices;
    for (const xgb::Matrix& matrix : matrices_) matrices.push_back(&matrix);
    PENSTOCK_ASSIGN_OR_RETURN(xgb::Booster booster, xgb::Booster::Create(matrices));
    PENSTOCK_RETURN_IF_ERROR(Configure(booster));
    const Curves curves(metrics_, curve_data_);
    PENSTOCK_RETURN_IF_ERROR(curves.Configure(
        booster, JsonDouble(setup_.hyperparameters, "tweedie_variance_power", 1.5)));
    PENSTOCK_RETURN_IF_ERROR(Boost(booster, curves));
    return Finish(std::move(booster));
  }

 private:
  // Labels as XGBoost wants them: 1 for the positive class, whatever its index.
  std::vector<double> LabelsOf(const LabelledData& data) const {
    if (!binary_logistic_) return data.labels;
    std::vector<double> labels;
    labels.reserve(data.labels.size());
    const double positive = setup_.positive_index == 0 ? 0.0 : 1.0;
    for (const double label : data.labels) labels.push_back(label == positive ? 1.0 : 0.0);
    return labels;
  }

  Status Prepare() {
    PENSTOCK_ASSIGN_OR_RETURN(objective_,
                              ResolveObjective(JsonString(setup_.hyperparameters, "objective"),
                                               static_cast<int>(setup_.classes.size())));
    binary_logistic_ = objective_->name == "binary:logistic";
    rounds_ = static_cast<int>(JsonInt(setup_.hyperparameters, "num_round", 100));
    patience_ = static_cast<int>(JsonInt(setup_.hyperparameters, "early_stopping_rounds", 0));
    if (patience_ > 0 && validation_ == nullptr) {
      return InvalidArgument(
          "early_stopping_rounds needs the input `validation`; bind it, or set "
          "early_stopping_rounds to null");
    }
    PENSTOCK_RETURN_IF_ERROR(ChooseMetrics());
    drop_zeros_ = xgb::IndicatorColumns(train_.features);
    if (std::find(drop_zeros_.begin(), drop_zeros_.end(), true) == drop_zeros_.end()) {
      drop_zeros_.clear();
    }
    // Both vectors are referred to by curve_data_.
    matrices_.reserve(2);
    labels_.reserve(2);
    PENSTOCK_RETURN_IF_ERROR(AddData("train", train_));
    if (validation_ != nullptr) PENSTOCK_RETURN_IF_ERROR(AddData("validation", *validation_));
    return Status::Ok();
  }

  Status ChooseMetrics() {
    std::vector<std::string> names;
    const Json& wanted = JsonMember(setup_.hyperparameters, "eval_metric");
    if (wanted.is_string()) {
      names.push_back(wanted.get<std::string>());
    } else if (wanted.is_array()) {
      for (const Json& name : wanted) {
        if (name.is_string()) names.push_back(name.get<std::string>());
      }
    }
    if (names.empty()) {
      names.emplace_back(objective_->default_metric);
    }
    for (const std::string& name : names) {
      // Softmax over two classes has two columns of scores, which binary metrics do not read.
      const Task task =
          setup_.task == Task::kBinary && !binary_logistic_ ? Task::kMulticlass : setup_.task;
      PENSTOCK_ASSIGN_OR_RETURN(const XgboostMetric* metric, ResolveMetric(name, task));
      if (std::find(metrics_.begin(), metrics_.end(), metric) == metrics_.end()) {
        metrics_.push_back(metric);
      }
    }
    return Status::Ok();
  }

  Status AddData(const std::string& name, const LabelledData& data) {
    if (!objective_->classification) {
      if (Status labels = CheckLabels(*objective_, data.labels); !labels.ok()) {
        return labels.WithContext(name);
      }
    }
    Result<xgb::Matrix> matrix = xgb::Matrix::Create(
        data.features, {.threads = context_.threads(), .drop_zeros = drop_zeros_});
    if (!matrix.ok()) return matrix.status().WithContext(name);
    labels_.push_back(LabelsOf(data));
    PENSTOCK_RETURN_IF_ERROR(matrix->SetLabels(labels_.back()));
    if (!data.weights.empty()) PENSTOCK_RETURN_IF_ERROR(matrix->SetWeights(data.weights));
    matrices_.push_back(std::move(*matrix));
    curve_data_.push_back({name, &matrices_.back(), labels_.back(), data.weights});
    return Status::Ok();
  }

  Status Configure(xgb::Booster& booster) const {
    const Json& given = setup_.hyperparameters;
    const std::string objective(objective_->name == "multi:softmax" ? "multi:softprob"
                                                                    : objective_->name);
    PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("objective", objective));
    if (objective_->classification && !binary_logistic_) {
      PENSTOCK_RETURN_IF_ERROR(
          booster.SetParameter("num_class", std::to_string(setup_.classes.size())));
    }
    PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("nthread", std::to_string(context_.threads())));
    PENSTOCK_RETURN_IF_ERROR(booster.SetFeatureNames(train_.features.names));
    if (!given.contains("tree_method")) {
      PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("tree_method", "hist"));
    }
    for (const char* name : kPassedOn) {
      const Json& value = JsonMember(given, name);
      if (value.is_null()) continue;
      PENSTOCK_RETURN_IF_ERROR(booster.SetParameter(name, AsParameter(value)));
    }
    return Status::Ok();
  }

  Status Boost(xgb::Booster& booster, const Curves& curves) {
    double best = 0;
    for (int round = 0; round < rounds_; ++round) {
      if (context_.cancelled()) {
        return Cancelled("cancelled in round " + std::to_string(round + 1) + " of " +
                         std::to_string(rounds_));
      }
      PENSTOCK_RETURN_IF_ERROR(booster.Update(round, matrices_.front()));
      PENSTOCK_ASSIGN_OR_RETURN(last_, curves.Evaluate(booster, round));
      for (size_t d = 0; d < curves.data().size(); ++d) {
        for (size_t m = 0; m < curves.metrics().size(); ++m) {
          context_.LogMetric(Key(d, m), round, last_[d][m]);
        }
      }
      // The last metric on the last data decides, as in XGBoost's own tools.
      const double value = last_.back().back();
      const bool better = round == 0 || (metrics_.back()->maximise ? value > best : value < best);
      if (better) {
        best = value;
        best_round_ = round;
        best_values_ = last_;
      }
      rounds_done_ = round + 1;
      const bool patient = patience_ == 0 || round - best_round_ < patience_;
      // About ten lines, however many rounds.
      if (rounds_done_ % ((rounds_ + 9) / 10) == 0 || rounds_done_ == rounds_ || !patient) {
        context_.Log(Line(round, last_));
      }
      context_.SetProgress(static_cast<double>(round + 1) / rounds_,
                           "round " + std::to_string(round + 1) + " of " + std::to_string(rounds_) +
                               ", " + Key(last_.size() - 1, metrics_.size() - 1) + " " +
                               FormatDouble(std::round(value * 1e5) / 1e5));
      if (!patient) {
        context_.Log("stopped early after round " + std::to_string(round + 1) + ": " +
                     Key(last_.size() - 1, metrics_.size() - 1) + " was best in round " +
                     std::to_string(best_round_ + 1) + ", which is kept");
        break;
      }
    }
    if (best_round_ + 1 < rounds_done_) context_.Log("best: " + Line(best_round_, best_values_));
    return Status::Ok();
  }

  // "round 10 of 100: train_logloss 0.41234, validation_logloss 0.45678".
  std::string Line(int round, const std::vector<std::vector<double>>& values) const {
    std::string line = "round " + std::to_string(round + 1) + " of " + std::to_string(rounds_);
    for (size_t d = 0; d < values.size(); ++d) {
      for (size_t m = 0; m < metrics_.size(); ++m) {
        line += (d + m == 0 ? ": " : ", ") + Key(d, m) + " " +
                FormatDouble(std::round(values[d][m] * 1e5) / 1e5);
      }
    }
    return line;
  }

  Result<TrainResult> Finish(xgb::Booster booster) {
    if (patience_ > 0 && best_round_ + 1 < rounds_done_) {
      PENSTOCK_ASSIGN_OR_RETURN(booster, booster.FirstRounds(best_round_ + 1));
    }
    if (!drop_zeros_.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(booster, xgb::MendIndicatorSplits(booster, drop_zeros_));
    }
    // A booster that is loaded again refers to no matrix of this training.
    PENSTOCK_ASSIGN_OR_RETURN(const std::string bytes, booster.Save(xgb::Booster::Format::kUbj));
    PENSTOCK_ASSIGN_OR_RETURN(xgb::Booster free_booster, xgb::Booster::Load(bytes));
    TrainResult result;
    const auto& values = patience_ > 0 ? best_values_ : last_;
    for (size_t d = 0; d < values.size(); ++d) {
      for (size_t m = 0; m < metrics_.size(); ++m) result.metrics[Key(d, m)] = values[d][m];
    }
    result.metrics["rounds"] = rounds_done_;
    result.metrics["best_iteration"] = best_round_;
    result.model = std::make_unique<XgboostModel>(std::move(free_booster), setup_.task,
                                                  static_cast<int>(setup_.classes.size()),
                                                  setup_.positive_index, train_.features.names);
    return result;
  }

  std::string Key(size_t data, size_t metric) const {
    return curve_data_[data].name + "_" + MetricKey(metrics_[metric]->name);
  }

  const TrainingSetup& setup_;
  const LabelledData& train_;
  const LabelledData* validation_;
  StepContext& context_;

  const XgboostObjective* objective_ = nullptr;
  bool binary_logistic_ = false;
  int rounds_ = 0;
  int patience_ = 0;  // 0: no early stopping
  std::vector<const XgboostMetric*> metrics_;
  std::vector<bool> drop_zeros_;  // empty: nothing is left out
  std::vector<xgb::Matrix> matrices_;
  std::vector<std::vector<double>> labels_;
  std::vector<CurveData> curve_data_;

  int rounds_done_ = 0;
  int best_round_ = 0;
  std::vector<std::vector<double>> last_;
  std::vector<std::vector<double>> best_values_;
};

class Xgboost : public Algorithm {
 public:
  std::string_view name() const override { return "xgboost"; }
  std::string_view version() const override { return kVersion; }

  Result<Task> ChooseTask(const Json& hyperparameters, int class_count) const override {
    PENSTOCK_ASSIGN_OR_RETURN(
        const XgboostObjective* objective,
        ResolveObjective(JsonString(hyperparameters, "objective"), class_count));
    if (!objective->classification) return Task::kRegression;
    return class_count == 2 ? Task::kBinary : Task::kMulticlass;
  }

  Result<TrainResult> Train(const TrainingSetup& setup, const LabelledData& train,
                            const LabelledData* validation, StepContext& context) const override {
    return Training(setup, train, validation, context).Run();
  }

  Result<std::unique_ptr<Model>> Load(const std::filesystem::path& folder,
                                      const Json& model_json) const override {
    const std::filesystem::path path = folder / kXgboostModelFile;
    std::ifstream file(path, std::ios::binary);
    if (!file) return DataLoss("the model has no file " + std::string(kXgboostModelFile));
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    PENSTOCK_ASSIGN_OR_RETURN(xgb::Booster booster, xgb::Booster::Load(bytes));
    std::vector<std::string> features;
    for (const Json& name : JsonMember(model_json, "features")) {
      if (name.is_string()) features.push_back(name.get<std::string>());
    }
    const Json& classes = JsonMember(model_json, "classes");
    const Json& positive = JsonMember(model_json, "positive");
    const size_t class_count = classes.is_array() ? classes.size() : 0;
    const Task task = class_count == 0   ? Task::kRegression
                      : class_count == 2 ? Task::kBinary
                                         : Task::kMulticlass;
    int positive_index = -1;
    for (size_t i = 0; i < class_count; ++i) {
      if (classes[i] == positive) positive_index = static_cast<int>(i);
    }
    return std::unique_ptr<Model>(
        std::make_unique<XgboostModel>(std::move(booster), task, static_cast<int>(class_count),
                                       positive_index, std::move(features)));
  }
};

}  // namespace

std::unique_ptr<Algorithm> MakeXgboost() {
  return std::make_unique<Xgboost>();
}

}  // namespace penstock
