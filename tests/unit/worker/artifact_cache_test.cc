#include "worker/agent/artifact_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <barrier>
#include <fstream>
#include <thread>

#include "base/file.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

Time Now() {
  return Clock::Real().Now();
}

// What takes as much of the disk as it has bytes.
constexpr int64_t kBlob = 4'096;

class ArtifactCacheTest : public testing::Test {
 protected:
  // A blob of kBlob bytes that was last used so long ago.
  Digest Blob(char letter, Micros age) {
    const Result<BlobInfo> info = store_->PutBytes(std::string(kBlob, letter));
    EXPECT_TRUE(info.ok()) << info.status();
    Age(info->digest, age);
    return info->digest;
  }

  void Age(const Digest& digest, Micros age) {
    const Time time = Now() - age;
    const timespec spec{time.micros / 1'000'000, time.micros % 1'000'000 * 1'000};
    const timespec times[2] = {spec, spec};
    ASSERT_EQ(utimensat(AT_FDCWD, store_->PathOf(digest).c_str(), times, 0), 0);
  }

  // A tree of one file of kBlob bytes; everything was last used so long ago.
  TreeInfo Tree(char letter, Micros age) {
    const fs::path folder = folder_.path() / (std::string("tree-") + letter);
    fs::create_directory(folder);
    std::ofstream(folder / "data") << std::string(kBlob, letter);
    const Result<TreeInfo> info = store_->PutTree(folder, /*move=*/false);
    EXPECT_TRUE(info.ok()) << info.status();
    Age(info->digest, age);
    Age(store_->ReadManifest(info->digest)->files[0].digest, age);
    return *info;
  }

  Result<ArtifactCache::Trimmed> Trim(int64_t max_bytes,
                                      const std::vector<ArtifactCache::Needed>& needed = {},
                                      Micros unused_for = Micros(0)) {
    ArtifactCache cache(*store_, {.max_bytes = max_bytes});
    return cache.Trim(needed, Now() - unused_for);
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  std::unique_ptr<LocalArtifactStore> store_ =
      *LocalArtifactStore::Open(folder_.path() / "store", {.sync = false, .clean = true});
};

constexpr Micros kHour = std::chrono::hours(1);

TEST_F(ArtifactCacheTest, WhatFitsStays) {
  const Digest a = Blob('a', kHour);
  const Digest b = Blob('b', kHour);
  const auto trimmed = Trim(2 * kBlob);
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  EXPECT_EQ(trimmed->removed_blobs, 0);
  EXPECT_EQ(trimmed->left_bytes, 2 * kBlob);
  EXPECT_TRUE(store_->Contains(a));
  EXPECT_TRUE(store_->Contains(b));
}

TEST_F(ArtifactCacheTest, TheLeastRecentlyUsedGoFirstAndATenthIsFreed) {
  const Digest oldest = Blob('a', 4 * kHour);
  const Digest newest = Blob('b', 1 * kHour);
  const Digest third = Blob('c', 2 * kHour);
  const Digest second = Blob('d', 3 * kHour);
  const auto trimmed = Trim(3 * kBlob);
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  // Four are above three, and 2.7 are the aim.
  EXPECT_EQ(trimmed->removed_blobs, 2);
  EXPECT_EQ(trimmed->removed_bytes, 2 * kBlob);
  EXPECT_EQ(trimmed->left_bytes, 2 * kBlob);
  EXPECT_FALSE(store_->Contains(oldest));
  EXPECT_FALSE(store_->Contains(second));
  EXPECT_TRUE(store_->Contains(third));
  EXPECT_TRUE(store_->Contains(newest));
}

TEST_F(ArtifactCacheTest, TouchingAndStoringAgainAreUses) {
  const Digest touched = Blob('a', 4 * kHour);
  const Digest stored = Blob('b', 4 * kHour);
  const Digest moved = Blob('c', 4 * kHour);
  const Digest idle = Blob('d', 3 * kHour);
  EXPECT_TRUE(store_->Touch(touched));
  EXPECT_TRUE(store_->PutBytes(std::string(kBlob, 'b'))->existed);
  const fs::path file = folder_.path() / "file";
  std::ofstream(file) << std::string(kBlob, 'c');
  EXPECT_TRUE(store_->PutFile(file, /*move=*/true)->existed);
  ASSERT_TRUE(Trim(3 * kBlob, {}, kHour).ok());
  EXPECT_FALSE(store_->Contains(idle));
  for (const Digest& digest : {touched, stored, moved}) EXPECT_TRUE(store_->Contains(digest));
  EXPECT_FALSE(store_->Touch(idle));
}

// A step may give a file as its output that is older than itself.
TEST_F(ArtifactCacheTest, AFileIsUsedWhenItIsStoredWhateverItsOwnTime) {
  const fs::path file = folder_.path() / "file";
  std::ofstream(file) << "old";
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(5));
  const Digest digest = store_->PutFile(file, /*move=*/true)->digest;
  const auto trimmed = Trim(0, {}, kHour);
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  EXPECT_TRUE(store_->Contains(digest));
}

TEST_F(ArtifactCacheTest, WhatIsNeededStaysWithTheFilesOfItsTrees) {
  const TreeInfo needed = Tree('a', 5 * kHour);
  const TreeInfo other = Tree('b', 4 * kHour);
  const Digest single = Blob('c', 5 * kHour);
  const Digest file = store_->ReadManifest(needed.digest)->files[0].digest;
  const auto trimmed = Trim(0, {{needed.digest, true}, {single, false}});
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  EXPECT_EQ(trimmed->removed_blobs, 2);
  EXPECT_TRUE(store_->Contains(needed.digest));
  EXPECT_TRUE(store_->Contains(file));
  EXPECT_TRUE(store_->Contains(single));
  EXPECT_FALSE(store_->Contains(other.digest));
}

TEST_F(ArtifactCacheTest, ANeededTreeThatIsNotHereYetIsNoError) {
  const Digest old = Blob('a', kHour);
  const auto trimmed = Trim(0, {{Digest(std::string(64, '0')), true}});
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  EXPECT_FALSE(store_->Contains(old));
}

TEST_F(ArtifactCacheTest, WhatWasUsedSinceStaysThoughItIsTooMuch) {
  const Digest fresh = Blob('a', kHour);
  const auto trimmed = Trim(0, {}, 2 * kHour);
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  EXPECT_EQ(trimmed->left_bytes, kBlob);
  EXPECT_TRUE(store_->Contains(fresh));
}

TEST_F(ArtifactCacheTest, AWorkspaceKeepsItsBytes) {
  const TreeInfo tree = Tree('a', kHour);
  const fs::path workspace = folder_.path() / "in";
  ASSERT_TRUE(store_->Materialise(tree.digest, true, workspace, /*link=*/true).ok());
  ASSERT_EQ(Trim(0)->left_bytes, 0);
  EXPECT_EQ(*ReadFile(workspace / "data"), std::string(kBlob, 'a'));
}

TEST_F(ArtifactCacheTest, StrayFilesAreLeftAlone) {
  Blob('a', kHour);
  const fs::path stray = folder_.path() / "store" / "blobs" / "notes.txt";
  std::ofstream(stray) << "mine";
  ASSERT_EQ(Trim(0)->removed_blobs, 1);
  EXPECT_TRUE(fs::exists(stray));
}

TEST_F(ArtifactCacheTest, AFolderThatCannotBeReadIsAnError) {
  fs::remove_all(folder_.path() / "store" / "blobs");
  EXPECT_FALSE(Trim(0).ok());
}

TEST_F(ArtifactCacheTest, SmallFilesCountAsMuchAsTheyTakeOfTheDisk) {
  for (char letter = 'a'; letter < 'k'; ++letter) {
    ASSERT_TRUE(store_->PutBytes(std::string(1, letter)).ok());
  }
  ArtifactCache cache(*store_, {.max_bytes = 5 * kBlob});
  cache.Added(10, /*files=*/10);  // a tree
  EXPECT_TRUE(cache.Due());
  const auto trimmed = cache.Trim({}, Now() + kHour);
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  EXPECT_EQ(trimmed->removed_blobs, 6);
  EXPECT_EQ(trimmed->left_bytes, 4 * kBlob);
}

TEST_F(ArtifactCacheTest, ATrimIsDueWhenTooMuchMayBeThereAndNotTooOften) {
  ArtifactCache cache(*store_, {.max_bytes = kBlob * 3 / 2, .min_interval = kHour});
  EXPECT_FALSE(cache.Due());
  cache.Added(kBlob);
  EXPECT_FALSE(cache.Due());
  cache.Added(kBlob);
  EXPECT_TRUE(cache.Due());
  Blob('a', Micros(0));
  Blob('b', Micros(0));
  ASSERT_TRUE(cache.Trim({}, Now() - kHour).ok());  // everything is in use
  EXPECT_FALSE(cache.Due());

  ArtifactCache eager(*store_, {.max_bytes = kBlob * 3 / 2, .min_interval = Micros(0)});
  ASSERT_TRUE(eager.Trim({}, Now() - kHour).ok());
  EXPECT_TRUE(eager.Due());  // both are still there
  ASSERT_EQ(eager.Trim({}, Now() + kHour)->left_bytes, kBlob);
  EXPECT_FALSE(eager.Due());
  eager.Added(kBlob);
  EXPECT_TRUE(eager.Due());
}

// Whoever finds a blob while it is being removed keeps it.
TEST_F(ArtifactCacheTest, ATouchAndARemovalNeverBothWin) {
  constexpr int kRounds = 300;
  std::barrier line(2);
  Digest digest = Blob('x', 2 * kHour);
  bool touched = false;
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      line.arrive_and_wait();
      touched = store_->Touch(digest);
      line.arrive_and_wait();
    }
  });
  int kept = 0;
  for (int i = 0; i < kRounds; ++i) {
    digest = Blob('x', 2 * kHour);
    line.arrive_and_wait();
    const Result<bool> gone = store_->RemoveUnlessUsed(digest, Now() - kHour);
    line.arrive_and_wait();
    EXPECT_TRUE(gone.ok()) << gone.status();
    EXPECT_EQ(store_->Contains(digest), touched);
    EXPECT_EQ(gone.value_or(false), !touched);
    kept += touched ? 1 : 0;
  }
  other.join();
  RecordProperty("kept", kept);
}

// Children of one worker store equal outputs at the same time.
TEST_F(ArtifactCacheTest, EqualFilesCanBeStoredAtTheSameTime) {
  constexpr int kRounds = 200;
  constexpr int kThreads = 4;
  std::barrier line(kThreads);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const fs::path file = folder_.path() / ("file-" + std::to_string(t));
        std::ofstream(file) << "content " << i;
        line.arrive_and_wait();
        const Result<BlobInfo> info = store_->PutFile(file, /*move=*/true);
        if (!info.ok() || !store_->Contains(info->digest)) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(fs::is_empty(store_->temp_folder()));
}

}  // namespace
}  // namespace penstock
