#ifndef PENSTOCK_SERVER_ENGINE_PLAN_CACHE_H_
#define PENSTOCK_SERVER_ENGINE_PLAN_CACHE_H_

// Compiled pipeline versions, so that a run of a known version costs no parsing. Engine thread
// only.

#include <list>
#include <map>
#include <memory>
#include <utility>

#include "base/json.h"
#include "base/result.h"
#include "server/core/plan.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/records.h"

namespace penstock {

class Catalog;

struct CachedVersion {
  int64_t id = 0;
  PipelineName name;
  int32_t version = 0;
  std::shared_ptr<const PipelineSpec> spec;
  std::shared_ptr<const Plan> plan;  // for runs without implicit steps
};

class PlanCache {
 public:
  explicit PlanCache(const Catalog& catalog, std::size_t capacity = 256)
      : catalog_(catalog), capacity_(capacity) {}

  // From memory, else read and compiled. kNotFound.
  Result<std::shared_ptr<const CachedVersion>> Get(MetadataReader& reader, const PipelineName& name,
                                                   int32_t version);

  // The plan of one run: the version's own, or one with an import step for each dataset that is
  // bound to an address outside of the store. The same parameters give the same plan, so that it need not be
  // stored.
  std::shared_ptr<const Plan> ForRun(const CachedVersion& version, const Json& parameters) const;

 private:
  const Catalog& catalog_;
  const std::size_t capacity_;
  std::map<std::pair<PipelineName, int32_t>, std::shared_ptr<const CachedVersion>> versions_;
  std::list<std::pair<PipelineName, int32_t>> oldest_;  // in the order in which they came
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_PLAN_CACHE_H_
