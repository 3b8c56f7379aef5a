#ifndef PENSTOCK_CLIENT_CLI_NAMES_H_
#define PENSTOCK_CLIENT_CLI_NAMES_H_

// How people name things on the command line.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::cli {

struct ModelName {
  std::string group;
  int32_t version = 0;  // 0: the newest
  std::string alias;    // in place of a version
};
// "census-income/3", "census-income@champion" or "census-income".
Result<ModelName> ParseModelName(std::string_view text);

struct PipelineRef {
  std::string name;
  int32_t version = 0;  // 0: the newest
};
// "census-income@3" or "census-income".
Result<PipelineRef> ParsePipelineRef(std::string_view text);

// "NAME=VALUE" at the first "="; kInvalidArgument says what `what` should look like.
Result<std::pair<std::string, std::string>> ParseAssignment(std::string_view text,
                                                            std::string_view what);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_NAMES_H_
