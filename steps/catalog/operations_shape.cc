// Operations that choose and name columns, change what they hold, and make columns of others.

#include <set>
#include <utility>

#include "base/date_format.h"
#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

// The texts of a list, without references.
std::vector<std::string> TextsOf(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& element : list) {
    if (element.is_string() && !HoldsReference(element)) texts.push_back(element);
  }
  return texts;
}

void CheckDistinct(const Json& entry, const std::string& key, const std::string& path,
                   std::vector<Problem>& problems) {
  std::set<std::string> seen;
  for (const std::string& text : TextsOf(JsonMember(entry, key))) {
    if (seen.insert(text).second) continue;
    problems.push_back({path + "." + key, "has \"" + text + "\" twice"});
  }
}

OperationSchema CastSchema() {
  OperationSchema cast;
  cast.schema = EntrySchema(
      "cast", "Values as another type.",
      {ColumnsParameter(true),
       {.name = "to",
        .kind = Kind::kEnum,
        .help =
            "numeric: any number. integer: whole numbers of up to 2^53. boolean: 0 and 1 (of "
            "true, yes, t, y, on, and false, no, f, n, off, too). categorical, text, id: texts; "
            "numbers as CSV writes them, dates in ISO 8601.",
        .required = true,
        .choices = {"numeric", "integer", "boolean", "categorical", "text", "id"}},
       ChoiceParameter("errors", "A value that cannot be cast: an error, or missing.",
                       {"error", "missing"})});
  return cast;
}

void CheckDates(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& formats = JsonMember(entry, "formats");
  if (formats.is_array()) {
    for (std::size_t i = 0; i < formats.size(); ++i) {
      if (!formats[i].is_string() || HoldsReference(formats[i]) || formats[i] == "iso") continue;
      const auto format = DateFormat::Parse(formats[i].get<std::string>());
      if (format.ok()) continue;
      problems.push_back({path + ".formats[" + std::to_string(i) + "]", format.status().message()});
    }
    if (!JsonMember(entry, "unit").is_null()) {
      problems.push_back(
          {path + ".unit", "has no use with formats: numbers are then read as texts"});
    }
  }
  CheckDistinct(entry, "parts", path, problems);
  CheckDistinct(entry, "cyclical", path, problems);
  if (JsonString(entry, "keep") == "none" && JsonMember(entry, "parts").empty() &&
      JsonMember(entry, "cyclical").empty()) {
    problems.push_back({path + ".keep", "is none, and no parts are named: nothing would be left"});
  }
}

OperationSchema ParseDatesSchema() {
  const auto list = [](std::string name, std::string help, std::vector<std::string> choices) {
    return ParameterSchema{
        .name = std::move(name),
        .kind = Kind::kList,
        .help = std::move(help),
        .element = ElementOf({.name = "part", .kind = Kind::kEnum, .choices = std::move(choices)})};
  };
  OperationSchema dates;
  dates.schema = EntrySchema(
      "parse_dates",
      "Texts and numbers as times, and their parts as columns NAME.PART. Offsets are applied; all "
      "is in UTC. Years 1 to 9999.",
      {ColumnsParameter(true),
       {.name = "formats",
        .kind = Kind::kList,
        .help = "What the whole of a text looks like, as for strptime: \"%d.%m.%Y %H:%M\". The "
                "first that fits counts; iso stands for ISO 8601. Knows %Y %y %m %d %j %b %B %a %A "
                "%H %I %p %M %S %f %z %F %T %%. Left out: ISO 8601, and numbers by their unit.",
        .minimum = 1,
        .maximum = 20,
        .element =
            ElementOf({.name = "format", .kind = Kind::kString, .minimum = 1, .maximum = 200})},
       {.name = "unit",
        .kind = Kind::kEnum,
        .help = "Columns of numbers count these since 1970. Default seconds.",
        .choices = {"seconds", "milliseconds", "microseconds", "days"}},
       list("parts",
            "year, quarter, month, week (of ISO 8601, 1 to 53), day, weekday (1, Monday, to 7), "
            "day_of_year, hour, minute, second, is_weekend, epoch (seconds since 1970, with "
            "fractions), days (whole days since 1970).",
            {"year", "quarter", "month", "week", "day", "weekday", "day_of_year", "hour", "minute",
             "second", "is_weekend", "epoch", "days"}),
       list("cyclical",
            "Parts as places on a circle, NAME.PART_sin and NAME.PART_cos, so that December is "
            "next to January.",
            {"month", "day", "weekday", "day_of_year", "hour", "minute", "second"}),
       {.name = "keep",
        .kind = Kind::kEnum,
        .help = "Whether the column itself stays: none; date, its day; timestamp, its time. Left "
                "out: none where parts are named, else timestamp.",
        .choices = {"none", "date", "timestamp"}},
       ChoiceParameter("invalid", "A value that is no time: an error, or missing.",
                       {"error", "missing"})});
  dates.schema.check = CheckDates;
  return dates;
}

OperationSchema DeriveSchema() {
  OperationSchema derive;
  derive.schema = EntrySchema(
      "derive",
      "A column that an SQL expression (of DuckDB's) computes from the features of its row.",
      {{.name = "name",
        .kind = Kind::kString,
        .help = "What it is called. It takes the place of a feature of that name.",
        .required = true,
        .minimum = 1},
       {.name = "expression",
        .kind = Kind::kString,
        .help = "For example \"capital-gain\" - \"capital-loss\", or CASE WHEN age < 18 THEN "
                "'child' ELSE 'adult' END. Names in double quotes, texts in single ones. No other "
                "rows, files, clock or chance.",
        .required = true,
        .minimum = 1}});
  return derive;
}

OperationSchema RenameSchema() {
  ParameterSchema map{.name = "map",
                      .kind = Kind::kMap,
                      .help = "Features, and what each is called afterwards.",
                      .required = true};
  map.element = ElementOf({.name = "name", .kind = Kind::kString, .minimum = 1});
  OperationSchema rename;
  rename.schema =
      EntrySchema("rename", "Gives columns other names; they stay in their places.", {map});
  rename.schema.check = [](const Json& entry, const std::string& path,
                           std::vector<Problem>& problems) {
    const Json& names = JsonMember(entry, "map");
    if (!names.is_object()) return;
    if (names.empty()) problems.push_back({path + ".map", "names no column"});
    std::set<std::string> taken;
    for (const auto& [from, to] : names.items()) {
      if (!to.is_string() || HoldsReference(to) || taken.insert(to.get<std::string>()).second) {
        continue;
      }
      problems.push_back(
          {path + ".map." + from, "two columns would be called \"" + to.get<std::string>() + "\""});
    }
  };
  return rename;
}

// Parameters that belong to one rule alone.
void CheckPrune(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const std::string rule = JsonString(entry, "rule");
  if (HoldsReference(JsonMember(entry, "rule"))) return;
  static constexpr std::pair<const char*, const char*> kOwners[] = {
      {"max_missing", "sparse"}, {"threshold", "correlated"}, {"names", "sensitive"}};
  for (const auto& [key, owner] : kOwners) {
    if (JsonMember(entry, key).is_null() || rule == owner) continue;
    problems.push_back({path + "." + key, std::string("belongs to rule ") + owner});
  }
}

OperationSchema PruneSchema() {
  OperationSchema prune;
  prune.learns = true;
  prune.schema = EntrySchema(
      "prune", "Removes columns that a rule finds in the training rows, and says which in the log.",
      {ColumnsParameter(false),
       {.name = "rule",
        .kind = Kind::kEnum,
        .help = "constant: the same in all rows (missing counts as a value). unique: another "
                "value in every row, of categories, ids and whole numbers. sparse: more than the "
                "share max_missing is missing. sensitive: its name says sex, race, religion or the "
                "like. correlated: Pearson's r with a column before it that stays is beyond "
                "threshold, either way.",
        .required = true,
        .choices = {"constant", "unique", "sparse", "sensitive", "correlated"}},
       {.name = "max_missing",
        .kind = Kind::kNumber,
        .help = "sparse: the share of rows that may lack a value. Default 0.5.",
        .minimum = 0,
        .maximum = 1},
       {.name = "threshold",
        .kind = Kind::kNumber,
        .help = "correlated: how strong a correlation may be. Default 0.95.",
        .minimum = 0,
        .maximum = 1},
       {.name = "names",
        .kind = Kind::kList,
        .help = "sensitive: more words of names, as globs (age, birth*), than: biometric*, caste, "
                "citizen*, creed, disab*, ethnic*, gender*, genetic*, handicap*, immigra*, "
                "marital*, married, national origin, nationality, native country, political*, "
                "pregnan*, race, racial*, religio*, sex, sexual*, skin color, skin colour, trade "
                "union, transgender, union member*, veteran*. Age is none of them: name it where "
                "it must not count.",
        .minimum = 1,
        .element = ElementOf({.name = "name", .kind = Kind::kString, .minimum = 1})}});
  prune.schema.check = CheckPrune;
  return prune;
}

}  // namespace

std::vector<OperationSchema> ShapeOperations() {
  OperationSchema select;
  select.schema =
      EntrySchema("select", "Keeps these columns alone, in the order that they have in the data.",
                  {ColumnsParameter(true)});
  return {CastSchema(), DeriveSchema(), ParseDatesSchema(), PruneSchema(), RenameSchema(), select};
}

}  // namespace penstock
