#ifndef PENSTOCK_STEPS_IMPORT_SOURCES_H_
#define PENSTOCK_STEPS_IMPORT_SOURCES_H_

// The kinds of sources, and what they share. Private to steps/import.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "steps/api/step.h"
#include "storage/model/source_address.h"

namespace penstock::importing {

// What the step was told, for sources that are reached over a network.
struct Remote {
  std::string uri;
  std::string shown;  // without query: what messages say
  SourceAddress address;
  std::vector<std::string> rules;  // the operator's
  std::string ca;
  int64_t max_bytes = 0;
  Micros stall{0};
};

// kInvalidArgument, with the parameter.
Result<Remote> ReadRemote(const Json& parameters);

// How far `address` (in SourceToRead's form) may be followed. kPermissionDenied
// (SOURCE_NOT_ALLOWED) says what the operator can do.
Result<Reach> CheckAllowed(const std::vector<std::string>& rules, const std::string& address);

// Each writes output_dir()/data.
Result<StepOutcome> ImportFile(StepContext& context);
Result<StepOutcome> ImportHttp(StepContext& context, const Remote& remote);
Result<StepOutcome> ImportS3(StepContext& context, const Remote& remote);
Result<StepOutcome> ImportPostgres(StepContext& context, const Remote& remote);

// The texts of a list.
std::vector<std::string> Texts(const Json& list);

}  // namespace penstock::importing

#endif  // PENSTOCK_STEPS_IMPORT_SOURCES_H_
