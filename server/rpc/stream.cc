#include "server/rpc/stream.h"

namespace penstock {

void StreamRegistry::Add(AbortableStream* stream) {
  MutexLock lock(mutex_);
  streams_.insert(stream);
}

void StreamRegistry::Remove(AbortableStream* stream) {
  MutexLock lock(mutex_);
  streams_.erase(stream);
}

void StreamRegistry::AbortAll(const Status& status) {
  MutexLock lock(mutex_);
  for (AbortableStream* stream : streams_) stream->Abort(status);
}

}  // namespace penstock
