#include "client/cli/transfer.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "client/cli/names.h"
#include "client/cli/output.h"
#include "client/cli/scratch.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

struct Blob {
  fs::path path;  // empty: `bytes` hold it
  std::string bytes;
  std::string name;  // inside the tree
  Digest digest;
  int64_t size = 0;
  bool executable = false;
};

Result<Blob> HashFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(errno, "reading " + path.string());
  Blob blob;
  blob.path = path;
  Sha256Hasher hasher;
  std::vector<char> buffer(limits::kArtifactChunkBytes);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hasher.Update({buffer.data(), static_cast<std::size_t>(file.gcount())});
    blob.size += file.gcount();
  }
  if (file.bad()) return ErrnoStatus(errno, "reading " + path.string());
  blob.digest = hasher.Finish();
  return blob;
}

Status SendBlob(Connection& connection, const Blob& blob) {
  const auto context = connection.Context(Micros(0));
  pb::UploadBlobResponse response;
  const auto writer = connection.artifacts().UploadBlob(context.get(), &response);
  pb::UploadBlobRequest request;
  request.set_digest(blob.digest.value());
  request.set_size(blob.size);
  std::ifstream file;
  if (!blob.path.empty()) {
    file.open(blob.path, std::ios::binary);
    std::string chunk(limits::kArtifactChunkBytes, '\0');
    bool first = true;
    while (first || file) {
      file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
      if (!first && file.gcount() == 0) break;
      first = false;
      request.set_data(chunk.data(), static_cast<std::size_t>(file.gcount()));
      if (!writer->Write(request)) break;
      request.clear_digest();
    }
  } else {
    for (std::size_t at = 0; at == 0 || at < blob.bytes.size(); at += limits::kArtifactChunkBytes) {
      request.set_data(blob.bytes.substr(at, limits::kArtifactChunkBytes));
      if (!writer->Write(request)) break;
      request.clear_digest();
    }
  }
  writer->WritesDone();
  return connection.Translate(writer->Finish()).WithContext("uploading " + blob.name);
}

// Asks which blobs are missing and sends those.
Status SendMissing(Connection& connection, const std::vector<Blob>& blobs) {
  constexpr std::size_t kBatch = 5'000;
  for (std::size_t begin = 0; begin < blobs.size(); begin += kBatch) {
    const std::size_t end = std::min(begin + kBatch, blobs.size());
    pb::StatArtifactsRequest request;
    for (std::size_t i = begin; i < end; ++i) request.add_digests(blobs[i].digest.value());
    PENSTOCK_ASSIGN_OR_RETURN(const pb::StatArtifactsResponse answer,
                              connection.Call(connection.artifacts(),
                                              &pb::ArtifactService::Stub::StatArtifacts, request));
    std::vector<std::string> missing(answer.missing().begin(), answer.missing().end());
    for (std::string& digest : missing) {
      if (digest.starts_with("sha256:")) digest.erase(0, 7);
    }
    std::sort(missing.begin(), missing.end());
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::binary_search(missing.begin(), missing.end(), blobs[i].digest.value())) continue;
      PENSTOCK_RETURN_IF_ERROR(SendBlob(connection, blobs[i]));
    }
  }
  return Status::Ok();
}

// The canonical manifest of a folder (storage/artifact/manifest.h describes it), as the last blob.
Result<std::vector<Blob>> CollectTree(const fs::path& root) {
  std::vector<Blob> blobs;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end; it != end; it.increment(error)) {
    if (error) break;
    if (it->is_symlink()) {
      return WrongUse(it->path().string() + " is a symbolic link; upload real files");
    }
    if (!it->is_regular_file()) continue;
    if (blobs.size() >= static_cast<std::size_t>(limits::kMaxTreeFiles)) {
      return WrongUse(root.string() + " holds more than " + std::to_string(limits::kMaxTreeFiles) +
                      " files");
    }
    PENSTOCK_ASSIGN_OR_RETURN(Blob blob, HashFile(it->path()));
    blob.name = fs::relative(it->path(), root).generic_string();
    blob.executable = access(it->path().c_str(), X_OK) == 0;
    blobs.push_back(std::move(blob));
  }
  if (error) return InvalidArgument("reading " + root.string() + ": " + error.message());
  if (blobs.empty()) return WrongUse(root.string() + " holds no files");
  std::sort(blobs.begin(), blobs.end(),
            [](const Blob& a, const Blob& b) { return a.name < b.name; });
  Json files = Json::array();
  for (const Blob& blob : blobs) {
    files.push_back({{"path", blob.name},
                     {"digest", blob.digest.value()},
                     {"size", blob.size},
                     {"mode", blob.executable ? "0755" : "0644"}});
  }
  Blob manifest;
  manifest.bytes = DumpJson(Json{{"format", "penstock-tree/1"}, {"files", std::move(files)}});
  manifest.name = "the manifest of " + root.string();
  manifest.digest = Sha256(manifest.bytes);
  manifest.size = static_cast<int64_t>(manifest.bytes.size());
  blobs.push_back(std::move(manifest));
  return blobs;
}

Result<pb::Artifact> GetArtifact(Connection& connection, const std::string& digest) {
  pb::GetArtifactRequest request;
  request.set_digest(digest);
  return connection.Call(connection.artifacts(), &pb::ArtifactService::Stub::GetArtifact, request);
}

bool IsSafeRelative(const std::string& path) {
  const fs::path parts(path);
  return !path.empty() && !parts.is_absolute() &&
         std::none_of(parts.begin(), parts.end(),
                      [](const fs::path& part) { return part == ".."; });
}

}  // namespace

Result<pb::ArtifactRef> Upload(Connection& connection, const std::string& path,
                               const std::string& type) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return WrongUse("there is no file " + path);
  std::vector<Blob> blobs;
  const bool tree = fs::is_directory(status);
  if (tree) {
    PENSTOCK_ASSIGN_OR_RETURN(blobs, CollectTree(path));
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(Blob blob, HashFile(path));
    blob.name = path;
    blobs.push_back(std::move(blob));
  }
  PENSTOCK_RETURN_IF_ERROR(SendMissing(connection, blobs));
  pb::CommitArtifactRequest request;
  pb::ArtifactRef& ref = *request.mutable_artifact();
  ref.set_digest(FormatDigest(blobs.back().digest));
  ref.set_type(type);
  ref.set_tree(tree);
  int64_t size = 0;
  for (const Blob& blob : blobs) size += blob.path.empty() ? 0 : blob.size;
  ref.set_size(size);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::CommitArtifactResponse committed,
      connection.Call(connection.artifacts(), &pb::ArtifactService::Stub::CommitArtifact, request));
  return committed.artifact().ref();
}

Status FetchFile(Connection& connection, const std::string& digest, const fs::path& destination,
                 int64_t max_bytes) {
  PENSTOCK_ASSIGN_OR_RETURN(const Digest wanted, ParseDigest(digest));
  std::error_code error;
  fs::create_directories(destination.parent_path(), error);
  std::ofstream file(destination, std::ios::binary | std::ios::trunc);
  if (!file) return ErrnoStatus(errno, "writing " + destination.string());
  const auto context = connection.Context(Micros(0));
  pb::DownloadBlobRequest request;
  request.set_digest(wanted.value());
  const auto reader = connection.artifacts().DownloadBlob(context.get(), request);
  pb::DownloadBlobResponse chunk;
  Sha256Hasher hasher;
  int64_t fetched = 0;
  bool enough = false;
  while (!enough && reader->Read(&chunk)) {
    hasher.Update(chunk.data());
    file.write(chunk.data().data(), static_cast<std::streamsize>(chunk.data().size()));
    fetched += static_cast<int64_t>(chunk.data().size());
    enough = max_bytes > 0 && fetched >= max_bytes;
  }
  if (enough) context->TryCancel();
  const grpc::Status end = reader->Finish();
  if (!enough) PENSTOCK_RETURN_IF_ERROR(connection.Translate(end));
  file.close();
  if (!file) return ErrnoStatus(errno, "writing " + destination.string());
  if (!enough && hasher.Finish() != wanted) {
    return DataLoss("what arrived for " + digest + " is something else; try again");
  }
  return Status::Ok();
}

Status Download(Connection& connection, const pb::Artifact& artifact, const fs::path& destination) {
  std::error_code error;
  if (fs::exists(destination, error)) {
    return WrongUse(destination.string() + " is there already; name another place");
  }
  const Scratch scratch(destination.string() + ".part-" + std::to_string(getpid()));
  const fs::path& partial = scratch.path();
  const auto fetch = [&]() -> Status {
    if (!artifact.ref().tree()) return FetchFile(connection, artifact.ref().digest(), partial);
    fs::create_directories(partial, error);
    for (const pb::ArtifactFile& file : artifact.files()) {
      if (!IsSafeRelative(file.path())) {
        return DataLoss("the artifact names a file outside itself: " + file.path());
      }
      PENSTOCK_RETURN_IF_ERROR(FetchFile(connection, file.digest(), partial / file.path()));
    }
    return Status::Ok();
  };
  PENSTOCK_RETURN_IF_ERROR(fetch());
  fs::rename(partial, destination, error);
  if (error) return InvalidArgument("writing " + destination.string() + ": " + error.message());
  return Status::Ok();
}

Result<pb::Artifact> FindArtifact(Connection& connection, const std::string& name) {
  std::string text = name;
  if (text.starts_with("artifact:")) text.erase(0, 9);
  if (ParseDigest(text).ok()) return GetArtifact(connection, text);
  if (text.starts_with("model:")) {
    PENSTOCK_ASSIGN_OR_RETURN(const ModelName model, ParseModelName(text.substr(6)));
    pb::GetModelVersionRequest request;
    request.set_group(model.group);
    request.set_version(model.version);
    request.set_alias(model.alias);
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::ModelVersion version,
        connection.Call(connection.models(), &pb::ModelService::Stub::GetModelVersion, request));
    return GetArtifact(connection, version.model().digest());
  }
  const std::vector<std::string> parts = Split(text, '/');
  if (parts.size() != 3) {
    return WrongUse("\"" + name +
                    "\" names no artifact; give a digest, model:GROUP/VERSION or RUN/STEP/OUTPUT");
  }
  pb::GetRunRequest request;
  request.set_run_id(parts[0]);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::Run run,
      connection.Call(connection.runs(), &pb::RunService::Stub::GetRun, request));
  std::vector<std::string> known;
  for (const pb::Step& step : run.steps()) {
    for (const auto& [output, ref] : step.outputs()) {
      if (step.name() == parts[1] && output == parts[2]) {
        return GetArtifact(connection, ref.digest());
      }
      known.push_back(step.name() + "/" + output);
    }
  }
  return NotFound("run " + run.run_id() + " has no output " + parts[1] + "/" + parts[2] +
                  Suggestion(parts[1] + "/" + parts[2], known));
}

}  // namespace penstock::cli
