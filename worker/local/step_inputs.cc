#include "worker/local/step_inputs.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "steps/process/read_spec.h"
#include "steps/process/transform.h"
#include "steps/table/sample.h"
#include "storage/artifact/manifest.h"
#include "worker/local/table_options.h"

namespace penstock::local {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits kTransformLimits{.max_bytes = 256 << 20, .max_depth = 64};

Result<Json> ReadTransform(const fs::path& file) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(file, static_cast<int64_t>(kTransformLimits.max_bytes)));
  return ParseJson(text, kTransformLimits);
}

// How the step reads its raw data: as its parameters say, or as the transform does that it is given
// by itself or in a model.
Result<ReadOptions> ReadOptionsOf(const Json& request) {
  if (const Json& read = JsonMember(JsonMember(request, "parameters"), "read"); read.is_object()) {
    return ReadOptionsFromJson(read);
  }
  for (const Json& input : JsonMember(request, "inputs")) {
    const fs::path path = JsonString(input, "path");
    const std::string type = JsonString(input, "type");
    const fs::path file = type == "transform" ? path / kTransformFile
                          : type == "model"   ? path / "transform" / kTransformFile
                                              : fs::path();
    std::error_code error;
    if (file.empty() || !fs::exists(file, error)) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const Json transform, ReadTransform(file));
    return ReadOptionsFromJson(JsonMember(transform, "read"));
  }
  return ReadOptions();
}

Result<ManifestEntry> Entry(const fs::path& file, const std::string& name) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return ErrnoStatus(errno, file.string());
  ManifestEntry entry{.path = name, .digest = {}};
  Sha256Hasher hasher;
  std::vector<char> buffer(1 << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hasher.Update({buffer.data(), static_cast<std::size_t>(in.gcount())});
    entry.size += in.gcount();
  }
  entry.digest = hasher.Finish();
  const fs::perms mode = fs::status(file).permissions();
  entry.executable = (mode & fs::perms::owner_exec) != fs::perms::none;
  return entry;
}

// As uploading gives it.
Result<Digest> DigestOf(const fs::path& path) {
  if (!fs::is_directory(path)) {
    PENSTOCK_ASSIGN_OR_RETURN(const ManifestEntry entry, Entry(path, "file"));
    return entry.digest;
  }
  Manifest manifest;
  std::error_code error;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    PENSTOCK_ASSIGN_OR_RETURN(
        ManifestEntry entry,
        Entry(it->path(), it->path().lexically_relative(path).generic_string()));
    manifest.files.push_back(std::move(entry));
  }
  if (error) return ErrnoStatus(error.value(), path.string());
  return Sha256(manifest.Serialise());
}

Status Copy(const fs::path& from, const fs::path& to) {
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(to.parent_path()));
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);
  return error ? ErrnoStatus(error.value(), from.string()) : Status::Ok();
}

class Preparation {
 public:
  Preparation(std::string type, const Json& request, fs::path folder)
      : type_(std::move(type)), request_(request), folder_(std::move(folder)) {}

  Result<PreparedInputs> Run() {
    int number = 0;
    for (const Json& each : JsonMember(request_, "inputs")) {
      PreparedInput input;
      input.name = JsonString(each, "name");
      input.path = JsonString(each, "path");
      input.display_name = JsonString(each, "display");
      PENSTOCK_ASSIGN_OR_RETURN(input.type, TypeOf(JsonString(each, "type")));
      const fs::path place = folder_ / (input.name + "-" + std::to_string(number++));
      if (JsonBool(each, "sample") && JsonMember(request_, "sample").is_object()) {
        PENSTOCK_RETURN_IF_ERROR(Sample(place, input));
      }
      PENSTOCK_RETURN_IF_ERROR(Finish(JsonString(each, "digest"), place, input));
      prepared_.inputs.push_back(std::move(input));
    }
    return std::move(prepared_);
  }

 private:
  static Result<ArtifactType> TypeOf(const std::string& name) {
    const std::optional<ArtifactType> type = ParseArtifactType(name);
    if (!type) return InvalidArgument("\"" + name + "\" is no type of an artifact");
    return *type;
  }

  Status Sample(const fs::path& place, PreparedInput& input) {
    const Json& sample = JsonMember(request_, "sample");
    PENSTOCK_ASSIGN_OR_RETURN(const ReadOptions read, ReadOptionsOf(request_));
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder_));
    Result<Sampled> made =
        SampleData({input.path, input.display_name}, read, JsonInt(sample, "rows"),
                   static_cast<uint64_t>(JsonInt(sample, "seed")), OptionsOf(folder_), place);
    if (!made.ok() && type_ == "script") {
      // A script reads whatever it likes: pictures, for one.
      std::string note = "input " + input.name + " is given whole, as no table could be read: ";
      prepared_.notes.push_back(note.append(made.status().message()));
      return Status::Ok();
    }
    PENSTOCK_RETURN_IF_ERROR(made.status());
    if (!made->whole) input.path = place;
    prepared_.sampled.push_back({{"input", input.name},
                                 {"name", input.display_name},
                                 {"rows", made->rows},
                                 {"total", made->total}});
    prepared_.restore.emplace_back([places = std::move(made->places)](std::string text) {
      return places.Restore(std::move(text));
    });
    return Status::Ok();
  }

  Status Finish(const std::string& digest, const fs::path& place, PreparedInput& input) {
    // A script takes what it is given out of its place, and may write to it.
    if (type_ == "script" && input.path != place) {
      PENSTOCK_RETURN_IF_ERROR(Copy(input.path, place));
      input.path = place;
    }
    // These write what they learned from into the model.
    const bool kept = type_ == "train" || type_ == "script";
    if (!digest.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(input.digest, ParseDigest(digest));
    } else if (kept) {
      PENSTOCK_ASSIGN_OR_RETURN(input.digest, DigestOf(input.path));
    }
    return Status::Ok();
  }

  const std::string type_;
  const Json& request_;
  const fs::path folder_;
  PreparedInputs prepared_;
};

}  // namespace

Result<PreparedInputs> PrepareInputs(const std::string& type, const Json& request,
                                     const fs::path& folder) {
  return Preparation(type, request, folder).Run();
}

Json DescribeTransform(const fs::path& folder) {
  const Result<Json> transform = ReadTransform(folder / kTransformFile);
  if (!transform.ok()) return Json();
  Json operations = Json::array();
  for (const Json& operation : JsonMember(*transform, "operations")) {
    Json described{{"op", JsonString(operation, "op")}};
    if (const Json& columns = JsonMember(operation, "columns"); !columns.is_null()) {
      described["columns"] = columns;
    }
    operations.push_back(std::move(described));
  }
  return {{"operations", std::move(operations)},
          {"rawFeatures", JsonMember(*transform, "raw_features").size()},
          {"features", JsonMember(*transform, "features").size()}};
}

}  // namespace penstock::local
