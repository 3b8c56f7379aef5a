#ifndef PENSTOCK_SERVER_OPS_MODEL_TERMS_H_
#define PENSTOCK_SERVER_OPS_MODEL_TERMS_H_

#include "server/engine/model_terms.h"
#include "storage/artifact/local_artifact_store.h"

namespace penstock {

// What the program.json of a model's tree asks for (steps/script/script_model.h); nothing where it
// has none. The store's errors. Thread-safe.
Result<ModelTerms> TermsOfModel(const LocalArtifactStore& store, const ArtifactRef& model);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_MODEL_TERMS_H_
