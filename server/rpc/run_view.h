#ifndef PENSTOCK_SERVER_RPC_RUN_VIEW_H_
#define PENSTOCK_SERVER_RPC_RUN_VIEW_H_

// Runs with their steps as the API shows them, and the definitions that runs are made from.

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "penstock/v1/runs.pb.h"
#include "server/engine/plan_cache.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/records.h"

namespace penstock {

// Definitions by name and version, read once. Thread-safe.
class PipelineSpecs {
 public:
  explicit PipelineSpecs(const Catalog& catalog) : plans_(catalog) {}

  // kNotFound. `version` 0: the newest.
  Result<std::shared_ptr<const PipelineSpec>> Get(MetadataReader& reader, const PipelineName& name,
                                                  int32_t version);

 private:
  Mutex mutex_;
  PlanCache plans_ PENSTOCK_GUARDED_BY(mutex_);
};

// A run with all its steps. Fits into a message.
void RunToProto(const RunRecord& run, const std::vector<StepRecord>& steps, v1::Run* out);

// Shortens the messages of steps (they then end with "…") where the run would be too large for a
// message; ListAttempts has them whole.
void FitIntoMessage(v1::Run& run);

// kNotFound with the nearest name.
Result<StepIndex> FindStep(const std::vector<StepRecord>& steps, const std::string& name,
                           const RunRecord& run);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_RUN_VIEW_H_
