#ifndef PENSTOCK_STEPS_SCRIPT_PROGRAM_H_
#define PENSTOCK_STEPS_SCRIPT_PROGRAM_H_

// Runs a program to its end, with all that it starts: passes on what it prints, within bounds; asks
// it to stop, and makes it, once the step is cancelled; ends it when it takes too much memory.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "steps/api/step.h"
#include "steps/script/metrics.h"

namespace penstock {

// Keeps the beginning and the end of what is printed: the beginning is passed on at once, the end
// when it is known to be the end. What lies between is counted.
class OutputKeeper {
 public:
  using Print = std::function<void(std::string_view)>;
  OutputKeeper(std::size_t head, std::size_t tail, Print print)
      : head_left_(head), tail_(tail), print_(std::move(print)) {}
  void Append(std::string_view bytes);
  void Finish();
  // Whether some of it waits for the end.
  bool holding() const { return !kept_.empty() || dropped_ > 0; }

 private:
  std::size_t head_left_;
  const std::size_t tail_;
  const Print print_;
  std::string kept_;
  int64_t dropped_ = 0;
};

struct ProgramOptions {
  std::vector<std::string> command;  // the first is the program's path
  std::map<std::string, std::string> environment;
  std::filesystem::path working_directory;
  // The first of `command` is a sandbox around the program: it is not asked to stop itself.
  bool sandboxed = false;
  // The command runs the program in a container, and passes SIGTERM on; this ends it all.
  std::function<void()> end_container = {};
  std::chrono::milliseconds grace{4'000};  // from SIGTERM to SIGKILL
  std::filesystem::path metric_lines;
  int64_t memory_bytes = 0;  // of all its processes together; 0: no limit
};

struct ProgramResult {
  int code = 0;  // as a shell has it
  bool cancelled = false;
  bool out_of_memory = false;
  // Processes that outlived the program, and were ended; a sandbox takes its own with it.
  int left_behind = 0;
};

// The program's process, and all below it, are gone when this returns. Errors: it could not be
// started. One at a time in a process, which must have no other children.
Result<ProgramResult> RunToEnd(const ProgramOptions& options, StepContext& context,
                               ScriptMetrics& metrics);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_PROGRAM_H_
