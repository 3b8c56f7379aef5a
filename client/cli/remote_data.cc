#include "client/cli/remote_data.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "client/cli/transfer.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kDatasetFile[] = "dataset.json";
constexpr JsonLimits kDatasetLimits{.max_bytes = 64 << 20};
constexpr int64_t kTextStart = 4 << 20;

std::size_t RowsIn(const Json& head) {
  return JsonMember(head, "rows").size();
}

// dataset.json with only the first `count` of the parts.
Status WriteDatasetFile(Json dataset, std::size_t count, const fs::path& file) {
  Json& parts = dataset["parts"];
  parts.erase(parts.begin() + static_cast<Json::difference_type>(count), parts.end());
  return WriteFileAtomic(file, DumpJson(dataset));
}

Result<Json> HeadOfDataset(Connection& connection, const std::map<std::string, std::string>& files,
                           std::size_t rows, const fs::path& place, const LookAtHead& look) {
  const fs::path file = place / kDatasetFile;
  PENSTOCK_RETURN_IF_ERROR(FetchFile(connection, files.at(kDatasetFile), file));
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  PENSTOCK_ASSIGN_OR_RETURN(const Json dataset, ParseJson(text, kDatasetLimits));
  const Json& parts = JsonMember(dataset, "parts");
  for (std::size_t count = 1; count <= parts.size(); ++count) {
    const std::string part =
        parts[count - 1].is_string() ? parts[count - 1].get<std::string>() : "";
    const auto found = files.find(part);
    // A part is a file of the dataset's folder and nothing else.
    if (found == files.end() || part.starts_with('.') || part.find('/') != std::string::npos) {
      return DataLoss("the dataset lacks its part \"" + part + "\"");
    }
    PENSTOCK_RETURN_IF_ERROR(FetchFile(connection, found->second, place / part));
    PENSTOCK_RETURN_IF_ERROR(WriteDatasetFile(dataset, count, file));
    PENSTOCK_ASSIGN_OR_RETURN(Json head, look(place));
    if (RowsIn(head) >= rows || count == parts.size()) return head;
  }
  return DataLoss("the dataset has no parts");
}

// In the order in which they are read; others are not rows.
Result<Json> HeadOfFolder(Connection& connection, const std::map<std::string, std::string>& files,
                          std::size_t rows, const fs::path& place, const LookAtHead& look) {
  std::vector<std::pair<std::string, std::string>> data;
  for (const auto& [name, digest] : files) {
    if (name.find('/') == std::string::npos && name[0] != '.' && name[0] != '_') {
      data.emplace_back(name, digest);
    }
  }
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(place));
  for (std::size_t i = 0; i < data.size(); ++i) {
    PENSTOCK_RETURN_IF_ERROR(FetchFile(connection, data[i].second, place / data[i].first));
    Result<Json> head = look(place);
    if (!head.ok() || RowsIn(*head) >= rows || i + 1 == data.size()) return head;
  }
  return look(place);
}

// Up to the end of its last whole line, where it is a text.
Result<bool> CutToLines(const fs::path& file) {
  PENSTOCK_ASSIGN_OR_RETURN(std::string bytes, ReadFile(file));
  const std::size_t end = bytes.rfind('\n');
  if (bytes.find('\0') != std::string::npos || end == std::string::npos) return false;
  bytes.resize(end + 1);
  PENSTOCK_RETURN_IF_ERROR(WriteFileAtomic(file, bytes));
  return true;
}

Result<Json> HeadOfFile(Connection& connection, const pb::ArtifactRef& ref, std::size_t rows,
                        const fs::path& folder, const LookAtHead& look) {
  if (ref.size() > kTextStart) {
    const fs::path start = folder / "start";
    PENSTOCK_RETURN_IF_ERROR(FetchFile(connection, ref.digest(), start, kTextStart));
    PENSTOCK_ASSIGN_OR_RETURN(const bool text, CutToLines(start));
    if (text) {
      // What does not end there can't be read so (a list of JSON), or has long rows.
      Result<Json> head = look(start);
      if (head.ok() && RowsIn(*head) >= rows) return head;
    }
  }
  const fs::path whole = folder / "whole";
  PENSTOCK_RETURN_IF_ERROR(FetchFile(connection, ref.digest(), whole));
  return look(whole);
}

}  // namespace

Result<Json> HeadOfArtifact(Connection& connection, const pb::Artifact& artifact, int64_t rows,
                            const fs::path& folder, const LookAtHead& look) {
  const auto wanted = static_cast<std::size_t>(rows);
  if (!artifact.ref().tree()) return HeadOfFile(connection, artifact.ref(), wanted, folder, look);
  std::map<std::string, std::string> files;
  for (const pb::ArtifactFile& file : artifact.files()) files[file.path()] = file.digest();
  const fs::path place = folder / "data";
  if (files.contains(kDatasetFile)) return HeadOfDataset(connection, files, wanted, place, look);
  return HeadOfFolder(connection, files, wanted, place, look);
}

}  // namespace penstock::cli
