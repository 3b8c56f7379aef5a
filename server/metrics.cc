#include "server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

#include "server/version.h"

namespace penstock {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr double kMicrosPerSecond = 1e6;

class Page {
 public:
  void Counter(const char* name, const char* help, const std::atomic<int64_t>& value) {
    Add(name, help, MetricType::Counter).counter.value = static_cast<double>(value.load());
  }
  void Gauge(const char* name, const char* help, double value) {
    Add(name, help, MetricType::Gauge).gauge.value = value;
  }
  // A sum and a count, where no buckets are kept.
  void Summary(const char* name, const char* help, const std::atomic<int64_t>& count,
               const std::atomic<int64_t>& micros) {
    ClientMetric& metric = Add(name, help, MetricType::Summary);
    metric.summary.sample_count = static_cast<uint64_t>(count.load());
    metric.summary.sample_sum = static_cast<double>(micros.load()) / kMicrosPerSecond;
  }
  void Family(MetricFamily family) { families_.push_back(std::move(family)); }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  ClientMetric& Add(const char* name, const char* help, MetricType type) {
    families_.push_back({name, help, type, {ClientMetric()}});
    return families_.back().metric.back();
  }
  std::vector<MetricFamily> families_;
};

void AddEngine(const Engine& engine, Page& page) {
  const EngineMetrics& m = engine.metrics();
  page.Summary("penstock_engine_commit_seconds", "Commits of the engine and their time", m.commits,
               m.commit_micros);
  page.Summary("penstock_engine_turn_seconds", "Turns of the engine and their time, with commits",
               m.turns, m.turn_micros);
  page.Gauge("penstock_engine_longest_turn_seconds", "The longest turn since the start",
             static_cast<double>(m.longest_turn_micros.load()) / kMicrosPerSecond);
  page.Counter("penstock_engine_commands_total", "Commands taken", m.commands);
  page.Counter("penstock_engine_commit_failures_total", "Commits that failed", m.commit_failures);
  page.Counter("penstock_engine_refused_commands_total",
               "Commands refused because the queue was full, the disk full or the server stopping",
               m.refused_commands);
  page.Counter("penstock_stale_reports_total", "Reports of attempts that no longer count",
               m.stale_reports);
  page.Counter("penstock_duplicate_reports_total", "Reports that came again", m.duplicate_reports);
  page.Counter("penstock_leases_expired_total", "Leases that ran out", m.leases_expired);
  page.Counter("penstock_attempts_lost_total", "Attempts that ended with their worker",
               m.attempts_lost);
  page.Counter("penstock_retries_total", "Attempts that were tried again", m.retries);
  page.Counter("penstock_preemptions_total", "Attempts that were told to give way", m.preemptions);
  page.Counter("penstock_completions_total", "Accepted ends of attempts", m.completions);
  page.Gauge("penstock_live_runs", "Runs that have not ended",
             static_cast<double>(m.live_runs.load()));
  page.Gauge("penstock_ready_steps", "Steps that wait for a worker",
             static_cast<double>(m.ready_steps.load()));
  page.Gauge("penstock_live_attempts", "Attempts that workers hold",
             static_cast<double>(m.live_attempts.load()));
  page.Gauge("penstock_worker_sessions", "Workers that are connected",
             static_cast<double>(m.sessions.load()));
  page.Gauge("penstock_read_only", "1 while the disk is full", engine.read_only() ? 1 : 0);
}

void AddOperations(const Engine& engine, const OperationsMetrics& m, Page& page) {
  page.Counter("penstock_retention_sweeps_total", "Sweeps over what retention does not keep",
               engine.metrics().sweeps);
  page.Counter("penstock_runs_deleted_total", "Runs that retention deleted",
               engine.metrics().runs_deleted);
  page.Counter("penstock_artifacts_deleted_total", "Artifacts that nothing needed any more",
               engine.metrics().artifacts_deleted);
  page.Counter("penstock_collections_total", "Passes over the bytes of artifacts", m.collections);
  page.Counter("penstock_collection_failures_total", "Passes that could not be made",
               m.collection_failures);
  page.Counter("penstock_blobs_deleted_total", "Files of artifacts that were removed",
               m.blobs_deleted);
  page.Counter("penstock_deleted_bytes_total", "Bytes of those files", m.bytes_deleted);
  page.Counter("penstock_journals_deleted_total", "Logs of runs that were removed",
               m.journals_deleted);
  page.Counter("penstock_backups_total", "Backups that were made", m.backups);
  page.Counter("penstock_backup_failures_total", "Backups that could not be made",
               m.backup_failures);
  page.Gauge("penstock_last_backup_timestamp_seconds",
             "When the last backup was made; 0: none since the start",
             static_cast<double>(m.last_backup_micros.load()) / kMicrosPerSecond);
}

void AddCalls(const RpcMetrics& rpc, Page& page) {
  MetricFamily handled{
      "penstock_rpc_handled_total", "Calls by method and code", MetricType::Counter, {}};
  MetricFamily seconds{
      "penstock_rpc_seconds", "Duration of calls by method", MetricType::Histogram, {}};
  for (const auto& [name, method] : rpc.methods()) {
    ClientMetric time;
    time.label = {{"method", name}};
    uint64_t count = 0;
    for (std::size_t i = 0; i < method.by_duration.size(); ++i) {
      count += static_cast<uint64_t>(method.by_duration[i].load());
      const double bound = i < kRpcBucketMicros.size()
                               ? static_cast<double>(kRpcBucketMicros[i]) / kMicrosPerSecond
                               : std::numeric_limits<double>::infinity();
      time.histogram.bucket.push_back({count, bound});
    }
    // Methods that nobody called would be most of the page.
    if (count == 0) continue;
    time.histogram.sample_count = count;
    time.histogram.sample_sum = static_cast<double>(method.micros.load()) / kMicrosPerSecond;
    seconds.metric.push_back(std::move(time));
    for (std::size_t code = 0; code < method.by_code.size(); ++code) {
      const int64_t value = method.by_code[code].load();
      if (value == 0) continue;
      ClientMetric metric;
      metric.label = {{"code", std::string(StatusCodeName(static_cast<StatusCode>(code)))},
                      {"method", name}};
      metric.counter.value = static_cast<double>(value);
      handled.metric.push_back(std::move(metric));
    }
  }
  page.Family(std::move(handled));
  page.Family(std::move(seconds));
  page.Counter("penstock_rpc_denied_total", "Calls that the caller's role may not make",
               rpc.denied);
  page.Counter("penstock_rpc_overloaded_total", "Calls refused because a queue was full",
               rpc.overloaded);
  page.Gauge("penstock_rpc_open_streams", "Streams that are open",
             static_cast<double>(rpc.open_streams.load()));
  page.Counter("penstock_watch_resyncs_total", "Slow watchers that got a fresh snapshot",
               rpc.watch_resyncs);
  page.Counter("penstock_uploaded_bytes_total", "Bytes of artifacts received", rpc.uploaded_bytes);
  page.Counter("penstock_downloaded_bytes_total", "Bytes of artifacts sent", rpc.downloaded_bytes);
}

}  // namespace

std::string MetricsText(const Engine& engine, const OperationsMetrics& operations,
                        const RpcMetrics& rpc, const Authenticator& authenticator) {
  Page page;
  MetricFamily info{"penstock_build_info", "The program", MetricType::Gauge, {ClientMetric()}};
  info.metric.back().label = {{"version", kVersion}};
  info.metric.back().gauge.value = 1;
  page.Family(std::move(info));
  AddEngine(engine, page);
  AddOperations(engine, operations, page);
  AddCalls(rpc, page);
  const std::atomic<int64_t> refusals = authenticator.refusals();
  page.Counter("penstock_auth_refused_total", "Callers that were not believed", refusals);
  return page.Text();
}

}  // namespace penstock
