// A step that applies a transform which another one fitted: data of which it needs some columns.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/process/process.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class GivenTransform : public testing::Test {
 protected:
  // Fits `transforms` on a file.
  void Fit(const Json& transforms) {
    step_.AddFile("data", "@a.csv", "a,b,c\n1,10,x\n3,20,y\n5,,x\n");
    step_.parameters_ = {{"transforms", transforms}};
    step_.Reset();
    const auto outcome = RunProcess(step_);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  }
  // The table that it makes of another, or why not.
  Result<Table> Apply(std::string_view bytes) {
    FakeStep later("process");
    later.AddFile("data", "@b.csv", bytes);
    later.inputs_["transform"] = {
        {step_.output_ / "transform", ArtifactType::kTransform, Digest(), "@fitted"}};
    later.Reset();
    PENSTOCK_RETURN_IF_ERROR(RunProcess(later).status());
    return LoadDataset(later.output_ / "data", {}, {});
  }
  FakeStep step_{"process"};
};

TEST_F(GivenTransform, NeedsNoColumnThatIsDropped) {
  Fit({{{"op", "one_hot"}, {"columns", "c"}},
       {{"op", "standard"}, {"columns", {"a", "b"}}},
       {{"op", "drop"}, {"columns", {"b", "c=x"}}}});
  for (const char* bytes : {"a,c\n3,y\n", "b,c,a\n7,y,3\n"}) {
    const auto table = Apply(bytes);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_THAT(table->names(), ElementsAre("a", "c=y"));
    EXPECT_THAT(table->columns[0].numbers, ElementsAre(0));
    EXPECT_THAT(table->columns[1].numbers, ElementsAre(1));
  }
  EXPECT_THAT(Apply("b,c\n1,x\n").status().message(), HasSubstr("\"a\""));
}

TEST_F(GivenTransform, ChoosesRowsByColumnsThatAreDroppedLater) {
  Fit({{{"op", "drop_missing"}, {"columns", "b"}, {"applies", "all"}},
       {{"op", "drop"}, {"columns", {"b", "c"}}}});
  const auto table = Apply("a,b\n1,\n2,7\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->columns[0].numbers, ElementsAre(2));
  EXPECT_THAT(Apply("a\n1\n").status().message(), HasSubstr("the data have no column \"b\""));
}

}  // namespace
}  // namespace penstock
