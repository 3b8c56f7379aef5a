#include "steps/validate/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "base/iso_time.h"
#include "base/text.h"
#include "steps/catalog/validate.h"
#include "steps/process/read_spec.h"
#include "steps/table/sql.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxValueBytes = 200;

std::string Shown(const std::string& value) {
  return value.size() <= kMaxValueBytes ? value : TruncateUtf8(value, kMaxValueBytes - 3) + "…";
}

std::string Quoted(const std::string& text) {
  return DumpJson(Json(Shown(text)));
}

// "1 value", "1234 values".
std::string Count(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// "3 of 10 values".
std::string Of(int64_t part, int64_t whole, const std::string& what) {
  return std::to_string(part) + " of " + Count(whole, what);
}

// Verdicts on the values of one column that are there.
struct Judged {
  int64_t checked = 0;
  int64_t violations = 0;
  std::vector<Example> examples;
};

// Whether a value is as it must be.
struct Judge {
  std::function<bool(const std::string&)> text;
  std::function<bool(double)> number;
};

void JudgeBlock(const Column& column, int64_t first_row, const Judge& judge, Judged* judged) {
  const bool text = column.is_text();
  // Each text of a block once.
  std::vector<char> good;
  if (text) {
    for (const std::string& value : column.strings.dictionary) good.push_back(judge.text(value));
  }
  const std::size_t rows = text ? column.strings.codes.size() : column.numbers.size();
  for (std::size_t i = 0; i < rows; ++i) {
    if (column.missing(i)) continue;
    ++judged->checked;
    if (text ? good[static_cast<std::size_t>(column.strings.codes[i])] != 0
             : judge.number(column.numbers[i])) {
      continue;
    }
    ++judged->violations;
    if (judged->examples.size() < kMaxExamples) {
      judged->examples.push_back(
          {first_row + static_cast<int64_t>(i), column.info.name, Shown(column.text(i)), {}});
    }
  }
}

Result<Judged> JudgeColumn(const Frame& frame, const std::string& name, const Judge& judge) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::vector<Judged> blocks,
      (MapBlocks<Judged>(frame, {name}, [&](int64_t block, const Table& table, Judged* judged) {
        JudgeBlock(*table.Find(name), frame.first_row(block), judge, judged);
        return Status::Ok();
      })));
  Judged all;
  for (const Judged& judged : blocks) {
    all.checked += judged.checked;
    all.violations += judged.violations;
    for (const Example& example : judged.examples) {
      if (all.examples.size() < kMaxExamples) all.examples.push_back(example);
    }
  }
  return all;
}

// How many values of a column are missing, and the first rows.
Result<Judged> FindMissing(const Frame& frame, const std::string& name) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::vector<Judged> blocks,
      (MapBlocks<Judged>(frame, {name}, [&](int64_t block, const Table& table, Judged* judged) {
        const Column& column = *table.Find(name);
        for (int64_t i = 0; i < table.rows; ++i) {
          if (!column.missing(static_cast<std::size_t>(i))) continue;
          ++judged->violations;
          if (judged->examples.size() < kMaxExamples) {
            judged->examples.push_back({frame.first_row(block) + i, name, {}, "missing"});
          }
        }
        return Status::Ok();
      })));
  Judged all;
  all.checked = frame.rows();
  for (const Judged& judged : blocks) {
    all.violations += judged.violations;
    for (const Example& example : judged.examples) {
      if (all.examples.size() < kMaxExamples) all.examples.push_back(example);
    }
  }
  return all;
}

// Puts a finding together from what is found in columns.
class Collector {
 public:
  Collector(const Json& rule, const RuleContext& context) : context_(context) {
    finding_.name = JsonString(rule, "name");
    finding_.rule = JsonString(rule, "rule");
    finding_.warn = JsonString(rule, "severity") == "warn";
  }

  const Frame& frame() const { return context_.data.frame; }

  // nullptr, and a violation, where there is no such column.
  const ColumnInfo* Find(const std::string& name) {
    if (const ColumnInfo* info = frame().Find(name)) return info;
    std::vector<std::string> names;
    for (const ColumnInfo& column : frame().columns()) names.push_back(column.name);
    Fail(name, "there is no column " + Quoted(name) + SuggestColumn(name, names));
    return nullptr;
  }

  // A violation of a column as a whole.
  void Fail(const std::string& column, const std::string& what) {
    ++finding_.violations;
    examples_.push_back({-1, column, {}, what});
    Say(what);
  }

  // `what` says what those that are violations do: "are below 0". `allowed`: whether that many are.
  void Add(const Judged& judged, const std::string& column, const std::string& what,
           bool allowed = false) {
    finding_.checked += judged.checked;
    finding_.violations += judged.violations;
    for (const Example& example : judged.examples) examples_.push_back(example);
    if (judged.violations == 0 || allowed) return;
    Say(Of(judged.violations, judged.checked, "value") + " of " + Quoted(column) + " " + what);
  }

  // A rule is violated by what it says.
  void Say(const std::string& sentence) {
    finding_.passed = false;
    if (sentences_.size() < kMaxExamples) {
      sentences_.push_back(sentence);
    } else {
      ++more_;
    }
  }

  RuleFinding& finding() { return finding_; }
  void AddExample(Example example) { examples_.push_back(std::move(example)); }

  // `holds`: the message where nothing was found.
  RuleFinding Finish(const std::string& holds) && {
    finding_.message = finding_.passed ? holds : Join(sentences_, "; ");
    if (more_ > 0) finding_.message += "; and " + std::to_string(more_) + " more";
    std::stable_sort(examples_.begin(), examples_.end(),
                     [](const Example& a, const Example& b) { return a.row < b.row; });
    if (examples_.size() > kMaxExamples) examples_.resize(kMaxExamples);
    finding_.examples = std::move(examples_);
    return std::move(finding_);
  }

 private:
  const RuleContext& context_;
  RuleFinding finding_;
  std::vector<Example> examples_;
  std::vector<std::string> sentences_;
  int more_ = 0;
};

bool IsIsoTime(const std::string& text) {
  return ParseIsoTime(text).has_value();
}

// The judge of a declared type or kind; nullopt where the values say nothing about it.
std::optional<Judge> JudgeOfType(const std::string& type) {
  const auto never = [](double) { return false; };
  const auto number = [](const std::string& text) { return ParseNumber(text).has_value(); };
  const auto any_number = [](double) { return true; };
  const auto whole = [](double value) {
    return std::isfinite(value) && std::floor(value) == value;
  };
  if (type == "double" || type == "numeric") return Judge{number, any_number};
  if (type == "integer") {
    return Judge{[whole](const std::string& text) {
                   const auto value = ParseNumber(text);
                   return value && whole(*value);
                 },
                 whole};
  }
  if (type == "boolean") {
    return Judge{[](const std::string& text) {
                   return text == "true" || text == "false" || text == "0" || text == "1" ||
                          text == "True" || text == "False" || text == "TRUE" || text == "FALSE";
                 },
                 [](double value) { return value == 0 || value == 1; }};
  }
  if (type == "date" || type == "timestamp") return Judge{IsIsoTime, never};
  return std::nullopt;
}

bool IsText(ColumnType type) {
  return type == ColumnType::kString || type == ColumnType::kDate || type == ColumnType::kTimestamp;
}

// A column without any value is read as one of numbers, but holds none.
Result<bool> HoldsNumbers(const Frame& frame, const ColumnInfo& info) {
  if (IsText(info.type)) return false;
  PENSTOCK_ASSIGN_OR_RETURN(const Judged missing, FindMissing(frame, info.name));
  return missing.violations < frame.rows();
}

Status CheckKind(const std::string& kind, const ColumnInfo& info, const RuleContext& context,
                 Collector& collector) {
  const auto& declared = context.declared;
  const bool known = context.kinds_declared ||
                     std::find(declared.begin(), declared.end(), info.name) != declared.end();
  const bool fits = kind == Name(info.kind);
  if (!fits && known) {
    collector.Fail(info.name, Quoted(info.name) + " is of kind " + std::string(Name(info.kind)) +
                                  ", not " + kind);
    return Status::Ok();
  }
  if (fits) return Status::Ok();
  if (const auto judge = JudgeOfType(kind)) {
    PENSTOCK_ASSIGN_OR_RETURN(const Judged judged,
                              JudgeColumn(collector.frame(), info.name, *judge));
    collector.Add(judged, info.name,
                  kind == "numeric" ? "are no numbers" : "are no ISO dates or times");
    return Status::Ok();
  }
  PENSTOCK_ASSIGN_OR_RETURN(const bool numbers, HoldsNumbers(collector.frame(), info));
  if (numbers) {
    collector.Fail(info.name, Quoted(info.name) +
                                  " holds numbers alone, and would not be read as " + kind +
                                  " (say so in read.columns)");
  }
  return Status::Ok();
}

Status CheckType(const std::string& type, const ColumnInfo& info, Collector& collector) {
  if (type == Name(info.type)) return Status::Ok();
  const auto judge = JudgeOfType(type);
  if (!judge) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool numbers, HoldsNumbers(collector.frame(), info));
    if (numbers) {
      collector.Fail(info.name, Quoted(info.name) + " holds numbers (" +
                                    std::string(Name(info.type)) + "), not texts");
    }
    return Status::Ok();
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Judged judged, JudgeColumn(collector.frame(), info.name, *judge));
  collector.Add(judged, info.name, "cannot be read as " + type);
  return Status::Ok();
}

Result<RuleFinding> ApplySchema(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  std::set<std::string> known;
  const Json& columns = JsonMember(rule, "columns");
  for (const Json& column : columns) {
    const std::string name = JsonString(column, "name");
    known.insert(name);
    const ColumnInfo* info = collector.Find(name);
    if (info == nullptr) continue;
    if (const std::string kind = JsonString(column, "kind"); !kind.empty()) {
      PENSTOCK_RETURN_IF_ERROR(CheckKind(kind, *info, context, collector));
    }
    if (const std::string type = JsonString(column, "type"); !type.empty()) {
      PENSTOCK_RETURN_IF_ERROR(CheckType(type, *info, collector));
    }
    if (!JsonBool(column, "nullable", true)) {
      PENSTOCK_ASSIGN_OR_RETURN(const Judged missing, FindMissing(collector.frame(), name));
      collector.Add(missing, name, "are missing");
    }
  }
  if (JsonString(rule, "extra") == "deny") {
    for (const ColumnInfo& info : collector.frame().columns()) {
      if (!known.contains(info.name)) {
        collector.Fail(info.name, "there is a column " + Quoted(info.name) + " besides");
      }
    }
  }
  return std::move(collector).Finish("the columns are as they must be");
}

Result<RuleFinding> ApplyComplete(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  const double least = JsonDouble(rule, "min_share", 1);
  for (const std::string& name : TextList(JsonMember(rule, "columns"))) {
    if (collector.Find(name) == nullptr) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const Judged missing, FindMissing(collector.frame(), name));
    const auto rows = static_cast<double>(collector.frame().rows());
    const bool allowed = rows - static_cast<double>(missing.violations) >= least * rows;
    collector.Add(
        missing, name,
        "are missing" + (least < 1 ? ": fewer than a share of " + FormatNumber(least) + " is there"
                                   : std::string()),
        allowed);
  }
  return std::move(collector).Finish("enough values are there");
}

// The values of a key, as an example shows them.
Result<std::string> KeyOf(const Frame& frame, const std::vector<std::string>& columns,
                          int64_t row) {
  int64_t block = 0;
  while (block + 1 < frame.blocks() && frame.first_row(block + 1) <= row) ++block;
  std::vector<std::string> values;
  PENSTOCK_RETURN_IF_ERROR(frame.Visit(block, columns, [&](int64_t, const Table& table) {
    for (const std::string& name : columns) {
      values.push_back(
          table.Find(name)->text(static_cast<std::size_t>(row - frame.first_row(block))));
    }
    return Status::Ok();
  }));
  return Shown(Join(values, ", "));
}

Result<RuleFinding> ApplyUnique(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  const std::vector<std::string> columns = TextList(JsonMember(rule, "columns"));
  bool there = true;
  for (const std::string& name : columns) there = collector.Find(name) != nullptr && there;
  if (there) {
    const Frame& frame = collector.frame();
    PENSTOCK_ASSIGN_OR_RETURN(const RepeatedKeys keys,
                              FindRepeatedKeys(frame, columns, context.memory_bytes));
    collector.finding().checked = keys.checked;
    collector.finding().violations = keys.repeated;
    for (const RepeatedKeys::Row& row : keys.rows) {
      PENSTOCK_ASSIGN_OR_RETURN(std::string key, KeyOf(frame, columns, row.row));
      collector.AddExample({row.row, columns.size() == 1 ? columns[0] : std::string(),
                            std::move(key), "as in row " + std::to_string(row.first + 1)});
    }
    if (keys.repeated > 0) {
      collector.Say(Of(keys.repeated, keys.checked, "row") + " have the " + Join(columns, ", ") +
                    " of an earlier row");
    }
  }
  return std::move(collector).Finish("no key is there twice");
}

// One bound of a range.
struct Bound {
  std::optional<double> number;
  std::optional<Time> time;
  std::string shown;
};

Bound BoundOf(const Json& value) {
  Bound bound;
  if (value.is_null()) return bound;
  bound.shown = ScalarText(value);
  if (value.is_number()) {
    bound.number = value.get<double>();
  } else {
    bound.time = ParseIsoTime(bound.shown);
  }
  return bound;
}

template <typename T>
bool Within(const T& value, const std::optional<T>& min, const std::optional<T>& max,
            bool exclusive) {
  if (min && (exclusive ? value <= *min : value < *min)) return false;
  return !max || (exclusive ? value < *max : value <= *max);
}

Result<RuleFinding> ApplyRange(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  const Bound min = BoundOf(JsonMember(rule, "min"));
  const Bound max = BoundOf(JsonMember(rule, "max"));
  const bool exclusive = JsonBool(rule, "exclusive");
  const bool times = min.time || max.time;
  const Judge judge{
      [&](const std::string& text) {
        if (times) {
          const auto time = ParseIsoTime(text);
          return time && Within(*time, min.time, max.time, exclusive);
        }
        const auto number = ParseNumber(text);
        return number && Within(*number, min.number, max.number, exclusive);
      },
      [&](double number) { return !times && Within(number, min.number, max.number, exclusive); }};
  std::string range = min.shown.empty()   ? "up to " + max.shown
                      : max.shown.empty() ? "from " + min.shown + " on"
                                          : "from " + min.shown + " to " + max.shown;
  if (exclusive) range += ", bounds left out";
  for (const std::string& name : TextList(JsonMember(rule, "columns"))) {
    if (collector.Find(name) == nullptr) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const Judged judged, JudgeColumn(collector.frame(), name, judge));
    collector.Add(judged, name, "are not " + range);
  }
  return std::move(collector).Finish("all values are " + range);
}

Result<RuleFinding> ApplyDomain(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  std::set<std::string, std::less<>> texts;
  std::set<double> numbers;
  for (const std::string& text : TextList(JsonMember(rule, "values"))) {
    texts.insert(text);
    if (const auto number = ParseNumber(text)) numbers.insert(*number);
    if (text == "true") numbers.insert(1);
    if (text == "false") numbers.insert(0);
  }
  const double most = JsonDouble(rule, "max_share_outside", 0);
  const Judge judge{[&](const std::string& text) { return texts.contains(text); },
                    [&](double number) { return numbers.contains(number); }};
  for (const std::string& name : TextList(JsonMember(rule, "columns"))) {
    if (collector.Find(name) == nullptr) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const Judged judged, JudgeColumn(collector.frame(), name, judge));
    const bool allowed =
        static_cast<double>(judged.violations) <= most * static_cast<double>(judged.checked);
    collector.Add(judged, name,
                  "are not among the " + Count(static_cast<int64_t>(texts.size()), "value") +
                      " of the domain" +
                      (most > 0 ? ": more than a share of " + FormatNumber(most) : std::string()),
                  allowed);
  }
  return std::move(collector).Finish("the values are those of the domain");
}

Result<RuleFinding> ApplyPattern(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  const RE2 regex(JsonString(rule, "regex"), RE2::Quiet);
  if (!regex.ok()) return InvalidArgument("regex: " + regex.error());
  const auto matches = [&](const std::string& text) { return RE2::FullMatch(text, regex); };
  const Judge judge{matches, [&](double number) { return matches(FormatDouble(number)); }};
  for (const std::string& name : TextList(JsonMember(rule, "columns"))) {
    if (collector.Find(name) == nullptr) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const Judged judged, JudgeColumn(collector.frame(), name, judge));
    collector.Add(judged, name, "do not match " + Quoted(regex.pattern()));
  }
  return std::move(collector).Finish("all values match");
}

// The newest time of a block that is not after now.
struct Newest {
  std::optional<Time> time;
  std::string text;
  int64_t later = 0;
};

Result<Newest> FindNewest(const Frame& frame, const std::string& name, Time now) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::vector<Newest> blocks,
      (MapBlocks<Newest>(frame, {name}, [&](int64_t, const Table& table, Newest* newest) {
        const StringValues& values = table.Find(name)->strings;
        std::vector<char> late;
        for (const std::string& text : values.dictionary) {
          const auto time = ParseIsoTime(text);
          late.push_back(time && *time > now);
          if (!time || *time > now || (newest->time && *newest->time >= *time)) continue;
          newest->time = time;
          newest->text = text;
        }
        for (const int32_t code : values.codes) {
          newest->later += code >= 0 && late[static_cast<std::size_t>(code)] != 0 ? 1 : 0;
        }
        return Status::Ok();
      })));
  Newest all;
  for (const Newest& block : blocks) {
    all.later += block.later;
    if (!block.time || (all.time && *all.time >= *block.time)) continue;
    all.time = block.time;
    all.text = block.text;
  }
  return all;
}

Result<RuleFinding> ApplyFresh(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  const std::string name = JsonString(rule, "column");
  PENSTOCK_ASSIGN_OR_RETURN(const Micros within, ParseDuration(JsonString(rule, "within")));
  if (!context.now) return InvalidArgument("`now` is missing: the time to count back from");
  const ColumnInfo* info = collector.Find(name);
  std::string holds;
  if (info != nullptr && !IsText(info->type) && collector.frame().rows() > 0) {
    collector.Fail(name, Quoted(name) + " holds numbers, not dates or times");
  } else if (info != nullptr) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const Judged judged,
        JudgeColumn(collector.frame(), name, {IsIsoTime, [](double) { return false; }}));
    collector.Add(judged, name, "are no ISO dates or times");
    PENSTOCK_ASSIGN_OR_RETURN(const Newest newest,
                              FindNewest(collector.frame(), name, *context.now));
    const std::string later =
        newest.later > 0 ? " (" + Count(newest.later, "value") + " after `now` left out)" : "";
    if (!newest.time) {
      collector.Fail(name, Quoted(name) + " has no date or time" + later);
    } else if (*context.now - *newest.time > within) {
      collector.Fail(name, "the newest value of " + Quoted(name) + ", " + newest.text +
                               ", is older than " + UnparseDuration(within) + later);
    }
    holds = "the newest value is " + newest.text + later;
  }
  return std::move(collector).Finish(holds);
}

Result<RuleFinding> ApplyRows(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  const int64_t rows = collector.frame().rows();
  collector.finding().checked = rows;
  const auto fail = [&](const std::string& what) {
    collector.Fail({}, "there are " + Count(rows, "row") + ", " + what);
  };
  const Json& min = JsonMember(rule, "min");
  const Json& max = JsonMember(rule, "max");
  if (min.is_number_integer() && rows < min.get<int64_t>()) {
    fail("fewer than " + DumpJson(min));
  }
  if (max.is_number_integer() && rows > max.get<int64_t>()) {
    fail("more than " + DumpJson(max));
  }
  if (const Json& part = JsonMember(rule, "min_of_reference"); part.is_number()) {
    if (!context.reference_rows) {
      return InvalidArgument("min_of_reference needs the input `reference`");
    }
    if (static_cast<double>(rows) <
        part.get<double>() * static_cast<double>(*context.reference_rows)) {
      fail("fewer than " + FormatNumber(part.get<double>()) + " times the " +
           std::to_string(*context.reference_rows) + " of the reference");
    }
  }
  return std::move(collector).Finish("there are " + Count(rows, "row"));
}

// "price: 1, cost: 2".
std::string RowText(const Table& table, std::size_t row) {
  std::string text;
  for (const Column& column : table.columns) {
    if (text.size() > kMaxValueBytes) break;
    text += (text.empty() ? "" : ", ") + column.info.name + ": " +
            (column.missing(row) ? "missing" : column.text(row));
  }
  return Shown(text);
}

Result<RuleFinding> ApplySql(const Json& rule, const RuleContext& context) {
  Collector collector(rule, context);
  std::vector<SqlInput> inputs = {{"data", &context.data.frame}};
  if (context.reference != nullptr) inputs.push_back({"reference", context.reference});
  FrameOptions options = context.data.frame.options();
  options.table.memory_bytes = context.memory_bytes;
  RuleFinding& finding = collector.finding();
  finding.checked = collector.frame().rows();
  PENSTOCK_RETURN_IF_ERROR(
      StreamSelect(inputs, JsonString(rule, "query"), options, [&](Table&& block) {
        for (int64_t i = 0; i < block.rows; ++i) {
          if (finding.violations + i >= static_cast<int64_t>(kMaxExamples)) break;
          collector.AddExample(
              {-1,
               {},
               RowText(block, static_cast<std::size_t>(i)),
               "row " + std::to_string(finding.violations + i + 1) + " of the result"});
        }
        finding.violations += block.rows;
        return Status::Ok();
      }));
  if (finding.violations > 0) {
    collector.Say("the query gives " + Count(finding.violations, "row"));
  }
  return std::move(collector).Finish("the query gives no rows");
}

}  // namespace

double RuleFinding::share() const {
  if (checked == 0) return violations > 0 ? 1 : 0;
  return std::min(1.0, static_cast<double>(violations) / static_cast<double>(checked));
}

Result<RuleFinding> ApplyRule(const Json& rule, const RuleContext& context) {
  using Apply = Result<RuleFinding> (*)(const Json&, const RuleContext&);
  static constexpr std::pair<const char*, Apply> kRules[] = {
      {"schema", ApplySchema}, {"complete", ApplyComplete}, {"unique", ApplyUnique},
      {"range", ApplyRange},   {"domain", ApplyDomain},     {"pattern", ApplyPattern},
      {"fresh", ApplyFresh},   {"rows", ApplyRows},         {"sql", ApplySql}};
  const std::string name = JsonString(rule, "rule");
  for (const auto& [known, apply] : kRules) {
    if (name != known) continue;
    auto finding = apply(rule, context);
    if (finding.ok()) return finding;
    return finding.status().WithContext("rule \"" + JsonString(rule, "name") + "\"");
  }
  return InvalidArgument("unknown rule \"" + name + "\"");
}

}  // namespace penstock
