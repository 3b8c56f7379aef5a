#include "steps/import/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

namespace fs = std::filesystem;

class ImportTest : public testing::Test {
 protected:
  ImportTest() {
    root_ = step_.folder_.path() / "root";
    step_.folder_.Write("root/a.csv", "x,y\n1,2\n");
    step_.folder_.Write("root/days/1.csv", "1");
    step_.folder_.Write("root/days/deep/2.csv", "2");
    step_.folder_.Write("outside/secret.csv", "s");
    step_.folder_.Write("rootless/secret.csv", "s");
  }
  Result<StepOutcome> Run(const std::string& uri) {
    step_.parameters_ = {{"uri", uri}, {"roots", {root_.string()}}};
    step_.Reset();
    return RunImport(step_);
  }
  Result<StepOutcome> RunPath(const fs::path& path) { return Run("file://" + path.string()); }

  FakeStep step_{"import"};
  fs::path root_;
};

TEST_F(ImportTest, CopiesAFile) {
  const auto outcome = RunPath(root_ / "a.csv");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->outputs.size(), 1u);
  EXPECT_EQ(outcome->outputs[0].name, "data");
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kFile);
  EXPECT_EQ(ReadBytes(outcome->outputs[0].path), "x,y\n1,2\n");
}

TEST_F(ImportTest, CopiesAFolder) {
  const auto outcome = RunPath(root_ / "days");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kDataset);
  const std::map<std::string, std::string> expected = {{"1.csv", "1"}, {"deep/2.csv", "2"}};
  EXPECT_EQ(TreeBytes(outcome->outputs[0].path), expected);
}

TEST_F(ImportTest, UnderstandsEscapedPaths) {
  step_.folder_.Write("root/my data.csv", "1");
  EXPECT_TRUE(Run("file://" + root_.string() + "/my%20data.csv").ok());
}

TEST_F(ImportTest, StaysBelowTheRoots) {
  const auto refused = [&](const fs::path& path) {
    const auto outcome = RunPath(path);
    EXPECT_FALSE(outcome.ok()) << path;
    if (outcome.ok()) return;
    EXPECT_EQ(outcome.status().code(), StatusCode::kPermissionDenied) << outcome.status();
    EXPECT_EQ(outcome.status().reason(), "OUTSIDE_DATA_ROOTS");
    EXPECT_TRUE(TreeBytes(step_.output_).empty());
  };
  refused(step_.folder_.path() / "outside/secret.csv");
  refused(root_ / "../outside/secret.csv");
  refused(step_.folder_.path() / "rootless/secret.csv");  // a name that begins like the root's
  fs::create_symlink(step_.folder_.path() / "outside/secret.csv", root_ / "link.csv");
  refused(root_ / "link.csv");
  fs::create_directory(root_ / "mixed");
  fs::create_symlink(step_.folder_.path() / "outside/secret.csv", root_ / "mixed/link.csv");
  refused(root_ / "mixed");
  // A link that stays inside is fine.
  fs::create_symlink(root_ / "a.csv", root_ / "inner.csv");
  EXPECT_TRUE(RunPath(root_ / "inner.csv").ok());
}

TEST_F(ImportTest, NeedsARoot) {
  step_.parameters_ = {{"uri", "file://" + (root_ / "a.csv").string()}};
  step_.Reset();
  const auto outcome = RunImport(step_);
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.status().message(),
              HasSubstr("a.csv is not below a data root of this worker (it has none); move"));
}

TEST_F(ImportTest, NamesThePathAsGiven) {
  const std::string uri = "file://" + root_.string() + "/none.csv";
  const auto outcome = Run(uri);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(outcome.status().message(), HasSubstr(uri));
}

TEST_F(ImportTest, RefusesOtherThings) {
  EXPECT_EQ(Run("data.csv").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Run("file://data.csv").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Run("file:///a%00b").status().code(), StatusCode::kInvalidArgument);
  ASSERT_EQ(mkfifo((root_ / "pipe").c_str(), 0600), 0);
  const auto pipe = RunPath(root_ / "pipe");
  ASSERT_FALSE(pipe.ok());
  EXPECT_THAT(pipe.status().message(), HasSubstr("is not a regular file"));
}

TEST_F(ImportTest, StopsWhenAsked) {
  step_.cancel_after_ = 0;
  EXPECT_EQ(RunPath(root_ / "a.csv").status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace penstock
