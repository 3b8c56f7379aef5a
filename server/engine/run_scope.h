#ifndef PENSTOCK_SERVER_ENGINE_RUN_SCOPE_H_
#define PENSTOCK_SERVER_ENGINE_RUN_SCOPE_H_

// What references mean inside one run: its parameters, what its steps left behind, itself.

#include "server/core/expression.h"
#include "server/engine/live.h"

namespace penstock {

// "artifact:sha256:<hex>": what a reference to an output resolves to.
std::string ArtifactAddress(const ArtifactRef& ref);

class RunScope : public Scope {
 public:
  explicit RunScope(const LiveRun& run) : run_(run) {}

  // An output is the text "artifact:sha256:<hex>"; a metric that is NaN is undefined.
  Lookup Find(const Reference& reference) const override;

 private:
  Lookup FindInStep(const Reference& reference) const;

  const LiveRun& run_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_RUN_SCOPE_H_
