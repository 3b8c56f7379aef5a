#include "worker/agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <utility>

#include "base/fault_point.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/unfinished_writes.h"
#include "steps/catalog/catalog.h"
#include "storage/model/protocol.h"

namespace penstock {
namespace {

constexpr Micros kPark = std::chrono::seconds(30);
constexpr Micros kLeftoverPatience = std::chrono::seconds(10);

std::string Host() {
  char name[HOST_NAME_MAX + 1] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

// "NVIDIA H100 80GB HBM3, 79.6 GiB"; empty where nothing is known of it.
std::string Describe(const Gpu& gpu) {
  return gpu.memory > 0 ? gpu.name + ", " + FormatSize(gpu.memory) : gpu.name;
}

// Until they are gone, they have what the next steps will be given: GPUs above all.
void WaitForLeftovers(const std::string& owner) {
  const Tick until = Clock::Real().Ticks() + kLeftoverPatience;
  while (KillLeftovers(owner) > 0) {
    if (Clock::Real().Ticks() > until) {
      LOG_ERROR("leftovers of an earlier agent cannot be ended; they may still use its GPUs");
      return;
    }
    const timespec pause{0, 10'000'000};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace

Micros ReopenPause(const Status& status, Micros wait) {
  // Only another program at one end or the other mends it. A rolling update brings it.
  return status.reason() == "VERSION_MISMATCH" ? Micros(std::chrono::minutes(1)) : wait;
}

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
    WaitForLeftovers(owner);
  }
  PENSTOCK_RETURN_IF_ERROR(RemoveUnfinishedWrites(folder));
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
  PENSTOCK_ASSIGN_OR_RETURN(agent->leases_, LeaseClock::Make(config.kill_grace));
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
      .leases = agent->leases_.get(),
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
    // When the session closes, others may run what ran here.
    if (!idle) KillLeftovers(std::filesystem::absolute(config_.data_dir).string() + "#" + boot_id_);
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
  info.set_protocol(kProtocol);
  info.set_version(PENSTOCK_VERSION);
  info.set_host(Host());
  info.set_pid(getpid());
  info.set_cpus(config_.cpus);
  info.set_memory(config_.memory);
  info.set_gpus(static_cast<int32_t>(config_.devices.size()));
  for (const Gpu& gpu : config_.devices) info.add_gpu_names(Describe(gpu));
  info.set_address(config_.address);
  info.set_first_port(config_.first_port);
  info.set_port_count(config_.port_count);
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
  for (const std::string& rule : config_.data_sources) info.add_data_sources(rule);
  info.set_memory_limiter("polling");
  return info;
}

void Agent::KeepSession() {
  Micros wait = std::chrono::milliseconds(100);
  while (leasing_ && !coordinator_->stopped()) {
    if (coordinator_->session().empty()) {
      if (const Status status = OpenSession(); !status.ok()) {
        // Jitter, so that a cluster's workers do not come back all at once.
        const Micros next = ReopenPause(status, wait);
        const Micros pause(static_cast<int64_t>(static_cast<double>(next.count()) *
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

Status Agent::OpenSession() {
  v1::OpenSessionRequest request;
  *request.mutable_worker() = Info();
  request.set_min_protocol(kMinProtocol);
  request.set_number(++openings_);
  for (v1::HeldAttempt& held : executor_->Held()) *request.add_held() = std::move(held);
  v1::OpenSessionResponse response;
  const auto context = coordinator_->Context(std::chrono::seconds(10));
  const Tick sent = Clock::Real().Ticks();
  const Status status = Coordinator::Translate(
      coordinator_->workers().OpenSession(context.get(), request, &response));
  if (!status.ok()) {
    if (status.reason() == "VERSION_MISMATCH" && !mismatch_told_) {
      LOG_ERROR("the coordinator refuses this program, and is asked again every minute: {}",
                status.message());
      mismatch_told_ = true;
    } else if (!lost_told_) {
      LOG_WARN("no session with {}: {}", config_.coordinator, status);
    }
    lost_told_ = true;
    return status;
  }
  PENSTOCK_FAULT_POINT("worker.session_open");
  mismatch_told_ = false;
  lost_told_ = false;
  const auto micros = [](const google::protobuf::Duration& d) {
    return d.seconds() * 1'000'000 + d.nanos() / 1'000;
  };
  max_disconnect_ = micros(response.max_disconnect());
  heartbeat_micros_ = std::max<int64_t>(micros(response.heartbeat_interval()), 50'000);
  last_contact_ = Clock::Real().Ticks().micros;
  for (const std::string& token : response.stale_tokens()) executor_->Discard(token);
  leases_->SetTtl(Micros(micros(response.lease_ttl())));
  leases_->Answered(sent, Clock::Real().Ticks());
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
  return Status::Ok();
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
    // Run cancels what is parked when it stops; what began later would stay.
    if (coordinator_->stopped()) return true;
    parked_ = context.get();
  }
  PENSTOCK_FAULT_POINT("worker.before_acknowledge");
  const Tick sent = Clock::Real().Ticks();
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
  leases_->Answered(sent, Clock::Real().Ticks());
  acknowledged_ = response.sequence();
  for (v1::Lease& lease : *response.mutable_leases()) executor_->Lease(std::move(lease), sent);
  for (const std::string& token : response.cancel_tokens()) executor_->Cancel(token);
  for (const std::string& token : response.revoke_tokens()) executor_->Revoke(token);
  for (const v1::Preemption& each : response.preemptions()) {
    const google::protobuf::Duration& grace = each.grace();
    executor_->Preempt(each.token(), Micros(grace.seconds() * 1'000'000 + grace.nanos() / 1'000));
  }
  if (response.drain()) RequestStop();
  return true;
}

void Agent::Beat() {
  Tick sent;
  while (coordinator_->Pause(sent + Micros(heartbeat_micros_.load()) - Clock::Real().Ticks())) {
    sent = Clock::Real().Ticks();
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
    // One that gets lost must not keep back the next for long: leases end meanwhile.
    const auto context = coordinator_->Context(std::chrono::seconds(3));
    sent = Clock::Real().Ticks();
    const Status status = Coordinator::Translate(
        coordinator_->heartbeats().Heartbeat(context.get(), request, &response));
    if (!status.ok()) continue;  // the session's keeper finds out what is wrong
    last_contact_ = Clock::Real().Ticks().micros;
    for (const std::string& token : response.stale_tokens()) executor_->Discard(token);
    leases_->Answered(sent, Clock::Real().Ticks());
  }
}

}  // namespace penstock
