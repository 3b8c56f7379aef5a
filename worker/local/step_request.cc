#include "worker/local/step_request.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "steps/script/container.h"
#include "steps/script/sandbox.h"
#include "steps/table/dataset.h"
#include "storage/artifact/local_artifact_store.h"
#include "worker/agent/gpus.h"
#include "worker/agent/mask.h"
#include "worker/local/data_requests.h"
#include "worker/local/session.h"
#include "worker/local/step_inputs.h"
#include "worker/runner/child.h"
#include "worker/runner/verdict.h"

namespace penstock::local {
namespace {

namespace fs = std::filesystem;

constexpr Micros kTick = std::chrono::milliseconds(100);
constexpr Micros kKillGrace = std::chrono::seconds(5);

Tick Now() {
  return Clock::Real().Ticks();
}

bool RunsPrograms(const std::string& type) {
  return type == "script" || type == "predict" || type == "evaluate";
}

// Devices for the step, as CUDA_VISIBLE_DEVICES.
Result<std::string> TakeGpus(int count) {
  if (count == 0) return std::string();
  GpuOffer offer;
  if (Result<std::vector<Gpu>> found = FindGpus(); found.ok()) offer.found = *std::move(found);
  const auto variable = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  offer.visible = variable("CUDA_VISIBLE_DEVICES");
  offer.device_order = variable("CUDA_DEVICE_ORDER").value_or("");
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, OfferedGpus(offer));
  if (gpus.size() < static_cast<std::size_t>(count)) {
    return FailedPrecondition("the step needs " + std::to_string(count) +
                              " GPUs (resources.gpus), and this machine has " +
                              std::to_string(gpus.size()));
  }
  std::vector<std::string> visible;
  for (int i = 0; i < count; ++i) visible.push_back(gpus[static_cast<std::size_t>(i)].visible);
  return Join(visible, ",");
}

// A step in its runner, from start to end.
class LocalAttempt {
 public:
  LocalAttempt(const Json& request, const std::string& program)
      : request_(request),
        program_(program),
        workspace_(JsonString(request, "workspace")),
        type_(JsonString(request, "type")) {}

  Result<Json> Run() {
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(workspace_));
    PENSTOCK_ASSIGN_OR_RETURN(prepared_, PrepareInputs(type_, request_, workspace_ / "in"));
    for (const std::string& note : prepared_.notes) {
      Say({{"kind", "log"}, {"text", "warning: " + note + "\n"}});
    }
    PENSTOCK_RETURN_IF_ERROR(Start());
    Await();
    ShowLog(outcome_.log_end);
    std::string rest;
    mask_.Finish(rest);
    if (!rest.empty()) Say({{"kind", "log"}, {"text", Restored(std::move(rest))}});
    Judge();
    return Answer();
  }

 private:
  Result<Assignment> MakeAssignment() {
    Assignment assignment;
    assignment.id = 1;
    assignment.type = type_;
    assignment.algorithm = JsonString(request_, "algorithm");
    assignment.parameters = JsonMember(request_, "parameters");
    for (const auto& [name, value] : JsonMember(request_, "secrets").items()) {
      assignment.secrets[name] = value.get<std::string>();
    }
    const double cpus = JsonDouble(request_, "cpus", 1);
    if (RunsPrograms(type_)) {
      NodeFacts facts{.bubblewrap = {}, .data_dir = JsonString(request_, "root")};
      facts.kill_grace = kKillGrace;
      facts.gpus = static_cast<int>(JsonInt(request_, "gpus"));
      facts.cpus = cpus;
      if (JsonString(assignment.parameters, "isolation") != "none") {
        facts.bubblewrap = FindBubblewrap();
      }
      if (!JsonMember(assignment.parameters, "image").is_null()) {
        facts.container_engine = FindContainerEngine();
      }
      assignment.parameters["node"] = NodeToJson(facts);
    }
    assignment.workspace = workspace_.string();
    assignment.store = (fs::path(JsonString(request_, "root")) / "store").string();
    for (const Json& path : JsonMember(request_, "reportPaths")) {
      assignment.report_paths.push_back(path.get<std::string>());
    }
    assignment.threads = std::max(1, static_cast<int>(std::floor(cpus + 1e-9)));
    assignment.memory = JsonInt(request_, "memory");
    for (const PreparedInput& input : prepared_.inputs) {
      assignment.inputs.push_back(
          {input.name, input.path.string(), input.type, input.digest, input.display_name});
    }
    return assignment;
  }

  Status Start() {
    PENSTOCK_ASSIGN_OR_RETURN(const Assignment assignment, MakeAssignment());
    mask_ = SecretMask(assignment.secrets);
    ChildOptions options;
    options.program = program_;
    if (assignment.secrets.empty()) options.log_file = workspace_ / "log";
    options.threads = assignment.threads;
    PENSTOCK_ASSIGN_OR_RETURN(options.visible_gpus,
                              TakeGpus(static_cast<int>(JsonInt(request_, "gpus"))));
    owner_ = workspace_.string() + "/";
    options.owner = owner_;
    HoldStop();
    Result<std::unique_ptr<Child>> child = Child::Spawn(options);
    if (!child.ok()) ReleaseStop();
    PENSTOCK_RETURN_IF_ERROR(child.status());
    child_ = *std::move(child);
    started_ = last_sign_ = Now();
    return child_->Send(assignment);
  }

  // Until the step has ended or its process has.
  void Await() {
    while (!ended_) {
      pollfd descriptors[] = {{child_->socket(), POLLIN, 0}, {StopDescriptor(), POLLIN, 0}};
      const bool stopping = kill_at_.micros != 0;
      poll(descriptors, stopping ? 1 : 2, static_cast<int>(kTick.count() / 1'000));
      if (!stopping && (descriptors[1].revents & POLLIN) != 0) {
        cancelled_ = true;
        Stop();
      }
      if (descriptors[0].revents != 0) Read();
      if (!ended_) Tend();
    }
  }

  void Read() {
    Result<std::vector<ChildMessage>> messages = child_->Receive();
    if (!messages.ok()) return Died();
    for (ChildMessage& message : *messages) {
      if (message.update) Tell(*message.update);
      if (message.outcome) {
        outcome_ = *std::move(message.outcome);
        ended_ = true;
      }
    }
  }

  void Tell(const Update& update) {
    last_sign_ = Now();
    if (update.progress < 0) return;
    Say({{"kind", "progress"}, {"fraction", update.progress}, {"note", mask_.Masked(update.note)}});
  }

  void Died() {
    std::string how = "is gone";
    // The socket closes a moment before the process can be collected.
    for (int i = 0; i < 200 && !child_->Reap(&how); ++i) {
      timespec pause{0, 1'000'000};
      nanosleep(&pause, nullptr);
    }
    child_->Signal(SIGKILL);
    for (int i = 0; i < 100 && KillLeftovers(owner_) != 0; ++i) {
    }
    outcome_ = Outcome();
    outcome_.status = ProcessDied(how);
    outcome_.cause = Cause::kCrashed;
    struct stat info {};
    if (fstat(child_->log(), &info) == 0) outcome_.log_end = info.st_size;
    ended_ = true;
  }

  void Stop() {
    kill_at_ = Now() + kKillGrace;
    child_->Signal(SIGTERM);
  }

  // Time, memory, and what was printed.
  void Tend() {
    const Tick now = Now();
    struct stat info {};
    if (fstat(child_->log(), &info) == 0 && info.st_size > shown_) {
      last_sign_ = now;
      ShowLog(info.st_size);
    }
    if (kill_at_.micros != 0) {
      if (now >= kill_at_) child_->Signal(SIGKILL);
      return;
    }
    const auto over = [&](const char* limit, Tick since) {
      const int64_t millis = JsonInt(request_, limit);
      return millis > 0 && now - since > std::chrono::milliseconds(millis);
    };
    timed_out_ = over("timeoutMs", started_);
    idle_ = !timed_out_ && over("idleTimeoutMs", std::max(started_, last_sign_));
    if (timed_out_ || idle_) Stop();
    const int64_t memory = JsonInt(request_, "memory");
    if (memory > 0 && child_->ResidentMemory() > memory + MemoryOfRunner(type_)) {
      over_memory_ = true;
      kill_at_ = now;
      child_->Signal(SIGKILL);
    }
  }

  void ShowLog(int64_t end) {
    while (shown_ < end) {
      char printed[64 << 10];
      const ssize_t got =
          pread(child_->log(), printed,
                static_cast<std::size_t>(std::min<int64_t>(sizeof printed, end - shown_)), shown_);
      if (got <= 0) return;
      shown_ += got;
      std::string text;
      mask_.Append({printed, static_cast<std::size_t>(got)}, text);
      if (!text.empty()) Say({{"kind", "log"}, {"text", Restored(std::move(text))}});
    }
  }

  // Messages name places of the data as the user has them, not of the sample.
  std::string Restored(std::string text) const {
    for (const auto& restore : prepared_.restore) text = restore(std::move(text));
    return text;
  }

  // As an agent reports it.
  void Judge() {
    ReleaseStop();
    if (over_memory_) {
      outcome_.status = UsedTooMuchMemory(JsonInt(request_, "memory"));
      outcome_.cause = Cause::kOutOfMemory;
    } else if ((timed_out_ || idle_) && !outcome_.status.ok()) {
      outcome_.status = RanTooLong(idle_);
      outcome_.cause = Cause::kTimeout;
    } else if (cancelled_ && !outcome_.status.ok()) {
      outcome_.cause = Cause::kCancelled;
    }
    MaskOutcome(mask_, outcome_);
  }

  Result<Json> Answer() {
    Json metrics = Json::object();
    for (const auto& [name, value] : outcome_.metrics) {
      metrics[name] = std::isfinite(value) ? Json(value) : Json();
    }
    Json answer{{"state", "SUCCEEDED"},
                {"seconds", static_cast<double>((Now() - started_).count()) / 1e6},
                {"metrics", std::move(metrics)},
                {"reportValues", outcome_.report_values},
                {"warnings", Restored(outcome_.warnings)},
                {"exitCode", outcome_.exit_code},
                {"sampled", prepared_.sampled},
                {"outputs", Json::array()}};
    if (!outcome_.status.ok()) {
      answer["state"] = outcome_.cause == Cause::kCancelled ? "CANCELLED" : "FAILED";
      answer["cause"] = Name(outcome_.cause);
      answer["reason"] = outcome_.status.reason();
      answer["message"] = Restored(outcome_.status.message());
      return answer;
    }
    if (outcome_.outputs.empty()) return answer;
    PENSTOCK_ASSIGN_OR_RETURN(
        const auto store, LocalArtifactStore::Open(fs::path(JsonString(request_, "root")) / "store",
                                                   {.sync = false, .clean = false}));
    for (const StoredOutput& output : outcome_.outputs) {
      PENSTOCK_ASSIGN_OR_RETURN(Json described, Bring(*store, output));
      answer["outputs"].push_back(std::move(described));
    }
    return answer;
  }

  // Puts an output where the client wants it, and says what it is.
  Result<Json> Bring(const LocalArtifactStore& store, const StoredOutput& output) {
    const fs::path folder = JsonString(request_, "outputs");
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
    const fs::path path = folder / output.name;
    PENSTOCK_RETURN_IF_ERROR(store.Materialise(output.ref.digest, output.ref.tree, path,
                                               /*link=*/!JsonBool(request_, "copies")));
    Json described{{"name", output.name},
                   {"type", Name(output.ref.type)},
                   {"digest", FormatDigest(output.ref.digest)},
                   {"tree", output.ref.tree},
                   {"size", output.ref.size},
                   {"files", output.files},
                   {"path", path.string()}};
    if (output.ref.type == ArtifactType::kDataset && IsDataset(path)) {
      PENSTOCK_ASSIGN_OR_RETURN(
          described["head"],
          HeadOf(path, output.name, JsonInt(request_, "headRows"), JsonBool(request_, "texts")));
    }
    if (output.ref.type == ArtifactType::kTransform) {
      described["transform"] = DescribeTransform(path);
    }
    return described;
  }

  const Json& request_;
  const std::string& program_;
  const fs::path workspace_;
  const std::string type_;
  PreparedInputs prepared_;
  SecretMask mask_;
  std::string owner_;
  std::unique_ptr<Child> child_;
  Tick started_;
  Tick last_sign_;
  Tick kill_at_;  // 0: it was not asked to stop
  bool ended_ = false;
  bool cancelled_ = false;
  bool timed_out_ = false;
  bool idle_ = false;
  bool over_memory_ = false;
  int64_t shown_ = 0;  // bytes of the log
  Outcome outcome_;
};

}  // namespace

Result<Json> RunStep(const Json& request, const std::string& program) {
  return LocalAttempt(request, program).Run();
}

}  // namespace penstock::local
