// derive: a column that an SQL expression computes from others of the same row.

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/expression.h"
#include "steps/process/makers.h"
#include "steps/process/read_spec.h"
#include "steps/table/sql.h"

namespace penstock {
namespace {

class Derive : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Derive>(new Derive(spec));
    if (op->name_.empty()) {
      return InvalidArgument("derive: name must say what the column is called");
    }
    if (op->expression_.empty()) {
      return InvalidArgument("derive: expression must say what is computed, in SQL");
    }
    const Json& fitted = JsonMember(spec, "fitted");
    op->reads_ = TextList(JsonMember(fitted, "columns"));
    op->replaces_ = JsonBool(fitted, "replaces");
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const FitData& data) override {
    const std::vector<std::string> names = data.features().names();
    PENSTOCK_ASSIGN_OR_RETURN(reads_, ColumnsOfExpression(expression_, names));
    replaces_ = std::find(names.begin(), names.end(), name_) != names.end();
    return Status::Ok();
  }

  std::vector<std::string> columns() const override {
    std::vector<std::string> all = reads_;
    if (replaces_ && std::find(all.begin(), all.end(), name_) == all.end()) all.push_back(name_);
    return all;
  }

  Status Apply(Table& table, const AppliedRows& rows) const override {
    Table block;
    block.rows = table.rows;
    std::vector<Column*> places;
    for (const std::string& name : reads_) {
      PENSTOCK_ASSIGN_OR_RETURN(Column * column, FindColumn(table, name));
      block.columns.push_back(std::move(*column));
      places.push_back(column);
    }
    const std::string& named = reads_.empty() ? name_ : reads_.front();
    PENSTOCK_ASSIGN_OR_RETURN(Column column, ComputeColumn(block, expression_, [&](std::size_t i) {
                                return rows.Where(i, named);
                              }));
    column.info.name = name_;
    PENSTOCK_RETURN_IF_ERROR(CheckFinite(block, column, rows));
    for (std::size_t i = 0; i < places.size(); ++i) *places[i] = std::move(block.columns[i]);
    if (Column* before = replaces_ ? table.Find(name_) : nullptr; before != nullptr) {
      *before = std::move(column);
    } else {
      table.columns.push_back(std::move(column));
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = {{"columns", reads_}, {"replaces", replaces_}};
    return json;
  }

 private:
  explicit Derive(const Json& spec)
      : spec_(spec), name_(JsonString(spec, "name")), expression_(JsonString(spec, "expression")) {}

  // Infinite where no value that was read is.
  Status CheckFinite(const Table& block, const Column& column, const AppliedRows& rows) const {
    for (std::size_t i = 0; i < column.numbers.size(); ++i) {
      if (!std::isinf(column.numbers[i])) continue;
      const bool was = std::any_of(
          block.columns.begin(), block.columns.end(),
          [&](const Column& read) { return !read.is_text() && std::isinf(read.numbers[i]); });
      if (was) continue;
      std::string message = rows.Where(i, reads_.empty() ? name_ : reads_.front());
      message += ": derive: \"" + name_ +
                 "\" is beyond the largest number; mend the row, or the expression";
      return InvalidArgument(std::move(message));
    }
    return Status::Ok();
  }

  Json spec_;
  std::string name_;
  std::string expression_;
  std::vector<std::string> reads_;
  bool replaces_ = false;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeDerive(const Json& spec) {
  return Derive::Make(spec);
}

}  // namespace penstock
