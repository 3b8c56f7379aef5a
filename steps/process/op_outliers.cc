// outliers: numbers outside of bounds that the training rows give are moved to the nearest bound,
// become missing, or get a mark NAME=(outlier). Which drop rows, see rows_outliers.cc.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "steps/process/column_operation.h"
#include "steps/process/makers.h"
#include "steps/process/numbers.h"
#include "steps/process/outlier_bounds.h"

namespace penstock {
namespace {

constexpr char kOp[] = "outliers";

enum class Action { kClip, kMissing, kMark };

class Outliers : public ColumnOperation<std::optional<OutlierBounds>> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    static const std::vector<std::string> kActions = {"clip", "missing", "mark"};
    auto op = std::unique_ptr<Outliers>(new Outliers(spec));
    PENSTOCK_ASSIGN_OR_RETURN(op->rule_, OutlierRule::FromJson(spec));
    const std::string action = JsonString(spec, "action", kActions.front());
    const auto at = std::find(kActions.begin(), kActions.end(), action);
    if (at == kActions.end()) {
      return InvalidArgument("outliers: unknown action \"" + action + "\"" +
                             Suggestion(action, {"clip", "drop", "mark", "missing"}));
    }
    op->action_ = static_cast<Action>(at - kActions.begin());
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  using Bounds = std::optional<OutlierBounds>;

  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Bounds>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(fitted, LearnOutlierBounds(rule_, data, names));
    return Status::Ok();
  }

  Json FittedToJson(const Bounds& bounds) const override {
    return bounds ? Json{{"low", bounds->low}, {"high", bounds->high}} : Json();
  }
  Result<Bounds> FittedFromJson(const Json& json) const override {
    if (json.is_null()) return Bounds();
    OutlierBounds bounds;
    PENSTOCK_ASSIGN_OR_RETURN(bounds.low, FittedNumber(json, "low", kOp));
    PENSTOCK_ASSIGN_OR_RETURN(bounds.high, FittedNumber(json, "high", kOp));
    if (bounds.low > bounds.high) return BadFitted(kOp, "the lower bound is above the upper");
    return Bounds(bounds);
  }

  Status Change(Column&& column, const Bounds& bounds, const AppliedRows&,
                std::vector<Column>& out) const override {
    PENSTOCK_RETURN_IF_ERROR(CheckNumeric(column, kOp));
    if (action_ == Action::kMark) {
      std::vector<double> marks;
      for (const double value : column.numbers) {
        marks.push_back(bounds && bounds->IsOutlier(value) ? 1 : 0);
      }
      std::string name = column.info.name;
      name += "=(outlier)";
      out.push_back(std::move(column));
      out.push_back(MakeNumberColumn(std::move(name), std::move(marks), ColumnType::kBoolean));
      return Status::Ok();
    }
    if (bounds && action_ == Action::kClip) Clip(column, *bounds);
    if (bounds && action_ == Action::kMissing) {
      for (double& value : column.numbers) {
        if (bounds->IsOutlier(value)) value = kMissing;
      }
    }
    out.push_back(std::move(column));
    return Status::Ok();
  }

 private:
  explicit Outliers(const Json& spec) : ColumnOperation(spec) {}

  static void Clip(Column& column, const OutlierBounds& bounds) {
    for (double& value : column.numbers) {
      if (bounds.IsOutlier(value)) value = value < bounds.low ? bounds.low : bounds.high;
    }
    const bool whole =
        bounds.low == std::floor(bounds.low) && bounds.high == std::floor(bounds.high);
    const bool flags = whole && bounds.low >= 0 && bounds.high <= 1;
    const ColumnType type = column.info.type;
    if (type == ColumnType::kBoolean ? !flags : !whole) column.info.type = ColumnType::kDouble;
  }

  OutlierRule rule_;
  Action action_ = Action::kClip;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeOutliers(const Json& spec) {
  return Outliers::Make(spec);
}

}  // namespace penstock
