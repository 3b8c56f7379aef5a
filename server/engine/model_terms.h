#ifndef PENSTOCK_SERVER_ENGINE_MODEL_TERMS_H_
#define PENSTOCK_SERVER_ENGINE_MODEL_TERMS_H_

// What a model asks of the steps that predict with it: one that a script wrote is a program.

#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "storage/model/records.h"

namespace penstock {

struct ModelTerms {
  std::map<std::string, std::string> labels;  // of the workers that can run it
  bool side_effects = false;                  // what it predicts is never used again
};

// Reads them from a model's tree; one that is no program asks for nothing. Errors: it could not be
// read this time; the step that loads it says what is wrong. Quick: the engine waits for it, once
// for a model.
using ReadModelTerms = std::function<Result<ModelTerms>(const ArtifactRef& model)>;

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_MODEL_TERMS_H_
