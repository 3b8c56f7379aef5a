#include "server/engine/secret_manager.h"

#include <utility>

#include "base/log.h"
#include "base/secret_box.h"
#include "server/core/secret_refs.h"

namespace penstock {

Result<SecretRecord> SecretManager::Put(const PutSecretCommand& command) {
  PENSTOCK_RETURN_IF_ERROR(CheckSecret(command.name, command.value));
  if (context_.secrets == nullptr) return FailedPrecondition("this server keeps no secrets");
  PENSTOCK_ASSIGN_OR_RETURN(const auto known, context_.Read().FindSecret(command.name));
  SecretRecord secret;
  secret.name = command.name;
  secret.created_at = context_.now;
  if (known && !known->sealed.empty()) {
    const auto value =
        context_.secrets->Open(known->sealed, SecretPlace(known->name, known->version));
    if (value.ok() && *value == command.value) return *known;
    secret.created_at = known->created_at;
  }
  secret.version = (known ? known->version : 0) + 1;
  secret.sealed = context_.secrets->Seal(command.value, SecretPlace(secret.name, secret.version),
                                         context_.random);
  secret.principal = command.principal;
  secret.updated_at = context_.now;
  PENSTOCK_RETURN_IF_ERROR(context_.Write().PutSecret(secret));
  LOG_INFO("secret set name={} version={} by={}", secret.name, secret.version, command.principal);
  return secret;
}

Result<Done> SecretManager::Delete(const DeleteSecretCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto known, context_.Read().FindSecret(command.name));
  if (!known || known->sealed.empty()) return NoSuchSecret(command.name);
  PENSTOCK_RETURN_IF_ERROR(
      context_.Write().DeleteSecret(command.name, command.principal, context_.now));
  LOG_INFO("secret deleted name={} by={}", command.name, command.principal);
  return Done{};
}

}  // namespace penstock
