#ifndef PENSTOCK_BASE_JSON_H_
#define PENSTOCK_BASE_JSON_H_

// JSON behind limits. nlohmann::json keeps int64, uint64 and double apart, and with its default
// std::map objects its dump is canonical: keys sorted, no white space, shortest round-trip numbers.
// Parsing and dumping through these functions never throws and never overflows the stack.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t max_bytes = 1 << 20;
  int max_depth = 32;
};

// kInvalidArgument with line and column for text that is not JSON, has a duplicate key, is larger
// than `limits.max_bytes` or nested deeper than `limits.max_depth`.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// The canonical text. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string DumpJson(const Json& json);
// The same, indented by two blanks, for people.
std::string DumpJsonPretty(const Json& json);

// How deeply arrays and objects nest; a scalar has depth 0.
int JsonDepth(const Json& json);

// Typed access that does not throw: the member's value, or `otherwise` where it is absent or of
// another kind (an integer is a valid double).
std::string JsonString(const Json& object, std::string_view key, std::string otherwise = {});
int64_t JsonInt(const Json& object, std::string_view key, int64_t otherwise = 0);
double JsonDouble(const Json& object, std::string_view key, double otherwise = 0);
bool JsonBool(const Json& object, std::string_view key, bool otherwise = false);
// The member or a shared null.
const Json& JsonMember(const Json& object, std::string_view key);

// "string", "integer", "number", "boolean", "list", "object" or "null": as messages name it.
std::string_view JsonKindName(const Json& json);

}  // namespace penstock

#endif  // PENSTOCK_BASE_JSON_H_
