// Secrets that a run's steps name: whether they are there, and their values for a lease.

#include <utility>

#include "base/secret_box.h"
#include "server/core/secret_refs.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

// The secrets that overrides name, with where.
void AddOverriding(const Json& overrides, std::map<std::string, std::string>& named) {
  for (const auto& [way, change] : overrides.items()) {
    std::vector<FoundReference> found;
    std::vector<Problem> judged;  // when they were applied
    CollectReferences(JsonMember(change, "with"), "overrides." + way + ".with", found, judged);
    for (const FoundReference& each : found) {
      if (each.reference.kind == Reference::Kind::kSecret) {
        named.emplace(each.reference.name, each.path);
      }
    }
  }
}

}  // namespace

Status RunManager::CheckSecrets(const PipelineSpec& spec, const Json& parameters,
                                const RunRecord& run) {
  const FindCalled find = [&](const StepSpec& call) -> Result<std::shared_ptr<const PipelineSpec>> {
    int32_t version = call.pipeline_version;
    if (version == 0) version = std::stoi(run.pins.at("pipeline:" + call.pipeline));
    PENSTOCK_ASSIGN_OR_RETURN(const auto found,
                              plans_.Get(context_.Read(), PipelineName(call.pipeline), version));
    return found->spec;
  };
  PENSTOCK_ASSIGN_OR_RETURN(auto named, SecretsOfRun(spec, parameters, find));
  // Also those of steps of called pipelines, which `spec` does not hold.
  AddOverriding(run.overrides, named);
  std::vector<Problem> problems;
  for (const auto& [name, path] : named) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto secret, context_.Read().FindSecret(name));
    if (secret && !secret->sealed.empty()) continue;
    problems.push_back(
        {path, "there is no secret \"" + name + "\"; make it: penstock secret set " + name});
  }
  if (problems.empty()) return Status::Ok();
  return NotFound("pipeline \"" + spec.name + "\" needs secrets that are not there",
                  "SECRET_NOT_FOUND")
      .WithProblems(std::move(problems));
}

Result<std::map<std::string, int32_t>> RunManager::SecretVersions(const LeasedAttempt& lease) {
  std::map<std::string, int32_t> versions;
  for (const auto& [name, none] : lease.secrets) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto secret, context_.Read().FindSecret(name));
    if (!secret || secret->sealed.empty()) return NoSuchSecret(name);
    versions[name] = secret->version;
  }
  return versions;
}

Status RunManager::OpenSecrets(LeasedAttempt* lease) {
  for (auto& [name, value] : lease->secrets) {
    const auto secret = context_.Read().FindSecret(name);
    // The step must not fail for it: the turn is taken back.
    if (IsDatabaseFailure(secret.status())) context_.Note(secret.status());
    PENSTOCK_RETURN_IF_ERROR(secret.status());
    if (!*secret || (*secret)->sealed.empty()) return NoSuchSecret(name);
    if (context_.secrets == nullptr) return FailedPrecondition("this server keeps no secrets");
    Result<std::string> opened =
        context_.secrets->Open((*secret)->sealed, SecretPlace(name, (*secret)->version));
    if (!opened.ok()) return opened.status().WithContext("secret \"" + name + "\"");
    value = *std::move(opened);
  }
  return Status::Ok();
}

}  // namespace penstock
