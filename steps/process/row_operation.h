#ifndef PENSTOCK_STEPS_PROCESS_ROW_OPERATION_H_
#define PENSTOCK_STEPS_PROCESS_ROW_OPERATION_H_

// Entries of `transforms` that are about rows: which of them stay, which are learned from, how
// often each is there. None is part of what is applied to data that are predicted: N rows in, N
// rows out.
//
// Those that learn nothing stand before everything that is fitted, and so before the split; what
// learns of training rows (outliers, resampling) comes after it and changes training rows alone.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace penstock {

class Draft;

// Whom an operation is about: all rows where a transform is fitted (`fit`), just training rows
// (`train`), or rows of any data that a process step applies it to (`all`).
enum class Applies { kFit, kTrain, kAll };

class RowOperation {
 public:
  explicit RowOperation(Applies applies) : applies_(applies) {}
  virtual ~RowOperation() = default;
  RowOperation(const RowOperation&) = delete;
  RowOperation& operator=(const RowOperation&) = delete;

  Applies applies() const { return applies_; }
  // Changes the draft's rows. kInvalidArgument: a column that is not there or of a kind that it
  // cannot use.
  virtual Status Run(Draft& draft) const = 0;

 private:
  Applies applies_;
};

bool IsRowOperation(const Json& spec);
// Whether it learns from training rows.
bool IsFittedRowOperation(const Json& spec);
// kInvalidArgument for another operation, or a parameter that it cannot have.
Result<std::unique_ptr<RowOperation>> MakeRowOperation(const Json& spec);
// Sorted.
const std::vector<std::string>& RowOperationNames();

// One maker per operation, in rows_*.cc.
Result<std::unique_ptr<RowOperation>> MakeClassWeights(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeDeduplicate(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeDownsample(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeDropMissing(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeDropOutliers(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeFilter(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeShuffle(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeSmote(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeSort(const Json& spec);
Result<std::unique_ptr<RowOperation>> MakeUpsample(const Json& spec);
bool IsOutlierDrop(const Json& spec);

// `applies` of an entry, or what it is where that is left out.
Applies AppliesOf(const Json& spec, Applies otherwise);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_ROW_OPERATION_H_
