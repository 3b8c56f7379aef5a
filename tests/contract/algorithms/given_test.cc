// evaluate on predictions that somebody else made.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/catalog/catalog.h"
#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class GivenTest : public testing::Test {
 protected:
  Result<StepOutcome> Evaluate(const std::string& csv, const Json& with = Json::object(),
                               const std::string& data = "") {
    step_.inputs_.clear();
    step_.AddFile("predictions", "@scores.csv", csv);
    if (!data.empty()) step_.AddFile("data", "@truth.csv", data);
    return Run(with);
  }
  Result<StepOutcome> Run(const Json& with) {
    std::vector<Problem> problems;
    step_.parameters_ = CheckParameters(*Catalog::BuiltIn().Find("evaluate"), with, "", problems);
    EXPECT_TRUE(problems.empty()) << problems.front().message;
    return step_.Run();
  }
  std::string Complaint(const std::string& csv, const Json& with = Json::object(),
                        const std::string& data = "") {
    const auto outcome = Evaluate(csv, with, data);
    EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument) << csv;
    return outcome.status().message();
  }
  SeriesStep step_{"evaluate"};
};

TEST_F(GivenTest, TwoClasses) {
  const auto outcome = Evaluate("income,p,w\nyes,0.9,1\nno,0.2,1\nyes,0.4,2\nno,0.6,1\n",
                                {{"label", "income"}, {"probability", "p"}, {"weight", "w"}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("rows"), 4);
  // Of the pairs of a yes and a no: (.9, .2), (.9, .6) and, twice as heavy, (.4, .2) are in order.
  EXPECT_DOUBLE_EQ(outcome->metrics.at("auc"), 4.0 / 6);
  EXPECT_EQ(outcome->metrics.at("tp"), 1);
  EXPECT_EQ(outcome->metrics.at("fn"), 2) << "weights count";
  EXPECT_EQ(outcome->report["positive_class"], "yes") << "the last, where nothing says which";
  EXPECT_FALSE(outcome->report.contains("algorithm"));
  EXPECT_EQ(outcome->report["comparison"]["champion"], "none");
  // Its own output says the same again.
  step_.inputs_.clear();
  const auto copy = step_.folder_.path() / "again";
  std::filesystem::copy(step_.output_ / "predictions", copy);
  step_.Bind("predictions", copy, "again");
  const auto again = Run({{"threshold", 0.3}});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_DOUBLE_EQ(again->metrics.at("auc"), 3.0 / 4) << "without the weights";
  EXPECT_EQ(again->metrics.at("tp"), 2);
}

TEST_F(GivenTest, TheOtherClassCanBeThePositiveOne) {
  const std::string csv = "label,probability\n1,0.1\n0,0.8\n0,0.7\n";
  const auto outcome = Evaluate(csv, {{"classes", {1, 0}}, {"positive", 0}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("auc"), 1);
  EXPECT_EQ(outcome->report["positive_class"], "0");
  EXPECT_THAT(Complaint(csv), AllOf(HasSubstr("is a number"), HasSubstr("with.classes")));
}

TEST_F(GivenTest, ManyClassesAndNumbers) {
  const auto classes =
      Evaluate("label,probability_a,probability_b,probability_c\na,0.8,0.1,0.1\nb,0.2,0.3,0.5\n");
  ASSERT_TRUE(classes.ok()) << classes.status();
  EXPECT_EQ(classes->metrics.at("accuracy"), 0.5);
  EXPECT_NEAR(classes->metrics.at("log_loss"), -(std::log(0.8) + std::log(0.3)) / 2, 1e-12);
  const auto named = Evaluate("label,x,y,z\na,0.8,0.1,0.1\nb,0.2,0.3,0.5\n",
                              {{"probabilities", {{"a", "x"}, {"b", "y"}, {"c", "z"}}}});
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->metrics.at("accuracy"), 0.5);
  const auto numbers = Evaluate("label,prediction\n1,2\n3,3\n");
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_DOUBLE_EQ(numbers->metrics.at("mse"), 0.5);
}

TEST_F(GivenTest, ClassesWithoutProbabilities) {
  const auto outcome = Evaluate("label,prediction\nyes,yes\nno,yes\nno,no\n");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_DOUBLE_EQ(outcome->metrics.at("accuracy"), 2.0 / 3);
  for (const char* metric : {"auc", "auc_pr", "log_loss"}) {
    EXPECT_TRUE(std::isnan(outcome->metrics.at(metric))) << metric;
  }
  EXPECT_EQ(outcome->report["binary_classification_metrics"]["auc"]["reason"],
            "the predictions are classes alone");
}

TEST_F(GivenTest, LabelsFromTheDataInTheirOrder) {
  const std::string data = "id,income\n1,yes\n2,no\n3,yes\n";
  const auto outcome = Evaluate("probability\n0.9\n0.1\n0.8\n", {{"label", "income"}}, data);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("auc"), 1);
  EXPECT_THAT(Complaint("probability\n0.9\n0.1\n", {{"label", "income"}}, data),
              HasSubstr("@scores.csv has 2 rows, and @truth.csv has 3"));
  EXPECT_THAT(Complaint("probability\n0.9\n0.1\n0.8\n", {}, data),
              AllOf(HasSubstr("@truth.csv has no column \"label\""), HasSubstr("with.label")));
}

TEST_F(GivenTest, EveryProblemSaysWhere) {
  EXPECT_THAT(Complaint("truth,probability\nyes,1\nno,0\n"),
              AllOf(HasSubstr("no column \"label\""), HasSubstr("with.label")));
  EXPECT_THAT(Complaint("label,score\nyes,1\nno,0\n"),
              AllOf(HasSubstr("neither probabilities"), HasSubstr("label, score")));
  EXPECT_THAT(Complaint("label,score\nyes,1\nno,0\n", {{"probability", "scor"}}),
              AllOf(HasSubstr("no column \"scor\""), HasSubstr("score")));
  EXPECT_THAT(Complaint("label,probability\nyes,0.5\nno,1.5\n"),
              AllOf(HasSubstr("line 3, column 2 (probability)"), HasSubstr("not between 0 and 1")));
  EXPECT_THAT(Complaint("label,probability\nyes,0.5\nno,nan\n"),
              AllOf(HasSubstr("line 3"), HasSubstr("\"nan\" is no number")));
  EXPECT_THAT(Complaint("label,probability\nyes,\nno,0.1\n"),
              AllOf(HasSubstr("line 2"), HasSubstr("there is no probability")));
  EXPECT_THAT(
      Complaint("label,prediction\nyes,yes\nno,maybe\n"),
      AllOf(HasSubstr("line 3"), HasSubstr("\"maybe\" is not among the classes (no, yes)")));
  EXPECT_THAT(Complaint("label,probability\nyes,0.5\nno,0.5\n", {{"classes", {"ja", "no"}}}),
              HasSubstr("label \"yes\" is not among the classes"));
  EXPECT_THAT(Complaint("label,probability\nyes,0.5\nyes,0.5\n"),
              HasSubstr("only the class \"yes\""));
  EXPECT_THAT(Complaint("label,probability\nyes,0.5\n,0.5\nno,0.5\n"),
              HasSubstr("row 2 has no label"));
  EXPECT_THAT(Complaint("label,probability_a,probability_b\na,1,0\nc,0,1\nb,0,1\n"),
              HasSubstr("lacks \"probability_c\""));
  EXPECT_THAT(Complaint("label,probability_a,probability_b,probability_c\na,1,1,0\nb,1,0,0\n"),
              AllOf(HasSubstr("line 2"), HasSubstr("sum to 2")));
  EXPECT_THAT(Complaint("label,prediction\n1,2\n2,x\n"),
              AllOf(HasSubstr("line 3"), HasSubstr("prediction \"x\" is no number")));
  EXPECT_THAT(Complaint("label,probability,w\nyes,1,1\nno,0,-1\n", {{"weight", "w"}}),
              AllOf(HasSubstr("line 3"), HasSubstr("not below 0")));
  EXPECT_THAT(Complaint("label,probability\nyes,1\nno,0\n", {{"positive", "maybe"}}),
              HasSubstr("with.positive is \"maybe\""));
}

TEST_F(GivenTest, WhatDoesNotGoTogetherIsRefusedAtSubmission) {
  const StepSchema& schema = *Catalog::BuiltIn().Find("evaluate");
  const auto problems = [&](const std::set<std::string>& inputs, const Json& with) {
    std::vector<Problem> found;
    schema.check_inputs(inputs, with, "steps[0]", found);
    return found.empty() ? "" : found.front().path + ": " + found.front().message;
  };
  EXPECT_EQ(problems({"model", "data"}, {{"threshold", 0.5}}), "");
  EXPECT_EQ(problems({"predictions"}, {{"label", "x"}}), "");
  EXPECT_EQ(problems({"predictions", "data", "champion"}, Json::object()), "");
  EXPECT_THAT(problems({"predictions", "model"}, Json::object()), HasSubstr("beside `model`"));
  EXPECT_THAT(problems({"predictions", "champion"}, Json::object()), HasSubstr("`data`"));
  EXPECT_THAT(problems({"model", "data"}, {{"label", "x"}}),
              HasSubstr("steps[0].with.label: says where"));
}

}  // namespace
}  // namespace penstock
