#include "base/status.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <sstream>
#include <string>
#include <unordered_set>

#include "base/result.h"
#include "base/strong_id.h"

namespace penstock {
namespace {

using NodeId = StrongId<struct NodeIdTag, std::string>;

Result<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument(std::to_string(n) + " is odd", "ODD");
  return n / 2;
}

Result<int> Quarter(int n) {
  PENSTOCK_ASSIGN_OR_RETURN(const int half, Half(n));
  return Half(half);
}

Status Check(int n) {
  PENSTOCK_RETURN_IF_ERROR(Quarter(n).status());
  return Status::Ok();
}

TEST(StatusTest, OkIsTheDefaultAndStaysOk) {
  const Status ok;
  EXPECT_TRUE(ok.ok());
  EXPECT_EQ(ok.code(), StatusCode::kOk);
  EXPECT_EQ(ok.reason(), "");
  EXPECT_TRUE(ok.WithContext("reading").ok());
  EXPECT_EQ(ok.ToString(), "OK");
}

TEST(StatusTest, AnErrorKeepsItsReasonAndProblemsInContext) {
  const Status status = FailedPrecondition("too late", "STALE_ATTEMPT")
                            .WithProblems({{"steps[1].name", "is empty"}})
                            .WithContext("step train");
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.reason(), "STALE_ATTEMPT");
  EXPECT_EQ(status.message(), "step train: too late");
  ASSERT_EQ(status.problems().size(), 1U);
  EXPECT_EQ(status.problems()[0], (Problem{"steps[1].name", "is empty"}));
  EXPECT_EQ(status.ToString(),
            "FAILED_PRECONDITION [STALE_ATTEMPT]: step train: too late\n  steps[1].name: is empty");
}

TEST(StatusTest, TheReasonIsTheCodeWhereNoneIsGiven) {
  EXPECT_EQ(NotFound("no such run").reason(), "NOT_FOUND");
  std::ostringstream out;
  out << NotFound("no such run");
  EXPECT_EQ(out.str(), NotFound("no such run").ToString());
}

TEST(StatusTest, ErrnoTellsWhatCanBeDone) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "reading x").code(), StatusCode::kNotFound);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "writing x").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EACCES, "reading x").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(EIO, "reading x").code(), StatusCode::kInternal);
  EXPECT_EQ(ErrnoStatus(ENOENT, "reading x").message(), "reading x: No such file or directory");
  EXPECT_EQ(ErrnoStatus(ENOSPC, "writing x").reason(), "DISK_FULL");
  EXPECT_EQ(ErrnoStatus(ENOSPC, "writing x").message(),
            "writing x: No space left on device; make room on that disk");
  EXPECT_EQ(ErrnoStatus(EMFILE, "reading x").reason(), "TOO_MANY_OPEN_FILES");
}

TEST(ResultTest, AValueOrTheStatusOfTheFirstThatFails) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().message(), "3 is odd");
  EXPECT_EQ(Quarter(6).value_or(-1), -1);
  EXPECT_TRUE(Check(4).ok());
  EXPECT_EQ(Check(5).reason(), "ODD");
}

TEST(ResultDeathTest, AMissingValueIsNotRead) {
  EXPECT_DEATH((void)Half(1).value(), "");
}

TEST(StrongIdTest, ComparesHashesAndPrintsAsItsValue) {
  EXPECT_TRUE(NodeId().empty());
  EXPECT_LT(NodeId("a"), NodeId("b"));
  std::unordered_set<NodeId> set{NodeId("a"), NodeId("a"), NodeId("b")};
  EXPECT_EQ(set.size(), 2U);
  std::ostringstream out;
  out << NodeId("n-1");
  EXPECT_EQ(out.str(), "n-1");
}

}  // namespace
}  // namespace penstock
