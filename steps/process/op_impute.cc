// impute: fills in missing values. Numeric columns: mean, median (of an even count the mean of the
// middle two), mode, constant; others: mode, constant, or a category of its own. Ties of the mode
// go to the smallest value. O(rows) a column.

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.h"
#include "steps/process/operation.h"
#include "steps/process/read_spec.h"
#include "steps/process/selector.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

enum class Method { kMean, kMedian, kMode, kConstant, kCategory };

std::vector<double> Present(const Column& column, const std::vector<int64_t>& rows) {
  std::vector<double> values;
  values.reserve(rows.size());
  for (const int64_t row : rows) {
    const double value = column.numbers[static_cast<std::size_t>(row)];
    if (!std::isnan(value)) values.push_back(value);
  }
  return values;
}

// Neumaier's compensated sum: exact to the last bits, in the order of the rows.
double Mean(const std::vector<double>& values) {
  double sum = 0;
  double lost = 0;
  for (const double value : values) {
    const double next = sum + value;
    lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  return (sum + lost) / static_cast<double>(values.size());
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const double below = *std::max_element(values.begin(), middle);
  return below + (*middle - below) / 2;
}

template <typename Value>
Value Mode(const std::map<Value, int64_t>& counts) {
  auto best = counts.begin();
  for (auto at = counts.begin(); at != counts.end(); ++at) {
    if (at->second > best->second) best = at;
  }
  return best->first;
}

class Impute : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto impute = std::make_unique<Impute>();
    impute->spec_ = spec;
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
    for (const auto& [name, value] : JsonMember(spec, "fitted").items()) {
      impute->fitted_[name] = value;
    }
    return std::unique_ptr<Operation>(std::move(impute));
  }

  Status Fit(const Table& table, const std::vector<int64_t>& rows) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(JsonMember(spec_, "columns"), table));
    for (const std::string& name : names) {
      const Column& column = *table.Find(name);
      PENSTOCK_ASSIGN_OR_RETURN(fitted_[name],
                                column.is_text() ? FitText(column, rows) : FitNumber(column, rows));
    }
    return Status::Ok();
  }

  Status Apply(Table& table, const WhereCell&) const override {
    for (const auto& [name, value] : fitted_) {
      PENSTOCK_ASSIGN_OR_RETURN(Column * column, FindColumn(table, name));
      if (indicator_) PENSTOCK_RETURN_IF_ERROR(AddIndicator(table, *column));
      PENSTOCK_ASSIGN_OR_RETURN(column, FindColumn(table, name));
      if (column->is_text()) {
        FillText(*column, ScalarText(value));
      } else {
        FillNumber(*column, value.get<double>());
      }
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = fitted_;
    return json;
  }

 private:
  Result<Json> FitNumber(const Column& column, const std::vector<int64_t>& rows) const {
    const std::string& name = column.info.name;
    if (method_ == Method::kCategory) {
      return InvalidArgument("impute: column \"" + name +
                             "\" is numeric; a category of its own is for categorical columns "
                             "(use mean, median, mode or constant, with indicator: true to keep "
                             "apart what was missing)");
    }
    if (method_ == Method::kConstant) {
      const Json& value = JsonMember(spec_, "value");
      const auto number = ParseNumber(ScalarText(value));
      if (number) return Json(*number);
      return InvalidArgument("impute: value " + DumpJson(value) + " is not a number, column \"" +
                             name + "\" is numeric");
    }
    const std::vector<double> values = Present(column, rows);
    if (values.empty()) return NoValues(name);
    if (method_ == Method::kMean) return Json(Mean(values));
    if (method_ == Method::kMedian) return Json(Median(values));
    std::map<double, int64_t> counts;
    for (const double value : values) ++counts[value];
    return Json(Mode(counts));
  }

  Result<Json> FitText(const Column& column, const std::vector<int64_t>& rows) const {
    const std::string& name = column.info.name;
    if (method_ == Method::kCategory)
      return Json(ScalarText(JsonMember(spec_, "value")).empty()
                      ? "missing"
                      : ScalarText(JsonMember(spec_, "value")));
    if (method_ == Method::kConstant) return Json(ScalarText(JsonMember(spec_, "value")));
    if (method_ != Method::kMode) {
      return InvalidArgument(
          "impute: column \"" + name + "\" is " + std::string(Name(column.info.kind)) + ", " +
          JsonString(spec_, "method") + " is for numbers; use mode, constant or category");
    }
    std::map<std::string, int64_t> counts;
    for (const int64_t row : rows) {
      const auto i = static_cast<std::size_t>(row);
      if (!column.missing(i)) ++counts[column.strings[i]];
    }
    if (counts.empty()) return NoValues(name);
    return Json(Mode(counts));
  }

  Status NoValues(const std::string& name) const {
    return InvalidArgument(
        "impute: column \"" + name + "\" has no value in the training rows, so " +
        JsonString(spec_, "method") + " is undefined; drop the column or use method: constant");
  }

  static Status AddIndicator(Table& table, const Column& column) {
    const std::string name = column.info.name;
    Column with = column;
    const std::size_t rows = static_cast<std::size_t>(table.rows);
    std::vector<double> missing(rows);
    for (std::size_t i = 0; i < rows; ++i) missing[i] = column.missing(i) ? 1 : 0;
    Column indicator =
        MakeNumberColumn(name + "=(missing)", std::move(missing), ColumnType::kBoolean);
    std::vector<Column> columns;
    columns.push_back(std::move(with));
    columns.push_back(std::move(indicator));
    return ReplaceColumn(table, name, std::move(columns));
  }

  static void FillNumber(Column& column, double fill) {
    for (double& value : column.numbers) {
      if (std::isnan(value)) value = fill + 0.0;
    }
    if (fill != std::floor(fill)) column.info.type = ColumnType::kDouble;
    if (column.info.type == ColumnType::kBoolean && fill != 0 && fill != 1) {
      column.info.type = ColumnType::kDouble;
    }
    column.info.nullable = false;
  }

  static void FillText(Column& column, const std::string& fill) {
    auto& dictionary = column.strings.dictionary;
    const auto at = std::find(dictionary.begin(), dictionary.end(), fill);
    const auto code = static_cast<int32_t>(at - dictionary.begin());
    if (at == dictionary.end()) dictionary.push_back(fill);
    for (int32_t& value : column.strings.codes) {
      if (value < 0) value = code;
    }
    column.info.nullable = false;
  }

  Json spec_;
  Method method_ = Method::kMean;
  bool indicator_ = false;
  std::map<std::string, Json> fitted_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeImpute(const Json& spec) {
  return Impute::Make(spec);
}

}  // namespace penstock
