#ifndef PENSTOCK_STEPS_SCRIPT_SCRIPT_MODEL_H_
#define PENSTOCK_STEPS_SCRIPT_SCRIPT_MODEL_H_

// Models that a script writes and a program of its predicts with (`predict` of a script step):
//
//   model.json                 as of any model; algorithm "script"
//   program.json               how it is run: command, format of its rows, environment, isolation …
//   transform/transform.json   where what it learned from went through one
//   code/…                     the script's files, in which the command starts
//   model/…                    what the script wrote to SM_MODEL_DIR
//
// The program finds N rows, features alone, in SM_CHANNEL_DATA, and leaves N rows in the same order
// in SM_OUTPUT_DATA_DIR/predictions.csv (ReadPredictions has the columns).

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "steps/api/step.h"
#include "steps/model_io/model_info.h"
#include "steps/model_io/score.h"

namespace penstock {

inline constexpr char kScriptModelVersion[] = "1";

// What is known of a model before the script that makes it has run.
struct ModelDraft {
  ModelInfo info;
  Json program;                 // program.json
  std::string transform;        // transform.json's bytes; empty: none
  std::filesystem::path files;  // a copy of the script's files
};

// From the step's parameters and its channel of training data; copies its files into `keep`.
// kInvalidArgument: there is no such channel, or neither it nor `predict` says what the label is.
Result<ModelDraft> DraftModel(StepContext& context, const std::filesystem::path& keep);

// Makes the model's tree; `written`, which the script wrote, and the draft's files are moved there.
Status WriteModelTree(const ModelDraft& draft, const std::filesystem::path& written,
                      const std::filesystem::path& folder);

// The model in the folder `input`, to predict with. It shares the folder, and writes to none of it.
// kDataLoss: program.json is absent or damaged.
Result<std::unique_ptr<ProgramModel>> OpenScriptModel(const InputArtifact& input,
                                                      const ModelInfo& info);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_SCRIPT_MODEL_H_
