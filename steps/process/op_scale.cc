// standard and min_max: numbers on a common scale. Missing values stay missing and do not count,
// nor do infinite ones. A column that is constant in the training rows is only shifted. Population
// variance, as scikit-learn's StandardScaler.

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"

namespace penstock {
namespace {

// y = (x - shift) / scale.
struct Scaling {
  double shift = 0;
  double scale = 1;
};

class Scale : public ColumnOperation<Scaling> {
 protected:
  using ColumnOperation::ColumnOperation;

  Json FittedToJson(const Scaling& scaling) const override {
    return {{"shift", scaling.shift}, {"scale", scaling.scale}};
  }
  Result<Scaling> FittedFromJson(const Json& json) const override {
    return Scaling{JsonDouble(json, "shift"), JsonDouble(json, "scale", 1)};
  }
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Scaling>& fitted) override {
    PENSTOCK_RETURN_IF_ERROR(RequireNumbers(
        data, names, JsonString(spec(), "op"),
        "only numbers can be scaled; encode it first, or choose columns by {kind: numeric}"));
    return LearnScaling(data, names, fitted);
  }
  virtual Status LearnScaling(const FitData& data, const std::vector<std::string>& names,
                              std::vector<Scaling>& fitted) = 0;
  virtual double Scaled(double value, const Scaling& scaling) const {
    return (value - scaling.shift) / scaling.scale + 0.0;
  }
  Status Change(Column&& column, const Scaling& scaling, const AppliedRows&,
                std::vector<Column>& out) const override {
    for (double& value : column.numbers) value = Scaled(value, scaling);
    column.info.type = ColumnType::kDouble;
    out.push_back(std::move(column));
    return Status::Ok();
  }
};

class Standard : public Scale {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Standard>(new Standard(spec));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 private:
  explicit Standard(const Json& spec) : Scale(spec) {}

  Status LearnScaling(const FitData& data, const std::vector<std::string>& names,
                      std::vector<Scaling>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Moments> moments, LearnMoments(data, names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Moments& of = moments[i];
      if (of.count == 0) continue;
      const double deviation = std::sqrt(std::max(0.0, of.m2 / static_cast<double>(of.count)));
      // Values that differ by rounding alone are constant.
      const bool constant = deviation <= 1e-14 * std::fabs(of.mean) || deviation == 0;
      fitted[i] = {of.mean + 0.0, constant ? 1.0 : deviation};
    }
    return Status::Ok();
  }
};

class MinMax : public Scale {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<MinMax>(new MinMax(spec));
    op->clip_ = JsonBool(spec, "clip");
    if (const Json& range = JsonMember(spec, "range"); range.is_array()) {
      if (range.size() != 2 || !range[0].is_number() || !range[1].is_number() ||
          !(range[0].get<double>() < range[1].get<double>())) {
        return InvalidArgument("min_max: range must be two numbers, the lower first");
      }
      op->low_ = range[0].get<double>() + 0.0;
      op->high_ = range[1].get<double>();
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 private:
  explicit MinMax(const Json& spec) : Scale(spec) {}

  Status LearnScaling(const FitData& data, const std::vector<std::string>& names,
                      std::vector<Scaling>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<NumberRange> ranges, LearnRanges(data, names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto& [count, low, high] = ranges[i];
      fitted[i] = {low + 0.0, high > low ? high - low : 1.0};
    }
    return Status::Ok();
  }
  double Scaled(double value, const Scaling& scaling) const override {
    double scaled = (value - scaling.shift) / scaling.scale;
    // Comparisons with NaN are false, so that a missing value stays one.
    if (clip_ && scaled < 0) scaled = 0;
    if (clip_ && scaled > 1) scaled = 1;
    return scaled * (high_ - low_) + low_ + 0.0;
  }

  bool clip_ = false;
  double low_ = 0;
  double high_ = 1;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeStandard(const Json& spec) {
  return Standard::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeMinMax(const Json& spec) {
  return MinMax::Make(spec);
}

}  // namespace penstock
