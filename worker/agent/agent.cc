#include "worker/agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "steps/catalog/catalog.h"

namespace penstock {
namespace {

constexpr Micros kPark = std::chrono::seconds(30);

std::string Host() {
  char name[HOST_NAME_MAX + 1] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

Agent::Agent(const WorkerConfig& config, std::vector<std::string> steps)
    : config_(config), steps_(std::move(steps)), boot_id_(RandomHex(8, Random::Secure())) {}

Result<std::unique_ptr<Agent>> Agent::Make(const WorkerConfig& config,
                                           std::vector<std::string> steps, std::string program) {
  std::unique_ptr<Agent> agent(new Agent(config, std::move(steps)));
  const std::filesystem::path folder = std::filesystem::absolute(config.data_dir);
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  PENSTOCK_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(folder / "LOCK"));
  agent->lock_ = std::make_unique<FileLock>(std::move(lock));
  // What an agent that was killed left behind: its children, and their workspaces.
  const std::string owner = folder.string() + "#";
  if (const int leftovers = KillLeftovers(owner); leftovers > 0) {
    LOG_WARN("ended leftovers of an earlier agent processes={}", leftovers);
  }
  PENSTOCK_RETURN_IF_ERROR(RemoveAll(folder / "work"));
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder / "work"));
  PENSTOCK_ASSIGN_OR_RETURN(
      agent->store_,
      LocalArtifactStore::Open(folder / "artifacts", {.sync = false, .clean = true}));
  agent->cache_ = std::make_unique<ArtifactCache>(
      *agent->store_, ArtifactCache::Options{.max_bytes = config.cache_bytes});
  // Nothing runs and nothing is to be sent: everything may go.
  const Result<ArtifactCache::Trimmed> trimmed = agent->cache_->Trim({}, Clock::Real().Now());
  if (!trimmed.ok()) LOG_WARN("the artifact cache could not be trimmed: {}", trimmed.status());
  PENSTOCK_ASSIGN_OR_RETURN(agent->coordinator_, Coordinator::Connect(config));
  agent->transfer_ =
      std::make_unique<Transfer>(*agent->coordinator_, *agent->store_, *agent->cache_);
  Agent* self = agent.get();
  agent->reporter_ = std::make_unique<Reporter>(
      *agent->coordinator_, [self](const v1::StepReport& report, const std::string& verdict) {
        self->executor_->OnVerdict(report, verdict);
      });
  agent->executor_ = std::make_unique<Executor>(Executor::Deps{
      .config = &agent->config_,
      .store = agent->store_.get(),
      .cache = agent->cache_.get(),
      .transfer = agent->transfer_.get(),
      .program = std::move(program),
      .data_folder = folder,
      .work_folder = folder / "work",
      .owner = owner + agent->boot_id_,
      .report = [self](v1::StepReport report) { self->reporter_->Add(std::move(report)); }});
  return agent;
}

Agent::~Agent() {
  if (coordinator_) coordinator_->Stop();
  executor_.reset();
  reporter_.reset();
}

void Agent::RequestStop() {
  ++stop_requests_;
  MutexLock lock(mutex_);
  stop_.NotifyAll();
}

bool Agent::Run() {
  last_contact_ = Clock::Real().Ticks().micros;
  session_thread_ = std::thread([this] { KeepSession(); });
  heartbeat_thread_ = std::thread([this] { Beat(); });
  {
    MutexLock lock(mutex_);
    while (stop_requests_ == 0) stop_.WaitFor(mutex_, std::chrono::milliseconds(200));
  }
  LOG_INFO("stopping: what runs may finish worker={}", config_.name);
  executor_->Drain();
  {
    // The parked call ends; the next one says that nothing new is wanted.
    MutexLock lock(mutex_);
    if (parked_ != nullptr) parked_->TryCancel();
  }
  const Tick until = Clock::Real().Ticks() + config_.drain_timeout;
  bool idle = executor_->WaitIdle(Micros(0));
  while (!idle && stop_requests_ < 2 && Clock::Real().Ticks() < until) {
    idle = executor_->WaitIdle(std::chrono::milliseconds(100));
  }
  if (!idle) {
    LOG_WARN("stopping what still runs worker={}", config_.name);
    executor_->CancelAll();
    idle = executor_->WaitIdle(config_.kill_grace + Micros(std::chrono::seconds(2)));
  }
  leasing_ = false;
  if (const std::string session = coordinator_->session(); !session.empty()) {
    const auto context = coordinator_->Context(std::chrono::seconds(2));
    v1::CloseSessionRequest request;
    request.set_session_id(session);
    v1::CloseSessionResponse response;
    static_cast<void>(coordinator_->workers().CloseSession(context.get(), request, &response));
  }
  coordinator_->Stop();
  {
    MutexLock lock(mutex_);
    if (parked_ != nullptr) parked_->TryCancel();
  }
  session_thread_.join();
  heartbeat_thread_.join();
  (void)RemoveAll(std::filesystem::path(config_.data_dir) / "ready.json");
  return idle;
}

v1::WorkerInfo Agent::Info() const {
  v1::WorkerInfo info;
  info.set_worker_id(config_.name);
  info.set_boot_id(boot_id_);
  info.set_protocol(1);
  info.set_version(PENSTOCK_VERSION);
  info.set_host(Host());
  info.set_pid(getpid());
  info.set_cpus(config_.cpus);
  info.set_memory(config_.memory);
  info.set_gpus(config_.gpus);
  for (const auto& [key, value] : config_.labels) (*info.mutable_labels())[key] = value;
  (*info.mutable_labels())[std::string(kIsolationLabel)] =
      config_.bubblewrap.empty() ? "none" : "bubblewrap";
  const std::string& engine = config_.container_engine;
  (*info.mutable_labels())[std::string(kContainerLabel)] = engine.empty() ? "none" : kContainersRun;
  if (!engine.empty()) {
    (*info.mutable_labels())[std::string(kEngineLabel)] =
        std::filesystem::path(engine).filename().string();
  }
  for (const auto& [key, value] : config_.taints) (*info.mutable_taints())[key] = value;
  for (const std::string& step : steps_) info.add_steps(step);
  for (const std::string& root : config_.data_roots) info.add_data_roots(root);
  info.set_memory_limiter("polling");
  return info;
}

void Agent::KeepSession() {
  Micros wait = std::chrono::milliseconds(100);
  while (leasing_ && !coordinator_->stopped()) {
    if (coordinator_->session().empty()) {
      if (!OpenSession()) {
        // Jitter, so that a cluster's workers do not come back all at once.
        const Micros pause(static_cast<int64_t>(static_cast<double>(wait.count()) *
                                                (0.5 + Random::Secure().NextDouble() / 2)));
        if (!coordinator_->Pause(pause)) return;
        wait = std::min(wait * 2, Micros(std::chrono::seconds(3)));
        continue;
      }
      wait = std::chrono::milliseconds(100);
    }
    if (!LeaseOnce()) coordinator_->set_session("");
  }
}

bool Agent::OpenSession() {
  v1::OpenSessionRequest request;
  *request.mutable_worker() = Info();
  for (v1::HeldAttempt& held : executor_->Held()) *request.add_held() = std::move(held);
  v1::OpenSessionResponse response;
  const auto context = coordinator_->Context(std::chrono::seconds(10));
  const Status status = Coordinator::Translate(
      coordinator_->workers().OpenSession(context.get(), request, &response));
  if (!status.ok()) {
    if (!lost_told_) LOG_WARN("no session with {}: {}", config_.coordinator, status);
    lost_told_ = true;
    return false;
  }
  lost_told_ = false;
  const auto micros = [](const google::protobuf::Duration& d) {
    return d.seconds() * 1'000'000 + d.nanos() / 1'000;
  };
  max_disconnect_ = micros(response.max_disconnect());
  heartbeat_micros_ = std::max<int64_t>(micros(response.heartbeat_interval()), 50'000);
  last_contact_ = Clock::Real().Ticks().micros;
  for (const std::string& token : response.stale_tokens()) executor_->Discard(token);
  acknowledged_ = 0;
  LOG_INFO("session open worker={} session={} coordinator={}", config_.name, response.session_id(),
           config_.coordinator);
  const Json ready{{"pid", getpid()}, {"session", response.session_id()}, {"worker", config_.name}};
  if (const Status written = WriteFileAtomic(std::filesystem::path(config_.data_dir) / "ready.json",
                                             DumpJson(ready) + "\n");
      !written.ok()) {
    LOG_WARN("ready.json could not be written: {}", written);
  }
  coordinator_->set_session(response.session_id());
  return true;
}

bool Agent::LeaseOnce() {
  v1::LeaseStepsRequest request;
  request.set_session_id(coordinator_->session());
  request.set_acknowledged(acknowledged_);
  request.mutable_max_wait()->set_seconds(kPark.count() / 1'000'000);
  request.set_draining(stop_requests_ > 0);
  v1::LeaseStepsResponse response;
  const auto context = coordinator_->Context(kPark + Micros(std::chrono::seconds(15)));
  {
    MutexLock lock(mutex_);
    parked_ = context.get();
  }
  const grpc::Status raw = coordinator_->workers().LeaseSteps(context.get(), request, &response);
  {
    MutexLock lock(mutex_);
    parked_ = nullptr;
  }
  const Status status = Coordinator::Translate(raw);
  if (!status.ok()) {
    if (status.reason() == "SESSION_UNKNOWN") return false;
    if (status.code() == StatusCode::kCancelled || status.reason() == "SUPERSEDED") {
      return coordinator_->Pause(std::chrono::milliseconds(10));
    }
    if (!lost_told_) LOG_WARN("the coordinator is away: {}", status);
    lost_told_ = true;
    coordinator_->Pause(std::chrono::milliseconds(200));
    return true;
  }
  lost_told_ = false;
  last_contact_ = Clock::Real().Ticks().micros;
  acknowledged_ = response.sequence();
  for (v1::Lease& lease : *response.mutable_leases()) executor_->Lease(std::move(lease));
  for (const std::string& token : response.cancel_tokens()) executor_->Cancel(token);
  for (const std::string& token : response.revoke_tokens()) executor_->Revoke(token);
  if (response.drain()) RequestStop();
  return true;
}

void Agent::Beat() {
  while (coordinator_->Pause(Micros(heartbeat_micros_.load()))) {
    const std::string session = coordinator_->session();
    const Micros away(Clock::Real().Ticks().micros - last_contact_.load());
    if (max_disconnect_ > 0 && away.count() > max_disconnect_) {
      LOG_WARN("out of touch for too long: what runs is stopped worker={}", config_.name);
      executor_->CancelAll();
      last_contact_ = Clock::Real().Ticks().micros;
    }
    if (session.empty()) continue;
    v1::HeartbeatRequest request;
    request.set_session_id(session);
    for (v1::HeldAttempt& held : executor_->Held()) *request.add_held() = std::move(held);
    v1::HeartbeatResponse response;
    const auto context = coordinator_->Context(std::chrono::seconds(5));
    const Status status = Coordinator::Translate(
        coordinator_->heartbeats().Heartbeat(context.get(), request, &response));
    if (!status.ok()) continue;  // the session's keeper finds out what is wrong
    last_contact_ = Clock::Real().Ticks().micros;
    for (const std::string& token : response.stale_tokens()) executor_->Discard(token);
  }
}

}  // namespace penstock
