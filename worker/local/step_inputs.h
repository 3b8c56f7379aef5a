#ifndef PENSTOCK_WORKER_LOCAL_STEP_INPUTS_H_
#define PENSTOCK_WORKER_LOCAL_STEP_INPUTS_H_

// What a step is given: the files of this machine as they are, copies of them, or samples.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "storage/model/states.h"

namespace penstock::local {

struct PreparedInput {
  std::string name;
  std::filesystem::path path;
  ArtifactType type = ArtifactType::kFile;
  Digest digest;
  std::string display_name;
};

struct PreparedInputs {
  std::vector<PreparedInput> inputs;
  Json sampled = Json::array();    // {"input", "name", "rows", "total"} each
  std::vector<std::string> notes;  // for the user
  // A message with the places of samples as they are in the whole data; one for each sample.
  std::vector<std::function<std::string(std::string)>> restore;
};

// For `type`, from a request's "inputs" and "sample". Samples and copies go into `folder`.
Result<PreparedInputs> PrepareInputs(const std::string& type, const Json& request,
                                     const std::filesystem::path& folder);

// A transform in a few words: {"operations": [{"op", "columns"}], "rawFeatures", "features"}; null
// where `folder` holds none.
Json DescribeTransform(const std::filesystem::path& folder);

}  // namespace penstock::local

#endif  // PENSTOCK_WORKER_LOCAL_STEP_INPUTS_H_
