#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unfinished_writes.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  int FilesIn(const fs::path& folder) {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(folder)) count += entry.exists() ? 1 : 0;
    return count;
  }

  TempFolder folder_ = *TempFolder::Make(fs::temp_directory_path());
  const fs::path file_ = folder_.path() / "file";
};

TEST_F(FileTest, AWrittenFileIsReadBackWithinItsLimit) {
  ASSERT_TRUE(WriteFileAtomic(file_, std::string("a\0b", 3), 0600).ok());
  EXPECT_EQ(*ReadFile(file_), std::string("a\0b", 3));
  EXPECT_EQ(*ReadFile(file_, 3), std::string("a\0b", 3));
  EXPECT_EQ(ReadFile(file_, 2).status().reason(), "TOO_LARGE");
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_TRUE(WriteFileAtomic(file_, "new").ok());
  EXPECT_EQ(*ReadFile(file_), "new");
  EXPECT_EQ(FilesIn(folder_.path()), 1) << "something is left beside it";
}

TEST_F(FileTest, WhatAKilledWriterLeftIsRemoved) {
  ASSERT_TRUE(WriteFileAtomic(file_, "whole").ok());
  ASSERT_TRUE(WriteFileAtomic(file_.string() + ".tmp-4321", "half").ok());
  // Of others, who name things in a like way.
  fs::create_directory(folder_.path() / "build.tmp-1");
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "notes.tmp-old", "kept").ok());
  ASSERT_TRUE(RemoveUnfinishedWrites(folder_.path()).ok());
  EXPECT_EQ(*ReadFile(file_), "whole");
  EXPECT_FALSE(fs::exists(file_.string() + ".tmp-4321"));
  EXPECT_TRUE(fs::exists(folder_.path() / "build.tmp-1"));
  EXPECT_TRUE(fs::exists(folder_.path() / "notes.tmp-old"));
}

TEST_F(FileTest, WhatCannotBeDoneNamesThePath) {
  const Status status = ReadFile(file_).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr(file_.string()));
  EXPECT_FALSE(WriteFileAtomic(folder_.path() / "none" / "file", "x").ok());
  // A folder stands in its place.
  fs::create_directory(folder_.path() / "taken");
  EXPECT_FALSE(WriteFileAtomic(folder_.path() / "taken", "x").ok());
  EXPECT_EQ(FilesIn(folder_.path()), 1) << "something is left beside it";
}

TEST_F(FileTest, FoldersAreMadeAndRemovedWithWhatIsInThem) {
  const fs::path deep = folder_.path() / "a" / "b" / "c";
  ASSERT_TRUE(MakeFolders(deep).ok());
  ASSERT_TRUE(MakeFolders(deep).ok());
  ASSERT_TRUE(WriteFileAtomic(deep / "x", "x").ok());
  ASSERT_TRUE(RemoveAll(folder_.path() / "a").ok());
  ASSERT_TRUE(RemoveAll(folder_.path() / "a").ok());
  EXPECT_FALSE(fs::exists(folder_.path() / "a"));
}

TEST_F(FileTest, ALinkHoldsTheSameBytes) {
  ASSERT_TRUE(WriteFileAtomic(file_, "bytes").ok());
  const fs::path to = folder_.path() / "to";
  ASSERT_TRUE(LinkOrCopy(file_, to).ok());
  EXPECT_EQ(*ReadFile(to), "bytes");
  EXPECT_FALSE(LinkOrCopy(folder_.path() / "none", folder_.path() / "other").ok());
}

TEST_F(FileTest, ATemporaryFolderGoesWithItsObject) {
  fs::path path;
  {
    Result<TempFolder> temporary = TempFolder::Make(folder_.path());
    ASSERT_TRUE(temporary.ok());
    TempFolder moved = *std::move(temporary);
    path = moved.path();
    ASSERT_TRUE(WriteFileAtomic(path / "x", "x").ok());
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(FileTest, ALockIsHeldByOne) {
  const fs::path path = folder_.path() / "LOCK";
  {
    const Result<FileLock> first = FileLock::Take(path);
    ASSERT_TRUE(first.ok()) << first.status();
    const Status second = FileLock::Take(path).status();
    EXPECT_EQ(second.reason(), "LOCKED");
    EXPECT_THAT(second.message(), HasSubstr(std::to_string(getpid())));
  }
  EXPECT_TRUE(FileLock::Take(path).ok());
}

TEST_F(FileTest, ADescriptorIsClosedOnce) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const UniqueFd read(fds[0]);
  {
    UniqueFd write(fds[1]);
    UniqueFd moved = std::move(write);
    ASSERT_TRUE(WriteAll(moved.get(), "abc", "the pipe").ok());
    EXPECT_TRUE(moved.valid());
  }
  char buffer[8];
  EXPECT_EQ(::read(read.get(), buffer, sizeof buffer), 3);
  EXPECT_EQ(::read(read.get(), buffer, sizeof buffer), 0) << "the other end is still open";
}

}  // namespace
}  // namespace penstock
