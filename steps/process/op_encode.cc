// one_hot and ordinal: categories as numbers. Categories are the distinct values of the training
// rows, sorted by their bytes, unless they are given. O(rows + categories) a column, and O(rows ×
// categories) to write indicators.

#include <unordered_map>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"

namespace penstock {
namespace {

using Categories = std::vector<std::string>;

constexpr int64_t kMostCategories = 10'000'000;

// For each entry of the dictionary its index in `categories`, or -1.
std::vector<int32_t> IndexOf(const std::vector<std::string>& dictionary,
                             const Categories& categories) {
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
               const std::string& name, std::string_view remedy, const AppliedRows& rows) {
  for (std::size_t i = 0; i < values.codes.size(); ++i) {
    if (values.missing(i) || index[static_cast<std::size_t>(values.codes[i])] >= 0) continue;
    return InvalidArgument(rows.Where(i, name) + ": \"" + values[i] +
                           "\" does not occur in the training rows; " + std::string(remedy));
  }
  return Status::Ok();
}

class CategoryOperation : public ColumnOperation<Categories> {
 protected:
  using ColumnOperation::ColumnOperation;

  static void Take(std::vector<TextCounts>&& counts, std::vector<Categories>& fitted) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      for (const auto& [text, count] : counts[i]) fitted[i].push_back(text);
    }
  }
  Json FittedToJson(const Categories& fitted) const override { return fitted; }
  Result<Categories> FittedFromJson(const Json& json) const override { return TextList(json); }
};

class OneHot : public CategoryOperation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<OneHot>(new OneHot(spec));
    op->unknown_error_ = JsonString(spec, "unknown", "ignore") == "error";
    op->missing_category_ = JsonString(spec, "missing", "ignore") == "category";
    op->drop_first_ = JsonBool(spec, "drop_first");
    op->max_categories_ = JsonInt(spec, "max_categories", 1'000);
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Categories>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(
        std::vector<TextCounts> counts,
        LearnTexts(data, names, max_categories_, "one_hot",
                   "name it in roles.id or roles.keep, drop it, use ordinal, or raise "
                   "max_categories"));
    Take(std::move(counts), fitted);
    return Status::Ok();
  }

  Status Change(Column&& column, const Categories& categories, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    const std::string name = column.info.name;
    const StringValues values = AsTexts(column);
    const std::vector<int32_t> index = IndexOf(values.dictionary, categories);
    if (unknown_error_) {
      PENSTOCK_RETURN_IF_ERROR(
          Unknown(values, index, name, "use unknown: ignore to give it no indicator", rows));
    }
    const std::size_t count = values.codes.size();
    const std::size_t first = out.size();
    const std::size_t skipped = drop_first_ ? 1 : 0;
    const auto add = [&](const std::string& indicator) {
      out.push_back(
          MakeNumberColumn(indicator, std::vector<double>(count), ColumnType::kBoolean));
    };
    for (std::size_t c = skipped; c < categories.size(); ++c) add(name + "=" + categories[c]);
    if (missing_category_) add(MissingName(name));
    for (std::size_t i = 0; i < count; ++i) {
      if (values.missing(i)) {
        if (missing_category_) out.back().numbers[i] = 1;
        continue;
      }
      const int32_t category = index[static_cast<std::size_t>(values.codes[i])];
      if (category >= static_cast<int32_t>(skipped)) {
        out[first + static_cast<std::size_t>(category) - skipped].numbers[i] = 1;
      }
    }
    return Status::Ok();
  }

 private:
  explicit OneHot(const Json& spec) : CategoryOperation(spec) {}

  bool unknown_error_ = false;
  bool missing_category_ = false;
  bool drop_first_ = false;
  int64_t max_categories_ = 1'000;
};

class Ordinal : public CategoryOperation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Ordinal>(new Ordinal(spec));
    op->unknown_missing_ = JsonString(spec, "unknown", "error") == "missing";
    op->order_ = TextList(JsonMember(spec, "order"));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Categories>& fitted) override {
    if (!order_.empty()) {
      for (Categories& categories : fitted) categories = order_;
      return Status::Ok();
    }
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<TextCounts> counts,
                              LearnTexts(data, names, kMostCategories, "ordinal", "drop it"));
    Take(std::move(counts), fitted);
    return Status::Ok();
  }

  Status Change(Column&& column, const Categories& categories, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    const StringValues values = AsTexts(column);
    const std::vector<int32_t> index = IndexOf(values.dictionary, categories);
    if (!unknown_missing_) {
      PENSTOCK_RETURN_IF_ERROR(
          Unknown(values, index, column.info.name,
                  order_.empty() ? "use unknown: missing to treat it as missing"
                                 : "add it to the operation's order, or use unknown: missing",
                  rows));
    }
    std::vector<double> codes;
    codes.reserve(values.codes.size());
    for (const int32_t code : values.codes) {
      const int32_t position = code < 0 ? -1 : index[static_cast<std::size_t>(code)];
      codes.push_back(position < 0 ? kMissing : position);
    }
    out.push_back(MakeNumberColumn(column.info.name, std::move(codes), ColumnType::kInteger));
    return Status::Ok();
  }

 private:
  explicit Ordinal(const Json& spec) : CategoryOperation(spec) {}

  bool unknown_missing_ = false;
  std::vector<std::string> order_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeOneHot(const Json& spec) {
  return OneHot::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeOrdinal(const Json& spec) {
  return Ordinal::Make(spec);
}

}  // namespace penstock
