#include "server/daemon.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/fault_point.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "base/unfinished_writes.h"
#include "server/engine/engine.h"
#include "server/http/bridge.h"
#include "server/http/http_server.h"
#include "server/metrics.h"
#include "server/offline.h"
#include "server/ops/model_terms.h"
#include "server/ops/operations.h"
#include "server/ops/secret_keys.h"
#include "server/rpc/rpc_server.h"
#include "server/version.h"
#include "steps/catalog/catalog.h"
#include "storage/artifact/local_artifact_store.h"
#include "storage/journal/journal.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxPoolQueue = 4'096;
constexpr int kIoThreads = 4;
constexpr std::chrono::milliseconds kHttpPatience{500};
constexpr std::chrono::milliseconds kRpcPatience{500};
// A command that waits so long says that the disk hangs.
constexpr std::chrono::seconds kStalled{10};

Result<std::optional<TlsIdentity>> Identity(const ServerConfig& config) {
  switch (config.tls) {
    case TlsMode::kOff:
      return std::optional<TlsIdentity>();
    case TlsMode::kFiles: {
      PENSTOCK_ASSIGN_OR_RETURN(TlsIdentity identity,
                                LoadTlsIdentity(config.tls_cert, config.tls_key));
      return std::optional(std::move(identity));
    }
    case TlsMode::kAuto:
      break;
  }
  PENSTOCK_ASSIGN_OR_RETURN(TlsIdentity identity, EnsureTlsIdentity(config.data_dir + "/tls",
                                                                    {config.grpc_address.host,
                                                                     config.http_address.host}));
  return std::optional(std::move(identity));
}

}  // namespace

// In order of construction; what stands below is destroyed first.
struct Daemon::Impl {
  explicit Impl(const ServerConfig& given)
      : config(given),
        forward_secret(NewTokenSecret(Random::Secure())),
        authenticator({given.auth == AuthMode::kRequired, forward_secret}, tokens, Clock::Real()),
        gate(authenticator, rpc_metrics, Clock::Real()) {}

  Status OpenData();
  Status StartEngine();
  void MakeOperations();
  Status Readiness() const;
  Status Serve();
  Status WriteReady() const;
  std::string ready_path() const { return config.data_dir + "/ready.json"; }

  const ServerConfig config;
  std::optional<FileLock> lock;
  std::optional<TlsIdentity> identity;
  std::unique_ptr<MetadataStore> store;
  std::unique_ptr<ReaderPool> readers;
  std::unique_ptr<SecretBox> secrets;
  std::unique_ptr<LocalArtifactStore> artifacts;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Engine> engine;
  TokenTable tokens;
  const std::string forward_secret;  // between HTTP and gRPC of this process
  Authenticator authenticator;
  RpcMetrics rpc_metrics;
  CallGate gate;
  std::unique_ptr<ThreadPool> read_pool;
  std::unique_ptr<ThreadPool> io_pool;
  std::unique_ptr<Operations> operations;
  std::unique_ptr<RpcServer> rpc;
  std::unique_ptr<Bridge> bridge;
  std::unique_ptr<HttpServer> http;
  bool stopped = false;
  bool clean = true;
};

Status Daemon::Impl::OpenData() {
  PENSTOCK_RETURN_IF_ERROR(PrepareDataDir(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(auto taken, FileLock::Take(config.data_dir + "/LOCK"));
  lock.emplace(std::move(taken));
  // Of a server that was killed.
  PENSTOCK_RETURN_IF_ERROR(RemoveAll(ready_path()));
  PENSTOCK_RETURN_IF_ERROR(RemoveUnfinishedWrites(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(identity, Identity(config));
  PENSTOCK_ASSIGN_OR_RETURN(store, OpenStore(config.data_dir));
  readers = std::make_unique<ReaderPool>(store->path());
  PENSTOCK_ASSIGN_OR_RETURN(artifacts,
                            LocalArtifactStore::Open(config.data_dir + "/artifacts", {}));
  PENSTOCK_ASSIGN_OR_RETURN(journal, Journal::Open(config.data_dir + "/journal"));
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const auto known, reader->ListTokens());
  tokens.Reset(known);
  PENSTOCK_ASSIGN_OR_RETURN(secrets, EnsureSecretKeys(config.data_dir, Random::Secure()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto unreadable,
                            UnreadableSecrets(*reader.operator->(), secrets.get()));
  for (const std::string& problem : unreadable) LOG_WARN("secret {}", problem);
  return Status::Ok();
}

Status Daemon::Impl::StartEngine() {
  io_pool = std::make_unique<ThreadPool>(kIoThreads, kMaxPoolQueue);
  Engine::Deps deps;
  deps.store = store.get();
  deps.catalog = &Catalog::BuiltIn();
  deps.clock = &Clock::Real();
  deps.random = &Random::Secure();
  deps.secrets = secrets.get();
  deps.options.lease_ttl = config.lease_ttl;
  deps.options.heartbeat_interval = config.heartbeat_interval;
  deps.options.max_disconnect = config.max_disconnect;
  deps.options.retention = config.retention;
  deps.options.queues = config.queues;
  // What a run wrote outlives the machine once the run has ended.
  deps.run_ended = [this](const RunId& run) {
    static_cast<void>(io_pool->Post([this, run] {
      if (const Status closed = journal->Close(run); !closed.ok()) {
        LOG_WARN("the log could not be synced run={}: {}", run, closed);
      }
    }));
  };
  deps.swept = [this] { operations->CollectBytesLater(); };
  deps.model_terms = [this](const ArtifactRef& model) { return TermsOfModel(*artifacts, model); };
  engine = std::make_unique<Engine>(std::move(deps));
  PENSTOCK_RETURN_IF_ERROR(engine->Recover());
  MakeOperations();
  engine->Start();
  return Status::Ok();
}

void Daemon::Impl::MakeOperations() {
  Operations::Deps deps;
  deps.engine = engine.get();
  deps.readers = readers.get();
  deps.artifacts = artifacts.get();
  deps.journal = journal.get();
  deps.secrets = secrets.get();
  deps.clock = &Clock::Real();
  deps.retention = config.retention;
  deps.data_dir = config.data_dir;
  deps.program = std::string("penstockd ") + kVersion;
  operations = std::make_unique<Operations>(std::move(deps));
}

// Whether work that comes now would be taken.
Status Daemon::Impl::Readiness() const {
  if (gate.stopping()) return Unavailable("stopping", "STOPPING");
  if (!engine->ready()) return Unavailable("starting", "STARTING");
  if (engine->read_only()) return Unavailable("read-only: the disk is full", "READ_ONLY");
  if (const Micros stalled = engine->stalled(); stalled > kStalled) {
    return Unavailable(
        "commands have waited for " + FormatDuration(stalled) + ": does the disk hang?", "STALLED");
  }
  return Status::Ok();
}

Status Daemon::Impl::Serve() {
  const int cores = std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
  read_pool = std::make_unique<ThreadPool>(cores, kMaxPoolQueue);
  RpcDeps deps;
  deps.engine = engine.get();
  deps.readers = readers.get();
  deps.catalog = &Catalog::BuiltIn();
  deps.artifacts = artifacts.get();
  deps.journal = journal.get();
  deps.tokens = &tokens;
  deps.operations = operations.get();
  deps.secrets = secrets.get();
  deps.gate = &gate;
  deps.clock = &Clock::Real();
  deps.random = &Random::Secure();
  deps.read_pool = [this](std::function<void()> task) { return read_pool->Post(std::move(task)); };
  deps.io_pool = [this](std::function<void()> task) { return io_pool->Post(std::move(task)); };
  deps.version = kVersion;
  deps.incarnation = store->incarnation();
  deps.started_at = Clock::Real().Now();
  deps.data_roots = config.data_roots;
  {
    PENSTOCK_ASSIGN_OR_RETURN(auto reader, readers->Borrow());
    PENSTOCK_ASSIGN_OR_RETURN(deps.schema_version, reader->SchemaVersion());
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      rpc, RpcServer::Start({FormatHostPort(config.grpc_address), identity}, std::move(deps)));
  bridge = std::make_unique<Bridge>(rpc->InProcessChannel(), forward_secret);
  HttpOptions options;
  options.host = config.http_address.host;
  options.port = config.http_address.port;
  if (identity) {
    options.tls_cert_path = identity->cert_path;
    options.tls_key_path = identity->key_path;
  }
  HttpProbes probes;
  probes.readiness = [this] { return Readiness(); };
  probes.metrics_text = [this] {
    return MetricsText(*engine, operations->metrics(), rpc_metrics, authenticator);
  };
  PENSTOCK_ASSIGN_OR_RETURN(http, HttpServer::Start(options, *bridge, std::move(probes)));
  return Status::Ok();
}

Status Daemon::Impl::WriteReady() const {
  Json json = {{"pid", getpid()},
               {"grpc", FormatHostPort({config.grpc_address.host, rpc->port()})},
               {"http", FormatHostPort({config.http_address.host, http->port()})}};
  if (identity) {
    json["tls"] = true;
    json["fingerprint"] = identity->fingerprint;
    json["certificate"] = std::filesystem::absolute(identity->cert_path).string();
  }
  return WriteFileAtomic(ready_path(), DumpJson(json) + "\n");
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Daemon::~Daemon() {
  Stop();
}

Result<std::unique_ptr<Daemon>> Daemon::Start(const ServerConfig& config) {
  auto impl = std::make_unique<Impl>(config);
  // The destructor of what is half made stops it again.
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(impl)));
  PENSTOCK_RETURN_IF_ERROR(daemon->impl_->OpenData());
  PENSTOCK_RETURN_IF_ERROR(daemon->impl_->StartEngine());
  PENSTOCK_RETURN_IF_ERROR(daemon->impl_->Serve());
  PENSTOCK_FAULT_POINT("server.before_ready");
  PENSTOCK_RETURN_IF_ERROR(daemon->impl_->WriteReady());
  return daemon;
}

std::string Daemon::grpc_address() const {
  return FormatHostPort({impl_->config.grpc_address.host, impl_->rpc->port()});
}

std::string Daemon::http_address() const {
  return FormatHostPort({impl_->config.http_address.host, impl_->http->port()});
}

std::string Daemon::fingerprint() const {
  return impl_->identity ? impl_->identity->fingerprint : std::string();
}

bool Daemon::Stop() {
  Impl& impl = *impl_;
  if (impl.stopped) return impl.clean;
  impl.stopped = true;
  if (impl.lock) {
    if (const Status removed = RemoveAll(impl.ready_path()); !removed.ok()) {
      LOG_WARN("cannot remove ready.json: {}", removed);
    }
  }
  if (impl.operations) impl.operations->Stop();
  if (impl.rpc) impl.rpc->Drain();
  if (impl.engine) impl.engine->Stop();
  if (impl.http) impl.clean = impl.http->Stop(kHttpPatience);
  if (impl.rpc) impl.rpc->Shutdown(kRpcPatience);
  return impl.clean;
}

}  // namespace penstock
