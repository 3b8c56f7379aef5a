#include "steps/evaluate/given.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "steps/model_io/read_predictions.h"
#include "steps/process/read_spec.h"
#include "steps/table/dataset.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

constexpr std::size_t kManyClasses = 1'000;

class GivenReader {
 public:
  explicit GivenReader(StepContext& context)
      : context_(context),
        parameters_(context.parameters()),
        options_{.threads = context.threads(),
                 .memory_bytes = context.memory_bytes(),
                 .cancelled = [&context] { return context.cancelled(); }} {}

  Result<GivenPredictions> Read() {
    PENSTOCK_ASSIGN_OR_RETURN(predictions_, Open("predictions"));
    if (!context_.inputs("data").empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(data_, Open("data"));
      if (data_.table.rows != predictions_.table.rows) {
        return InvalidArgument(NameOf(predictions_) + " has " +
                               std::to_string(predictions_.table.rows) + " rows, and " +
                               NameOf(data_) + " has " + std::to_string(data_.table.rows) +
                               "; the predictions are to be of the rows of `data`, in its order");
      }
      truth_ = &data_;
    }
    names_.prediction = JsonString(parameters_, "prediction");
    names_.probability = JsonString(parameters_, "probability");
    for (const auto& [name, column] : JsonMember(parameters_, "probabilities").items()) {
      names_.probabilities[name] = ScalarText(column);
    }
    PENSTOCK_RETURN_IF_ERROR(ReadLabels());
    PENSTOCK_RETURN_IF_ERROR(ReadWeights());
    PENSTOCK_ASSIGN_OR_RETURN(given_.scored.predictions,
                              ReadPredictions(predictions_, given_.info, names_));
    given_.scored.has_labels = true;
    given_.scored.kept.rows = predictions_.table.rows;
    return std::move(given_);
  }

 private:
  Result<RawTable> Open(const std::string& input) {
    const std::vector<InputArtifact>& bound = context_.inputs(input);
    if (bound.size() != 1) {
      return InvalidArgument("input " + input + " needs one artifact, " +
                             std::to_string(bound.size()) + " are bound");
    }
    const InputArtifact& artifact = bound.front();
    std::vector<std::string> wanted;
    if (input == "data" && IsDataset(artifact.path)) {
      PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                                ReadDatasetInfo(artifact.path, artifact.display_name));
      for (const std::string& name : {JsonString(parameters_, "label", info.roles.label),
                                      JsonString(parameters_, "weight", info.roles.weight)}) {
        if (info.Find(name) != nullptr) wanted.push_back(name);
      }
    }
    return ReadRaw(artifact.path, artifact.display_name, {}, wanted, {}, options_);
  }

  std::string NameOf(const RawTable& table) const {
    const std::string input = &table == &data_ ? "data" : "predictions";
    const std::string& name = context_.inputs(input).front().display_name;
    return name.empty() ? input : name;
  }

  // Classes are asked for: by the definition, or by columns that only classifiers have.
  bool WantsClasses() const {
    if (!names_.probability.empty() || !names_.probabilities.empty()) return true;
    for (const Column& column : predictions_.table.columns) {
      if (column.info.name == "probability" || column.info.name.starts_with(kProbabilityPrefix)) {
        return true;
      }
    }
    return false;
  }

  Status ReadLabels() {
    ModelInfo& info = given_.info;
    info.label = JsonString(parameters_, "label");
    if (info.label.empty() && truth_->dataset) info.label = truth_->dataset->roles.label;
    const bool named = !info.label.empty();
    if (!named) info.label = "label";
    const Column* column = truth_->table.Find(info.label);
    if (column == nullptr) {
      return InvalidArgument(NameOf(*truth_) + " has no column \"" + info.label + "\"" +
                             SuggestColumn(info.label, truth_->table.names()) +
                             (named ? "" : "; name the one that holds the labels in with.label"));
    }
    PENSTOCK_RETURN_IF_ERROR(ChooseTask(*column));
    const auto labels = info.task == Task::kRegression
                            ? ReadNumbers(*truth_, *column, "label")
                            : ReadClasses(*truth_, *column, info.classes, "label");
    if (!labels.ok()) {
      const bool classes = info.task != Task::kRegression;
      return InvalidArgument(labels.status().message() +
                             (classes ? "; name all of them in with.classes" : ""));
    }
    given_.scored.labels = *labels;
    return Status::Ok();
  }

  Status ChooseTask(const Column& label) {
    ModelInfo& info = given_.info;
    LabelInfo known;
    if (truth_->dataset && truth_->dataset->roles.label == info.label) {
      known = truth_->dataset->label;
    }
    info.classes = TextList(JsonMember(parameters_, "classes"));
    if (info.classes.empty()) info.classes = known.classes;
    std::string positive = ScalarText(JsonMember(parameters_, "positive"));
    if (info.classes.empty() && known.kind != LabelInfo::Kind::kNumber) {
      if (!label.is_text() && (WantsClasses() || !positive.empty())) {
        return InvalidArgument("the label \"" + info.label + "\" of " + NameOf(*truth_) +
                               " is a number, and the predictions are probabilities; say in "
                               "with.classes which of its values are classes: [\"0\", \"1\"]");
      }
      if (label.is_text()) info.classes = ClassesOf(label);
    }
    if (info.classes.empty()) return Status::Ok();
    if (info.classes.size() < 2) {
      return InvalidArgument("the label \"" + info.label + "\" of " + NameOf(*truth_) +
                             " has only the class \"" + info.classes.front() +
                             "\"; name all classes in with.classes");
    }
    if (info.classes.size() > kManyClasses) {
      return InvalidArgument("the label \"" + info.label + "\" of " + NameOf(*truth_) + " has " +
                             std::to_string(info.classes.size()) +
                             " different values, and is no class; if it is a number, mend \"" +
                             label.text(0) + "\"");
    }
    info.task = info.classes.size() == 2 ? Task::kBinary : Task::kMulticlass;
    if (info.task != Task::kBinary) return Status::Ok();
    if (positive.empty()) positive = known.positive;
    if (positive.empty()) positive = info.classes.back();
    const auto at = std::find(info.classes.begin(), info.classes.end(), positive);
    if (at == info.classes.end()) {
      return InvalidArgument("with.positive is \"" + positive + "\", which is not among the " +
                             "classes (" + Join(info.classes, ", ") + ")");
    }
    info.positive_index = static_cast<int>(at - info.classes.begin());
    return Status::Ok();
  }

  // What the labels say, and the columns of probabilities: a class may be rare.
  std::vector<std::string> ClassesOf(const Column& label) const {
    std::set<std::string> classes(label.strings.dictionary.begin(), label.strings.dictionary.end());
    for (const auto& [name, column] : names_.probabilities) classes.insert(name);
    const std::string prefix = kProbabilityPrefix;
    for (const Column& column : predictions_.table.columns) {
      if (column.info.name.starts_with(prefix) && names_.probabilities.empty()) {
        classes.insert(column.info.name.substr(prefix.size()));
      }
    }
    return {classes.begin(), classes.end()};
  }

  Status ReadWeights() {
    std::string name = JsonString(parameters_, "weight");
    if (name.empty() && truth_->dataset) name = truth_->dataset->roles.weight;
    if (name.empty()) return Status::Ok();
    const Column* column = truth_->table.Find(name);
    if (column == nullptr) {
      return InvalidArgument(NameOf(*truth_) + " has no column \"" + name + "\" of weights" +
                             SuggestColumn(name, truth_->table.names()));
    }
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<double> weights, ReadNumbers(*truth_, *column, "weight"));
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] >= 0) continue;
      return InvalidArgument(truth_->Where(static_cast<int64_t>(i), name) +
                             ": a weight must be there, and not below 0");
    }
    given_.scored.weights = std::move(weights);
    return Status::Ok();
  }

  StepContext& context_;
  const Json& parameters_;
  const TableOptions options_;
  RawTable predictions_;
  RawTable data_;
  const RawTable* truth_ = &predictions_;  // where labels and weights are
  PredictionNames names_;
  GivenPredictions given_;
};

}  // namespace

Result<GivenPredictions> ReadGivenPredictions(StepContext& context) {
  return GivenReader(context).Read();
}

}  // namespace penstock
