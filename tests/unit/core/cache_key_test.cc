#include "server/core/cache_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

StepSpec Step(const std::string& more) {
  return Good("{name: p, parameters: {d: {type: dataset}}, steps: [{name: s, type: train, algorithm: "
              "xgboost, inputs: {train: '${parameters.d}'}, hyperparameters: {objective: "
              "'binary:logistic'}" +
              more + "}]}")
      .steps[0];
}

CacheKey Key(const StepSpec& step, const std::string& data = "x", bool threads = false) {
  StepSchema schema = *Catalog::BuiltIn().Find(step.key());
  schema.depends_on_threads = threads;
  return MakeCacheKey(step, schema, step.parameters, {{"train", {Sha256(data)}}});
}

TEST(CacheKey, HoldsWhatTheResultDependsOnAndNothingElse) {
  const CacheKey key = Key(Step(""));
  EXPECT_EQ(key.digest, Key(Step(", timeout: 5m, retry: {maxAttempts: 3}, when: all_done")).digest);
  EXPECT_EQ(key.digest, Key(Step(", resources: {cpus: 4}")).digest);
  StepSpec renamed = Step("");
  renamed.name = StepName("other");
  EXPECT_EQ(key.digest, Key(renamed).digest);
  EXPECT_NE(key.digest, Key(Step(""), "y").digest);
  StepSpec newer = Step("");
  newer.version = "2";
  EXPECT_NE(key.digest, Key(newer).digest);
  EXPECT_THAT(DifferingParts(key.parts, Key(newer).parts), ElementsAre("version"));
}

TEST(CacheKey, ThreadsCountWhereTheResultDependsOnThem) {
  const CacheKey one = Key(Step(""), "x", true);
  const CacheKey four = Key(Step(", resources: {cpus: 4}"), "x", true);
  EXPECT_NE(one.digest, four.digest);
  EXPECT_THAT(DifferingParts(one.parts, four.parts), ElementsAre("cpus"));
}

TEST(DifferingParts, NamesThePathsDownToTheValues) {
  const Json one{{"parameters", {{"a", 1}, {"b", {{"c", 2}}}, {"gone", true}}}};
  const Json other{{"parameters", {{"a", 1}, {"b", {{"c", 3}}}}}};
  EXPECT_THAT(DifferingParts(one, other), ElementsAre("parameters.b.c", "parameters.gone"));
  EXPECT_THAT(DifferingParts(one, one), IsEmpty());
}

}  // namespace
}  // namespace penstock
