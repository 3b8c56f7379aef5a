#ifndef PENSTOCK_SERVER_ENGINE_SECRET_MANAGER_H_
#define PENSTOCK_SERVER_ENGINE_SECRET_MANAGER_H_

// Commands that change secrets. Values are sealed before they are written, and no message or log
// holds one. Engine thread only.

#include "server/engine/context.h"

namespace penstock {

class SecretManager {
 public:
  explicit SecretManager(EngineContext& context) : context_(context) {}

  // The record as it is now, without the value.
  Result<SecretRecord> Put(const PutSecretCommand& command);
  Result<Done> Delete(const DeleteSecretCommand& command);

 private:
  EngineContext& context_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_SECRET_MANAGER_H_
