#ifndef PENSTOCK_SERVER_ENGINE_REGISTRY_MANAGER_H_
#define PENSTOCK_SERVER_ENGINE_REGISTRY_MANAGER_H_

// Commands that change rows and no scheduling state: pipelines, artifacts, models, tokens. Engine
// thread only.

#include "server/engine/context.h"
#include "server/engine/run_manager.h"

namespace penstock {

class RegistryManager {
 public:
  RegistryManager(EngineContext& context, RunManager& runs) : context_(context), runs_(runs) {}

  Result<RegisterPipelineAnswer> RegisterPipeline(const RegisterPipelineCommand& command);
  Result<Done> DeletePipeline(const DeletePipelineCommand& command);
  Result<ArtifactRecord> CommitArtifact(const CommitArtifactCommand& command);
  Result<Done> HoldArtifacts(const HoldArtifactsCommand& command);
  Result<ModelVersionRecord> RegisterModel(const RegisterModelCommand& command);
  Result<ModelVersionRecord> DecideModel(const DecideModelCommand& command);
  Result<ModelVersionRecord> PromoteModel(const PromoteModelCommand& command);
  Result<TokenRecord> CreateToken(const CreateTokenCommand& command);
  Result<Done> RevokeToken(const RevokeTokenCommand& command);
  // Forgets expired holds and idempotency keys.
  void Sweep();

 private:
  // Who holds, and until when: an attempt as long as it lives, a principal for an hour.
  Result<std::pair<std::string, Time>> Holder(const AttemptToken& attempt,
                                              const Principal& principal);

  EngineContext& context_;
  RunManager& runs_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_REGISTRY_MANAGER_H_
