#ifndef PENSTOCK_BASE_FAULT_POINT_H_
#define PENSTOCK_BASE_FAULT_POINT_H_

// Places where a test can make the program crash, fail or stall on purpose. Always compiled in: a
// disarmed point costs one relaxed load. Armed only by InitFaults, which main calls for an explicit
// start flag.
//
//   PENSTOCK_FAULT_POINT("engine.after_commit");                            // crash or sleep
//   PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("metadata.commit"));     // … or fail
//
// A specification is a list "NAME=ACTION[@HITS]" joined by commas:
//   ACTION  crash (SIGKILL to itself), enospc (kResourceExhausted DISK_FULL), eio (kDataLoss
//           IO_ERROR), sleep:MILLISECONDS
//   HITS    3 (the third hit; the default is 1), 3+ (from the third on), all

#include <atomic>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace penstock {

// kInvalidArgument for a specification that cannot be read. `report`, where not empty, names a file
// that gets a line "NAME" for every hit of any point, so that a test can count them. Once, in main.
Status InitFaults(std::string_view specification, const std::string& report);

// How often each point was hit since InitFaults.
std::map<std::string, int64_t> FaultHits();

namespace internal {
extern std::atomic<bool> faults_armed;
Status HitFaultPoint(std::string_view name);
}  // namespace internal

#define PENSTOCK_FAULT_STATUS(name)                                   \
  (::penstock::internal::faults_armed.load(std::memory_order_relaxed) \
       ? ::penstock::internal::HitFaultPoint(name)                    \
       : ::penstock::Status::Ok())
#define PENSTOCK_FAULT_POINT(name) static_cast<void>(PENSTOCK_FAULT_STATUS(name))

}  // namespace penstock

#endif  // PENSTOCK_BASE_FAULT_POINT_H_
