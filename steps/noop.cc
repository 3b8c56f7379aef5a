#include "steps/noop.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "base/text.h"

namespace penstock {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kCancelCheck{20};
constexpr int64_t kBlock = 1 << 20;

// False once somebody wants the attempt to stop.
bool Wait(Micros duration, StepContext& context) {
  const Steady::time_point end = Steady::now() + duration;
  while (!context.cancelled()) {
    const auto left = end - Steady::now();
    if (left <= Steady::duration::zero()) return true;
    std::this_thread::sleep_for(std::min<Steady::duration>(left, kCancelCheck));
  }
  return false;
}

Status WriteZeros(const std::filesystem::path& path, int64_t bytes, StepContext& context) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  const std::string block(static_cast<size_t>(std::min(bytes, kBlock)), '\0');
  for (int64_t left = bytes; left > 0 && file; left -= kBlock) {
    if (context.cancelled()) return Cancelled("cancelled while writing the output");
    file.write(block.data(), static_cast<std::streamsize>(std::min(left, kBlock)));
  }
  file.close();
  if (!file) return ErrnoStatus(errno, "cannot write " + path.string());
  return Status::Ok();
}

}  // namespace

Result<StepOutcome> RunNoop(StepContext& context) {
  const Json& parameters = context.parameters();
  const Result<Micros> duration = ParseDuration(JsonString(parameters, "duration", "0s"));
  if (!duration.ok()) return duration.status().WithContext("with.duration");
  if (!Wait(*duration, context)) return Cancelled("cancelled while waiting");
  const std::string message = JsonString(parameters, "message");
  if (!message.empty()) context.Log(message);
  if (JsonBool(parameters, "fail")) {
    return FailedPrecondition(message.empty() ? "failed, as with.fail says" : message,
                              "NOOP_FAILED");
  }
  StepOutcome outcome;
  for (const auto& [name, value] : JsonMember(parameters, "metrics").items()) {
    if (value.is_number()) outcome.metrics[name] = value.get<double>();
  }
  if (const int64_t bytes = JsonInt(parameters, "output_bytes"); bytes > 0) {
    const std::filesystem::path path = context.output_dir() / "data";
    PENSTOCK_RETURN_IF_ERROR(WriteZeros(path, bytes, context));
    outcome.outputs.push_back({"data", path, ArtifactType::kFile});
  }
  return outcome;
}

}  // namespace penstock
