// one_hot, ordinal and categorical: categories as numbers. Categories are the distinct values of
// the training rows, sorted by their bytes, unless they are given. O(rows + categories) a column,
// and O(rows × categories) to write indicators.

#include <utility>

#include "steps/process/categories.h"
#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"

namespace penstock {
namespace {

constexpr int64_t kMostCategories = 10'000'000;

Status Unknown(const StringValues& values, const std::vector<int32_t>& index,
               const std::string& name, std::string_view remedy, const AppliedRows& rows) {
  for (std::size_t i = 0; i < values.codes.size(); ++i) {
    if (values.missing(i) || index[static_cast<std::size_t>(values.codes[i])] >= 0) continue;
    return InvalidArgument(rows.Where(i, name) + ": \"" + values[i] +
                           "\" does not occur in the training rows; " + std::string(remedy));
  }
  return Status::Ok();
}

// Of each row the index of its value, or missing.
std::vector<double> Codes(const StringValues& values, const std::vector<int32_t>& index) {
  std::vector<double> codes;
  codes.reserve(values.codes.size());
  for (const int32_t code : values.codes) {
    const int32_t position = code < 0 ? -1 : index[static_cast<std::size_t>(code)];
    codes.push_back(position < 0 ? kMissing : position);
  }
  return codes;
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

// What one_hot knows of a column.
struct Indicated {
  Categories categories;  // those with an indicator
  Categories rare;        // known, but too rare for one; only where they share a column
};

class OneHot : public ColumnOperation<Indicated> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<OneHot>(new OneHot(spec));
    const std::string unknown = JsonString(spec, "unknown", "ignore");
    op->unknown_error_ = unknown == "error";
    op->unknown_rare_ = unknown == "rare";
    op->missing_category_ = JsonString(spec, "missing", "ignore") == "category";
    op->drop_first_ = JsonBool(spec, "drop_first");
    op->max_categories_ = JsonInt(spec, "max_categories", 1'000);
    op->min_count_ = JsonInt(spec, "min_count");
    op->min_share_ = JsonDouble(spec, "min_share");
    const bool ignored = JsonString(spec, "rare", "category") == "ignore";
    if (!(op->min_share_ >= 0 && op->min_share_ <= 1) || op->min_count_ < 0) {
      return InvalidArgument("one_hot: min_count must be at least 1, min_share from 0 to 1");
    }
    if (op->unknown_rare_ && ignored) {
      return InvalidArgument("one_hot: unknown: rare needs rare: category");
    }
    op->rare_category_ = !ignored && (op->groups() || op->unknown_rare_);
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Indicated>& fitted) override {
    constexpr std::string_view kRemedy =
        "name it in roles.id or roles.keep, drop it, use ordinal, target or hash, give rare values "
        "no column of their own (min_count or min_share), or raise max_categories";
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<TextCounts> counts,
                              LearnTexts(data, names, groups() ? kMostGrouped : max_categories_,
                                         "one_hot", kRemedy));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const double least = LeastCount(counts[i], min_count_, min_share_);
      for (const auto& [text, count] : counts[i]) {
        const bool frequent = static_cast<double>(count) >= least;
        if (frequent) fitted[i].categories.push_back(text);
        // What tells them from unknown values, where these are not treated alike.
        if (!frequent && (unknown_error_ || (rare_category_ && !unknown_rare_))) {
          fitted[i].rare.push_back(text);
        }
      }
      if (static_cast<int64_t>(fitted[i].categories.size()) <= max_categories_) continue;
      return InvalidArgument("one_hot: column \"" + names[i] + "\" has more than " +
                             std::to_string(max_categories_) +
                             " values that are frequent enough in the training rows; raise "
                             "min_count, min_share or max_categories");
    }
    return Status::Ok();
  }

  Json FittedToJson(const Indicated& fitted) const override {
    if (fitted.rare.empty()) return fitted.categories;
    return {{"categories", fitted.categories}, {"rare", fitted.rare}};
  }
  Result<Indicated> FittedFromJson(const Json& json) const override {
    if (json.is_array()) return Indicated{TextList(json), {}};
    return Indicated{TextList(JsonMember(json, "categories")), TextList(JsonMember(json, "rare"))};
  }

  Status Change(Column&& column, const Indicated& fitted, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    const std::string name = column.info.name;
    const StringValues values = AsTexts(column);
    const std::vector<int32_t> index = Index(values.dictionary, fitted);
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
    const auto known = static_cast<int32_t>(fitted.categories.size());
    for (std::size_t c = skipped; c < fitted.categories.size(); ++c) {
      add(name + "=" + fitted.categories[c]);
    }
    const std::size_t rare = out.size();
    if (rare_category_) add(RareName(name));
    if (missing_category_) add(MissingName(name));
    for (std::size_t i = 0; i < count; ++i) {
      if (values.missing(i)) {
        if (missing_category_) out.back().numbers[i] = 1;
        continue;
      }
      const int32_t category = index[static_cast<std::size_t>(values.codes[i])];
      if (category >= known) {
        if (rare_category_) out[rare].numbers[i] = 1;
      } else if (category >= static_cast<int32_t>(skipped)) {
        out[first + static_cast<std::size_t>(category) - skipped].numbers[i] = 1;
      }
    }
    return Status::Ok();
  }

 private:
  // Distinct values of a column among which rare ones are found.
  static constexpr int64_t kMostGrouped = 1'000'000;

  explicit OneHot(const Json& spec) : ColumnOperation(spec) {}

  bool groups() const { return min_count_ > 0 || min_share_ > 0; }

  // For each text its category, the number of categories where it is rare, or -1.
  std::vector<int32_t> Index(const std::vector<std::string>& dictionary,
                             const Indicated& fitted) const {
    const auto known = static_cast<int32_t>(fitted.categories.size());
    std::vector<int32_t> index = IndexOf(dictionary, fitted.categories);
    const std::vector<int32_t> rare = IndexOf(dictionary, fitted.rare);
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (index[i] < 0 && (unknown_rare_ || rare[i] >= 0)) index[i] = known;
    }
    return index;
  }

  bool unknown_error_ = false;
  bool unknown_rare_ = false;
  bool missing_category_ = false;
  bool rare_category_ = false;
  bool drop_first_ = false;
  int64_t max_categories_ = 1'000;
  int64_t min_count_ = 0;
  double min_share_ = 0;
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
    out.push_back(
        MakeNumberColumn(column.info.name, Codes(values, index), ColumnType::kInteger));
    return Status::Ok();
  }

 private:
  explicit Ordinal(const Json& spec) : CategoryOperation(spec) {}

  bool unknown_missing_ = false;
  std::vector<std::string> order_;
};

// Values as codes, of a column that says of itself that its numbers stand for categories.
class Categorical : public CategoryOperation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Categorical>(new Categorical(spec));
    op->unknown_error_ = JsonString(spec, "unknown", "missing") == "error";
    op->max_categories_ = JsonInt(spec, "max_categories", 1'000);
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Categories>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<TextCounts> counts,
                              LearnTexts(data, names, max_categories_, "categorical",
                                         "drop it, use target or hash, or raise max_categories"));
    Take(std::move(counts), fitted);
    return Status::Ok();
  }

  Status Change(Column&& column, const Categories& categories, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    const StringValues values = AsTexts(column);
    const std::vector<int32_t> index = IndexOf(values.dictionary, categories);
    if (unknown_error_) {
      PENSTOCK_RETURN_IF_ERROR(Unknown(values, index, column.info.name,
                                       "use unknown: missing to treat it as missing", rows));
    }
    Column codes = MakeNumberColumn(column.info.name, Codes(values, index), ColumnType::kInteger,
                                    ColumnKind::kCategorical);
    codes.info.categories = categories;
    out.push_back(std::move(codes));
    return Status::Ok();
  }

 private:
  explicit Categorical(const Json& spec) : CategoryOperation(spec) {}

  bool unknown_error_ = false;
  int64_t max_categories_ = 1'000;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeCategorical(const Json& spec) {
  return Categorical::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeOneHot(const Json& spec) {
  return OneHot::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeOrdinal(const Json& spec) {
  return Ordinal::Make(spec);
}

}  // namespace penstock
