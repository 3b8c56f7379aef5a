#include "server/engine/registry_manager.h"

#include <utility>

#include "base/log.h"
#include "server/core/pipeline.h"
#include "server/engine/aliases.h"

namespace penstock {
namespace {

constexpr std::chrono::hours kIdempotencyLife{7 * 24};

}  // namespace

Result<RegisterPipelineAnswer> RegistryManager::RegisterPipeline(
    const RegisterPipelineCommand& command) {
  PipelineVersionRecord record = command.version;
  PENSTOCK_ASSIGN_OR_RETURN(const int32_t latest,
                            context_.store().LatestPipelineVersion(record.name));
  if (latest > 0) {
    PENSTOCK_ASSIGN_OR_RETURN(PipelineVersionRecord newest,
                              context_.Read().GetPipeline(record.name, latest));
    if (newest.digest == record.digest) return RegisterPipelineAnswer{std::move(newest), false};
  }
  // A deleted name keeps its versions: numbers are never given twice.
  PENSTOCK_ASSIGN_OR_RETURN(const auto versions,
                            context_.Read().ListPipelineVersions(record.name, 0, 1));
  record.version = versions.empty() ? 1 : versions.front().version + 1;
  record.principal = command.principal;
  record.created_at = context_.now;
  PENSTOCK_RETURN_IF_ERROR(context_.Write().InsertPipelineVersion(record));
  LOG_INFO("pipeline registered pipeline={} version={} by={}", record.name, record.version,
           command.principal);
  return RegisterPipelineAnswer{std::move(record), true};
}

Result<Done> RegistryManager::DeletePipeline(const DeletePipelineCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineVersionRecord newest,
                            context_.Read().GetPipeline(command.name, 0));
  if (runs_.HasLiveRunOf(command.name)) {
    return FailedPrecondition("pipeline \"" + command.name.value() +
                                  "\" has runs that have not ended; wait for them or cancel them "
                                  "(penstock get runs)",
                              "RUNS_ACTIVE");
  }
  PENSTOCK_RETURN_IF_ERROR(
      context_.Write().DeletePipeline(command.name, command.principal, context_.now));
  LOG_INFO("pipeline deleted pipeline={} by={}", command.name, command.principal);
  return Done{};
}

Result<std::pair<std::string, Time>> RegistryManager::Holder(const AttemptToken& token,
                                                             const Principal& principal) {
  if (token.empty()) {
    return std::pair(principal.value(), context_.now + Micros(limits::kClientHold));
  }
  LiveAttempt* attempt = runs_.FindAttempt(token);
  if (attempt == nullptr) {
    return FailedPrecondition("this attempt does not count any more; throw its result away",
                              "STALE_ATTEMPT");
  }
  attempt->may_hold = true;
  return std::pair(token.value(), Time{});
}

Result<ArtifactRecord> RegistryManager::CommitArtifact(const CommitArtifactCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto holder, Holder(command.attempt, command.principal));
  ArtifactRecord record;
  record.ref = command.ref;
  record.file_count = command.file_count;
  record.principal = command.principal;
  record.created_at = context_.now;
  MetadataStore& store = context_.Write();
  PENSTOCK_ASSIGN_OR_RETURN(const bool added, store.InsertArtifact(record));
  PENSTOCK_RETURN_IF_ERROR(store.InsertHold(holder.first, record.ref.digest, holder.second));
  if (added) return record;
  PENSTOCK_RETURN_IF_ERROR(store.TouchArtifact(record.ref.digest, context_.now));
  return context_.Read().GetArtifact(record.ref.digest);
}

Result<Done> RegistryManager::HoldArtifacts(const HoldArtifactsCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto holder, Holder(command.attempt, command.principal));
  for (const Digest& digest : command.digests) {
    PENSTOCK_RETURN_IF_ERROR(context_.Write().InsertHold(holder.first, digest, holder.second));
  }
  return Done{};
}

Result<ModelVersionRecord> RegistryManager::RegisterModel(const RegisterModelCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(const ArtifactRecord model, context_.Read().GetArtifact(command.model));
  if (model.ref.type != ArtifactType::kModel) {
    return FailedPrecondition(FormatDigest(command.model) + " is a " +
                                  std::string(Name(model.ref.type)) + ", not a model",
                              "NOT_A_MODEL");
  }
  ModelVersionRecord record;
  record.group = command.group;
  record.model = model.ref;
  if (!command.report.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const ArtifactRecord report,
                              context_.Read().GetArtifact(command.report));
    record.report = report.ref;
  }
  record.status = command.status;
  record.description = command.description;
  record.principal = command.principal;
  record.created_at = context_.now;
  PENSTOCK_ASSIGN_OR_RETURN(MetadataStore::InsertedModel inserted,
                            context_.Write().InsertModelVersion(std::move(record)));
  return std::move(inserted.record);
}

Result<ModelVersionRecord> RegistryManager::DecideModel(const DecideModelCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(ModelVersionRecord record,
                            context_.Read().GetModelVersion(command.group, command.version));
  if (record.status == command.status) return record;
  record.status = command.status;
  record.decided_by = command.principal;
  record.decided_at = context_.now;
  record.comment = command.comment;
  PENSTOCK_RETURN_IF_ERROR(context_.Write().DecideModelVersion(record));
  LOG_INFO("model decided model={}/{} status={} by={}", record.group, record.version,
           Name(record.status), command.principal);
  return record;
}

Result<ModelVersionRecord> RegistryManager::PromoteModel(const PromoteModelCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(MovedAlias moved, MoveAlias(context_,
                                                        {.group = command.group,
                                                         .alias = command.alias,
                                                         .version = command.version,
                                                         .principal = command.principal,
                                                         .moved_at = context_.now},
                                                        command.expected));
  return std::move(moved.version);
}

Result<TokenRecord> RegistryManager::CreateToken(const CreateTokenCommand& command) {
  TokenRecord token = command.token;
  token.created_at = context_.now;
  PENSTOCK_RETURN_IF_ERROR(context_.Write().InsertToken(token));
  LOG_INFO("token created name={} by={}", token.name, token.created_by);
  return token;
}

Result<Done> RegistryManager::RevokeToken(const RevokeTokenCommand& command) {
  PENSTOCK_RETURN_IF_ERROR(
      context_.Write().RevokeToken(command.name, command.principal, context_.now));
  LOG_INFO("token revoked name={} by={}", command.name, command.principal);
  return Done{};
}

void RegistryManager::Sweep() {
  MetadataStore& store = context_.Write();
  context_.Note(store.ExpireHolds(context_.now));
  context_.Note(store.ExpireIdempotent(context_.now - Micros(kIdempotencyLife)));
}

}  // namespace penstock
