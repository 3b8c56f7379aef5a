#include "server/core/cache_key.h"

#include <set>
#include <string_view>

namespace penstock {
namespace {

constexpr std::size_t kPartsNamed = 20;
constexpr std::string_view kSecrets = "secrets.";

void Compare(const Json& one, const Json& other, const std::string& path,
             std::vector<std::string>& differing) {
  if (one == other || differing.size() >= kPartsNamed) return;
  if (!one.is_object() || !other.is_object()) {
    differing.push_back(one.is_number_integer() && other.is_number_integer() &&
                                path.starts_with(kSecrets)
                            ? "secret " + path.substr(kSecrets.size()) + ": version " +
                                  DumpJson(one) + " → " + DumpJson(other)
                            : path);
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
                      const std::map<std::string, std::string>& models,
                      const std::map<std::string, int32_t>& secrets) {
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
  if (!secrets.empty()) key.parts["secrets"] = secrets;
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
