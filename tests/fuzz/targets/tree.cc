// Manifests of trees that clients upload: the bytes as a manifest, and laid out on disk. Whatever
// it says, nothing is written beside the folder that it is laid out in, and what comes out is that
// tree.

#include <filesystem>

#include "base/file.h"
#include "server/ops/model_terms.h"
#include "storage/artifact/local_artifact_store.h"
#include "storage/artifact/manifest.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

namespace fs = std::filesystem;

// A store with two files: the empty one, and "hello\n".
struct Place {
  Place() : folder(*TempFolder::Make(fs::temp_directory_path())) {
    store = *LocalArtifactStore::Open(folder.path() / "store", {.sync = false, .clean = true});
    FUZZ_EXPECT(store->PutBytes("").ok() && store->PutBytes("hello\n").ok(), "");
  }
  TempFolder folder;
  std::unique_ptr<LocalArtifactStore> store;
};

void LayOut(Place& place, std::string_view bytes, const Manifest& manifest) {
  const Result<BlobInfo> stored = place.store->PutBytes(bytes);
  FUZZ_EXPECT(stored.ok(), stored.status().ToString());
  const fs::path around = place.folder.path() / "around";
  fs::create_directories(around);
  const Status laid = place.store->Materialise(stored->digest, true, around / "tree", false);
  for (const auto& entry : fs::directory_iterator(around)) {
    FUZZ_EXPECT(entry.path().filename() == "tree", entry.path().string());
  }
  if (laid.ok()) {
    const Result<TreeInfo> again = place.store->PutTree(around / "tree", false);
    FUZZ_EXPECT(again.ok(), again.status().ToString());
    Manifest copy = manifest;
    // The sizes that it says may be wrong; whoever commits it checks them.
    for (ManifestEntry& entry : copy.files) entry.size = *place.store->Size(entry.digest);
    FUZZ_EXPECT(again->digest == Sha256(copy.Serialise()), copy.Serialise());
  } else {
    ExpectRefusal(laid);
  }
  const Result<ModelTerms> terms = TermsOfModel(
      *place.store, {.digest = stored->digest, .type = ArtifactType::kModel, .tree = true});
  if (!terms.ok()) ExpectRefusal(terms.status());
  FUZZ_EXPECT(RemoveAll(around).ok() && place.store->Remove(stored->digest).ok(), "");
}

}  // namespace

int FuzzTree(std::string_view bytes) {
  static Place place;
  const Result<Manifest> manifest = ParseManifest(bytes);
  if (!manifest.ok()) {
    ExpectRefusal(manifest.status());
    FUZZ_EXPECT(manifest.status().reason() == "BAD_MANIFEST", manifest.status().ToString());
    return 0;
  }
  int64_t largest = 0;
  for (const ManifestEntry& entry : manifest->files) {
    FUZZ_EXPECT(IsSafePath(entry.path), entry.path);
    largest = std::max(largest, entry.size);
  }
  FUZZ_EXPECT(manifest->total_size() >= largest, std::to_string(manifest->total_size()));
  Manifest copy = *manifest;
  const std::string canonical = copy.Serialise();
  const Result<Manifest> again = ParseManifest(canonical);
  FUZZ_EXPECT(again.ok(), again.status().ToString());
  copy = *again;
  FUZZ_EXPECT(copy.Serialise() == canonical, canonical);
  LayOut(place, bytes, *manifest);
  return 0;
}

}  // namespace penstock::fuzz
