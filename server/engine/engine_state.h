#ifndef PENSTOCK_SERVER_ENGINE_ENGINE_STATE_H_
#define PENSTOCK_SERVER_ENGINE_ENGINE_STATE_H_

// Everything that the engine keeps in memory, wired together. It is thrown away and made again from
// the database at start-up and after a failed commit. Engine thread only.

#include "server/core/placer.h"
#include "server/engine/collection_manager.h"
#include "server/engine/context.h"
#include "server/engine/plan_cache.h"
#include "server/engine/registry_manager.h"
#include "server/engine/run_manager.h"
#include "server/engine/secret_manager.h"
#include "server/engine/session_manager.h"
#include "server/engine/timers.h"

namespace penstock {

class EngineState {
 public:
  EngineState(const Engine::Deps& deps, EngineMetrics& metrics, EventHub& events)
      : context(deps, metrics),
        placer(deps.options.queues),
        plans(*deps.catalog),
        sessions(context, timers, placer),
        runs(context, timers, placer, sessions, plans, events),
        registry(context, runs),
        secrets(context),
        collection(context, timers) {
    sessions.set_runs(&runs);
  }

  EngineContext context;
  Timers timers;
  Placer placer;
  PlanCache plans;
  SessionManager sessions;
  RunManager runs;
  RegistryManager registry;
  SecretManager secrets;
  CollectionManager collection;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_ENGINE_STATE_H_
