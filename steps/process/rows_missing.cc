// drop_missing: rows in which values are missing.

#include "steps/process/draft.h"
#include "steps/process/row_operation.h"
#include "steps/process/selector.h"

namespace penstock {
namespace {

class DropMissing : public RowOperation {
 public:
  explicit DropMissing(const Json& spec)
      : RowOperation(AppliesOf(spec, Applies::kFit)),
        selector_(JsonMember(spec, "columns")),
        max_missing_(JsonDouble(spec, "max_missing")) {}

  Status Run(Draft& draft) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(selector_, draft.chain().output()));
    const double most = max_missing_ * static_cast<double>(names.size());
    return draft.Filter(applies(), names, [&](const Table& table) {
      std::vector<int32_t> missing(static_cast<std::size_t>(table.rows));
      for (const std::string& name : names) {
        const Column& column = *table.Find(name);
        for (std::size_t i = 0; i < missing.size(); ++i) missing[i] += column.missing(i) ? 1 : 0;
      }
      std::vector<uint8_t> keep;
      keep.reserve(missing.size());
      // A little slack, so that 0.1 of ten columns is one.
      for (const int32_t count : missing) keep.push_back(count <= most + 1e-9 ? 1 : 0);
      return Result<std::vector<uint8_t>>(std::move(keep));
    });
  }

 private:
  Json selector_;
  double max_missing_;
};

}  // namespace

Result<std::unique_ptr<RowOperation>> MakeDropMissing(const Json& spec) {
  const Json& most = JsonMember(spec, "max_missing");
  if (!most.is_null() && (!most.is_number() || !(most.get<double>() >= 0 && most <= 1))) {
    return InvalidArgument("drop_missing: max_missing must be from 0 to 1");
  }
  return std::unique_ptr<RowOperation>(new DropMissing(spec));
}

}  // namespace penstock
