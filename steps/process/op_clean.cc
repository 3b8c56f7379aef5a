// map_values and drop: what needs no fitting beyond the choice of columns.

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "steps/process/operation.h"
#include "steps/process/read_spec.h"
#include "steps/process/selector.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

std::vector<std::string> FittedColumns(const Json& spec) {
  return TextList(JsonMember(JsonMember(spec, "fitted"), "columns"));
}

class MapValues : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::make_unique<MapValues>();
    op->spec_ = spec;
    const Json& map = JsonMember(spec, "map");
    if (!map.is_object() || map.empty()) {
      return InvalidArgument("map_values: map must say what at least one value becomes");
    }
    for (const auto& [from, to] : map.items()) {
      op->map_[from] = to.is_null() ? std::nullopt : std::optional(ScalarText(to));
    }
    op->other_ = JsonString(spec, "other", "keep");
    op->columns_ = FittedColumns(spec);
    if (const std::string kind = JsonString(spec, "kind"); !kind.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(op->kind_, ParseColumnKind(kind));
    }
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const Table& table, const std::vector<int64_t>&) override {
    PENSTOCK_ASSIGN_OR_RETURN(columns_, SelectColumns(JsonMember(spec_, "columns"), table));
    return Status::Ok();
  }

  Status Apply(Table& table, const WhereCell& where) const override {
    for (const std::string& name : columns_) {
      PENSTOCK_ASSIGN_OR_RETURN(Column * column, FindColumn(table, name));
      PENSTOCK_RETURN_IF_ERROR(MapColumn(*column, where));
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = {{"columns", columns_}};
    return json;
  }

 private:
  Status MapColumn(Column& column, const WhereCell& where) const {
    const StringValues from = AsTexts(column);
    // An absent entry of `to` is a missing value; `error` marks a value that the map leaves out.
    std::vector<std::optional<std::string>> to;
    std::vector<bool> error;
    for (const std::string& text : from.dictionary) {
      const auto at = map_.find(text);
      error.push_back(at == map_.end() && other_ == "error");
      to.push_back(at != map_.end()      ? at->second
                   : other_ == "missing" ? std::nullopt
                                         : std::optional(text));
    }
    const bool numeric = kind_ ? *kind_ == ColumnKind::kNumeric : !column.is_text();
    std::vector<std::string> texts;
    std::vector<bool> present;
    std::vector<double> numbers;
    for (std::size_t i = 0; i < from.codes.size(); ++i) {
      const std::optional<std::string> value =
          from.missing(i) ? std::nullopt : to[static_cast<std::size_t>(from.codes[i])];
      if (!from.missing(i) && error[static_cast<std::size_t>(from.codes[i])]) {
        return InvalidArgument(where(static_cast<int64_t>(i), column.info.name) + ": \"" + from[i] +
                               "\" is not in the map of map_values; add it, or use other: keep or "
                               "missing");
      }
      if (numeric) {
        const auto number = value ? ParseNumber(*value) : std::optional<double>(kMissing);
        if (!number) {
          return InvalidArgument(where(static_cast<int64_t>(i), column.info.name) + ": \"" +
                                 *value +
                                 "\" is not a number after map_values; map it to one, or give the "
                                 "operation kind: categorical");
        }
        numbers.push_back(*number);
      } else {
        texts.push_back(value.value_or(""));
        present.push_back(value.has_value());
      }
    }
    const ColumnKind kind = kind_.value_or(column.info.kind);
    column = numeric ? MakeNumberColumn(column.info.name, std::move(numbers))
                     : MakeStringColumn(column.info.name, texts, kind, present);
    return Status::Ok();
  }

  Json spec_;
  std::map<std::string, std::optional<std::string>> map_;
  std::string other_;
  std::optional<ColumnKind> kind_;
  std::vector<std::string> columns_;
};

class Drop : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::make_unique<Drop>();
    op->spec_ = spec;
    op->columns_ = FittedColumns(spec);
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const Table& table, const std::vector<int64_t>&) override {
    PENSTOCK_ASSIGN_OR_RETURN(columns_, SelectColumns(JsonMember(spec_, "columns"), table));
    return Status::Ok();
  }

  Status Apply(Table& table, const WhereCell&) const override {
    for (const std::string& name : columns_) {
      // Who applies a transform need not bring what it drops.
      if (table.Find(name) != nullptr) PENSTOCK_RETURN_IF_ERROR(ReplaceColumn(table, name, {}));
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = {{"columns", columns_}};
    return json;
  }

 private:
  Json spec_;
  std::vector<std::string> columns_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeMapValues(const Json& spec) {
  return MapValues::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeDrop(const Json& spec) {
  return Drop::Make(spec);
}

}  // namespace penstock
