// What workers send of their attempts' output; apart from the rest, as the engine has no part in
// it.

#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/worker_service.h"
#include "storage/journal/journal.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

Status CheckChunk(const v1::LogChunk& chunk, const std::string& path) {
  if (chunk.offset() < 0 || chunk.first_point() < 0) {
    return InvalidArgument(path + ": offsets must not be negative");
  }
  if (static_cast<int64_t>(chunk.data().size()) > limits::kMaxLogChunkBytes) {
    return InvalidArgument(path + ".data: at most 256 KiB a chunk");
  }
  return Status::Ok();
}

// How far the stream is known after `appended`: a gap is answered with where it begins.
template <typename Known>
Result<int64_t> KnownAfter(Result<int64_t> appended, Known known) {
  if (appended.ok() || appended.status().reason() != "GAP") return appended;
  return known();
}

}  // namespace

Status WorkerServiceImpl::Append(const v1::AppendLogsRequest& request,
                                 v1::AppendLogsResponse* response) {
  Journal& journal = *deps_.journal;
  for (int i = 0; i < request.chunks_size(); ++i) {
    const v1::LogChunk& chunk = request.chunks(i);
    PENSTOCK_RETURN_IF_ERROR(CheckChunk(chunk, "chunks[" + std::to_string(i) + "]"));
    v1::AppendLogsResponse::Position* position = response->add_positions();
    // A live attempt's run is one of ours: its id may name a file.
    const RunId run(chunk.run_id());
    if (!deps_.engine->IsLiveAttempt({run, chunk.step_index(), chunk.attempt(), chunk.rank()},
                                     AttemptToken(chunk.token()))) {
      position->set_stale(true);
      continue;
    }
    const LogKey key{chunk.step_index(), chunk.attempt(), chunk.rank()};
    if (!chunk.data().empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(
          const int64_t known, KnownAfter(journal.AppendLog(run, key, chunk.offset(), chunk.data()),
                                          [&] { return journal.AppendLog(run, key, 0, {}); }));
      position->set_offset(known);
    }
    if (chunk.points_size() > 0 && chunk.rank() != 0) {
      position->set_points(chunk.first_point() + chunk.points_size());  // rank 0 speaks for all
    } else if (chunk.points_size() > 0) {
      std::vector<MetricPoint> points;
      points.reserve(static_cast<std::size_t>(chunk.points_size()));
      for (const v1::MetricPoint& point : chunk.points()) {
        points.push_back(
            {point.name(), point.index(), point.value(), TimeFromProto(point.time())});
      }
      PENSTOCK_ASSIGN_OR_RETURN(
          const int64_t known,
          KnownAfter(journal.AppendMetrics(run, key, chunk.first_point(), points),
                     [&] { return journal.AppendMetrics(run, key, 0, {}); }));
      position->set_points(known);
    }
    logs_.Notify(run);
  }
  return Status::Ok();
}

}  // namespace penstock
