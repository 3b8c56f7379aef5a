#include "server/rpc/data_roots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock {
namespace {

const std::vector<std::string> kRoots = {"/srv/data", "/mnt/set/"};

TEST(DataRootsTest, PathsBelowARootAreIn) {
  for (const char* address :
       {"file:///srv/data/a.csv", "file:///srv/data/x/y.csv", "file:/srv/data/a",
        "file:///mnt/set/a", "file:///srv/data/x/../a", "file:///srv/data"}) {
    EXPECT_TRUE(IsUnderRoots(address, kRoots)) << address;
  }
}

TEST(DataRootsTest, OthersAreOut) {
  for (const char* address : {"file:///etc/passwd", "file:///srv/database/a",
                              "file:///srv/data/../secret", "file:///srv/data/../../etc/passwd",
                              "file:relative/a.csv", "file:///srv", "file://", "file:"}) {
    EXPECT_FALSE(IsUnderRoots(address, kRoots)) << address;
  }
  EXPECT_FALSE(IsUnderRoots("file:///srv/data/a", {}));
}

PipelineSpec Spec() {
  PipelineSpec spec;
  ParameterSpec data;
  data.name = "data";
  data.type = ParameterSpec::Type::kDataset;
  ParameterSpec text;
  text.name = "text";
  spec.parameters = {data, text};
  return spec;
}

TEST(DataRootsTest, OnlyDatasetsAreAddresses) {
  EXPECT_TRUE(CheckDataRoots(Spec(), {{"text", "file:///etc/passwd"}}, kRoots).ok());
  EXPECT_TRUE(CheckDataRoots(Spec(), {{"data", "artifact:sha256:00"}}, kRoots).ok());
  EXPECT_TRUE(CheckDataRoots(Spec(), {{"data", "file:///srv/data/a"}}, kRoots).ok());
  const Status status = CheckDataRoots(Spec(), {{"data", "file:///etc/passwd"}}, kRoots);
  EXPECT_EQ(status.reason(), "INVALID_PARAMETERS");
  ASSERT_EQ(status.problems().size(), 1u);
  EXPECT_EQ(status.problems()[0].path, "parameters.data");
  EXPECT_THAT(status.problems()[0].message, testing::HasSubstr("/srv/data"));
  EXPECT_THAT(status.message(), testing::Not(testing::HasSubstr("/etc/passwd"))) << "said twice";
}

TEST(DataRootsTest, DefinitionsAreCheckedToo) {
  PipelineSpec spec = Spec();
  spec.parameters[0].default_value = "file:///etc/a";
  StepSpec step;
  StepInput input;
  input.name = "data";
  input.sources = {"file:///etc/b", "file:///srv/data/c", "${parameters.data}"};
  step.inputs = {input};
  spec.steps = {step};
  std::vector<Problem> problems;
  CheckDefinitionRoots(spec, kRoots, problems);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].path, "parameters.data.default");
  EXPECT_EQ(problems[1].path, "steps[0].inputs.data");
}

}  // namespace
}  // namespace penstock
