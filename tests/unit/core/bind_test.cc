#include "server/core/bind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kDigest(64, 'a');

PipelineSpec Spec() {
  return Good(R"(
name: p
parameters:
  data: {type: dataset, description: Rows to learn from}
  depth: {type: integer, default: 6}
  rate: {type: number, default: 0.3}
  word: {type: string, default: hello}
  flag: {type: boolean, default: false}
  speed: {type: enum, values: [fast, exact, 3], default: fast}
  list: {type: list, default: [logloss]}
steps:
- {name: t, type: train, algorithm: xgboost, inputs: {train: "${parameters.data}"},
   hyperparameters: {max_depth: "${parameters.depth}", eta: "${parameters.rate}",
                     eval_metric: "${parameters.list}"}}
- {name: n, type: noop, with: {message: "${parameters.word} ${parameters.speed}",
                               fail: "${parameters.flag}"}}
)");
}

Result<Json> Bind(std::map<std::string, Json> given) {
  given.try_emplace("data", "artifact:sha256:" + kDigest);
  return BindParameters(Spec(), given, Catalog::BuiltIn());
}

std::vector<std::string> Refused(std::map<std::string, Json> given) {
  const Result<Json> bound = Bind(std::move(given));
  EXPECT_FALSE(bound.ok());
  if (bound.ok()) return {};
  EXPECT_EQ(bound.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(bound.status().reason(), "INVALID_PARAMETERS");
  EXPECT_EQ(bound.status().message(), "the parameters do not fit pipeline \"p\"");
  return Lines(bound.status().problems());
}

TEST(BindParameters, TakesDefaultsAndGivenValues) {
  const Result<Json> bound = Bind({{"depth", 3}, {"speed", 3}, {"list", {"auc"}}});
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(*bound, (Json{{"data", "artifact:sha256:" + kDigest},
                          {"depth", 3},
                          {"rate", 0.3},
                          {"word", "hello"},
                          {"flag", false},
                          {"speed", 3},
                          {"list", {"auc"}}}));
}

TEST(BindParameters, TakesWholeNumbersForNumbers) {
  const Result<Json> bound = Bind({{"rate", 1}});
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_TRUE((*bound)["rate"].is_number_float());
}

TEST(BindParameters, SaysHowToGiveWhatIsMissing) {
  const Result<Json> bound = BindParameters(Spec(), {}, Catalog::BuiltIn());
  ASSERT_FALSE(bound.ok());
  EXPECT_THAT(Lines(bound.status().problems()),
              ElementsAre("parameters.data: must be given: -p data=@PATH (Rows to learn from)"));
}

TEST(BindParameters, ListsEveryProblem) {
  EXPECT_THAT(
      Refused({{"dept", 3},
               {"depth", "3"},
               {"flag", 1},
               {"word", 7},
               {"list", "x"},
               {"rate", true},
               {"speed", "slow"}}),
      ElementsAre("parameters.dept: pipeline p has no such parameter (did you mean \"depth\"?)",
                  "parameters.depth: must be integer, not the string \"3\"",
                  "parameters.flag: must be boolean, not the integer 1",
                  "parameters.list: must be list, not the string \"x\"",
                  "parameters.rate: must be number, not the boolean true",
                  "parameters.speed: \"slow\" is not a choice (known: fast, exact, 3)",
                  "parameters.word: must be string, not the integer 7"));
}

TEST(BindParameters, ChecksStepsAgainstTheirSchemas) {
  EXPECT_THAT(Refused({{"depth", 65}, {"rate", 0.0}}),
              ElementsAre(StartsWith("steps[0].hyperparameters.eta: 0.0 is out of bounds"),
                          StartsWith("steps[0].hyperparameters.max_depth: 65 is out of bounds")));
  EXPECT_THAT(Refused({{"list", {"auk"}}}),
              ElementsAre(HasSubstr("steps[0].hyperparameters.eval_metric[0]: unknown metric")));
}

TEST(BindParameters, RefusesWhatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(Refused({{"rate", nan}}),
              ElementsAre("parameters.rate: is infinite or not a number; give a finite one"));
  EXPECT_THAT(Refused({{"list", {1, HUGE_VAL}}}),
              ElementsAre("parameters.list[1]: is infinite or not a number; give a finite one"));
}

TEST(BindParameters, RefusesWhatIsTooLarge) {
  EXPECT_THAT(Refused({{"word", std::string(limits::kMaxParameterBytes + 1, 'x')}}),
              ElementsAre("parameters.word: is larger than 65536 bytes"));
  Json deep = 1;
  for (int i = 0; i <= limits::kMaxDefinitionDepth; ++i) deep = Json::array({deep});
  EXPECT_THAT(Refused({{"list", deep}}), ElementsAre("parameters.list: is nested deeper than 32"));
}

TEST(BindParameters, ChecksWhereDataAre) {
  for (const std::string& good :
       {"artifact:sha256:" + kDigest, "artifact:sha256:" + kDigest + "#census.csv",
        std::string("file:///data/rows.csv"), std::string("file:///data/..rows"),
        std::string("https://data.example/a.csv?day=1"), std::string("s3://bucket/days/"),
        std::string("http://data.example")}) {
    EXPECT_TRUE(Bind({{"data", good}}).ok()) << good;
  }
  const std::map<std::string, std::string> bad = {
      {"artifact:sha256:" + kDigest + "0", "sha256"},
      {"artifact:sha256:#x", "sha256"},
      {"file:rows.csv", "is relative; write the whole path"},
      {"file://rows.csv", "is relative"},
      {"file:///a/../b", "climbs out"},
      {"file:///a/..", "climbs out"},
      {"rows.csv", "does not say where data are"},
      {"@rows.csv", "does not say where data are"},
      {"s3://x", "names no bucket"},
      {"ftp://h/x", "does not say where data are"},
      {"https://ada:pw@h/x", "\"https://h/x\" holds a user or password"},
      {"https://h/x?X-Amz-Signature=1", "\"https://h/x\" has a signature"},
      {"postgresql://h/db", "needs a query"},
      {"", "does not say where data are"}};
  for (const auto& [address, part] : bad) {
    EXPECT_THAT(Refused({{"data", address}}),
                ElementsAre(testing::AllOf(StartsWith("parameters.data: "), HasSubstr(part))))
        << address;
  }
}

TEST(SubstituteParameters, ReplacesWholeReferencesOnly) {
  const Json parameters = {{"a", 1}, {"b", {1, 2}}, {"t", "${parameters.a}"}};
  const Json tree = {{"whole", "${parameters.a}"},
                     {"list", {"${parameters.b}", 5}},
                     {"inside", "x ${parameters.a}"},
                     {"other", "${steps.s.metrics.m}"},
                     {"choice", "${steps.s.metrics.m ?? parameters.a}"},
                     {"unbound", "${parameters.c}"},
                     {"once", "${parameters.t}"},
                     {"literal", "$${parameters.a}"}};
  const Json wanted = {{"whole", 1},
                       {"list", {{1, 2}, 5}},
                       {"inside", "x ${parameters.a}"},
                       {"other", "${steps.s.metrics.m}"},
                       {"choice", "${steps.s.metrics.m ?? parameters.a}"},
                       {"unbound", "${parameters.c}"},
                       {"once", "${parameters.a}"},
                       {"literal", "$${parameters.a}"}};
  EXPECT_EQ(SubstituteParameters(tree, parameters), wanted);
}

TEST(CheckBound, JudgesDefaultsAtSubmission) {
  const std::vector<std::string> lines = Refusals(R"(
name: p
parameters: {data: {type: dataset}, depth: {type: integer, default: 99}}
steps: [{name: t, type: train, algorithm: xgboost, inputs: {train: "${parameters.data}"},
         hyperparameters: {max_depth: "${parameters.depth}"}}]
)");
  EXPECT_THAT(lines, ElementsAre(StartsWith("steps[0].hyperparameters.max_depth: 99 is out of")));
}

TEST(CheckBound, JudgesTypesWhereThereIsNoDefault) {
  const std::vector<std::string> lines = Refusals(R"(
name: p
parameters: {data: {type: dataset}, depth: {type: string}}
steps: [{name: t, type: train, algorithm: xgboost, inputs: {train: "${parameters.data}"},
         hyperparameters: {max_depth: "${parameters.depth}"}}]
)");
  EXPECT_THAT(lines, ElementsAre("steps[0].hyperparameters.max_depth: must be integer, and "
                                 "parameter \"depth\" is a string"));
}

}  // namespace
}  // namespace penstock
