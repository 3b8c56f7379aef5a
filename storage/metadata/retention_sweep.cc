#include "storage/metadata/retention_sweep.h"

namespace penstock {
namespace {

constexpr int kRunsPerBatch = 50;
constexpr int64_t kStepsPerBatch = 2'000;
constexpr int kArtifactsPerBatch = 500;

}  // namespace

Result<bool> RetentionSweep::Next(MetadataStore& store) {
  switch (phase_) {
    case Phase::kAge:
      PENSTOCK_RETURN_IF_ERROR(NextByAge(store));
      break;
    case Phase::kCount:
      PENSTOCK_RETURN_IF_ERROR(NextByCount(store));
      break;
    case Phase::kArtifacts:
      PENSTOCK_RETURN_IF_ERROR(NextArtifacts(store));
      break;
    case Phase::kDone:
      break;
  }
  return phase_ != Phase::kDone;
}

Status RetentionSweep::NextByAge(MetadataStore& store) {
  std::vector<MetadataStore::EndedRun> runs;
  if (policy_.run_age.count() > 0) {
    PENSTOCK_ASSIGN_OR_RETURN(runs, store.RunsEndedBefore(now_ - policy_.run_age, end_cursor_,
                                                          row_cursor_, kRunsPerBatch));
  }
  if (runs.empty()) {
    phase_ = Phase::kCount;
    row_cursor_ = 0;
    return Status::Ok();
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::size_t looked_at, DeleteRuns(store, runs));
  end_cursor_ = runs[looked_at - 1].ended_at;
  row_cursor_ = runs[looked_at - 1].row;
  return Status::Ok();
}

Status RetentionSweep::NextByCount(MetadataStore& store) {
  std::vector<MetadataStore::EndedRun> runs;
  if (surplus_row_ > 0) {
    PENSTOCK_ASSIGN_OR_RETURN(runs, store.EndedRunsUpTo(PipelineName(pipeline_), surplus_row_,
                                                        row_cursor_, kRunsPerBatch));
  }
  if (!runs.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t looked_at, DeleteRuns(store, runs));
    row_cursor_ = runs[looked_at - 1].row;
    return Status::Ok();
  }
  row_cursor_ = 0;
  surplus_row_ = 0;
  if (policy_.run_count > 0) {
    PENSTOCK_ASSIGN_OR_RETURN(pipeline_, store.NextPipelineName(pipeline_));
  }
  if (policy_.run_count <= 0 || pipeline_.empty()) {
    phase_ = Phase::kArtifacts;
    return Status::Ok();
  }
  PENSTOCK_ASSIGN_OR_RETURN(surplus_row_,
                            store.NewestSurplusRun(PipelineName(pipeline_), policy_.run_count));
  return Status::Ok();
}

Status RetentionSweep::NextArtifacts(MetadataStore& store) {
  PENSTOCK_ASSIGN_OR_RETURN(row_cursor_,
                            store.DeleteUnusedArtifacts(row_cursor_, kArtifactsPerBatch,
                                                        now_ - policy_.unused, now_, totals_));
  if (row_cursor_ == 0) phase_ = Phase::kDone;
  return Status::Ok();
}

Result<std::size_t> RetentionSweep::DeleteRuns(MetadataStore& store,
                                               const std::vector<MetadataStore::EndedRun>& runs) {
  int64_t steps = 0;
  std::size_t looked_at = 0;
  for (const MetadataStore::EndedRun& run : runs) {
    if (steps >= kStepsPerBatch) break;
    ++looked_at;
    PENSTOCK_ASSIGN_OR_RETURN(const bool kept, store.IsRunKept(run.id));
    if (kept) continue;
    PENSTOCK_RETURN_IF_ERROR(store.DeleteEndedRun(run.row));
    steps += run.steps;
    ++totals_.runs;
    if (totals_.shown.size() < SweepTotals::kMaxShown) totals_.shown.push_back(run.id);
  }
  return looked_at;
}

}  // namespace penstock
