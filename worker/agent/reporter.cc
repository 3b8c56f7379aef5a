#include "worker/agent/reporter.h"

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxBatch = 1'000;

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
  while (true) {
    std::vector<v1::StepReport> batch;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !ending_) wake_.Wait(mutex_);
      if (waiting_.empty()) return;
      const std::size_t count = std::min(waiting_.size(), kMaxBatch);
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
      batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
    }
    Send(batch);
  }
}

void Reporter::Send(const std::vector<v1::StepReport>& reports) {
  Micros wait = std::chrono::milliseconds(50);
  while (!coordinator_.stopped()) {
    PENSTOCK_FAULT_POINT("worker.before_report");
    const std::string session = coordinator_.session();
    v1::ReportStepsRequest request;
    request.set_session_id(session);
    for (const v1::StepReport& report : reports) *request.add_reports() = report;
    v1::ReportStepsResponse response;
    const auto context = coordinator_.Context(std::chrono::seconds(20));
    const Status status = Coordinator::Translate(
        coordinator_.workers().ReportSteps(context.get(), request, &response));
    PENSTOCK_FAULT_POINT("worker.after_report");
    if (status.ok() && response.verdicts_size() == static_cast<int>(reports.size())) {
      for (std::size_t i = 0; i < reports.size(); ++i) {
        answered_(reports[i], response.verdicts(static_cast<int>(i)));
      }
      return;
    }
    if (status.reason() == "SESSION_UNKNOWN") {
      if (!coordinator_.WaitForSession(session)) return;
      continue;
    }
    if (!status.ok() && !IsTransient(status)) {
      LOG_ERROR("the coordinator refuses reports: {}", status);
    }
    if (!coordinator_.Pause(wait)) return;
    wait = std::min(wait * 2, Micros(std::chrono::seconds(2)));
  }
}

}  // namespace penstock
