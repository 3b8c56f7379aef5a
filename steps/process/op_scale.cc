// standard, min_max, max_abs and robust: numbers on a common scale, as scikit-learn's
// StandardScaler (population variance), MinMaxScaler, MaxAbsScaler and RobustScaler. Missing values
// stay missing and do not count, nor do infinite ones. A column without spread in the training rows
// is only shifted.

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"
#include "steps/process/numbers.h"

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
    Scaling scaling;
    PENSTOCK_ASSIGN_OR_RETURN(scaling.shift, FittedNumber(json, "shift", op_name()));
    PENSTOCK_ASSIGN_OR_RETURN(scaling.scale, FittedNumber(json, "scale", op_name()));
    if (!(scaling.scale > 0)) return BadFitted(op_name(), "scale is not positive");
    return scaling;
  }
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Scaling>& fitted) override {
    PENSTOCK_RETURN_IF_ERROR(RequireNumbers(
        data, names, op_name(),
        "only numbers can be scaled; encode it first, or choose columns by {kind: numeric}"));
    PENSTOCK_RETURN_IF_ERROR(LearnScaling(data, names, fitted));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (std::isfinite(fitted[i].shift) && std::isfinite(fitted[i].scale)) continue;
      return InvalidArgument(op_name() + ": column \"" + names[i] +
                             "\" has values that are too large to be scaled; clip them with "
                             "outliers, or use log");
    }
    return Status::Ok();
  }
  virtual Status LearnScaling(const FitData& data, const std::vector<std::string>& names,
                              std::vector<Scaling>& fitted) = 0;
  virtual double Scaled(double value, const Scaling& scaling) const {
    return (value - scaling.shift) / scaling.scale + 0.0;
  }
  Status Change(Column&& column, const Scaling& scaling, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    PENSTOCK_RETURN_IF_ERROR(ChangeNumbers(
        column, op_name(), rows, [&](double value) { return Scaled(value, scaling); }));
    out.push_back(std::move(column));
    return Status::Ok();
  }

 private:
  std::string op_name() const { return JsonString(spec(), "op"); }
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

class MaxAbs : public Scale {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<MaxAbs>(new MaxAbs(spec));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 private:
  explicit MaxAbs(const Json& spec) : Scale(spec) {}

  Status LearnScaling(const FitData& data, const std::vector<std::string>& names,
                      std::vector<Scaling>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<NumberRange> ranges, LearnRanges(data, names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const double largest = std::max(std::fabs(ranges[i].minimum), std::fabs(ranges[i].maximum));
      fitted[i] = {0, largest > 0 ? largest : 1.0};
    }
    return Status::Ok();
  }
};

class Robust : public Scale {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Robust>(new Robust(spec));
    if (const Json& shares = JsonMember(spec, "quantiles"); !shares.is_null()) {
      const bool numbers =
          shares.is_array() && shares.size() == 2 && shares[0].is_number() && shares[1].is_number();
      op->low_ = numbers ? shares[0].get<double>() : 1;
      op->high_ = numbers ? shares[1].get<double>() : 0;
      if (!(op->low_ >= 0 && op->low_ < op->high_ && op->high_ <= 1)) {
        return InvalidArgument("robust: quantiles must be two shares from 0 to 1, the lower first");
      }
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 private:
  explicit Robust(const Json& spec) : Scale(spec) {}

  Status LearnScaling(const FitData& data, const std::vector<std::string>& names,
                      std::vector<Scaling>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(const auto quantiles,
                              LearnQuantiles(data, names, {0.5, low_, high_}));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (quantiles[i].empty()) continue;
      const double spread = quantiles[i][2] - quantiles[i][1];
      fitted[i] = {quantiles[i][0] + 0.0, spread > 0 ? spread : 1.0};
    }
    return Status::Ok();
  }

  double low_ = 0.25;
  double high_ = 0.75;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeMaxAbs(const Json& spec) {
  return MaxAbs::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeRobust(const Json& spec) {
  return Robust::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeStandard(const Json& spec) {
  return Standard::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeMinMax(const Json& spec) {
  return MinMax::Make(spec);
}

}  // namespace penstock
