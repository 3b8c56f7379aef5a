#ifndef PENSTOCK_SERVER_ENGINE_RUN_SCOPE_H_
#define PENSTOCK_SERVER_ENGINE_RUN_SCOPE_H_

// What references mean in one frame of a run at the moment: looked up in the frame, and then in
// those around it. Artifacts are "artifact:sha256:…". Engine thread only.

#include "server/core/expression.h"
#include "server/engine/live.h"

namespace penstock {

class RunScope : public Scope {
 public:
  RunScope(const LiveRun& run, const RunFrame& frame) : run_(run), frame_(frame) {}
  Lookup Find(const Reference& reference) const override;
  // Run-wide; -1 where there is none.
  StepIndex FindStep(const std::string& name) const;
  // The implicit import step of an address; -1 where there is none.
  StepIndex FindImport(const std::string& address) const;

 private:
  Lookup FindParameter(const std::string& name) const;
  Lookup FindItem(const std::string& field) const;
  Lookup FindOfRun(const std::string& field) const;
  Lookup FindInStep(const Reference& reference) const;
  Lookup FindOutput(const Reference& reference, StepIndex index) const;
  Lookup FindBest(const Reference& reference, StepIndex index) const;

  const LiveRun& run_;
  const RunFrame& frame_;
};

std::string ArtifactAddress(const ArtifactRef& ref);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_RUN_SCOPE_H_
