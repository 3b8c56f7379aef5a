// map_values and drop: what needs no fitting beyond the choice of columns.

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/makers.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

class MapValues : public ColumnOperation<std::monostate> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<MapValues>(new MapValues(spec));
    const Json& map = JsonMember(spec, "map");
    if (!map.is_object() || map.empty()) {
      return InvalidArgument("map_values: map must say what at least one value becomes");
    }
    for (const auto& [from, to] : map.items()) {
      op->map_[from] = to.is_null() ? std::nullopt : std::optional(ScalarText(to));
    }
    op->other_ = JsonString(spec, "other", "keep");
    if (const std::string kind = JsonString(spec, "kind"); !kind.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(op->kind_, ParseColumnKind(kind));
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData&, const std::vector<std::string>&,
               std::vector<std::monostate>&) override {
    return Status::Ok();
  }

  Status Change(Column&& column, const std::monostate&, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    const StringValues from = AsTexts(column);
    const std::string& name = column.info.name;
    const bool numeric = kind_ ? *kind_ == ColumnKind::kNumeric : !column.is_text();
    // What each distinct value becomes, and the numbers of that.
    std::vector<std::optional<std::string>> to;
    std::vector<double> number;
    for (std::size_t code = 0; code < from.dictionary.size(); ++code) {
      const auto at = map_.find(from.dictionary[code]);
      if (at == map_.end() && other_ == "error") {
        return InvalidArgument(WhereFirst(from, code, name, rows) + ": \"" +
                               from.dictionary[code] +
                               "\" is not in the map of map_values; add it, or use other: keep or "
                               "missing");
      }
      to.push_back(at != map_.end()      ? at->second
                   : other_ == "missing" ? std::nullopt
                                         : std::optional(from.dictionary[code]));
      if (!numeric) continue;
      const auto value = to.back() ? ParseNumber(*to.back()) : std::optional<double>(kMissing);
      if (!value) {
        return InvalidArgument(WhereFirst(from, code, name, rows) + ": \"" + *to.back() +
                               "\" is not a number after map_values; map it to one, or give the "
                               "operation kind: categorical");
      }
      number.push_back(*value);
    }
    const ColumnKind kind = kind_.value_or(column.info.kind);
    out.push_back(numeric ? Numbers(name, from, number) : Texts(name, kind, from, to));
    return Status::Ok();
  }

 private:
  explicit MapValues(const Json& spec) : ColumnOperation(spec) {}

  static std::string WhereFirst(const StringValues& from, std::size_t code,
                                const std::string& name, const AppliedRows& rows) {
    const auto at = std::find(from.codes.begin(), from.codes.end(), static_cast<int32_t>(code));
    return rows.Where(static_cast<std::size_t>(at - from.codes.begin()), name);
  }

  static Column Numbers(const std::string& name, const StringValues& from,
                        const std::vector<double>& number) {
    std::vector<double> numbers;
    numbers.reserve(from.codes.size());
    for (const int32_t code : from.codes) {
      numbers.push_back(code < 0 ? kMissing : number[static_cast<std::size_t>(code)]);
    }
    return MakeNumberColumn(name, std::move(numbers));
  }

  static Column Texts(const std::string& name, ColumnKind kind, const StringValues& from,
                      const std::vector<std::optional<std::string>>& to) {
    std::vector<std::string> texts;
    std::vector<bool> present;
    texts.reserve(from.codes.size());
    for (const int32_t code : from.codes) {
      const bool there = code >= 0 && to[static_cast<std::size_t>(code)].has_value();
      texts.push_back(there ? *to[static_cast<std::size_t>(code)] : "");
      present.push_back(there);
    }
    return MakeStringColumn(name, texts, kind, present);
  }

  std::map<std::string, std::optional<std::string>> map_;
  std::string other_;
  std::optional<ColumnKind> kind_;
};

class Drop : public ColumnOperation<std::monostate> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Drop>(new Drop(spec));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData&, const std::vector<std::string>&,
               std::vector<std::monostate>&) override {
    return Status::Ok();
  }
  Status Change(Column&&, const std::monostate&, const AppliedRows&,
                std::vector<Column>&) const override {
    return Status::Ok();
  }

 private:
  explicit Drop(const Json& spec) : ColumnOperation(spec) {}
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeMapValues(const Json& spec) {
  return MapValues::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeDrop(const Json& spec) {
  return Drop::Make(spec);
}

}  // namespace penstock
