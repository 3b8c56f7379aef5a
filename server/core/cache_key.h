#ifndef PENSTOCK_SERVER_CORE_CACHE_KEY_H_
#define PENSTOCK_SERVER_CORE_CACHE_KEY_H_

// What the result of a step depends on. Two attempts with equal keys give equal results, whatever
// the step is called and wherever its inputs lie: the key holds the digests of contents. Pure.

#include <map>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "server/core/pipeline.h"

namespace penstock {

struct CacheKey {
  Digest digest;  // SHA-256 of the canonical JSON of `parts`
  // {"step", "version", "parameters": {…}, "inputs": {NAME: [digest…]}, "cpus", "nodes", "models":
  // {NAME: "GROUP/VERSION"}, "secrets": {NAME: version}}; "cpus" where the algorithm's result
  // depends on how many threads it has, "nodes" where there are several, "models" where the result
  // names the model of an input.
  Json parts;
};

// `parameters`: resolved and filled in. `inputs`: the digests of each input, in order. `models`:
// the versions of the registry that inputs are, where the result names them. `secrets`: the
// versions of those that the parameters name.
CacheKey MakeCacheKey(const StepSpec& step, const StepSchema& schema, const Json& parameters,
                      const std::map<std::string, std::vector<Digest>>& inputs,
                      const std::map<std::string, std::string>& models = {},
                      const std::map<std::string, int32_t>& secrets = {});

// Which parts differ, by path: "parameters.max_depth", "inputs.train", "version"; of a secret also
// how: "secret hub-token: version 1 → 2". At most 20.
std::vector<std::string> DifferingParts(const Json& one, const Json& other);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_CACHE_KEY_H_
