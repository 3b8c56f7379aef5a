#include "storage/artifact/manifest.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// A path that is a file's and stands before another's; empty where there is none. `files` are in
// order.
std::string FileAndFolder(const std::vector<ManifestEntry>& files) {
  const auto is_file = [&](std::string_view path) {
    const auto found = std::lower_bound(
        files.begin(), files.end(), path,
        [](const ManifestEntry& file, std::string_view p) { return file.path < p; });
    return found != files.end() && found->path == path;
  };
  std::string_view known;  // the folder of the file before: looked at already
  for (const ManifestEntry& file : files) {
    const std::string_view path = file.path;
    const std::string_view folder = path.substr(0, std::min(path.rfind('/'), path.size()));
    if (folder.size() == path.size() || folder == known) continue;
    known = folder;
    for (auto end = path.find('/'); end != std::string_view::npos; end = path.find('/', end + 1)) {
      if (is_file(path.substr(0, end))) return std::string(path.substr(0, end));
    }
  }
  return {};
}

}  // namespace

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
  // What file systems take: 255 bytes a name, and 4,095 with the folder that the tree is put into.
  constexpr std::size_t kMaxPath = 3'000;
  constexpr std::size_t kMaxPart = 255;
  if (path.empty() || path.find('\0') != std::string_view::npos || path.size() > kMaxPath) {
    return false;
  }
  for (const std::string& part : Split(path, '/')) {
    if (part.empty() || part.size() > kMaxPart || part == "." || part == "..") return false;
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
  int64_t total = 0;
  for (const Json& file : files) {
    ManifestEntry entry;
    entry.path = JsonString(file, "path");
    const std::string shown = "\"" + TruncateUtf8(entry.path, 200) + "\"";
    if (!IsSafePath(entry.path)) return bad(shown + " leaves the tree, or is too long");
    const Result<Digest> digest = ParseDigest(JsonString(file, "digest"));
    if (!digest.ok()) return bad(shown + " has no digest");
    entry.digest = *digest;
    entry.size = JsonInt(file, "size", -1);
    if (entry.size < 0) return bad(shown + " has no size");
    if (__builtin_add_overflow(total, entry.size, &total)) {
      return bad("its files are larger together than any disk");
    }
    const std::string mode = JsonString(file, "mode");
    if (mode != "0644" && mode != "0755") return bad(shown + " has no mode");
    entry.executable = mode == "0755";
    if (!manifest.files.empty() && manifest.files.back().path >= entry.path) {
      return bad("its files are not in order");
    }
    manifest.files.push_back(std::move(entry));
  }
  if (const std::string both = FileAndFolder(manifest.files); !both.empty()) {
    return bad("\"" + TruncateUtf8(both, 200) + "\" is a file and a folder");
  }
  return manifest;
}

}  // namespace penstock
