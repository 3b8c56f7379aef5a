#include "client/cli/local_worker.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "client/cli/cli.h"
#include "client/cli/scratch.h"

namespace penstock::cli {
namespace {

// Credentials and secrets are this program's; what a step needs of them goes with its request.
std::vector<std::string> Environment() {
  std::vector<std::string> kept;
  for (std::string& variable : CurrentEnvironment()) {
    if (variable.starts_with("PENSTOCK_TOKEN") || variable.starts_with(kSecretVariable)) continue;
    kept.push_back(std::move(variable));
  }
  return kept;
}

Status Failed(StatusCode code, const std::string& message) {
  return Status(code, message, kWorkFailedReason);
}

// What is large is told of in bytes by others, too.
constexpr JsonLimits kAnswerLimits{.max_bytes = 1 << 30, .max_depth = 128};

}  // namespace

Result<LocalWorker> LocalWorker::Start() {
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
  UniqueFd read_in(in[0]);
  UniqueFd write_in(in[1]);
  if (pipe2(out, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
  UniqueFd read_out(out[0]);
  UniqueFd write_out(out[1]);
  // Where it is gone, writing says so.
  signal(SIGPIPE, SIG_IGN);
  const std::string program = ProgramFolder() + "/penstock-worker";
  Result<Subprocess> process =
      Subprocess::Start({.arguments = {program, "--local"},
                         .environment = Environment(),
                         .descriptors = {{0, read_in.get()}, {1, write_out.get()}},
                         // Ctrl-C comes through this program, which then waits for it.
                         .own_group = true,
                         .death_signal = SIGTERM});
  if (!process.ok()) {
    return Failed(process.status().code(),
                  "penstock-worker reads tables and runs steps, and cannot be started: " +
                      process.status().message() + "; install it beside penstock");
  }
  EndWithScratch(process->pid());
  return LocalWorker(*std::move(process), std::move(write_in), std::move(read_out));
}

LocalWorker::~LocalWorker() {
  if (!process_) return;
  to_.Close();
  process_->Wait();
  EndWithScratch(0);
}

Result<Json> LocalWorker::Call(const Json& request, const OnEvent& on_event) {
  const Status sent = WriteAll(to_.get(), DumpJson(request) + "\n", "penstock-worker");
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string line, ReadLine());
    PENSTOCK_RETURN_IF_ERROR(sent);
    const Result<Json> json = ParseJson(line, kAnswerLimits);
    if (!json.ok()) return Failed(StatusCode::kInternal, json.status().message());
    const std::string kind = JsonString(*json, "kind");
    if (kind == "answer") return JsonMember(*json, "value");
    if (kind == "error") {
      const int64_t code = JsonInt(*json, "code", static_cast<int>(StatusCode::kUnknown));
      return Failed(static_cast<StatusCode>(code), JsonString(*json, "message"));
    }
    if (on_event) on_event(*json);
  }
}

Result<std::string> LocalWorker::ReadLine() {
  while (true) {
    if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    char bytes[64 << 10];
    const ssize_t count = read(from_.get(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    buffer_.append(bytes, static_cast<std::size_t>(count));
  }
  return Failed(StatusCode::kUnavailable, "penstock-worker " + process_->Wait().Describe());
}

}  // namespace penstock::cli
