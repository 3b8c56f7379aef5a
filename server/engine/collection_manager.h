#ifndef PENSTOCK_SERVER_ENGINE_COLLECTION_MANAGER_H_
#define PENSTOCK_SERVER_ENGINE_COLLECTION_MANAGER_H_

// When rows that retention does not keep are deleted: from time to time, and when somebody asks; a
// batch a turn, so that nobody waits for it. Engine thread only.
//
// A batch runs when the turn has written all that its commands changed: what a command has just
// begun to need (an upload's hold, a run's input, a cached result) stands in rows by then.

#include <memory>
#include <utility>
#include <vector>

#include "server/engine/context.h"
#include "server/engine/timers.h"
#include "storage/metadata/retention_sweep.h"

namespace penstock {

class CollectionManager {
 public:
  CollectionManager(EngineContext& context, Timers& timers) : context_(context), timers_(timers) {}

  // Sets the timer of the first sweep.
  void Start();
  // Does the next batch of the caller's own sweep; true: there is more to do.
  void Enqueue(std::shared_ptr<RetentionSweep> sweep, Callback<bool> callback) {
    asked_.emplace_back(std::move(sweep), std::move(callback));
  }
  // Does what is due. Once a turn, when everything else is written.
  void RunBatches();

 private:
  void Begin();
  Result<bool> Batch(RetentionSweep& sweep);

  EngineContext& context_;
  Timers& timers_;
  std::unique_ptr<RetentionSweep> own_;
  bool due_ = false;
  std::vector<std::pair<std::shared_ptr<RetentionSweep>, Callback<bool>>> asked_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_COLLECTION_MANAGER_H_
