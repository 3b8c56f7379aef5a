#ifndef PENSTOCK_SERVER_RPC_RUN_SHAPES_H_
#define PENSTOCK_SERVER_RPC_RUN_SHAPES_H_

// Which steps of a run depend on which: part of what the API shows of a run, but in no row, as it
// follows from the definition and the parameters.

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

struct RunShape {
  std::vector<std::vector<StepIndex>> depends_on;  // by step
};

// Thread-safe.
class RunShapes {
 public:
  explicit RunShapes(const Catalog& catalog) : plans_(catalog) {}

  // Null where the definition cannot be read any more.
  std::shared_ptr<const RunShape> Of(MetadataReader& reader, const RunRecord& run);
  // kNotFound. `version` 0: the newest.
  Result<std::shared_ptr<const PipelineSpec>> SpecOf(MetadataReader& reader,
                                                     const PipelineName& name, int32_t version);

 private:
  Mutex mutex_;
  PlanCache plans_ PENSTOCK_GUARDED_BY(mutex_);
};

// A run with its steps, and what each depends on where `shape` is known. Fits into a message.
void RunToProto(const RunRecord& run, const std::vector<StepRecord>& steps, const RunShape* shape,
                v1::Run* out);

// Shortens the messages of steps (they then end with "…") where the run would be too large for a
// message; ListAttempts has them whole.
void FitIntoMessage(v1::Run& run);

// kNotFound with the nearest name.
Result<StepIndex> FindStep(const std::vector<StepRecord>& steps, const std::string& name,
                           const RunRecord& run);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_RUN_SHAPES_H_
