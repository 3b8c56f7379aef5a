// quantile: numbers as their share of the training values below them, uniform from 0 to 1 or as
// the normal distribution has them. As scikit-learn's QuantileTransformer, with exact quantiles of
// all training values: between two quantiles by linear interpolation, values that several quantiles
// share in the middle of these, values outside as the nearest end. O(log n_quantiles) a value.

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/even_quantiles.h"
#include "steps/process/makers.h"
#include "steps/process/numbers.h"

namespace penstock {
namespace {

constexpr char kOp[] = "quantile";
constexpr int64_t kMostQuantiles = 100'000;
// Shares this near to 0 and 1 are as far as the normal distribution goes: 5.2 deviations.
constexpr double kEnd = 1e-7;

double Rational(const double (&numerator)[8], const double (&denominator)[8], double x) {
  double above = numerator[7];
  double below = denominator[7];
  for (int i = 6; i >= 0; --i) {
    above = above * x + numerator[i];
    below = below * x + denominator[i];
  }
  return above / below;
}

// The quantile function of the standard normal distribution to about 1e-16 (Wichura, 1988:
// algorithm AS 241, PPND16). Precondition: 0 < p < 1.
double NormalQuantile(double p) {
  static constexpr double kMiddle[][8] = {
      {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
       1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
       3.3430575583588128105e+4, 2.5090809287301226727e+3},
      {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
       2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
       5.2264952788528545610e+3}};
  static constexpr double kSide[][8] = {
      {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
       3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
       2.27238449892691845833e-2, 7.74545014278341407640e-4},
      {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
       1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
       1.05075007164441684324e-9}};
  static constexpr double kTail[][8] = {
      {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
       2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
       2.71155556874348757815e-5, 2.01033439929228813265e-7},
      {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
       7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
       2.04426310338993978564e-15}};
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) return q * Rational(kMiddle[0], kMiddle[1], 0.180625 - q * q);
  const double r = std::sqrt(-std::log(std::min(p, 1 - p)));
  const double x =
      r <= 5 ? Rational(kSide[0], kSide[1], r - 1.6) : Rational(kTail[0], kTail[1], r - 5);
  return q < 0 ? -x : x;
}

using Quantiles = std::vector<double>;  // at even shares, not falling; at least one

class QuantileScale : public ColumnOperation<Quantiles> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<QuantileScale>(new QuantileScale(spec));
    op->normal_ = JsonString(spec, "distribution", "uniform") == "normal";
    op->most_ = JsonInt(spec, "n_quantiles", 1'000);
    if (op->most_ < 2 || op->most_ > kMostQuantiles) {
      return InvalidArgument("quantile: n_quantiles must be from 2 to " +
                             std::to_string(kMostQuantiles));
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Quantiles>& fitted) override {
    PENSTOCK_RETURN_IF_ERROR(
        RequireNumbers(data, names, kOp,
                       "only numbers have quantiles; encode it first, or choose columns by "
                       "{kind: numeric}"));
    PENSTOCK_ASSIGN_OR_RETURN(fitted, LearnEvenQuantiles(data, names, [this](int64_t values) {
                                return std::min(values, most_);
                              }));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!fitted[i].empty()) continue;
      return InvalidArgument("quantile: column \"" + names[i] +
                             "\" has no value in the training rows, and so no quantiles; drop it");
    }
    return Status::Ok();
  }

  Json FittedToJson(const Quantiles& quantiles) const override { return quantiles; }
  Result<Quantiles> FittedFromJson(const Json& json) const override {
    PENSTOCK_ASSIGN_OR_RETURN(Quantiles quantiles, FittedNumbers(json, kOp));
    if (quantiles.empty() || !std::is_sorted(quantiles.begin(), quantiles.end())) {
      return BadFitted(kOp, "quantiles are absent or not sorted");
    }
    return quantiles;
  }

  Status Change(Column&& column, const Quantiles& quantiles, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    PENSTOCK_RETURN_IF_ERROR(ChangeNumbers(column, kOp, rows, [&](double value) {
      const double share = ShareOf(value, quantiles);
      return normal_ ? NormalQuantile(std::clamp(share, kEnd, 1 - kEnd)) : share;
    }));
    out.push_back(std::move(column));
    return Status::Ok();
  }

 private:
  explicit QuantileScale(const Json& spec) : ColumnOperation(spec) {}

  static double ShareOf(double value, const Quantiles& quantiles) {
    if (value <= quantiles.front()) return 0;
    if (value >= quantiles.back()) return 1;
    const auto [low, high] = std::equal_range(quantiles.begin(), quantiles.end(), value);
    const auto parts = static_cast<double>(quantiles.size() - 1);
    const auto before = static_cast<double>(low - quantiles.begin());
    if (low != high) return (before + static_cast<double>(high - low - 1) / 2) / parts;
    // Halves, as the distance between two doubles may be none.
    const double from = low[-1];
    const double part = (value / 2 - from / 2) / (*low / 2 - from / 2);
    const double whole = (value - from) / (*low - from);
    return (before - 1 + (std::isfinite(*low - from) ? whole : part)) / parts;
  }

  bool normal_ = false;
  int64_t most_ = 1'000;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeQuantile(const Json& spec) {
  return QuantileScale::Make(spec);
}

}  // namespace penstock
