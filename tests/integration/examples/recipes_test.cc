// The recipes, on data that they make themselves and on the real files, with real daemons.

#include <gtest/gtest.h>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

class RecipesTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
    data_ = cluster_.folder() / "data";
    ASSERT_EQ(RunProgram({"/usr/bin/python3", "examples/recipes/make_data.py", data_}).code, 0);
  }
  void TearDown() override {
    EXPECT_EQ(cluster_.Stop("w1"), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    cluster_.CheckInvariants();
  }

  // `files`: what each parameter is bound to.
  Json Run(const std::string& recipe, const std::map<std::string, std::filesystem::path>& files) {
    std::vector<std::string> arguments;
    for (const auto& [parameter, path] : files) {
      arguments.push_back("-p");
      arguments.push_back(parameter + "=@" + path.string());
    }
    const std::string id = cluster_.Submit("examples/recipes/" + recipe, arguments);
    EXPECT_EQ(cluster_.Wait(id, std::chrono::seconds(120)), "SUCCEEDED")
        << cluster_.Client({"describe", "run", id}).out;
    return cluster_.Run(id);
  }
  static double Metric(const Json& run, const std::string& step, const std::string& metric) {
    return JsonDouble(JsonMember(Cluster::Step(run, step), "metrics"), metric, -1);
  }

  Cluster cluster_;
  std::filesystem::path data_;
};

TEST_F(RecipesTest, Abalone) {
  const Json run = Run("abalone.yaml", {{"data", data_ / "abalone.csv"}});
  EXPECT_EQ(Metric(run, "prepare", "train_rows"), 960);
  EXPECT_EQ(Metric(run, "prepare", "features"), 11);
  EXPECT_EQ(Metric(run, "evaluate", "rows"), 120);
  EXPECT_EQ(cluster_.ModelVersions("abalone-rings"), 1);
}

TEST_F(RecipesTest, AbaloneAsPublished) {
  const std::filesystem::path data = SharedData();
  if (data.empty()) GTEST_SKIP() << "../shared/data is absent";
  const Json run = Run("abalone.yaml", {{"data", data / "abalone" / "abalone.csv"}});
  EXPECT_EQ(Metric(run, "prepare", "rows"), 4'177);
  EXPECT_EQ(Metric(run, "evaluate", "rows"), 418);
  // What gradient boosting reaches on these data: an RMSE of about 2.2 rings.
  EXPECT_LT(Metric(run, "evaluate", "rmse"), 2.5);
  EXPECT_GT(Metric(run, "evaluate", "r2"), 0.45);
}

TEST_F(RecipesTest, TwoFilesJoinedBySql) {
  const Json run = Run("join.yaml", {{"orders", data_ / "orders.csv"},
                                     {"customers", data_ / "customers.csv"}});
  EXPECT_EQ(Metric(run, "prepare", "rows"), 1'500);
  EXPECT_EQ(Metric(run, "prepare", "train_rows") + Metric(run, "prepare", "test_rows"), 1'500);
  EXPECT_NEAR(Metric(run, "prepare", "test_rows"), 300, 100) << "by a hash of 300 customers";
  EXPECT_GT(Metric(run, "evaluate", "auc"), 0.7);
}

TEST_F(RecipesTest, TextsByTheirWords) {
  const Json run = Run("reviews.yaml", {{"data", data_ / "reviews.csv"}});
  EXPECT_GT(Metric(run, "prepare", "features"), 50);
  EXPECT_GT(Metric(run, "evaluate", "auc"), 0.85);
}

TEST_F(RecipesTest, WhatComesLaterIsJudgedByWhatCameBefore) {
  const Json run = Run("demand.yaml", {{"data", data_ / "demand.csv"}});
  EXPECT_EQ(Metric(run, "prepare", "train_rows"), 1'200);
  EXPECT_EQ(Metric(run, "prepare", "test_rows"), 300);
  EXPECT_GT(Metric(run, "evaluate", "r2"), 0.7);
}

}  // namespace
}  // namespace penstock
