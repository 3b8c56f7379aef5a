#ifndef PENSTOCK_STEPS_API_STEP_H_
#define PENSTOCK_STEPS_API_STEP_H_

// What a built-in step sees of the world, and the registry that finds a step by its type. A step
// reads input folders, writes output folders, and reports; it knows no worker, no store, no server.
//
// A step runs in a child process of its own, on one thread that it may add to up to
// `StepContext::threads()`. It must call `cancelled()` often enough to stop within a second.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "storage/model/ids.h"
#include "storage/model/states.h"

namespace penstock {

// An input artifact that is there to be read. `path` is a folder for a tree (dataset, model) and a
// file for a single file; it is shared and must not be written to.
struct InputArtifact {
  std::filesystem::path path;
  ArtifactType type = ArtifactType::kFile;
  Digest digest;
  // What the user called it, for messages: "data" or "@census.csv".
  std::string display_name;
};

// An output that a step has written below StepContext::output_dir().
struct OutputArtifact {
  std::string name;            // "train", "model", "report"
  std::filesystem::path path;  // a folder, or a file for ArtifactType::kFile and kReport
  ArtifactType type = ArtifactType::kFile;
};

struct StepOutcome {
  std::vector<OutputArtifact> outputs;
  // Scalars that conditions and lists show; NaN is "undefined" and becomes null. At most
  // limits::kMaxMetricsPerReport.
  std::map<std::string, double> metrics;
  // The document that ${steps.S.report.<path>} reads; null when the step has none.
  Json report;
};

class StepContext {
 public:
  virtual ~StepContext() = default;

  // "process", "train", "evaluate", "predict", "import" or "noop".
  virtual const std::string& type() const = 0;
  // For train: "xgboost"; else empty.
  virtual const std::string& algorithm() const = 0;
  // The step's `with` (or `hyperparameters`), resolved, checked against the catalogue's schema and
  // with defaults filled in.
  virtual const Json& parameters() const = 0;
  // The artifacts bound to an input: empty when it is not bound, several for a fan-in.
  virtual const std::vector<InputArtifact>& inputs(std::string_view name) const = 0;
  // The inputs that are bound, sorted. Steps whose inputs have fixed names do not ask.
  virtual std::vector<std::string> input_names() const { return {}; }
  // An empty folder of this attempt, on the same file system as the artifact store.
  virtual const std::filesystem::path& output_dir() const = 0;
  // A scratch folder that goes when the attempt ends.
  virtual const std::filesystem::path& scratch_dir() const = 0;
  // How many threads may compute at once (>= 1), and how much memory may be used (0: no limit).
  virtual int threads() const = 0;
  virtual int64_t memory_bytes() const = 0;

  // True once somebody wants the attempt to stop; the step then returns kCancelled.
  virtual bool cancelled() const = 0;
  // A point of a metric series (loss by round). Cheap: batched. `index` counts up from 0.
  virtual void LogMetric(std::string_view name, int64_t index, double value) = 0;
  // How far the step is, 0 to 1, and a few words. Cheap: rate-limited.
  virtual void SetProgress(double fraction, std::string_view note) = 0;
  // A line for the step's log. One that begins with "warning: " is shown beside the step as well.
  virtual void Log(std::string_view line) = 0;
  // Bytes for the step's log as they are: what a program of the user's printed. A line by default.
  virtual void Print(std::string_view bytes) { Log(bytes); }
  // How a program of the user's ended, as a shell has it. Steps without one do not call it.
  virtual void SetExitCode(int) {}
};

// Reasons (Status::reason) by which a step says that its program, not the step, came to an end:
// the attempt's cause is then OUT_OF_MEMORY or CRASHED.
inline constexpr char kOutOfMemoryReason[] = "OUT_OF_MEMORY";
inline constexpr char kCrashedReason[] = "CRASHED";

// Runs one attempt. Outcomes: the step's outputs; kInvalidArgument for data or parameters that are
// wrong (message for the user: file as the user named it, line, column, remedy); kCancelled.
using StepFunction = std::function<Result<StepOutcome>(StepContext&)>;

// Step types by name. Filled once in main; a type that is registered twice aborts.
class StepRegistry {
 public:
  // `key` is the type, or "train/ALGORITHM". `version` is what workers announce as type@version.
  void Register(std::string key, std::string version, StepFunction function);
  // nullptr when unknown.
  const StepFunction* Find(std::string_view key) const;
  // "noop@1", "train/xgboost@1", sorted.
  std::vector<std::string> Announce() const;

 private:
  struct Entry {
    std::string version;
    StepFunction function;
  };
  std::map<std::string, Entry, std::less<>> steps_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_API_STEP_H_
