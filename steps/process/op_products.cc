// interactions and polynomial: products of columns. polynomial adds all products of up to `degree`
// factors, in the order of scikit-learn's PolynomialFeatures (without its constant): by the number
// of factors, then by the columns. With interaction_only, as interactions always has it, a column
// is a factor once at most. "a^2*b" is (a * a) * b, in the order of the columns. Values follow from
// their own row alone; nothing is learned. O(rows × products).

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/makers.h"
#include "steps/process/operation.h"
#include "steps/process/read_spec.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

constexpr int64_t kMostColumns = 100'000;

using Factors = std::vector<std::size_t>;  // columns, not descending

class Products : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec, std::string_view name,
                                                 int64_t most_factors, bool distinct) {
    auto op = std::unique_ptr<Products>(new Products(spec, name));
    op->degree_ = JsonInt(spec, "degree", 2);
    if (op->degree_ < 2 || op->degree_ > most_factors) {
      return InvalidArgument(op->name_ + ": degree must be from 2 to " +
                             std::to_string(most_factors) + ", not " + std::to_string(op->degree_));
    }
    op->distinct_ = distinct || JsonBool(spec, "interaction_only");
    op->max_columns_ = JsonInt(spec, "max_columns", 1'000);
    if (op->max_columns_ < 1 || op->max_columns_ > kMostColumns) {
      return InvalidArgument(op->name_ + ": max_columns must be from 1 to " +
                             std::to_string(kMostColumns));
    }
    if (const Json& fitted = JsonMember(spec, "fitted"); fitted.is_object()) {
      PENSTOCK_RETURN_IF_ERROR(op->SetColumns(TextList(JsonMember(fitted, "columns"))));
    }
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const FitData& data) override {
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::string> names,
                              SelectColumns(JsonMember(spec_, "columns"), data.features()));
    for (const std::string& name : names) {
      PENSTOCK_RETURN_IF_ERROR(RequireNumber(*data.features().Find(name)));
    }
    return SetColumns(std::move(names));
  }

  std::vector<std::string> columns() const override { return columns_; }

  Status Apply(Table& table, const AppliedRows& rows) const override {
    std::vector<std::size_t> positions;
    for (const std::string& name : columns_) {
      PENSTOCK_ASSIGN_OR_RETURN(const Column* const column, FindColumn(table, name));
      PENSTOCK_RETURN_IF_ERROR(RequireNumber(*column));
      positions.push_back(static_cast<std::size_t>(column - table.columns.data()));
    }
    table.columns.reserve(table.columns.size() + products_.size());
    for (const Factors& factors : products_) {
      std::vector<double> product = table.columns[positions[factors[0]]].numbers;
      for (std::size_t i = 1; i < factors.size(); ++i) {
        const std::vector<double>& by = table.columns[positions[factors[i]]].numbers;
        for (std::size_t row = 0; row < product.size(); ++row) product[row] *= by[row];
      }
      for (double& value : product) value += 0.0;
      PENSTOCK_RETURN_IF_ERROR(CheckProduct(table, positions, factors, product, rows));
      table.columns.push_back(MakeNumberColumn(NameOf(factors), std::move(product)));
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    json["fitted"] = {{"columns", columns_}};
    return json;
  }

 private:
  Products(const Json& spec, std::string_view name) : spec_(spec), name_(name) {}

  Status RequireNumber(const Column& column) const {
    if (!column.is_text()) return Status::Ok();
    return InvalidArgument(name_ + ": column \"" + column.info.name + "\" is " +
                           std::string(Name(column.info.kind)) +
                           ", only numbers have products; encode it first, or choose columns by "
                           "{kind: numeric}");
  }

  Status SetColumns(std::vector<std::string> names) {
    columns_ = std::move(names);
    products_.clear();
    for (int64_t degree = 2; degree <= degree_; ++degree) {
      Factors factors;
      if (AddProducts(static_cast<std::size_t>(degree), 0, factors)) continue;
      return InvalidArgument(name_ + ": " + std::to_string(columns_.size()) +
                             " columns have more than " + std::to_string(max_columns_) +
                             " products; choose fewer columns, lower degree or raise max_columns");
    }
    return Status::Ok();
  }

  // All that begin with `factors`; false where there are too many.
  bool AddProducts(std::size_t degree, std::size_t next, Factors& factors) {
    if (factors.size() == degree) {
      products_.push_back(factors);
      return static_cast<int64_t>(products_.size()) <= max_columns_;
    }
    for (std::size_t i = next; i < columns_.size(); ++i) {
      factors.push_back(i);
      if (!AddProducts(degree, distinct_ ? i + 1 : i, factors)) return false;
      factors.pop_back();
    }
    return true;
  }

  std::string NameOf(const Factors& factors) const {
    std::string name;
    for (std::size_t i = 0, end = 0; i < factors.size(); i = end) {
      while (end < factors.size() && factors[end] == factors[i]) ++end;
      if (i > 0) name += '*';
      name += columns_[factors[i]];
      if (end - i > 1) name.append("^").append(std::to_string(end - i));
    }
    return name;
  }

  // A factor that is missing makes a product missing; other products are numbers, and infinite only
  // where a factor is.
  Status CheckProduct(const Table& table, const std::vector<std::size_t>& positions,
                      const Factors& factors, const std::vector<double>& product,
                      const AppliedRows& rows) const {
    for (std::size_t row = 0; row < product.size(); ++row) {
      if (std::isfinite(product[row])) continue;
      bool missing = false;
      bool infinite = false;
      for (const std::size_t factor : factors) {
        const double value = table.columns[positions[factor]].numbers[row];
        missing = missing || std::isnan(value);
        infinite = infinite || std::isinf(value);
      }
      if (missing || (infinite && std::isinf(product[row]))) continue;
      return InvalidArgument(rows.Where(row, columns_[factors[0]]) + ": the product " +
                             NameOf(factors) +
                             (infinite ? " of 0 and an infinite value is no number"
                                       : " is too large for a number; scale its columns first"));
    }
    return Status::Ok();
  }

  const Json spec_;
  const std::string name_;
  int64_t degree_ = 2;
  bool distinct_ = false;
  int64_t max_columns_ = 1'000;
  std::vector<std::string> columns_;
  std::vector<Factors> products_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeInteractions(const Json& spec) {
  return Products::Make(spec, "interactions", 3, true);
}
Result<std::unique_ptr<Operation>> MakePolynomial(const Json& spec) {
  return Products::Make(spec, "polynomial", 5, false);
}

}  // namespace penstock
