#ifndef PENSTOCK_STEPS_CATALOG_BUILTIN_H_
#define PENSTOCK_STEPS_CATALOG_BUILTIN_H_

// The schema of each built-in step, each in a file of its own (process.cc, xgboost.cc …).

#include "steps/catalog/catalog.h"

namespace penstock {

StepSchema ProcessSchema();        // process.cc
StepSchema ProfileSchema();        // profile.cc
StepSchema XgboostSchema();        // xgboost.cc: train/xgboost
StepSchema LinearLearnerSchema();  // linear_learner.cc: train/linear-learner
StepSchema EvaluateSchema();       // evaluate.cc
StepSchema PredictSchema();        // predict.cc
StepSchema ValidateSchema();       // validate.cc
StepSchema NotifySchema();         // notify.cc
StepSchema ImportSchema();         // import.cc: also the implicit step that reads a dataset's address
StepSchema NoopSchema();           // control.cc
StepSchema ConditionSchema();      // control.cc
StepSchema RegisterSchema();       // control.cc
StepSchema PromoteSchema();        // control.cc
StepSchema FailSchema();           // control.cc
StepSchema MapSchema();            // flow_control.cc
StepSchema PipelineSchema();       // flow_control.cc
StepSchema ApprovalSchema();       // flow_control.cc
StepSchema WaitSchema();           // flow_control.cc
StepSchema ScriptSchema();         // script.cc

// Notes where the parameter `name` is no duration; references are passed over.
void CheckDuration(const Json& parameters, const char* name, const std::string& path,
                   std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_BUILTIN_H_
