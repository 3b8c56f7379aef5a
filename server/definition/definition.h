#ifndef PENSTOCK_SERVER_DEFINITION_DEFINITION_H_
#define PENSTOCK_SERVER_DEFINITION_DEFINITION_H_

// The text of a definition, YAML or JSON, as a document.
//
// YAML 1.2's core schema without integers that begin with a zero: `yes`, `NO` and `0123` stay
// texts. Anchors and aliases work within bounds, `<<` merges mappings. Tags, duplicate keys and
// several documents in one text are refused. Thread-safe.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/core/pipeline.h"

namespace penstock {

struct DefinitionText {
  Json document;
  // 1-based line of each value by its path ("steps[2].with.split"); empty for JSON.
  std::map<std::string, int> lines;

  // The line of a path, or of the nearest value around it; 0 where unknown.
  int LineOf(const std::string& path) const;
};

// kInvalidArgument: TOO_LARGE over limits::kMaxDefinitionBytes, BAD_YAML or BAD_JSON with line and
// column, TOO_DEEP.
Result<DefinitionText> ParseDefinitionText(std::string_view text);

struct CheckedDefinition {
  PipelineSpec spec;
  std::string canonical;  // what is stored
  Digest digest;          // of `canonical`
  std::vector<Problem> warnings;
};

// Text to specification. Problems' messages are given the line where it is known: "line 12: …".
Result<CheckedDefinition> CheckDefinitionText(std::string_view text, const Catalog& catalog);
// The same for a document that came as one.
Result<CheckedDefinition> CheckDefinitionDocument(const Json& document, const Catalog& catalog);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_DEFINITION_DEFINITION_H_
