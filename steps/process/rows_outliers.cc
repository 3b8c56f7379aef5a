// outliers with action drop: training rows in which a number is an outlier are left out. All other
// rows stay, and with them what is predicted.

#include "steps/process/draft.h"
#include "steps/process/outlier_bounds.h"
#include "steps/process/row_operation.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

class DropOutliers : public RowOperation {
 public:
  DropOutliers(const Json& spec, const OutlierRule& rule)
      : RowOperation(Applies::kTrain), selector_(JsonMember(spec, "columns")), rule_(rule) {}

  Status Run(Draft& draft) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(selector_, draft.chain().output()));
    PENSTOCK_ASSIGN_OR_RETURN(const auto bounds,
                              LearnOutlierBounds(rule_, draft.TrainingRows(), names));
    const auto keep = [&](const Table& table) {
      std::vector<uint8_t> kept(static_cast<std::size_t>(table.rows), 1);
      for (std::size_t j = 0; j < names.size(); ++j) {
        if (!bounds[j]) continue;
        const std::vector<double>& numbers = table.Find(names[j])->numbers;
        for (std::size_t i = 0; i < kept.size(); ++i) {
          if (bounds[j]->IsOutlier(numbers[i])) kept[i] = 0;
        }
      }
      return Result<std::vector<uint8_t>>(std::move(kept));
    };
    PENSTOCK_RETURN_IF_ERROR(draft.Filter(Applies::kTrain, names, keep));
    if (draft.TrainingRows().rows() > 0) return Status::Ok();
    return InvalidArgument(
        "outliers: every training row has an outlier in some column, so none is left; choose fewer "
        "columns, wider bounds, or action clip");
  }

 private:
  Json selector_;
  OutlierRule rule_;
};

}  // namespace

bool IsOutlierDrop(const Json& spec) {
  return JsonString(spec, "action") == "drop";
}

Result<std::unique_ptr<RowOperation>> MakeDropOutliers(const Json& spec) {
  PENSTOCK_ASSIGN_OR_RETURN(const OutlierRule rule, OutlierRule::FromJson(spec));
  return std::unique_ptr<RowOperation>(new DropOutliers(spec, rule));
}

}  // namespace penstock
