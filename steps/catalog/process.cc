// The schema of `process`: its parameters, and what their shapes cannot say.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <utility>

#include "base/text.h"
#include "steps/catalog/builtin.h"
#include "steps/catalog/process_operations.h"
#include "steps/catalog/process_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

constexpr int kMaxFolds = 1'000;

constexpr char kHelp[] =
    "Reads raw data (CSV in any dialect, Parquet, JSON, JSON Lines or SVMlight, plain or compressed "
    "with gzip or zstd, a folder of such files, or a dataset), gives columns their roles, resolves "
    "the label, splits the rows, fits transforms on the training rows alone and applies them to "
    "all, and writes one dataset for each part of `split` (without a split, one called `data`) and the fitted `transform`.\n\n"
    "Order: read; map and check labels; drop rows without a label (`labels.missing: drop`); "
    "operations that learn nothing and stand first, those about rows among them; split; the other "
    "operations, in their order.\n\n"
    "Columns without a role are features. With the input `transform`, that one is applied and "
    "nothing is fitted; `read`, `roles`, `labels` and `transforms` then come from it.\n\n"
    "Columns of a transform are chosen by name (`age`, `[age, hours]`), by kind (`{kind: "
    "numeric}`), by pattern (`{match: \"capital-*\"}`), or a mix; `except` leaves names out. What "
    "an operation's columns are called afterwards counts for the next: `one_hot` turns `job` into "
    "`job=cook`, `job=nurse` …\n\n";

std::shared_ptr<const ParameterSchema> Element(ParameterSchema schema) {
  return std::make_shared<const ParameterSchema>(std::move(schema));
}

ParameterSchema Texts(std::string name, std::string help) {
  return {.name = std::move(name),
          .kind = Kind::kList,
          .help = std::move(help),
          .default_value = Json::array(),
          .element = Element({.name = "name", .kind = Kind::kString, .minimum = 1})};
}

ParameterSchema Role(std::string name, std::string help) {
  return {
      .name = std::move(name), .kind = Kind::kString, .help = std::move(help), .nullable = true};
}

}  // namespace

ParameterSchema ReadSchema() {
  ParameterSchema column{.name = "column", .kind = Kind::kObject};
  column.fields = {
      {.name = "name", .kind = Kind::kString, .help = "Its name.", .required = true, .minimum = 1},
      {.name = "kind",
       .kind = Kind::kEnum,
       .help = "What its values mean. Left out: numeric where every value is a number, else "
               "categorical.",
       .choices = {"numeric", "categorical", "text", "date", "id"}}};
  ParameterSchema read{.name = "read", .kind = Kind::kObject, .help = "How files are read."};
  read.fields = {
      {.name = "format",
       .kind = Kind::kEnum,
       .help = "auto knows Parquet and JSON by their content, svmlight by the ends .svm, .svmlight "
               "and .libsvm of a name, and takes all else for CSV. svmlight (label index:value …) "
               "has the columns label, qid where lines have one, and f1, f2 …, or those of "
               "`columns`; what a line does not name is 0.",
       .default_value = "auto",
       .choices = {"auto", "csv", "tsv", "parquet", "json", "jsonl", "svmlight"}},
      {.name = "compression",
       .kind = Kind::kEnum,
       .help = "auto knows gzip and zstd by their first bytes.",
       .default_value = "auto",
       .choices = {"auto", "none", "gzip", "zstd"}},
      {.name = "encoding",
       .kind = Kind::kString,
       .help = "Of texts: utf-8, utf-16, latin-1, windows-1252 or another that iconv(1) lists. With "
               "utf-8, files that begin with a byte order mark of UTF-16 are read as such.",
       .default_value = "utf-8",
       .minimum = 1,
       .maximum = 40},
      Texts("files",
            "Which files of a folder to read, as patterns of their paths in it: part-*.csv, "
            "2026/*.csv, **/*.parquet (in all folders). Left out: those that lie in it directly. "
            "Names that begin with a point are never read, with _ only where the pattern does."),
      {.name = "header",
       .kind = Kind::kBoolean,
       .help = "Whether the first line names the columns. null: it does, unless `columns` are "
               "given and none of their names stands there. With false and no `columns` they are "
               "called column1, column2 …: where the label comes first, {read: {header: false}, "
               "roles: {label: column1}}.",
       .nullable = true},
      {.name = "delimiter",
       .kind = Kind::kString,
       .help = "One character; \"\\t\" or tab. null: found out, among comma, semicolon, tab and |.",
       .nullable = true,
       .minimum = 1,
       .maximum = 3},
      {.name = "quote",
       .kind = Kind::kString,
       .help = "One character; empty: nothing is quoted.",
       .default_value = "\"",
       .maximum = 1},
      {.name = "escape",
       .kind = Kind::kString,
       .help = "What makes a quote inside quotes plain. null: the quote itself, doubled.",
       .nullable = true,
       .maximum = 1},
      {.name = "comment",
       .kind = Kind::kString,
       .help = "Lines that start with this character are left out. null: none are.",
       .nullable = true,
       .maximum = 1},
      {.name = "skip_lines",
       .kind = Kind::kInteger,
       .help = "Lines to leave out before the header.",
       .default_value = 0,
       .minimum = 0,
       .maximum = 1'000'000},
      {.name = "trim",
       .kind = Kind::kBoolean,
       .help = "Take blanks around values away.",
       .default_value = true},
      Texts("nulls", "Texts that mean \"missing\", besides the empty one: \"?\", NA."),
      {.name = "columns",
       .kind = Kind::kList,
       .help = "Names and kinds. Without a header: every column, in order. With one: those to give "
               "a kind; each must be there.",
       .default_value = Json::array(),
       .element = Element(column)},
  };
  return read;
}

ParameterSchema RolesSchema() {
  ParameterSchema roles{.name = "roles",
                        .kind = Kind::kObject,
                        .help = "Columns that are no features. Left out for a dataset: its own."};
  roles.fields = {Role("label", "What is to be predicted."),
                  Role("weight", "Weight of a row in training; a number of at least 0."),
                  Role("time", "When the row was observed."),
                  Role("group", "What rows belong together: split puts them into one part."),
                  Texts("id", "Identifiers, kept as text."),
                  Texts("keep", "Other columns to carry along, unchanged.")};
  return roles;
}

namespace {

ParameterSchema LabelsSchema() {
  ParameterSchema labels{.name = "labels", .kind = Kind::kObject, .help = "What labels mean."};
  labels.fields = {
      {.name = "classes",
       .kind = Kind::kList,
       .help = "All classes, in the order of the model's scores. Left out: the distinct texts, "
               "sorted; a label of numbers is then a value to regress on.",
       .default_value = Json::array(),
       .element = Element({.name = "class"})},
      {.name = "positive",
       .help = "The class that probabilities and metrics of two classes are about. Left out: the "
               "second.",
       .nullable = true},
      {.name = "map",
       .kind = Kind::kMap,
       .help = "Texts as they are read, and the class that each means: {\">50K.\": \">50K\"}.",
       .default_value = Json::object(),
       .element = Element({.name = "class"})},
      {.name = "missing",
       .kind = Kind::kEnum,
       .help = "Whether a row without a label is an error, or dropped.",
       .default_value = "error",
       .choices = {"error", "drop"}}};
  return labels;
}

// A scalar as the text that class names are compared by; empty for a reference.
std::string ClassText(const Json& value) {
  if (HoldsReference(value)) return {};
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

void CheckCharacters(const Json& read, const std::string& path, std::vector<Problem>& problems) {
  for (const char* name : {"delimiter", "quote", "escape", "comment"}) {
    const Json& value = JsonMember(read, name);
    if (!value.is_string() || HoldsReference(value)) continue;
    const std::string text = value.get<std::string>();
    const bool tab = text == "\\t" || text == "tab";
    if (text.size() <= 1 || (std::string_view(name) == "delimiter" && tab)) continue;
    problems.push_back({path + "." + name, "must be one character, not \"" + text + "\""});
  }
  const Json& encoding = JsonMember(read, "encoding");
  if (!encoding.is_string() || HoldsReference(encoding)) return;
  const std::string name = encoding.get<std::string>();
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
  });
  if (plain) return;
  problems.push_back({path + ".encoding", "must be the name of an encoding (utf-8, utf-16, "
                                          "latin-1, windows-1252 …), not \"" +
                                              name + "\""});
}

// The names in read.columns; `closed` where they are all that the data have.
struct KnownColumns {
  std::vector<std::string> names;
  bool closed = false;

  void Check(const std::string& name, const std::string& path,
             std::vector<Problem>& problems) const {
    if (!closed || std::find(names.begin(), names.end(), name) != names.end()) return;
    problems.push_back(
        {path, "read.columns has no column \"" + name + "\"" + Suggestion(name, names)});
  }
};

KnownColumns CheckColumns(const Json& read, const std::string& path,
                          std::vector<Problem>& problems) {
  KnownColumns known;
  const Json& columns = JsonMember(read, "columns");
  if (!columns.is_array()) return known;
  bool references = false;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Json& name = JsonMember(columns[i], "name");
    references = references || !name.is_string() || HoldsReference(name);
    if (!name.is_string() || HoldsReference(name)) continue;
    const std::string text = name.get<std::string>();
    if (std::find(known.names.begin(), known.names.end(), text) != known.names.end()) {
      problems.push_back({path + ".columns[" + std::to_string(i) + "].name",
                          "column \"" + text + "\" is there twice"});
    }
    known.names.push_back(text);
  }
  const Json& header = JsonMember(read, "header");
  known.closed = header.is_boolean() && !header.get<bool>() && !known.names.empty() && !references;
  return known;
}

// A column has at most one role.
std::set<std::string> CheckRoles(const Json& roles, const KnownColumns& known,
                                 const std::string& path, std::vector<Problem>& problems) {
  std::set<std::string> taken;
  const auto take = [&](const Json& value, const std::string& at) {
    if (!value.is_string() || HoldsReference(value)) return;
    const std::string name = value.get<std::string>();
    known.Check(name, at, problems);
    if (!taken.insert(name).second) {
      problems.push_back({at, "column \"" + name + "\" has another role already"});
    }
  };
  for (const char* role : {"label", "weight", "time", "group"}) {
    take(JsonMember(roles, role), path + "." + role);
  }
  for (const char* role : {"id", "keep"}) {
    const Json& list = JsonMember(roles, role);
    for (std::size_t i = 0; list.is_array() && i < list.size(); ++i) {
      take(list[i], path + "." + role + "[" + std::to_string(i) + "]");
    }
  }
  return taken;
}

void CheckLabels(const Json& labels, const std::string& path, std::vector<Problem>& problems) {
  const Json& classes = JsonMember(labels, "classes");
  if (!classes.is_array() || classes.empty()) return;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string at = path + ".classes[" + std::to_string(i) + "]";
    if (HoldsReference(classes[i])) return;
    if (classes[i].is_structured() || classes[i].is_null()) {
      problems.push_back({at, "a class is a string or a number"});
      return;
    }
    const std::string name = ClassText(classes[i]);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      problems.push_back({at, "class \"" + name + "\" is there twice"});
    }
    names.push_back(name);
  }
  if (names.size() < 2) problems.push_back({path + ".classes", "must have at least two classes"});
  const auto check = [&](const Json& value, const std::string& at, const std::string& what) {
    const std::string name = ClassText(value);
    if (value.is_null() || HoldsReference(value) ||
        std::find(names.begin(), names.end(), name) != names.end()) {
      return;
    }
    problems.push_back({at, what + " \"" + name + "\" is not among the classes (" +
                                Join(names, ", ") + "); add it to labels.classes or mend it"});
  };
  check(JsonMember(labels, "positive"), path + ".positive", "positive class");
  if (const Json& map = JsonMember(labels, "map"); map.is_object()) {
    for (const auto& [from, to] : map.items()) check(to, path + ".map." + from, "class");
  }
}

bool IsOptionOfSplit(const std::string& key) {
  return key == "seed" || key == "stratify" || key == "kFold" || key == "fold" || key == "by" ||
         key == "key" || key.starts_with("x-");
}

// kFold and fold; true where the split is one by folds.
bool CheckFolds(const Json& split, const std::vector<std::string>& parts, const std::string& path,
                std::vector<Problem>& problems) {
  const Json& folds = JsonMember(split, "kFold");
  const Json& fold = JsonMember(split, "fold");
  if (folds.is_null()) {
    if (!fold.is_null()) {
      problems.push_back({path + ".kFold", "is missing: the number of folds that fold is one of"});
    }
    return !fold.is_null();
  }
  const bool known = folds.is_number_integer() && folds >= 2 && folds <= kMaxFolds;
  if (!known && !HoldsReference(folds)) {
    problems.push_back(
        {path + ".kFold",
         "must be an integer from 2 to " + std::to_string(kMaxFolds) + ", not " + DumpJson(folds)});
  }
  if (fold.is_null()) {
    problems.push_back({path + ".fold",
                        "is missing: which fold is validation, from 0; in a map over {range: K} "
                        "write \"${item.index}\""});
  } else if (!HoldsReference(fold) &&
             (!fold.is_number_integer() || fold < 0 || (known && fold >= folds))) {
    problems.push_back(
        {path + ".fold", "must be an integer from 0 to kFold - 1, not " + DumpJson(fold)});
  }
  if (!parts.empty()) {
    problems.push_back({path + "." + parts.front(),
                        "is a fraction; kFold makes the parts train and validation by itself"});
  }
  return true;
}

// The fractions of split by name; false where one of them is a reference or wrong.
bool CheckFractions(const Json& split, const std::string& path, std::vector<Problem>& problems,
                    std::vector<std::string>& parts) {
  double sum = 0;
  bool known = true;
  for (const auto& [key, value] : split.items()) {
    if (IsOptionOfSplit(key)) continue;
    const std::string at = path + "." + key;
    parts.push_back(key);
    if (!IsName(key) || key == "data" || key == "transform") {
      problems.push_back({at,
                          "cannot be the name of a part (lower-case letters, digits, - and _; "
                          "not data or transform); usual are train, validation and test"});
    }
    if (HoldsReference(value)) {
      known = false;
    } else if (!value.is_number() || !(value.get<double>() > 0) || value.get<double>() > 1) {
      problems.push_back({at, "must be a fraction above 0 and at most 1, not " + DumpJson(value)});
      known = false;
    } else {
      sum += value.get<double>();
    }
  }
  if (known && sum > 1 + 1e-9) {
    problems.push_back({path, "the fractions add up to " +
                                  FormatDouble(std::round(sum * 1e9) / 1e9) + ", more than 1"});
  }
  return known;
}

// What by time and by hash need, and what has no use with them.
void CheckBy(const Json& parameters, const KnownColumns& known, const std::string& path,
             std::vector<Problem>& problems) {
  const Json& split = JsonMember(parameters, "split");
  const Json& roles = JsonMember(parameters, "roles");
  const Json& by = JsonMember(split, "by");
  const Json& key = JsonMember(split, "key");
  if (HoldsReference(by)) return;
  static const std::vector<std::string> kWays = {"random", "time", "hash"};
  const std::string way = by.is_string() ? by.get<std::string>() : "random";
  if (!by.is_null() &&
      (!by.is_string() || std::find(kWays.begin(), kWays.end(), way) == kWays.end())) {
    problems.push_back({path + ".by", "must be random, time or hash, not " + DumpJson(by) +
                                          (by.is_string() ? Suggestion(way, kWays) : "")});
    return;
  }
  if (!key.is_null() && way != "hash") {
    problems.push_back({path + ".key", "has a use with by: hash only"});
  }
  for (const Json& name : key.is_string() ? Json::array({key}) : key) {
    if (!name.is_string()) {
      problems.push_back({path + ".key", "must be the name of a column, or a list of such"});
    } else if (!HoldsReference(name)) {
      known.Check(name.get<std::string>(), path + ".key", problems);
    }
  }
  const bool own_roles = roles.is_object() && !roles.empty();
  if (way == "hash" && key.is_null() && own_roles && JsonMember(roles, "id").empty()) {
    problems.push_back({path + ".key", "is missing: the columns to hash, or roles.id"});
  }
  if (way == "time" && own_roles && JsonMember(roles, "time").is_null()) {
    problems.push_back({path + ".by", "time needs roles.time, the column of times"});
  }
  if (way == "random") return;
  if (!JsonMember(split, "stratify").is_null()) {
    problems.push_back({path + ".stratify", "has no use with by: " + way});
  }
  if (!JsonMember(roles, "group").is_null()) {
    problems.push_back({path + ".by", way + " cannot be used with roles.group; leave one out"});
  }
  if (way == "time" && !JsonMember(split, "kFold").is_null()) {
    problems.push_back({path + ".by", "time has no folds; give fractions"});
  }
}

void CheckSplit(const Json& parameters, const KnownColumns& known, const std::string& path,
                std::vector<Problem>& problems) {
  const Json& split = JsonMember(parameters, "split");
  if (!split.is_object()) return;
  std::vector<std::string> parts;
  std::vector<Problem> of_fractions;
  CheckFractions(split, path, of_fractions, parts);
  const bool by_folds = CheckFolds(split, parts, path, problems);
  if (!by_folds) problems.insert(problems.end(), of_fractions.begin(), of_fractions.end());
  if (const Json& seed = JsonMember(split, "seed"); !seed.is_null() && !HoldsReference(seed)) {
    if (!seed.is_number_integer() || seed.get<int64_t>() < 0) {
      problems.push_back({path + ".seed", "must be an integer of at least 0"});
    }
  }
  if (const Json& column = JsonMember(split, "stratify"); !column.is_null()) {
    if (!column.is_string()) {
      problems.push_back({path + ".stratify", "must be the name of a column"});
    } else if (!HoldsReference(column)) {
      known.Check(column.get<std::string>(), path + ".stratify", problems);
    }
  }
  const Json& group = JsonMember(JsonMember(parameters, "roles"), "group");
  if (JsonMember(split, "stratify").is_string() && group.is_string()) {
    problems.push_back({path + ".stratify", "cannot be used with roles.group; leave one out"});
  }
  CheckBy(parameters, known, path, problems);
  if (by_folds) return;
  if (parts.size() > 1 && std::find(parts.begin(), parts.end(), "train") == parts.end()) {
    problems.push_back({path, "has no part \"train\", on which transforms are fitted"});
  }
}

void CheckProcess(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  const auto below = [&](const std::string& name) {
    return path.empty() ? name : path + "." + name;
  };
  const Json& read = JsonMember(parameters, "read");
  CheckCharacters(read, below("read"), problems);
  KnownColumns known = CheckColumns(read, below("read"), problems);
  if (const Json& tables = JsonMember(parameters, "tables"); tables.is_object()) {
    for (const auto& [table, how] : tables.items()) {
      CheckCharacters(how, below("tables." + table), problems);
      CheckColumns(how, below("tables." + table), problems);
    }
  }
  // What a query gives is not known here.
  if (!JsonMember(parameters, "sql").is_null()) known = KnownColumns();
  const std::set<std::string> taken =
      CheckRoles(JsonMember(parameters, "roles"), known, below("roles"), problems);
  CheckLabels(JsonMember(parameters, "labels"), below("labels"), problems);
  CheckSplit(parameters, known, below("split"), problems);
  CheckOperations(JsonMember(parameters, "transforms"), taken, below("transforms"), problems);
}

void CheckInputs(const std::set<std::string>& inputs, const Json& parameters,
                 const std::string& path, std::vector<Problem>& problems) {
  const bool sql = !JsonMember(parameters, "sql").is_null();
  std::vector<std::string> tables;
  for (const std::string& input : inputs) {
    if (input != "transform") tables.push_back(input);
  }
  if (!sql && !inputs.contains("data")) {
    problems.push_back({path + ".inputs.data", "is missing: the data to process"});
  }
  if (sql && tables.empty()) {
    problems.push_back({path + ".inputs", "names no table for sql; give data, or others by name"});
  }
  for (const std::string& input : tables) {
    if (sql || input == "data") continue;
    problems.push_back({path + ".inputs." + input,
                        "unknown input" + Suggestion(input, {"data", "transform"}) +
                            "; other tables than data are for sql"});
  }
  const Json& reads = JsonMember(parameters, "tables");
  if (!reads.is_object()) return;
  for (const auto& [table, read] : reads.items()) {
    if (!sql) {
      problems.push_back({path + ".with.tables", "has a use with sql only"});
      return;
    }
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) {
      problems.push_back({path + ".with.tables." + table,
                          "there is no input of this name" + Suggestion(table, tables)});
    }
  }
}

std::vector<PortSchema> OutputsFor(const Json& parameters) {
  std::vector<PortSchema> ports;
  const bool label = JsonMember(JsonMember(parameters, "roles"), "label").is_string();
  if (const Json& split = JsonMember(parameters, "split"); split.is_object()) {
    std::vector<std::string> names;
    if (split.contains("kFold")) {
      names = {"train", "validation"};
    } else {
      for (const auto& [key, value] : split.items()) {
        if (!IsOptionOfSplit(key)) names.push_back(key);
      }
      if (names.empty()) names = {"train", "validation", "test"};
    }
    for (const std::string& key : names) {
      ports.push_back({.name = key,
                       .type = ArtifactType::kDataset,
                       .needs_label = label,
                       .help = "The rows of part " + key + "."});
    }
  }
  if (ports.empty()) {
    ports.push_back({.name = "data",
                     .type = ArtifactType::kDataset,
                     .needs_label = label,
                     .help = "All rows."});
  }
  return ports;
}

}  // namespace

void CheckReadAndRoles(const Json& parameters, const std::string& path,
                       std::vector<Problem>& problems) {
  const std::string read = path.empty() ? "read" : path + ".read";
  CheckCharacters(JsonMember(parameters, "read"), read, problems);
  const KnownColumns known = CheckColumns(JsonMember(parameters, "read"), read, problems);
  CheckRoles(JsonMember(parameters, "roles"), known, path.empty() ? "roles" : path + ".roles",
             problems);
}

StepSchema ProcessSchema() {
  StepSchema schema;
  schema.key = "process";
  schema.version = "2";
  schema.cacheable = true;
  schema.summary = "Turns raw data into datasets, with a transform fitted on the training rows.";
  schema.help = kHelp + OperationsHelp();
  schema.inputs = {{.name = "data",
                    .type = ArtifactType::kDataset,
                    .required = false,
                    .many = true,
                    .help = "Files, folders or datasets; several are joined in their order. "
                            "Needed, but with `sql`."},
                   {.name = "transform",
                    .type = ArtifactType::kTransform,
                    .required = false,
                    .help = "A fitted transform to apply, instead of fitting one."}};
  schema.any_input = PortSchema{.name = "NAME",
                                .type = ArtifactType::kDataset,
                                .required = false,
                                .many = true,
                                .help = "With `sql`: a table of that name."};
  schema.outputs = {{.name = "transform",
                     .type = ArtifactType::kTransform,
                     .help = "What was fitted: applied to raw data by evaluate and predict."}};
  schema.metrics = {{"rows", "Rows that were read."},
                    {"rows_dropped", "Rows that are in no output."},
                    {"features", "Columns that a model sees."},
                    {"shared_rows",
                     "Rows outside of train that equal one of train in all features and the "
                     "label; where there are parts."},
                    {"train_rows", "Rows of the part train."},
                    {"validation_rows", "Rows of the part validation."},
                    {"test_rows", "Rows of the part test."}};
  ParameterSchema split{.name = "split",
                        .kind = Kind::kMap,
                        .help =
                            "Fractions by the names of the outputs, for example {train: 0.8, "
                            "validation: 0.1, test: 0.1, seed: 7, stratify: income}; {} and "
                            "{seed: 7} are those fractions. Left out: all rows are one output, "
                            "`data`. `seed` "
                            "(default 0) makes the draw repeatable on every machine; `stratify` "
                            "names a column whose values each part gets in proportion. Below "
                            "1, the rows that are left are not used. {kFold: 5, fold: 2, seed: 7, "
                            "stratify: income} instead gives the outputs train and validation of "
                            "one of K folds: the rows of fold `fold` (from 0) are validation, all "
                            "others train; every row is validation in exactly one fold, and rows "
                            "of a group (`roles.group`) stay in one fold. `by: time` gives train "
                            "the earliest rows by roles.time, test the latest, and the others "
                            "what is between, in order of their names; rows of one time stay "
                            "together. `by: hash` goes by a hash of `key` (columns; left out: "
                            "roles.id), so that a row stays in its part as data grow; counts are "
                            "then about the fractions.",
                        .nullable = true};
  split.element = Element({.name = "fraction"});
  ParameterSchema transforms{.name = "transforms",
                             .kind = Kind::kList,
                             .help = "Operations in order; see the step's help.",
                             .default_value = Json::array(),
                             .maximum = 1'000};
  transforms.element = Element({.name = "operation"});
  ParameterSchema tables{.name = "tables",
                         .kind = Kind::kMap,
                         .help = "With `sql`: how single inputs are read, by their names; the "
                                 "others are read as `read` says.",
                         .default_value = Json::object()};
  tables.element = Element(ReadSchema());
  schema.parameters = {ReadSchema(),
                       {.name = "sql",
                        .kind = Kind::kString,
                        .help = "One SELECT of DuckDB's dialect over the inputs, each a table by "
                                "its name; its result is what all else is about. It sees nothing "
                                "but its tables, and gives the same rows on every machine (give "
                                "ORDER BY where their order counts).",
                        .nullable = true,
                        .minimum = 1,
                        .maximum = 65'536},
                       tables,
                       RolesSchema(),
                       LabelsSchema(),
                       split,
                       transforms};
  schema.check_inputs = CheckInputs;
  schema.outputs_for = OutputsFor;
  schema.check = CheckProcess;
  return schema;
}

}  // namespace penstock
