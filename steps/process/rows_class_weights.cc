// class_weights: training rows weigh by their class. Balanced as scikit-learn's
// compute_class_weight has it: rows / (classes × rows of the class), of classes that occur.

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "steps/process/draft.h"
#include "steps/process/resample.h"
#include "steps/process/row_operation.h"

namespace penstock {
namespace {

constexpr char kDefaultName[] = "class_weight";

class ClassWeights : public RowOperation {
 public:
  explicit ClassWeights(std::string name) : RowOperation(Applies::kTrain), name_(std::move(name)) {}

  std::map<std::string, double> given_;  // empty: balanced

  Status Run(Draft& draft) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> counts,
                              CountClasses(draft, "class_weights"));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> weights,
                              WeightsOf(draft.label().classes, counts));
    const Roles roles = draft.roles();
    if (!roles.weight.empty() && !name_.empty() && name_ != roles.weight) {
      return InvalidArgument("class_weights: the data have weights already, in column \"" +
                             roles.weight + "\", which are multiplied; leave name out");
    }
    const Frame& frame = draft.source().frame;
    const std::string& own = name_.empty() ? kDefaultName : name_;
    return draft.SetWeights(
        roles.weight.empty() ? own : roles.weight, {},
        [&](int64_t block, const Table& table) -> Result<std::vector<double>> {
          const StringValues& labels = table.Find(roles.label)->strings;
          const Column* before = roles.weight.empty() ? nullptr : table.Find(roles.weight);
          std::vector<double> of_rows =
              before == nullptr ? std::vector<double>(labels.codes.size(), 1) : before->numbers;
          for (std::size_t i = 0; i < of_rows.size(); ++i) {
            const int64_t row = frame.first_row(block) + static_cast<int64_t>(i);
            if (labels.missing(i) || !draft.is_training(row)) continue;
            of_rows[i] *= weights[static_cast<std::size_t>(labels.codes[i])];
            if (std::isfinite(of_rows[i])) continue;
            return InvalidArgument(draft.Where(row, roles.weight) +
                                   ": class_weights: the weight becomes too large for a number");
          }
          return of_rows;
        });
  }

 private:
  Result<std::vector<double>> WeightsOf(const std::vector<std::string>& classes,
                                        const std::vector<int64_t>& counts) const {
    std::vector<double> weights(classes.size(), 1);
    for (const auto& [name, weight] : given_) {
      const auto at = std::find(classes.begin(), classes.end(), name);
      if (at == classes.end()) {
        return InvalidArgument("class_weights: weights names \"" + name + "\", which is no class" +
                               Suggestion(name, classes));
      }
      weights[static_cast<std::size_t>(at - classes.begin())] = weight;
    }
    if (!given_.empty()) return weights;
    int64_t rows = 0;
    int64_t present = 0;
    for (const int64_t count : counts) {
      rows += count;
      present += count > 0 ? 1 : 0;
    }
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (counts[i] == 0) continue;
      weights[i] = static_cast<double>(rows) / static_cast<double>(present * counts[i]);
    }
    return weights;
  }

  std::string name_;
};

}  // namespace

Result<std::unique_ptr<RowOperation>> MakeClassWeights(const Json& spec) {
  const Json& name = JsonMember(spec, "name");
  if (!name.is_null() && (!name.is_string() || name.get<std::string>().empty())) {
    return InvalidArgument("class_weights: name must be the name of a column");
  }
  auto operation = std::make_unique<ClassWeights>(JsonString(spec, "name"));
  const Json& weights = JsonMember(spec, "weights");
  if (!weights.is_null() && weights != "balanced") {
    if (!weights.is_object() || weights.empty()) {
      return InvalidArgument("class_weights: weights must be balanced, or {CLASS: weight}");
    }
    for (const auto& [of_class, weight] : weights.items()) {
      const double value = weight.is_number() ? weight.get<double>() : -1;
      if (!(value >= 0) || !std::isfinite(value)) {
        return InvalidArgument("class_weights: the weight of \"" + of_class +
                               "\" must be a number of at least 0");
      }
      operation->given_[of_class] = value;
    }
  }
  return std::unique_ptr<RowOperation>(std::move(operation));
}

}  // namespace penstock
