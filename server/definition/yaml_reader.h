#ifndef PENSTOCK_SERVER_DEFINITION_YAML_READER_H_
#define PENSTOCK_SERVER_DEFINITION_YAML_READER_H_

// YAML text as a document: see definition.h for what is taken. Thread-safe.

#include <string_view>

#include "base/result.h"
#include "server/definition/definition.h"

namespace penstock {

// kInvalidArgument: BAD_YAML with line, column and, where the mistake is a usual one, what to do;
// TOO_DEEP; TOO_LARGE where aliases make a short text stand for a long one. Time and memory are
// bounded by the text's length and these limits, whatever it says.
Result<DefinitionText> ReadYaml(std::string_view text);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_DEFINITION_YAML_READER_H_
