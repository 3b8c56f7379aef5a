// Operations that choose rows by what they hold, and put them in order.

#include <algorithm>
#include <set>

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

ParameterSchema AppliesParameter(bool train) {
  ParameterSchema applies = ChoiceParameter(
      "applies",
      train ? "fit: all rows, when this step fits. train: only rows that are learned from. all: "
              "also where a process step applies the transform to other data."
            : "fit: when this step fits. all: also where a process step applies the transform to "
              "other data.",
      {"fit", "all"});
  if (train) applies.choices.insert(applies.choices.begin() + 1, "train");
  return applies;
}

ParameterSchema NamesParameter(std::string name, std::string help, bool required) {
  return {.name = std::move(name),
          .kind = Kind::kList,
          .help = std::move(help),
          .required = required,
          .minimum = 1,
          .element = ElementOf({.name = "column", .kind = Kind::kString, .minimum = 1})};
}

// The strings of a list; `twice` gets one that comes again.
std::set<std::string> SetOf(const Json& list, std::string* twice) {
  std::set<std::string> names;
  if (!list.is_array()) return names;
  for (const Json& name : list) {
    if (!name.is_string() || HoldsReference(name)) continue;
    if (!names.insert(name.get<std::string>()).second) *twice = name.get<std::string>();
  }
  return names;
}

void CheckNames(const Json& entry, const std::string& key, const std::string& path,
                std::vector<Problem>& problems) {
  std::string twice;
  SetOf(JsonMember(entry, key), &twice);
  if (!twice.empty()) problems.push_back({path + "." + key, "names \"" + twice + "\" twice"});
}

void CheckSort(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  CheckNames(entry, "by", path, problems);
  const Json& by = JsonMember(entry, "by");
  const Json& descending = JsonMember(entry, "descending");
  if (descending.is_null() || descending.is_boolean() || HoldsReference(descending) ||
      HoldsReference(by)) {
    return;
  }
  const bool names =
      descending.is_array() && std::all_of(descending.begin(), descending.end(),
                                           [](const Json& name) { return name.is_string(); });
  if (!names) {
    problems.push_back({path + ".descending", "must be true, false, or names that stand in by"});
    return;
  }
  std::string twice;
  const std::set<std::string> sorted = SetOf(by, &twice);
  for (const std::string& name : SetOf(descending, &twice)) {
    if (sorted.contains(name)) continue;
    problems.push_back({path + ".descending", "names \"" + name + "\", which is not in by"});
  }
}

OperationSchema RowsSchema(StepSchema schema) {
  OperationSchema operation;
  operation.rows = true;
  operation.schema = std::move(schema);
  return operation;
}

OperationSchema DeduplicateSchema() {
  OperationSchema operation = RowsSchema(EntrySchema(
      "deduplicate",
      "Removes rows with the key of another. Missing equals missing. Stands before everything "
      "that is fitted.",
      {NamesParameter("key",
                      "Columns that rows have in common; those with a role may be among them. Left "
                      "out: all features and the label.",
                      false),
       ChoiceParameter("keep",
                       "Which of the rows with a key stays, in their order (after sort: in that); "
                       "none of them; or an error.",
                       {"first", "last", "none", "error"}),
       ChoiceParameter("conflict",
                       "Where rows with the same key differ in another feature or the label: as "
                       "keep says; the first or the last stays; all are dropped; or an error.",
                       {"keep", "first", "last", "drop", "error"}),
       AppliesParameter(true)}));
  operation.schema.check = [](const Json& entry, const std::string& path,
                              std::vector<Problem>& problems) {
    CheckNames(entry, "key", path, problems);
    const std::string conflict = JsonString(entry, "conflict", "keep");
    if (JsonMember(entry, "key").is_null() && conflict != "keep" &&
        !HoldsReference(JsonMember(entry, "conflict"))) {
      problems.push_back(
          {path + ".conflict", "has no use without key: rows that are equal in all cannot differ"});
    }
  };
  return operation;
}

}  // namespace

std::vector<OperationSchema> RowChoiceOperations() {
  OperationSchema sort = RowsSchema(EntrySchema(
      "sort",
      "The order in which rows are written. Numbers by value, texts by bytes, missing values last; "
      "equal rows stay in their order. The split and what is learned do not depend on it.",
      {NamesParameter("by", "Columns, the first counts most; those with a role may be among them.",
                      true),
       {.name = "descending",
        .help = "true: the largest first. Or the columns among `by` for which that is so.",
        .default_value = false},
       AppliesParameter(false)}));
  sort.schema.check = CheckSort;
  return {DeduplicateSchema(),
          RowsSchema(EntrySchema(
              "filter",
              "Keeps the rows for which an SQL predicate (of DuckDB's) is true; not those for "
              "which it is unknown. Stands before everything that is fitted; never removes rows in "
              "evaluate and predict.",
              {{.name = "where",
                .kind = Kind::kString,
                .help = "For example age >= 18 AND \"native-country\" <> 'Peru'. Reads columns "
                        "with a role, too.",
                .required = true,
                .minimum = 1},
               AppliesParameter(true)})),
          RowsSchema(EntrySchema("shuffle",
                                 "Writes rows in a random order, each equally likely; the same for "
                                 "the same seed on every machine.",
                                 {{.name = "seed",
                                   .kind = Kind::kInteger,
                                   .help = "Another seed, another order.",
                                   .default_value = 0,
                                   .minimum = 0},
                                  AppliesParameter(false)})),
          sort};
}

}  // namespace penstock
