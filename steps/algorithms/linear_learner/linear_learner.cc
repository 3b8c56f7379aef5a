#include "steps/algorithms/linear_learner/linear_learner.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "steps/algorithms/linear_learner/solver.h"

namespace penstock {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Raised when the same data and hyperparameters give another model.
constexpr char kVersion[] = "1";

Loss LossOf(Task task) {
  switch (task) {
    case Task::kBinary:
      return Loss::kLogistic;
    case Task::kMulticlass:
      return Loss::kMultinomial;
    case Task::kRegression:
      return Loss::kSquared;
  }
  return Loss::kSquared;
}

std::vector<double> ToVector(const MatrixXd& matrix, Eigen::Index column) {
  return {matrix.col(column).data(), matrix.col(column).data() + matrix.rows()};
}

class LinearModel : public Model {
 public:
  Task task = Task::kRegression;
  int positive_index = -1;
  std::vector<std::string> features;
  MatrixXd coefficients;  // raw units: features × outputs
  VectorXd intercepts;
  MatrixXd standardised;  // the same in units of standard deviations
  VectorXd means;
  VectorXd scales;

  Result<Predictions> Predict(const Features& data, int threads) const override {
    static_cast<void>(threads);
    PENSTOCK_RETURN_IF_ERROR(CheckMissing(data));
    MatrixXd scores = intercepts.transpose().replicate(data.rows, 1);
    for (std::size_t j = 0; j < data.columns.size(); ++j) {
      const Eigen::Map<const VectorXd> column(data.columns[j].data(), data.rows);
      for (Eigen::Index k = 0; k < scores.cols(); ++k) {
        const double weight = coefficients(static_cast<Eigen::Index>(j), k);
        if (weight != 0) scores.col(k) += weight * column;
      }
    }
    Predictions predictions;
    predictions.task = task;
    predictions.rows = data.rows;
    if (task == Task::kBinary) {
      predictions.columns = 2;
      predictions.scores.resize(static_cast<std::size_t>(data.rows) * 2);
      const std::size_t positive = positive_index == 0 ? 0 : 1;
      for (Eigen::Index i = 0; i < data.rows; ++i) {
        const double z = scores(i, 0);
        const double p = z >= 0 ? 1 / (1 + std::exp(-z)) : std::exp(z) / (1 + std::exp(z));
        predictions.scores[2 * static_cast<std::size_t>(i) + positive] = p;
        predictions.scores[2 * static_cast<std::size_t>(i) + 1 - positive] = 1 - p;
      }
      return predictions;
    }
    if (task == Task::kMulticlass) Softmax(scores);
    predictions.columns = static_cast<int>(scores.cols());
    const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = scores;
    predictions.scores.assign(rows.data(), rows.data() + rows.size());
    return predictions;
  }

  static Status CheckMissing(const Features& data) {
    for (std::size_t j = 0; j < data.columns.size(); ++j) {
      for (std::size_t i = 0; i < data.columns[j].size(); ++i) {
        if (std::isfinite(data.columns[j][i])) continue;
        return InvalidArgument("column \"" + data.names[j] + "\" has no value in row " +
                               std::to_string(i + 1) +
                               ", and linear-learner cannot leave it out; add an impute transform "
                               "to the process step");
      }
    }
    return Status::Ok();
  }

  std::map<std::string, double> FeatureImportance() const override {
    std::map<std::string, double> importance;
    for (std::size_t j = 0; j < features.size(); ++j) {
      importance[features[j]] = standardised.row(static_cast<Eigen::Index>(j)).cwiseAbs().mean();
    }
    return importance;
  }

  Status Save(const std::filesystem::path& folder) const override {
    Json json{{"format", "penstock-linear/1"},        {"task", std::string(Name(task))},
              {"positive_index", positive_index},     {"features", features},
              {"means", ToVector(means, 0)},          {"scales", ToVector(scales, 0)},
              {"intercepts", ToVector(intercepts, 0)}};
    for (Eigen::Index k = 0; k < coefficients.cols(); ++k) {
      json["coefficients"].push_back(ToVector(coefficients, k));
      json["standardised"].push_back(ToVector(standardised, k));
    }
    return WriteFileAtomic(folder / kLinearModelFile, DumpJson(json) + "\n");
  }
};

Result<VectorXd> ReadVector(const Json& json, std::size_t size) {
  if (!json.is_array() || json.size() != size) return DataLoss("linear.json is damaged");
  VectorXd vector(static_cast<Eigen::Index>(size));
  for (std::size_t i = 0; i < size; ++i) {
    if (!json[i].is_number()) return DataLoss("linear.json is damaged");
    vector[static_cast<Eigen::Index>(i)] = json[i].get<double>();
  }
  return vector;
}

Result<MatrixXd> ReadMatrix(const Json& json, std::size_t rows) {
  if (!json.is_array() || json.empty()) return DataLoss("linear.json is damaged");
  MatrixXd matrix(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(json.size()));
  for (std::size_t k = 0; k < json.size(); ++k) {
    PENSTOCK_ASSIGN_OR_RETURN(const VectorXd column, ReadVector(json[k], rows));
    matrix.col(static_cast<Eigen::Index>(k)) = column;
  }
  return matrix;
}

// Mean and standard deviation of each column, by weight; a constant column has the scale 1.
void Standardise(const Features& data, const VectorXd& weights, bool wanted, LinearModel& model) {
  const auto width = static_cast<Eigen::Index>(data.columns.size());
  model.means = VectorXd::Zero(width);
  model.scales = VectorXd::Ones(width);
  if (!wanted) return;
  const double total = weights.sum();
  for (Eigen::Index j = 0; j < width; ++j) {
    const Eigen::Map<const VectorXd> column(data.columns[static_cast<std::size_t>(j)].data(),
                                            data.rows);
    const double mean = weights.dot(column) / total;
    const double variance = (weights.array() * (column.array() - mean).square()).sum() / total;
    model.means[j] = mean;
    if (variance > 1e-20 * std::max(1.0, mean * mean)) model.scales[j] = std::sqrt(variance);
  }
}

MatrixXd Design(const Features& data, const LinearModel& model, bool intercept) {
  const auto width = static_cast<Eigen::Index>(data.columns.size());
  MatrixXd design(data.rows, width + (intercept ? 1 : 0));
  for (Eigen::Index j = 0; j < width; ++j) {
    const Eigen::Map<const VectorXd> column(data.columns[static_cast<std::size_t>(j)].data(),
                                            data.rows);
    design.col(j) = (column.array() - model.means[j]) / model.scales[j];
  }
  if (intercept) design.col(width).setOnes();
  return design;
}

VectorXd Weights(const LabelledData& data, const TrainingSetup& setup) {
  VectorXd weights = VectorXd::Ones(data.features.rows);
  if (!data.weights.empty()) {
    weights = Eigen::Map<const VectorXd>(data.weights.data(), data.features.rows);
  }
  if (JsonString(setup.hyperparameters, "class_weight") != "balanced" ||
      setup.task == Task::kRegression) {
    return weights;
  }
  std::vector<double> by_class(setup.classes.size(), 0.0);
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    by_class[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(i)])] += weights[i];
  }
  const double share = weights.sum() / static_cast<double>(by_class.size());
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    const double of_class =
        by_class[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(i)])];
    if (of_class > 0) weights[i] *= share / of_class;
  }
  return weights;
}

VectorXd Target(const LabelledData& data, const TrainingSetup& setup) {
  VectorXd target = Eigen::Map<const VectorXd>(data.labels.data(), data.features.rows);
  if (setup.task == Task::kBinary) {
    const double positive = setup.positive_index == 0 ? 0 : 1;
    target = (target.array() == positive).cast<double>();
  }
  return target;
}

// From standardised to raw units: w / scale, and the intercept takes the means.
void ToRaw(const MatrixXd& solution, bool intercept, LinearModel& model) {
  const Eigen::Index width = model.means.size();
  model.standardised = solution.topRows(width);
  model.coefficients = model.standardised.array().colwise() / model.scales.array();
  model.intercepts = intercept ? VectorXd(solution.row(width).transpose())
                               : VectorXd(VectorXd::Zero(solution.cols()));
  model.intercepts -= model.coefficients.transpose() * model.means;
}

class LinearLearner : public Algorithm {
 public:
  std::string_view name() const override { return "linear-learner"; }
  std::string_view version() const override { return kVersion; }

  Result<Task> ChooseTask(const Json& hyperparameters, int class_count) const override {
    const std::string objective = JsonString(hyperparameters, "objective", "auto");
    const Task natural = class_count == 0   ? Task::kRegression
                         : class_count == 2 ? Task::kBinary
                                            : Task::kMulticlass;
    if (class_count == 1) {
      return InvalidArgument("the label has one class only: there is nothing to tell apart");
    }
    const bool fits = objective == "auto" || (objective == "linear" && class_count == 0) ||
                      (objective == "logistic" && class_count == 2) ||
                      (objective == "multinomial" && class_count >= 2);
    if (!fits) {
      return InvalidArgument(
          "objective " + objective + " does not fit the label, which " +
          (class_count == 0 ? std::string("is a number (use linear or auto)")
                            : "has " + std::to_string(class_count) + " classes (use " +
                                  (class_count == 2 ? "logistic" : "multinomial") + " or auto)"));
    }
    return natural;
  }

  Result<TrainResult> Train(const TrainingSetup& setup, const LabelledData& train,
                            const LabelledData* validation, StepContext& context) const override {
    if (train.features.rows == 0) return InvalidArgument("there are no rows to learn from");
    PENSTOCK_RETURN_IF_ERROR(LinearModel::CheckMissing(train.features));
    const Json& parameters = setup.hyperparameters;
    const bool intercept = JsonBool(parameters, "fit_intercept", true);
    auto model = std::make_unique<LinearModel>();
    model->task = setup.task;
    model->positive_index = setup.positive_index;
    model->features = train.features.names;
    const VectorXd weights = Weights(train, setup);
    const VectorXd target = Target(train, setup);
    Standardise(train.features, weights, JsonBool(parameters, "standardize", true), *model);
    const MatrixXd design = Design(train.features, *model, intercept);

    LinearProblem problem;
    problem.loss = LossOf(setup.task);
    problem.design = &design;
    problem.target = &target;
    problem.weights = &weights;
    problem.classes = setup.task == Task::kMulticlass ? static_cast<int>(setup.classes.size()) : 1;
    problem.intercept = intercept;
    problem.c = JsonDouble(parameters, "C", 1);
    problem.l1_ratio = JsonDouble(parameters, "l1_ratio", 0);
    problem.tolerance = JsonDouble(parameters, "tolerance", 1e-9);
    problem.max_iterations = static_cast<int>(JsonInt(parameters, "max_iterations", 1000));
    problem.progress = [&](int iteration, double loss, double gradient) {
      context.LogMetric("train_loss", iteration, loss);
      context.LogMetric("gradient", iteration, gradient);
      context.SetProgress(0, "iteration " + std::to_string(iteration) + ", loss " +
                                 FormatDouble(std::round(loss * 1e6) / 1e6));
      return !context.cancelled();
    };
    const LinearSolution solution = SolveLinear(problem);
    if (solution.stopped) return Cancelled("cancelled");
    if (!solution.converged) {
      context.Log("warning: not converged after " + std::to_string(solution.iterations) +
                  " iterations; raise max_iterations, or tolerance, or lower C");
    }
    ToRaw(solution.coefficients, intercept, *model);

    TrainResult result;
    result.metrics["iterations"] = solution.iterations;
    result.metrics["converged"] = solution.converged ? 1 : 0;
    result.metrics["train_loss"] = solution.mean_loss;
    result.metrics["objective"] = solution.objective;
    if (validation != nullptr && validation->features.rows > 0) {
      PENSTOCK_RETURN_IF_ERROR(LinearModel::CheckMissing(validation->features));
      const MatrixXd scores =
          Design(validation->features, *model, intercept) * solution.coefficients;
      result.metrics["validation_loss"] =
          MeanLoss(problem.loss, scores, Target(*validation, setup), Weights(*validation, setup));
    }
    result.model = std::move(model);
    return result;
  }

  Result<std::unique_ptr<Model>> Load(const std::filesystem::path& folder,
                                      const Json& model_json) const override {
    static_cast<void>(model_json);
    const Result<std::string> text = ReadFile(folder / kLinearModelFile, int64_t{1} << 30);
    if (!text.ok()) return DataLoss(text.status().message());
    const Result<Json> parsed =
        ParseJson(*text, {.max_bytes = std::size_t{1} << 30, .max_depth = 8});
    if (!parsed.ok()) {
      return DataLoss(std::string(kLinearModelFile) + ": " + parsed.status().message());
    }
    const Json& json = *parsed;
    auto model = std::make_unique<LinearModel>();
    const std::string task = JsonString(json, "task");
    for (const Task known : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
      if (Name(known) == task) model->task = known;
    }
    model->positive_index = static_cast<int>(JsonInt(json, "positive_index", -1));
    for (const Json& name : JsonMember(json, "features")) {
      if (name.is_string()) model->features.push_back(name.get<std::string>());
    }
    const std::size_t width = model->features.size();
    PENSTOCK_ASSIGN_OR_RETURN(model->coefficients,
                              ReadMatrix(JsonMember(json, "coefficients"), width));
    PENSTOCK_ASSIGN_OR_RETURN(model->standardised,
                              ReadMatrix(JsonMember(json, "standardised"), width));
    PENSTOCK_ASSIGN_OR_RETURN(model->intercepts,
                              ReadVector(JsonMember(json, "intercepts"),
                                         static_cast<std::size_t>(model->coefficients.cols())));
    PENSTOCK_ASSIGN_OR_RETURN(model->means, ReadVector(JsonMember(json, "means"), width));
    PENSTOCK_ASSIGN_OR_RETURN(model->scales, ReadVector(JsonMember(json, "scales"), width));
    return std::unique_ptr<Model>(std::move(model));
  }
};

}  // namespace

std::unique_ptr<Algorithm> MakeLinearLearner() {
  return std::make_unique<LinearLearner>();
}

}  // namespace penstock
