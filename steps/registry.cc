#include "steps/registry.h"

#include <string>

#include "steps/algorithms/linear_learner/linear_learner.h"
#include "steps/algorithms/xgboost/xgboost.h"
#include "steps/evaluate/evaluate.h"
#include "steps/import/import.h"
#include "steps/noop.h"
#include "steps/notify/notify.h"
#include "steps/predict/predict.h"
#include "steps/process/process.h"
#include "steps/profile/profile.h"
#include "steps/script/script.h"
#include "steps/script/script_model.h"
#include "steps/train/train.h"
#include "steps/validate/validate.h"

namespace penstock {

void RegisterBuiltInSteps(StepRegistry& steps, AlgorithmRegistry& algorithms) {
  algorithms.Register(MakeXgboost());
  algorithms.Register(MakeLinearLearner());
  for (const Algorithm* algorithm : algorithms.All()) {
    steps.Register("train/" + std::string(algorithm->name()), std::string(algorithm->version()),
                   [algorithm](StepContext& context) { return RunTrain(*algorithm, context); });
  }
  const ModelKinds kinds(algorithms, OpenScriptModel);
  steps.Register("process", kProcessVersion, RunProcess);
  steps.Register("profile", kProfileVersion, RunProfile);
  steps.Register("predict", kPredictVersion,
                 [kinds](StepContext& context) { return RunPredict(kinds, context); });
  steps.Register("evaluate", kEvaluateVersion,
                 [kinds](StepContext& context) { return RunEvaluate(kinds, context); });
  steps.Register("import", kImportVersion, RunImport);
  steps.Register("noop", kNoopVersion, RunNoop);
  steps.Register("script", kScriptVersion, RunScript);
  steps.Register("notify", kNotifyVersion, RunNotify);
  steps.Register("validate", kValidateVersion, RunValidate);
}

}  // namespace penstock
