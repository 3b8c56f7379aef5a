#ifndef PENSTOCK_SERVER_ENGINE_CONTEXT_H_
#define PENSTOCK_SERVER_ENGINE_CONTEXT_H_

// What the managers share during a turn. Engine thread only.

#include <functional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/engine/engine.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {

class EngineContext {
 public:
  explicit EngineContext(const Engine::Deps& deps, EngineMetrics& counters)
      : catalog(*deps.catalog),
        random(*deps.random),
        options(deps.options),
        secrets(deps.secrets),
        run_ended(deps.run_ended),
        swept(deps.swept),
        model_terms(deps.model_terms),
        observer(deps.observer),
        metrics(counters),
        store_(*deps.store) {}

  const Catalog& catalog;
  Random& random;
  const EngineOptions options;
  const SecretBox* const secrets;
  const std::function<void(const RunId&)> run_ended;
  const std::function<void()> swept;
  const ReadModelTerms model_terms;
  TransitionObserver* const observer;
  EngineMetrics& metrics;
  Time now;   // of this turn
  Tick tick;  // of this turn

  // The store with a transaction open, also after an error: what follows one must not be kept.
  // Turns that write nothing open none.
  MetadataStore& Write() {
    if (!open_) {
      Note(store_.Begin());
      open_ = true;
    }
    return store_;
  }
  // Reads see what the open transaction wrote.
  MetadataReader& Read() { return store_.reader(); }
  MetadataStore& store() { return store_; }

  // Keeps the first database error of the turn: the turn will be rolled back and every command of
  // it answered with the error. Returns whether `status` is OK.
  bool Note(const Status& status) {
    if (!status.ok() && error_.ok()) error_ = status;
    return status.ok();
  }
  const Status& error() const { return error_; }

  // Runs once the turn's outcome is known: OK after the commit, else the error.
  void AfterCommit(std::function<void(const Status&)> action) {
    after_.push_back(std::move(action));
  }

  bool open() const { return open_; }
  std::vector<std::function<void(const Status&)>> TakeActions() {
    return std::exchange(after_, {});
  }
  void Reset() {
    open_ = false;
    error_ = Status::Ok();
  }

 private:
  MetadataStore& store_;
  bool open_ = false;
  Status error_;
  std::vector<std::function<void(const Status&)>> after_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_CONTEXT_H_
