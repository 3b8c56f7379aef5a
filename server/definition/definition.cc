#include "server/definition/definition.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/definition/yaml_reader.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

Status TooLarge(std::size_t bytes) {
  return InvalidArgument("the definition has " + std::to_string(bytes) + " bytes; at most " +
                             std::to_string(limits::kMaxDefinitionBytes) +
                             " are accepted; keep data out of it (inputs take files), or split it "
                             "into several pipelines",
                         "TOO_LARGE");
}

Result<CheckedDefinition> Check(const Json& document, const Catalog& catalog) {
  CheckedDefinition checked;
  PENSTOCK_ASSIGN_OR_RETURN(checked.spec, ParsePipeline(document, catalog, &checked.warnings));
  checked.canonical = DumpJson(CanonicalDefinition(checked.spec));
  checked.digest = Sha256(checked.canonical);
  return checked;
}

// In the order of the text; those without a line come first.
std::vector<Problem> WithLines(const DefinitionText& text, std::vector<Problem> problems) {
  std::vector<std::pair<int, Problem>> found;
  for (Problem& problem : problems) {
    const int line = text.LineOf(problem.path);
    if (line > 0) problem.message = "line " + std::to_string(line) + ": " + problem.message;
    found.emplace_back(line, std::move(problem));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  problems.clear();
  for (auto& [line, problem] : found) problems.push_back(std::move(problem));
  return problems;
}

}  // namespace

int DefinitionText::LineOf(const std::string& path) const {
  std::string prefix = path;
  while (true) {
    const auto found = lines.find(prefix);
    if (found != lines.end()) return found->second;
    const auto cut = prefix.find_last_of(".[");
    if (cut == std::string::npos) return 0;
    prefix.resize(cut);
  }
}

Result<DefinitionText> ParseDefinitionText(std::string_view text) {
  if (text.size() > limits::kMaxDefinitionBytes) {
    return TooLarge(text.size());
  }
  if (!IsUtf8(text)) return InvalidArgument("the definition is not UTF-8", "BAD_YAML");
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::string_view trimmed = Trim(text);
  if (trimmed.starts_with('{')) {
    DefinitionText result;
    Result<Json> json = ParseJson(
        text, {.max_bytes = limits::kMaxDefinitionBytes, .max_depth = limits::kMaxDefinitionDepth});
    // A flow mapping of YAML begins with a brace as well.
    if (json.ok()) {
      result.document = *std::move(json);
      return result;
    }
    if (trimmed.starts_with("{\"")) return json.status();
  }
  return ReadYaml(text);
}

Result<CheckedDefinition> CheckDefinitionText(std::string_view text, const Catalog& catalog) {
  PENSTOCK_ASSIGN_OR_RETURN(const DefinitionText parsed, ParseDefinitionText(text));
  Result<CheckedDefinition> checked = Check(parsed.document, catalog);
  if (!checked.ok()) {
    return checked.status().WithProblems(WithLines(parsed, checked.status().problems()));
  }
  checked->warnings = WithLines(parsed, std::move(checked->warnings));
  return checked;
}

Result<CheckedDefinition> CheckDefinitionDocument(const Json& document, const Catalog& catalog) {
  // The document may be deeper than what can be written.
  if (JsonDepth(document) <= limits::kMaxDefinitionDepth) {
    const std::size_t bytes = DumpJson(document).size();
    if (bytes > limits::kMaxDefinitionBytes) return TooLarge(bytes);
  }
  return Check(document, catalog);
}

}  // namespace penstock
