#ifndef PENSTOCK_STEPS_API_CHECKPOINT_H_
#define PENSTOCK_STEPS_API_CHECKPOINT_H_

// What a StepContext may offer besides, for steps whose attempts can go on where an earlier one
// left off: such a context is a CheckpointContext, too.

#include <filesystem>

namespace penstock {

class CheckpointContext {
 public:
  virtual ~CheckpointContext() = default;
  // True once the attempt is to leave its worker to another, and has some time left in which it may
  // save what its next attempt is to go on from.
  virtual bool checkpoint_wanted() const = 0;
  // The folder for that; holds what an earlier attempt has saved. Not made by this call.
  virtual std::filesystem::path checkpoint_dir() const = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_API_CHECKPOINT_H_
