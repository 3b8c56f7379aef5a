#include "steps/validate/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steps/catalog/catalog.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr char kPeople[] =
    "id,age,job,email,seen,price,cost\n"
    "1,20,cook,a@b.de,2024-01-01,10,5\n"
    "2,,nurse,c@d.de,2024-01-03,20,30\n"
    "3,40,,no mail,2024-01-02,30,10\n"
    "3,999,pilot,e@f.de,2024-01-02,5,6\n";

class ValidateTest : public testing::Test {
 protected:
  void SetUp() override { step_.AddFile("data", "@people.csv", kPeople); }

  // The parameters with their defaults, as the server hands them on.
  static Json Complete(const Json& parameters) {
    std::vector<Problem> problems;
    Json complete =
        CheckParameters(*Catalog::BuiltIn().Find("validate"), parameters, "with", problems);
    for (const Problem& problem : problems) ADD_FAILURE() << problem.path << problem.message;
    return complete;
  }
  Result<StepOutcome> Run(std::string_view rules, const Json& others = Json::object()) {
    const auto json = ParseJson(rules);
    EXPECT_TRUE(json.ok()) << json.status();
    Json parameters = others;
    parameters["rules"] = *json;
    step_.parameters_ = Complete(parameters);
    step_.Reset();
    return RunValidate(step_);
  }
  // The finding of the only rule.
  Json Find(const std::string& rule, const Json& others = Json::object()) {
    Json warn = others;
    warn["on_violation"] = "warn";
    const auto outcome = Run("[" + rule + "]", warn);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? outcome->report["rules"][0] : Json();
  }
  bool Passes(const std::string& rule, const Json& others = Json::object()) {
    return JsonBool(Find(rule, others), "passed");
  }
  std::string Message(const std::string& rule, const Json& others = Json::object()) {
    return JsonString(Find(rule, others), "message");
  }
  // "where: value" of each example.
  static std::vector<std::string> Examples(const Json& finding) {
    std::vector<std::string> texts;
    for (const Json& example : JsonMember(finding, "examples")) {
      texts.push_back(JsonString(example, "where") + ": " + JsonString(example, "value"));
    }
    return texts;
  }
  FakeStep step_{"validate"};
};

TEST_F(ValidateTest, PassesGoodDataWithAReport) {
  const auto outcome = Run(R"([
      {"rule": "rows", "min": 1, "max": 4},
      {"rule": "complete", "columns": ["id", "age"], "min_share": 0.75},
      {"rule": "domain", "name": "jobs", "columns": ["job"], "values": ["cook", "nurse", "pilot"]}
  ])");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->outputs.size(), 1u);
  EXPECT_EQ(outcome->outputs[0].name, "report");
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kReport);
  const auto written = ParseJson(ReadBytes(step_.output_ / "report/report.json"));
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(*written, outcome->report);
  EXPECT_EQ(outcome->report["format"], "penstock-validation/1");
  EXPECT_EQ(outcome->report["passed"], true);
  EXPECT_EQ(outcome->report["rules"][0]["name"], "rows-1");
  EXPECT_EQ(outcome->report["rules"][2]["name"], "jobs");
  EXPECT_EQ(outcome->report["rules"][1]["violations"], 1);
  EXPECT_EQ(outcome->report["rules"][1]["checked"], 8);
  EXPECT_EQ(outcome->report["rules"][1]["share"], 0.125);
  EXPECT_EQ(
      outcome->metrics,
      (std::map<std::string, double>{
          {"rows", 4}, {"rules", 3}, {"failed_rules", 0}, {"warned_rules", 0}, {"violations", 0}}));
  EXPECT_THAT(step_.log_, HasSubstr("passed: jobs (domain)"));
  EXPECT_THAT(step_.log_, Not(HasSubstr("warning")));
}

TEST_F(ValidateTest, FailsWithEachRuleAndItsFirstExample) {
  const auto outcome = Run(R"([
      {"rule": "range", "name": "ages", "columns": ["age"], "min": 0, "max": 120},
      {"rule": "unique", "columns": ["id"]},
      {"rule": "complete", "columns": ["age"], "severity": "warn"},
      {"rule": "rows", "min": 1},
      {"rule": "sql", "name": "positive-margin", "query": "SELECT * FROM data WHERE price < cost"}
  ])");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(outcome.status().reason(), kRulesViolated);
  const std::string message = outcome.status().message();
  EXPECT_THAT(message, HasSubstr("the data violate 3 of 5 rules: ages: 1 of 3 values of \"age\" "
                                 "are not from 0 to 120; first: @people.csv: line 5, column 2 "
                                 "(age): \"999\" | unique-2: "));
  EXPECT_THAT(message, HasSubstr("@people.csv: line 5, column 1 (id): \"3\", as in row 3"));
  EXPECT_THAT(message, HasSubstr("positive-margin: the query gives 2 rows; first: row 1 of the "
                                 "result: \"id: 2, age: missing, job: nurse"));
  EXPECT_THAT(message, Not(HasSubstr("complete")));
  EXPECT_THAT(step_.log_, HasSubstr("violated: ages (range)"));
  EXPECT_THAT(step_.log_, HasSubstr("warning: complete-3: 1 of 4 values of \"age\" are missing; "
                                    "first: @people.csv: line 3, column 2 (age), missing"));
}

TEST_F(ValidateTest, WarnsAndKeepsTheReport) {
  const auto outcome = Run(R"([
      {"rule": "range", "columns": ["age"], "max": 120},
      {"rule": "complete", "columns": ["age", "job"], "severity": "warn"}])",
                           {{"on_violation", "warn"}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("failed_rules"), 1);
  EXPECT_EQ(outcome->metrics.at("warned_rules"), 1);
  EXPECT_EQ(outcome->metrics.at("violations"), 3);
  EXPECT_EQ(outcome->report["passed"], false);
  EXPECT_THAT(step_.log_, HasSubstr("warning: range-1: "));
  EXPECT_TRUE(std::filesystem::exists(step_.output_ / "report/report.json"));
}

TEST_F(ValidateTest, SeverityWarnNeverFails) {
  EXPECT_TRUE(Run(R"([{"rule": "rows", "min": 5, "severity": "warn"}])").ok());
}

TEST_F(ValidateTest, Complete) {
  const Json finding = Find(R"({"rule": "complete", "columns": ["age", "job", "id"]})");
  EXPECT_EQ(finding["passed"], false);
  EXPECT_EQ(finding["violations"], 2);
  EXPECT_EQ(finding["checked"], 12);
  EXPECT_THAT(Examples(finding), ElementsAre("@people.csv: line 3, column 2 (age): ",
                                             "@people.csv: line 4, column 3 (job): "));
  EXPECT_EQ(finding["examples"][0]["row"], 2);
  EXPECT_EQ(finding["examples"][0]["file"], "@people.csv");
  EXPECT_THAT(Message(R"({"rule": "complete", "columns": ["age"], "min_share": 0.76})"),
              HasSubstr("1 of 4 values of \"age\" are missing: fewer than a share of 0.76"));
  EXPECT_TRUE(Passes(R"({"rule": "complete", "columns": ["age"], "min_share": 0.75})"));
  EXPECT_THAT(Message(R"({"rule": "complete", "columns": ["agee"]})"),
              HasSubstr("there is no column \"agee\" (did you mean \"age\"?)"));
}

TEST_F(ValidateTest, Unique) {
  const Json finding = Find(R"({"rule": "unique", "columns": ["id"]})");
  EXPECT_EQ(finding["violations"], 1);
  EXPECT_EQ(finding["checked"], 4);
  EXPECT_EQ(finding["examples"][0]["note"], "as in row 3");
  EXPECT_EQ(finding["message"], "1 of 4 rows have the id of an earlier row");
  EXPECT_TRUE(Passes(R"({"rule": "unique", "columns": ["id", "age"]})"));
  const Json partly = Find(R"({"rule": "unique", "columns": ["id", "job"]})");
  EXPECT_EQ(partly["checked"], 3) << "a row without a job has no key";
  EXPECT_EQ(partly["passed"], true);
  // Where values end counts.
  step_.Unbind("data");
  step_.AddFile("data", "@k.csv", "a,b\nxy,z\nx,yz\nx,yz\n");
  EXPECT_EQ(Find(R"({"rule": "unique", "columns": ["a", "b"]})")["violations"], 1);
}

TEST_F(ValidateTest, Range) {
  const Json finding = Find(R"({"rule": "range", "columns": ["age", "id"], "min": 3, "max": 40})");
  EXPECT_EQ(finding["violations"], 3);
  EXPECT_EQ(finding["checked"], 7);
  EXPECT_THAT(Examples(finding), ElementsAre("@people.csv: line 2, column 1 (id): 1",
                                             "@people.csv: line 3, column 1 (id): 2",
                                             "@people.csv: line 5, column 2 (age): 999"));
  EXPECT_TRUE(Passes(R"({"rule": "range", "columns": ["age"], "min": 20})"));
  EXPECT_EQ(
      Find(R"({"rule": "range", "columns": ["age"], "min": 20, "exclusive": true})")["violations"],
      1);
  EXPECT_EQ(Find(R"({"rule": "range", "columns": ["job"], "min": 0})")["violations"], 3)
      << "texts are no numbers";
  const Json times = Find(
      R"({"rule": "range", "columns": ["seen"], "min": "2024-01-02", "max": "2024-01-02T12:00"})");
  EXPECT_EQ(times["violations"], 2);
  EXPECT_EQ(times["checked"], 4);
  EXPECT_EQ(Find(R"({"rule": "range", "columns": ["age"], "min": "2024-01-02"})")["violations"], 3);
}

TEST_F(ValidateTest, Domain) {
  const std::string jobs = R"({"rule": "domain", "columns": ["job"], "values": ["cook", "nurse"])";
  const Json finding = Find(jobs + "}");
  EXPECT_EQ(finding["violations"], 1);
  EXPECT_EQ(finding["checked"], 3);
  EXPECT_THAT(Examples(finding), ElementsAre("@people.csv: line 5, column 3 (job): pilot"));
  EXPECT_TRUE(Passes(jobs + R"(, "max_share_outside": 0.34})"));
  EXPECT_FALSE(Passes(jobs + R"(, "max_share_outside": 0.33})"));
  EXPECT_EQ(Find(R"({"rule": "domain", "columns": ["id"], "values": [1, "2"]})")["violations"], 2);
}

TEST_F(ValidateTest, Pattern) {
  const Json finding =
      Find(R"({"rule": "pattern", "columns": ["email"], "regex": "[a-z]+@[a-z.]+"})");
  EXPECT_THAT(Examples(finding), ElementsAre("@people.csv: line 4, column 4 (email): no mail"));
  EXPECT_EQ(Find(R"({"rule": "pattern", "columns": ["email"], "regex": "@"})")["violations"], 4)
      << "the whole value must match";
  EXPECT_TRUE(Passes(R"({"rule": "pattern", "columns": ["id"], "regex": "[123]"})"));
}

TEST_F(ValidateTest, Fresh) {
  const std::string rule = R"({"rule": "fresh", "column": "seen", "within": "2d"})";
  EXPECT_TRUE(Passes(rule, {{"now", "2024-01-05T00:00:00Z"}}));
  EXPECT_EQ(Message(rule, {{"now", "2024-01-05T00:00:01Z"}}),
            "the newest value of \"seen\", 2024-01-03, is older than 2d");
  EXPECT_EQ(Message(rule, {{"now", "2024-01-02T18:00:00+01:00"}}),
            "the newest value is 2024-01-02 (1 value after `now` left out)");
  EXPECT_THAT(Message(rule, {{"now", "2023-01-01"}}),
              HasSubstr("has no date or time (4 values after `now` left out)"));
  EXPECT_THAT(
      Message(R"({"rule": "fresh", "column": "age", "within": "2d"})", {{"now", "2024-01-05"}}),
      HasSubstr("holds numbers, not dates"));
  EXPECT_EQ(Find(R"({"rule": "fresh", "column": "job", "within": "2d"})",
                 {{"now", "2024-01-05"}})["violations"],
            4)
      << "three texts that are no dates, and that there is none";
}

TEST_F(ValidateTest, Rows) {
  EXPECT_EQ(Message(R"({"rule": "rows", "min": 5})"), "there are 4 rows, fewer than 5");
  EXPECT_EQ(Message(R"({"rule": "rows", "max": 3})"), "there are 4 rows, more than 3");
  step_.AddFile("reference", "@before.csv", "a\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  EXPECT_EQ(Message(R"({"rule": "rows", "min_of_reference": 0.5})"),
            "there are 4 rows, fewer than 0.5 times the 9 of the reference");
  EXPECT_TRUE(Passes(R"({"rule": "rows", "min_of_reference": 0.4})"));
}

TEST_F(ValidateTest, Schema) {
  const auto message = [&](const std::string& columns) {
    return Message(R"({"rule": "schema", "columns": [)" + columns + "]}");
  };
  EXPECT_TRUE(Passes(R"({"rule": "schema", "columns": [
      {"name": "id", "kind": "numeric", "type": "integer", "nullable": false},
      {"name": "age", "kind": "numeric", "type": "double"},
      {"name": "job", "kind": "text", "type": "string"},
      {"name": "seen", "kind": "date", "type": "timestamp"}]})"));
  EXPECT_EQ(message(R"({"name": "agee"})"), "there is no column \"agee\" (did you mean \"age\"?)");
  EXPECT_EQ(message(R"({"name": "age", "nullable": false})"),
            "1 of 4 values of \"age\" are missing");
  EXPECT_EQ(message(R"({"name": "job", "kind": "numeric"})"),
            "3 of 3 values of \"job\" are no numbers");
  EXPECT_EQ(message(R"({"name": "age", "kind": "categorical"})"),
            "\"age\" holds numbers alone, and would not be read as categorical (say so in "
            "read.columns)");
  EXPECT_EQ(message(R"({"name": "email", "type": "date"})"),
            "4 of 4 values of \"email\" cannot be read as date");
  EXPECT_EQ(message(R"({"name": "age", "type": "boolean"})"),
            "3 of 3 values of \"age\" cannot be read as boolean");
  EXPECT_EQ(message(R"({"name": "age", "type": "string"})"),
            "\"age\" holds numbers (double), not texts");
  const Json extra = Find(R"({"rule": "schema", "extra": "deny", "columns": [
      {"name": "id"}, {"name": "age"}, {"name": "job"}, {"name": "email"}, {"name": "seen"}]})");
  EXPECT_EQ(extra["violations"], 2);
  EXPECT_EQ(extra["message"],
            "there is a column \"price\" besides; there is a column \"cost\" "
            "besides");
  // A kind that somebody has said is the column's.
  EXPECT_EQ(Message(R"({"rule": "schema", "columns": [{"name": "job", "kind": "text"}]})",
                    {{"read", {{"columns", {{{"name", "job"}, {"kind", "categorical"}}}}}}}),
            "\"job\" is of kind categorical, not text");
}

TEST_F(ValidateTest, Sql) {
  const Json finding =
      Find(R"({"rule": "sql", "query": "SELECT id, price FROM data WHERE price < cost"})");
  EXPECT_EQ(finding["violations"], 2);
  EXPECT_EQ(finding["share"], 0.5);
  EXPECT_THAT(Examples(finding), ElementsAre("row 1 of the result: id: 2, price: 20",
                                             "row 2 of the result: id: 3, price: 5"));
  EXPECT_TRUE(Passes(R"({"rule": "sql", "query": "SELECT 1 AS x FROM data WHERE false"})"));
  step_.AddFile("reference", "@before.csv", "id\n1\n2\n");
  EXPECT_EQ(Find(R"json({"rule": "sql", "query":
      "SELECT id FROM data WHERE id NOT IN (SELECT id FROM reference)"})json")["violations"],
            2);
  for (const char* query : {"SELECT * FROM read_text('/etc/passwd')", "COPY data TO 'x.csv'",
                            "SELECT 1; SELECT 2", "SELECT agee FROM data"}) {
    const auto outcome =
        Run(Json::array({{{"rule", "sql"}, {"name", "mine"}, {"query", query}}}).dump());
    ASSERT_FALSE(outcome.ok()) << query;
    EXPECT_NE(outcome.status().reason(), kRulesViolated) << query;
    EXPECT_THAT(outcome.status().message(), HasSubstr("rule \"mine\""));
  }
}

TEST_F(ValidateTest, KeepsTenExamplesInOrder) {
  std::string csv = "v,w\n";
  for (int i = 0; i < 3'000; ++i) csv += std::to_string(i) + "," + std::to_string(-i) + "\n";
  step_.Unbind("data");
  step_.AddFile("data", "@many.csv", csv);
  const Json finding = Find(R"({"rule": "range", "columns": ["w", "v"], "min": 0})");
  EXPECT_EQ(finding["violations"], 2'999);
  ASSERT_EQ(finding["examples"].size(), 10u);
  EXPECT_EQ(finding["examples"][9]["value"], "-10");
  EXPECT_EQ(finding["examples"][9]["where"], "@many.csv: line 12, column 2 (w)");
}

TEST_F(ValidateTest, NamesTheFileOfEachRow) {
  step_.AddFile("data", "@more.csv",
                "id,age,job,email,seen,price,cost\n9,-1,cook,x,2024-01-01,1,1\n");
  const Json finding = Find(R"({"rule": "range", "columns": ["age"], "min": 0, "max": 120})");
  EXPECT_THAT(Examples(finding), ElementsAre("@people.csv: line 5, column 2 (age): 999",
                                             "@more.csv: line 2, column 2 (age): -1"));
  EXPECT_EQ(finding["examples"][1]["row"], 1);
}

TEST_F(ValidateTest, GivesTheSameForAnyThreadsAndMemory) {
  std::string csv = "id,v\n";
  for (int i = 0; i < 300'000; ++i) {
    csv += std::to_string(i % 299'000) + "," + std::to_string(i * 37 % 1'000) + "\n";
  }
  step_.Unbind("data");
  step_.AddFile("data", "@big.csv", csv);
  std::vector<std::string> reports;
  for (const int threads : {1, 3}) {
    step_.threads_ = threads;
    const auto outcome = Run(R"([{"rule": "unique", "columns": ["id"]},
                                 {"rule": "range", "columns": ["v"], "min": 1, "max": 990}])",
                             {{"on_violation", "warn"}});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    reports.push_back(DumpJson(outcome->report));
    EXPECT_EQ(outcome->report["rules"][0]["violations"], 1'000);
    EXPECT_EQ(outcome->report["rules"][0]["examples"][0]["row"], 299'001);
  }
  EXPECT_EQ(reports[0], reports[1]);
}

TEST_F(ValidateTest, JudgesNoRowsAndOddNames) {
  step_.Unbind("data");
  step_.AddFile("data", "@none.csv", "a,\"b\n\"\"c\"\"\",🚀,select\n");
  EXPECT_EQ(Message(R"({"rule": "rows", "min": 1})"), "there are 0 rows, fewer than 1");
  EXPECT_TRUE(Passes(R"({"rule": "complete", "columns": ["a", "🚀"]})"));
  EXPECT_TRUE(Passes(R"({"rule": "unique", "columns": ["a", "b\n\"c\""]})"));
  EXPECT_TRUE(Passes(R"({"rule": "range", "columns": ["select"], "min": 0})"));
  EXPECT_TRUE(Passes(R"({"rule": "schema", "columns": [{"name": "a", "type": "string"}]})"));
  EXPECT_TRUE(Passes(R"({"rule": "sql", "query": "SELECT \"select\", \"🚀\" FROM data"})"));
  EXPECT_FALSE(
      Passes(R"({"rule": "fresh", "column": "a", "within": "1d"})", {{"now", "2024-01-01"}}));
}

TEST_F(ValidateTest, ReadsDatasets) {
  Table table;
  table.rows = 2;
  table.columns.push_back(MakeNumberColumn("age", {1, 2}, ColumnType::kInteger));
  table.columns.push_back(MakeStringColumn("job", {"cook", "nurse"}));
  const auto folder = step_.folder_.path() / "dataset";
  ASSERT_TRUE(WriteDataset(folder, table, {}, {}).ok());
  step_.Bind("data", folder, "@people");
  EXPECT_TRUE(Passes(R"({"rule": "schema", "extra": "deny", "columns": [
      {"name": "age", "type": "integer"}, {"name": "job", "kind": "categorical"}]})"));
  EXPECT_EQ(Message(R"({"rule": "schema", "columns": [{"name": "job", "kind": "id"}]})"),
            "\"job\" is of kind categorical, not id");
  step_.Bind("reference", folder, "@people");
  EXPECT_TRUE(Passes(R"({"rule": "rows", "min_of_reference": 1})"));
}

TEST_F(ValidateTest, ShortensLongValuesAndMessages) {
  step_.Unbind("data");
  step_.AddFile("data", "@long.csv", "v\n" + std::string(100'000, 'x') + "\n");
  Json rules = Json::array();
  for (int i = 0; i < 200; ++i) {
    rules.push_back({{"rule", "domain"}, {"columns", {"v"}}, {"values", {"y"}}});
  }
  const auto outcome = Run(rules.dump());
  ASSERT_FALSE(outcome.ok());
  EXPECT_LT(outcome.status().message().size(), 14'000u);
  EXPECT_THAT(outcome.status().message(), HasSubstr("the data violate 200 of 200 rules: domain-1"));
  EXPECT_THAT(outcome.status().message(), HasSubstr("more rules (the step's log has more"));
}

TEST_F(ValidateTest, StopsWhenCancelled) {
  for (const int after : {0, 5, 20}) {
    step_.cancel_after_ = after;
    step_.asked_ = 0;
    const auto outcome = Run(R"json([
        {"rule": "unique", "columns": ["age"]},
        {"rule": "sql", "query": "SELECT count(*) AS n FROM range(10000000000) a, range(10000000000) b WHERE a.range + b.range < 0"}])json");
    EXPECT_EQ(outcome.status().code(), StatusCode::kCancelled) << outcome.status();
  }
}

class ValidateSchemaTest : public testing::Test {
 protected:
  static std::vector<std::string> Problems(const Json& parameters) {
    std::vector<Problem> problems;
    CheckParameters(*Catalog::BuiltIn().Find("validate"), parameters, "with", problems);
    std::vector<std::string> texts;
    for (const Problem& problem : problems) texts.push_back(problem.path + ": " + problem.message);
    return texts;
  }
  static std::vector<std::string> OfRule(std::string_view rule) {
    const auto json = ParseJson(rule);
    EXPECT_TRUE(json.ok()) << json.status();
    return Problems({{"rules", {*json}}, {"now", "2024-01-01"}});
  }
};

TEST_F(ValidateSchemaTest, SaysWhatIsWrongWithARule) {
  EXPECT_THAT(Problems(Json::object()), ElementsAre(HasSubstr("with.rules: is missing")));
  EXPECT_THAT(Problems({{"rules", Json::array()}}), ElementsAre(HasSubstr("length")));
  EXPECT_THAT(OfRule("3"), ElementsAre(HasSubstr("with.rules[0]: must be a rule, for example")));
  EXPECT_THAT(OfRule(R"({"rule": "rang", "columns": ["a"]})"),
              ElementsAre(HasSubstr("unknown rule \"rang\" (did you mean \"range\"?)")));
  EXPECT_THAT(OfRule(R"({"rule": "range", "column": ["a"], "min": 1})"),
              UnorderedElementsAre(HasSubstr("unknown key (did you mean \"columns\"?)"),
                                   HasSubstr("columns: is missing")));
  EXPECT_THAT(OfRule(R"({"rule": "range", "columns": ["a"]})"),
              ElementsAre("with.rules[0]: has neither min nor max"));
  EXPECT_THAT(OfRule(R"({"rule": "range", "columns": ["a"], "min": 3, "max": 2})"),
              ElementsAre("with.rules[0].max: is below min"));
  EXPECT_THAT(OfRule(R"({"rule": "range", "columns": ["a"], "min": 3, "max": "2024-01-01"})"),
              ElementsAre(HasSubstr("of the same sort")));
  EXPECT_THAT(OfRule(R"({"rule": "range", "columns": ["a"], "min": "yesterday"})"),
              ElementsAre(HasSubstr("must be a number, or an ISO date")));
  EXPECT_THAT(OfRule(R"({"rule": "pattern", "columns": ["a"], "regex": "("})"),
              ElementsAre(HasSubstr("with.rules[0].regex: is wrong: missing )")));
  EXPECT_THAT(OfRule(R"({"rule": "fresh", "column": "a", "within": "2 days"})"),
              ElementsAre(HasSubstr("with.rules[0].within")));
  EXPECT_THAT(OfRule(R"({"rule": "rows"})"), ElementsAre(HasSubstr("needs min, max or")));
  EXPECT_THAT(OfRule(R"({"rule": "rows", "min": 3, "max": 1})"),
              ElementsAre("with.rules[0].max: is below min"));
  EXPECT_THAT(OfRule(R"({"rule": "domain", "columns": ["a"], "values": [[1]]})"),
              ElementsAre("with.rules[0].values[0]: must be a text or a number"));
  EXPECT_THAT(OfRule(R"({"rule": "complete", "columns": ["a"], "min_share": 2})"),
              ElementsAre(HasSubstr("out of bounds")));
  EXPECT_THAT(OfRule(R"({"rule": "rows", "min": 1, "severity": "bad"})"),
              ElementsAre(HasSubstr("\"bad\" is not a choice")));
  EXPECT_THAT(OfRule(R"({"rule": "schema", "columns": [{"name": "a", "type": "int"}]})"),
              ElementsAre(HasSubstr("\"int\" is not a choice")));
  EXPECT_THAT(OfRule(R"({"rule": "range", "columns": ["a"], "min": "${parameters.low}"})"),
              IsEmpty());
}

TEST_F(ValidateSchemaTest, SaysWhatDoesNotGoTogether) {
  EXPECT_THAT(Problems({{"rules", {{{"rule", "fresh"}, {"column", "a"}, {"within", "1d"}}}}}),
              ElementsAre(HasSubstr("with.now: is missing")));
  EXPECT_THAT(Problems({{"now", "soon"}, {"rules", {{{"rule", "rows"}, {"min", 1}}}}}),
              ElementsAre(HasSubstr("with.now: must be an ISO date")));
  EXPECT_THAT(Problems({{"rules",
                         {{{"rule", "rows"}, {"name", "n"}, {"min", 1}},
                          {{"rule", "rows"}, {"name", "n"}, {"max", 1}}}}}),
              ElementsAre("with.rules[1].name: another rule is called \"n\", too"));
  const StepSchema& schema = *Catalog::BuiltIn().Find("validate");
  std::vector<Problem> problems;
  const Json parameters = {{"rules", {{{"rule", "rows"}, {"min_of_reference", 0.5}}}}};
  schema.check_inputs({"data"}, parameters, "steps[0]", problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].path, "steps[0].with.rules[0].min_of_reference");
  problems.clear();
  schema.check_inputs({"data", "reference"}, parameters, "steps[0]", problems);
  EXPECT_THAT(problems, IsEmpty());
}

}  // namespace
}  // namespace penstock
