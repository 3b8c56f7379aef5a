// yeo_johnson: numbers made as near to normally distributed as a power can (Yeo and Johnson, 2000):
// for x >= 0 ((x + 1)^L - 1) / L, below 0 -((1 - x)^(2 - L) - 1) / (2 - L), logarithms where the
// power is 0. L is the maximum likelihood estimate of each column, found by Brent's method from
// (-2, 2) as scikit-learn's PowerTransformer does, with about 20 passes over the column.
//
// Powers of numbers that lie far from 0 and near to each other (years) come out all the same, or
// out of range. All is therefore computed from differences to an anchor, a training value, divided
// by the anchor's own power: that changes neither the likelihood nor what is standardised.

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/fold.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"
#include "steps/process/minimum.h"
#include "steps/process/numbers.h"

namespace penstock {
namespace {

constexpr char kOp[] = "yeo_johnson";

struct Power {
  double lambda = 1;
  double anchor = 0;
  double mean = 0;  // of the differences
  double deviation = 1;
};

double ExponentOf(bool negative, double lambda) {
  return negative ? 2 - lambda : lambda;
}

// (exp(exponent * log) - 1) / exponent, also where the exponent is 0.
double PowerOf(double exponent, double log) {
  return exponent == 0 ? log : std::expm1(exponent * log) / exponent;
}

double Transformed(double x, double lambda) {
  if (ExponentOf(x < 0, lambda) == 1) return x;
  return x >= 0 ? PowerOf(lambda, std::log1p(x)) : -PowerOf(2 - lambda, std::log1p(-x));
}

// The difference to the anchor's value, in units of the anchor's power.
double Difference(double x, double lambda, double anchor) {
  if (anchor == 0) return Transformed(x, lambda);
  const double exponent = ExponentOf(anchor < 0, lambda);
  const double log = std::log1p(std::fabs(anchor));
  if ((x < 0) == (anchor < 0)) {
    const double size = PowerOf(exponent, std::log1p(std::fabs(x)) - log);
    return x < 0 ? -size : size;
  }
  return (Transformed(x, lambda) - Transformed(anchor, lambda)) * std::exp(-exponent * log);
}

// What is known of a column before the search.
struct Spread {
  NumberRange range;
  double mean_log = 0;  // of sign(x) log(|x| + 1)

  // Whether there are values on both sides of 0.
  bool mixed() const { return range.minimum < 0 && range.maximum >= 0; }
  double log_of_minimum() const { return std::log1p(std::fabs(range.minimum)); }
  double log_of_maximum() const { return std::log1p(std::fabs(range.maximum)); }
  // But for rounding.
  bool constant() const {
    const double a = log_of_minimum();
    const double b = log_of_maximum();
    return range.count == 0 || (!mixed() && std::fabs(a - b) <= 1e-13 * std::max(a, b));
  }

  // The training value of which the power is largest; 0 where there are values on both sides.
  double Anchor(double lambda) const {
    if (mixed()) return 0;
    const double a = ExponentOf(range.minimum < 0, lambda) * log_of_minimum();
    const double b = ExponentOf(range.maximum < 0, lambda) * log_of_maximum();
    return a > b ? range.minimum : range.maximum;
  }
  // The logarithm of what to divide powers by, so that they stay in range.
  double Scale(double lambda) const {
    const double anchor = Anchor(lambda);
    if (!mixed()) return ExponentOf(anchor < 0, lambda) * std::log1p(std::fabs(anchor));
    const double largest = std::max((2 - lambda) * log_of_minimum(), lambda * log_of_maximum());
    return largest > 300 ? largest : 0;
  }
};

// A value of a column with both signs, divided by exp(scale) where that is large.
double Scaled(double x, double lambda, double scale) {
  if (scale == 0) return Transformed(x, lambda);
  const double exponent = ExponentOf(x < 0, lambda);
  const double log = std::log1p(std::fabs(x));
  const double size = exponent == 0
                          ? log * std::exp(-scale)
                          : (std::exp(exponent * log - scale) - std::exp(-scale)) / exponent;
  return x < 0 ? -size : size;
}

template <typename Value>
Result<Moments> MomentsOf(const FitData& data, const std::string& name, const Value& value) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Moments> moments,
                            (FoldColumns<Moments>(
                                data, {name},
                                [&](const Column& column) {
                                  std::vector<double> values;
                                  values.reserve(column.numbers.size());
                                  for (const double x : column.numbers) {
                                    if (std::isfinite(x)) values.push_back(value(x));
                                  }
                                  return Moments::Of(values);
                                },
                                [](Moments& all, Moments&& block) { all.Merge(block); })));
  return moments.front();
}

class YeoJohnson : public ColumnOperation<Power> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<YeoJohnson>(new YeoJohnson(spec));
    op->standardize_ = JsonBool(spec, "standardize", true);
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Power>& fitted) override {
    PENSTOCK_RETURN_IF_ERROR(RequireNumbers(
        data, names, kOp, "only numbers have powers; choose columns by {kind: numeric}"));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Spread> spreads, LearnSpreads(data, names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Status learned = LearnColumn(data, names[i], spreads[i], fitted[i]);
      if (learned.code() != StatusCode::kInvalidArgument) {
        PENSTOCK_RETURN_IF_ERROR(learned);
        continue;
      }
      return learned.WithContext("yeo_johnson: column \"" + names[i] + "\"");
    }
    return Status::Ok();
  }

  Json FittedToJson(const Power& fitted) const override {
    return {{"lambda", fitted.lambda},
            {"anchor", fitted.anchor},
            {"mean", fitted.mean},
            {"deviation", fitted.deviation}};
  }
  Result<Power> FittedFromJson(const Json& json) const override {
    Power fitted;
    PENSTOCK_ASSIGN_OR_RETURN(fitted.lambda, FittedNumber(json, "lambda", kOp));
    PENSTOCK_ASSIGN_OR_RETURN(fitted.anchor, FittedNumber(json, "anchor", kOp));
    PENSTOCK_ASSIGN_OR_RETURN(fitted.mean, FittedNumber(json, "mean", kOp));
    PENSTOCK_ASSIGN_OR_RETURN(fitted.deviation, FittedNumber(json, "deviation", kOp));
    if (!(fitted.deviation > 0)) return BadFitted(kOp, "deviation is not positive");
    return fitted;
  }

  Status Change(Column&& column, const Power& fitted, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    PENSTOCK_RETURN_IF_ERROR(ChangeNumbers(column, kOp, rows, [&](double x) {
      if (!standardize_) return Transformed(x, fitted.lambda) + 0.0;
      const double difference = Difference(x, fitted.lambda, fitted.anchor);
      return (difference - fitted.mean) / fitted.deviation + 0.0;
    }));
    out.push_back(std::move(column));
    return Status::Ok();
  }

 private:
  explicit YeoJohnson(const Json& spec) : ColumnOperation(spec) {}

  static Result<std::vector<Spread>> LearnSpreads(const FitData& data,
                                                  const std::vector<std::string>& names) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<NumberRange> ranges, LearnRanges(data, names));
    PENSTOCK_ASSIGN_OR_RETURN(
        const std::vector<CompensatedSum> sums,
        (FoldColumns<CompensatedSum>(
            data, names,
            [](const Column& column) {
              CompensatedSum sum;
              for (const double x : column.numbers) {
                if (std::isfinite(x)) sum.Count(std::copysign(std::log1p(std::fabs(x)), x));
              }
              return sum;
            },
            [](CompensatedSum& all, CompensatedSum&& block) { all.Merge(block); })));
    std::vector<Spread> spreads;
    for (std::size_t i = 0; i < names.size(); ++i) spreads.push_back({ranges[i], sums[i].mean()});
    return spreads;
  }

  Status LearnColumn(const FitData& data, const std::string& name, const Spread& spread,
                     Power& fitted) const {
    if (!spread.constant()) {
      // The negative log-likelihood of a value, but for what does not depend on lambda.
      const auto loss = [&](double lambda) -> Result<double> {
        const double scale = spread.Scale(lambda);
        const double anchor = spread.Anchor(lambda);
        PENSTOCK_ASSIGN_OR_RETURN(const Moments moments, MomentsOf(data, name, [&](double x) {
                                    return spread.mixed() ? Scaled(x, lambda, scale)
                                                          : Difference(x, lambda, anchor);
                                  }));
        return 0.5 * std::log(moments.m2 / static_cast<double>(moments.count)) + scale -
               (lambda - 1) * spread.mean_log;
      };
      PENSTOCK_ASSIGN_OR_RETURN(fitted.lambda, FindMinimum(loss, -2, 2));
      if (standardize_) fitted.anchor = spread.Anchor(fitted.lambda);
    }
    if (!standardize_) return Status::Ok();
    PENSTOCK_ASSIGN_OR_RETURN(const Moments moments, MomentsOf(data, name, [&](double x) {
                                return Difference(x, fitted.lambda, fitted.anchor);
                              }));
    if (moments.count == 0) return Status::Ok();
    fitted.mean = moments.mean;
    const double deviation =
        std::sqrt(std::max(0.0, moments.m2 / static_cast<double>(moments.count)));
    if (!spread.constant() && deviation > 0) fitted.deviation = deviation;
    if (std::isfinite(fitted.mean) && std::isfinite(fitted.deviation)) return Status::Ok();
    return InvalidArgument("has values that are too large for a power; use quantile");
  }

  bool standardize_ = true;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeYeoJohnson(const Json& spec) {
  return YeoJohnson::Make(spec);
}

}  // namespace penstock
