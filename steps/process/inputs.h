#ifndef PENSTOCK_STEPS_PROCESS_INPUTS_H_
#define PENSTOCK_STEPS_PROCESS_INPUTS_H_

// What a process step reads, and how much memory it may take for it. Private to steps/process.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/api/step.h"
#include "steps/table/read_frame.h"

namespace penstock {

class ProcessInputs {
 public:
  explicit ProcessInputs(StepContext& context);

  const FrameOptions& options() const { return options_; }
  // Bytes that a pass over the rows may take for itself.
  int64_t budget() const { return budget_; }

  // Whether there is anything to read.
  bool bound() const;
  // The input `data`, several one after the other; or, with the parameter `sql`, what it gives of
  // all inputs but `transform`, where columns become of the kinds that `read.kinds` says. Errors as
  // of ReadFrame and RunSelect.
  Result<RawFrame> Read(const ReadOptions& read, const std::vector<std::string>& wanted,
                        const std::vector<std::string>& optional) const;

  // Whether the input `data` are datasets that went through the transform with that digest (all of
  // them, or none). kInvalidArgument: one that went through another.
  Result<bool> WentThrough(const std::string& transform_digest) const;

 private:
  std::vector<DataSource> SourcesOf(const std::string& input) const;
  Result<RawFrame> Query(const std::string& sql, const ReadOptions& read,
                         const std::vector<std::string>& wanted) const;

  StepContext& context_;
  FrameOptions options_;
  int64_t budget_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_INPUTS_H_
