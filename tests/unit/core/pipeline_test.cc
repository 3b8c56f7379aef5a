#include "server/core/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kCensus[] = R"(
apiVersion: penstock/v1
kind: Pipeline
name: census-income
description: Who earns more.
x-note: {anything: [goes, here]}
tags: {team: growth}
parameters:
  data: {type: dataset, description: The census}
  max_depth: {type: integer, default: 6, minimum: 1, maximum: 16}
  min_auc: {type: number, default: 0.75}
  mode: {type: enum, values: [fast, exact], default: fast}
maxParallelSteps: 4
defaults: {timeout: 30m, retry: {maxAttempts: 3, interval: 1s, backoff: 2.0, maxInterval: 1m}}
steps:
- name: prepare
  type: process
  inputs: {data: "${parameters.data}"}
  with:
    read: {format: csv, header: false, trim: true, nulls: ["?"],
           columns: [{name: age, kind: numeric}, {name: sex}, {name: income}]}
    roles: {label: income, weight: null, id: [], time: null, group: null, keep: [sex]}
    labels: {classes: ["<=50K", ">50K"], positive: ">50K",
             map: {">50K.": ">50K", "<=50K.": "<=50K"}}
    split: {train: 0.8, validation: 0.1, test: 0.1, seed: 7, stratify: income}
    transforms:
    - {op: impute, columns: {kind: numeric}, method: median}
- name: train
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}",
           validation: "${steps.prepare.outputs.validation}"}
  hyperparameters: {objective: "binary:logistic", max_depth: "${parameters.max_depth}",
                    num_round: 100}
  resources: {cpus: 2, memory: 1GiB, labels: {zone: a}}
  retry: {maxAttempts: 5}
- name: evaluate
  type: evaluate
  inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}
  timeout: 90s
  continueOnFailure: true
- name: good-enough
  type: condition
  if: [{left: "${steps.evaluate.metrics.auc}", op: ">=", right: "${parameters.min_auc}"}]
  then: [register]
  else: [reject]
- name: register
  type: register
  inputs: {model: "${steps.train.outputs.model}", report: "${steps.evaluate.outputs.report}"}
  with: {group: census-income, approval: PendingManualApproval}
- name: reject
  type: fail
  with: {message: "AUC ${steps.evaluate.metrics.auc} is below ${parameters.min_auc}"}
- name: after
  type: noop
  dependsOn: [register, reject]
  when: all_done
  with: {message: "${parameters.mode}"}
)";

TEST(ParsePipeline, ReadsTheExampleOfTheFormat) {
  std::vector<Problem> warnings;
  const Result<PipelineSpec> parsed = ParseYaml(kCensus, &warnings);
  ASSERT_TRUE(parsed.ok()) << testing::PrintToString(Lines(parsed.status().problems()));
  EXPECT_THAT(Lines(warnings), IsEmpty());
  const PipelineSpec& spec = *parsed;
  EXPECT_EQ(spec.name, "census-income");
  EXPECT_EQ(spec.description, "Who earns more.");
  EXPECT_EQ(spec.tags.at("team"), "growth");
  EXPECT_EQ(spec.max_parallel_steps, 4);
  ASSERT_EQ(spec.parameters.size(), 4U);
  const ParameterSpec* depth = spec.FindParameter("max_depth");
  ASSERT_NE(depth, nullptr);
  EXPECT_EQ(depth->type, ParameterSpec::Type::kInteger);
  EXPECT_EQ(depth->default_value, 6);
  EXPECT_EQ(depth->minimum, 1);
  EXPECT_EQ(depth->maximum, 16);
  EXPECT_EQ(spec.FindParameter("depth"), nullptr);

  ASSERT_EQ(spec.steps.size(), 7U);
  const StepSpec& prepare = spec.steps[0];
  EXPECT_EQ(prepare.key(), "process");
  EXPECT_EQ(prepare.timeout, std::chrono::minutes(30));
  EXPECT_EQ(prepare.retry.max_attempts, 3);
  EXPECT_EQ(prepare.resources.cpus, 1);
  EXPECT_FALSE(prepare.control);

  const StepSpec& train = spec.steps[1];
  EXPECT_EQ(train.key(), "train/xgboost");
  EXPECT_EQ(train.version, "1");
  EXPECT_EQ(train.resources.cpus, 2);
  EXPECT_EQ(train.resources.memory, 1 << 30);
  EXPECT_EQ(train.resources.labels.at("zone"), "a");
  EXPECT_EQ(train.retry.max_attempts, 5);
  EXPECT_EQ(train.retry.max_interval, std::chrono::minutes(1)) << "from the defaults";
  EXPECT_EQ(JsonString(train.parameters, "max_depth"), "${parameters.max_depth}");
  EXPECT_EQ(JsonDouble(train.parameters, "eta"), 0.3) << "defaults are filled in";
  ASSERT_EQ(train.inputs.size(), 2U);
  EXPECT_EQ(train.inputs[1].name, "validation");
  EXPECT_TRUE(train.inputs[1].optional);
  EXPECT_FALSE(train.inputs[0].is_list);

  EXPECT_EQ(spec.steps[2].timeout, std::chrono::seconds(90));
  EXPECT_TRUE(spec.steps[2].continue_on_failure);
  const StepSpec& condition = spec.steps[3];
  EXPECT_TRUE(condition.control);
  EXPECT_THAT(condition.then_steps, ElementsAre("register"));
  EXPECT_THAT(condition.else_steps, ElementsAre("reject"));
  EXPECT_EQ(spec.steps[6].when, When::kAllDone);
  EXPECT_THAT(spec.steps[6].depends_on, ElementsAre("register", "reject"));
  EXPECT_EQ(spec.FindStep("evaluate"), 2);
  EXPECT_EQ(spec.FindStep("nobody"), -1);
}

TEST(CanonicalDefinition, ReadsBackToItself) {
  const PipelineSpec spec = Good(kCensus);
  const Json canonical = CanonicalDefinition(spec);
  const Result<PipelineSpec> again = ParsePipeline(canonical, Catalog::BuiltIn());
  ASSERT_TRUE(again.ok()) << testing::PrintToString(Lines(again.status().problems()));
  EXPECT_EQ(CanonicalDefinition(*again), canonical);
  // Through text as well, which is what is stored.
  const Result<Json> stored = ParseJson(DumpJson(canonical));
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(*stored, canonical);
}

TEST(CanonicalDefinition, PinsVersionsAndFillsDefaults) {
  const Json canonical = CanonicalDefinition(Good(kCensus));
  EXPECT_EQ(canonical["apiVersion"], "penstock/v1");
  EXPECT_EQ(canonical["kind"], "Pipeline");
  EXPECT_FALSE(canonical.contains("x-note"));
  EXPECT_FALSE(canonical.contains("defaults")) << "they are in the steps";
  const Json& train = canonical["steps"][1];
  EXPECT_EQ(train["algorithm"], "xgboost@1");
  EXPECT_EQ(train["hyperparameters"]["subsample"], 1.0);
  EXPECT_EQ(train["timeout"], "30m");
  EXPECT_EQ(train["retry"]["maxAttempts"], 5);
  EXPECT_EQ(train["resources"]["memory"], "1073741824B");
  EXPECT_FALSE(canonical["steps"][3].contains("retry")) << "control steps run in the coordinator";
}

TEST(CanonicalDefinition, IsTheSameHoweverItIsWritten) {
  const std::string brief = "name: p\nsteps: [{name: a, type: noop}]";
  const std::string wordy = R"({"kind": "Pipeline", "steps": [{"type": "noop", "with":
      {"duration": "0s", "output_bytes": 0}, "name": "a", "resources": {"cpus": 1.0},
      "retry": {"maxAttempts": 1}, "when": "all_succeeded"}], "apiVersion": "penstock/v1",
      "name": "p", "maxParallelSteps": 0})";
  EXPECT_EQ(DumpJson(CanonicalDefinition(Good(brief))), DumpJson(CanonicalDefinition(Good(wordy))));
}

// What is stored is read again, whenever a run of it begins.
std::string StoredStep(const std::string& step) {
  const Json canonical = CanonicalDefinition(Good("name: p\nsteps: [{name: a, " + step + "}]"));
  const Result<PipelineSpec> again = ParsePipeline(canonical, Catalog::BuiltIn());
  EXPECT_TRUE(again.ok()) << again.status();
  if (!again.ok()) return {};
  EXPECT_EQ(DumpJson(CanonicalDefinition(*again)), DumpJson(canonical));
  return DumpJson(canonical["steps"][0]);
}

TEST(CanonicalDefinition, KeepsEveryByteOfMemory) {
  EXPECT_THAT(StoredStep("type: noop, resources: {memory: 123456789012345679}"),
              HasSubstr("\"123456789012345679B\""));
  EXPECT_THAT(Refusals("name: p\nsteps: [{name: a, type: noop, resources: {memory: "
                       "9223372036854775807}}]"),
              ElementsAre(HasSubstr("is not a size")));
}

TEST(CanonicalDefinition, KeepsSharesAsTheyAreWritten) {
  for (const char* share : {"7%", "14%", "28%", "0.1%", "33.3%", "100%"}) {
    EXPECT_THAT(StoredStep("type: map, over: [1], toleratedFailures: " + std::string(share) +
                           ", steps: [{name: b, type: noop}]"),
                HasSubstr("\"toleratedFailures\":\"" + std::string(share) + "\""));
  }
}

TEST(ParsePipeline, FilesStandUnderFilesAlone) {
  EXPECT_THAT(Refusals(R"({name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: script,
      inputs: {"file:t.py": "${parameters.d}"}, files: {t.py: "${parameters.d}"},
      with: {command: [python3]}}]})"),
              ElementsAre(HasSubstr("steps[0].inputs.file:t.py: is no name for an input")));
}

TEST(ParsePipeline, KeepsTheVersionThatIsNamed) {
  const PipelineSpec spec = Good(R"(
name: p
parameters: {d: {type: dataset}}
steps: [{name: t, type: train, algorithm: xgboost@1, inputs: {train: "${parameters.d}"}}]
)");
  EXPECT_EQ(spec.steps[0].algorithm, "xgboost");
  EXPECT_EQ(spec.steps[0].version, "1");
}

TEST(ParsePipeline, TakesListsWhereAnInputIsMany) {
  const PipelineSpec spec = Good(R"(
name: p
parameters: {d: {type: dataset}}
steps:
- {name: a, type: noop, with: {output_bytes: 1}}
- {name: b, type: noop, inputs: {data: ["${steps.a.outputs.data}", "${parameters.d}"]}}
- {name: c, type: noop, inputs: {data: "${steps.a.outputs.data}"}}
)");
  EXPECT_TRUE(spec.steps[1].inputs[0].is_list);
  EXPECT_EQ(spec.steps[1].inputs[0].sources.size(), 2U);
  EXPECT_FALSE(spec.steps[2].inputs[0].is_list);
  const Json canonical = CanonicalDefinition(spec);
  EXPECT_TRUE(canonical["steps"][1]["inputs"]["data"].is_array());
  EXPECT_TRUE(canonical["steps"][2]["inputs"]["data"].is_string());
}

TEST(ParsePipeline, WarnsOfParametersThatNothingUses) {
  std::vector<Problem> warnings;
  const auto parsed = ParseYaml(
      "{name: p, parameters: {a: {type: string, default: x}, b: {type: string, default: x}}, "
      "steps: [{name: s, type: noop, with: {message: '${parameters.a}'}}]}",
      &warnings);
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(Lines(warnings), ElementsAre("parameters.b: nothing uses this parameter"));
}

TEST(ParsePipeline, NamesImportPaths) {
  StepSpec step;
  step.type = "import";
  step.parameters = {{"uri", "file:///data/a b.csv"}};
  EXPECT_EQ(step.data_path(), "/data/a b.csv");
  step.parameters = {{"uri", "https://h/x"}};
  EXPECT_EQ(step.data_path(), "");
  step.type = "noop";
  EXPECT_EQ(step.data_path(), "");
}

}  // namespace
}  // namespace penstock
