// pca: columns of numbers as their principal components, the directions in which the training rows
// vary most (Pearson, 1901; as scikit-learn's PCA, with the signs of its svd_flip on components).
// Values are centred and, with `standardize`, divided by their standard deviation (population; 1
// where it is 0); component k of a row is the sum of its values times the k-th eigenvector of the
// covariance, in the order of the columns. O(rows × p²) to fit, O(rows × p × components) to apply.

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/covariance.h"
#include "steps/process/makers.h"
#include "steps/process/operation.h"
#include "steps/process/read_spec.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

// Each thread keeps the products of all pairs.
constexpr std::size_t kMostColumns = 2'000;

Result<std::vector<double>> Numbers(const Json& list, std::size_t count) {
  std::vector<double> numbers;
  for (const Json& number : list) {
    if (!number.is_number()) return InvalidArgument("pca: what was fitted are numbers");
    numbers.push_back(number.get<double>());
  }
  if (numbers.size() != count) {
    return InvalidArgument("pca: each column has a mean, a scale and a number a component");
  }
  return numbers;
}

class Pca : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Pca>(new Pca(spec));
    op->count_ = JsonInt(spec, "components");
    op->variance_ = JsonDouble(spec, "variance");
    op->standardize_ = JsonBool(spec, "standardize");
    op->keep_ = JsonBool(spec, "keep");
    op->prefix_ = JsonString(spec, "prefix", "pca");
    if (op->count_ < 0 || !(op->variance_ >= 0 && op->variance_ <= 1) ||
        (op->count_ > 0 && op->variance_ > 0)) {
      return InvalidArgument(
          "pca: give either components, from 1, or variance, above 0 and at most 1");
    }
    if (const Json& fitted = JsonMember(spec, "fitted"); fitted.is_object()) {
      PENSTOCK_RETURN_IF_ERROR(op->Restore(fitted));
    }
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const FitData& data) override {
    PENSTOCK_ASSIGN_OR_RETURN(columns_,
                              SelectColumns(JsonMember(spec_, "columns"), data.features()));
    for (const std::string& name : columns_) {
      PENSTOCK_RETURN_IF_ERROR(RequireNumber(*data.features().Find(name)));
    }
    const std::size_t size = columns_.size();
    if (size == 0) return InvalidArgument("pca: columns chooses no column");
    if (size > kMostColumns) {
      return InvalidArgument("pca: " + std::to_string(size) + " columns are more than " +
                             std::to_string(kMostColumns) + "; choose fewer");
    }
    if (count_ > static_cast<int64_t>(size)) {
      return InvalidArgument("pca: there cannot be " + std::to_string(count_) + " components of " +
                             std::to_string(size) + " columns; lower components");
    }
    PENSTOCK_ASSIGN_OR_RETURN(CrossProducts products, LearnCrossProducts(data, columns_, "pca"));
    means_ = std::move(products.means);
    scales_.assign(size, 1);
    const auto rows = static_cast<double>(products.rows);
    if (standardize_) {
      for (std::size_t j = 0; j < size; ++j) {
        const double deviation = std::sqrt(products.sums[j * size + j] / rows);
        // Values that differ by rounding alone are constant.
        const bool constant = deviation <= 1e-14 * std::fabs(means_[j]) || deviation == 0;
        if (!constant) scales_[j] = deviation;
      }
    }
    for (std::size_t j = 0; j < size; ++j) {
      for (std::size_t k = 0; k < size; ++k) {
        products.sums[j * size + k] /= scales_[j] * scales_[k] * std::max(rows - 1, 1.0);
      }
    }
    for (const double product : products.sums) {
      if (!std::isfinite(product)) return TooLarge();
    }
    PENSTOCK_ASSIGN_OR_RETURN(Eigenvectors found, SymmetricEigenvectors(products.sums, size));
    Choose(std::move(found), size);
    return Status::Ok();
  }

  std::vector<std::string> columns() const override { return columns_; }

  Status Apply(Table& table, const AppliedRows& rows) const override {
    std::vector<const Column*> inputs;
    for (const std::string& name : columns_) {
      PENSTOCK_ASSIGN_OR_RETURN(const Column* const column, FindColumn(table, name));
      PENSTOCK_RETURN_IF_ERROR(RequireNumber(*column));
      inputs.push_back(column);
    }
    const std::size_t size = columns_.size();
    const std::size_t count = inputs.empty() ? 0 : inputs[0]->numbers.size();
    std::vector<std::vector<double>> outputs(vectors_.size() / std::max<std::size_t>(size, 1),
                                             std::vector<double>(count));
    std::vector<double> row(size);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        const double value = inputs[j]->numbers[i];
        if (!std::isfinite(value)) {
          return InvalidArgument(rows.Where(i, columns_[j]) + ": the value is " +
                                 (std::isnan(value) ? "missing" : "infinite") +
                                 ", which pca cannot use; impute or clip it first");
        }
        row[j] = (value - means_[j]) / scales_[j];
      }
      for (std::size_t k = 0; k < outputs.size(); ++k) {
        double sum = 0;
        for (std::size_t j = 0; j < size; ++j) sum += row[j] * vectors_[k * size + j];
        if (!std::isfinite(sum)) {
          return InvalidArgument(rows.Where(i, columns_[0]) +
                                 ": the row's values are too large for pca; scale them first");
        }
        outputs[k][i] = sum + 0.0;
      }
    }
    if (!keep_) {
      std::erase_if(table.columns, [&](const Column& column) {
        return std::find(columns_.begin(), columns_.end(), column.info.name) != columns_.end();
      });
    }
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      table.columns.push_back(
          MakeNumberColumn(prefix_ + std::to_string(k + 1), std::move(outputs[k])));
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = {{"columns", columns_}, {"means", means_},         {"scales", scales_},
                      {"vectors", vectors_}, {"variances", variances_}, {"total", total_}};
    return json;
  }

 private:
  explicit Pca(const Json& spec) : spec_(spec) {}

  static Status TooLarge() {
    return InvalidArgument(
        "pca: the variance of the values is too large for a number; scale them "
        "first");
  }
  static Status RequireNumber(const Column& column) {
    if (!column.is_text()) return Status::Ok();
    return InvalidArgument("pca: column \"" + column.info.name + "\" is " +
                           std::string(Name(column.info.kind)) +
                           ", only numbers have components; encode it first, or choose columns by "
                           "{kind: numeric}");
  }

  // The first components, as many as asked for.
  void Choose(Eigenvectors&& found, std::size_t size) {
    total_ = 0;
    for (const double value : found.values) total_ += value;
    std::size_t count = count_ > 0 ? static_cast<std::size_t>(count_) : size;
    if (variance_ > 0) {
      // A little slack, so that all components together have the whole variance.
      const double wanted = variance_ * total_ * (1 - 1e-12);
      double sum = found.values[0];
      for (count = 1; count < size && sum < wanted; ++count) sum += found.values[count];
    }
    found.values.resize(count);
    found.vectors.resize(count * size);
    variances_ = std::move(found.values);
    vectors_ = std::move(found.vectors);
  }

  Status Restore(const Json& fitted) {
    columns_ = TextList(JsonMember(fitted, "columns"));
    const std::size_t size = columns_.size();
    PENSTOCK_ASSIGN_OR_RETURN(means_, Numbers(JsonMember(fitted, "means"), size));
    PENSTOCK_ASSIGN_OR_RETURN(scales_, Numbers(JsonMember(fitted, "scales"), size));
    const Json& variances = JsonMember(fitted, "variances");
    PENSTOCK_ASSIGN_OR_RETURN(variances_, Numbers(variances, variances.size()));
    PENSTOCK_ASSIGN_OR_RETURN(vectors_,
                              Numbers(JsonMember(fitted, "vectors"), size * variances_.size()));
    total_ = JsonDouble(fitted, "total");
    for (const double scale : scales_) {
      if (!(scale > 0)) return InvalidArgument("pca: a scale is above 0");
    }
    return Status::Ok();
  }

  const Json spec_;
  int64_t count_ = 0;  // 0: by variance_, or all
  double variance_ = 0;
  bool standardize_ = false;
  bool keep_ = false;
  std::string prefix_;
  std::vector<std::string> columns_;
  std::vector<double> means_;
  std::vector<double> scales_;
  std::vector<double> vectors_;    // a component a row
  std::vector<double> variances_;  // of the components; total_: of all columns together
  double total_ = 0;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakePca(const Json& spec) {
  return Pca::Make(spec);
}

}  // namespace penstock
