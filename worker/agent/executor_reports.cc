// What an executor tells of its attempts.

#include "worker/agent/executor.h"

namespace penstock {
namespace {

v1::StepReport About(const v1::Lease& lease, v1::StepReport::Kind kind) {
  v1::StepReport report;
  report.set_run_id(lease.run_id());
  report.set_step_index(lease.step_index());
  report.set_attempt(lease.attempt());
  report.set_token(lease.token());
  report.set_kind(kind);
  SetTime(Clock::Real().Now(), report.mutable_time());
  return report;
}

void SetRef(const ArtifactRef& from, v1::ArtifactRef& to) {
  to.set_digest(FormatDigest(from.digest));
  to.set_type(std::string(Name(from.type)));
  to.set_tree(from.tree);
  to.set_size(from.size);
}

void SetStarted(v1::StepReport& report, Time started) {
  if (!started.set()) return;
  SetTime(started, report.mutable_started_at());
}

}  // namespace

void Executor::ReportStarted(Attempt& attempt) {
  attempt.started_told = true;
  v1::StepReport report = About(attempt.lease, v1::StepReport::STARTED);
  SetStarted(report, attempt.started_at);
  deps_.report(std::move(report));
}

void Executor::ReportReturned(Attempt& attempt) {
  Reserve(attempt, -1);
  attempt.state = Attempt::State::kReported;
  deps_.report(About(attempt.lease, v1::StepReport::RETURNED));
}

void Executor::Report(Attempt& attempt) {
  Reserve(attempt, -1);
  attempt.state = Attempt::State::kReported;
  const Outcome& outcome = attempt.outcome;
  v1::StepReport::Kind kind = v1::StepReport::FAILED;
  if (outcome.status.ok()) kind = v1::StepReport::SUCCEEDED;
  const bool stopped = outcome.cause == Cause::kCancelled || outcome.cause == Cause::kPreempted;
  if (!outcome.status.ok() && stopped) kind = v1::StepReport::CANCELLED;
  v1::StepReport report = About(attempt.lease, kind);
  SetStarted(report, attempt.started_at);
  report.set_exit_code(outcome.exit_code);
  report.set_peak_memory(outcome.peak_memory);
  report.set_cpu_seconds(outcome.cpu_seconds);
  if (attempt.started_at.set()) {
    report.set_environment_json(
        environment_.Record(attempt.lease, ThreadsOf(attempt.lease),
                            attempt.lease.type() == kScript && Sandboxed(attempt.lease)));
  }
  if (kind == v1::StepReport::SUCCEEDED) {
    for (const StoredOutput& output : outcome.outputs) {
      SetRef(output.ref, (*report.mutable_outputs())[output.name]);
    }
    for (const auto& [name, value] : outcome.metrics) (*report.mutable_metrics())[name] = value;
    for (const auto& [path, value] : outcome.report_values) {
      (*report.mutable_report_values())[path] = value;
    }
    report.set_message(outcome.warnings);
  } else {
    report.set_cause(std::string(Name(outcome.cause)));
    report.set_message(outcome.status.message());
    if (outcome.cause == Cause::kPreempted && outcome.checkpoint) {
      SetRef(outcome.checkpoint->ref, *report.mutable_checkpoint());
    }
  }
  deps_.report(std::move(report));
}

}  // namespace penstock
