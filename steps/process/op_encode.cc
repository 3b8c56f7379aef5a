// one_hot and ordinal: categories as numbers. Categories are the distinct values of the training
// rows, sorted by their bytes, unless they are given. O(rows + categories) a column, and O(rows ×
// categories) to write indicators.

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "steps/process/operation.h"
#include "steps/process/read_spec.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

// Where an indicator for missing values stands; no category reads like it.
constexpr char kMissingName[] = "(missing)";

std::map<std::string, std::vector<std::string>> CategoriesFromJson(const Json& fitted) {
  std::map<std::string, std::vector<std::string>> categories;
  if (!fitted.is_object()) return categories;
  for (const auto& [name, list] : fitted.items()) categories[name] = TextList(list);
  return categories;
}

// For each entry of the dictionary its index in `categories`, or -1.
std::vector<int32_t> IndexOf(const std::vector<std::string>& dictionary,
                             const std::vector<std::string>& categories) {
  std::unordered_map<std::string_view, int32_t> index;
  for (std::size_t i = 0; i < categories.size(); ++i) {
    index.emplace(categories[i], static_cast<int32_t>(i));
  }
  std::vector<int32_t> codes;
  for (const std::string& text : dictionary) {
    const auto at = index.find(text);
    codes.push_back(at == index.end() ? -1 : at->second);
  }
  return codes;
}

Status Unknown(const StringValues& values, const std::vector<int32_t>& index,
               const std::string& name, std::string_view remedy, const WhereCell& where) {
  for (std::size_t i = 0; i < values.codes.size(); ++i) {
    if (values.missing(i) || index[static_cast<std::size_t>(values.codes[i])] >= 0) continue;
    return InvalidArgument(where(static_cast<int64_t>(i), name) + ": \"" + values[i] +
                           "\" does not occur in the training rows; " + std::string(remedy));
  }
  return Status::Ok();
}

class OneHot : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::make_unique<OneHot>();
    op->spec_ = spec;
    op->unknown_error_ = JsonString(spec, "unknown", "ignore") == "error";
    op->missing_category_ = JsonString(spec, "missing", "ignore") == "category";
    op->drop_first_ = JsonBool(spec, "drop_first");
    op->max_categories_ = JsonInt(spec, "max_categories", 1'000);
    op->fitted_ = CategoriesFromJson(JsonMember(spec, "fitted"));
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const Table& table, const std::vector<int64_t>& rows) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(JsonMember(spec_, "columns"), table));
    for (const std::string& name : names) {
      std::vector<std::string> categories = DistinctTexts(AsTexts(*table.Find(name)), rows);
      if (static_cast<int64_t>(categories.size()) > max_categories_) {
        return InvalidArgument(
            "one_hot: column \"" + name + "\" has " + std::to_string(categories.size()) +
            " categories, more than max_categories (" + std::to_string(max_categories_) +
            "); name it in roles.id or roles.keep, drop it, use ordinal, or "
            "raise the limit");
      }
      fitted_[name] = std::move(categories);
    }
    return Status::Ok();
  }

  Status Apply(Table& table, const WhereCell& where) const override {
    for (const auto& [name, categories] : fitted_) {
      PENSTOCK_ASSIGN_OR_RETURN(const Column* column, FindColumn(table, name));
      const StringValues values = AsTexts(*column);
      const std::vector<int32_t> index = IndexOf(values.dictionary, categories);
      if (unknown_error_) {
        PENSTOCK_RETURN_IF_ERROR(
            Unknown(values, index, name, "use unknown: ignore to give it no indicator", where));
      }
      PENSTOCK_RETURN_IF_ERROR(
          ReplaceColumn(table, name, Indicators(name, categories, values, index)));
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = fitted_;
    return json;
  }

 private:
  std::vector<Column> Indicators(const std::string& name,
                                 const std::vector<std::string>& categories,
                                 const StringValues& values,
                                 const std::vector<int32_t>& index) const {
    const std::size_t rows = values.codes.size();
    const std::size_t first = drop_first_ ? 1 : 0;
    std::vector<Column> columns;
    const auto add = [&](const std::string& category) {
      columns.push_back(
          MakeNumberColumn(name + "=" + category, std::vector<double>(), ColumnType::kBoolean));
      columns.back().numbers.assign(rows, 0);
    };
    for (std::size_t c = first; c < categories.size(); ++c) add(categories[c]);
    if (missing_category_) add(kMissingName);
    for (std::size_t i = 0; i < rows; ++i) {
      if (values.missing(i)) {
        if (missing_category_) columns.back().numbers[i] = 1;
        continue;
      }
      const int32_t category = index[static_cast<std::size_t>(values.codes[i])];
      if (category >= static_cast<int32_t>(first)) {
        columns[static_cast<std::size_t>(category) - first].numbers[i] = 1;
      }
    }
    return columns;
  }

  Json spec_;
  bool unknown_error_ = false;
  bool missing_category_ = false;
  bool drop_first_ = false;
  int64_t max_categories_ = 1'000;
  std::map<std::string, std::vector<std::string>> fitted_;
};

class Ordinal : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::make_unique<Ordinal>();
    op->spec_ = spec;
    op->unknown_missing_ = JsonString(spec, "unknown", "error") == "missing";
    op->order_ = TextList(JsonMember(spec, "order"));
    op->fitted_ = CategoriesFromJson(JsonMember(spec, "fitted"));
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const Table& table, const std::vector<int64_t>& rows) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(JsonMember(spec_, "columns"), table));
    for (const std::string& name : names) {
      fitted_[name] = order_.empty() ? DistinctTexts(AsTexts(*table.Find(name)), rows) : order_;
    }
    return Status::Ok();
  }

  Status Apply(Table& table, const WhereCell& where) const override {
    for (const auto& [name, categories] : fitted_) {
      PENSTOCK_ASSIGN_OR_RETURN(const Column* column, FindColumn(table, name));
      const StringValues values = AsTexts(*column);
      const std::vector<int32_t> index = IndexOf(values.dictionary, categories);
      if (!unknown_missing_) {
        PENSTOCK_RETURN_IF_ERROR(
            Unknown(values, index, name,
                    order_.empty() ? "use unknown: missing to treat it as missing"
                                   : "add it to the operation's order, or use unknown: missing",
                    where));
      }
      std::vector<double> codes;
      codes.reserve(values.codes.size());
      for (const int32_t code : values.codes) {
        const int32_t position = code < 0 ? -1 : index[static_cast<std::size_t>(code)];
        codes.push_back(position < 0 ? kMissing : position);
      }
      std::vector<Column> columns;
      columns.push_back(MakeNumberColumn(name, std::move(codes), ColumnType::kInteger));
      PENSTOCK_RETURN_IF_ERROR(ReplaceColumn(table, name, std::move(columns)));
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = fitted_;
    return json;
  }

 private:
  Json spec_;
  bool unknown_missing_ = false;
  std::vector<std::string> order_;
  std::map<std::string, std::vector<std::string>> fitted_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeOneHot(const Json& spec) {
  return OneHot::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeOrdinal(const Json& spec) {
  return Ordinal::Make(spec);
}

}  // namespace penstock
