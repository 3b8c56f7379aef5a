#ifndef PENSTOCK_STORAGE_METADATA_RETENTION_SWEEP_H_
#define PENSTOCK_STORAGE_METADATA_RETENTION_SWEEP_H_

// One pass over the rows that retention does not keep, in batches: first runs by age, then runs
// over their pipeline's count, then artifacts that nothing refers to any more.
//
// A run is kept while it lasts, while a model version that was not rejected came from it, and while
// another run goes on from it. An artifact is kept while a run read or made it, while a model
// version or a pipeline's definition names it, while somebody holds it, and, where no run made it,
// for a while after its last commit. A cached result goes with the run that made it.
//
// Not thread-safe. The caller opens and commits the transactions.

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "storage/metadata/metadata_store.h"
#include "storage/model/retention.h"

namespace penstock {

class RetentionSweep {
 public:
  RetentionSweep(const RetentionPolicy& policy, Time now) : policy_(policy), now_(now) {}

  // Deletes the next batch, of a few milliseconds; false where there was nothing left to look at.
  Result<bool> Next(MetadataStore& store);
  const SweepTotals& totals() const { return totals_; }

 private:
  enum class Phase { kAge, kCount, kArtifacts, kDone };

  Status NextByAge(MetadataStore& store);
  Status NextByCount(MetadataStore& store);
  Status NextArtifacts(MetadataStore& store);
  // Deletes those that nothing keeps, until the batch has had enough; how many it looked at.
  Result<std::size_t> DeleteRuns(MetadataStore& store,
                                 const std::vector<MetadataStore::EndedRun>& runs);

  const RetentionPolicy policy_;
  const Time now_;
  SweepTotals totals_;
  Phase phase_ = Phase::kAge;
  Time end_cursor_;
  int64_t row_cursor_ = 0;
  std::string pipeline_;     // whose runs are counted
  int64_t surplus_row_ = 0;  // the newest of its runs that are too many
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_RETENTION_SWEEP_H_
