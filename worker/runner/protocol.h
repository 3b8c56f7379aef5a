#ifndef PENSTOCK_WORKER_RUNNER_PROTOCOL_H_
#define PENSTOCK_WORKER_RUNNER_PROTOCOL_H_

// What the agent and a runner child say to each other over a socket: frames of a length (4 bytes,
// little endian) and a JSON document.
//
//   agent → child   an Assignment: run this attempt
//   child → agent   an Update while it runs, then one Outcome
//
// A step is told to stop by SIGTERM, a script before that by SIGUSR1 to save a checkpoint, where it
// is only to leave. When the socket closes, the child ends.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "storage/model/records.h"

namespace penstock {

// Frames come from a program of our own, but a broken one must not eat all memory.
inline constexpr std::size_t kMaxFrameBytes = 64 << 20;
// All report values of an attempt together, with their paths: its report must fit into a message.
inline constexpr std::size_t kMaxReportValuesBytes = 4 << 20;

// In the workspace of an attempt: what it saves for the next, and what the one before has saved.
inline constexpr char kCheckpointFolder[] = "checkpoint";

struct AssignedInput {
  std::string name;
  std::string path;
  ArtifactType type = ArtifactType::kFile;
  Digest digest;
  std::string display_name;
};

struct Assignment {
  int64_t id = 0;
  std::string type;
  std::string algorithm;
  Json parameters;  // may name secrets (worker/runner/secrets.h)
  std::map<std::string, std::string> secrets;
  std::vector<AssignedInput> inputs;
  std::string workspace;  // a folder of the attempt's own; made when it is first used
  std::string store;      // root of the worker's artifact store
  std::vector<std::string> report_paths;
  int32_t threads = 1;
  int64_t memory = 0;
  bool fenced = false;  // to be ended as the fence says (fence.h)
};

struct SeriesPoint {
  std::string name;
  int64_t index = 0;
  double value = 0;
  Time time;
};

struct Update {
  int64_t id = 0;
  double progress = -1;  // below 0: unchanged
  std::string note;
  std::vector<SeriesPoint> points;
};

struct StoredOutput {
  std::string name;
  ArtifactRef ref;
  int32_t files = 1;
};

struct Outcome {
  int64_t id = 0;
  Status status;  // kCancelled: told to stop; kInvalidArgument and others: the step's error
  Cause cause = Cause::kNone;
  std::vector<StoredOutput> outputs;
  std::optional<StoredOutput> checkpoint;  // of one that was told to save it, and did not succeed
  std::map<std::string, double> metrics;
  std::map<std::string, std::string> report_values;  // path → JSON
  std::string warnings;                              // those that the step logged, as one text
  std::vector<SeriesPoint> points;                   // that no update brought yet
  int exit_code = 0;        // of a script's program; 0: it has none
  int64_t log_end = 0;      // size of the child's log file when the step ended
  int64_t peak_memory = 0;  // bytes, of the process
  double cpu_seconds = 0;
};

std::string Encode(const Assignment& assignment);
std::string Encode(const Update& update);
std::string Encode(const Outcome& outcome);
Assignment DecodeAssignment(const Json& json);

// An update or an outcome; kDataLoss for anything else.
struct ChildMessage {
  std::optional<Update> update;
  std::optional<Outcome> outcome;
};
Result<ChildMessage> DecodeChildMessage(const Json& json);

// The document with its length before it.
std::string FrameOf(std::string_view document);

// Cuts a stream of bytes into frames.
class FrameReader {
 public:
  void Append(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame's document; nullopt: more bytes are needed. kDataLoss: not a frame.
  Result<std::optional<Json>> Next();

 private:
  std::string buffer_;
  std::size_t start_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_RUNNER_PROTOCOL_H_
