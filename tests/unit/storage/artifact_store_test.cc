#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "storage/artifact/local_artifact_store.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

class ArtifactStoreTest : public testing::Test {
 protected:
  std::unique_ptr<LocalArtifactStore> Open(LocalArtifactStore::Options options = {}) {
    auto store = LocalArtifactStore::Open(folder_.path() / "store", options);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  fs::path Write(const std::string& name, const std::string& bytes) {
    const fs::path path = folder_.path() / name;
    EXPECT_TRUE(MakeFolders(path.parent_path()).ok());
    EXPECT_TRUE(WriteFileAtomic(path, bytes).ok());
    return path;
  }

  bool TempIsEmpty() { return fs::is_empty(store_->temp_folder()); }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  std::unique_ptr<LocalArtifactStore> store_ = Open();
};

TEST_F(ArtifactStoreTest, BytesAreFoundByTheirDigest) {
  const Result<BlobInfo> first = store_->PutBytes("hello");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->digest, Sha256("hello"));
  EXPECT_FALSE(first->existed);
  const Result<BlobInfo> second = store_->PutBytes("hello");
  EXPECT_TRUE(second->existed);
  EXPECT_EQ(second->digest, first->digest);
  EXPECT_TRUE(store_->Contains(first->digest));
  EXPECT_EQ(*store_->Size(first->digest), 5);
  EXPECT_EQ(*store_->ReadBlob(first->digest, 5), "hello");
  EXPECT_FALSE(store_->ReadBlob(first->digest, 4).ok());
  EXPECT_EQ(store_->Size(Sha256("other")).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(TempIsEmpty());
  // And by another process, and after a restart.
  EXPECT_EQ(*Open({.clean = false})->ReadBlob(first->digest, 5), "hello");
}

TEST_F(ArtifactStoreTest, AWriterThatIsNotCommittedLeavesNothing) {
  {
    Result<LocalArtifactStore::Writer> writer = store_->NewWriter();
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->Append("half of it").ok());
    EXPECT_FALSE(TempIsEmpty());
  }
  EXPECT_TRUE(TempIsEmpty());
  EXPECT_TRUE(store_->List()->empty());
}

TEST_F(ArtifactStoreTest, BytesThatAreNotWhatWasPromisedAreRefused) {
  Result<LocalArtifactStore::Writer> writer = store_->NewWriter();
  ASSERT_TRUE(writer->Append("something else").ok());
  EXPECT_EQ(writer->Commit(Sha256("promised")).status().reason(), "DIGEST_MISMATCH");
  EXPECT_TRUE(store_->List()->empty());
}

TEST_F(ArtifactStoreTest, WhatAKilledProcessLeftIsCleanedByTheOneThatOwnsTheStore) {
  Write("store/tmp/half", "half");
  (void)Open({.clean = false});
  EXPECT_FALSE(TempIsEmpty());
  store_ = Open({.clean = true});
  EXPECT_TRUE(TempIsEmpty());
}

TEST_F(ArtifactStoreTest, ReadsNoticeChangedBytes) {
  const Digest digest = store_->PutBytes(std::string(100'000, 'a'))->digest;
  const fs::path path = store_->PathOf(digest);
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  std::string damaged(100'000, 'a');
  damaged[77'777] = 'b';
  ASSERT_TRUE(WriteFileAtomic(path, damaged).ok());
  EXPECT_EQ(store_->ReadBlob(digest, 1 << 20).status().reason(), "CORRUPT");
  Result<BlobReader> reader = store_->OpenBlob(digest);
  ASSERT_TRUE(reader.ok());
  Status last;
  while (last.ok()) {
    const Result<std::string> chunk = reader->Read(10'000);
    last = chunk.status();
    if (chunk.ok() && chunk->empty()) break;
  }
  EXPECT_EQ(last.reason(), "CORRUPT");
}

TEST_F(ArtifactStoreTest, AReaderCanBeginInTheMiddle) {
  const Digest digest = store_->PutBytes("0123456789")->digest;
  Result<BlobReader> reader = store_->OpenBlob(digest, 7);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(*reader->Read(100), "789");
  EXPECT_EQ(*reader->Read(100), "");
  EXPECT_FALSE(store_->OpenBlob(digest, 11).ok());
}

TEST_F(ArtifactStoreTest, AFileIsTakenOverOrCopied) {
  const fs::path copied = Write("copied", "c");
  const fs::path moved = Write("moved", "m");
  ASSERT_TRUE(store_->PutFile(copied, /*move=*/false).ok());
  ASSERT_TRUE(store_->PutFile(moved, /*move=*/true).ok());
  EXPECT_EQ(*ReadFile(copied), "c");
  EXPECT_TRUE(store_->Contains(Sha256("m")));
  struct stat info {};
  ASSERT_EQ(stat(store_->PathOf(Sha256("m")).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0222, 0u) << "a blob can be written to";
  EXPECT_EQ(store_->PutFile(folder_.path() / "none", false).status().code(), StatusCode::kNotFound);
}

TEST_F(ArtifactStoreTest, ATreeComesBackAsItWas) {
  Write("tree/a", "same");
  Write("tree/deep/er/b", "same");
  const fs::path program = Write("tree/run.sh", "#!/bin/sh\n");
  ASSERT_EQ(chmod(program.c_str(), 0755), 0);
  const Result<TreeInfo> tree = store_->PutTree(folder_.path() / "tree", false);
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->files, 3);
  EXPECT_EQ(tree->size, 18);
  for (const bool link : {true, false}) {
    const fs::path to = folder_.path() / (link ? "linked" : "copied");
    ASSERT_TRUE(store_->Materialise(tree->digest, /*tree=*/true, to, link).ok());
    EXPECT_EQ(*ReadFile(to / "deep/er/b"), "same");
    EXPECT_EQ(access((to / "run.sh").c_str(), X_OK), 0);
    EXPECT_EQ(store_->PutTree(to, false)->digest, tree->digest);
  }
  // A copy is the receiver's own.
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "copied" / "a", "changed").ok());
  EXPECT_EQ(*store_->ReadBlob(Sha256("same"), 10), "same");
}

TEST_F(ArtifactStoreTest, LinksInATreeAreRefused) {
  Write("tree/a", "a");
  fs::create_symlink("/etc/passwd", folder_.path() / "tree" / "link");
  EXPECT_EQ(store_->PutTree(folder_.path() / "tree", false).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(ArtifactStoreTest, WhatIsNoTreeCannotBeMaterialisedAsOne) {
  const Digest digest = store_->PutBytes("no manifest")->digest;
  EXPECT_FALSE(store_->Materialise(digest, true, folder_.path() / "to", true).ok());
  EXPECT_FALSE(store_->Materialise(Sha256("none"), false, folder_.path() / "to", true).ok());
}

TEST_F(ArtifactStoreTest, RemovedIsGone) {
  const Digest digest = store_->PutBytes("x")->digest;
  ASSERT_TRUE(store_->Remove(digest).ok());
  ASSERT_TRUE(store_->Remove(digest).ok());
  EXPECT_FALSE(store_->Contains(digest));
  EXPECT_FALSE(store_->Touch(digest));
  EXPECT_TRUE(store_->List()->empty());
}

TEST_F(ArtifactStoreTest, ThreadsStoreTheSameAndOtherThings) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(store_->PutBytes("shared " + std::to_string(i)).ok());
        EXPECT_TRUE(store_->PutBytes(std::to_string(t) + " own " + std::to_string(i)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->List()->size(), 250U);
  const auto blobs = store_->List();
  for (const StoredBlob& blob : *blobs) {
    EXPECT_TRUE(store_->ReadBlob(blob.digest, 100).ok());
  }
  EXPECT_TRUE(TempIsEmpty());
}

}  // namespace
}  // namespace penstock
