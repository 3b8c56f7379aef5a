#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "server/rpc/convert.h"
#include "server/rpc/version_skew.h"
#include "storage/model/limits.h"
#include "storage/model/protocol.h"

namespace penstock {
namespace {

constexpr int64_t kPorts = 65'536;
constexpr std::size_t kMaxFieldBytes = 4 << 10;

HeldAttempt HeldFromProto(const v1::HeldAttempt& held) {
  return {RunId(held.run_id()),
          held.step_index(),
          held.attempt(),
          AttemptToken(held.token()),
          held.running(),
          std::isnan(held.progress()) ? 0.0 : std::clamp(held.progress(), 0.0, 1.0),
          TruncateUtf8(held.progress_note(), 256)};
}

std::vector<HeldAttempt> HeldListFromProto(
    const google::protobuf::RepeatedPtrField<v1::HeldAttempt>& list) {
  std::vector<HeldAttempt> held;
  held.reserve(static_cast<std::size_t>(list.size()));
  for (const v1::HeldAttempt& one : list) held.push_back(HeldFromProto(one));
  return held;
}

Status CheckWorker(const v1::WorkerInfo& worker) {
  if (!IsName(worker.worker_id())) {
    return InvalidArgument("worker.workerId: \"" + TruncateUtf8(worker.worker_id(), 80) +
                           "\" is no name; use 1 to 64 of a-z 0-9 - _");
  }
  if (worker.boot_id().empty() || worker.boot_id().size() > 128) {
    return InvalidArgument("worker.bootId: must be 1 to 128 characters");
  }
  if (!(worker.cpus() > 0) || !std::isfinite(worker.cpus()) || worker.memory() < 0 ||
      worker.gpus() < 0) {
    return InvalidArgument("worker: cpus must be above 0, memory and gpus not below 0");
  }
  if (worker.gpu_names_size() > worker.gpus()) {
    return InvalidArgument("worker.gpuNames: more names than GPUs");
  }
  if (worker.first_port() < 0 || worker.port_count() < 0 ||
      int64_t{worker.first_port()} + worker.port_count() > kPorts ||
      (worker.port_count() > 0 && (worker.first_port() == 0 || worker.address().empty()))) {
    return InvalidArgument(
        "worker.firstPort: ports are 1 to 65535, and go with an address (worker.address)");
  }
  if (worker.ByteSizeLong() > limits::kMaxParameterBytes) {
    return InvalidArgument("worker: larger than 64 KiB");
  }
  return Status::Ok();
}

Result<StepResult> ResultFromProto(const v1::StepReport& report, const std::string& path) {
  StepResult result;
  if (report.metrics_size() > limits::kMaxMetricsPerReport) {
    return InvalidArgument(path + ".metrics: more than " +
                           std::to_string(limits::kMaxMetricsPerReport));
  }
  if (report.outputs_size() > limits::kMaxOutputsPerStep) {
    return InvalidArgument(path + ".outputs: more than " +
                           std::to_string(limits::kMaxOutputsPerStep));
  }
  result.metrics.insert(report.metrics().begin(), report.metrics().end());
  for (const auto& [name, ref] : report.outputs()) {
    PENSTOCK_ASSIGN_OR_RETURN(result.outputs[name],
                              ArtifactRefFromProto(ref, path + ".outputs." + name));
  }
  std::size_t bytes = 0;
  for (const auto& [name, text] : report.report_values()) {
    bytes += text.size();
    if (bytes > limits::kMaxReportListBytes) {
      return InvalidArgument(path + ".reportValues: more than 1 MiB");
    }
    JsonLimits json_limits;
    json_limits.max_bytes = limits::kMaxReportListBytes;
    auto json = ParseJson(text, json_limits);
    if (!json.ok()) return json.status().WithContext(path + ".reportValues." + name);
    result.report_values[name] = *std::move(json);
  }
  return result;
}

Result<ReportKind> KindFromProto(v1::StepReport::Kind kind, const std::string& path) {
  switch (kind) {
    case v1::StepReport::STARTED:
      return ReportKind::kStarted;
    case v1::StepReport::SUCCEEDED:
      return ReportKind::kSucceeded;
    case v1::StepReport::FAILED:
      return ReportKind::kFailed;
    case v1::StepReport::CANCELLED:
      return ReportKind::kCancelled;
    case v1::StepReport::RETURNED:
      return ReportKind::kReturned;
    default:
      return InvalidArgument(path + ".kind: " + std::to_string(kind) + " is unknown");
  }
}

// Fills in what depends on the kind of report.
Status OutcomeFromProto(const v1::StepReport& report, const std::string& path, StepReport& out) {
  PENSTOCK_ASSIGN_OR_RETURN(out.kind, KindFromProto(report.kind(), path));
  if (out.kind == ReportKind::kSucceeded) {
    PENSTOCK_ASSIGN_OR_RETURN(out.result, ResultFromProto(report, path));
  }
  if (out.kind == ReportKind::kCancelled && report.has_checkpoint()) {
    PENSTOCK_ASSIGN_OR_RETURN(out.checkpoint,
                              ArtifactRefFromProto(report.checkpoint(), path + ".checkpoint"));
  }
  if (!report.cause().empty()) {
    const auto cause = ParseCause(report.cause());
    if (!cause) {
      return InvalidArgument(path + ".cause: \"" + TruncateUtf8(report.cause(), 64) +
                             "\" is unknown");
    }
    out.cause = *cause;
  } else if (out.kind == ReportKind::kFailed) {
    out.cause = Cause::kStepError;
  } else if (out.kind == ReportKind::kCancelled) {
    out.cause = Cause::kCancelled;
  }
  return Status::Ok();
}

StepReport ReportFromProto(const v1::StepReport& report, const std::string& path) {
  StepReport out;
  out.run = RunId(report.run_id());
  out.step = report.step_index();
  out.attempt = report.attempt();
  out.token = AttemptToken(report.token());
  out.message = report.message();
  if (const Status status = OutcomeFromProto(report, path, out); !status.ok()) {
    // Its step's failure, not that of the batch: the worker would send the batch again for ever.
    out.kind = ReportKind::kFailed;
    out.cause = Cause::kStepError;
    out.result = {};
    out.checkpoint.reset();
    out.message = "the server refused the report: " + status.message() +
                  (report.message().empty() ? "" : "; the worker said: " + report.message());
  }
  out.message = TruncateUtf8(out.message, limits::kMaxErrorMessageBytes);
  if (report.has_started_at()) {
    out.started_at = TimeFromProto(report.started_at());
  } else if (out.kind == ReportKind::kStarted && report.has_time()) {
    out.started_at = TimeFromProto(report.time());
  }
  out.exit_code = report.exit_code();
  out.peak_memory = std::max<int64_t>(0, report.peak_memory());
  out.cpu_seconds = std::isfinite(report.cpu_seconds()) ? std::max(0.0, report.cpu_seconds()) : 0;
  if (report.environment_json().size() <= limits::kMaxEnvironmentBytes) {
    out.environment = report.environment_json();
  }
  return out;
}

void ToProto(const LeasedAttempt& attempt, v1::Lease* out) {
  out->set_run_id(attempt.run.value());
  out->set_step_name(attempt.step_name);
  out->set_step_index(attempt.step);
  out->set_attempt(attempt.attempt);
  out->set_token(attempt.token.value());
  out->set_type(attempt.type);
  out->set_algorithm(attempt.algorithm);
  out->set_version(attempt.version);
  out->set_parameters_json(attempt.parameters_json);
  for (const LeaseInput& input : attempt.inputs) {
    v1::LeaseInput* added = out->add_inputs();
    added->set_name(input.name);
    for (const ArtifactRef& ref : input.artifacts) penstock::ToProto(ref, added->add_artifacts());
    for (const std::string& name : input.display_names) added->add_display_names(name);
  }
  out->set_cpus(attempt.cpus);
  out->set_memory(attempt.memory);
  out->set_gpus(attempt.gpus);
  if (attempt.timeout) *out->mutable_timeout() = DurationToProto(*attempt.timeout);
  if (attempt.idle_timeout) *out->mutable_idle_timeout() = DurationToProto(*attempt.idle_timeout);
  for (const std::string& path : attempt.report_paths) out->add_report_paths(path);
  out->set_principal(attempt.principal.value());
  out->set_pipeline(attempt.pipeline.value());
  out->mutable_secrets()->insert(attempt.secrets.begin(), attempt.secrets.end());
  out->set_rank(attempt.rank);
  for (const LeasedRank& rank : attempt.ranks) {
    v1::Rank* added = out->add_ranks();
    added->set_worker_id(rank.worker.value());
    added->set_address(rank.host);
    added->set_port(rank.port);
  }
  out->set_fence_execution(attempt.fence_execution);
  if (attempt.checkpoint) penstock::ToProto(*attempt.checkpoint, out->mutable_checkpoint());
}

void ToProto(const WorkerInfo& info, v1::WorkerInfo* out) {
  out->set_worker_id(info.id.value());
  out->set_boot_id(info.boot_id);
  out->set_protocol(kProtocol);
  out->set_version(info.version);
  out->set_host(info.host);
  out->set_pid(info.pid);
  out->set_cpus(info.cpus);
  out->set_memory(info.memory);
  out->set_gpus(info.gpus);
  out->mutable_labels()->insert(info.labels.begin(), info.labels.end());
  out->mutable_taints()->insert(info.taints.begin(), info.taints.end());
  for (const std::string& step : info.steps) out->add_steps(step);
  for (const std::string& root : info.data_roots) out->add_data_roots(root);
  for (const std::string& rule : info.data_sources) out->add_data_sources(rule);
  out->set_memory_limiter(info.memory_limiter);
  for (const std::string& name : info.gpu_names) out->add_gpu_names(name);
  out->set_address(info.address);
  out->set_first_port(info.first_port);
  out->set_port_count(info.port_count);
}

}  // namespace

Result<OpenSessionCommand> OpenSessionFromProto(const v1::OpenSessionRequest& request) {
  const v1::WorkerInfo& worker = request.worker();
  OpenSessionCommand command;
  PENSTOCK_ASSIGN_OR_RETURN(command.protocol, ChooseProtocol(request));
  command.number = request.number();
  PENSTOCK_RETURN_IF_ERROR(CheckWorker(worker));
  WorkerInfo& info = command.worker;
  info.id = WorkerId(worker.worker_id());
  info.boot_id = worker.boot_id();
  info.version = TruncateUtf8(worker.version(), kMaxFieldBytes);
  info.host = TruncateUtf8(worker.host(), kMaxFieldBytes);
  info.pid = worker.pid();
  info.cpus = worker.cpus();
  info.memory = worker.memory();
  info.gpus = worker.gpus();
  info.labels.insert(worker.labels().begin(), worker.labels().end());
  info.taints.insert(worker.taints().begin(), worker.taints().end());
  info.steps.assign(worker.steps().begin(), worker.steps().end());
  info.data_roots.assign(worker.data_roots().begin(), worker.data_roots().end());
  info.data_sources.assign(worker.data_sources().begin(), worker.data_sources().end());
  info.memory_limiter = worker.memory_limiter();
  info.gpu_names.assign(worker.gpu_names().begin(), worker.gpu_names().end());
  info.address = TruncateUtf8(worker.address(), kMaxFieldBytes);
  info.first_port = worker.first_port();
  info.port_count = worker.port_count();
  command.held = HeldListFromProto(request.held());
  return command;
}

void ToProto(const OpenSessionAnswer& answer, v1::OpenSessionResponse* out) {
  out->set_session_id(answer.session.value());
  *out->mutable_lease_ttl() = DurationToProto(answer.lease_ttl);
  *out->mutable_heartbeat_interval() = DurationToProto(answer.heartbeat_interval);
  *out->mutable_max_disconnect() = DurationToProto(answer.max_disconnect);
  for (const AttemptToken& token : answer.stale) out->add_stale_tokens(token.value());
  out->set_protocol(answer.protocol);
}

void ToProto(const LeaseStepsAnswer& answer, v1::LeaseStepsResponse* out) {
  out->set_sequence(answer.sequence);
  for (const LeasedAttempt& attempt : answer.leases) ToProto(attempt, out->add_leases());
  for (const AttemptToken& token : answer.cancel) out->add_cancel_tokens(token.value());
  for (const AttemptToken& token : answer.revoke) out->add_revoke_tokens(token.value());
  for (const Preemption& preemption : answer.preempt) {
    v1::Preemption* added = out->add_preemptions();
    added->set_token(preemption.token.value());
    *added->mutable_grace() = DurationToProto(preemption.grace);
  }
  out->set_drain(answer.drain);
}

HeartbeatCommand HeartbeatFromProto(const v1::HeartbeatRequest& request) {
  return {SessionId(request.session_id()), HeldListFromProto(request.held())};
}

ReportStepsCommand ReportStepsFromProto(const v1::ReportStepsRequest& request) {
  ReportStepsCommand command;
  command.session = SessionId(request.session_id());
  command.reports.reserve(static_cast<std::size_t>(request.reports_size()));
  for (int i = 0; i < request.reports_size(); ++i) {
    command.reports.push_back(
        ReportFromProto(request.reports(i), "reports[" + std::to_string(i) + "]"));
  }
  return command;
}

void ToProto(const ReportStepsAnswer& answer, v1::ReportStepsResponse* out) {
  for (const Verdict verdict : answer.verdicts) {
    switch (verdict) {
      case Verdict::kOk:
        out->add_verdicts("OK");
        break;
      case Verdict::kStaleAttempt:
        out->add_verdicts("STALE_ATTEMPT");
        break;
      case Verdict::kMissingArtifact:
        out->add_verdicts("MISSING_ARTIFACT");
        break;
    }
  }
}

void ToProto(const WorkerView& worker, v1::Worker* out) {
  ToProto(worker.info, out->mutable_info());
  out->set_connected(worker.connected);
  out->set_draining(worker.draining);
  if (worker.connected_at.set()) *out->mutable_connected_at() = TimeToProto(worker.connected_at);
  if (worker.last_seen.set()) *out->mutable_last_seen() = TimeToProto(worker.last_seen);
  out->set_cpus_used(worker.cpus_used);
  out->set_memory_used(worker.memory_used);
  out->set_gpus_used(worker.gpus_used);
  out->set_running(worker.running);
  out->set_backlog(worker.backlog);
  const WorkerOrders& orders = worker.orders;
  out->set_cordoned(orders.cordoned);
  out->set_drain(orders.drain);
  if (orders.drain_by.set()) *out->mutable_drain_deadline() = TimeToProto(orders.drain_by);
  out->set_ordered_by(orders.by.value());
  out->set_skew(IsSkewed(worker.info));
}

}  // namespace penstock
