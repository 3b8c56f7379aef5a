// Each thing that can be wrong with a definition, with what its writer is told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Case {
  const char* name;
  const char* text;
  // Of each problem, in order: the path and the parts of its message.
  std::vector<std::pair<std::string, std::vector<std::string>>> problems;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

class RefusalTest : public testing::TestWithParam<Case> {};

TEST_P(RefusalTest, SaysWhatIsWrongWhereAndWhatToDo) {
  const std::vector<std::string> lines = Refusals(GetParam().text);
  ASSERT_EQ(lines.size(), GetParam().problems.size()) << testing::PrintToString(lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [path, parts] = GetParam().problems[i];
    EXPECT_THAT(lines[i], StartsWith(path + ": "));
    for (const std::string& part : parts) EXPECT_THAT(lines[i], HasSubstr(part));
  }
}

// Wherever the cut falls: a message that is no UTF-8 cannot be sent.
TEST(RefusalsTest, LongTextsAreCutBetweenCharacters) {
  for (std::string text : {"", "x", "xx"}) {
    while (text.size() < 200) text += "€";
    const std::string definition = "name: \"" + text + "\"\nmaxParallelSteps: \"" + text +
                                   "\"\nparameters: {n: {type: integer, default: \"" + text +
                                   "\"}, d: {type: dataset, default: \"" + text +
                                   "\"}}\nsteps:\n- {name: a, type: noop, with: {message: \"${" +
                                   text + "}\"}}\n- {name: b, type: noop, with: {message: \"${" +
                                   text + "\"}}\n- {name: c, type: noop, with: {output_bytes: \"" +
                                   text + "\"}}\n";
    const std::vector<std::string> lines = Refusals(definition);
    EXPECT_EQ(lines.size(), 7U) << testing::PrintToString(lines);
    for (const std::string& line : lines) EXPECT_TRUE(IsUtf8(line)) << line;
  }
}

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Envelope, RefusalTest,
    testing::Values(Case{"NotAnObject",
                         "[1, 2]",
                         {{"", {"must be an object, not a list"}},
                          {"name", {"is missing"}},
                          {"steps", {"at least one step"}}}},
                    Case{"NoName",
                         "steps: [{name: a, type: noop}]",
                         {{"name", {"is missing; give it one of", "a-z 0-9 - _"}}}},
                    Case{"BadName",
                         "{name: Census Income, steps: [{name: a, type: noop}]}",
                         {{"name", {"\"Census Income\" is not a name", "a-z 0-9 - _"}}}},
                    Case{"NameOfAnotherKind",
                         "{name: 7, steps: [{name: a, type: noop}]}",
                         {{"name", {"must be a string, not the integer 7"}}}},
                    Case{"OtherVersion",
                         "{apiVersion: v2, name: p, steps: [{name: a, type: noop}]}",
                         {{"apiVersion", {"\"v2\" is unknown; write penstock/v1"}}}},
                    Case{"OtherKind",
                         "{kind: Schedule, name: p, steps: [{name: a, type: noop}]}",
                         {{"kind", {"\"Schedule\" is unknown", "Pipeline"}}}},
                    Case{"UnknownKey",
                         "{name: p, step: [], steps: [{name: a, type: noop}]}",
                         {{"step", {"unknown key", "did you mean \"steps\"?"}}}},
                    Case{"NoSteps", "{name: p, steps: []}", {{"steps", {"at least one step"}}}},
                    Case{"StepsOfAnotherKind",
                         "{name: p, steps: {a: 1}}",
                         {{"steps", {"must be a list of steps"}}}},
                    Case{"StepOfAnotherKind",
                         "{name: p, steps: [noop]}",
                         {{"steps[0]", {"must be an object, not a string"}},
                          {"steps[0].name", {"is missing"}},
                          {"steps[0].type", {"is missing"}}}},
                    Case{"ParallelOutOfBounds",
                         "{name: p, maxParallelSteps: -1, steps: [{name: a, type: noop}]}",
                         {{"maxParallelSteps", {"-1 is out of bounds; it must be 0 to 10000"}}}}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Parameters, RefusalTest,
    testing::Values(
        Case{"UnknownType",
             "{name: p, parameters: {x: {type: int}}, steps: [{name: a, type: noop}]}",
             {{"parameters.x.type", {"\"int\" is not a type", "string, integer, number"}}}},
        Case{"DefaultOfAnotherType",
             "{name: p, parameters: {x: {type: integer, default: six}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.default", {"must be integer, not the string \"six\""}}}},
        Case{"DefaultOutOfBounds",
             "{name: p, parameters: {x: {type: integer, default: 17, minimum: 1, maximum: 16}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.default", {"17 is out of bounds; it must be >= 1 and <= 16"}}}},
        Case{"BoundsCrossed",
             "{name: p, parameters: {x: {type: number, minimum: 2, maximum: 1}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.minimum", {"2 is above the maximum, 1"}}}},
        Case{"BoundsOfAText",
             "{name: p, parameters: {x: {type: string, minimum: 2}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.minimum", {"integers and numbers"}}}},
        Case{"EnumWithoutValues",
             "{name: p, parameters: {x: {type: enum}}, steps: [{name: a, type: noop}]}",
             {{"parameters.x.values", {"an enum needs the list of its choices"}}}},
        Case{"ValuesOfAText",
             "{name: p, parameters: {x: {type: string, values: [a]}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.values", {"belongs to the type enum"}}}},
        Case{"DefaultNoChoice",
             "{name: p, parameters: {x: {type: enum, values: [fast, exact], default: fats}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.default", {"\"fats\" is not a choice", "fast, exact"}}}},
        Case{"RelativeFile",
             "{name: p, parameters: {x: {type: dataset, default: 'file:data/a.csv'}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.default", {"is relative", "file:///data/rows.csv", "-p NAME=@PATH"}}}},
        Case{"SomeText",
             "{name: p, parameters: {x: {type: dataset, default: data/a.csv}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.default", {"does not say where data are", "artifact:sha256:"}}}},
        Case{"BadDigest",
             "{name: p, parameters: {x: {type: dataset, default: 'artifact:sha256:12'}}, "
             "steps: [{name: a, type: noop}]}",
             {{"parameters.x.default", {"sha256"}}}},
        Case{"NotFinite",
             "{name: p, parameters: {x: {type: number, default: .inf}}, "
             "steps: [{name: a, type: noop, with: {metrics: {m: .nan}}}]}",
             {{"parameters.x.default", {"infinite or not a number"}},
              {"steps[0].with.metrics.m", {"infinite or not a number"}}}}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Steps, RefusalTest,
    testing::Values(
        Case{"DuplicateName",
             "{name: p, steps: [{name: a, type: noop}, {name: a, type: noop}]}",
             {{"steps[1].name", {"\"a\" is the name of steps[0] already"}}}},
        Case{"UnknownType",
             "{name: p, steps: [{name: a, type: nop}]}",
             {{"steps[0].type",
               {"\"nop\" is not a step type", "did you mean \"noop\"?", "penstock get steps"}}}},
        Case{"TypeOfLaterVersions",
             "{name: p, steps: [{name: a, type: monitor, over: {range: 5}}]}",
             {{"steps[0].type", {"\"monitor\" is not a step type"}},
              {"steps[0].over", {"unknown key"}}}},
        Case{"ImportOfAFile",
             "{name: p, steps: [{name: a, type: import, with: {uri: file:///x}}]}",
             {{"steps[0].with.uri", {"is a file; name it as an input of a step"}}}},
        Case{"ImportWithAPassword",
             "{name: p, steps: [{name: a, type: import, with: {uri: 'https://a:b@h/x'}}]}",
             {{"steps[0].with.uri", {"\"https://h/x\" holds a user or password"}}}},
        Case{"UnknownKey",
             "{name: p, steps: [{name: a, type: noop, dependOn: [b]}]}",
             {{"steps[0].dependOn", {"unknown key", "did you mean \"dependsOn\"?"}}}},
        Case{"NoAlgorithm",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: train, inputs: "
             "{train: '${parameters.d}'}}]}",
             {{"steps[0].algorithm", {"is missing", "linear-learner, xgboost"}}}},
        Case{"UnknownAlgorithm",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: train, "
             "algorithm: xgbost, inputs: {train: '${parameters.d}'}}]}",
             {{"steps[0].algorithm",
               {"\"xgbost\" is not an algorithm", "did you mean \"xgboost\"?"}}}},
        Case{"UnknownAlgorithmVersion",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: train, "
             "algorithm: xgboost@9, inputs: {train: '${parameters.d}'}}]}",
             {{"steps[0].algorithm", {"xgboost@9 is not known here", "xgboost@1"}}}},
        Case{"AlgorithmElsewhere",
             "{name: p, steps: [{name: a, type: noop, algorithm: xgboost}]}",
             {{"steps[0].algorithm", {"unknown key"}}}},
        Case{"UnknownParameter",
             "{name: p, steps: [{name: a, type: noop, with: {durations: 1s}}]}",
             {{"steps[0].with.durations", {"unknown key", "did you mean \"duration\"?"}}}},
        Case{"ParameterOfAnotherType",
             "{name: p, steps: [{name: a, type: noop, with: {output_bytes: '5'}}]}",
             {{"steps[0].with.output_bytes",
               {"must be integer, not the string \"5\"", "write it without quotes"}}}},
        Case{"NorwayIsAText",
             "{name: p, steps: [{name: a, type: noop, with: {fail: no}}]}",
             {{"steps[0].with.fail", {"must be boolean, not the string \"no\"", "true or false"}}}},
        Case{"BoundBroken",
             "{name: p, steps: [{name: a, type: noop, with: {output_bytes: -1}}]}",
             {{"steps[0].with.output_bytes", {"-1 is out of bounds; it must be >= 0"}}}},
        Case{"HyperparametersElsewhere",
             "{name: p, steps: [{name: a, type: noop, hyperparameters: {fail: true}}]}",
             {{"steps[0].hyperparameters", {"belongs to train steps; this one takes `with`"}}}},
        Case{"WithInTrain",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: train, "
             "algorithm: xgboost, inputs: {train: '${parameters.d}'}, with: {eta: 0.1}}]}",
             {{"steps[0].with", {"a train step takes `hyperparameters`"}}}},
        Case{"HyperparameterOutOfBounds",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: train, "
             "algorithm: xgboost, inputs: {train: '${parameters.d}'}, "
             "hyperparameters: {eta: 2, max_dept: 3}}]}",
             {{"steps[0].hyperparameters.max_dept", {"unknown key", "did you mean \"max_depth\"?"}},
              {"steps[0].hyperparameters.eta", {"2 is out of bounds; it must be > 0 and <= 1"}}}},
        Case{"BadRetry",
             "{name: p, steps: [{name: a, type: noop, retry: {maxAttempts: 0, interval: 5}}]}",
             {{"steps[0].retry.maxAttempts", {"0 is out of bounds; it must be 1 to 100"}},
              {"steps[0].retry.interval", {"must be a duration such as 30s"}}}},
        Case{"BadResources",
             "{name: p, steps: [{name: a, type: noop, resources: {cpu: 1, memory: lots}}]}",
             {{"steps[0].resources.memory", {"\"lots\" is not a size"}},
              {"steps[0].resources.cpu", {"did you mean \"cpus\"?"}}}},
        Case{"NoTime",
             "{name: p, steps: [{name: a, type: noop, timeout: 0s}]}",
             {{"steps[0].timeout", {"longer than 0s", "leave it out"}}}},
        Case{"BadWhen",
             "{name: p, steps: [{name: a, type: noop, when: all_success}]}",
             {{"steps[0].when", {"known: all_succeeded, none_failed"}}}},
        Case{"RegisterBadGroup",
             "{name: p, parameters: {m: {type: dataset}}, steps: [{name: a, type: register, "
             "inputs: {model: '${parameters.m}'}, with: {group: My Group, approval: Aproved}}]}",
             {{"steps[0].with.approval", {"\"Aproved\" is not a choice", "\"Approved\""}},
              {"steps[0].with.group", {"\"My Group\" is not a name"}}}}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Process, RefusalTest,
    testing::Values(
        Case{"PositiveNotAmongClasses",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: process, inputs: "
             "{data: '${parameters.d}'}, with: {roles: {label: y}, labels: {classes: [a, b], "
             "positive: c}}}]}",
             {{"steps[0].with.labels.positive", {"\"c\" is not among the classes (a, b)"}}}},
        Case{"MissingOutput",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: process, inputs: "
             "{data: '${parameters.d}'}, with: {roles: {label: y}, split: {train: 0.5, test: "
             "0.5}}}, {name: t, type: train, algorithm: xgboost, inputs: {train: "
             "'${steps.a.outputs.train}', validation: '${steps.a.outputs.validation}'}}]}",
             {{"steps[1].inputs.validation",
               {"step \"a\" (process) has no output \"validation\"", "test, train"}}}},
        Case{"NoLabel",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: process, inputs: "
             "{data: '${parameters.d}'}}, {name: t, type: train, algorithm: xgboost, inputs: "
             "{train: '${steps.a.outputs.data}'}}]}",
             {{"steps[1].inputs.train",
               {"needs data with a label", "step \"a\"", "roles: {label: COLUMN}"}}}}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    References, RefusalTest,
    testing::Values(
        Case{"UnknownParameter",
             "{name: p, parameters: {depth: {type: integer, default: 1}}, steps: [{name: a, type: "
             "noop, with: {output_bytes: '${parameters.detph}', message: '${parameters.depth}'}}]}",
             {{"steps[0].with.output_bytes",
               {"there is no parameter \"detph\"", "did you mean \"depth\"?"}}}},
        Case{"NoParameters",
             "{name: p, steps: [{name: a, type: noop, with: {message: 'x ${parameters.depth}'}}]}",
             {{"steps[0].with.message", {"there is no parameter", "declare it"}}}},
        Case{"UnknownStep",
             "{name: p, steps: [{name: prepare, type: noop}, {name: b, type: noop, inputs: {data: "
             "'${steps.prepar.outputs.data}'}}]}",
             {{"steps[1].inputs.data",
               {"there is no step \"prepar\"", "did you mean \"prepare\"?"}}}},
        Case{
            "UnknownOutput",
            "{name: p, parameters: {d: {type: dataset}}, steps: [{name: t, type: train, "
            "algorithm: xgboost, inputs: {train: '${parameters.d}'}}, {name: e, type: evaluate, "
            "inputs: {model: '${steps.t.outputs.models}', data: '${parameters.d}'}}]}",
            {{"steps[1].inputs.model",
              {"step \"t\" (train/xgboost) has no output \"models\"", "did you mean \"model\"?"}}}},
        Case{"NoOutputs",
             "{name: p, steps: [{name: a, type: noop}, {name: b, type: noop, inputs: {data: "
             "'${steps.a.outputs.data}'}}]}",
             {{"steps[1].inputs.data", {"step \"a\" (noop) has no output \"data\""}}}},
        Case{"UnknownMetric",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: e, type: evaluate, "
             "inputs: {model: '${parameters.d}', data: '${parameters.d}'}}, {name: f, type: fail, "
             "with: {message: '${steps.e.metrics.acu}'}}]}",
             {{"steps[1].with.message", {"reports no metric \"acu\"", "did you mean \"auc\"?"}}}},
        Case{"NoReport",
             "{name: p, steps: [{name: a, type: noop}, {name: f, type: fail, "
             "with: {message: '${steps.a.report.x.value}'}}]}",
             {{"steps[1].with.message", {"step \"a\" (noop) makes no report"}}}},
        Case{"Secret",
             "{name: p, steps: [{name: a, type: noop, with: {message: '${secrets.s}'}}]}",
             {{"steps[0].with.message", {"stored or shown", "with.environment of a script step"}}}},
        Case{"ItemOutsideOfAMap",
             "{name: p, steps: [{name: a, type: noop, with: {message: '${item.index}'}}]}",
             {{"steps[0].with.message", {"only inside a map step"}}}},
        Case{"NotClosed",
             "{name: p, steps: [{name: a, type: noop, with: {message: '${run.id'}}]}",
             {{"steps[0].with.message", {"is not closed"}}}},
        Case{"Itself",
             "{name: p, steps: [{name: a, type: noop, with: {output_bytes: 1}, inputs: {data: "
             "'${steps.a.outputs.data}'}}]}",
             {{"steps[0].inputs.data", {"step \"a\" waits for itself; name another step"}}}},
        Case{"DependsOnItself",
             "{name: p, steps: [{name: a, type: noop, dependsOn: [a]}]}",
             {{"steps[0].dependsOn[0]", {"step \"a\" waits for itself"}}}},
        Case{"DependsOnNobody",
             "{name: p, steps: [{name: a, type: noop, dependsOn: [b]}]}",
             {{"steps[0].dependsOn[0]", {"there is no step \"b\""}}}},
        Case{"Cycle",
             "{name: p, steps: [{name: a, type: noop, dependsOn: [c]}, {name: b, type: noop, "
             "dependsOn: [a]}, {name: c, type: noop, dependsOn: [b]}, {name: d, type: noop, "
             "dependsOn: [a]}]}",
             {{"steps[0]", {"a → b → c → a", "remove one of these references"}}}},
        Case{"CycleThroughABranch",
             "{name: p, steps: [{name: a, type: noop, with: {metrics: {m: 1}}}, {name: c, type: "
             "condition, if: {left: '${steps.a.metrics.m}', op: '>', right: 0}, then: [a]}]}",
             {{"steps[0]", {"wait for each other in a circle", "a", "c"}}}}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Inputs, RefusalTest,
    testing::Values(
        Case{"Missing",
             "{name: p, steps: [{name: a, type: process}]}",
             {{"steps[0].inputs.data", {"is missing: "}}}},
        Case{"NothingToEvaluate",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: e, type: evaluate, inputs: "
             "{data: '${parameters.d}'}}]}",
             {{"steps[0].inputs.model", {"is missing: "}},
              {"steps[0].inputs.predictions", {"is missing: Instead of model and data"}}}},
        Case{"ModelBesidePredictions",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: e, type: evaluate, inputs: "
             "{predictions: '${parameters.d}', model: 'model:g@1'}}]}",
             {{"steps[0].inputs.predictions", {"stands beside `model`"}}}},
        Case{"ColumnsWithoutPredictions",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: e, type: evaluate, inputs: "
             "{model: 'model:g@1', data: '${parameters.d}'}, with: {label: x}}]}",
             {{"steps[0].with.label", {"there is none"}}}},
        Case{"Unknown",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: t, type: train, "
             "algorithm: xgboost, inputs: {train: '${parameters.d}', valid: '${parameters.d}'}}]}",
             {{"steps[0].inputs.valid", {"has no such input", "train, validation"}}}},
        Case{"None",
             "{name: p, steps: [{name: f, type: fail, with: {message: m}, inputs: {x: y}}]}",
             {{"steps[0].inputs.x", {"a fail step takes no inputs"}}}},
        Case{"ListWhereOneIsTaken",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: t, type: train, "
             "algorithm: xgboost, inputs: {train: ['${parameters.d}', '${parameters.d}']}}]}",
             {{"steps[0].inputs.train", {"takes one artifact, not a list"}}}},
        Case{"OfAnotherKind",
             "{name: p, steps: [{name: a, type: noop, inputs: {data: 5}}]}",
             {{"steps[0].inputs.data", {"must be a reference such as"}}}},
        Case{"NotAnObject",
             "{name: p, steps: [{name: a, type: noop, inputs: [x]}]}",
             {{"steps[0].inputs", {"must be an object of inputs by name"}}}},
        Case{"ModelIntoData",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: t, type: train, "
             "algorithm: xgboost, inputs: {train: '${parameters.d}'}}, {name: e, type: evaluate, "
             "inputs: {model: '${parameters.d}', data: '${steps.t.outputs.model}'}}]}",
             {{"steps[1].inputs.data",
               {"takes a dataset, and ${steps.t.outputs.model} is a model"}}}},
        Case{"MetricIntoData",
             "{name: p, steps: [{name: a, type: noop}, {name: b, type: noop, inputs: {data: "
             "'${steps.a.metrics.m}'}}]}",
             {{"steps[1].inputs.data", {"is not an artifact"}}}},
        Case{"ParameterOfAnotherType",
             "{name: p, parameters: {d: {type: string}}, steps: [{name: a, type: noop, inputs: "
             "{data: '${parameters.d}'}}]}",
             {{"steps[0].inputs.data", {"parameter \"d\" is a string; an input needs a dataset"}}}},
        Case{"TextAround",
             "{name: p, parameters: {d: {type: dataset}}, steps: [{name: a, type: noop, inputs: "
             "{data: 'x/${parameters.d}'}}]}",
             {{"steps[0].inputs.data", {"an input is one reference, with nothing around it"}}}},
        Case{"RelativeFile",
             "{name: p, steps: [{name: a, type: noop, inputs: {data: 'file:rows.csv'}}]}",
             {{"steps[0].inputs.data", {"is relative"}}}},
        Case{"FileThatClimbs",
             "{name: p, steps: [{name: a, type: noop, inputs: {data: 'file:///data/../etc/x'}}]}",
             {{"steps[0].inputs.data", {"climbs out of its folder"}}}},
        Case{"DatabaseWithoutAQuery",
             "{name: p, steps: [{name: a, type: noop, inputs: {data: 'postgresql://h/db'}}]}",
             {{"steps[0].inputs.data", {"needs a query; write a step of type import"}}}},
        Case{"SignedAddress",
             "{name: p, steps: [{name: a, type: noop, inputs: {data: 'https://h/x?sig=abc'}}]}",
             {{"steps[0].inputs.data", {"\"https://h/x\" has a signature"}}}},
        Case{"Path",
             "{name: p, steps: [{name: a, type: noop, inputs: {data: rows.csv}}]}",
             {{"steps[0].inputs.data", {"does not say where data are"}}}}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Conditions, RefusalTest,
    testing::Values(
        Case{
            "BranchToNowhere",
            "{name: p, steps: [{name: c, type: condition, if: {left: 1, op: '<', right: 2}, then: "
            "[registr]}, {name: register, type: noop}]}",
            {{"steps[0].then[0]", {"there is no step \"registr\"", "did you mean \"register\"?"}}}},
        Case{"NoBranches",
             "{name: p, steps: [{name: c, type: condition, if: {left: 1, op: '<', right: 2}}]}",
             {{"steps[0].then", {"names the steps to run: then, else, or both"}}}},
        Case{"NoIf",
             "{name: p, steps: [{name: c, type: condition, then: [a]}, {name: a, type: noop}]}",
             {{"steps[0].if", {"is missing: write {left: VALUE"}}}},
        Case{"Itself",
             "{name: p, steps: [{name: c, type: condition, if: {left: 1, op: '<', right: 2}, else: "
             "[c]}]}",
             {{"steps[0].else[0]", {"a condition cannot choose itself"}}}},
        Case{"BothBranches",
             "{name: p, steps: [{name: c, type: condition, if: {left: 1, op: '<', right: 2}, then: "
             "[a], else: [a]}, {name: a, type: noop}]}",
             {{"steps[0].else[0]", {"\"a\" is named twice"}}}},
        Case{
            "BadComparison",
            "{name: p, steps: [{name: c, type: condition, if: {left: 1, op: '=>', right: 2}, then: "
            "[a]}, {name: a, type: noop}]}",
            {{"steps[0].if.op", {"\"=>\" is not a comparison"}}}},
        Case{
            "UnknownMetricInside",
            "{name: p, steps: [{name: c, type: condition, if: [{left: "
            "'${steps.nobody.metrics.m}', op: '<', right: 2}], then: [a]}, {name: a, type: noop}]}",
            {{"steps[0].if[0].left", {"there is no step \"nobody\""}}}},
        Case{"BranchesElsewhere",
             "{name: p, steps: [{name: a, type: noop, then: [a]}]}",
             {{"steps[0].then", {"unknown key"}}}}),
    CaseName);

// One answer tells of everything.
INSTANTIATE_TEST_SUITE_P(Several, RefusalTest,
                         testing::Values(Case{
                             "AtOnce",
                             R"(
apiVersion: penstock/v2
name: Bad Name
parameters:
  depth: {type: integer, default: 99, maximum: 16}
steps:
- {name: a, type: nop}
- {name: b, type: noop, dependsOn: [nobody], with: {fail: maybe, output_bytes: -1}}
- {name: b, type: train, algorithm: xgboots, inputs: {train: "${steps.b.outputs.x}"}}
- {name: c, type: condition, if: {left: 1}, then: [gone]}
)",
                             {{"apiVersion", {"penstock/v1"}},
                              {"name", {"is not a name"}},
                              {"parameters.depth.default", {"99 is out of bounds"}},
                              {"steps[0].type", {"\"nop\""}},
                              {"steps[1].with.fail", {"boolean"}},
                              {"steps[1].with.output_bytes", {"-1"}},
                              {"steps[2].algorithm", {"\"xgboost\""}},
                              {"steps[2].name", {"already"}},
                              {"steps[1].dependsOn[0]", {"nobody"}},
                              {"steps[2].inputs.train", {"has no output \"x\""}},
                              {"steps[3].then[0]", {"gone"}},
                              {"steps[3].if.op", {"is missing"}},
                              {"steps[3].if.right", {"is missing"}}}}),
                         CaseName);

TEST(Refusals, CountProblemsAndNameThePipeline) {
  const Result<PipelineSpec> one = ParseYaml("{name: p, steps: [{name: a, type: nop}]}");
  ASSERT_FALSE(one.ok());
  EXPECT_EQ(one.status().message(), "the definition of \"p\" has a problem");
  const Result<PipelineSpec> two = ParseYaml("{steps: [{name: a, type: nop}]}");
  EXPECT_EQ(two.status().message(), "the definition has 2 problems");
}

TEST(Refusals, ListAHundredProblems) {
  std::string text = "name: p\nsteps:\n";
  for (int i = 0; i < 500; ++i) text += "- {name: s" + std::to_string(i) + ", type: nop}\n";
  const Result<PipelineSpec> spec = ParseYaml(text);
  ASSERT_FALSE(spec.ok());
  EXPECT_LE(spec.status().problems().size(), limits::kMaxProblemsReported);
  EXPECT_GE(spec.status().problems().size(), limits::kMaxProblemsReported - 1);
}

}  // namespace
}  // namespace penstock
