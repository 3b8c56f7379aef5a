#include "server/core/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MetricScope : public Scope {
 public:
  Lookup Find(const Reference& reference) const override {
    if (reference.name == "auc") return {Lookup::State::kValue, 0.93, {}};
    if (reference.name == "rows") return {Lookup::State::kValue, 100, {}};
    if (reference.name == "label") return {Lookup::State::kValue, "income", {}};
    if (reference.name == "classes") return {Lookup::State::kValue, {"a", "b", 3}, {}};
    if (reference.name == "null") return {Lookup::State::kUndefined, {}, "it is null"};
    if (reference.name == "nan") {
      return {Lookup::State::kValue, std::numeric_limits<double>::quiet_NaN(), {}};
    }
    return {Lookup::State::kAbsent, {}, "step e was skipped"};
  }
};

std::vector<std::string> Shape(std::string_view yaml) {
  std::vector<Problem> problems;
  CheckCondition(Yaml(yaml), "if", problems);
  return Lines(problems);
}

Result<ConditionOutcome> Decide(std::string_view yaml) {
  EXPECT_THAT(Shape(yaml), IsEmpty()) << yaml;
  return EvaluateCondition(Yaml(yaml), MetricScope());
}

bool Holds(std::string_view yaml) {
  const Result<ConditionOutcome> outcome = Decide(yaml);
  EXPECT_TRUE(outcome.ok()) << yaml << ": " << outcome.status();
  return outcome.ok() && outcome->holds;
}

TEST(CheckCondition, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(Shape("if: null").front(), HasSubstr("if.if: unknown key"));
  EXPECT_THAT(Shape("[]"), ElementsAre("if: must be a list of conditions"));
  EXPECT_THAT(Shape("yes"), ElementsAre(HasSubstr("if: must be a comparison {left, op, right}")));
  EXPECT_THAT(Shape("[{left: 1, right: 2}]"),
              ElementsAre(HasSubstr("if[0].op: is missing: write {left: VALUE, op")));
  EXPECT_THAT(Shape("{left: 1, op: '=', right: 2}"),
              ElementsAre("if.op: \"=\" is not a comparison; use == != > >= < <= in"));
  EXPECT_THAT(Shape("{left: 1, op: 3, right: 2}"), ElementsAre(HasSubstr("if.op: ")));
  EXPECT_THAT(Shape("{lef: 1, op: '<', right: 2}"),
              ElementsAre("if.lef: unknown key (did you mean \"left\"?)",
                          HasSubstr("if.left: is missing: write")));
  EXPECT_THAT(Shape("{left: 1, op: in, right: 2}"), ElementsAre("if.right: `in` looks in a list"));
  EXPECT_THAT(Shape("{any: {left: 1}}"), ElementsAre("if.any: must be a list of conditions"));
  EXPECT_THAT(Shape("{not: [{left: 1, op: '<'}]}"),
              ElementsAre(HasSubstr("if.not[0].right: is missing: write")));
  EXPECT_THAT(Shape("{all: [{left: 1, op: '<', right: 2}], any: []}"),
              testing::Contains(HasSubstr("if.all: unknown key")));
  std::string deep = "{left: 1, op: '<', right: 2}";
  for (int i = 1; i < limits::kMaxConditionDepth; ++i) deep = "{not: " + deep + "}";
  EXPECT_THAT(Shape(deep), IsEmpty());
  EXPECT_THAT(Shape("{not: " + deep + "}"),
              ElementsAre(HasSubstr("is nested deeper than 8; take several condition steps")));
}

TEST(EvaluateCondition, ComparesNumbers) {
  EXPECT_TRUE(Holds("{left: '${steps.e.metrics.auc}', op: '>=', right: 0.93}"));
  EXPECT_FALSE(Holds("{left: '${steps.e.metrics.auc}', op: '>', right: 0.93}"));
  EXPECT_TRUE(Holds("{left: '${steps.e.metrics.auc}', op: '<=', right: 0.93}"));
  EXPECT_FALSE(Holds("{left: '${steps.e.metrics.auc}', op: '<', right: 0.93}"));
  EXPECT_TRUE(Holds("{left: '${steps.e.metrics.rows}', op: '==', right: 100.0}"));
  EXPECT_TRUE(Holds("{left: 2, op: '!=', right: 3}"));
  EXPECT_TRUE(Holds("{left: -1, op: '<', right: 0.5}"));
  EXPECT_TRUE(Holds("{left: .inf, op: '>', right: 9007199254740993}"));
}

TEST(EvaluateCondition, ComparesTextsAndLists) {
  EXPECT_TRUE(Holds("{left: '${steps.e.metrics.label}', op: '==', right: income}"));
  EXPECT_TRUE(Holds("{left: abc, op: '<', right: abd}"));
  EXPECT_TRUE(Holds("{left: a, op: in, right: [a, b]}"));
  EXPECT_FALSE(Holds("{left: c, op: in, right: '${steps.e.metrics.classes}'}"));
  EXPECT_TRUE(Holds("{left: 3, op: in, right: '${steps.e.metrics.classes}'}"));
  EXPECT_TRUE(Holds("{left: true, op: '==', right: true}"));
  EXPECT_FALSE(Holds("{left: '1', op: '==', right: 1}"));
}

TEST(EvaluateCondition, JoinsComparisons) {
  constexpr char kTrue[] = "{left: 1, op: '<', right: 2}";
  constexpr char kFalse[] = "{left: 2, op: '<', right: 1}";
  const auto list = [](const char* a, const char* b) {
    return "[" + std::string(a) + ", " + b + "]";
  };
  EXPECT_TRUE(Holds(list(kTrue, kTrue)));
  EXPECT_FALSE(Holds(list(kTrue, kFalse)));
  EXPECT_FALSE(Holds("{all: " + list(kFalse, kTrue) + "}"));
  EXPECT_TRUE(Holds("{any: " + list(kFalse, kTrue) + "}"));
  EXPECT_FALSE(Holds("{any: " + list(kFalse, kFalse) + "}"));
  EXPECT_TRUE(Holds("{not: " + std::string(kFalse) + "}"));
  EXPECT_TRUE(Holds("{not: {any: [{not: " + std::string(kTrue) + "}]}}"));
}

TEST(EvaluateCondition, ExplainsWithValues) {
  const Result<ConditionOutcome> outcome = Decide(
      "[{left: '${steps.e.metrics.auc}', op: '>=', right: 0.75}, {left: 1, op: '>', right: 2}]");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->explanation, "0.93 >= 0.75, 1 > 2 (no)");
}

TEST(EvaluateCondition, IsUndefinedWithoutAValueAndNamesTheOperand) {
  for (const char* name : {"gone", "null", "nan"}) {
    const std::string reference = std::string("${steps.e.metrics.") + name + "}";
    for (const char* op : {"==", "!=", ">", ">=", "<", "<="}) {
      for (const bool left : {true, false}) {
        const std::string yaml =
            left ? "{left: '" + reference + "', op: '" + op + "', right: 1}"
                 : "{left: 1, op: '" + std::string(op) + "', right: '" + reference + "'}";
        const Result<ConditionOutcome> outcome = Decide(yaml);
        ASSERT_FALSE(outcome.ok()) << yaml;
        EXPECT_EQ(outcome.status().code(), StatusCode::kFailedPrecondition);
        EXPECT_EQ(outcome.status().reason(), "METRIC_UNDEFINED");
        EXPECT_THAT(outcome.status().message(), HasSubstr(reference + " has no value: "));
        EXPECT_THAT(outcome.status().message(), HasSubstr("can be neither true nor false"));
      }
    }
  }
}

TEST(EvaluateCondition, NamesALoneReferenceOnce) {
  EXPECT_EQ(Decide("{left: '${steps.e.metrics.gone}', op: '>', right: 1}").status().message(),
            "${steps.e.metrics.gone} has no value: step e was skipped; a condition on it can be "
            "neither true nor false");
  EXPECT_THAT(Decide("{left: 'x${steps.e.metrics.gone}', op: '==', right: y}").status().message(),
              HasSubstr("x${steps.e.metrics.gone} has no value: ${steps.e.metrics.gone}: step e"));
}

TEST(EvaluateCondition, LooksAtEveryOperandWhateverTheOrder) {
  constexpr char kUndefined[] = "{left: '${steps.e.metrics.gone}', op: '>', right: 1}";
  constexpr char kTrue[] = "{left: 1, op: '<', right: 2}";
  constexpr char kFalse[] = "{left: 2, op: '<', right: 1}";
  for (const std::string& yaml : {"{any: [" + std::string(kTrue) + ", " + kUndefined + "]}",
                                  "{any: [" + std::string(kUndefined) + ", " + kTrue + "]}",
                                  "{all: [" + std::string(kFalse) + ", " + kUndefined + "]}",
                                  "{not: " + std::string(kUndefined) + "}"}) {
    const Result<ConditionOutcome> outcome = Decide(yaml);
    ASSERT_FALSE(outcome.ok()) << yaml;
    EXPECT_EQ(outcome.status().reason(), "METRIC_UNDEFINED") << yaml;
  }
}

TEST(EvaluateCondition, RefusesToOrderWhatHasNone) {
  for (const char* yaml : {"{left: '1', op: '<', right: 2}", "{left: true, op: '>', right: false}",
                           "{left: [1], op: '<=', right: [2]}",
                           "{left: 1, op: in, right: '${steps.e.metrics.label}'}"}) {
    const Result<ConditionOutcome> outcome = Decide(yaml);
    ASSERT_FALSE(outcome.ok()) << yaml;
    EXPECT_EQ(outcome.status().reason(), "BAD_COMPARISON") << yaml;
  }
}

}  // namespace
}  // namespace penstock
