#include "server/engine/collection_manager.h"

#include <algorithm>

#include "base/log.h"

namespace penstock {
namespace {

// Not at once: whoever starts a server waits for other things.
constexpr Micros kFirstSweep = std::chrono::minutes(1);
constexpr Micros kBetweenBatches = std::chrono::milliseconds(20);

}  // namespace

void CollectionManager::Start() {
  const Micros interval = context_.options.retention.interval;
  if (interval.count() == 0) return;
  timers_.At(context_.tick + std::min(interval, kFirstSweep), [this] { Begin(); });
}

void CollectionManager::Begin() {
  timers_.At(context_.tick + context_.options.retention.interval, [this] { Begin(); });
  if (own_ != nullptr) return;  // the last one has not ended
  own_ = std::make_unique<RetentionSweep>(context_.options.retention, context_.now);
  due_ = true;
}

void CollectionManager::RunBatches() {
  for (auto& [sweep, callback] : std::exchange(asked_, {})) {
    const Result<bool> more = Batch(*sweep);
    context_.AfterCommit([callback = std::move(callback), more](const Status& outcome) {
      callback(outcome.ok() ? more : Result<bool>(outcome));
    });
  }
  if (!std::exchange(due_, false)) return;
  const Result<bool> more = Batch(*own_);
  if (!more.ok()) return;  // the state is rebuilt
  if (*more) {
    timers_.At(context_.tick + kBetweenBatches, [this] { due_ = true; });
    return;
  }
  const SweepTotals totals = own_->totals();
  own_.reset();
  context_.AfterCommit([this, totals](const Status& outcome) {
    if (!outcome.ok()) return;
    ++context_.metrics.sweeps;
    if (totals.runs + totals.artifacts > 0) {
      LOG_INFO("retention deleted runs={} artifacts={}", totals.runs, totals.artifacts);
    }
    if (context_.swept) context_.swept();
  });
}

Result<bool> CollectionManager::Batch(RetentionSweep& sweep) {
  const SweepTotals before = sweep.totals();
  Result<bool> more = sweep.Next(context_.Write());
  context_.Note(more.status());
  const int64_t runs = sweep.totals().runs - before.runs;
  const int64_t artifacts = sweep.totals().artifacts - before.artifacts;
  context_.AfterCommit([this, runs, artifacts](const Status& outcome) {
    if (!outcome.ok()) return;
    context_.metrics.runs_deleted += runs;
    context_.metrics.artifacts_deleted += artifacts;
  });
  return more;
}

}  // namespace penstock
