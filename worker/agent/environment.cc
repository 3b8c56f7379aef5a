#include "worker/agent/environment.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/build_id.h"
#include "base/json.h"
#include "base/text.h"
#include "steps/catalog/catalog.h"
#include "worker/agent/executor.h"
#include "worker/runner/secrets.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxSeeds = 100;
constexpr std::size_t kMaxCommandBytes = 4'000;

std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    return colon == std::string::npos ? std::string() : line.substr(colon + 2);
  }
  return {};
}

// The widest vectors that numerical libraries choose their code by.
std::string VectorLevel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return "AVX-512";
  if (__builtin_cpu_supports("avx2")) return "AVX2";
  if (__builtin_cpu_supports("avx")) return "AVX";
  return "SSE2";
#elif defined(__aarch64__)
  return "NEON";
#else
  return {};
#endif
}

// Parameters that are called a seed, by their way: "split.seed".
void CollectSeeds(const Json& parameters, const std::string& path, Json& seeds) {
  if (!parameters.is_object()) return;
  for (const auto& [name, value] : parameters.items()) {
    const std::string way = path.empty() ? name : path + "." + name;
    if (name == "seed" || name.ends_with("_seed")) {
      if (!value.is_structured() && !value.is_null() && seeds.size() < kMaxSeeds) {
        seeds[way] = value;
      }
    } else {
      CollectSeeds(value, way, seeds);
    }
  }
}

// The file that a command's first word starts, without links; empty where it is not found.
std::string FindProgram(const std::string& word) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (word.find('/') != std::string::npos) {
    // A relative one is among the script's files, whose digests are told.
    return word.starts_with('/') ? fs::canonical(word, error).string() : std::string();
  }
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  for (const std::string& folder : Split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    const fs::path file = fs::path(folder) / word;
    if (access(file.c_str(), X_OK) == 0) return fs::canonical(file, error).string();
  }
  return {};
}

void AddScript(const v1::Lease& lease, const Json& parameters, bool sandboxed, Json& record) {
  const Json& command = JsonMember(parameters, "command");
  if (DumpJson(command).size() <= kMaxCommandBytes) record["command"] = command;
  const std::string image = JsonString(parameters, "image");
  record["isolation"] = !image.empty() ? "container" : sandboxed ? "bubblewrap" : "none";
  if (!image.empty()) record["image"] = image;
  if (image.empty() && command.is_array() && !command.empty() && command.front().is_string()) {
    const std::string program = FindProgram(command.front().get<std::string>());
    if (!program.empty()) record["interpreter"] = program;
  }
  for (const v1::LeaseInput& input : lease.inputs()) {
    if (!input.name().starts_with(kAttachmentPrefix) || input.artifacts().empty()) continue;
    record["files"][input.name().substr(kAttachmentPrefix.size())] = input.artifacts(0).digest();
  }
}

// As the definition has them: a lease with secrets marks each other "$" (FillSecrets).
void ShowSecrets(const v1::Lease& lease, Json& parameters) {
  std::map<std::string, std::string> names;
  for (const auto& [name, value] : lease.secrets()) names[name] = "${secrets." + name + "}";
  FillSecrets(names, parameters);
}

}  // namespace

EnvironmentRecorder::EnvironmentRecorder(const WorkerConfig& config)
    : config_(config),
      node_{{"program", std::string("penstock-worker ") + PENSTOCK_VERSION},
            {"build", BuildId()},
            {"processor", ProcessorName()},
            {"vectors", VectorLevel()}} {
  for (auto member = node_.begin(); member != node_.end();) {
    member = *member == "" ? node_.erase(member) : std::next(member);
  }
}

// "2 x NVIDIA H100 80GB HBM3"; where the node has several kinds, each that it may have been.
std::string EnvironmentRecorder::DeviceName(int gpus) const {
  std::set<std::string> names;
  for (const Gpu& device : config_.devices) {
    if (!device.name.empty()) names.insert(device.name);
  }
  const std::string name = names.empty() ? "GPU" : Join({names.begin(), names.end()}, " or ");
  return std::to_string(gpus) + " x " + name;
}

Json EnvironmentRecorder::Common(const v1::Lease& lease, int threads) const {
  const std::string step =
      lease.algorithm().empty() ? lease.type() : lease.type() + "/" + lease.algorithm();
  Json record = node_;
  record["step"] = step + "@" + lease.version();
  record["threads"] = threads;
  record["device"] = lease.gpus() > 0 ? DeviceName(lease.gpus()) : "cpu";
  if (const auto libraries = config_.libraries.find(step); libraries != config_.libraries.end()) {
    record["libraries"] = libraries->second;
  }
  return record;
}

std::string EnvironmentRecorder::Record(const v1::Lease& lease, int threads, bool sandboxed) {
  const bool script = lease.type() == kScript;
  if (!script && lease.parameters_json().find("seed\"") == std::string::npos) {
    const std::string kind = lease.type() + "/" + lease.algorithm() + "@" + lease.version() + " " +
                             std::to_string(threads) + " " + std::to_string(lease.gpus());
    std::string& known = known_[kind];
    if (known.empty()) known = DumpJson(Common(lease, threads));
    return known;
  }
  Json record = Common(lease, threads);
  Json parameters = ParseJson(lease.parameters_json(), {.max_bytes = 16 << 20, .max_depth = 64})
                        .value_or(Json::object());
  ShowSecrets(lease, parameters);
  Json seeds = Json::object();
  CollectSeeds(parameters, "", seeds);
  if (!seeds.empty()) record["seeds"] = std::move(seeds);
  if (script) AddScript(lease, parameters, sandboxed, record);
  return DumpJson(record);
}

}  // namespace penstock
