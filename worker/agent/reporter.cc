#include "worker/agent/reporter.h"

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxBatch = 1'000;
constexpr std::size_t kMaxBatchBytes = 8 << 20;
// A report alone may have more, as much as fits into a message with what stands around it.
constexpr std::size_t kMaxReportBytes = limits::kMaxMessageBytes - (64 << 10);
constexpr Micros kFirstWait = std::chrono::milliseconds(50);
constexpr Micros kLongestWait = std::chrono::seconds(2);

// Whether what was sent may be the reason. Not so: the coordinator is away or full, or does not
// know who we are.
bool MayBeTheReports(const Status& status) {
  const StatusCode code = status.code();
  return code == StatusCode::kInvalidArgument || code == StatusCode::kOutOfRange ||
         code == StatusCode::kInternal || code == StatusCode::kUnknown;
}

bool TellsAnEnd(const v1::StepReport& report) {
  return report.kind() == v1::StepReport::SUCCEEDED || report.kind() == v1::StepReport::FAILED ||
         report.kind() == v1::StepReport::CANCELLED;
}

}  // namespace

Reporter::Reporter(Coordinator& coordinator, Answered answered)
    : coordinator_(coordinator), answered_(std::move(answered)), thread_([this] { Loop(); }) {}

Reporter::~Reporter() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

void Reporter::Add(v1::StepReport report) {
  MutexLock lock(mutex_);
  waiting_.push_back(std::move(report));
  wake_.NotifyOne();
}

void Reporter::Loop() {
  Micros wait = kFirstWait;
  while (true) {
    const std::vector<v1::StepReport> batch = NextBatch();
    if (batch.empty()) return;
    if (Send(batch)) {
      wait = kFirstWait;
      continue;
    }
    if (!coordinator_.Pause(wait)) return;
    wait = std::min(wait * 2, kLongestWait);
  }
}

std::vector<v1::StepReport> Reporter::NextBatch() {
  std::vector<v1::StepReport> batch;
  std::size_t bytes = 0;
  MutexLock lock(mutex_);
  while (waiting_.empty() && !ending_) wake_.Wait(mutex_);
  while (!waiting_.empty() && batch.size() < kMaxBatch) {
    bytes += waiting_.front().ByteSizeLong();
    if (!batch.empty() && bytes > kMaxBatchBytes) break;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

bool Reporter::Send(std::span<const v1::StepReport> reports) {
  if (const std::size_t size = reports[0].ByteSizeLong();
      reports.size() == 1 && size > kMaxReportBytes) {
    Refused(reports[0],
            OutOfRange("it has " + std::to_string(size) + " bytes; a message may have " +
                       std::to_string(kMaxReportBytes)));
    return true;
  }
  while (!coordinator_.stopped()) {
    PENSTOCK_FAULT_POINT("worker.before_report");
    const std::string session = coordinator_.session();
    v1::ReportStepsRequest request;
    request.set_session_id(session);
    for (const v1::StepReport& report : reports) *request.add_reports() = report;
    v1::ReportStepsResponse response;
    const auto context = coordinator_.Context(std::chrono::seconds(20));
    Status status = Coordinator::Translate(
        coordinator_.workers().ReportSteps(context.get(), request, &response));
    PENSTOCK_FAULT_POINT("worker.after_report");
    if (status.ok() && response.verdicts_size() != static_cast<int>(reports.size())) {
      status = Internal("ReportSteps answered with another number of verdicts");
    }
    if (status.ok()) {
      for (std::size_t i = 0; i < reports.size(); ++i) {
        answered_(reports[i], response.verdicts(static_cast<int>(i)));
      }
      return true;
    }
    if (status.reason() == "SESSION_UNKNOWN") {
      if (!coordinator_.WaitForSession(session)) return false;
      continue;
    }
    if (MayBeTheReports(status)) return SendHalves(reports, status);
    if (!IsTransient(status)) LOG_ERROR("the coordinator refuses reports: {}", status);
    break;
  }
  MutexLock lock(mutex_);
  waiting_.insert(waiting_.begin(), reports.begin(), reports.end());
  return false;
}

bool Reporter::SendHalves(std::span<const v1::StepReport> reports, const Status& status) {
  if (reports.size() > 1) {
    const std::size_t half = reports.size() / 2;
    // The later ones first: those that wait again keep their order.
    const bool last = Send(reports.subspan(half));
    return Send(reports.first(half)) && last;
  }
  if (status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kOutOfRange) {
    Refused(reports[0], status);
    return true;
  }
  // It may be the coordinator after all: this one is tried again, after all others.
  LOG_ERROR("the coordinator fails on a report: {} run={} step={} attempt={}", status,
            reports[0].run_id(), reports[0].step_index(), reports[0].attempt());
  MutexLock lock(mutex_);
  waiting_.push_back(reports[0]);
  return false;
}

void Reporter::Refused(const v1::StepReport& report, const Status& status) {
  LOG_ERROR("the coordinator refuses a report: {} kind={} run={} step={} attempt={}", status,
            v1::StepReport::Kind_Name(report.kind()), report.run_id(), report.step_index(),
            report.attempt());
  if (!TellsAnEnd(report) || !refused_.insert(report.token()).second) {
    refused_.erase(report.token());
    answered_(report, "REFUSED");
    return;
  }
  v1::StepReport instead;
  instead.set_run_id(report.run_id());
  instead.set_step_index(report.step_index());
  instead.set_attempt(report.attempt());
  instead.set_token(report.token());
  instead.set_kind(v1::StepReport::FAILED);
  *instead.mutable_time() = report.time();
  instead.set_cause("STEP_ERROR");
  instead.set_message("the report of its end was refused: " + status.message());
  Add(std::move(instead));
}

}  // namespace penstock
