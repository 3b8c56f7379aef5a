#ifndef PENSTOCK_STEPS_PROCESS_PROCESS_H_
#define PENSTOCK_STEPS_PROCESS_PROCESS_H_

// The step `process`: raw data in, datasets and the transform that made them out.
//
// Inputs: data (one or more: files, folders, datasets; several are concatenated), transform (none:
// one is fitted); with the parameter `sql`, any others, each a table. Outputs: a dataset for each
// part of `split`, else `data`; and `transform`.
//
// Order: read (and queried) → labels mapped and resolved → rows without a label dropped or refused
// → operations that learn nothing, those that choose rows among them → split → operations fitted on
// the training rows alone → applied to all rows as they are written. Nothing that is fitted depends
// on validation or test rows. Data may be larger than memory.

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kProcessVersion[] = "2";

// A StepFunction. Metrics: rows, rows_dropped, features, shared_rows where there are parts, and
// train_rows, validation_rows, test_rows where the split has that part. kInvalidArgument: data or parameters that are wrong; kCancelled.
Result<StepOutcome> RunProcess(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_PROCESS_H_
