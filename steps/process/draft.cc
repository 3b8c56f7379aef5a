#include "steps/process/draft.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string_view>
#include <unordered_set>

#include "base/text.h"
#include "steps/table/collect.h"

namespace penstock {
namespace {

// A column of `rows` rows that has the values of `column` at `places`; the others are missing.
Column Spread(Column&& column, const std::vector<int32_t>& places, int64_t rows) {
  const auto count = static_cast<std::size_t>(rows);
  std::vector<int32_t> codes(column.is_text() ? count : 0, -1);
  std::vector<double> numbers(column.is_text() ? 0 : count, kMissing);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto place = static_cast<std::size_t>(places[i]);
    if (column.is_text()) {
      codes[place] = column.strings.codes[i];
    } else {
      numbers[place] = column.numbers[i];
    }
  }
  column.strings.codes = std::move(codes);
  column.numbers = std::move(numbers);
  return std::move(column);
}

}  // namespace

Status CheckRoles(const Roles& roles, const std::vector<ColumnInfo>& columns,
                  const std::string& file) {
  std::vector<std::pair<std::string, std::string>> named = {{"label", roles.label},
                                                            {"weight", roles.weight},
                                                            {"time", roles.time},
                                                            {"group", roles.group}};
  for (const std::string& name : roles.id) named.emplace_back("id", name);
  for (const std::string& name : roles.keep) named.emplace_back("keep", name);
  std::vector<std::string> names;
  for (const ColumnInfo& column : columns) names.push_back(column.name);
  for (const auto& [role, name] : named) {
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) continue;
    return InvalidArgument(file + ": line 1: no column is named \"" + name + "\" (roles." + role +
                           ")" + SuggestColumn(name, names));
  }
  return Status::Ok();
}

Result<Draft> Draft::Make(RawFrame raw, Roles roles, const LabelRules& rules, LabelInfo label,
                          int64_t budget) {
  Draft draft;
  draft.source_ = std::move(raw);
  draft.source_rows_ = draft.source_.frame.rows();
  draft.roles_ = std::move(roles);
  draft.label_ = std::move(label);
  draft.budget_ = budget;
  draft.place_.assign(static_cast<std::size_t>(draft.source_rows_), 0);
  PENSTOCK_RETURN_IF_ERROR(draft.ResolveLabels(rules));
  PENSTOCK_RETURN_IF_ERROR(draft.CheckWeights());
  std::vector<ColumnInfo> features;
  for (const ColumnInfo& column : draft.source_.frame.columns()) {
    if (draft.roles_.is_feature(column.name)) features.push_back(column);
  }
  draft.chain_ = OperationChain(features);
  return draft;
}

std::string Draft::Where(int64_t row, const std::string& column) const {
  if (row >= source_rows_) return "a row that resampling made, column " + column;
  return source_.Where(row, column);
}

// Rows without a label are dropped, or the first is refused.
Status Draft::ResolveLabels(const LabelRules& rules) {
  if (roles_.label.empty()) return Status::Ok();
  Frame& frame = source_.frame;
  return frame.Change({roles_.label}, [&](int64_t block, Table& table) -> Status {
    const int64_t first = frame.first_row(block);
    Column& column = *table.Find(roles_.label);
    PENSTOCK_ASSIGN_OR_RETURN(column, ResolveLabel(rules, label_, column, [&](int64_t row) {
                                return source_.Where(first + row, roles_.label);
                              }));
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
      if (!column.missing(i)) continue;
      const int64_t row = first + static_cast<int64_t>(i);
      if (!rules.drop_missing) {
        return InvalidArgument(source_.Where(row, roles_.label) +
                               ": the label is missing; mend the row, or give labels.missing: "
                               "drop to leave such rows out");
      }
      Drop(row);
    }
    return Status::Ok();
  });
}

Status Draft::CheckWeights() const {
  if (roles_.weight.empty()) return Status::Ok();
  const Frame& frame = source_.frame;
  return frame.ForEach({roles_.weight}, [&](int64_t block, const Table& table) -> Status {
    const Column& column = *table.Find(roles_.weight);
    if (column.is_text()) {
      return InvalidArgument(source_.parts.front().display_name + ": the weight \"" +
                             roles_.weight + "\" is text, not a number");
    }
    for (std::size_t i = 0; i < column.numbers.size(); ++i) {
      if (column.numbers[i] >= 0 && std::isfinite(column.numbers[i])) continue;
      return InvalidArgument(
          source_.Where(frame.first_row(block) + static_cast<int64_t>(i), roles_.weight) +
          ": weight \"" + column.text(i) + "\" is not a number of at least 0");
    }
    return Status::Ok();
  });
}

int64_t Draft::live_rows() const {
  return std::count_if(place_.begin(), place_.end(),
                       [](uint8_t place) { return place != kDropped; });
}

Status Draft::Add(std::shared_ptr<const Operation> operation, const std::string& name) {
  OperationChain chain = chain_;
  const bool costly = operation->costly();
  PENSTOCK_RETURN_IF_ERROR(chain.Add(std::move(operation), name));
  for (const Column& column : chain.output().columns) {
    if (!roles_.is_feature(column.info.name)) {
      return InvalidArgument("there would be a feature \"" + column.info.name +
                             "\", but the column of that name has a role; rename one");
    }
  }
  chain_ = std::move(chain);
  // Later data are passed over once, and may lack columns that only what is dropped needs.
  return costly && !later_data_ ? Materialise() : Status::Ok();
}

Status Draft::Materialise() {
  if (chain_.operations().empty()) return Status::Ok();
  const OperationChain::Plan plan = chain_.PlanForAll();
  Frame& frame = source_.frame;
  std::unordered_set<std::string_view> there;
  for (const ColumnInfo& column : frame.columns()) there.insert(column.name);
  for (const std::string& name : plan.inputs) {
    if (there.contains(name)) continue;
    return InvalidArgument("the data have no column \"" + name + "\"");
  }
  const auto compute = [&](int64_t block, Table& table) -> Status {
    AppliedRows rows;
    rows.where = [this](int64_t row, const std::string& column) { return Where(row, column); };
    // Rows that were dropped may hold what no operation can use.
    std::vector<int64_t> live;
    std::vector<int32_t> choice;
    for (int64_t i = 0; i < table.rows; ++i) {
      const int64_t row = frame.first_row(block) + i;
      if (!is_live(row)) continue;
      live.push_back(row);
      choice.push_back(static_cast<int32_t>(i));
      rows.training.push_back(!later_data_ && is_training(row) ? 1 : 0);
    }
    rows.origin = &live;
    const bool whole = static_cast<int64_t>(live.size()) == table.rows;
    Table features;
    features.rows = static_cast<int64_t>(live.size());
    std::vector<Column> others;
    for (Column& column : table.columns) {
      if (!roles_.is_feature(column.info.name)) {
        others.push_back(std::move(column));
      } else if (whole || IsHollow(column, table.rows)) {
        features.columns.push_back(std::move(column));
      } else {
        features.columns.push_back(ChooseRows(column, choice));
      }
    }
    PENSTOCK_RETURN_IF_ERROR(chain_.Apply(plan, features, rows));
    table.columns = std::move(features.columns);
    for (Column& column : table.columns) {
      if (!whole) column = Spread(std::move(column), choice, table.rows);
    }
    for (Column& column : others) table.columns.push_back(std::move(column));
    return Status::Ok();
  };
  PENSTOCK_RETURN_IF_ERROR(frame.Change(plan.inputs, compute));
  std::vector<ColumnInfo> columns;
  for (const ColumnInfo& column : frame.columns()) {
    if (roles_.is_feature(column.name)) columns.push_back(column);
  }
  chain_ = OperationChain(columns);
  return Status::Ok();
}

Status Draft::SetWeights(const std::string& name, const std::vector<std::string>& needed,
                         const Weigh& weigh) {
  PENSTOCK_RETURN_IF_ERROR(Materialise());
  Frame& frame = source_.frame;
  if (name != roles_.weight && frame.Find(name) != nullptr) {
    return InvalidArgument("there is a column \"" + name + "\" already; give weights another name");
  }
  std::vector<std::string> wanted = needed;
  for (const std::string& role : {roles_.label, roles_.weight}) {
    if (!role.empty()) wanted.push_back(role);
  }
  PENSTOCK_RETURN_IF_ERROR(frame.Change(wanted, [&](int64_t block, Table& table) -> Status {
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<double> weights, weigh(block, table));
    Column column = MakeNumberColumn(name, std::move(weights));
    Column* before = roles_.weight.empty() ? nullptr : table.Find(roles_.weight);
    if (before != nullptr) {
      *before = std::move(column);
    } else {
      table.columns.push_back(std::move(column));
    }
    return Status::Ok();
  }));
  roles_.weight = name;
  return Status::Ok();
}

FitData Draft::Rows(RowChoice choice, int64_t count, bool training) const {
  FitData::Options options;
  options.frame = &source_.frame;
  options.chain = &chain_;
  options.choice = std::move(choice);
  options.rows = count;
  options.training = training && !later_data_;
  options.roles = roles_;
  options.label = label_;
  options.where = [this](int64_t row, const std::string& column) { return Where(row, column); };
  options.budget = budget_;
  return FitData(std::move(options));
}

FitData Draft::LiveRows() const {
  const int64_t count = live_rows();
  if (count == rows()) return Rows(nullptr, count, false);
  return Rows(
      [this](int64_t block) {
        std::vector<int32_t> chosen;
        const int64_t first = source_.frame.first_row(block);
        for (int64_t row = first; row < source_.frame.first_row(block + 1); ++row) {
          if (is_live(row)) chosen.push_back(static_cast<int32_t>(row - first));
        }
        return chosen;
      },
      count, false);
}

FitData Draft::TrainingRows() const {
  const int64_t count = part_rows(training_part_);
  if (count == rows() && copies_.empty()) return Rows(nullptr, count, true);
  return Rows([this](int64_t block) { return RowsOf(training_part_, block); }, count, true);
}

FitData Draft::Chosen(RowChoice choose, bool training) const {
  return Rows(std::move(choose), 0, training);
}

void Draft::KeepFromTraining(int64_t row) {
  uint8_t& place = place_[Index(row)];
  if (place != training_part_) return;
  place = is_split_ ? kDropped : kNotTraining;
}

Status Draft::Filter(Applies applies, const std::vector<std::string>& needed, const Keep& keep) {
  const bool train = applies == Applies::kTrain;
  const FitData data = train ? TrainingRows() : LiveRows();
  return data.ForEach(needed, [&](int64_t block, const Table& table) -> Status {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<uint8_t> kept, keep(table));
    const std::vector<int64_t> rows = data.RowsOf(block);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (kept[i] != 0) continue;
      train ? KeepFromTraining(rows[i]) : Drop(rows[i]);
    }
    return Status::Ok();
  });
}

Status Draft::Append(Table&& rows) {
  const auto count = static_cast<std::size_t>(rows.rows);
  PENSTOCK_RETURN_IF_ERROR(source_.frame.Append(std::move(rows)));
  place_.insert(place_.end(), count, training_part_);
  if (!copies_.empty()) copies_.insert(copies_.end(), count, 1);
  for (std::size_t i = 0; i < count && !order_.empty(); ++i) {
    order_.push_back(static_cast<int64_t>(order_.size()));
  }
  return Status::Ok();
}

int64_t Draft::part_rows(std::size_t part) const {
  int64_t count = 0;
  for (std::size_t i = 0; i < place_.size(); ++i) {
    if (place_[i] == part) count += copies_.empty() ? 1 : copies_[i];
  }
  return count;
}

std::vector<int32_t> Draft::RowsOf(std::size_t part, int64_t block) const {
  const int64_t first = source_.frame.first_row(block);
  const auto count = static_cast<std::size_t>(source_.frame.first_row(block + 1) - first);
  const uint8_t* place = place_.data() + first;
  if (copies_.empty()) {
    // Without a branch: whether a row is chosen cannot be foreseen.
    std::vector<int32_t> chosen(count + 1);
    std::size_t next = 0;
    for (std::size_t i = 0; i < count; ++i) {
      chosen[next] = static_cast<int32_t>(i);
      next += place[i] == part ? 1 : 0;
    }
    chosen.resize(next);
    return chosen;
  }
  std::vector<int32_t> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    if (place[i] != part) continue;
    chosen.insert(chosen.end(), copies_[Index(first) + i], static_cast<int32_t>(i));
  }
  return chosen;
}

int64_t Draft::CountRowsOf(std::size_t part, int64_t block) const {
  const std::size_t first = Index(source_.frame.first_row(block));
  const std::size_t end = Index(source_.frame.first_row(block + 1));
  int64_t count = 0;
  for (std::size_t i = first; i < end; ++i) {
    if (place_[i] == part) count += copies_.empty() ? 1 : copies_[i];
  }
  return count;
}

Result<std::vector<std::string>> Draft::ClassWarnings() const {
  std::vector<std::string> warnings;
  if (roles_.label.empty() || label_.kind != LabelInfo::Kind::kClasses) return warnings;
  const std::size_t classes = label_.classes.size();
  std::vector<std::atomic<bool>> in_all(classes);
  std::vector<std::atomic<bool>> in_train(classes);
  const Frame& frame = source_.frame;
  PENSTOCK_RETURN_IF_ERROR(frame.ForEach({roles_.label}, [&](int64_t block, const Table& table) {
    const Column& column = *table.Find(roles_.label);
    const int64_t first = frame.first_row(block);
    for (std::size_t i = 0; i < column.strings.codes.size(); ++i) {
      const int64_t row = first + static_cast<int64_t>(i);
      if (column.missing(i) || !is_live(row)) continue;
      const auto code = static_cast<std::size_t>(column.strings.codes[i]);
      in_all[code].store(true, std::memory_order_relaxed);
      if (is_training(row)) in_train[code].store(true, std::memory_order_relaxed);
    }
    return Status::Ok();
  }));
  const std::string column = "column \"" + roles_.label + "\"";
  for (std::size_t i = 0; i < classes; ++i) {
    if (in_all[i]) continue;
    warnings.push_back(source_.parts.front().display_name + ": no row of " + column +
                       " has the class \"" + label_.classes[i] +
                       "\" that is declared; look at labels.classes and labels.map");
  }
  const auto trained = std::count_if(in_train.begin(), in_train.end(),
                                     [](const std::atomic<bool>& there) { return there.load(); });
  if (trained == 1) {
    const auto only = std::find_if(in_train.begin(), in_train.end(), [](const auto& there) {
      return there.load();
    }) - in_train.begin();
    warnings.push_back("all rows of " + parts_[training_part_] + " have the class \"" +
                       label_.classes[static_cast<std::size_t>(only)] + "\" in " + column +
                       ": no classifier can learn from them");
  }
  return warnings;
}

}  // namespace penstock
