#include "server/rpc/version_skew.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "storage/model/protocol.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxWorkersTold = 10'000;

// "2", or "1 to 2".
std::string TextOf(ProtocolRange range) {
  return (range.min == range.max ? "" : std::to_string(range.min) + " to ") +
         std::to_string(range.max);
}

}  // namespace

Result<int32_t> ChooseProtocol(const v1::OpenSessionRequest& request) {
  const v1::WorkerInfo& info = request.worker();
  ProtocolRange worker{info.protocol(), info.protocol()};
  if (request.min_protocol() > 0) worker.min = std::min(worker.max, request.min_protocol());
  const ProtocolRange server;
  if (const std::optional<int32_t> common = CommonProtocol(worker, server)) return *common;
  return FailedPrecondition("worker.protocol: worker " + TruncateUtf8(info.worker_id(), 80) +
                                " (version " + TruncateUtf8(info.version(), 80) +
                                ") speaks protocol " + TextOf(worker) + ", this server (version " +
                                PENSTOCK_VERSION + ") " + TextOf(server) + "; update the " +
                                (worker.max < server.min ? "worker" : "server"),
                            "VERSION_MISMATCH");
}

bool IsSkewed(const WorkerInfo& worker) {
  return worker.version != PENSTOCK_VERSION;
}

bool SkewLog::Note(const WorkerInfo& worker) {
  if (!IsSkewed(worker)) return false;
  MutexLock lock(mutex_);
  if (told_.size() >= kMaxWorkersTold) told_.clear();
  std::string& told = told_[worker.id];
  if (told == worker.version) return false;
  told = worker.version;
  LOG_WARN("worker has another version than this server worker={} version={} own={}", worker.id,
           worker.version, PENSTOCK_VERSION);
  return true;
}

}  // namespace penstock
