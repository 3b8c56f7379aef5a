// indicator: a column NAME=(missing) of 0 and 1 behind columns that had missing values in the
// training rows, or behind all, as scikit-learn's MissingIndicator.

#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"

namespace penstock {
namespace {

class Indicator : public ColumnOperation<std::monostate> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Indicator>(new Indicator(spec));
    op->all_ = JsonString(spec, "which", "seen") == "all";
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Result<std::vector<std::string>> Choose(const FitData& data) const override {
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::string> names, ColumnOperation::Choose(data));
    if (all_) return names;
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<bool> missing, LearnMissing(data, names));
    std::vector<std::string> chosen;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (missing[i]) chosen.push_back(std::move(names[i]));
    }
    return chosen;
  }
  Status Learn(const FitData&, const std::vector<std::string>&,
               std::vector<std::monostate>&) override {
    return Status::Ok();
  }
  Status Change(Column&& column, const std::monostate&, const AppliedRows&,
                std::vector<Column>& out) const override {
    std::vector<double> missing;
    for (std::size_t i = 0; i < ValuesIn(column); ++i) missing.push_back(column.missing(i) ? 1 : 0);
    const std::string name = MissingName(column.info.name);
    out.push_back(std::move(column));
    out.push_back(MakeNumberColumn(name, std::move(missing), ColumnType::kBoolean));
    return Status::Ok();
  }

 private:
  explicit Indicator(const Json& spec) : ColumnOperation(spec) {}

  bool all_ = false;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeIndicator(const Json& spec) {
  return Indicator::Make(spec);
}

}  // namespace penstock
