#include "tests/bench/simulated_worker.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "storage/model/protocol.h"
#include "tests/bench/client.h"

namespace penstock::bench {
namespace {

constexpr std::chrono::milliseconds kHeartbeat{3'000};
constexpr std::chrono::milliseconds kPause{100};
constexpr int kParkSeconds = 10;

void Describe(const v1::Lease& lease, v1::StepReport::Kind kind, v1::StepReport* report) {
  report->set_run_id(lease.run_id());
  report->set_step_index(lease.step_index());
  report->set_attempt(lease.attempt());
  report->set_token(lease.token());
  report->set_kind(kind);
}

}  // namespace

SimulatedWorker::SimulatedWorker(const std::string& address, std::string name, double cpus,
                                 Policy policy)
    : name_(std::move(name)),
      cpus_(cpus),
      policy_(policy),
      stub_(v1::WorkerService::NewStub(Connect(address))),
      heartbeats_(v1::WorkerService::NewStub(Connect(address))),
      thread_([this] { Loop(); }) {}

SimulatedWorker::~SimulatedWorker() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    if (parked_ != nullptr) parked_->TryCancel();
  }
  thread_.join();
}

std::size_t SimulatedWorker::held() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

std::string SimulatedWorker::session() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

bool SimulatedWorker::Open() {
  v1::OpenSessionRequest request;
  v1::WorkerInfo* info = request.mutable_worker();
  info->set_worker_id(name_);
  info->set_boot_id("boot-" + name_);
  info->set_protocol(kProtocol);
  info->set_version("simulated");
  info->set_host("localhost");
  info->set_cpus(cpus_);
  info->set_memory(int64_t{1} << 40);
  info->add_steps("noop@1");
  request.set_min_protocol(kMinProtocol);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [token, lease] : held_) {
      v1::HeldAttempt* held = request.add_held();
      held->set_run_id(lease.run_id());
      held->set_step_index(lease.step_index());
      held->set_attempt(lease.attempt());
      held->set_token(token);
      held->set_running(true);
    }
  }
  v1::OpenSessionResponse response;
  grpc::ClientContext context;
  if (!stub_->OpenSession(&context, request, &response).ok()) return false;
  acknowledged_ = 0;
  const std::lock_guard lock(mutex_);
  session_ = response.session_id();
  for (const std::string& token : response.stale_tokens()) held_.erase(token);
  ++sessions_;
  return true;
}

void SimulatedWorker::Loop() {
  bool open = false;
  while (!stopping_) {
    if (!open && !(open = Open())) {
      Pause();
      continue;
    }
    v1::LeaseStepsRequest request;
    request.set_session_id(session());
    request.set_acknowledged(acknowledged_);
    request.mutable_max_wait()->set_seconds(kParkSeconds);
    v1::LeaseStepsResponse response;
    grpc::ClientContext context;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      parked_ = &context;
    }
    const grpc::Status status = stub_->LeaseSteps(&context, request, &response);
    {
      const std::lock_guard lock(mutex_);
      parked_ = nullptr;
    }
    if (!status.ok()) {
      open = false;
      if (!stopping_) Pause();
      continue;
    }
    Take(response);
  }
}

void SimulatedWorker::Take(const v1::LeaseStepsResponse& response) {
  if (response.sequence() > 0) acknowledged_ = response.sequence();
  v1::ReportStepsRequest request;
  for (const v1::Lease& lease : response.leases()) {
    const std::lock_guard lock(mutex_);
    if (!held_.emplace(lease.token(), lease).second) continue;  // sent again
    ++leased_;
    Describe(lease, policy_ == Policy::kHold ? v1::StepReport::STARTED : v1::StepReport::SUCCEEDED,
             request.add_reports());
  }
  for (const auto* tokens : {&response.cancel_tokens(), &response.revoke_tokens()}) {
    for (const std::string& token : *tokens) {
      const std::lock_guard lock(mutex_);
      const auto found = held_.find(token);
      if (found == held_.end()) continue;
      v1::StepReport* report = request.add_reports();
      Describe(found->second, v1::StepReport::CANCELLED, report);
      report->set_cause("CANCELLED");
    }
  }
  if (request.reports_size() > 0) Report(std::move(request));
}

bool SimulatedWorker::Report(v1::ReportStepsRequest request) {
  request.set_session_id(session());
  v1::ReportStepsResponse response;
  grpc::ClientContext context;
  if (!stub_->ReportSteps(&context, request, &response).ok()) return false;
  const std::lock_guard lock(mutex_);
  for (const v1::StepReport& report : request.reports()) {
    if (report.kind() != v1::StepReport::STARTED) held_.erase(report.token());
  }
  return true;
}

bool SimulatedWorker::FinishOne() {
  v1::ReportStepsRequest request;
  {
    const std::lock_guard lock(mutex_);
    if (held_.empty()) return false;
    Describe(held_.begin()->second, v1::StepReport::SUCCEEDED, request.add_reports());
  }
  return Report(std::move(request));
}

void SimulatedWorker::Heartbeat() {
  v1::HeartbeatRequest request;
  request.set_session_id(session());
  if (request.session_id().empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [token, lease] : held_) {
      v1::HeldAttempt* held = request.add_held();
      held->set_run_id(lease.run_id());
      held->set_step_index(lease.step_index());
      held->set_attempt(lease.attempt());
      held->set_token(token);
      held->set_running(true);
    }
  }
  v1::HeartbeatResponse response;
  grpc::ClientContext context;
  heartbeats_->Heartbeat(&context, request, &response);
}

void SimulatedWorker::Pause() {
  std::this_thread::sleep_for(kPause);
}

SimulatedWorkers::SimulatedWorkers(const std::string& address, int count, double cpus,
                                   SimulatedWorker::Policy policy) {
  for (int i = 0; i < count; ++i) {
    workers_.push_back(
        std::make_unique<SimulatedWorker>(address, "s" + std::to_string(i), cpus, policy));
  }
  // Spread over the interval, as those of agents that were started one after the other are.
  heartbeats_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      for (const auto& worker : workers_) {
        wake_.wait_for(lock, kHeartbeat / static_cast<int>(workers_.size()));
        if (stopping_) return;
        lock.unlock();
        worker->Heartbeat();
        lock.lock();
      }
    }
  });
}

SimulatedWorkers::~SimulatedWorkers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  heartbeats_.join();
}

int64_t SimulatedWorkers::leased() const {
  int64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->leased();
  return sum;
}

int64_t SimulatedWorkers::held() const {
  int64_t sum = 0;
  for (const auto& worker : workers_) sum += static_cast<int64_t>(worker->held());
  return sum;
}

int SimulatedWorkers::WithSessions(int count) const {
  int sum = 0;
  for (const auto& worker : workers_) sum += worker->sessions() >= count ? 1 : 0;
  return sum;
}

}  // namespace penstock::bench
