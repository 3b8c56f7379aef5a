#include "server/core/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A label may come from further up: a fitted transform, or the dataset that is processed again.
constexpr char kChain[] = R"(
name: p
parameters: {d: {type: dataset}, raw: {type: dataset}}
steps:
- {name: first, type: process, inputs: {data: "${parameters.d}"}, with: {ROLES}}
- {name: again, type: process, inputs: {data: "${steps.first.outputs.data}"}}
- {name: applied, type: process, inputs: {data: "${parameters.raw}",
                                          transform: "${steps.first.outputs.transform}"}}
- {name: t1, type: train, algorithm: xgboost, inputs: {train: "${steps.again.outputs.data}"}}
- {name: t2, type: train, algorithm: xgboost, inputs: {train: "${steps.applied.outputs.data}"}}
)";

std::string Chain(const std::string& with) {
  std::string text = kChain;
  return text.replace(text.find("{ROLES}"), 7, with);
}

TEST(Labels, AreTracedThroughProcessSteps) {
  EXPECT_THAT(Refusals(Chain("{roles: {label: y}}")), IsEmpty());
  EXPECT_THAT(Refusals(Chain("{}")),
              ElementsAre(AllOf(StartsWith("steps[3].inputs.train: "), HasSubstr("\"first\"")),
                          AllOf(StartsWith("steps[4].inputs.train: "), HasSubstr("\"first\""))));
}

TEST(Branches, WhatNeedsBothCanNeverRun) {
  EXPECT_THAT(
      Refusals(R"(
name: p
steps:
- {name: c, type: condition, if: {left: 1, op: "<", right: 2}, then: [a], else: [b]}
- {name: a, type: noop, with: {output_bytes: 1}}
- {name: b, type: noop, with: {output_bytes: 1}}
- {name: a2, type: noop, dependsOn: [a]}
- {name: both, type: noop, dependsOn: [a2], inputs: {data: "${steps.b.outputs.data}"}}
- {name: later, type: noop, dependsOn: [both]}
- {name: either, type: noop, inputs: {data: "${steps.a.outputs.data ?? steps.b.outputs.data}"}}
- {name: joined, type: noop, dependsOn: [a2, b], when: none_failed}
- {name: d, type: condition, if: {left: 1, op: "<", right: 2}, then: [two]}
- {name: e, type: condition, if: {left: 1, op: "<", right: 2}, else: [two]}
- {name: two, type: noop, dependsOn: [a]}
)"),
      ElementsAre(AllOf(StartsWith("steps[4]: step \"both\" can never run: condition \"c\""),
                        HasSubstr("`then` (step \"a\")"), HasSubstr("`else` (step \"b\")"),
                        HasSubstr("`a ?? b`"))));
}

}  // namespace
}  // namespace penstock
