#ifndef PENSTOCK_WORKER_LOCAL_STEP_INPUTS_H_
#define PENSTOCK_WORKER_LOCAL_STEP_INPUTS_H_

// What a step is given: the files of this machine as they are, copies of them, or samples.

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/table/sample.h"
#include "worker/runner/protocol.h"

namespace penstock::local {

struct PreparedInputs {
  std::vector<AssignedInput> inputs;
  Json sampled = Json::array();      // {"input", "name", "rows", "total"} each
  std::vector<SamplePlaces> places;  // of the samples
  std::vector<std::string> notes;    // for the user
};

// For `type`, from a request's "inputs" and "sample". Samples and copies go into `folder`.
Result<PreparedInputs> PrepareInputs(const std::string& type, const Json& request,
                                     const std::filesystem::path& folder);

// A transform in a few words: {"operations": [{"op", "columns"}], "rawFeatures", "features"}; null
// where `folder` holds none.
Json DescribeTransform(const std::filesystem::path& folder);

}  // namespace penstock::local

#endif  // PENSTOCK_WORKER_LOCAL_STEP_INPUTS_H_
