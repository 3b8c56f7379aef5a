#include "steps/process/draft.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"
#include "steps/process/operation.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

void KeepRows(Column& column, const std::vector<int64_t>& rows) {
  if (column.is_text()) {
    std::vector<int32_t> codes;
    codes.reserve(rows.size());
    for (const int64_t row : rows) {
      codes.push_back(column.strings.codes[static_cast<std::size_t>(row)]);
    }
    column.strings.codes = std::move(codes);
  } else {
    std::vector<double> numbers;
    numbers.reserve(rows.size());
    for (const int64_t row : rows) numbers.push_back(column.numbers[static_cast<std::size_t>(row)]);
    column.numbers = std::move(numbers);
  }
}

// Number of each row's value in a column, by first appearance; missing is a value too.
std::vector<int32_t> NumberValues(const Column& column) {
  std::vector<int32_t> numbers;
  std::map<int32_t, int32_t> known;
  for (const int32_t code : AsTexts(column).codes) {
    numbers.push_back(known.emplace(code, static_cast<int32_t>(known.size())).first->second);
  }
  return numbers;
}

Result<std::vector<int32_t>> Strata(const Draft& draft, const std::string& name) {
  if (name.empty()) return std::vector<int32_t>();
  const Column* column = draft.others.Find(name);
  if (column == nullptr) column = draft.features.Find(name);
  if (column == nullptr) {
    std::vector<std::string> known = draft.others.names();
    for (const std::string& feature : draft.features.names()) known.push_back(feature);
    return InvalidArgument("split.stratify: no column is named \"" + name + "\"" +
                           SuggestColumn(name, known));
  }
  std::vector<int32_t> strata = NumberValues(*column);
  const int32_t most = strata.empty() ? 0 : *std::max_element(strata.begin(), strata.end());
  if (most < 1'000) return strata;
  return InvalidArgument("split.stratify: column \"" + name + "\" has " + std::to_string(most + 1) +
                         " values; at most 1000 can be strata");
}

// Rows of a group stay together: a model must not be judged on what it has learned from.
Result<std::vector<int32_t>> Assign(const Draft& draft, const SplitSpec& split) {
  std::vector<double> fractions(static_cast<std::size_t>(split.folds), 1.0 / split.folds);
  for (const SplitSpec::Part& part : split.parts) fractions.push_back(part.fraction);
  if (const Column* group = draft.others.Find(draft.roles.group); group != nullptr) {
    if (!split.stratify.empty()) {
      return InvalidArgument("split.stratify cannot be used with roles.group; leave one out");
    }
    return AssignGroups(NumberValues(*group), fractions, split.seed);
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int32_t> strata, Strata(draft, split.stratify));
  return AssignParts(draft.rows(), fractions, split.seed, strata);
}

// The rows of one fold are judged, and all others learned from.
Result<Parts> SplitFold(const Draft& draft, const SplitSpec& split) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int32_t> fold_of, Assign(draft, split));
  std::vector<int64_t> train;
  std::vector<int64_t> validation;
  for (std::size_t i = 0; i < fold_of.size(); ++i) {
    (fold_of[i] == split.fold ? validation : train).push_back(static_cast<int64_t>(i));
  }
  if (validation.empty()) {
    return InvalidArgument("split: fold " + std::to_string(split.fold) + " of " +
                           std::to_string(split.folds) + " gets no row; the data have " +
                           std::to_string(draft.rows()) +
                           " rows (or groups of rows) for it: ask for fewer folds");
  }
  return Parts{{kTrainPart, std::move(train)}, {kValidationPart, std::move(validation)}};
}

}  // namespace

void KeepRows(Draft& draft, const std::vector<int64_t>& rows) {
  if (static_cast<int64_t>(rows.size()) == draft.rows()) return;
  for (Table* table : {&draft.features, &draft.others}) {
    for (Column& column : table->columns) KeepRows(column, rows);
    table->rows = static_cast<int64_t>(rows.size());
  }
  std::vector<int64_t> origin;
  origin.reserve(rows.size());
  for (const int64_t row : rows) {
    origin.push_back(draft.origin.empty() ? row : draft.origin[static_cast<std::size_t>(row)]);
  }
  draft.origin = std::move(origin);
}

Status CheckRoles(const Roles& roles, const Table& table, const std::string& file) {
  std::vector<std::pair<std::string, std::string>> named = {{"label", roles.label},
                                                            {"weight", roles.weight},
                                                            {"time", roles.time},
                                                            {"group", roles.group}};
  for (const std::string& name : roles.id) named.emplace_back("id", name);
  for (const std::string& name : roles.keep) named.emplace_back("keep", name);
  for (const auto& [role, name] : named) {
    if (name.empty() || table.Find(name) != nullptr) continue;
    return InvalidArgument(file + ": line 1: no column is named \"" + name + "\" (roles." + role +
                           ")" + SuggestColumn(name, table.names()));
  }
  return Status::Ok();
}

Result<Draft> MakeDraft(RawTable raw, const Roles& roles, const LabelRules& rules,
                        const LabelInfo& label) {
  Draft draft;
  draft.roles = roles;
  draft.label = label;
  draft.source = std::move(raw);
  draft.features.rows = draft.others.rows = draft.source.table.rows;
  for (Column& column : draft.source.table.columns) {
    const std::string name = column.info.name;
    if (roles.is_feature(name)) {
      draft.features.columns.push_back(std::move(column));
      continue;
    }
    if (name == roles.label) {
      PENSTOCK_ASSIGN_OR_RETURN(column, ResolveLabel(rules, label, column, [&](int64_t row) {
                                  return draft.source.Where(row, name);
                                }));
    }
    if (name == roles.weight) {
      for (std::size_t i = 0; i < column.numbers.size(); ++i) {
        if (column.numbers[i] >= 0 && std::isfinite(column.numbers[i])) continue;
        return InvalidArgument(draft.source.Where(static_cast<int64_t>(i), name) + ": weight \"" +
                               column.text(i) + "\" is not a number of at least 0");
      }
    }
    draft.others.columns.push_back(std::move(column));
  }
  draft.source.table.columns.clear();
  return draft;
}

Status CheckLabels(Draft& draft, const LabelRules& rules) {
  const Column* label = draft.others.Find(draft.roles.label);
  if (label == nullptr) return Status::Ok();
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < draft.rows(); ++i) {
    if (!label->missing(static_cast<std::size_t>(i))) {
      rows.push_back(i);
    } else if (!rules.drop_missing) {
      return InvalidArgument(draft.Where(i, label->info.name) +
                             ": the label is missing; mend the row, or give labels.missing: drop "
                             "to leave such rows out");
    }
  }
  KeepRows(draft, rows);
  return Status::Ok();
}

std::vector<std::string> ClassWarnings(const Draft& draft, const Parts& parts) {
  const Column* label = draft.others.Find(draft.roles.label);
  if (label == nullptr || draft.label.kind != LabelInfo::Kind::kClasses) return {};
  const std::string column = "column \"" + label->info.name + "\"";
  std::vector<std::string> warnings;
  const std::set<int32_t> all(label->strings.codes.begin(), label->strings.codes.end());
  for (std::size_t i = 0; i < draft.label.classes.size(); ++i) {
    if (all.contains(static_cast<int32_t>(i))) continue;
    warnings.push_back(draft.source.parts.front().display_name + ": no row of " + column +
                       " has the class \"" + draft.label.classes[i] +
                       "\" that is declared; look at labels.classes and labels.map");
  }
  for (const auto& [name, rows] : parts) {
    if (parts.size() > 1 && name != kTrainPart) continue;
    std::set<int32_t> here;
    for (const int64_t row : rows) here.insert(label->strings.codes[static_cast<std::size_t>(row)]);
    if (here.size() != 1 || *here.begin() < 0) continue;
    warnings.push_back("all rows of " + name + " have the class \"" +
                       draft.label.classes[static_cast<std::size_t>(*here.begin())] + "\" in " +
                       column + ": no classifier can learn from them");
  }
  return warnings;
}

Result<std::vector<bool>> CompleteRows(const Draft& draft, const Json& spec) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            SelectColumns(JsonMember(spec, "columns"), draft.features));
  std::vector<bool> complete(static_cast<std::size_t>(draft.rows()), true);
  for (const std::string& name : names) {
    const Column& column = *draft.features.Find(name);
    for (std::size_t i = 0; i < complete.size(); ++i) {
      if (column.missing(i)) complete[i] = false;
    }
  }
  return complete;
}

Result<Parts> SplitRows(Draft& draft, const SplitSpec& split) {
  Parts parts;
  std::vector<int64_t> all(static_cast<std::size_t>(draft.rows()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  if (split.empty()) {
    parts.emplace_back("data", std::move(all));
    return parts;
  }
  if (split.folds > 0) return SplitFold(draft, split);
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int32_t> part_of, Assign(draft, split));
  for (const SplitSpec::Part& part : split.parts) {
    parts.emplace_back(part.name, std::vector<int64_t>());
  }
  std::vector<int64_t> used;
  for (std::size_t i = 0; i < part_of.size(); ++i) {
    if (part_of[i] < 0) continue;
    parts[static_cast<std::size_t>(part_of[i])].second.push_back(static_cast<int64_t>(used.size()));
    used.push_back(static_cast<int64_t>(i));
  }
  KeepRows(draft, used);
  return parts;
}

Result<std::vector<int64_t>> TrainingRows(const Parts& parts) {
  const auto train = std::find_if(parts.begin(), parts.end(), [&](const auto& part) {
    return parts.size() == 1 || part.first == kTrainPart;
  });
  if (train == parts.end()) {
    return InvalidArgument("split has no part \"train\", on which transforms are fitted");
  }
  if (train->second.empty()) {
    return InvalidArgument("no row is left to fit on; the data have too few rows for this split");
  }
  return train->second;
}

}  // namespace penstock
