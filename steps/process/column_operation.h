#ifndef PENSTOCK_STEPS_PROCESS_COLUMN_OPERATION_H_
#define PENSTOCK_STEPS_PROCESS_COLUMN_OPERATION_H_

// Operations that turn each of their columns into others, whatever the rest of the table holds:
// they say what they learn of columns, and what becomes of one.
//
// As JSON they are their entry of `transforms` with "fitted": {NAME: what was learned}, or, where
// nothing is learned, {"columns": [NAME …]}.

#include <map>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/operation.h"
#include "steps/process/read_spec.h"
#include "steps/process/selector.h"

namespace penstock {

// `Fitted`: what is learned of one column; std::monostate for nothing.
template <typename Fitted>
class ColumnOperation : public Operation {
 public:
  static constexpr bool kLearns = !std::is_same_v<Fitted, std::monostate>;

  Status Fit(const FitData& data) final {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names, Choose(data));
    std::vector<Fitted> fitted(names.size());
    PENSTOCK_RETURN_IF_ERROR(Learn(data, names, fitted));
    fitted_.clear();
    for (std::size_t i = 0; i < names.size(); ++i) fitted_[names[i]] = std::move(fitted[i]);
    return Status::Ok();
  }

  std::vector<std::string> columns() const final {
    std::vector<std::string> names;
    for (const auto& [name, fitted] : fitted_) names.push_back(name);
    return names;
  }
  bool by_column() const final { return true; }

  Status Apply(Table& table, const AppliedRows& rows) const final {
    std::vector<Column> columns;
    columns.reserve(table.columns.size());
    for (Column& column : table.columns) {
      const auto fitted = fitted_.find(column.info.name);
      if (fitted == fitted_.end()) {
        columns.push_back(std::move(column));
        continue;
      }
      // Of a hollow column only what it becomes: on no rows.
      PENSTOCK_RETURN_IF_ERROR(Change(std::move(column), fitted->second, rows, columns));
    }
    table.columns = std::move(columns);
    return Status::Ok();
  }

  Json ToJson() const final {
    Json json = spec_;
    if constexpr (kLearns) {
      json["fitted"] = Json::object();
      for (const auto& [name, fitted] : fitted_) json["fitted"][name] = FittedToJson(fitted);
    } else {
      json["fitted"] = {{"columns", columns()}};
    }
    return json;
  }

 protected:
  explicit ColumnOperation(const Json& spec) : spec_(spec) {}

  // Reads what ToJson wrote; for the maker, after it has read its parameters.
  Status Restore() {
    const Json& fitted = JsonMember(spec_, "fitted");
    if constexpr (kLearns) {
      if (!fitted.is_object()) return Status::Ok();
      for (const auto& [name, json] : fitted.items()) {
        PENSTOCK_ASSIGN_OR_RETURN(fitted_[name], FittedFromJson(json));
      }
    } else {
      for (const std::string& name : TextList(JsonMember(fitted, "columns"))) fitted_[name] = {};
    }
    return Status::Ok();
  }

  const Json& spec() const { return spec_; }

  // Which columns; by default those that the parameter `columns` chooses.
  virtual Result<std::vector<std::string>> Choose(const FitData& data) const {
    return SelectColumns(JsonMember(spec_, "columns"), data.features());
  }
  // Fills `fitted`, one for each of `names`.
  virtual Status Learn(const FitData& data, const std::vector<std::string>& names,
                       std::vector<Fitted>& fitted) = 0;
  virtual Json FittedToJson(const Fitted&) const { return {}; }
  virtual Result<Fitted> FittedFromJson(const Json&) const { return Fitted{}; }
  // Appends to `out` what `column` becomes: nothing, itself, or others. Columns without rows come,
  // too. Names, types and kinds may depend on the column's info and on `fitted` only.
  virtual Status Change(Column&& column, const Fitted& fitted, const AppliedRows& rows,
                        std::vector<Column>& out) const = 0;

 private:
  Json spec_;
  std::map<std::string, Fitted> fitted_;
};

// The first of `names` (columns of `data`) that is no number, as kInvalidArgument: "OP: column …".
Status RequireNumbers(const FitData& data, const std::vector<std::string>& names,
                      std::string_view op, std::string_view remedy);
// How many values a column of a block has.
inline std::size_t ValuesIn(const Column& column) {
  return column.is_text() ? column.strings.codes.size() : column.numbers.size();
}

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_COLUMN_OPERATION_H_
