#ifndef PENSTOCK_CLIENT_CLI_PARAMETERS_H_
#define PENSTOCK_CLIENT_CLI_PARAMETERS_H_

// Values that are given on the command line.

#include <google/protobuf/map.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "client/cli/connection.h"

namespace penstock::cli {

using Parameters = google::protobuf::Map<std::string, pb::Value>;

void SetValue(const Json& json, pb::Value& value);
// For people: "[1, 2]".
std::string ShowValue(const pb::Value& value);

// The text as the declared type of the definition's parameter `name` has it. What does not fit is
// given as it is: the server's refusal names the parameter and its bounds.
Json TypedValue(const Json& definition, const std::string& name, const std::string& text);

// "NAME=VALUE" each, or "NAME=@PATH", which is uploaded.
Status BindParameters(Connection& connection, const std::vector<std::string>& assignments,
                      const Json& definition, Parameters& parameters);

// The stored definition; null where it cannot be read.
Json DefinitionOf(const pb::Pipeline& pipeline);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_PARAMETERS_H_
