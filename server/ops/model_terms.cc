#include "server/ops/model_terms.h"

#include <algorithm>

#include "base/json.h"

namespace penstock {
namespace {

constexpr char kProgramFile[] = "program.json";
constexpr int64_t kMaxBytes = 1 << 20;

}  // namespace

Result<ModelTerms> TermsOfModel(const LocalArtifactStore& store, const ArtifactRef& model) {
  ModelTerms terms;
  if (!model.tree) return terms;
  PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, store.ReadManifest(model.digest));
  const auto file =
      std::find_if(manifest.files.begin(), manifest.files.end(),
                   [](const ManifestEntry& entry) { return entry.path == kProgramFile; });
  if (file == manifest.files.end()) return terms;
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, store.ReadBlob(file->digest, kMaxBytes));
  const Result<Json> program = ParseJson(text);
  if (!program.ok() || !program->is_object()) return terms;
  terms.side_effects = JsonBool(*program, "side_effects");
  for (const auto& [key, value] : JsonMember(*program, "labels").items()) {
    if (value.is_string()) terms.labels[key] = value.get<std::string>();
  }
  return terms;
}

}  // namespace penstock
