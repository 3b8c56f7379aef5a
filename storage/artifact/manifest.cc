#include "storage/artifact/manifest.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {

int64_t Manifest::total_size() const {
  int64_t total = 0;
  for (const ManifestEntry& file : files) total += file.size;
  return total;
}

std::string Manifest::Serialise() {
  std::sort(files.begin(), files.end(),
            [](const ManifestEntry& a, const ManifestEntry& b) { return a.path < b.path; });
  Json list = Json::array();
  for (const ManifestEntry& file : files) {
    list.push_back({{"path", file.path},
                    {"digest", file.digest.value()},
                    {"size", file.size},
                    {"mode", file.executable ? "0755" : "0644"}});
  }
  return DumpJson(Json{{"format", "penstock-tree/1"}, {"files", std::move(list)}});
}

bool IsSafePath(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos || path.size() > 4096) return false;
  for (const std::string& part : Split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

Result<Manifest> ParseManifest(std::string_view text) {
  const auto bad = [](const std::string& why) {
    return InvalidArgument("this is no manifest of a tree: " + why, "BAD_MANIFEST");
  };
  const Result<Json> json =
      ParseJson(text, {.max_bytes = limits::kMaxManifestBytes, .max_depth = 4});
  if (!json.ok()) return bad(json.status().message());
  if (JsonString(*json, "format") != "penstock-tree/1") return bad("its format is unknown");
  const Json& files = JsonMember(*json, "files");
  if (!files.is_array() || files.size() > static_cast<std::size_t>(limits::kMaxTreeFiles)) {
    return bad("it lists no files, or too many");
  }
  Manifest manifest;
  for (const Json& file : files) {
    ManifestEntry entry;
    entry.path = JsonString(file, "path");
    if (!IsSafePath(entry.path)) return bad("\"" + entry.path + "\" leaves the tree");
    const Result<Digest> digest = ParseDigest(JsonString(file, "digest"));
    if (!digest.ok()) return bad("\"" + entry.path + "\" has no digest");
    entry.digest = *digest;
    entry.size = JsonInt(file, "size", -1);
    if (entry.size < 0) return bad("\"" + entry.path + "\" has no size");
    const std::string mode = JsonString(file, "mode");
    if (mode != "0644" && mode != "0755") return bad("\"" + entry.path + "\" has no mode");
    entry.executable = mode == "0755";
    if (!manifest.files.empty() && manifest.files.back().path >= entry.path) {
      return bad("its files are not in order");
    }
    manifest.files.push_back(std::move(entry));
  }
  return manifest;
}

}  // namespace penstock
