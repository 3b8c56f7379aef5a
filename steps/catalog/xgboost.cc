// The schema of train/xgboost. Names, meanings, bounds and defaults are XGBoost's own, so that what
// was tuned elsewhere carries over.

#include "base/text.h"
#include "steps/catalog/builtin.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

constexpr char kHelp[] =
    "Gradient-boosted trees by XGBoost, through its C library. The label decides the task: two "
    "classes make a binary classifier, more a multiclass one, a number a regression; `objective` "
    "may choose among what fits.\n\n"
    "After each round every `eval_metric` is logged as the series `train_METRIC` and, where the "
    "input `validation` is bound, `validation_METRIC`. With `early_stopping_rounds`, training ends "
    "once the last metric has not improved on the validation data for so many rounds, and the "
    "model keeps the best rounds only.\n\n"
    "Missing values need no imputation: each split learns where they go. Columns of text must be "
    "encoded in `process`. The same data, hyperparameters and seed give the same model, whatever "
    "the number of threads.";

ParameterSchema Number(std::string name, std::string help, double value, double minimum) {
  return {.name = std::move(name),
          .kind = Kind::kNumber,
          .help = std::move(help),
          .default_value = value,
          .minimum = minimum};
}

// Above 0, at most 1.
ParameterSchema Share(std::string name, std::string help) {
  ParameterSchema schema = Number(std::move(name), std::move(help), 1.0, 0);
  schema.exclusive_minimum = true;
  schema.maximum = 1;
  return schema;
}

ParameterSchema Integer(std::string name, std::string help, int64_t value, double minimum,
                        double maximum) {
  return {.name = std::move(name),
          .kind = Kind::kInteger,
          .help = std::move(help),
          .default_value = value,
          .minimum = minimum,
          .maximum = maximum};
}

const std::vector<std::string>& MetricNames() {
  static const auto* const names = new std::vector<std::string>{"logloss",
                                                                "error",
                                                                "auc",
                                                                "aucpr",
                                                                "mlogloss",
                                                                "merror",
                                                                "rmse",
                                                                "mae",
                                                                "rmsle",
                                                                "mape",
                                                                "mphe",
                                                                "poisson-nloglik",
                                                                "gamma-nloglik",
                                                                "gamma-deviance",
                                                                "tweedie-nloglik"};
  return *names;
}

std::vector<ParameterSchema> LearningParameters() {
  return {
      {.name = "objective",
       .kind = Kind::kEnum,
       .help = "What is minimised. auto: binary:logistic for two classes, multi:softprob for more, "
               "reg:squarederror for numbers. multi:softmax trains as multi:softprob does.",
       .default_value = "auto",
       .choices = {"auto", "binary:logistic", "multi:softprob", "multi:softmax", "reg:squarederror",
                   "reg:absoluteerror", "reg:squaredlogerror", "reg:pseudohubererror",
                   "reg:logistic", "count:poisson", "reg:gamma", "reg:tweedie"}},
      Integer("num_round", "Boosting rounds: trees, or groups of one tree a class.", 100, 1,
              100'000),
      {.name = "early_stopping_rounds",
       .kind = Kind::kInteger,
       .help = "Stop after so many rounds without a better last metric on the validation data. "
               "null: never.",
       .nullable = true,
       .minimum = 1,
       .maximum = 100'000},
      {.name = "eval_metric",
       .kind = Kind::kAny,
       .help = "One metric or a list: logloss, error, auc, aucpr (binary); mlogloss, merror, auc "
               "(multiclass); rmse, mae, rmsle, mape, mphe, poisson-nloglik, gamma-nloglik, "
               "gamma-deviance, tweedie-nloglik (regression). null: the objective's own. The last "
               "one decides early stopping.",
       .nullable = true},
      Share("eta", "Step size: each tree's contribution is multiplied by it. Above 0, at most 1."),
      Integer("seed", "Of the random samples of rows and columns.", 0, 0, 2'147'483'647),
  };
}

std::vector<ParameterSchema> TreeParameters() {
  return {
      Integer("max_depth", "Deepest level of a tree; 0: no limit (then set max_leaves).", 6, 0, 64),
      Integer("max_leaves", "Most leaves of a tree; 0: no limit.", 0, 0, 65'536),
      Number("gamma", "Least gain that makes a split worth while. At least 0.", 0.0, 0),
      Number("min_child_weight",
             "Least sum of second derivatives in a child (for squared error: of weights).", 1.0, 0),
      Number("max_delta_step", "Bound on a leaf's output; 0: none.", 0.0, 0),
      Number("lambda", "L2 penalty on leaf outputs. At least 0.", 1.0, 0),
      Number("alpha", "L1 penalty on leaf outputs. At least 0.", 0.0, 0),
      Share("subsample", "Share of the rows drawn for each tree."),
      Share("colsample_bytree", "Share of the columns drawn for each tree."),
      Share("colsample_bylevel", "Share of those drawn for each level."),
      Share("colsample_bynode", "Share of those drawn for each split."),
      {.name = "tree_method",
       .kind = Kind::kEnum,
       .help = "hist: histograms over quantile bins, the fastest. approx: bins drawn again for "
               "each tree. exact: every value is a candidate.",
       .default_value = "hist",
       .choices = {"hist", "approx", "exact"}},
      {.name = "grow_policy",
       .kind = Kind::kEnum,
       .help = "depthwise: level by level. lossguide: where the gain is largest.",
       .default_value = "depthwise",
       .choices = {"depthwise", "lossguide"}},
      Integer("max_bin", "Bins a column, for hist and approx.", 256, 2, 65'536),
      Integer("num_parallel_tree", "Trees a round: more than 1 makes boosted random forests.", 1, 1,
              1'000),
  };
}

std::vector<ParameterSchema> LossParameters() {
  ParameterSchema weight =
      Number("scale_pos_weight", "Weight of the positive rows, for unbalanced classes.", 1.0, 0);
  weight.exclusive_minimum = true;
  ParameterSchema power = Number("tweedie_variance_power",
                                 "For reg:tweedie: between 1 (Poisson) and 2 (gamma).", 1.5, 1);
  power.exclusive_minimum = true;
  power.maximum = 2;
  power.exclusive_maximum = true;
  ParameterSchema slope =
      Number("huber_slope", "For reg:pseudohubererror: where squared turns absolute.", 1.0, 0);
  slope.exclusive_minimum = true;
  return {weight,
          {.name = "base_score",
           .kind = Kind::kNumber,
           .help = "First prediction of all rows, on the scale of the label (a probability for "
                   "logistic objectives). null: XGBoost's own.",
           .nullable = true},
          power,
          slope};
}

void CheckMetrics(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  const Json& value = JsonMember(parameters, "eval_metric");
  const auto check = [&](const Json& name, const std::string& at) {
    if (HoldsReference(name)) return;
    if (!name.is_string()) {
      problems.push_back(
          {at, "must be the name of a metric, not a " + std::string(JsonKindName(name))});
      return;
    }
    const std::string text = name.get<std::string>();
    for (const std::string& known : MetricNames()) {
      if (known == text) return;
    }
    problems.push_back({at, "unknown metric \"" + text + "\"" + Suggestion(text, MetricNames())});
  };
  if (value.is_null()) return;
  if (!value.is_array()) {
    check(value, path + ".eval_metric");
    return;
  }
  if (value.empty())
    problems.push_back({path + ".eval_metric", "the list is empty; name a metric"});
  for (size_t i = 0; i < value.size(); ++i) {
    check(value[i], path + ".eval_metric[" + std::to_string(i) + "]");
  }
}

void CheckXgboost(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  CheckMetrics(parameters, path, problems);
  const Json& depth = JsonMember(parameters, "max_depth");
  const Json& leaves = JsonMember(parameters, "max_leaves");
  if (depth == 0 && leaves == 0) {
    problems.push_back({path + ".max_depth",
                        "max_depth 0 and max_leaves 0 let trees grow without limit; set one"});
  }
  const std::string objective = JsonString(parameters, "objective");
  const Json& base = JsonMember(parameters, "base_score");
  if ((objective == "binary:logistic" || objective == "reg:logistic") && base.is_number() &&
      (base.get<double>() <= 0 || base.get<double>() >= 1)) {
    problems.push_back({path + ".base_score", "must lie between 0 and 1 for " + objective});
  }
}

}  // namespace

StepSchema XgboostSchema() {
  StepSchema schema;
  schema.key = "train/xgboost";
  schema.version = "1";
  schema.cacheable = true;
  schema.depends_on_threads = true;
  schema.summary = "Trains gradient-boosted trees: classification and regression.";
  schema.help = kHelp;
  schema.inputs = {
      {.name = "train",
       .type = ArtifactType::kDataset,
       .needs_label = true,
       .help = "What to learn from: a dataset that process wrote."},
      {.name = "validation",
       .type = ArtifactType::kDataset,
       .required = false,
       .needs_label = true,
       .help = "For curves and early stopping; through the same transform as `train`."}};
  schema.outputs = {{.name = "model", .type = ArtifactType::kModel, .help = "The trained model."}};
  for (const char* data : {"train", "validation"}) {
    for (std::string metric : MetricNames()) {
      const std::string help = metric + " on the " + data + " data in the model's last round.";
      for (char& c : metric) {
        if (c == '-') c = '_';
      }
      schema.metrics.push_back({std::string(data) + "_" + metric, help});
    }
  }
  schema.metrics.push_back({"rounds", "Rounds that were trained."});
  schema.metrics.push_back({"best_iteration", "Best round by the last metric, counted from 0."});
  schema.metrics.push_back({"rows", "Rows of the training data."});
  schema.metrics.push_back({"features", "Columns that the algorithm saw."});
  for (auto list : {LearningParameters(), TreeParameters(), LossParameters()}) {
    for (ParameterSchema& parameter : list) {
      if (parameter.name == "eta") parameter.default_value = 0.3;
      schema.parameters.push_back(std::move(parameter));
    }
  }
  schema.check = CheckXgboost;
  return schema;
}

}  // namespace penstock
