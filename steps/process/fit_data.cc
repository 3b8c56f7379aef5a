#include "steps/process/fit_data.h"

#include <unordered_set>
#include <utility>

#include "steps/table/collect.h"

namespace penstock {
namespace {

constexpr int64_t kDefaultBudget = int64_t{1} << 30;

}  // namespace

FitData::FitData(Options options) : options_(std::move(options)) {
  if (!options_.choice) options_.rows = options_.frame->rows();
  if (options_.budget <= 0) options_.budget = kDefaultBudget;
  for (const ColumnInfo& info : options_.frame->columns()) {
    if (!options_.roles.is_feature(info.name)) others_.push_back(info);
    if (options_.chain == nullptr && options_.roles.is_feature(info.name)) {
      features_.columns.push_back({info, {}, {}});
    }
  }
  if (options_.chain != nullptr) features_ = options_.chain->output();
  for (const Column& column : features_.columns) columns_.push_back(column.info);
  columns_.insert(columns_.end(), others_.begin(), others_.end());
}

FitData::FitData(const Frame& frame, Roles roles, LabelInfo label)
    : FitData(Options{.frame = &frame,
                      .chain = nullptr,
                      .choice = nullptr,
                      .rows = 0,
                      .training = true,
                      .roles = std::move(roles),
                      .label = std::move(label),
                      .where = nullptr,
                      .budget = 0}) {}

OperationChain::Plan FitData::PlanFor(const std::vector<std::string>& needed) const {
  if (options_.chain == nullptr) return {needed, {}};
  MutexLock lock(mutex_);
  if (plan_.applied.size() != options_.chain->operations().size() || planned_ != needed) {
    plan_ = options_.chain->PlanFor(needed);
    planned_ = needed;
    const std::unordered_set<std::string> wanted(needed.begin(), needed.end());
    for (const ColumnInfo& other : others_) {
      if (wanted.contains(other.name)) plan_.inputs.push_back(other.name);
    }
  }
  return plan_;
}

Status FitData::Visit(int64_t block, const std::vector<std::string>& needed,
                      const Visitor& visit) const {
  PENSTOCK_ASSIGN_OR_RETURN(const Table table, Take(block, needed));
  return visit(block, table);
}

Result<Table> FitData::Take(int64_t block, const std::vector<std::string>& needed) const {
  const OperationChain::Plan plan = PlanFor(needed);
  const std::unordered_set<std::string> inputs(plan.inputs.begin(), plan.inputs.end());
  const std::vector<int32_t> choice =
      options_.choice ? options_.choice(block) : std::vector<int32_t>();
  Table table;
  std::vector<Column> others;
  std::size_t found = 0;
  PENSTOCK_RETURN_IF_ERROR(
      options_.frame->Visit(block, plan.inputs, [&](int64_t, const Table& raw) {
        table.rows = options_.choice ? static_cast<int64_t>(choice.size()) : raw.rows;
        for (const Column& column : raw.columns) {
          const std::string& name = column.info.name;
          std::vector<Column>& to = options_.roles.is_feature(name) ? table.columns : others;
          if (!inputs.contains(name)) {
            to.push_back({column.info, {}, {}});
            continue;
          }
          ++found;
          if (options_.choice) {
            // Operations may look at each text that there is; the label keeps its classes.
            to.push_back(ChooseRows(column, choice, name == options_.roles.label));
          } else {
            to.push_back(column);
          }
        }
        return Status::Ok();
      }));
  for (std::size_t i = 0; found < inputs.size() && i < plan.inputs.size(); ++i) {
    if (options_.chain == nullptr || options_.frame->Find(plan.inputs[i]) != nullptr) continue;
    return InvalidArgument("the data have no column \"" + plan.inputs[i] + "\"");
  }
  if (options_.chain != nullptr) {
    const std::vector<int64_t> origin = RowsOf(block);
    const AppliedRows rows{
        options_.where, 0, &origin,
        std::vector<uint8_t>(options_.training ? origin.size() : std::size_t{0}, 1)};
    PENSTOCK_RETURN_IF_ERROR(options_.chain->Apply(plan, table, rows));
  }
  for (Column& column : others) table.columns.push_back(std::move(column));
  return table;
}

std::vector<int64_t> FitData::RowsOf(int64_t block) const {
  const int64_t first = options_.frame->first_row(block);
  std::vector<int64_t> rows;
  if (options_.choice) {
    for (const int32_t i : options_.choice(block)) rows.push_back(first + i);
    return rows;
  }
  const int64_t end = options_.frame->first_row(block + 1);
  rows.reserve(static_cast<std::size_t>(end - first));
  for (int64_t row = first; row < end; ++row) rows.push_back(row);
  return rows;
}

}  // namespace penstock
