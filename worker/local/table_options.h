#ifndef PENSTOCK_WORKER_LOCAL_TABLE_OPTIONS_H_
#define PENSTOCK_WORKER_LOCAL_TABLE_OPTIONS_H_

#include <filesystem>

#include "steps/table/frame.h"

namespace penstock::local {

// As much of the machine as one command of a person may use.
FrameOptions OptionsOf(const std::filesystem::path& scratch);

}  // namespace penstock::local

#endif  // PENSTOCK_WORKER_LOCAL_TABLE_OPTIONS_H_
