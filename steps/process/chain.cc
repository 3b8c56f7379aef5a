#include "steps/process/chain.h"

#include <unordered_set>
#include <utility>

#include "steps/process/operation.h"

namespace penstock {
namespace {

Table Hollow(const std::vector<ColumnInfo>& columns) {
  Table table;
  for (const ColumnInfo& info : columns) table.columns.push_back({info, {}, {}});
  return table;
}

// Gives a table the columns `after`, in that order: those that it has, and hollow ones for those
// that it lacks or that `made` says are others.
void Arrange(Table& table, const std::vector<ColumnInfo>& after,
             const std::unordered_map<std::string, std::string>& made) {
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    index.emplace(table.columns[i].info.name, i);
  }
  std::vector<Column> columns;
  columns.reserve(after.size());
  for (const ColumnInfo& info : after) {
    const auto at = index.find(info.name);
    if (at == index.end() || made.contains(info.name)) {
      columns.push_back({info, {}, {}});
    } else {
      columns.push_back(std::move(table.columns[at->second]));
    }
  }
  table.columns = std::move(columns);
}

}  // namespace

OperationChain::OperationChain(const std::vector<ColumnInfo>& columns)
    : input_(Hollow(columns)), output_(input_) {}

Status OperationChain::Add(std::shared_ptr<const Operation> operation, const std::string& name) {
  Link link;
  link.name = name;
  link.by_column = operation->by_column();
  link.reads = operation->columns();
  std::unordered_set<std::string> before;
  for (const Column& column : output_.columns) before.insert(column.info.name);
  for (const std::string& read : link.reads) {
    if (before.contains(read)) continue;
    return InvalidArgument("the data have no column \"" + read + "\"" +
                           SuggestColumn(read, output_.names()));
  }
  Table after = output_;
  PENSTOCK_RETURN_IF_ERROR(operation->Apply(after, {}));
  const std::unordered_set<std::string> reads(link.reads.begin(), link.reads.end());
  if (link.by_column) {
    for (const Column& column : output_.columns) {
      if (!reads.contains(column.info.name)) continue;
      Table one;
      one.columns.push_back(column);
      PENSTOCK_RETURN_IF_ERROR(operation->Apply(one, {}));
      for (const Column& made : one.columns) link.made.emplace(made.info.name, column.info.name);
    }
  }
  std::unordered_set<std::string> names;
  for (const Column& column : after.columns) {
    const std::string& made = column.info.name;
    if (!names.insert(made).second) {
      const auto from = link.made.find(made);
      return InvalidArgument((from == link.made.end() || from->second == made
                                  ? "there would be two columns \"" + made + "\""
                                  : "column \"" + from->second + "\" would become \"" + made +
                                        "\", which is there already") +
                             "; rename or drop one");
    }
    if (!link.by_column && (!before.contains(made) || reads.contains(made))) {
      link.made.emplace(made, "");
    }
    link.after.push_back(column.info);
  }
  output_ = std::move(after);
  operations_.push_back(std::move(operation));
  links_.push_back(std::move(link));
  return Status::Ok();
}

OperationChain::Plan OperationChain::PlanFor(const std::vector<std::string>& wanted) const {
  Plan plan;
  plan.applied.resize(links_.size());
  std::unordered_set<std::string> needed(wanted.begin(), wanted.end());
  for (std::size_t i = links_.size(); i-- > 0;) {
    const Link& link = links_[i];
    std::vector<std::string> sources;
    for (const auto& [name, source] : link.made) {
      if (needed.erase(name) == 0) continue;
      plan.applied[i] = true;
      if (link.by_column) sources.push_back(source);
    }
    if (plan.applied[i] && !link.by_column) sources = link.reads;
    needed.insert(sources.begin(), sources.end());
  }
  for (const Column& column : input_.columns) {
    if (needed.contains(column.info.name)) plan.inputs.push_back(column.info.name);
  }
  return plan;
}

OperationChain::Plan OperationChain::PlanForAll() const {
  return PlanFor(output_.names());
}

Status OperationChain::Apply(const Plan& plan, Table& table, const AppliedRows& rows) const {
  std::vector<ColumnInfo> columns;
  for (const Column& column : input_.columns) columns.push_back(column.info);
  Arrange(table, columns, {});
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (plan.applied[i]) {
      const Status applied = operations_[i]->Apply(table, rows);
      if (applied.code() == StatusCode::kInvalidArgument && !links_[i].name.empty()) {
        return applied.WithContext(links_[i].name);
      }
      PENSTOCK_RETURN_IF_ERROR(applied);
    } else {
      Arrange(table, links_[i].after, links_[i].made);
    }
  }
  return Status::Ok();
}

}  // namespace penstock
