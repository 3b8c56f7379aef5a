#ifndef PENSTOCK_STEPS_PROFILE_GATHER_H_
#define PENSTOCK_STEPS_PROFILE_GATHER_H_

// From a frame to a profile.

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "steps/profile/summary.h"
#include "steps/table/frame.h"

namespace penstock {

struct ProfileOptions {
  int max_bins = 50;
  int top = 10;
  int64_t sample = 100'000;           // rows for what sorts; 0: all
  int64_t budget = int64_t{1} << 30;  // bytes of memory to work in, beside the frame's
  // How far it is, from 0 to 1. May be empty.
  std::function<void(double fraction, std::string_view note)> progress = nullptr;
};

// Looks at all rows, in several passes. The same for any number of threads, any budget and any
// blocks in scratch files. kInvalidArgument for a role that names no column; kResourceExhausted;
// kCancelled.
Result<Profile> MakeProfile(const Frame& frame, const Roles& roles, const ProfileOptions& options);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_GATHER_H_
