#ifndef PENSTOCK_STEPS_MODEL_IO_SCORE_H_
#define PENSTOCK_STEPS_MODEL_IO_SCORE_H_

// A model on data: what `predict` and `evaluate` share. The data may be raw, or already through the
// model's own transform; both give the same predictions, bit for bit.
//
//   PENSTOCK_ASSIGN_OR_RETURN(LoadedModel model, LoadModel(input, kinds));
//   PENSTOCK_ASSIGN_OR_RETURN(ScoredInput scored, ScoreInput(model, data, options, context));

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "steps/api/model.h"
#include "steps/api/step.h"
#include "steps/model_io/model_info.h"
#include "steps/process/transform.h"
#include "steps/table/table.h"

namespace penstock {

// What model.json calls the algorithm of a model that is a program of the user's.
inline constexpr char kProgramAlgorithm[] = "script";

// A model that is a program: it reads rows as they are, texts too, rather than numeric features.
class ProgramModel {
 public:
  virtual ~ProgramModel() = default;
  // The predictions of all rows of `features`, in their order. Errors: those of running a program,
  // and of what it answers; kCancelled.
  virtual Result<Predictions> Predict(const Table& features, StepContext& context) const = 0;
};

// What models LoadModel can load: algorithms by name, and those that are programs.
struct ModelKinds {
  using OpenProgram = std::function<Result<std::unique_ptr<ProgramModel>>(
      const InputArtifact& input, const ModelInfo& info)>;
  // NOLINTNEXTLINE(google-explicit-constructor): most models are an algorithm's.
  ModelKinds(const AlgorithmRegistry& known, OpenProgram open = nullptr)
      : algorithms(known), open_program(std::move(open)) {}

  const AlgorithmRegistry& algorithms;  // outlives this
  const OpenProgram open_program;       // null: no programs
};

// A model in memory with all that scoring needs: one of `model` and `program` is there. Movable;
// const use is thread-safe.
struct LoadedModel {
  ModelInfo info;
  std::unique_ptr<Model> model;
  std::unique_ptr<ProgramModel> program;
  std::unique_ptr<const Transform> transform;  // null where the model has none
};

// Reads a model tree. kInvalidArgument for an input that is no model or whose algorithm is not in
// `kinds`, kDataLoss for a damaged one; messages name the input as the user did.
Result<LoadedModel> LoadModel(const InputArtifact& input, const ModelKinds& kinds);

struct ScoreOptions {
  bool labels = false;            // also read labels and weights, where the data have them
  std::vector<std::string> keep;  // columns of the data to hand through
};

struct ScoredInput {
  Predictions predictions;
  bool has_labels = false;
  // Class index (classification) or value, one a row; NaN where the row has no label.
  std::vector<double> labels;
  std::vector<double> weights;  // empty: all 1
  Table kept;                   // in the order of ScoreOptions::keep
};

// Scores every row of the dataset `data`, in its order, on context.threads() threads. The dataset's
// transform digest decides: equal to the model's -> used as it is; none -> the model's transform is
// applied; another -> kInvalidArgument. A program without a transform also reads files that are no
// datasets. Also kInvalidArgument: a feature or a kept column that the data lack, classes that
// differ from the model's; kCancelled.
Result<ScoredInput> ScoreInput(const LoadedModel& model, const InputArtifact& data,
                               const ScoreOptions& options, StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_MODEL_IO_SCORE_H_
