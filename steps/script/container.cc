#include "steps/script/container.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr char kOwnerLabel[] = "penstock.owner";
constexpr Micros kLook = std::chrono::milliseconds(50);
constexpr int kMostProcesses = 4'096;

void Append(std::vector<std::string>& command, std::vector<std::string> more) {
  for (std::string& each : more) command.push_back(std::move(each));
}

// One field of the engine's comma separated options.
std::string Field(const std::string& text) {
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void AppendMount(std::vector<std::string>& command, const fs::path& from, const fs::path& to,
                 bool writable) {
  Append(command,
         {"--mount", "type=bind," + Field("source=" + from.string()) + "," +
                         Field("destination=" + to.string()) + (writable ? "" : ",readonly")});
}

// Variables go by the engine's environment or a file, which nobody else can read, and not by the
// command line, which all can; but for those of several lines, which the file cannot hold.
Status AppendVariables(const ContainerPlan& plan, std::vector<std::string>& command) {
  std::string lines;
  for (const auto& [name, value] : plan.variables) {
    if (plan.by_environment.contains(name)) {
      Append(command, {"--env", name});
    } else if (value.find_first_of("\n\r") == std::string::npos) {
      lines += name + "=" + value + "\n";
    } else {
      Append(command, {"--env", name + "=" + value});
    }
  }
  Append(command, {"--env-file", plan.variables_file.string()});
  return WriteFileAtomic(plan.variables_file, lines, 0600);
}

// What a command of the engine's prints, and how it ended; ended itself once `stop` says so.
struct Answer {
  int code = -1;
  std::string text;  // of both streams
};
Result<Answer> Ask(const std::vector<std::string>& command, Micros patience,
                   const std::function<bool()>& stop = {}) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
  UniqueFd pipe(ends[0]);
  UniqueFd write_end(ends[1]);
  const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  PENSTOCK_ASSIGN_OR_RETURN(
      Subprocess process,
      Subprocess::Start(
          {.arguments = command,
           .descriptors = {{0, nothing.get()}, {1, write_end.get()}, {2, write_end.get()}},
           .own_group = true,
           .death_signal = SIGKILL}));
  write_end.Close();
  fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
  Answer answer;
  const Tick until = Clock::Real().Ticks() + patience;
  constexpr std::size_t kMost = 64 << 10;
  while (true) {
    pollfd ready{pipe.get(), POLLIN, 0};
    poll(&ready, 1, static_cast<int>(kLook.count() / 1'000));
    char buffer[4 << 10];
    ssize_t count = 0;
    while ((count = read(pipe.get(), buffer, sizeof buffer)) > 0) {
      if (answer.text.size() < kMost) answer.text.append(buffer, static_cast<std::size_t>(count));
    }
    if (const std::optional<ProcessEnd> end = process.Poll()) {
      while ((count = read(pipe.get(), buffer, sizeof buffer)) > 0) {
        if (answer.text.size() < kMost) answer.text.append(buffer, static_cast<std::size_t>(count));
      }
      answer.code = end->ShellCode();
      return answer;
    }
    if (stop && stop()) return Cancelled("cancelled while " + command.front() + " was asked");
    if (Clock::Real().Ticks() >= until) return Unavailable(command.front() + " does not answer");
  }
}

std::string FirstLine(const std::string& text) {
  const std::string_view trimmed = Trim(text);
  return std::string(trimmed.substr(0, trimmed.find('\n')));
}

}  // namespace

bool IsPodman(std::string_view engine) {
  return fs::path(engine).filename() == "podman";
}

ScriptFolders ContainerFolders() {
  return {.code = "/opt/ml/code",
          .input = "/opt/ml/input",
          .model = "/opt/ml/model",
          .output = "/opt/ml/output/data",
          .temporary = "/tmp",
          .checkpoint = "/opt/ml/checkpoints"};
}

std::map<std::string, std::string> ContainerEnvironment(const Json& parameters,
                                                        const ScriptSurroundings& surroundings) {
  ScriptSurroundings inside = surroundings;
  for (const char* name : {"PATH", "HOME", "USER", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"}) {
    inside.inherited.erase(name);  // CUDA counts the devices that it is given from 0
  }
  std::map<std::string, std::string> variables = ScriptEnvironment(parameters, inside);
  const Json& given = JsonMember(parameters, "environment");
  if (!given.contains("PATH")) variables.erase("PATH");
  variables.emplace("HOME", "/tmp");  // the user may not be known there
  return variables;
}

std::vector<std::string> GpusOf(const ScriptSurroundings& surroundings) {
  std::vector<std::string> gpus;
  const auto visible = surroundings.inherited.find("CUDA_VISIBLE_DEVICES");
  if (visible != surroundings.inherited.end() && !visible->second.empty()) {
    return Split(visible->second, ',');
  }
  for (int i = 0; i < surroundings.gpus; ++i) gpus.push_back(std::to_string(i));
  return gpus;
}

Result<std::vector<std::string>> ContainerCommand(const ContainerPlan& plan) {
  std::vector<std::string> command = {plan.engine, "run", "--rm"};
  Append(command, {"--name", plan.name, "--label", kOwnerLabel + ("=" + plan.owner)});
  Append(command, {"--network", plan.network ? "host" : "none"});
  // Somebody else's labels on the files would keep the script out.
  Append(command, {"--read-only", "--security-opt", "label=disable"});
  Append(command, {"--security-opt", "no-new-privileges", "--cap-drop", "all"});
  // What it prints goes to the step's log, where secrets are masked, and is kept nowhere else.
  Append(command, {"--log-driver", "none"});
  Append(command, {"--pids-limit", std::to_string(kMostProcesses)});
  if (plan.init) command.emplace_back("--init");
  // What it writes belongs to whoever runs the worker.
  if (geteuid() != 0 && IsPodman(plan.engine)) command.emplace_back("--userns=keep-id");
  Append(command, {"--user", std::to_string(geteuid()) + ":" + std::to_string(getegid())});
  if (plan.cpus > 0) Append(command, {"--cpus", FormatDouble(plan.cpus)});
  if (plan.memory > 0) {
    const std::string bytes = std::to_string(plan.memory);
    Append(command, {"--memory", bytes, "--memory-swap", bytes});
  }
  if (!plan.gpus.empty() && !IsPodman(plan.engine)) {
    Append(command, {"--gpus", "\"device=" + Join(plan.gpus, ",") + "\""});
  }
  for (const std::string& gpu : plan.gpus) {
    if (IsPodman(plan.engine)) Append(command, {"--device", "nvidia.com/gpu=" + gpu});
  }
  const ScriptFolders seen = ContainerFolders();
  AppendMount(command, plan.folders.input, seen.input, false);
  AppendMount(command, plan.folders.code, seen.code, true);
  AppendMount(command, plan.folders.model, seen.model, plan.writes_model);
  AppendMount(command, plan.folders.output, seen.output, true);
  AppendMount(command, plan.folders.temporary, seen.temporary, true);
  if (!plan.folders.checkpoint.empty()) {
    AppendMount(command, plan.folders.checkpoint, seen.checkpoint, true);
  }
  PENSTOCK_RETURN_IF_ERROR(AppendVariables(plan, command));
  Append(command, {"--workdir", seen.code.string(), "--entrypoint", plan.command.front()});
  command.push_back(plan.image);
  command.insert(command.end(), plan.command.begin() + 1, plan.command.end());
  return command;
}

std::string FindContainerEngine() {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): at start
  for (const char* name : {"podman", "docker"}) {
    for (const std::string& folder : Split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
      const fs::path program = fs::path(folder) / name;
      if (!folder.starts_with('/') || access(program.c_str(), X_OK) != 0) continue;
      // A docker without its daemon fails this; a podman that cannot store anything, `info`.
      const auto answer =
          Ask({program.string(), IsPodman(name) ? "info" : "version"}, std::chrono::seconds(10));
      if (answer.ok() && answer->code == 0) return program.string();
      break;
    }
  }
  return {};
}

bool HasContainerInit(const std::string& engine) {
  if (!IsPodman(engine)) return true;
  for (const char* init :
       {"/usr/libexec/podman/catatonit", "/usr/bin/catatonit", "/usr/lib/podman/catatonit"}) {
    if (access(init, X_OK) == 0) return true;
  }
  return false;
}

Result<std::string> ResolveImage(const std::string& engine, const std::string& name,
                                 StepContext& context) {
  const auto stop = [&context] { return context.cancelled(); };
  const std::vector<std::string> inspect = {
      engine,
      "image",
      "inspect",
      "--format",
      "{{if .RepoDigests}}{{index .RepoDigests 0}}{{else}}{{.Id}}{{end}}",
      name};
  constexpr Micros kQuick = std::chrono::minutes(1);
  PENSTOCK_ASSIGN_OR_RETURN(Answer answer, Ask(inspect, kQuick, stop));
  if (answer.code != 0) {
    context.Log("pulling the image " + name);
    constexpr Micros kPull = std::chrono::hours(12);  // the step's timeout comes sooner
    PENSTOCK_ASSIGN_OR_RETURN(const Answer pulled,
                              Ask({engine, "pull", "--quiet", name}, kPull, stop));
    if (pulled.code != 0) {
      return FailedPrecondition("the image " + name +
                                " is not on this node and cannot be pulled: " +
                                TruncateUtf8(std::string(Trim(pulled.text)), 1'000));
    }
    PENSTOCK_ASSIGN_OR_RETURN(answer, Ask(inspect, kQuick, stop));
  }
  if (answer.code != 0) {
    return FailedPrecondition("the image " + name + " cannot be looked at: " +
                              TruncateUtf8(std::string(Trim(answer.text)), 1'000));
  }
  return FirstLine(answer.text);
}

void EndContainer(const std::string& engine, const std::string& name) {
  constexpr Micros kPatience = std::chrono::seconds(10);
  static_cast<void>(Ask({engine, "kill", "--signal", "KILL", name}, kPatience));
  static_cast<void>(Ask({engine, "rm", "--force", name}, kPatience));
}

int RemoveContainers(const std::string& engine, const std::string& owner) {
  constexpr Micros kPatience = std::chrono::seconds(30);
  const auto found =
      Ask({engine, "ps", "--all", "--quiet", "--filter", "label=" + (kOwnerLabel + ("=" + owner))},
          kPatience);
  int removed = 0;
  if (!found.ok() || found->code != 0) return removed;
  for (const std::string& id : Split(found->text, '\n')) {
    if (Trim(id).empty()) continue;
    EndContainer(engine, std::string(Trim(id)));
    ++removed;
  }
  return removed;
}

}  // namespace penstock
