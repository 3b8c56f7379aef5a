#ifndef PENSTOCK_STEPS_PROCESS_PROCESS_H_
#define PENSTOCK_STEPS_PROCESS_PROCESS_H_

// The step `process`: raw data in, datasets and the transform that made them out.
//
// Inputs: data (one or more: files, folders, datasets; several are concatenated), transform (none:
// one is fitted). Outputs: a dataset for each key of `split`, else `data`; and `transform`.
//
// Order: read → labels mapped and resolved → rows without a label dropped or refused →
// `drop_missing` → split → operations fitted on the training rows alone → applied to all rows →
// written. Nothing that is fitted depends on validation or test rows.

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kProcessVersion[] = "2";

// A StepFunction. Metrics: rows, rows_dropped, features, and train_rows, validation_rows, test_rows
// where the split has that part. kInvalidArgument: data or parameters that are wrong; kCancelled.
Result<StepOutcome> RunProcess(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_PROCESS_H_
