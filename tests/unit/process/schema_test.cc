#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "steps/catalog/builtin.h"
#include "steps/process/operation.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Problems(std::string_view parameters) {
  const auto json = ParseJson(parameters);
  EXPECT_TRUE(json.ok()) << json.status();
  std::vector<Problem> problems;
  CheckParameters(ProcessSchema(), *json, "steps[0].with", problems);
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.path + ": " + problem.message);
  return lines;
}

constexpr char kCensus[] = R"({
    "read": {"format": "csv", "header": false, "trim": true, "nulls": ["?"],
             "columns": [{"name": "age", "kind": "numeric"}, {"name": "sex"}, {"name": "income"}]},
    "roles": {"label": "income", "weight": null, "id": [], "time": null, "group": null,
              "keep": ["sex"]},
    "labels": {"classes": ["<=50K", ">50K"], "positive": ">50K",
               "map": {">50K.": ">50K", "<=50K.": "<=50K"}},
    "split": {"train": 0.8, "validation": 0.1, "test": 0.1, "seed": 7, "stratify": "income"},
    "transforms": [{"op": "impute", "columns": {"kind": "numeric"}, "method": "median"},
                   {"op": "one_hot", "columns": {"kind": "categorical"}, "unknown": "ignore"}]})";

TEST(ProcessSchema, TakesTheCensusExample) {
  EXPECT_THAT(Problems(kCensus), IsEmpty());
  EXPECT_THAT(Problems("{}"), IsEmpty());
  const auto outputs = ProcessSchema().outputs_for(*ParseJson(kCensus));
  std::vector<std::string> names;
  for (const PortSchema& port : outputs) names.push_back(port.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("train", "validation", "test"));
  EXPECT_EQ(ProcessSchema().outputs_for(Json::object())[0].name, "data");
}

TEST(ProcessSchema, JudgesNoReferences) {
  EXPECT_THAT(Problems(R"({
      "read": {"delimiter": "${parameters.d}", "columns": "${parameters.columns}"},
      "roles": {"label": "${parameters.label}"},
      "labels": {"classes": "${parameters.classes}", "positive": "${parameters.positive}"},
      "split": {"train": "${parameters.share}", "test": 0.9, "seed": "${parameters.seed}",
                "stratify": "${parameters.label}"},
      "transforms": [{"op": "impute", "columns": "${parameters.x}", "method": "mean"}]})"),
              IsEmpty());
}

TEST(ProcessSchema, NamesEachProblem) {
  EXPECT_THAT(Problems(R"({"labels": {"classes": ["a", "b"], "positive": "c"}})"),
              ElementsAre("steps[0].with.labels.positive: positive class \"c\" is not among the "
                          "classes (a, b); add it to labels.classes or mend it"));
  EXPECT_THAT(Problems(R"({"labels": {"classes": ["a", "b"], "map": {"x": "q"}}})"),
              ElementsAre(HasSubstr("labels.map.x: class \"q\" is not among")));
  EXPECT_THAT(Problems(R"({"labels": {"classes": ["a", "a"]}})"),
              ElementsAre(HasSubstr("classes[1]: class \"a\" is there twice")));
  EXPECT_THAT(Problems(R"({"labels": {"classes": ["a"]}})"),
              ElementsAre(HasSubstr("must have at least two classes")));
  EXPECT_THAT(Problems(R"({"split": {"train": 0.8, "test": 0.3}})"),
              ElementsAre("steps[0].with.split: the fractions add up to 1.1, more than 1"));
  EXPECT_THAT(
      Problems(R"({"split": {"train": 0, "test": 1.5}})"),
      ElementsAre(HasSubstr("split.test: must be a fraction above 0 and at most 1, not 1.5"),
                  HasSubstr("split.train: must be a fraction above 0")));
  EXPECT_THAT(Problems(R"({"split": {"a": 0.5, "b": 0.5}})"),
              ElementsAre(HasSubstr("split: has no part \"train\"")));
  EXPECT_THAT(Problems(R"({"split": {"seed": 1}})"), IsEmpty());
  EXPECT_THAT(Problems(R"({"split": {"by": "tim"}})"),
              ElementsAre(HasSubstr("split.by: must be random, time or hash, not \"tim\" (did "
                                    "you mean \"time\"?)")));
  EXPECT_THAT(Problems(R"({"split": {"by": "hash"}, "roles": {"label": "y"}})"),
              ElementsAre(HasSubstr("split.key: is missing: the columns to hash, or roles.id")));
  EXPECT_THAT(Problems(R"({"split": {"by": "hash", "key": "a"}, "roles": {"label": "y"}})"),
              IsEmpty());
  EXPECT_THAT(Problems(R"({"split": {"by": "time", "key": ["a"], "stratify": "y"},
                          "roles": {"label": "y", "group": "g"}})"),
              testing::UnorderedElementsAre(
                  HasSubstr("split.key: has a use with by: hash only"),
                  HasSubstr("split.by: time needs roles.time"),
                  HasSubstr("split.stratify: cannot be used with roles.group"),
                  HasSubstr("split.stratify: has no use with by: time"),
                  HasSubstr("split.by: time cannot be used with roles.group")));
  EXPECT_THAT(Problems(R"({"split": {"by": "time", "kFold": 5, "fold": 1},
                          "roles": {"time": "t"}})"),
              ElementsAre(HasSubstr("split.by: time has no folds; give fractions")));
  EXPECT_THAT(Problems(R"({"split": {"train": 1, "seed": -1}})"),
              ElementsAre(HasSubstr("split.seed: must be an integer of at least 0")));
  EXPECT_THAT(Problems(R"({"split": {"kFold": 5, "fold": 4, "seed": 1}})"), IsEmpty());
  EXPECT_THAT(Problems(R"({"split": {"kFold": "${parameters.k}", "fold": "${parameters.f}"}})"),
              testing::Each(HasSubstr("there is no parameter")));
  EXPECT_THAT(Problems(R"({"split": {"kFold": 5, "fold": 5}})"),
              ElementsAre(HasSubstr("split.fold: must be an integer from 0 to kFold - 1, not 5")));
  EXPECT_THAT(Problems(R"({"split": {"kFold": 1, "fold": 0}})"),
              ElementsAre(HasSubstr("split.kFold: must be an integer from 2 to 1000, not 1")));
  EXPECT_THAT(Problems(R"({"split": {"kFold": 5}})"),
              ElementsAre(HasSubstr("split.fold: is missing: which fold is validation")));
  EXPECT_THAT(Problems(R"({"split": {"fold": 1}})"),
              ElementsAre(HasSubstr("split.kFold: is missing")));
  EXPECT_THAT(Problems(R"({"split": {"kFold": 5, "fold": 1, "train": 0.8}})"),
              ElementsAre(HasSubstr("split.train: is a fraction")));
  EXPECT_THAT(Problems(R"({"split": {"transform": 1}})"),
              ElementsAre(HasSubstr("split.transform: cannot be the name of a part")));
  EXPECT_THAT(Problems(R"({"read": {"header": false, "columns": [{"name": "a"}, {"name": "b"}]},
                           "roles": {"label": "c"}, "split": {"train": 1, "stratify": "d"}})"),
              ElementsAre(HasSubstr("roles.label: read.columns has no column \"c\""),
                          HasSubstr("split.stratify: read.columns has no column \"d\"")));
  EXPECT_THAT(Problems(R"({"read": {"columns": [{"name": "a"}, {"name": "a"}]}})"),
              ElementsAre(HasSubstr("read.columns[1].name: column \"a\" is there twice")));
  EXPECT_THAT(Problems(R"({"roles": {"label": "a", "keep": ["a"]}})"),
              ElementsAre(HasSubstr("roles.keep[0]: column \"a\" has another role already")));
  EXPECT_THAT(Problems(R"({"read": {"delimiter": "::"}})"),
              ElementsAre(HasSubstr("read.delimiter: must be one character")));
  EXPECT_THAT(Problems(R"({"read": {"delimiter": "tab"}})"), IsEmpty());
  EXPECT_THAT(Problems(R"({"read": {"encoding": "latin-1//IGNORE"}})"),
              ElementsAre(HasSubstr("read.encoding: must be the name of an encoding")));
  EXPECT_THAT(Problems(R"({"read": {"encoding": "windows-1252", "compression": "zstd",
                                    "format": "svmlight", "files": ["**/part-*.svm"]}})"),
              IsEmpty());
  EXPECT_THAT(Problems(R"({"roles": {"group": "g"}, "split": {"train": 1, "stratify": "y"}})"),
              ElementsAre(HasSubstr("split.stratify: cannot be used with roles.group")));
  EXPECT_THAT(Problems(R"({"reed": {}})"),
              ElementsAre("steps[0].with.reed: unknown key (did you mean \"read\"?)"));
}

TEST(ProcessSchema, OneMistakeHidesNoOther) {
  EXPECT_THAT(Problems(R"({"read": {"header": "yes", "delimiter": "::"},
                           "labels": {"classes": ["a", "b"], "positive": "c"},
                           "split": {"train": 0.9, "test": 0.9},
                           "transforms": [{"op": "onehot", "columns": "x"}]})"),
              ElementsAre(HasSubstr("read.header: must be boolean"),
                          HasSubstr("read.delimiter: must be one character"),
                          HasSubstr("labels.positive: positive class \"c\""),
                          HasSubstr("split: the fractions add up to 1.8"),
                          HasSubstr("transforms[0].op: unknown operation")));
  EXPECT_THAT(Problems(R"({"labels": {"clases": ["a", "b"], "positive": "c"}})"),
              ElementsAre(HasSubstr("labels.clases: unknown key")));
}

TEST(ProcessSchema, NamesProblemsOfOperations) {
  const auto of = [](const std::string& entries) {
    return Problems("{\"roles\": {\"label\": \"y\"}, \"transforms\": [" + entries + "]}");
  };
  EXPECT_THAT(of(R"({"op": "onehot", "columns": "x"})"),
              ElementsAre("steps[0].with.transforms[0].op: unknown operation \"onehot\" (did you "
                          "mean \"one_hot\"?)"));
  EXPECT_THAT(of(R"({"op": "one_hot", "columns": "x", "unkown": "error"})"),
              ElementsAre("steps[0].with.transforms[0].unkown: unknown key (did you mean "
                          "\"unknown\"?)"));
  EXPECT_THAT(of(R"({"op": "one_hot", "columns": "x", "unknown": "errors"})"),
              ElementsAre(HasSubstr("transforms[0].unknown: \"errors\" is not a choice")));
  EXPECT_THAT(of(R"({"op": "standard"})"),
              ElementsAre(HasSubstr("transforms[0].columns: is missing")));
  EXPECT_THAT(of(R"({"op": "impute", "columns": "x"})"),
              ElementsAre(HasSubstr("transforms[0].method: is missing")));
  EXPECT_THAT(of(R"({"op": "impute", "columns": "x", "method": "constant"})"),
              ElementsAre(HasSubstr("method constant needs a value")));
  EXPECT_THAT(of(R"({"op": "impute", "columns": "x", "method": "mean", "value": 1})"),
              ElementsAre(HasSubstr("has no use with method mean")));
  EXPECT_THAT(of(R"({"op": "standard", "columns": "y"})"),
              ElementsAre(HasSubstr("transforms[0].columns: column \"y\" has a role")));
  EXPECT_THAT(of(R"({"op": "standard", "columns": {"kinds": "numeric", "match": "x"}})"),
              ElementsAre(HasSubstr("columns.kinds: unknown key (did you mean \"kind\"?)")));
  EXPECT_THAT(of(R"({"op": "standard", "columns": {"kind": "number"}})"),
              ElementsAre(HasSubstr("\"number\" is no kind of column")));
  EXPECT_THAT(of(R"({"op": "standard", "columns": []})"),
              ElementsAre(HasSubstr("names no column")));
  EXPECT_THAT(of(R"({"op": "standard", "columns": 7})"), ElementsAre(HasSubstr("must be a name")));
  EXPECT_THAT(of(R"({"op": "min_max", "columns": "x", "range": [1, 0]})"),
              ElementsAre(HasSubstr("must have the lower bound first")));
  EXPECT_THAT(of(R"({"op": "standard", "columns": "x"}, {"op": "drop_missing"})"),
              ElementsAre(HasSubstr("transforms[1]: drop_missing must stand before standard")));
  EXPECT_THAT(of("7"), ElementsAre(HasSubstr("must be an operation")));
}

// The catalogue and the code that runs must know the same operations.
TEST(ProcessSchema, DocumentsEveryOperation) {
  for (const std::string& name : OperationNames()) {
    EXPECT_THAT(ProcessSchema().help, HasSubstr("- `" + name + "`: "));
  }
}

TEST(ProcessSchema, ChecksItsTables) {
  const auto problems = [](const std::set<std::string>& inputs, std::string_view with) {
    std::vector<Problem> found;
    ProcessSchema().check_inputs(inputs, *ParseJson(with), "steps[0]", found);
    std::vector<std::string> lines;
    for (const Problem& problem : found) lines.push_back(problem.path + ": " + problem.message);
    return lines;
  };
  EXPECT_THAT(problems({"data"}, "{}"), IsEmpty());
  EXPECT_THAT(problems({"data", "transform"}, "{}"), IsEmpty());
  EXPECT_THAT(problems({"transform"}, "{}"),
              ElementsAre("steps[0].inputs.data: is missing: the data to process"));
  EXPECT_THAT(problems({"data", "tranform"}, "{}"),
              ElementsAre(HasSubstr("inputs.tranform: unknown input (did you mean "
                                    "\"transform\"?); other tables than data are for sql")));
  EXPECT_THAT(problems({"data"}, R"({"tables": {"data": {}}})"),
              ElementsAre("steps[0].with.tables: has a use with sql only"));
  EXPECT_THAT(problems({"a", "b"}, R"({"sql": "SELECT 1", "tables": {"a": {}}})"), IsEmpty());
  EXPECT_THAT(problems({"transform"}, R"({"sql": "SELECT 1"})"),
              ElementsAre(HasSubstr("inputs: names no table for sql")));
  EXPECT_THAT(problems({"orders"}, R"({"sql": "SELECT 1", "tables": {"order": {}}})"),
              ElementsAre("steps[0].with.tables.order: there is no input of this name (did you "
                          "mean \"orders\"?)"));
  EXPECT_THAT(Problems(R"({"sql": "SELECT 1", "tables": {"a": {"delimiter": "ab"}}})"),
              ElementsAre(HasSubstr("tables.a.delimiter: must be one character")));
  EXPECT_THAT(Problems(R"({"sql": ""})"), testing::SizeIs(1));
}

}  // namespace
}  // namespace penstock
