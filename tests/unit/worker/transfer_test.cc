#include "worker/agent/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <thread>

#include "storage/model/limits.h"
#include "tests/unit/worker/fake_coordinator.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class TransferTest : public testing::Test {
 protected:
  TransferTest() {
    WorkerConfig config;
    config.coordinator = fake_.address();
    coordinator_ = *Coordinator::Connect(config);
    transfer_ = std::make_unique<Transfer>(*coordinator_, *store_, cache_);
  }

  static v1::ArtifactRef Ref(const std::string& digest, bool tree = false) {
    v1::ArtifactRef ref;
    ref.set_digest(digest);
    ref.set_tree(tree);
    return ref;
  }

  StoredOutput TreeOutput(const fs::path& folder) {
    const Result<TreeInfo> tree = store_->PutTree(folder, /*move=*/false);
    EXPECT_TRUE(tree.ok()) << tree.status();
    return {"data", {.digest = tree->digest, .type = ArtifactType::kDataset, .tree = true}, 1};
  }

  static v1::LogChunk Chunk(int64_t offset, const std::string& data) {
    v1::LogChunk chunk;
    chunk.set_token("t");
    chunk.set_offset(offset);
    chunk.set_data(data);
    return chunk;
  }

  FakeCoordinator fake_;
  TempFolder folder_ = *TempFolder::Make("/tmp");
  std::unique_ptr<LocalArtifactStore> store_ =
      *LocalArtifactStore::Open(folder_.path() / "store", {.sync = false, .clean = true});
  ArtifactCache cache_{*store_, {.max_bytes = 1 << 20}};
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Transfer> transfer_;
  TransferStop stop_;
};

TEST_F(TransferTest, AFileIsFetchedOnce) {
  const std::string digest = fake_.AddBlob("bytes");
  ASSERT_TRUE(transfer_->Fetch(Ref(digest), stop_).ok());
  ASSERT_TRUE(transfer_->Fetch(Ref(digest), stop_).ok());
  EXPECT_EQ(*store_->ReadBlob(*ParseDigest(digest), 100), "bytes");
  EXPECT_EQ(fake_.downloads(), 1);
}

TEST_F(TransferTest, ATreeIsFetchedWithItsFiles) {
  const std::string a = fake_.AddBlob("aaa");
  const std::string b = fake_.AddBlob("bb");
  Manifest manifest;
  manifest.files = {{"x/a", *ParseDigest(a), 3, false}, {"b", *ParseDigest(b), 2, true}};
  const std::string tree = fake_.AddBlob(manifest.Serialise());
  ASSERT_TRUE(transfer_->Fetch(Ref(tree, true), stop_).ok());
  ASSERT_TRUE(store_->Materialise(*ParseDigest(tree), true, folder_.path() / "out", true).ok());
  EXPECT_EQ(*ReadFile(folder_.path() / "out" / "x" / "a"), "aaa");
}

TEST_F(TransferTest, BytesThatWereCutShortAreFetchedAgain) {
  const std::string digest = fake_.AddBlob(std::string(1000, 'x'));
  fake_.BreakDownloads(1);
  ASSERT_TRUE(transfer_->Fetch(Ref(digest), stop_).ok());
  EXPECT_EQ(fake_.downloads(), 2);
  EXPECT_EQ(*store_->Size(*ParseDigest(digest)), 1000);
}

TEST_F(TransferTest, WhatTheCoordinatorDoesNotHaveIsAnError) {
  const std::string missing = "sha256:" + std::string(64, '0');
  EXPECT_EQ(transfer_->Fetch(Ref(missing), stop_).code(), StatusCode::kNotFound);
  EXPECT_EQ(transfer_->Fetch(Ref("garbage"), stop_).code(), StatusCode::kInvalidArgument);
  const std::string text = fake_.AddBlob("no manifest");
  EXPECT_FALSE(transfer_->Fetch(Ref(text, true), stop_).ok());
}

TEST_F(TransferTest, OnlyWhatIsMissingIsUploadedAndAllIsCommitted) {
  const fs::path folder = folder_.path() / "tree";
  fs::create_directory(folder);
  std::ofstream(folder / "known") << "known";
  std::ofstream(folder / "large") << std::string(limits::kArtifactChunkBytes + 1, 'l');
  std::ofstream(folder / "empty");
  fake_.AddBlob("known");
  const StoredOutput output = TreeOutput(folder);
  fake_.BreakCommits(1);
  const Status status = transfer_->Publish({output}, "token", stop_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(fake_.blobs().size(), 4U);
  EXPECT_THAT(fake_.committed(), ElementsAre(FormatDigest(output.ref.digest)));
}

// A call may ask for 10,000 digests; a tree may hold more files.
TEST_F(TransferTest, ATreeOfManyFilesIsPublished) {
  const fs::path folder = folder_.path() / "many";
  fs::create_directory(folder);
  for (int i = 0; i < 10'001; ++i) std::ofstream(folder / std::to_string(i)) << i;
  const StoredOutput output = TreeOutput(folder);
  // All but two are there, so that the test is quick.
  const Result<Manifest> manifest = store_->ReadManifest(output.ref.digest);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  for (std::size_t i = 1; i < manifest->files.size(); ++i) {
    fake_.AddBlob(*store_->ReadBlob(manifest->files[i].digest, 100));
  }
  const Status status = transfer_->Publish({output}, "token", stop_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(fake_.blobs().size(), 10'002U);
}

TEST_F(TransferTest, AnOutputThatIsGoneIsAnError) {
  const StoredOutput gone{"data", {.digest = Digest(std::string(64, '1'))}, 1};
  EXPECT_FALSE(transfer_->Publish({gone}, "token", stop_).ok());
}

TEST_F(TransferTest, AStoppedAgentWaitsForNobody) {
  fake_.BreakCommits(1'000'000);
  const Result<BlobInfo> blob = store_->PutBytes("x");
  ASSERT_TRUE(blob.ok()) << blob.status();
  coordinator_->Stop();
  const Status status = transfer_->Publish({{"data", {.digest = blob->digest}, 1}}, "token", stop_);
  EXPECT_EQ(status.code(), StatusCode::kCancelled) << status;
}

// A disk that is full stays full: the attempt must end, and say what to do.
TEST_F(TransferTest, WhatThisMachineLacksIsNotTriedAgain) {
  ASSERT_TRUE(transfer_->Fetch(Ref(fake_.AddBlob("opens the connection")), stop_).ok());
  const std::string digest = fake_.AddBlob("needs a file");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status status = transfer_->Fetch(Ref(digest), stop_);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(status.reason(), "TOO_MANY_OPEN_FILES") << status;
  EXPECT_THAT(status.message(), HasSubstr(store_->temp_folder().string()));
  EXPECT_THAT(status.message(), HasSubstr("raise the limit"));
  EXPECT_EQ(fake_.downloads(), 1);
}

TEST_F(TransferTest, AStoppedFetchEndsInMidCall) {
  const std::string digest = fake_.AddBlob("never comes");
  fake_.HoldDownloads(true);
  std::thread stopper([&] {
    while (fake_.downloads() == 0) std::this_thread::yield();
    stop_.Stop();
  });
  EXPECT_EQ(transfer_->Fetch(Ref(digest), stop_).code(), StatusCode::kCancelled);
  stopper.join();
  EXPECT_EQ(fake_.downloads(), 1);
  EXPECT_EQ(transfer_->Fetch(Ref(digest), stop_).code(), StatusCode::kCancelled);
  EXPECT_EQ(fake_.downloads(), 1) << "what begins later does not begin";
}

TEST_F(TransferTest, AStoppedPublishEndsBetweenTries) {
  fake_.BreakCommits(1'000'000);
  const Result<BlobInfo> blob = store_->PutBytes("x");
  ASSERT_TRUE(blob.ok()) << blob.status();
  std::thread stopper([&] {
    while (fake_.blobs().empty()) std::this_thread::yield();
    stop_.Stop();
  });
  const Status status = transfer_->Publish({{"data", {.digest = blob->digest}, 1}}, "token", stop_);
  stopper.join();
  EXPECT_EQ(status.code(), StatusCode::kCancelled) << status;
}

TEST_F(TransferTest, ALogIsAppendedWhereItEnds) {
  const auto first = transfer_->AppendLog(Chunk(0, "one "));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->offset(), 4);
  EXPECT_EQ(transfer_->AppendLog(Chunk(4, "two"))->offset(), 7);
  EXPECT_EQ(transfer_->AppendLog(Chunk(4, "two"))->offset(), 7);
  EXPECT_EQ(fake_.log("t"), "one two");
}

// A coordinator that crashed may have lost the end of a log: what comes after is not lost with it.
TEST_F(TransferTest, ALogGoesOnAfterAGap) {
  ASSERT_TRUE(transfer_->AppendLog(Chunk(0, "kept, and lost")).ok());
  fake_.CutLog("t", 4);
  const auto next = transfer_->AppendLog(Chunk(14, "after"));
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_THAT(fake_.log("t"), HasSubstr("10 bytes"));
  EXPECT_TRUE(fake_.log("t").starts_with("kept"));
  EXPECT_TRUE(fake_.log("t").ends_with("after"));
  EXPECT_EQ(next->offset(), static_cast<int64_t>(fake_.log("t").size()));
}

}  // namespace
}  // namespace penstock
