#include "server/core/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "storage/model/limits.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Reference::Kind;

// References by their text; what is not there is absent.
class FakeScope : public Scope {
 public:
  explicit FakeScope(std::map<std::string, Lookup> known) : known_(std::move(known)) {}
  Lookup Find(const Reference& reference) const override {
    const auto found = known_.find(reference.text);
    if (found != known_.end()) return found->second;
    return {Lookup::State::kAbsent, {}, "nothing is called " + reference.text};
  }

 private:
  std::map<std::string, Lookup> known_;
};

Lookup Value(Json value) {
  return {Lookup::State::kValue, std::move(value), {}};
}
Lookup Undefined() {
  return {Lookup::State::kUndefined, {}, "it is null"};
}

const FakeScope& TestScope() {
  static const FakeScope scope({{"parameters.depth", Value(6)},
                                {"parameters.rate", Value(0.1)},
                                {"parameters.name", Value("census")},
                                {"parameters.flag", Value(true)},
                                {"parameters.list", Value({1, "two"})},
                                {"parameters.tricky", Value("${parameters.depth}")},
                                {"run.id", Value("run-1")},
                                {"steps.a.outputs.data", Value("artifact:sha256:aa")},
                                {"steps.a.metrics.nan", Undefined()}});
  return scope;
}

Reference Only(std::string_view text) {
  const Result<Template> parsed = ParseTemplate(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed.ok() && parsed->is_single()) << text;
  if (!parsed.ok() || !parsed->is_single()) return {};
  EXPECT_EQ(parsed->parts[0].expression.alternatives.size(), 1U);
  return parsed->parts[0].expression.alternatives[0];
}

std::string WhyNot(std::string_view text) {
  const Result<Template> parsed = ParseTemplate(text);
  EXPECT_FALSE(parsed.ok()) << text;
  if (parsed.ok()) return {};
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
  return parsed.status().message();
}

Json Resolved(const Json& value) {
  const Result<Json> resolved = Resolve(value, TestScope());
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.ok() ? *resolved : Json("FAILED");
}

TEST(ParseTemplate, KnowsEachKindOfReference) {
  EXPECT_EQ(Only("${parameters.max_depth}"),
            (Reference{Kind::kParameter, "", "max_depth", "parameters.max_depth"}));
  EXPECT_EQ(Only("${secrets.key}"), (Reference{Kind::kSecret, "", "key", "secrets.key"}));
  EXPECT_EQ(Only("${steps.train.outputs.model}"),
            (Reference{Kind::kOutput, "train", "model", "steps.train.outputs.model"}));
  EXPECT_EQ(Only("${steps.a-b.metrics.auc}"),
            (Reference{Kind::kMetric, "a-b", "auc", "steps.a-b.metrics.auc"}));
  EXPECT_EQ(Only("${steps.e.report.x.y[0].value}"),
            (Reference{Kind::kReport, "e", "x.y[0].value", "steps.e.report.x.y[0].value"}));
  EXPECT_EQ(Only("${steps.cv.outputs.auc.mean}"),
            (Reference{Kind::kOutput, "cv", "auc", "steps.cv.outputs.auc.mean", "mean"}));
  EXPECT_EQ(Only("${steps.cv.best(auc, max).model}"),
            (Reference{Kind::kBest, "cv", "model", "steps.cv.best(auc, max).model", "auc"}));
  EXPECT_EQ(Only("${steps.cv.best(loss,min).item}"),
            (Reference{Kind::kBest, "cv", "item", "steps.cv.best(loss,min).item", "loss", true}));
  for (const char* field : {"id", "name", "startedAt", "pipeline", "state", "message"}) {
    const std::string text = std::string("run.") + field;
    EXPECT_EQ(Only("${" + text + "}"), (Reference{Kind::kRun, "", field, text}));
  }
  EXPECT_EQ(Only("${item}"), (Reference{Kind::kItem, "", "", "item"}));
  EXPECT_EQ(Only("${item.index}"), (Reference{Kind::kItem, "", "index", "item.index"}));
}

TEST(ParseTemplate, PassesOverBlanksInsideTheBraces) {
  EXPECT_EQ(Only("${ run.id }").text, "run.id");
}

TEST(ParseTemplate, CutsTextIntoParts) {
  const Result<Template> parsed = ParseTemplate("AUC ${steps.e.metrics.auc} < ${parameters.min}!");
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->parts.size(), 5U);
  EXPECT_EQ(parsed->parts[0].literal, "AUC ");
  EXPECT_TRUE(parsed->parts[1].is_expression());
  EXPECT_EQ(parsed->parts[2].literal, " < ");
  EXPECT_EQ(parsed->parts[4].literal, "!");
  EXPECT_FALSE(parsed->is_single());
  EXPECT_TRUE(parsed->has_expressions());
}

TEST(ParseTemplate, KeepsAlternativesInOrder) {
  const Result<Template> parsed = ParseTemplate("${steps.a.outputs.x??run.id ?? parameters.p}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_TRUE(parsed->is_single());
  std::vector<std::string> texts;
  for (const Reference& each : parsed->parts[0].expression.alternatives) texts.push_back(each.text);
  EXPECT_THAT(texts, ElementsAre("steps.a.outputs.x", "run.id", "parameters.p"));
}

TEST(ParseTemplate, RefusesWhatIsNoReference) {
  EXPECT_THAT(WhyNot("${}"), HasSubstr("is empty; write parameters.NAME"));
  EXPECT_THAT(WhyNot("${parameters.x"), HasSubstr("is not closed; write ${…}, or $${"));
  EXPECT_THAT(WhyNot("${depth}"), HasSubstr("write parameters.NAME"));
  EXPECT_THAT(WhyNot("${parameters.}"), HasSubstr("write parameters.NAME"));
  EXPECT_THAT(WhyNot("${parameter.x}"), HasSubstr("did you mean \"parameters\"?"));
  EXPECT_THAT(WhyNot("${run.ids}"), HasSubstr("did you mean \"id\"?"));
  EXPECT_THAT(WhyNot("${steps.a}"), HasSubstr("steps.STEP.outputs.NAME"));
  EXPECT_THAT(WhyNot("${steps.a.outputs}"), HasSubstr("steps.STEP.outputs.NAME"));
  EXPECT_THAT(WhyNot("${steps.a.outputs.}"), HasSubstr("steps.STEP.outputs.NAME"));
  EXPECT_THAT(WhyNot("${steps.a.outputs.b.c}"),
              HasSubstr("\"c\" is nothing that can be asked of a map's output"));
  EXPECT_THAT(WhyNot("${steps.a.outputs.b.maen}"), HasSubstr("did you mean \"mean\"?"));
  EXPECT_THAT(WhyNot("${steps.a.metrics.b.c}"), HasSubstr("steps.STEP.outputs.NAME"));
  for (const char* best : {"best()", "best(a).m", "best(a, most).m", "best(a, max)", "best(, max).m",
                           "best(a, max).", "best(a, max).x y"}) {
    EXPECT_THAT(WhyNot("${steps.a." + std::string(best) + "}"),
                HasSubstr("steps.STEP.best(OUTPUT, max).NAME"))
        << best;
  }
  EXPECT_THAT(WhyNot("${steps.a.result.b}"), HasSubstr("steps.STEP.outputs.NAME"));
  EXPECT_THAT(WhyNot("${a.b + 1}"), HasSubstr("is not a reference"));
  EXPECT_THAT(WhyNot("${parameters.x ?? }"), HasSubstr("is empty"));
  EXPECT_THAT(WhyNot("${?? parameters.x}"), HasSubstr("is empty"));
  EXPECT_THAT(WhyNot("${parameters.x ?? default}"), HasSubstr("write parameters.NAME"));
  EXPECT_THAT(WhyNot("${" + std::string(limits::kMaxExpressionLength + 1, 'x') + "}"),
              HasSubstr("is longer than 4096 characters"));
}

TEST(CollectReferences, TellsOfEachMistakeAndOfWhatIsGood) {
  std::vector<FoundReference> found;
  std::vector<Problem> problems;
  CollectReferences("${parameter.x} ${run.id} ${run.nmae} ${steps.a.outputs.b ?? run.ids} ${open",
                    "with.text", found, problems);
  std::vector<std::string> messages;
  for (const Problem& problem : problems) {
    EXPECT_EQ(problem.path, "with.text");
    messages.push_back(problem.message);
  }
  EXPECT_THAT(messages, ElementsAre(HasSubstr("${parameter.x}"), HasSubstr("${run.nmae}"),
                                    HasSubstr("${run.ids}"), HasSubstr("is not closed")));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].reference.text, "run.id");
  EXPECT_EQ(found[1].reference.text, "steps.a.outputs.b");
  EXPECT_TRUE(found[1].guarded);
}

TEST(Resolve, KeepsTheTypeOfAWholeText) {
  EXPECT_EQ(Resolved("${parameters.depth}"), Json(6));
  EXPECT_TRUE(Resolved("${parameters.depth}").is_number_integer());
  EXPECT_EQ(Resolved("${parameters.rate}"), Json(0.1));
  EXPECT_EQ(Resolved("${parameters.flag}"), Json(true));
  EXPECT_EQ(Resolved("${parameters.list}"), Json::array({1, "two"}));
}

TEST(Resolve, JoinsInsideText) {
  EXPECT_EQ(Resolved("${parameters.name}-${parameters.depth}"), Json("census-6"));
  EXPECT_EQ(Resolved(" ${parameters.depth}"), Json(" 6"));
  EXPECT_EQ(Resolved("eta ${parameters.rate}"), Json("eta 0.1"));
  EXPECT_EQ(Resolved("${parameters.flag}!"), Json("true!"));
  EXPECT_EQ(Resolved("${parameters.list}."), Json("[1,\"two\"]."));
  EXPECT_EQ(Resolved("nan: ${steps.a.metrics.nan}"), Json("nan: undefined"));
}

TEST(Resolve, TakesTwoDollarsForOne) {
  EXPECT_EQ(Resolved("$${parameters.depth}"), Json("${parameters.depth}"));
  EXPECT_EQ(Resolved("costs $5 and $${x} ${parameters.depth}"), Json("costs $5 and ${x} 6"));
  EXPECT_EQ(Resolved("${parameters.depth}$${"), Json("6${"));
  EXPECT_EQ(Resolved("$"), Json("$"));
  EXPECT_EQ(Resolved("{}"), Json("{}"));
}

TEST(Resolve, NeverReadsAValueAsATemplate) {
  EXPECT_EQ(Resolved("${parameters.tricky}"), Json("${parameters.depth}"));
  EXPECT_EQ(Resolved("<${parameters.tricky}>"), Json("<${parameters.depth}>"));
}

TEST(Resolve, WalksTreesAndLeavesKeysAlone) {
  const Json tree = {{"${parameters.depth}", {1, {{"deep", "${run.id}"}}, nullptr, 2.5}}};
  const Json wanted = {{"${parameters.depth}", {1, {{"deep", "run-1"}}, nullptr, 2.5}}};
  EXPECT_EQ(Resolved(tree), wanted);
}

TEST(Resolve, TakesTheFirstAlternativeThatIsThere) {
  EXPECT_EQ(Resolved("${steps.b.outputs.data ?? steps.a.outputs.data}"),
            Json("artifact:sha256:aa"));
  EXPECT_EQ(Resolved("${steps.a.outputs.data ?? run.id}"), Json("artifact:sha256:aa"));
  // What is there and undefined is taken: it is neither skipped nor absent.
  EXPECT_EQ(Resolved("${steps.a.metrics.nan ?? parameters.depth}"), Json());
}

TEST(Resolve, SaysWhatIsAbsentAndWhy) {
  const Result<Json> resolved =
      Resolve(Json::array({1, "${steps.x.outputs.o ?? steps.y.outputs.o}"}), TestScope());
  ASSERT_FALSE(resolved.ok());
  EXPECT_EQ(resolved.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(resolved.status().reason(), "ABSENT");
  EXPECT_EQ(resolved.status().message(),
            "${steps.y.outputs.o}: nothing is called steps.y.outputs.o");
}

TEST(CollectReferences, FindsThemWithTheirPaths) {
  const Json tree = {{"a", "${parameters.x}"},
                     {"b", {"plain", "$${parameters.no}", "${run.id ?? steps.s.metrics.m} !"}}};
  std::vector<FoundReference> found;
  std::vector<Problem> problems;
  CollectReferences(tree, "steps[1].with", found, problems);
  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].path, "steps[1].with.a");
  EXPECT_FALSE(found[0].guarded);
  EXPECT_EQ(found[1].path, "steps[1].with.b[2]");
  EXPECT_TRUE(found[1].guarded);
  EXPECT_EQ(found[2].reference.text, "steps.s.metrics.m");
}

TEST(CollectReferences, NotesEveryTextThatCannotBeRead) {
  std::vector<FoundReference> found;
  std::vector<Problem> problems;
  CollectReferences({{"a", "${"}, {"b", "${x y}"}, {"c", "${run.id}"}}, "", found, problems);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].path, "a");
  EXPECT_EQ(problems[1].path, "b");
  EXPECT_EQ(found.size(), 1U);
}

TEST(Aggregate, IsOverTheNumbersThatAreThere) {
  const Json list = {1, Json(), 2.5, 4};
  EXPECT_EQ(Aggregate("count", list), 3);
  EXPECT_EQ(Aggregate("mean", list), 2.5);
  EXPECT_EQ(Aggregate("min", list), 1.0);
  EXPECT_EQ(Aggregate("max", list), 4.0);
  EXPECT_EQ(Aggregate("std", list), 1.5);
  EXPECT_TRUE(Aggregate("mean", Json::array()).is_null());
  EXPECT_TRUE(Aggregate("std", {1}).is_null()) << "of one value there is no spread";
  EXPECT_EQ(Aggregate("count", {"a", Json()}), 1);
}

TEST(Expression, AValueMayStandBehindAllReferences) {
  const auto of = [](const char* text) { return *Resolve(text, TestScope()); };
  EXPECT_EQ(of("${steps.none.metrics.auc ?? 1}"), Json(1));
  EXPECT_EQ(of("${steps.none.metrics.auc ?? -0.5}"), Json(-0.5));
  EXPECT_EQ(of("${steps.none.metrics.auc ?? true}"), Json(true));
  EXPECT_EQ(of("${steps.none.metrics.auc ?? 'not yet'}"), Json("not yet"));
  EXPECT_EQ(of("${steps.none.outputs.o ?? ''}"), Json(""));
  EXPECT_EQ(of("is ${steps.none.metrics.auc ?? 'RUNNING'}."), Json("is RUNNING."));
  EXPECT_EQ(of("${parameters.depth ?? 1}"), Json(6)) << "what is there goes first";
  EXPECT_EQ(of("${steps.a.metrics.nan ?? 1}"), Json()) << "undefined is not absent";
  EXPECT_THAT(WhyNot("${1}"), HasSubstr("needs no ${…}"));
  EXPECT_THAT(WhyNot("${parameters.depth ?? 1 ?? run.id}"), HasSubstr("let it be last"));
  EXPECT_THAT(WhyNot("${parameters.depth ?? 'it's'}"), HasSubstr("is not a reference"));
  EXPECT_THAT(WhyNot("${parameters.depth ?? 1.2.3}"), HasSubstr("write parameters.NAME"));
}

}  // namespace
}  // namespace penstock
