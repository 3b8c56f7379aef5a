#ifndef PENSTOCK_STEPS_MODEL_IO_READ_PREDICTIONS_H_
#define PENSTOCK_STEPS_MODEL_IO_READ_PREDICTIONS_H_

// Predictions that somebody else made, from a table: what a script's model answers, and what
// `evaluate` is given instead of a model. Pure; thread-safe.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/api/model.h"
#include "steps/model_io/model_info.h"
#include "steps/table/read.h"

namespace penstock {

// The columns that hold them. Empty: as predict calls them, where they are there. One that is
// named must be there.
struct PredictionNames {
  std::string prediction;                            // "prediction"
  std::string probability;                           // "probability", of the positive class
  std::map<std::string, std::string> probabilities;  // class → column; "probability_CLASS"
};

inline constexpr char kProbabilityPrefix[] = "probability_";

// The predictions of every row of `table`, in its order, for a model of `info`'s task and classes.
//
// Classes: the probabilities decide. Two: that of the positive class, from its own column or from
// `probability`; more: those of all classes, which sum to 1 to within a hundredth. Without any, the
// predicted class is read, and Predictions::probabilities is false. Numbers: the prediction.
//
// kInvalidArgument, with file, line and column: a column that is missing; a value that is missing,
// no number, not finite, or outside 0 to 1; a class that is none of the model's.
Result<Predictions> ReadPredictions(const RawTable& table, const ModelInfo& info,
                                    const PredictionNames& names);

// The class index of each value of a column: by its letters, else by the number that both are. NaN
// where there is none. kInvalidArgument names the first value that is no class; `what` it is
// ("label").
Result<std::vector<double>> ReadClasses(const RawTable& table, const Column& column,
                                        const std::vector<std::string>& classes,
                                        const std::string& what);
// Numbers of a column; NaN where there is none. kInvalidArgument names the first that is no finite
// number.
Result<std::vector<double>> ReadNumbers(const RawTable& table, const Column& column,
                                        const std::string& what);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_MODEL_IO_READ_PREDICTIONS_H_
