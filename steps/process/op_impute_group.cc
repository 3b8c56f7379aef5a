// impute with `by`: missing values become the mean, median or mode of their row's group, the
// training rows with the same values in the columns `by`. Rows of a group that was not seen or has
// no value there, and rows that lack a value of `by`, get what impute without `by` gives.

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "steps/process/learn_by_group.h"
#include "steps/process/makers.h"
#include "steps/process/numbers.h"
#include "steps/process/read_spec.h"
#include "steps/process/row_groups.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

constexpr char kOp[] = "impute";
constexpr int64_t kMostGroups = 1'000'000;

// What to fill in of a column, one a group; NaN and nullopt: as without groups.
struct Fills {
  bool text = false;
  std::vector<double> numbers;
  std::vector<std::optional<std::string>> texts;

  Json ToJson() const {
    Json list = Json::array();
    for (const double number : numbers) {
      list.push_back(std::isnan(number) ? Json() : Json(number));
    }
    for (const auto& value : texts) list.push_back(value ? Json(*value) : Json());
    return list;
  }
  static Result<Fills> FromJson(const Json& list, bool text, std::size_t groups) {
    Fills fills;
    fills.text = text;
    if (!list.is_array() || list.size() != groups) {
      return BadFitted(kOp, "there are not as many values as groups");
    }
    for (const Json& json : list) {
      const bool number = json.is_number() && std::isfinite(json.get<double>());
      if (!json.is_null() && !(text ? json.is_string() : number)) {
        return BadFitted(kOp, DumpJson(json) + " is no value of its column");
      }
      if (text) {
        fills.texts.push_back(json.is_null() ? std::optional<std::string>()
                                             : json.get<std::string>());
      } else {
        fills.numbers.push_back(json.is_null() ? kMissing : json.get<double>());
      }
    }
    return fills;
  }
};

class GroupImpute : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<GroupImpute>(new GroupImpute(spec));
    op->method_ = JsonString(spec, "method");
    if (op->method_ == "constant" || op->method_ == "category") {
      return InvalidArgument("impute: by has no use with method " + op->method_ +
                             "; use mean, median or mode");
    }
    op->max_groups_ = JsonInt(spec, "max_groups", 10'000);
    if (op->max_groups_ < 1 || op->max_groups_ > kMostGroups) {
      return InvalidArgument("impute: max_groups must be from 1 to " + std::to_string(kMostGroups));
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const FitData& data) override {
    PENSTOCK_ASSIGN_OR_RETURN(by_, SelectColumns(JsonMember(spec_, "by"), data.features()));
    if (by_.empty()) return InvalidArgument("impute: by chooses no column");
    PENSTOCK_ASSIGN_OR_RETURN(whole_, MakeWhole(Json()));
    PENSTOCK_RETURN_IF_ERROR(whole_->Fit(data));
    for (const std::string& name : whole_->columns()) {
      if (std::find(by_.begin(), by_.end(), name) == by_.end()) continue;
      return InvalidArgument("impute: column \"" + name +
                             "\" is among columns and in by; name it in one of them");
    }
    PENSTOCK_ASSIGN_OR_RETURN(groups_, LearnGroups(data, by_, max_groups_, kOp));
    fills_.clear();
    for (const std::string& name : whole_->columns()) {
      PENSTOCK_ASSIGN_OR_RETURN(fills_[name], Learn({data, by_, groups_, name}));
    }
    return Status::Ok();
  }

  std::vector<std::string> columns() const override {
    std::vector<std::string> names = by_;
    for (const auto& [name, fills] : fills_) names.push_back(name);
    return names;
  }

  Status Apply(Table& table, const AppliedRows& rows) const override {
    for (const std::string& name : columns())
      PENSTOCK_RETURN_IF_ERROR(FindColumn(table, name).status());
    std::vector<int32_t> group_of;
    {
      RowGroups groups = GroupRows(table, by_);
      const std::vector<int32_t> indices = IndexOfKeys(groups.keys, groups_);
      group_of = std::move(groups.of);
      for (int32_t& group : group_of) {
        if (group >= 0) group = indices[static_cast<std::size_t>(group)];
      }
    }
    std::map<std::string, std::vector<double>> missing;
    std::map<std::string, ColumnType> types;
    for (const auto& [name, fills] : fills_) {
      Column& column = *table.Find(name);
      if (column.is_text() != fills.text) {
        return InvalidArgument("impute: column \"" + name +
                               "\" has another type than when the transform was fitted");
      }
      if (indicator_) missing[name] = MissingIn(column, group_of.size());
      fills.text ? FillText(column, group_of, fills) : FillNumbers(column, group_of, fills);
      types[name] = TypeOf(column.info.type, fills);
    }
    PENSTOCK_RETURN_IF_ERROR(whole_->Apply(table, rows));
    std::vector<Column> columns;
    for (Column& column : table.columns) {
      const std::string name = column.info.name;
      if (const auto type = types.find(name);
          type != types.end() && type->second == ColumnType::kDouble) {
        column.info.type = ColumnType::kDouble;
      }
      columns.push_back(std::move(column));
      if (const auto at = missing.find(name); at != missing.end()) {
        columns.push_back(
            MakeNumberColumn(MissingName(name), std::move(at->second), ColumnType::kBoolean));
      }
    }
    table.columns = std::move(columns);
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    Json groups = Json::array();
    for (const auto& [key, index] : groups_) groups.push_back(key);
    Json fills = Json::object();
    for (const auto& [name, of] : fills_) fills[name] = of.ToJson();
    json["fitted"] = {{"by", by_},
                      {"groups", std::move(groups)},
                      {"fills", std::move(fills)},
                      {"whole", whole_ ? JsonMember(whole_->ToJson(), "fitted") : Json::object()}};
    return json;
  }

 private:
  explicit GroupImpute(const Json& spec) : spec_(spec), indicator_(JsonBool(spec, "indicator")) {}

  // impute without groups; `fitted`: what it learned.
  Result<std::unique_ptr<Operation>> MakeWhole(const Json& fitted) const {
    Json spec = {{"op", kOp}, {"columns", JsonMember(spec_, "columns")}, {"method", method_}};
    if (!fitted.is_null()) spec["fitted"] = fitted;
    return MakeImpute(spec);
  }

  Status Restore() {
    const Json& fitted = JsonMember(spec_, "fitted");
    PENSTOCK_ASSIGN_OR_RETURN(whole_,
                              MakeWhole(fitted.is_object() ? JsonMember(fitted, "whole") : Json()));
    if (!fitted.is_object()) return Status::Ok();
    by_ = TextList(JsonMember(fitted, "by"));
    if (by_.empty()) return BadFitted(kOp, "by is absent");
    const Json& groups = JsonMember(fitted, "groups");
    if (!groups.is_array()) return BadFitted(kOp, "groups are absent");
    for (const Json& group : groups) {
      const GroupKey key = TextList(group);
      const bool sorted = groups_.empty() || groups_.rbegin()->first < key;
      if (key.size() != by_.size() || !sorted) return BadFitted(kOp, "groups are not in order");
      groups_.emplace(key, static_cast<int32_t>(groups_.size()));
    }
    const Json& whole = JsonMember(fitted, "whole");
    const Json& fills = JsonMember(fitted, "fills");
    if (!fills.is_object() || !whole.is_object() || fills.size() != whole.size()) {
      return BadFitted(kOp, "there are not as many fills as columns");
    }
    for (const auto& [name, value] : whole.items()) {
      PENSTOCK_ASSIGN_OR_RETURN(fills_[name], Fills::FromJson(JsonMember(fills, name),
                                                              value.is_string(), groups_.size()));
      if (std::find(by_.begin(), by_.end(), name) != by_.end()) {
        return BadFitted(kOp, "a column is filled in and in by");
      }
    }
    return Status::Ok();
  }

  Result<Fills> Learn(const GroupedColumn& column) const {
    Fills fills;
    fills.text = column.data.features().Find(column.name)->is_text();
    if (fills.text) {
      PENSTOCK_ASSIGN_OR_RETURN(fills.texts, GroupTextModes(column));
    } else if (method_ == "mean") {
      PENSTOCK_ASSIGN_OR_RETURN(fills.numbers, GroupMeans(column));
    } else if (method_ == "median") {
      PENSTOCK_ASSIGN_OR_RETURN(fills.numbers, GroupMedians(column));
    } else {
      PENSTOCK_ASSIGN_OR_RETURN(fills.numbers, GroupNumberModes(column));
    }
    // A mean of values that are too large for a sum is none.
    for (double& number : fills.numbers) {
      number = std::isfinite(number) ? number + 0.0 : kMissing;
    }
    return fills;
  }

  static std::vector<double> MissingIn(const Column& column, std::size_t rows) {
    std::vector<double> missing(rows);
    for (std::size_t i = 0; i < rows; ++i) missing[i] = column.missing(i) ? 1 : 0;
    return missing;
  }

  static void FillNumbers(Column& column, const std::vector<int32_t>& group_of,
                          const Fills& fills) {
    for (std::size_t i = 0; i < column.numbers.size(); ++i) {
      if (group_of[i] < 0 || !std::isnan(column.numbers[i])) continue;
      column.numbers[i] = fills.numbers[static_cast<std::size_t>(group_of[i])];
    }
  }

  static void FillText(Column& column, const std::vector<int32_t>& group_of, const Fills& fills) {
    auto& [codes, dictionary] = column.strings;
    std::unordered_map<std::string, int32_t> code_of;
    for (std::size_t code = 0; code < dictionary.size(); ++code) {
      code_of.emplace(dictionary[code], static_cast<int32_t>(code));
    }
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (group_of[i] < 0 || codes[i] >= 0) continue;
      const auto& fill = fills.texts[static_cast<std::size_t>(group_of[i])];
      if (!fill) continue;
      const auto [at, added] = code_of.emplace(*fill, static_cast<int32_t>(dictionary.size()));
      if (added) dictionary.push_back(*fill);
      codes[i] = at->second;
    }
  }

  // What a column is once it may hold any of the numbers.
  static ColumnType TypeOf(ColumnType type, const Fills& fills) {
    for (const double number : fills.numbers) {
      if (std::isnan(number)) continue;
      const bool flag = number == 0 || number == 1;
      const bool fits = type == ColumnType::kBoolean ? flag : number == std::floor(number);
      if (!fits) return ColumnType::kDouble;
    }
    return type;
  }

  Json spec_;
  std::string method_;
  bool indicator_ = false;
  int64_t max_groups_ = 10'000;
  std::vector<std::string> by_;
  GroupIndex groups_;
  std::map<std::string, Fills> fills_;
  std::unique_ptr<Operation> whole_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeImputeByGroup(const Json& spec) {
  return GroupImpute::Make(spec);
}

}  // namespace penstock
