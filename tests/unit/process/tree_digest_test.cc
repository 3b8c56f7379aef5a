#include "steps/process/tree_digest.h"

#include <gtest/gtest.h>

#include "storage/artifact/manifest.h"

namespace penstock {
namespace {

// Steps may not use the artifact store; what they say of a tree must still be what it says.
TEST(SingleFileTreeDigest, IsTheStoresDigest) {
  const std::string bytes = "{\"format\":\"penstock-transform/1\"}\n";
  Manifest manifest;
  manifest.files.push_back(
      {"transform.json", Sha256(bytes), static_cast<int64_t>(bytes.size()), false});
  EXPECT_EQ(SingleFileTreeDigest("transform.json", bytes), Sha256(manifest.Serialise()));
}

}  // namespace
}  // namespace penstock
