#include "steps/script/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "steps/api/checkpoint.h"
#include "steps/script/process_tree.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr Micros kLook = std::chrono::milliseconds(20);
constexpr Micros kMemoryLook = std::chrono::milliseconds(200);
constexpr Micros kTidy = std::chrono::milliseconds(200);
constexpr Micros kTidyContainer = std::chrono::seconds(5);
constexpr Micros kSignOfLife = std::chrono::seconds(1);
// A little less than the agent keeps of a step's log, which has lines of the step's own as well.
constexpr std::size_t kHead = limits::kMaxLogBytesPerStep / 2 - (64 << 10);
constexpr std::size_t kTail = limits::kMaxLogBytesPerStep / 2 - (128 << 10);

Tick Now() {
  return Clock::Real().Ticks();
}

class Supervisor {
 public:
  Supervisor(const ProgramOptions& options, StepContext& context, ScriptMetrics& metrics)
      : options_(options),
        context_(context),
        checkpoint_(dynamic_cast<const CheckpointContext*>(&context)),
        metrics_(metrics),
        output_(kHead, kTail, [&context](std::string_view bytes) { context.Print(bytes); }) {}

  Result<ProgramResult> Go() {
    BecomeReaper();
    PENSTOCK_RETURN_IF_ERROR(Start());
    while (true) {
      Read(kLook);
      const std::optional<ProcessEnd> end = process_->Poll();
      if (end) {
        result_.code = end->ShellCode();
        break;
      }
      Look();
    }
    if (options_.end_container) TidyContainer();
    const int left = KillDescendants();
    // Who was told to stop, or was killed, left them there for that; a sandbox takes its own with
    // it, and a moment to be gone itself.
    if (!result_.cancelled && !result_.out_of_memory && !options_.sandboxed &&
        !options_.end_container) {
      result_.left_behind = left;
    }
    while (Read(Micros(0))) {
    }
    output_.Finish();
    metrics_.ReadLines(options_.metric_lines, /*last=*/true);
    return result_;
  }

 private:
  Status Start() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
    pipe_ = UniqueFd(ends[0]);
    const UniqueFd write_end(ends[1]);
    fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
    fcntl(pipe_.get(), F_SETPIPE_SZ, 1 << 20);
    const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!nothing.valid()) return ErrnoStatus(errno, "opening /dev/null");
    std::vector<std::string> environment;
    for (const auto& [name, value] : options_.environment) {
      environment.push_back(name + "=" + value);
    }
    PENSTOCK_ASSIGN_OR_RETURN(
        Subprocess started,
        Subprocess::Start(
            {.arguments = options_.command,
             .environment = std::move(environment),
             .working_directory = options_.working_directory.string(),
             .descriptors = {{0, nothing.get()}, {1, write_end.get()}, {2, write_end.get()}},
             .own_group = true,
             .death_signal = SIGKILL}));
    process_.emplace(std::move(started));
    return Status::Ok();
  }

  // Takes what the program printed, waiting up to `patience` for some. False: there was none.
  bool Read(Micros patience) {
    if (!pipe_.valid()) {
      process_->WaitFor(patience);
      return false;
    }
    pollfd ready{pipe_.get(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(patience.count() / 1'000)) <= 0) return false;
    // Not until it is empty: a program that never stops printing must still be looked after.
    for (int i = 0; i < 64; ++i) {
      const ssize_t count = read(pipe_.get(), buffer_.data(), buffer_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return i > 0;
      if (count == 0) {
        pipe_.Close();
        return false;
      }
      const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
      output_.Append(bytes);
      metrics_.Printed(bytes);
      printed_ = true;
    }
    return true;
  }

  void Look() {
    const Tick now = Now();
    if (now - tidied_at_ >= kTidy) {
      tidied_at_ = now;
      metrics_.ReadLines(options_.metric_lines, /*last=*/false);
      CollectOrphans(process_->pid());
    }
    // What is held back does not make the log grow, by which the agent sees that it lives.
    if (printed_ && output_.holding() && now - sign_at_ >= kSignOfLife) {
      sign_at_ = now;
      printed_ = false;
      context_.SetProgress(0, "prints more than the log keeps");
    }
    if (options_.memory_bytes > 0 && now - memory_at_ >= kMemoryLook) {
      memory_at_ = now;
      CheckMemory();
    }
    if (checkpoint_ != nullptr && checkpoint_->checkpoint_wanted() && !told_to_save_ &&
        !stop_until_) {
      TellToSave();
    }
    if (context_.cancelled() && !stop_until_) {
      result_.cancelled = true;
      stop_until_ = now + options_.grace;
    }
    if (stop_until_ && !asked_to_stop_) asked_to_stop_ = AskToStop();
    if (stop_until_ && now >= *stop_until_) Kill();
  }

  void Kill() {
    if (options_.end_container) options_.end_container();
    process_->Signal(SIGKILL);
  }

  // What an engine starts to tidy up ends by itself; ended by force, it would leave its books
  // wrong.
  static void TidyContainer() {
    const Tick until = Now() + kTidyContainer;
    while (Now() < until) {
      CollectOrphans(-1);
      if (Descendants().empty()) return;
      const timespec pause{0, 10'000'000};
      nanosleep(&pause, nullptr);
    }
  }

  // 0: the sandbox is about to begin it.
  pid_t Program() const {
    constexpr pid_t kFirstInSandbox = 2;  // 1 is the sandbox's own
    return options_.sandboxed ? FindInNamespace(Descendants(), kFirstInSandbox) : process_->pid();
  }

  // The program alone: what it has started would most often die of the signal.
  void TellToSave() {
    const pid_t program = Program();
    if (program <= 0) return;
    told_to_save_ = true;
    context_.Log("it is to leave this worker, and is told to save a checkpoint (SIGUSR1)");
    kill(program, SIGUSR1);
  }

  // False: there is nobody yet who could be asked, and a signal would be lost on the sandbox.
  bool AskToStop() {
    if (!options_.sandboxed) {
      process_->Signal(SIGTERM);
      return true;
    }
    if (Program() <= 0) return false;
    // The sandbox would end at once, and take the program with it.
    for (const pid_t each : Descendants()) {
      if (each != process_->pid()) kill(each, SIGTERM);
    }
    return true;
  }

  void CheckMemory() {
    std::vector<pid_t> processes = Descendants();
    // The engine's own do not count.
    if (options_.end_container) std::erase_if(processes, IsOutside);
    if (MemoryOf(processes, options_.memory_bytes) <= options_.memory_bytes) return;
    result_.out_of_memory = true;
    Kill();
  }

  const ProgramOptions& options_;
  StepContext& context_;
  const CheckpointContext* const checkpoint_;  // null where nobody ever asks for one
  ScriptMetrics& metrics_;
  OutputKeeper output_;
  std::optional<Subprocess> process_;
  UniqueFd pipe_;
  std::string buffer_ = std::string(256 << 10, '\0');
  bool printed_ = false;
  bool told_to_save_ = false;
  bool asked_to_stop_ = false;
  Tick tidied_at_;
  Tick sign_at_;
  Tick memory_at_;
  std::optional<Tick> stop_until_;
  ProgramResult result_;
};

}  // namespace

void OutputKeeper::Append(std::string_view bytes) {
  const std::string_view first = bytes.substr(0, head_left_);
  if (!first.empty()) print_(first);
  head_left_ -= first.size();
  bytes.remove_prefix(first.size());
  kept_ += bytes;
  // Seldom, since it moves all that is kept.
  if (kept_.size() > 2 * tail_) {
    const std::size_t over = kept_.size() - tail_;
    kept_.erase(0, over);
    dropped_ += static_cast<int64_t>(over);
  }
}

void OutputKeeper::Finish() {
  if (kept_.size() > tail_) {
    const std::size_t over = kept_.size() - tail_;
    kept_.erase(0, over);
    dropped_ += static_cast<int64_t>(over);
  }
  if (dropped_ > 0) print_("\n… " + std::to_string(dropped_) + " bytes are left out here …\n");
  if (!kept_.empty()) print_(kept_);
  kept_.clear();
  dropped_ = 0;
}

Result<ProgramResult> RunToEnd(const ProgramOptions& options, StepContext& context,
                               ScriptMetrics& metrics) {
  return Supervisor(options, context, metrics).Go();
}

}  // namespace penstock
