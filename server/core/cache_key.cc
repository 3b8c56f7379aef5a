#include "server/core/cache_key.h"

#include <set>

namespace penstock {
namespace {

constexpr std::size_t kPartsNamed = 20;

void Compare(const Json& one, const Json& other, const std::string& path,
             std::vector<std::string>& differing) {
  if (one == other || differing.size() >= kPartsNamed) return;
  if (!one.is_object() || !other.is_object()) {
    differing.push_back(path);
    return;
  }
  std::set<std::string> keys;
  for (const Json* side : {&one, &other}) {
    for (const auto& [key, value] : side->items()) keys.insert(key);
  }
  for (const std::string& key : keys) {
    Compare(JsonMember(one, key), JsonMember(other, key), path.empty() ? key : path + "." + key,
            differing);
  }
}

}  // namespace

CacheKey MakeCacheKey(const StepSpec& step, const StepSchema& schema, const Json& parameters,
                      const std::map<std::string, std::vector<Digest>>& inputs,
                      const std::map<std::string, std::string>& models) {
  CacheKey key;
  key.parts = Json{{"step", step.key()},
                   {"version", step.version},
                   {"parameters", parameters},
                   {"inputs", Json::object()}};
  for (const auto& [name, digests] : inputs) {
    Json& list = key.parts["inputs"][name] = Json::array();
    for (const Digest& digest : digests) list.push_back(digest.value());
  }
  if (!models.empty()) key.parts["models"] = models;
  if (schema.depends_on_threads) key.parts["cpus"] = step.resources.cpus;
  if (step.resources.nodes > 1) key.parts["nodes"] = step.resources.nodes;
  key.digest = Sha256(DumpJson(key.parts));
  return key;
}

std::vector<std::string> DifferingParts(const Json& one, const Json& other) {
  std::vector<std::string> differing;
  Compare(one, other, "", differing);
  return differing;
}

}  // namespace penstock
