#ifndef PENSTOCK_SERVER_CORE_MODEL_ADDRESS_H_
#define PENSTOCK_SERVER_CORE_MODEL_ADDRESS_H_

// "model:census@champion", "model:census@3": how definitions name models of the registry. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

inline constexpr std::string_view kModelScheme = "model:";

struct ModelAddress {
  std::string group;
  std::string alias;    // empty: a version
  int32_t version = 0;  // 0: an alias
  std::string text() const;
};

// kInvalidArgument with what is wrong and how models are named.
Result<ModelAddress> ParseModelAddress(std::string_view text);

// Whether a text may be an alias: a name that could not be taken for a version's number.
bool IsAlias(std::string_view text);

// Whether a text is that of a version: "census/3".
bool IsModelVersion(std::string_view text);

// What an address meant when a run started, as its pins hold it: "artifact:sha256:…#census/3".
// The version; 0 for an empty pin.
int32_t VersionOfPin(const std::string& pin);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_MODEL_ADDRESS_H_
