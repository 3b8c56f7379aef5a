#include "server/engine/plan_cache.h"

#include <utility>

#include "storage/model/limits.h"
#include "storage/model/source_address.h"

namespace penstock {

Result<std::shared_ptr<const CachedVersion>> PlanCache::Get(MetadataReader& reader,
                                                            const PipelineName& name,
                                                            int32_t version) {
  const std::pair key(name, version);
  if (const auto found = versions_.find(key); found != versions_.end()) return found->second;
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineVersionRecord record, reader.GetPipeline(name, version));
  PENSTOCK_ASSIGN_OR_RETURN(const Json document,
                            ParseJson(record.definition, {.max_bytes = 64 << 20, .max_depth = 64}));
  Result<PipelineSpec> spec = ParsePipeline(document, catalog_);
  if (!spec.ok()) {
    // It was valid when it was stored: this program knows other steps than the one before it.
    return spec.status().WithContext("pipeline " + name.value() + "@" + std::to_string(version) +
                                     " is not valid for this server any more; apply it again");
  }
  auto cached = std::make_shared<CachedVersion>();
  cached->id = record.id;
  cached->name = name;
  cached->version = version;
  cached->plan = Plan::Build(*spec, Json(), catalog_);
  cached->spec = std::make_shared<const PipelineSpec>(*std::move(spec));
  if (versions_.size() >= capacity_) {
    versions_.erase(oldest_.front());
    oldest_.pop_front();
  }
  versions_.emplace(key, cached);
  oldest_.push_back(key);
  return std::shared_ptr<const CachedVersion>(std::move(cached));
}

std::shared_ptr<const Plan> PlanCache::ForRun(const CachedVersion& version,
                                              const Json& parameters) const {
  for (const ParameterSpec& parameter : version.spec->parameters) {
    if (parameter.type == ParameterSpec::Type::kDataset &&
        IsDatasetSource(JsonString(parameters, parameter.name))) {
      return Plan::Build(*version.spec, parameters, catalog_);
    }
  }
  return version.plan;
}

}  // namespace penstock
