#include "tests/sim/coordinator.h"

#include "steps/catalog/catalog.h"

namespace penstock::sim {
namespace {

constexpr char kPath[] = "penstock.db";

}  // namespace

Coordinator::Coordinator(Deps deps)
    : deps_(std::move(deps)),
      dice_(SubSeed(deps_.seed, "coordinator")),
      secrets_(std::vector<std::string>{std::string(SecretBox::kKeyBytes, 'k')}),
      random_(SubSeed(deps_.seed, "tokens")) {}

Coordinator::~Coordinator() {
  ended_ = true;
  Close();
}

Status Coordinator::Open() {
  PENSTOCK_ASSIGN_OR_RETURN(store_, MetadataStore::Open(kPath, deps_.schedule->clock(), random_));
  PENSTOCK_ASSIGN_OR_RETURN(committed_, Database::Open(kPath, {.read_only = true}));
  Engine::Deps deps;
  deps.store = store_.get();
  deps.catalog = &Catalog::BuiltIn();
  deps.clock = &deps_.schedule->clock();
  deps.random = &random_;
  deps.secrets = &secrets_;
  deps.options = deps_.options;
  deps.model_terms = deps_.model_terms;
  deps.observer = deps_.coverage;
  deps.swept = [this, life = life_] {
    if (life == life_ && up() && deps_.swept) deps_.swept();
  };
  deps.end_process = [] { throw ProcessEnded(); };
  engine_ = std::make_unique<Engine>(std::move(deps));
  return engine_->Recover();
}

void Coordinator::Close() {
  ++life_;
  engine_.reset();
  committed_.reset();
  store_.reset();
}

void Coordinator::Start() {
  if (engine_ != nullptr) return;
  ended_ = false;
  const int64_t number = ++start_number_;
  const Status opened = Open();
  if (opened.ok() && !deps_.disk->crashed()) {
    if (deps_.started) deps_.started();
    WakeBy(deps_.schedule->now());
    return;
  }
  ended_ = true;
  Close();
  if (deps_.disk->crashed()) deps_.disk->Revive();
  deps_.schedule->After(std::chrono::seconds(1), [this, number] {
    if (number == start_number_) Start();
  });
}

void Coordinator::End(Micros down_for) {
  ended_ = true;
  Close();
  if (deps_.disk->crashed()) deps_.disk->Revive();
  if (deps_.down) deps_.down();
  const int64_t number = ++start_number_;
  deps_.schedule->After(down_for, [this, number] {
    if (number == start_number_) Start();
  });
}

void Coordinator::Kill(bool power, Micros down_for) {
  if (engine_ == nullptr) return;
  const MemoryDisk::Image written = deps_.disk->Copy();
  if (power) deps_.disk->CrashAfter(0);
  ended_ = true;
  Close();  // what SQLite still does to its files is undone
  if (!power) deps_.disk->Load(written);
  End(down_for);
}

void Coordinator::Stop(Micros down_for) {
  if (engine_ == nullptr) return;
  engine_->Stop();
  End(down_for);
}

void Coordinator::Pause(Micros duration) {
  paused_until_ = deps_.schedule->now() + duration;
}

void Coordinator::Restore(const MemoryDisk::Image& image) {
  ended_ = true;
  Close();
  deps_.disk->Load(image);
  Offline([this](MetadataStore& store) { return store.SetIncarnation(RandomHex(4, random_)); });
}

void Coordinator::Repair(const Digest& artifact) {
  Offline([&](MetadataStore& store) { return store.DeleteArtifact(artifact); });
}

void Coordinator::Offline(const std::function<Status(MetadataStore&)>& change) {
  ended_ = true;
  Close();
  if (deps_.down) deps_.down();
  ++start_number_;
  auto store = MetadataStore::Open(kPath, deps_.schedule->clock(), random_);
  PENSTOCK_CHECK(store.ok() && (*store)->Begin().ok() && change(**store).ok() &&
                 (*store)->Commit().ok());
  store->reset();
  Start();
}

void Coordinator::Post(void (Engine::*method)(Callback<std::vector<WorkerView>>),
                       Callback<std::vector<WorkerView>> reply) {
  (engine_.get()->*method)(
      [this, life = life_, reply = std::move(reply)](Result<std::vector<WorkerView>> answer) {
        if (life == life_ && up()) reply(std::move(answer));
      });
  WakeBy(deps_.schedule->now() + dice_.Time(Micros(1), Micros(800)));
}

void Coordinator::WakeBy(Tick when) {
  when = std::max(when, paused_until_);
  if (when >= wake_at_ || when.micros == INT64_MAX) return;
  wake_at_ = when;
  deps_.schedule->At(when, [this, number = ++wake_number_] { Turn(number); });
}

void Coordinator::Turn(int64_t number) {
  if (number != wake_number_) return;
  wake_at_ = Tick{INT64_MAX};
  if (engine_ == nullptr) return;
  if (deps_.schedule->now() < paused_until_) return WakeBy(paused_until_);
  Tick next;
  try {
    next = engine_->Turn();
  } catch (const ProcessEnded&) {
    ended_ = true;
  }
  if (!up()) return End(dice_.Time(std::chrono::milliseconds(50), std::chrono::seconds(4)));
  if (deps_.turned) deps_.turned();
  WakeBy(next);
}

}  // namespace penstock::sim
