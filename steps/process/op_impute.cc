// impute: fills in missing values. Numeric columns: mean, median (of an even count the mean of the
// middle two), mode, constant; others: mode, constant, or a category of its own. Ties of the mode
// go to the smallest value.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

enum class Method { kMean, kMedian, kMode, kConstant, kCategory };

// A category of its own for missing values; there are not more texts than this to choose among.
constexpr int64_t kMostTexts = 10'000'000;

class Impute : public ColumnOperation<Json> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto impute = std::unique_ptr<Impute>(new Impute(spec));
    static const std::vector<std::string> kMethods = {"mean", "median", "mode", "constant",
                                                      "category"};
    const std::string method = JsonString(spec, "method");
    const auto at = std::find(kMethods.begin(), kMethods.end(), method);
    if (at == kMethods.end()) {
      return InvalidArgument("impute: unknown method \"" + method + "\"" +
                             Suggestion(method, kMethods));
    }
    impute->method_ = static_cast<Method>(at - kMethods.begin());
    impute->indicator_ = JsonBool(spec, "indicator");
    if (impute->method_ == Method::kConstant && JsonMember(spec, "value").is_null()) {
      return InvalidArgument("impute: method constant needs a value");
    }
    PENSTOCK_RETURN_IF_ERROR(impute->Restore());
    return std::unique_ptr<Operation>(std::move(impute));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Json>& fitted) override {
    std::vector<std::size_t> numbers;
    std::vector<std::size_t> texts;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Column& column = *data.features().Find(names[i]);
      PENSTOCK_RETURN_IF_ERROR(CheckColumn(column));
      (column.is_text() ? texts : numbers).push_back(i);
    }
    PENSTOCK_RETURN_IF_ERROR(LearnNumbers(data, names, numbers, fitted));
    return LearnOthers(data, names, texts, fitted);
  }

  Json FittedToJson(const Json& fitted) const override { return fitted; }
  Result<Json> FittedFromJson(const Json& json) const override {
    if (json.is_number() || json.is_string()) return json;
    return InvalidArgument("impute: a fitted value is a number or a text");
  }

  Status Change(Column&& column, const Json& fitted, const AppliedRows&,
                std::vector<Column>& out) const override {
    if (!column.is_text() && !fitted.is_number()) {
      return InvalidArgument("impute: column \"" + column.info.name +
                             "\" is numeric, but was text when the transform was fitted");
    }
    std::vector<double> missing;
    if (indicator_) {
      for (std::size_t i = 0; i < ValuesIn(column); ++i) missing.push_back(column.missing(i));
    }
    column.is_text() ? FillText(column, ScalarText(fitted))
                     : FillNumber(column, fitted.get<double>());
    const std::string name = column.info.name;
    out.push_back(std::move(column));
    if (indicator_) {
      out.push_back(MakeNumberColumn(MissingName(name), std::move(missing), ColumnType::kBoolean));
    }
    return Status::Ok();
  }

 private:
  explicit Impute(const Json& spec) : ColumnOperation(spec) {}

  Status CheckColumn(const Column& column) const {
    const std::string name = "impute: column \"" + column.info.name + "\" is ";
    if (column.is_text()) {
      if (method_ != Method::kMean && method_ != Method::kMedian) return Status::Ok();
      return InvalidArgument(name + std::string(Name(column.info.kind)) + ", " +
                             JsonString(spec(), "method") +
                             " is for numbers; use mode, constant or category");
    }
    const Json& value = JsonMember(spec(), "value");
    if (method_ == Method::kConstant && !ParseNumber(ScalarText(value))) {
      return InvalidArgument("impute: value " + DumpJson(value) + " is not a number, column \"" +
                             column.info.name + "\" is numeric");
    }
    if (method_ != Method::kCategory) return Status::Ok();
    return InvalidArgument(name +
                           "numeric; a category of its own is for categorical columns "
                           "(use mean, median, mode or constant, with indicator: true to keep "
                           "apart what was missing)");
  }

  Status LearnNumbers(const FitData& data, const std::vector<std::string>& names,
                      const std::vector<std::size_t>& which, std::vector<Json>& fitted) const {
    std::vector<std::string> chosen;
    for (const std::size_t i : which) chosen.push_back(names[i]);
    std::vector<double> values(chosen.size(), kMissing);
    if (chosen.empty()) return Status::Ok();
    if (method_ == Method::kConstant) {
      values.assign(chosen.size(), *ParseNumber(ScalarText(JsonMember(spec(), "value"))));
    } else if (method_ == Method::kMean) {
      PENSTOCK_ASSIGN_OR_RETURN(values, LearnMeans(data, chosen));
    } else if (method_ == Method::kMedian) {
      PENSTOCK_ASSIGN_OR_RETURN(const auto quantiles, LearnQuantiles(data, chosen, {0.5}));
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (!quantiles[i].empty()) values[i] = quantiles[i][0];
      }
    } else {
      PENSTOCK_ASSIGN_OR_RETURN(values, LearnNumberModes(data, chosen));
    }
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (std::isnan(values[i])) return NoValues(chosen[i]);
      fitted[which[i]] = values[i] + 0.0;
    }
    return Status::Ok();
  }

  Status LearnOthers(const FitData& data, const std::vector<std::string>& names,
                     const std::vector<std::size_t>& which, std::vector<Json>& fitted) const {
    if (method_ != Method::kMode) {
      const std::string text = ScalarText(JsonMember(spec(), "value"));
      for (const std::size_t i : which) {
        fitted[i] = method_ == Method::kCategory && text.empty() ? "missing" : text;
      }
      return Status::Ok();
    }
    std::vector<std::string> chosen;
    for (const std::size_t i : which) chosen.push_back(names[i]);
    PENSTOCK_ASSIGN_OR_RETURN(
        const std::vector<TextCounts> counts,
        LearnTexts(data, chosen, kMostTexts, "impute", "use method constant or category"));
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (counts[i].empty()) return NoValues(chosen[i]);
      fitted[which[i]] = MostFrequent(counts[i]);
    }
    return Status::Ok();
  }

  Status NoValues(const std::string& name) const {
    return InvalidArgument(
        "impute: column \"" + name + "\" has no value in the training rows, so " +
        JsonString(spec(), "method") + " is undefined; drop the column or use method: constant");
  }

  static void FillNumber(Column& column, double fill) {
    for (double& value : column.numbers) {
      if (std::isnan(value)) value = fill;
    }
    if (fill != std::floor(fill)) column.info.type = ColumnType::kDouble;
    if (column.info.type == ColumnType::kBoolean && fill != 0 && fill != 1) {
      column.info.type = ColumnType::kDouble;
    }
    column.info.nullable = false;
  }

  static void FillText(Column& column, const std::string& fill) {
    auto& [codes, dictionary] = column.strings;
    column.info.nullable = false;
    if (std::find(codes.begin(), codes.end(), -1) == codes.end()) return;
    const auto at = std::find(dictionary.begin(), dictionary.end(), fill);
    const auto code = static_cast<int32_t>(at - dictionary.begin());
    if (at == dictionary.end()) dictionary.push_back(fill);
    for (int32_t& value : codes) {
      if (value < 0) value = code;
    }
  }

  Method method_ = Method::kMean;
  bool indicator_ = false;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeImpute(const Json& spec) {
  if (!JsonMember(spec, "by").is_null()) return MakeImputeByGroup(spec);
  return Impute::Make(spec);
}

}  // namespace penstock
