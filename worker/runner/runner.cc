#include "worker/runner/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "steps/api/checkpoint.h"
#include "storage/artifact/local_artifact_store.h"
#include "storage/model/limits.h"
#include "worker/runner/fence.h"
#include "worker/runner/protocol.h"
#include "worker/runner/report_path.h"
#include "worker/runner/secrets.h"

namespace penstock {
namespace {

constexpr Micros kUpdateInterval = std::chrono::milliseconds(200);
// Further warnings are in the log alone.
constexpr std::size_t kMaxWarningBytes = 2'000;

volatile sig_atomic_t stop_requested = 0;

void OnTerminate(int) {
  stop_requested = 1;
}

volatile sig_atomic_t checkpoint_requested = 0;

void OnCheckpoint(int) {
  checkpoint_requested = 1;
}

Status SendFrame(int socket, const std::string& document) {
  const std::string frame = FrameOf(document);
  std::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t count = send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "talking to the agent");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return Status::Ok();
}

// With the programs that it ran.
double CpuSeconds() {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    sum += seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return sum;
}

// Of this process, or of the largest that it ran.
int64_t PeakMemory() {
  int64_t most = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    most = std::max(most, int64_t{usage.ru_maxrss} * 1024);
  }
  return most;
}

int64_t LogSize() {
  struct stat info {};
  return fstat(STDOUT_FILENO, &info) == 0 ? info.st_size : 0;
}

class Context : public StepContext, public CheckpointContext {
 public:
  Context(const Assignment& assignment, int socket)
      : assignment_(assignment),
        socket_(socket),
        output_dir_(std::filesystem::path(assignment.workspace) / "out"),
        scratch_dir_(std::filesystem::path(assignment.workspace) / "scratch") {
    for (const AssignedInput& input : assignment.inputs) {
      inputs_[input.name].push_back({input.path, input.type, input.digest, input.display_name});
    }
  }

  const std::string& type() const override { return assignment_.type; }
  const std::string& algorithm() const override { return assignment_.algorithm; }
  const Json& parameters() const override { return assignment_.parameters; }
  const std::vector<InputArtifact>& inputs(std::string_view name) const override {
    static const std::vector<InputArtifact> none;
    const auto found = inputs_.find(name);
    return found == inputs_.end() ? none : found->second;
  }
  std::vector<std::string> input_names() const override {
    std::vector<std::string> names;
    for (const auto& [name, bound] : inputs_) names.push_back(name);
    return names;
  }
  // Made on first use: a step that writes nothing costs no folders.
  const std::filesystem::path& output_dir() const override {
    (void)MakeFolders(output_dir_);
    return output_dir_;
  }
  const std::filesystem::path& scratch_dir() const override {
    (void)MakeFolders(scratch_dir_);
    return scratch_dir_;
  }
  int threads() const override { return assignment_.threads; }
  int64_t memory_bytes() const override { return assignment_.memory; }
  bool checkpoint_wanted() const override { return checkpoint_requested != 0; }
  std::filesystem::path checkpoint_dir() const override {
    return std::filesystem::path(assignment_.workspace) / kCheckpointFolder;
  }
  bool cancelled() const override { return stop_requested != 0; }

  void LogMetric(std::string_view name, int64_t index, double value) override {
    MutexLock lock(mutex_);
    update_.points.push_back({std::string(name), index, value, Clock::Real().Now()});
    SendIfDue();
  }
  void SetProgress(double fraction, std::string_view note) override {
    MutexLock lock(mutex_);
    update_.progress = std::clamp(fraction, 0.0, 1.0);
    update_.note = TruncateUtf8(note, 200);
    SendIfDue();
  }
  void Log(std::string_view line) override {
    constexpr std::string_view kWarning = "warning: ";
    MutexLock lock(mutex_);
    std::cout << line << "\n" << std::flush;
    if (!line.starts_with(kWarning)) return;
    line.remove_prefix(kWarning.size());
    if (warnings_.size() + line.size() > kMaxWarningBytes) return;
    if (!warnings_.empty()) warnings_ += "; ";
    warnings_ += line;
  }

  void Print(std::string_view bytes) override {
    MutexLock lock(mutex_);
    std::cout << bytes << std::flush;
  }
  void SetExitCode(int code) override { exit_code_ = code; }
  int exit_code() const { return exit_code_; }

  std::string TakeWarnings() {
    MutexLock lock(mutex_);
    return std::exchange(warnings_, {});
  }
  std::vector<SeriesPoint> TakePoints() {
    MutexLock lock(mutex_);
    return std::exchange(update_.points, {});
  }

 private:
  void SendIfDue() PENSTOCK_REQUIRES(mutex_) {
    const Tick now = Clock::Real().Ticks();
    if (now - last_sent_ < kUpdateInterval) return;
    last_sent_ = now;
    update_.id = assignment_.id;
    (void)SendFrame(socket_, Encode(update_));  // a lost agent shows at the end
    update_ = Update();
  }

  const Assignment& assignment_;
  const int socket_;
  const std::filesystem::path output_dir_;
  const std::filesystem::path scratch_dir_;
  std::map<std::string, std::vector<InputArtifact>, std::less<>> inputs_;
  Mutex mutex_;
  Update update_ PENSTOCK_GUARDED_BY(mutex_);
  Tick last_sent_ PENSTOCK_GUARDED_BY(mutex_);
  std::string warnings_ PENSTOCK_GUARDED_BY(mutex_);
  int exit_code_ = 0;
};

// The firewall: nothing that a step throws gets past it.
Result<StepOutcome> RunStep(const StepFunction& step, Context& context, Cause* cause) {
  *cause = Cause::kStepError;
  try {
    return step(context);
  } catch (const std::bad_alloc&) {
    *cause = Cause::kOutOfMemory;
    return ResourceExhausted(
        "the step ran out of memory; give it more (resources.memory), or less "
        "data");
  } catch (const std::exception& error) {
    return Internal(std::string("the step threw an exception: ") + error.what());
  } catch (...) {
    return Internal("the step threw something that is no exception");
  }
}

Status StoreOutputs(const Assignment& assignment, const StepOutcome& result, Outcome& outcome) {
  if (result.outputs.empty()) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto store,
      LocalArtifactStore::Open(assignment.store, {.sync = false, .clean = false}));
  for (const OutputArtifact& output : result.outputs) {
    StoredOutput stored;
    stored.name = output.name;
    stored.ref.type = output.type;
    stored.ref.tree = std::filesystem::is_directory(output.path);
    if (stored.ref.tree) {
      PENSTOCK_ASSIGN_OR_RETURN(const TreeInfo tree, store->PutTree(output.path, /*move=*/true));
      stored.ref.digest = tree.digest;
      stored.ref.size = tree.size;
      stored.files = tree.files;
    } else {
      PENSTOCK_ASSIGN_OR_RETURN(const BlobInfo blob, store->PutFile(output.path, /*move=*/true));
      stored.ref.digest = blob.digest;
      stored.ref.size = blob.size;
    }
    outcome.outputs.push_back(std::move(stored));
  }
  return Status::Ok();
}

// What an attempt that was told to leave has saved for the next.
void StoreCheckpoint(const Assignment& assignment, const std::filesystem::path& folder,
                     Outcome& outcome) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error) || std::filesystem::is_empty(folder, error)) {
    return;
  }
  const auto store = LocalArtifactStore::Open(assignment.store, {.sync = false, .clean = false});
  const Result<TreeInfo> tree =
      store.ok() ? (*store)->PutTree(folder, /*move=*/true) : Result<TreeInfo>(store.status());
  if (!tree.ok()) {
    std::cout << "warning: the checkpoint cannot be kept: " << tree.status().message() << "\n";
    return;
  }
  StoredOutput& checkpoint = outcome.checkpoint.emplace();
  checkpoint.ref = {
      .digest = tree->digest, .type = ArtifactType::kFile, .tree = true, .size = tree->size};
  checkpoint.files = tree->files;
}

Status KeepResult(const Assignment& assignment, StepOutcome result, Outcome& outcome) {
  if (result.metrics.size() > static_cast<std::size_t>(limits::kMaxMetricsPerReport)) {
    return Internal("the step reports " + std::to_string(result.metrics.size()) +
                    " metrics; at most " + std::to_string(limits::kMaxMetricsPerReport));
  }
  std::size_t total = 0;
  for (const std::string& path : assignment.report_paths) {
    const Json* value = FindReportValue(result.report, path);
    if (value == nullptr) continue;  // the reference finds nothing, and says so where it is used
    std::string text = DumpJson(*value);
    const std::size_t limit =
        value->is_array() ? limits::kMaxReportListBytes : limits::kMaxReportValueBytes;
    if (text.size() > limit) {
      return InvalidArgument("report." + path + " has " + std::to_string(text.size()) +
                             " bytes; a reference may bring " + std::to_string(limit));
    }
    total += path.size() + text.size();
    if (total > kMaxReportValuesBytes) {
      return InvalidArgument("what the pipeline refers to in this step's report has more than " +
                             std::to_string(kMaxReportValuesBytes >> 20) +
                             " MiB together; refer to fewer of its values");
    }
    outcome.report_values[path] = std::move(text);
  }
  outcome.metrics = std::move(result.metrics);
  return StoreOutputs(assignment, result, outcome);
}

// Ends as the fence says, where the attempt is to be.
std::unique_ptr<FenceWatch> WatchFence(const Assignment& assignment,
                                       const std::optional<FencePage>& page, int socket) {
  if (!assignment.fenced || !page) return nullptr;
  return std::make_unique<FenceWatch>(*page, socket, [] { kill(getpid(), SIGTERM); });
}

Outcome RunAttempt(const StepRegistry& steps, const Assignment& assignment,
                   const std::optional<FencePage>& page, int socket) {
  Outcome outcome;
  outcome.id = assignment.id;
  stop_requested = 0;
  const std::unique_ptr<FenceWatch> fence = WatchFence(assignment, page, socket);
  const double cpu_before = CpuSeconds();
  Context context(assignment, socket);
  std::string key = assignment.type;
  if (!assignment.algorithm.empty()) key += "/" + assignment.algorithm;
  const StepFunction* step = steps.Find(key);
  if (step == nullptr) {
    outcome.status = Internal("this worker does not run " + key);
    outcome.cause = Cause::kInfrastructure;
  } else if (assignment.fenced && fence == nullptr) {
    outcome.status = Internal("the runner was given no fence, and must not run the step without");
    outcome.cause = Cause::kInfrastructure;
  } else {
    Result<StepOutcome> result = RunStep(*step, context, &outcome.cause);
    outcome.status = result.status();
    if (result.ok()) {
      outcome.status = KeepResult(assignment, *std::move(result), outcome);
      // Outputs that could not be stored are the worker's trouble, not the step's.
      outcome.cause = outcome.status.code() == StatusCode::kInvalidArgument
                          ? Cause::kStepError
                          : Cause::kInfrastructure;
    } else if (fence != nullptr && fence->asked()) {
      outcome.cause = Cause::kInfrastructure;
      outcome.status = Unavailable(std::string(kFencedOff));
    } else if (outcome.status.code() == StatusCode::kCancelled || stop_requested != 0) {
      outcome.cause = Cause::kCancelled;
    } else if (outcome.status.reason() == kOutOfMemoryReason) {
      outcome.cause = Cause::kOutOfMemory;
    } else if (outcome.status.reason() == kCrashedReason) {
      outcome.cause = Cause::kCrashed;
    }
  }
  if (!outcome.status.ok() && checkpoint_requested != 0) {
    StoreCheckpoint(assignment, context.checkpoint_dir(), outcome);
  }
  outcome.exit_code = context.exit_code();
  if (!outcome.status.ok() && outcome.cause != Cause::kCancelled &&
      outcome.cause != Cause::kInfrastructure) {
    std::cout << "error: " << outcome.status.message() << "\n";
  }
  std::cout << std::flush;
  std::fflush(nullptr);
  outcome.points = context.TakePoints();
  outcome.warnings = context.TakeWarnings();
  outcome.log_end = LogSize();
  outcome.cpu_seconds = CpuSeconds() - cpu_before;
  outcome.peak_memory = PeakMemory();
  return outcome;
}

}  // namespace

int RunnerMain(const StepRegistry& steps, int socket) {
  struct sigaction action {};
  action.sa_handler = OnTerminate;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = OnCheckpoint;
  sigaction(SIGUSR1, &action, nullptr);
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  // A core file would hold the secrets of the step.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  // What a step starts must neither talk to the agent nor seem to be this process.
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  const std::optional<FencePage> page = FencePage::Open(kFenceDescriptor);
  if (page) fcntl(kFenceDescriptor, F_SETFD, FD_CLOEXEC);
  FrameReader frames;
  std::string buffer(64 << 10, '\0');
  while (true) {
    Result<std::optional<Json>> frame = frames.Next();
    if (!frame.ok()) return 1;
    if (frame->has_value()) {
      Assignment assignment = DecodeAssignment(**frame);
      FillSecrets(assignment.secrets, assignment.parameters);
      const Outcome outcome = RunAttempt(steps, assignment, page, socket);
      if (!SendFrame(socket, Encode(outcome)).ok()) return 0;
      continue;
    }
    const ssize_t count = recv(socket, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return 0;
    frames.Append({buffer.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace penstock
