#include "steps/process/label_rules.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "steps/process/read_spec.h"

namespace penstock {
namespace {

constexpr std::size_t kMostClasses = 10'000;

const std::string& Mapped(const LabelRules& rules, const std::string& text) {
  const auto at = rules.map.find(text);
  return at == rules.map.end() ? text : at->second;
}

// The class that `text` names: by its letters, else by the number that both are ("1.0" is "1").
std::optional<int32_t> ClassOf(const std::vector<std::string>& classes, const std::string& text) {
  const auto at = std::find(classes.begin(), classes.end(), text);
  if (at != classes.end()) return static_cast<int32_t>(at - classes.begin());
  const std::optional<double> number = ParseNumber(text);
  if (!number) return std::nullopt;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (ParseNumber(classes[i]) == number) return static_cast<int32_t>(i);
  }
  return std::nullopt;
}

Column AsText(const Column& column) {
  if (column.is_text()) return column;
  std::vector<std::string> values;
  std::vector<bool> present;
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    values.push_back(column.text(i));
    present.push_back(!column.missing(i));
  }
  return MakeStringColumn(column.info.name, values, ColumnKind::kCategorical, present);
}

// The distinct texts after `map`, sorted by their bytes.
Result<std::vector<std::string>> DistinctClasses(const LabelRules& rules,
                                                 const BlockSource& source,
                                                 const std::string& name) {
  std::set<std::string> distinct;
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<std::string>>(
      source, {name},
      [&](int64_t, const Table& table, std::vector<std::string>* texts) {
        *texts = AsText(*table.Find(name)).strings.dictionary;
        return Status::Ok();
      },
      [&](int64_t, std::vector<std::string>&& texts) {
        for (const std::string& text : texts) {
          if (distinct.size() <= kMostClasses) distinct.insert(Mapped(rules, text));
        }
      }));
  if (distinct.size() > kMostClasses) {
    return InvalidArgument("label \"" + name + "\" is text with more than " +
                           std::to_string(kMostClasses) +
                           " different values; a label is a class or a number");
  }
  return std::vector<std::string>(distinct.begin(), distinct.end());
}

}  // namespace

LabelRules LabelRulesFromJson(const Json& labels) {
  LabelRules rules;
  rules.classes = TextList(JsonMember(labels, "classes"));
  rules.positive = ScalarText(JsonMember(labels, "positive"));
  if (const Json& map = JsonMember(labels, "map"); map.is_object()) {
    for (const auto& [from, to] : map.items()) rules.map[from] = ScalarText(to);
  }
  rules.drop_missing = JsonString(labels, "missing", "error") == "drop";
  return rules;
}

Json LabelRulesToJson(const LabelRules& rules) {
  return {{"classes", rules.classes},
          {"positive", rules.positive.empty() ? Json() : Json(rules.positive)},
          {"map", rules.map},
          {"missing", rules.drop_missing ? "drop" : "error"}};
}

Result<LabelInfo> InferLabel(const LabelRules& rules, const BlockSource& source,
                             const std::string& name) {
  LabelInfo label;
  if (!rules.text() && !Column{*source.Find(name), {}, {}}.is_text()) {
    if (!rules.positive.empty()) {
      return InvalidArgument("labels.positive is \"" + rules.positive + "\", but label \"" + name +
                             "\" is a number; name its values in labels.classes");
    }
    label.kind = LabelInfo::Kind::kNumber;
    return label;
  }
  label.kind = LabelInfo::Kind::kClasses;
  label.classes = rules.classes;
  if (label.classes.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(label.classes, DistinctClasses(rules, source, name));
  }
  if (label.classes.size() < 2) {
    return InvalidArgument(
        "label \"" + name + "\" has " +
        (label.classes.empty() ? "no values" : "only the class \"" + label.classes[0] + "\"") +
        "; learning needs at least two classes");
  }
  label.positive = rules.positive;
  if (label.positive.empty() && label.classes.size() == 2) label.positive = label.classes[1];
  if (!label.positive.empty() && label.positive_index() < 0) {
    return InvalidArgument("labels.positive is \"" + label.positive +
                           "\", which is not among the classes (" + Join(label.classes, ", ") +
                           ")");
  }
  return label;
}

Result<Column> ResolveLabel(const LabelRules& rules, const LabelInfo& label, const Column& column,
                            const WhereRow& where) {
  if (label.kind != LabelInfo::Kind::kClasses) {
    if (!column.is_text()) return column;
    for (std::size_t i = 0; i < column.strings.codes.size(); ++i) {
      if (column.missing(i)) continue;
      return InvalidArgument(where(static_cast<int64_t>(i)) + ": label \"" + column.text(i) +
                             "\" is not a number");
    }
    return MakeNumberColumn(column.info.name,
                            std::vector<double>(column.strings.codes.size(), kMissing));
  }
  const Column texts = AsText(column);
  std::vector<int32_t> class_of;
  for (const std::string& text : texts.strings.dictionary) {
    class_of.push_back(ClassOf(label.classes, Mapped(rules, text)).value_or(-1));
  }
  Column resolved;
  resolved.info.name = column.info.name;
  resolved.info.type = ColumnType::kString;
  resolved.info.kind = ColumnKind::kCategorical;
  resolved.strings.dictionary = label.classes;
  resolved.strings.codes.reserve(texts.strings.codes.size());
  for (std::size_t i = 0; i < texts.strings.codes.size(); ++i) {
    const int32_t code = texts.strings.codes[i];
    const int32_t index = code < 0 ? -1 : class_of[static_cast<std::size_t>(code)];
    if (code >= 0 && index < 0) {
      return InvalidArgument(where(static_cast<int64_t>(i)) + ": label \"" + texts.text(i) +
                             "\" is not among the classes (" + Join(label.classes, ", ") +
                             "); add it to labels.classes, or say in labels.map what it means");
    }
    if (index < 0) resolved.info.nullable = true;
    resolved.strings.codes.push_back(index);
  }
  return resolved;
}

}  // namespace penstock
