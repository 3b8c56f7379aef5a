#include "tests/sim/world.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "steps/catalog/catalog.h"

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Micros Seconds(const Json& json, const char* name) {
  return seconds(JsonInt(json, name));
}

// An empty database, made once: migrations take most of the time of a short simulation.
const MemoryDisk::Image& EmptyDatabase() {
  static const MemoryDisk::Image image = [] {
    MemoryDisk disk(1);
    FakeClock clock;
    SeededRandom random(1);
    PENSTOCK_CHECK(MetadataStore::Open("penstock.db", clock, random).ok());
    return disk.Copy();
  }();
  return image;
}

WorkerInfo InfoOf(const Json& json) {
  WorkerInfo info;
  info.id = WorkerId(JsonString(json, "name"));
  info.version = "0.1.0";
  info.host = "host-" + info.id.value();
  info.address = info.host;
  info.cpus = static_cast<double>(JsonInt(json, "cpus"));
  info.gpus = static_cast<int32_t>(JsonInt(json, "gpus"));
  info.memory = JsonInt(json, "memory_gib") << 30;
  info.first_port = 29'500;
  info.port_count = 20;
  for (const auto& [key, value] : JsonMember(json, "labels").items()) info.labels[key] = value;
  for (const auto& [key, value] : JsonMember(json, "taints").items()) info.taints[key] = value;
  info.labels["penstock/isolation"] = "none";
  for (const StepSchema* schema : Catalog::BuiltIn().All()) {
    if (!schema->control) info.steps.push_back(schema->key + "@" + schema->version);
  }
  return info;
}

EngineOptions OptionsOf(const Json& json) {
  EngineOptions options;
  options.lease_ttl = Seconds(json, "lease_ttl_s");
  options.heartbeat_interval = options.lease_ttl / 5;
  options.max_disconnect = Seconds(json, "max_disconnect_s");
  options.retention.run_age = Seconds(json, "run_age_s");
  options.retention.run_count = JsonInt(json, "run_count");
  options.retention.unused = Seconds(json, "unused_s");
  options.retention.grace = Seconds(json, "grace_s");
  options.retention.interval = Seconds(json, "sweep_s");
  options.queues = {{"nightly", {.weight = 2, .max_parallel_steps = 3, .max_runs = 2}},
                    {"urgent", {.weight = 5}}};
  return options;
}

}  // namespace

World::World(const Script& script)
    : script_(script),
      seed_(static_cast<uint64_t>(JsonInt(script.world, "seed"))),
      disk_((static_cast<void>(EmptyDatabase()), SubSeed(seed_, "disk"))),
      client_("client", seed_),
      options_(OptionsOf(JsonMember(script.world, "options"))) {
  disk_.Load(EmptyDatabase());
  Coordinator::Deps deps;
  deps.schedule = &schedule_;
  deps.disk = &disk_;
  deps.coverage = &coverage_;
  deps.options = options_;
  deps.model_terms = [](const ArtifactRef&) { return ModelTerms(); };
  deps.seed = seed_;
  deps.started = [this] { auditor_->AfterStart(); };
  deps.turned = [this] {
    auditor_->AfterTurn();
    history_digest_ = SubSeed(history_digest_ ^ static_cast<uint64_t>(schedule_.now().micros),
                              std::to_string(disk_.operations()));
  };
  deps.down = [this] {
    auditor_->OnDown();
    network_->Break();
  };
  deps.swept = [this] { schedule_.After(milliseconds(1), [this] { RemoveBytes(); }); };
  coordinator_ = std::make_unique<Coordinator>(std::move(deps));
  network_ = std::make_unique<Network>(schedule_, *coordinator_);
  auditor_ = std::make_unique<Auditor>(schedule_, *coordinator_, blobs_, coverage_);
  const Json& weather = JsonMember(script.world, "weather");
  const auto set_weather = [&](Link& link) {
    link.weather = {.loss = JsonMember(weather, "loss").get<double>(),
                    .duplicate = JsonMember(weather, "duplicate").get<double>(),
                    .slowest = std::max(Micros(milliseconds(JsonInt(weather, "slowest_ms"))),
                                        Micros(milliseconds(1)))};
  };
  set_weather(client_);
  for (const Json& worker : JsonMember(script.world, "workers")) {
    FakeWorker::Deps of_worker{.schedule = &schedule_,
                               .network = network_.get(),
                               .auditor = auditor_.get(),
                               .blobs = &blobs_,
                               .seed = seed_,
                               .failures = JsonMember(script.world, "failures").get<double>(),
                               .slowness = JsonInt(script.world, "slowness", 1)};
    workers_.push_back(std::make_unique<FakeWorker>(of_worker, InfoOf(worker)));
    set_weather(workers_.back()->link());
  }
}

World::~World() = default;

const std::map<std::string, World::Handler>& World::Handlers() {
  static const std::map<std::string, Handler> handlers = {
      {"put", &World::Put},
      {"apply", &World::Apply},
      {"delete-pipeline", &World::DeletePipeline},
      {"submit", &World::Submit},
      {"cancel", &World::Cancel},
      {"decide", &World::Decide},
      {"retry", &World::Retry},
      {"rerun", &World::Rerun},
      {"explain", &World::Explain},
      {"put-secret", &World::PutSecret},
      {"delete-secret", &World::DeleteSecret},
      {"order", &World::OrderWorker},
      {"list-workers", &World::ListWorkers},
      {"register-model", &World::RegisterModel},
      {"promote", &World::Promote},
      {"decide-model", &World::DecideModel},
      {"token", &World::AccessToken},
      {"mistake", &World::Mistake},
      {"collect", &World::Collect},
      {"kill-coordinator", &World::KillCoordinator},
      {"crash-coordinator", &World::CrashCoordinator},
      {"stop-coordinator", &World::StopCoordinator},
      {"pause-coordinator", &World::PauseCoordinator},
      {"kill-worker", &World::KillWorker},
      {"pause-worker", &World::PauseWorker},
      {"leave-worker", &World::LeaveWorker},
      {"lose-worker", &World::LoseWorker},
      {"cut", &World::Cut},
      {"fill-disk", &World::FillDisk},
      {"break-disk", &World::BreakDisk},
      {"jump-clock", &World::JumpClock},
      {"backup", &World::Backup},
      {"restore", &World::Restore},
      {"damage", &World::Damage},
  };
  return handlers;
}

void World::Act(const Action& action) {
  const auto handler = Handlers().find(action.what);
  if (handler == Handlers().end()) auditor_->Fail("the script says " + action.what);
  (this->*handler->second)(action.with);
}

FakeWorker& World::WorkerFor(const Json& with) {
  return *workers_[static_cast<std::size_t>(JsonInt(with, "worker")) % workers_.size()];
}

void World::TakeSample() {
  if (coordinator_->up()) {
    Sample sample{.at = Micros(schedule_.now().micros)};
    sample.heap_bytes = static_cast<int64_t>(mallinfo2().uordblks);
    sample.rows = auditor_->CountRows();
    for (const auto& [name, data] : disk_.Copy()) {
      sample.database_bytes += static_cast<int64_t>(data.size());
    }
    sample.blobs = static_cast<int64_t>(blobs_.blobs().size());
    samples_.push_back(sample);
  }
  schedule_.After(sample_every_, [this] { TakeSample(); });
}

// Longer than any step takes from when it is placed to its end: its tries (definitions.cc draws at
// most 4, and RetryPolicy's longest wait between two is a minute) and the 10 losses that a
// RetryPolicy bears, each of the longest attempt.
Micros World::Patience() const {
  constexpr int kMostAttempts = 4 + 10;
  return kMostAttempts * (FakeWorker::kLongestAttempt * JsonInt(script_.world, "slowness", 1) +
                          std::chrono::minutes(1));
}

// Nothing troubles the cluster any more, and every run must end. How long that may take depends on
// what is to be done: fifty runs that have to go one at a time, each with a step of ten minutes,
// take hours. But where work goes on, a step ends within the patience of one step; with each that
// ends less is to be done, since nobody submits more, and all that the maps of the runs make is
// finite. Who waits for ever is found when the others have ended.
void World::AwaitEnd() {
  int64_t ended_steps = auditor_->ended_steps();
  Tick last_end = schedule_.now();
  while (true) {
    const Tick look = schedule_.now() + Micros(seconds(30));
    while (schedule_.next() <= look && schedule_.Step()) {
    }
    const bool all_ended = coordinator_->up() && auditor_->LiveRuns().empty();
    const bool held = std::any_of(workers_.begin(), workers_.end(),
                                  [](const auto& worker) { return worker->held() > 0; });
    if (all_ended && !held) return;
    if (auditor_->ended_steps() > ended_steps) {
      ended_steps = auditor_->ended_steps();
      last_end = schedule_.now();
    } else if (schedule_.now() - last_end > Patience()) {
      if (!coordinator_->up()) auditor_->Fail("the coordinator does not come back");
      if (all_ended) auditor_->Fail("no run is left, and a worker still holds attempts of them");
      auditor_->Fail("nothing troubles the cluster any more, and runs have not ended:" +
                     auditor_->DescribeLive());
    }
    Decide(Json{{"approve", true}});
    OpenWorkers();  // an order to close one may have been on its way
  }
}

Outcome World::Run() {
  Outcome outcome;
  try {
    coordinator_->Start();
    for (const auto& worker : workers_) {
      schedule_.After(milliseconds(20), [&worker] { worker->Start(); });
    }
    const Tick begin = schedule_.now();
    for (const Action& action : script_.actions) {
      schedule_.At(begin + action.at, [this, &action] { Act(action); });
    }
    if (sample_every_.count() > 0) TakeSample();
    const Tick end = begin + Micros(milliseconds(JsonInt(script_.world, "length_ms")));
    while (schedule_.next() <= end && schedule_.Step()) {
    }
    Heal();
    AwaitEnd();
    auditor_->AtEnd();
  } catch (const Violation& violation) {
    outcome.violation = violation.what;
  }
  outcome.at = Micros(schedule_.now().micros);
  outcome.events = schedule_.events();
  outcome.history = history_digest_;
  outcome.runs = static_cast<int64_t>(auditor_->told().submitted.size());
  outcome.restarts = coordinator_->starts();
  return outcome;
}

Outcome RunScript(const Script& script, Coverage* coverage) {
  World world(script);
  Outcome outcome = world.Run();
  if (coverage != nullptr) coverage->Add(world.coverage());
  return outcome;
}

}  // namespace penstock::sim
