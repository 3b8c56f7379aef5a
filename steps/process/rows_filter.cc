// filter: the rows for which an SQL predicate holds.

#include <utility>

#include "steps/process/draft.h"
#include "steps/process/expression.h"
#include "steps/process/row_operation.h"
#include "steps/table/sql.h"

namespace penstock {
namespace {

class Filter : public RowOperation {
 public:
  explicit Filter(const Json& spec)
      : RowOperation(AppliesOf(spec, Applies::kFit)), where_(JsonString(spec, "where")) {}

  Status Run(Draft& draft) const override {
    const bool train = applies() == Applies::kTrain;
    const FitData data = train ? draft.TrainingRows() : draft.LiveRows();
    std::vector<std::string> names;
    for (const ColumnInfo& column : data.columns()) names.push_back(column.name);
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> reads,
                              ColumnsOfExpression(where_, names));
    PENSTOCK_RETURN_IF_ERROR(CheckPredicate(data, reads));
    const std::string named = reads.empty() ? "" : reads.front();
    return data.ForEach(reads, [&](int64_t block, const Table& table) -> Status {
      Table values;
      values.rows = table.rows;
      for (const std::string& name : reads) values.columns.push_back(*table.Find(name));
      const std::vector<int64_t> rows = data.RowsOf(block);
      PENSTOCK_ASSIGN_OR_RETURN(const std::vector<uint8_t> kept,
                                ComputePredicate(values, where_, [&](std::size_t i) {
                                  return draft.Where(rows[i], named);
                                }));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (kept[i] != 0) continue;
        train ? draft.KeepFromTraining(rows[i]) : draft.Drop(rows[i]);
      }
      return Status::Ok();
    });
  }

 private:
  // Also where there are no rows.
  Status CheckPredicate(const FitData& data, const std::vector<std::string>& reads) const {
    Table none;
    for (const std::string& name : reads) none.columns.push_back({*data.Find(name), {}, {}});
    return ComputePredicate(none, where_, nullptr).status();
  }

  std::string where_;
};

}  // namespace

Result<std::unique_ptr<RowOperation>> MakeFilter(const Json& spec) {
  if (JsonString(spec, "where").empty()) {
    return InvalidArgument("filter: where must say which rows stay, in SQL");
  }
  return std::unique_ptr<RowOperation>(new Filter(spec));
}

}  // namespace penstock
