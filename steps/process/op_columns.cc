// select, rename and cast: which columns there are, what they are called and what they hold.

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "steps/process/column_operation.h"
#include "steps/process/makers.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

// Whole numbers up to here are all different as doubles.
constexpr double kMostExact = 9'007'199'254'740'992;
constexpr std::size_t kShownBytes = 60;

// An operation that learns nothing but which columns it is about.
class Unlearned : public ColumnOperation<std::monostate> {
 protected:
  using ColumnOperation::ColumnOperation;
  Status Learn(const FitData&, const std::vector<std::string>&,
               std::vector<std::monostate>&) override {
    return Status::Ok();
  }
};

// Takes away what is not chosen; the rest stays in the table's order.
class Select : public Unlearned {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    if (JsonMember(spec, "columns").is_null()) {
      return InvalidArgument("select: columns must say which columns stay");
    }
    auto op = std::unique_ptr<Select>(new Select(spec));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Result<std::vector<std::string>> Choose(const FitData& data) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> chosen,
                              SelectColumns(JsonMember(spec(), "columns"), data.features()));
    if (chosen.empty()) return InvalidArgument("select: no feature fits columns, so none is left");
    const std::set<std::string> kept(chosen.begin(), chosen.end());
    std::vector<std::string> dropped = data.features().names();
    std::erase_if(dropped, [&](const std::string& name) { return kept.contains(name); });
    return dropped;
  }
  Status Change(Column&&, const std::monostate&, const AppliedRows&,
                std::vector<Column>&) const override {
    return Status::Ok();
  }

 private:
  explicit Select(const Json& spec) : Unlearned(spec) {}
};

class Rename : public Unlearned {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Rename>(new Rename(spec));
    const Json& map = JsonMember(spec, "map");
    if (!map.is_object() || map.empty()) {
      return InvalidArgument("rename: map must say what at least one column is called then");
    }
    std::set<std::string> taken;
    for (const auto& [from, to] : map.items()) {
      const std::string name = to.is_string() ? to.get<std::string>() : "";
      if (name.empty()) {
        return InvalidArgument("rename: the new name of column \"" + from + "\" must be a text");
      }
      if (!taken.insert(name).second) {
        return InvalidArgument("rename: two columns would be called \"" + name + "\"");
      }
      op->map_[from] = name;
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Result<std::vector<std::string>> Choose(const FitData& data) const override {
    Json names = Json::array();
    for (const auto& [from, to] : map_) names.push_back(from);
    return SelectColumns(names, data.features());
  }
  Status Change(Column&& column, const std::monostate&, const AppliedRows&,
                std::vector<Column>& out) const override {
    const auto at = map_.find(column.info.name);
    if (at == map_.end()) {
      return InvalidArgument("rename: column \"" + column.info.name + "\" is not in the map");
    }
    out.push_back(std::move(column));
    out.back().info.name = at->second;
    return Status::Ok();
  }

 private:
  explicit Rename(const Json& spec) : Unlearned(spec) {}
  std::unordered_map<std::string, std::string> map_;
};

enum class Target { kNumeric, kInteger, kBoolean, kCategorical, kText, kId };
const std::vector<std::string>& TargetNames() {
  static const auto* const names =
      new std::vector<std::string>{"numeric", "integer", "boolean", "categorical", "text", "id"};
  return *names;
}

std::optional<double> ParseBoolean(std::string_view text) {
  std::string lower;
  for (const char c : Trim(text)) {
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const std::string_view yes : {"true", "yes", "t", "y", "on", "1"}) {
    if (lower == yes) return 1;
  }
  for (const std::string_view no : {"false", "no", "f", "n", "off", "0"}) {
    if (lower == no) return 0;
  }
  return std::nullopt;
}

class Cast : public Unlearned {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Cast>(new Cast(spec));
    const std::string to = JsonString(spec, "to");
    const auto at = std::find(TargetNames().begin(), TargetNames().end(), to);
    if (at == TargetNames().end()) {
      return InvalidArgument("cast: to cannot be \"" + to + "\"" + Suggestion(to, TargetNames()));
    }
    op->target_ = static_cast<Target>(at - TargetNames().begin());
    const std::string errors = JsonString(spec, "errors", "error");
    if (errors != "error" && errors != "missing") {
      return InvalidArgument("cast: errors must be error or missing");
    }
    op->missing_ = errors == "missing";
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Change(Column&& column, const std::monostate&, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    switch (target_) {
      case Target::kCategorical:
        return ToText(std::move(column), ColumnKind::kCategorical, out);
      case Target::kText:
        return ToText(std::move(column), ColumnKind::kText, out);
      case Target::kId:
        return ToText(std::move(column), ColumnKind::kId, out);
      case Target::kNumeric:
      case Target::kInteger:
      case Target::kBoolean:
        break;
    }
    if (column.info.kind == ColumnKind::kDate) {
      return InvalidArgument("cast: column \"" + column.info.name +
                             "\" is a date; parse_dates with parts: [epoch] gives its seconds "
                             "since 1970, and has other parts");
    }
    return ToNumbers(column, rows, out);
  }

 private:
  explicit Cast(const Json& spec) : Unlearned(spec) {}

  static Status ToText(Column&& column, ColumnKind kind, std::vector<Column>& out) {
    Column text;
    text.info.name = column.info.name;
    text.info.type = ColumnType::kString;
    text.info.kind = kind;
    text.info.nullable = column.info.nullable;
    text.strings = column.is_text() ? std::move(column.strings) : AsTexts(column);
    out.push_back(std::move(text));
    return Status::Ok();
  }

  // nullopt for what is none.
  std::optional<double> OfText(const std::string& text) const {
    if (target_ == Target::kBoolean) {
      if (const auto value = ParseBoolean(text)) return value;
    }
    const auto value = ParseNumber(text);
    return value ? OfNumber(*value) : std::nullopt;
  }
  std::optional<double> OfNumber(double value) const {
    const bool fits = target_ == Target::kNumeric ? true
                      : target_ == Target::kInteger
                          ? value == std::floor(value) && std::fabs(value) <= kMostExact
                          : value == 0 || value == 1;
    return fits ? std::optional<double>(value) : std::nullopt;
  }

  Status ToNumbers(const Column& column, const AppliedRows& rows, std::vector<Column>& out) const {
    std::vector<std::optional<double>> of_text;
    for (const std::string& text : column.strings.dictionary) of_text.push_back(OfText(text));
    std::vector<double> numbers;
    numbers.reserve(ValuesIn(column));
    for (std::size_t i = 0; i < ValuesIn(column); ++i) {
      if (column.missing(i)) {
        numbers.push_back(kMissing);
        continue;
      }
      const std::optional<double> value =
          column.is_text() ? of_text[static_cast<std::size_t>(column.strings.codes[i])]
                           : OfNumber(column.numbers[i]);
      if (!value && !missing_) return Unfit(column, i, rows);
      numbers.push_back(value.value_or(kMissing));
    }
    const ColumnType type = target_ == Target::kNumeric   ? ColumnType::kDouble
                            : target_ == Target::kInteger ? ColumnType::kInteger
                                                          : ColumnType::kBoolean;
    out.push_back(MakeNumberColumn(column.info.name, std::move(numbers), type));
    return Status::Ok();
  }

  Status Unfit(const Column& column, std::size_t i, const AppliedRows& rows) const {
    std::string message = rows.Where(i, column.info.name);
    message += ": \"" + TruncateUtf8(column.text(i), kShownBytes) + "\" is no ";
    message += target_ == Target::kNumeric   ? "number"
               : target_ == Target::kInteger ? "whole number of up to 2^53"
                                             : "boolean (true, yes, 1; false, no, 0)";
    message += "; mend it, or give errors: missing";
    return InvalidArgument(std::move(message));
  }

  Target target_ = Target::kNumeric;
  bool missing_ = false;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeSelect(const Json& spec) {
  return Select::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeRename(const Json& spec) {
  return Rename::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeCast(const Json& spec) {
  return Cast::Make(spec);
}

}  // namespace penstock
