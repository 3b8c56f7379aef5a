// standard and min_max: numbers on a common scale. Missing values stay missing and do not count. A
// column that is constant in the training rows is only shifted. Means and variances in two passes
// (deviations from the mean; population variance, as scikit-learn's StandardScaler). O(rows).

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "steps/process/operation.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

// y = (x - shift) / scale * stretch + base.
struct Scaling {
  double shift = 0;
  double scale = 1;
};

class Scale : public Operation {
 public:
  enum class Kind { kStandard, kMinMax };

  static Result<std::unique_ptr<Operation>> Make(const Json& spec, Kind kind) {
    auto op = std::make_unique<Scale>();
    op->spec_ = spec;
    op->kind_ = kind;
    op->clip_ = JsonBool(spec, "clip");
    if (const Json& range = JsonMember(spec, "range"); range.is_array()) {
      if (range.size() != 2 || !range[0].is_number() || !range[1].is_number() ||
          !(range[0].get<double>() < range[1].get<double>())) {
        return InvalidArgument("min_max: range must be two numbers, the lower first");
      }
      op->low_ = range[0].get<double>() + 0.0;
      op->high_ = range[1].get<double>();
    }
    if (const Json& fitted = JsonMember(spec, "fitted"); fitted.is_object()) {
      for (const auto& [name, json] : fitted.items()) {
        op->fitted_[name] = {JsonDouble(json, "shift"), JsonDouble(json, "scale", 1)};
      }
    }
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const Table& table, const std::vector<int64_t>& rows) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(JsonMember(spec_, "columns"), table));
    for (const std::string& name : names) {
      const Column& column = *table.Find(name);
      if (column.is_text()) {
        return InvalidArgument(JsonString(spec_, "op") + ": column \"" + name + "\" is " +
                               std::string(Name(column.info.kind)) +
                               ", only numbers can be scaled; encode it first, or choose columns "
                               "by {kind: numeric}");
      }
      fitted_[name] = kind_ == Kind::kStandard ? FitStandard(column, rows) : FitRange(column, rows);
    }
    return Status::Ok();
  }

  Status Apply(Table& table, const WhereCell&) const override {
    for (const auto& [name, scaling] : fitted_) {
      PENSTOCK_ASSIGN_OR_RETURN(Column * column, FindColumn(table, name));
      for (double& value : column->numbers) value = Scaled(value, scaling);
      column->info.type = ColumnType::kDouble;
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    Json fitted = Json::object();
    for (const auto& [name, scaling] : fitted_) {
      fitted[name] = {{"shift", scaling.shift}, {"scale", scaling.scale}};
    }
    json["fitted"] = std::move(fitted);
    return json;
  }

 private:
  double Scaled(double value, const Scaling& scaling) const {
    double scaled = (value - scaling.shift) / scaling.scale;
    if (kind_ == Kind::kMinMax) {
      // Comparisons with NaN are false, so that a missing value stays one.
      if (clip_ && scaled < 0) scaled = 0;
      if (clip_ && scaled > 1) scaled = 1;
      scaled = scaled * (high_ - low_) + low_;
    }
    return scaled + 0.0;
  }

  static Scaling FitStandard(const Column& column, const std::vector<int64_t>& rows) {
    int64_t count = 0;
    double mean = 0;
    double sum = 0;
    for (const int64_t row : rows) {
      const double value = column.numbers[static_cast<std::size_t>(row)];
      if (std::isnan(value)) continue;
      sum += value;
      ++count;
    }
    if (count == 0) return {};
    mean = sum / static_cast<double>(count);
    double squares = 0;
    double correction = 0;  // what rounding of the mean left over
    for (const int64_t row : rows) {
      const double value = column.numbers[static_cast<std::size_t>(row)];
      if (std::isnan(value)) continue;
      squares += (value - mean) * (value - mean);
      correction += value - mean;
    }
    const double n = static_cast<double>(count);
    mean += correction / n;
    const double variance = (squares - correction * correction / n) / n;
    const double deviation = std::sqrt(std::max(0.0, variance));
    // Values that differ by rounding alone are constant.
    const bool constant = deviation <= 1e-14 * std::fabs(mean) || deviation == 0;
    return {mean + 0.0, constant ? 1.0 : deviation};
  }

  static Scaling FitRange(const Column& column, const std::vector<int64_t>& rows) {
    bool any = false;
    double low = 0;
    double high = 0;
    for (const int64_t row : rows) {
      const double value = column.numbers[static_cast<std::size_t>(row)];
      if (std::isnan(value)) continue;
      low = any ? std::min(low, value) : value;
      high = any ? std::max(high, value) : value;
      any = true;
    }
    return {low, high > low ? high - low : 1.0};
  }

  Json spec_;
  Kind kind_ = Kind::kStandard;
  bool clip_ = false;
  double low_ = 0;
  double high_ = 1;
  std::map<std::string, Scaling> fitted_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeStandard(const Json& spec) {
  return Scale::Make(spec, Scale::Kind::kStandard);
}
Result<std::unique_ptr<Operation>> MakeMinMax(const Json& spec) {
  return Scale::Make(spec, Scale::Kind::kMinMax);
}

}  // namespace penstock
