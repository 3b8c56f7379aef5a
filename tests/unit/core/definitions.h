#ifndef PENSTOCK_TESTS_UNIT_CORE_DEFINITIONS_H_
#define PENSTOCK_TESTS_UNIT_CORE_DEFINITIONS_H_

// Definitions for the core's tests, written as users write them.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/core/pipeline.h"
#include "server/definition/definition.h"

namespace penstock {

inline Json Yaml(std::string_view text) {
  Result<DefinitionText> parsed = ParseDefinitionText(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
  return parsed.ok() ? std::move(parsed->document) : Json();
}

inline Result<PipelineSpec> ParseYaml(std::string_view text,
                                      std::vector<Problem>* warnings = nullptr) {
  return ParsePipeline(Yaml(text), Catalog::BuiltIn(), warnings);
}

// A definition that has to be good.
inline PipelineSpec Good(std::string_view text) {
  Result<PipelineSpec> spec = ParseYaml(text);
  EXPECT_TRUE(spec.ok()) << spec.status();
  if (!spec.ok()) {
    for (const Problem& problem : spec.status().problems()) {
      ADD_FAILURE() << problem.path << ": " << problem.message;
    }
    return {};
  }
  return *std::move(spec);
}

inline std::vector<std::string> Lines(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.path + ": " + problem.message);
  return lines;
}

// What is said about a definition; empty where it is good.
inline std::vector<std::string> Refusals(std::string_view text) {
  const Result<PipelineSpec> spec = ParseYaml(text);
  if (spec.ok()) return {};
  EXPECT_EQ(spec.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(spec.status().reason(), "INVALID_DEFINITION");
  return Lines(spec.status().problems());
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_CORE_DEFINITIONS_H_
