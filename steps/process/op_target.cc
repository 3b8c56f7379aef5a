// target: a category as the mean of the label where it occurs (Micci-Barreca, 2001): of numbers, or
// the share of the positive class; with more than two classes a column for each, its share. Means
// are drawn towards the prior, the mean of all the rows that count, by the m-estimate
//
//   (sum of the label + smoothing * prior) / (rows + smoothing),
//
// as scikit-learn's TargetEncoder(smooth=m) has it. A training row is not encoded by its own label:
// each is in one of `folds` (by its number and the seed, see FoldOf), and the rows of all other
// folds count, for the prior as well. For other rows, later data included, all training rows count.
// Rows without a label do not count. Sums are kept by category and fold and added in the order of
// the folds; those of a fold are compensated sums (Neumaier) in the order of the rows.

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/categories.h"
#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"

namespace penstock {
namespace {

// Numbers that are kept for a column: by category, fold and class.
constexpr int64_t kMostNumbers = 4'000'000;
constexpr int64_t kMostFolds = 100;

// By category (the last: missing values), then by fold, then by class.
struct Encoding {
  Categories categories;
  std::vector<std::string> classes;  // of several columns; empty: one
  std::vector<int64_t> counts;
  std::vector<double> sums;
  // Not stored: what follows from these. By category (the last: unknown values), then by fold (the
  // last: no training row), then by class.
  std::vector<double> means;

  std::size_t width() const { return std::max<std::size_t>(classes.size(), 1); }
};

// What the label says, as numbers to take means of.
struct Target {
  std::vector<std::string> classes;  // of several columns
  int positive = -1;                 // of two classes
  bool numbers = false;

  // Adds a label to the sums of a row's cell.
  template <typename Add>
  void Visit(double label, const Add& add) const {
    if (numbers) return add(0, label);
    if (classes.empty()) return add(0, static_cast<int>(label) == positive ? 1 : 0);
    add(static_cast<std::size_t>(label), 1);
  }
};

class TargetEncoding : public ColumnOperation<Encoding> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<TargetEncoding>(new TargetEncoding(spec));
    op->smoothing_ = JsonDouble(spec, "smoothing", 10);
    op->seed_ = JsonInt(spec, "seed");
    op->missing_category_ = JsonString(spec, "missing", "category") == "category";
    const int64_t folds = JsonInt(spec, "folds", 5);
    if (folds < 2 || folds > kMostFolds) {
      return InvalidArgument("target: folds must be from 2 to 100, not " + std::to_string(folds));
    }
    op->folds_ = static_cast<int32_t>(folds);
    if (!(op->smoothing_ >= 0) || std::isinf(op->smoothing_)) {
      return InvalidArgument("target: smoothing must be a number from 0");
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Encoding>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(const Target target, TargetOf(data));
    const auto width = static_cast<int64_t>(std::max<std::size_t>(target.classes.size(), 1));
    const int64_t limit = std::max<int64_t>(kMostNumbers / (folds_ * (width + 1)) - 1, 1);
    PENSTOCK_ASSIGN_OR_RETURN(
        std::vector<TextCounts> counts,
        LearnTexts(data, names, limit, "target", "drop it, take fewer folds, or use hash"));
    for (std::size_t i = 0; i < names.size(); ++i) {
      Encoding& encoding = fitted[i];
      encoding.classes = target.classes;
      for (const auto& [text, count] : counts[i]) encoding.categories.push_back(text);
      PENSTOCK_RETURN_IF_ERROR(LearnSums(data, names[i], target, encoding));
      PENSTOCK_RETURN_IF_ERROR(CheckFolds(encoding));
      PENSTOCK_RETURN_IF_ERROR(ComputeMeans(encoding));
    }
    return Status::Ok();
  }

  Json FittedToJson(const Encoding& fitted) const override {
    return {{"categories", fitted.categories},
            {"classes", fitted.classes},
            {"counts", fitted.counts},
            {"sums", fitted.sums}};
  }

  Result<Encoding> FittedFromJson(const Json& json) const override {
    Encoding encoding;
    encoding.categories = TextList(JsonMember(json, "categories"));
    encoding.classes = TextList(JsonMember(json, "classes"));
    for (const Json& count : JsonMember(json, "counts")) {
      if (!count.is_number_integer() || count < 0 || count > int64_t{1} << 53) {
        return InvalidArgument("target: a count is a whole number from 0");
      }
      encoding.counts.push_back(count.get<int64_t>());
    }
    for (const Json& sum : JsonMember(json, "sums")) {
      if (!sum.is_number()) return InvalidArgument("target: a sum is a number");
      encoding.sums.push_back(sum.get<double>());
    }
    const std::size_t cells = (encoding.categories.size() + 1) * static_cast<std::size_t>(folds_);
    if (encoding.counts.size() != cells || encoding.sums.size() != cells * encoding.width()) {
      return InvalidArgument("target: each category has a count and sums for each fold");
    }
    PENSTOCK_RETURN_IF_ERROR(ComputeMeans(encoding));
    return encoding;
  }

  Status Change(Column&& column, const Encoding& fitted, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    const StringValues values = AsTexts(column);
    const std::vector<int32_t> index = IndexOf(values.dictionary, fitted.categories);
    const std::size_t width = fitted.width();
    const std::size_t missing = fitted.categories.size();
    const std::size_t unknown = missing + 1;
    const std::size_t count = values.codes.size();
    const std::size_t first = out.size();
    const std::string name = column.info.name;
    for (std::size_t c = 0; c < width; ++c) {
      out.push_back(
          MakeNumberColumn(fitted.classes.empty() ? name : IndicatorName(name, fitted.classes[c]),
                           std::vector<double>(count, kMissing)));
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t category = missing;
      if (!values.missing(i)) {
        const int32_t known = index[static_cast<std::size_t>(values.codes[i])];
        category = known < 0 ? unknown : static_cast<std::size_t>(known);
      } else if (!missing_category_) {
        continue;
      }
      const int32_t fold = rows.is_training(i) ? FoldOf(rows.row(i), seed_, folds_) : folds_;
      const double* means = &fitted.means[MeansAt(category, fold) * width];
      for (std::size_t c = 0; c < width; ++c) out[first + c].numbers[i] = means[c];
    }
    return Status::Ok();
  }

 private:
  // Neumaier's compensated sum.
  struct Sum {
    double sum = 0;
    double lost = 0;
    void Add(double value) {
      const double next = sum + value;
      lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
      sum = next;
    }
  };
  // Of a block or of all rows: as Encoding's.
  struct Sums {
    std::vector<int64_t> counts;
    std::vector<Sum> sums;
  };

  explicit TargetEncoding(const Json& spec) : ColumnOperation(spec) {}

  static std::string IndicatorName(const std::string& column, const std::string& of) {
    std::string name = column;
    name.append("=").append(of);
    return name;
  }
  std::size_t MeansAt(std::size_t category, int32_t fold) const {
    return category * static_cast<std::size_t>(folds_ + 1) + static_cast<std::size_t>(fold);
  }

  static Result<Target> TargetOf(const FitData& data) {
    Target target;
    switch (data.label().kind) {
      case LabelInfo::Kind::kNone:
        return InvalidArgument(
            "target: there is no label to take the mean of; name its column in roles.label, or use "
            "frequency, hash or one_hot");
      case LabelInfo::Kind::kNumber:
        target.numbers = true;
        return target;
      case LabelInfo::Kind::kClasses:
        target.positive = data.label().positive_index();
        if (target.positive < 0) target.classes = data.label().classes;
        return target;
    }
    return target;
  }

  Status LearnSums(const FitData& data, const std::string& name, const Target& target,
                   Encoding& encoding) const {
    const std::size_t width = encoding.width();
    const std::size_t cells = (encoding.categories.size() + 1) * static_cast<std::size_t>(folds_);
    const std::string& label = data.roles().label;
    Sums all{std::vector<int64_t>(cells), std::vector<Sum>(cells * width)};
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<Sums>(
        data, {name, label},
        [&](int64_t block, const Table& table, Sums* result) -> Status {
          result->counts.resize(cells);
          result->sums.resize(cells * width);
          PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> labels,
                                    LabelsOf(*table.Find(label), data.label()));
          const std::vector<int64_t> rows = data.RowsOf(block);
          const StringValues values = AsTexts(*table.Find(name));
          const std::vector<int32_t> index = IndexOf(values.dictionary, encoding.categories);
          for (std::size_t i = 0; i < labels.size(); ++i) {
            if (!std::isfinite(labels[i])) continue;
            const std::size_t category =
                values.missing(i)
                    ? encoding.categories.size()
                    : static_cast<std::size_t>(index[static_cast<std::size_t>(values.codes[i])]);
            const std::size_t cell = category * static_cast<std::size_t>(folds_) +
                                     static_cast<std::size_t>(FoldOf(rows[i], seed_, folds_));
            ++result->counts[cell];
            target.Visit(labels[i], [&](std::size_t c, double value) {
              result->sums[cell * width + c].Add(value);
            });
          }
          return Status::Ok();
        },
        [&](int64_t, Sums&& block) {
          for (std::size_t i = 0; i < cells; ++i) all.counts[i] += block.counts[i];
          for (std::size_t i = 0; i < cells * width; ++i) {
            all.sums[i].Add(block.sums[i].sum);
            all.sums[i].Add(block.sums[i].lost);
          }
        }));
    encoding.counts = std::move(all.counts);
    for (const Sum& sum : all.sums) encoding.sums.push_back(sum.sum + sum.lost);
    return Status::Ok();
  }

  // Each row must have others to be encoded by.
  Status CheckFolds(const Encoding& encoding) const {
    const auto folds = static_cast<std::size_t>(folds_);
    std::vector<int64_t> in_fold(folds);
    int64_t rows = 0;
    for (std::size_t i = 0; i < encoding.counts.size(); ++i) {
      in_fold[i % folds] += encoding.counts[i];
      rows += encoding.counts[i];
    }
    if (rows == 0) return InvalidArgument("target: no training row has a label");
    if (*std::max_element(in_fold.begin(), in_fold.end()) < rows) return Status::Ok();
    return InvalidArgument("target: all training rows with a label (" + std::to_string(rows) +
                           ") are in one fold, so that none is left to encode them by; use more "
                           "rows, more folds or another seed");
  }

  // What the sums of all folds but `fold` give.
  struct Total {
    double rows = 0;
    std::vector<double> sums;
  };
  Total Outside(const Encoding& encoding, std::size_t category, int32_t fold) const {
    Total total{0, std::vector<double>(encoding.width())};
    for (int32_t other = 0; other < folds_; ++other) {
      if (other == fold) continue;
      const std::size_t cell =
          category * static_cast<std::size_t>(folds_) + static_cast<std::size_t>(other);
      total.rows += static_cast<double>(encoding.counts[cell]);
      for (std::size_t c = 0; c < total.sums.size(); ++c) {
        total.sums[c] += encoding.sums[cell * total.sums.size() + c];
      }
    }
    return total;
  }

  Status ComputeMeans(Encoding& encoding) const {
    const std::size_t width = encoding.width();
    const std::size_t known = encoding.categories.size() + 1;
    encoding.means.resize((known + 1) * static_cast<std::size_t>(folds_ + 1) * width);
    for (int32_t fold = 0; fold <= folds_; ++fold) {
      std::vector<Total> totals;
      Total all{0, std::vector<double>(width)};
      for (std::size_t category = 0; category < known; ++category) {
        totals.push_back(Outside(encoding, category, fold));
        all.rows += totals.back().rows;
        for (std::size_t c = 0; c < width; ++c) all.sums[c] += totals.back().sums[c];
      }
      totals.push_back({0, std::vector<double>(width)});
      for (std::size_t category = 0; category <= known; ++category) {
        const auto& [rows, sums] = totals[category];
        for (std::size_t c = 0; c < width; ++c) {
          const double prior = all.sums[c] / all.rows;
          const double weight = rows + smoothing_;
          const double mean = rows == 0 ? prior : (sums[c] + smoothing_ * prior) / weight;
          if (!std::isfinite(mean)) {
            return InvalidArgument(
                "target: the mean of the label is no finite number; bring its values nearer to 0");
          }
          encoding.means[MeansAt(category, fold) * width + c] = mean + 0.0;
        }
      }
    }
    return Status::Ok();
  }

  double smoothing_ = 10;
  int64_t seed_ = 0;
  int32_t folds_ = 5;
  bool missing_category_ = true;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeTarget(const Json& spec) {
  return TargetEncoding::Make(spec);
}

}  // namespace penstock
