// Which bytes are removed, and what keeps them.

#include "server/ops/blobs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "server/ops/check.h"
#include "tests/unit/metadata/store_fixture.h"

namespace penstock {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;

class BlobsTest : public StoreFixture {
 protected:
  BlobsTest() {
    artifacts_ = *LocalArtifactStore::Open(folder_.path() / "artifacts", {.sync = false});
    journal_ = *Journal::Open(folder_.path() / "journal");
  }

  // As if it had last been used two days ago.
  void Age(const Digest& digest) {
    const timespec long_ago{Clock::Real().Now().micros / 1'000'000 - 2 * 86'400, 0};
    const timespec times[2] = {long_ago, long_ago};
    ASSERT_EQ(utimensat(AT_FDCWD, artifacts_->PathOf(digest).c_str(), times, 0), 0);
  }
  Digest Blob(const std::string& text) {
    const Digest digest = artifacts_->PutBytes(text)->digest;
    Age(digest);
    return digest;
  }
  void Row(const Digest& digest, bool tree, int64_t size) {
    ArtifactRecord record;
    record.ref = {.digest = digest, .type = ArtifactType::kFile, .tree = tree, .size = size};
    record.principal = Principal("user:ada");
    record.created_at = clock_.Now();
    Committed([&] { EXPECT_TRUE(*store_->InsertArtifact(record)); });
  }
  Result<ByteTotals> Collect(bool dry_run = false) {
    return CollectBytes(*reader_, *artifacts_, *journal_, Clock::Real().Now() - hours(24), dry_run,
                        stop_);
  }

  std::unique_ptr<LocalArtifactStore> artifacts_;
  std::unique_ptr<Journal> journal_;
  StopFlag stop_{false};
};

TEST_F(BlobsTest, BytesThatNothingNeedsGoAndOthersStay) {
  const Digest orphan = Blob("orphan");
  const Digest file = Blob("file");
  Row(file, false, 4);
  const Digest held = Blob("held");
  Committed([&] { ASSERT_TRUE(store_->InsertHold("token", held, {}).ok()); });
  const Digest young = artifacts_->PutBytes("an upload under way")->digest;
  const Digest found = Blob("somebody has just looked whether it is there");
  ASSERT_TRUE(artifacts_->Touch(found));
  std::filesystem::create_directories(folder_.path() / "tree" / "sub");
  std::ofstream(folder_.path() / "tree" / "sub" / "part") << "part of a tree";
  const TreeInfo tree = *artifacts_->PutTree(folder_.path() / "tree", false);
  Row(tree.digest, true, tree.size);
  Age(tree.digest);
  const Digest part = Sha256("part of a tree");
  Age(part);

  EXPECT_EQ(Collect(/*dry_run=*/true)->blobs, 1);
  EXPECT_TRUE(artifacts_->Contains(orphan));
  const Result<ByteTotals> totals = Collect();
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_EQ(totals->blobs, 1);
  EXPECT_EQ(totals->bytes, 6);
  EXPECT_FALSE(artifacts_->Contains(orphan));
  for (const Digest& digest : {file, held, young, found, tree.digest, part}) {
    EXPECT_TRUE(artifacts_->Contains(digest));
  }
}

TEST_F(BlobsTest, LogsOfRunsThatWereDeletedGo) {
  RunRecord run;
  Committed([&] { run = AddRun(AddPipeline("p"), RunState::kSucceeded); });
  const RunId gone("run-01ARZ3NDEKTSV4RRFFQ69G5FAV");
  for (const RunId& each : {run.id, gone}) ASSERT_TRUE(journal_->AppendLog(each, {}, 0, "x").ok());
  EXPECT_EQ(Collect()->journals, 1);
  EXPECT_THAT(*journal_->ListRuns(), ElementsAre(run.id));
}

// What else a tree with a damaged manifest needs is not known.
TEST_F(BlobsTest, NothingGoesWhereAManifestCannotBeRead) {
  const Digest orphan = Blob("orphan");
  Row(Sha256("no such manifest"), true, 10);
  EXPECT_EQ(Collect().status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(artifacts_->Contains(orphan));

  const auto repaired = RepairData(*store_, *artifacts_, folder_.path() / "damaged", {}, clock_);
  ASSERT_TRUE(repaired.ok()) << repaired.status();
  ASSERT_EQ(repaired->findings.size(), 1U);
  EXPECT_THAT(repaired->findings[0].message, HasSubstr("its bytes are not there"));
  EXPECT_TRUE(repaired->findings[0].repaired);
  EXPECT_EQ(Collect()->blobs, 1);
}

TEST_F(BlobsTest, EndsSoonWhenTold) {
  Row(Blob("file"), false, 4);
  stop_ = true;
  EXPECT_EQ(Collect().status().reason(), "STOPPING");
}

TEST_F(BlobsTest, AnImportSharesOrChecksWhatItTakes) {
  const auto other = *LocalArtifactStore::Open(folder_.path() / "other", {.sync = false});
  const Digest good = Blob("good");
  EXPECT_TRUE(*other->Import(*artifacts_, good, /*link=*/true));
  EXPECT_FALSE(*other->Import(*artifacts_, good, /*link=*/true)) << "it is there";
  EXPECT_TRUE(other->Verify(good).ok());
  EXPECT_EQ(other->Import(*artifacts_, Sha256("none"), true).status().code(),
            StatusCode::kNotFound);
  const Digest bad = Blob("bad");
  chmod(artifacts_->PathOf(bad).c_str(), 0644);
  std::ofstream(artifacts_->PathOf(bad)) << "BAD";
  EXPECT_EQ(artifacts_->Verify(bad).code(), StatusCode::kDataLoss);
  EXPECT_EQ(other->Import(*artifacts_, bad, /*link=*/false).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(other->Contains(bad));
}

}  // namespace
}  // namespace penstock
