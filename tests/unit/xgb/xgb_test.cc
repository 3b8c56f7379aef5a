#include "steps/xgb/xgb.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "steps/xgb/ubjson.h"

namespace penstock::xgb {
namespace {

using ::testing::HasSubstr;

// Two numeric columns and a categorical one of five values, one-hot; the label depends on all.
struct Sample {
  Features features;
  std::vector<double> labels;
};

Sample MakeSample(int64_t rows, uint64_t seed, bool missing = false) {
  SeededRandom random(seed);
  Sample sample;
  Features& features = sample.features;
  features.rows = rows;
  features.names = {"a", "b", "c=1", "c=2", "c=3", "c=4", "c=5"};
  features.columns.resize(7);
  for (int64_t i = 0; i < rows; ++i) {
    const double a = random.NextDouble() * 10;
    const double b = random.NextDouble();
    const size_t c = random.Next() % 5;
    features.columns[0].push_back(missing && random.Next() % 7 == 0 ? std::nan("") : a);
    features.columns[1].push_back(b);
    for (size_t k = 0; k < 5; ++k) features.columns[2 + k].push_back(k == c ? 1 : 0);
    const double score = a - 5 + 4 * (b - 0.5) + (c == 2 ? 3.0 : 0) + random.NextDouble();
    sample.labels.push_back(score > 0 ? 1 : 0);
  }
  return sample;
}

Result<Booster> Fit(const Sample& sample, const std::vector<bool>& drop_zeros, int threads = 1,
                    const std::string& method = "hist", int rounds = 20) {
  PENSTOCK_ASSIGN_OR_RETURN(
      Matrix matrix,
      Matrix::Create(sample.features, {.threads = threads, .drop_zeros = drop_zeros}));
  PENSTOCK_RETURN_IF_ERROR(matrix.SetLabels(sample.labels));
  PENSTOCK_ASSIGN_OR_RETURN(Booster booster, Booster::Create({&matrix}));
  PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("objective", "binary:logistic"));
  PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("tree_method", method));
  PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("max_depth", "4"));
  PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("nthread", std::to_string(threads)));
  for (int round = 0; round < rounds; ++round) {
    PENSTOCK_RETURN_IF_ERROR(booster.Update(round, matrix));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::string bytes, booster.Save(Booster::Format::kJson));
  // The matrix goes out of scope: what is returned must not refer to it.
  if (drop_zeros.empty()) return Booster::Load(bytes);
  return MendIndicatorSplits(booster, drop_zeros);
}

TEST(XgbTest, NamesItsVersion) {
  EXPECT_THAT(LibraryVersion(), ::testing::StartsWith("1.7."));
}

TEST(XgbTest, FindsIndicatorColumns) {
  Features features;
  features.rows = 4;
  features.columns = {{0, 0, 0.5, 0}, {0, 0, -1, 0}, {0, -0.0, 1, 0}, {0, 0, 3, 0}};
  EXPECT_EQ(IndicatorColumns(features), (std::vector<bool>(4, false)));
  features.columns = {{0, 0, 1, 0}, {0, 1, 1, 1}, {0, 0, std::nan(""), 1},
                      {0, 0, 0, 0}, {0, 2, 0, 0}, {1, 0, 0, 1}};
  EXPECT_EQ(IndicatorColumns(features), (std::vector<bool>{true, false, false, true, false, true}));
}

TEST(XgbTest, RefusesValuesBeyondFloat32NamingColumnAndRow) {
  Features features;
  features.rows = 3;
  features.names = {"x", "income"};
  features.columns = {{1, 2, 3}, {1, 1e300, 3}};
  Result<Matrix> matrix = Matrix::Create(features, {});
  ASSERT_FALSE(matrix.ok());
  EXPECT_EQ(matrix.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(matrix.status().message(), HasSubstr("\"income\" holds 1e+300 in row 2"));
  features.columns[1][1] = -std::numeric_limits<double>::infinity();
  EXPECT_THAT(Matrix::Create(features, {}).status().message(), HasSubstr("-inf in row 2"));
}

TEST(XgbTest, TakesTheLargestFloatAndMissingValues) {
  constexpr double kMost = std::numeric_limits<float>::max();
  Features features;
  features.rows = 2;
  features.names = {"x"};
  features.columns = {{kMost, std::nan("")}};
  EXPECT_TRUE(Matrix::Create(features, {}).ok());
  features.columns = {{1, -std::nextafter(kMost, INFINITY)}};
  EXPECT_THAT(Matrix::Create(features, {}).status().message(), HasSubstr("in row 2"));
}

TEST(XgbTest, RefusesDataWithoutRowsOrColumns) {
  EXPECT_THAT(Matrix::Create({}, {}).status().message(), HasSubstr("no rows"));
  Features features;
  features.rows = 2;
  EXPECT_THAT(Matrix::Create(features, {}).status().message(), HasSubstr("no feature columns"));
}

TEST(XgbTest, WhatTheLibraryRefusesBecomesAStatusInOneLine) {
  const Sample sample = MakeSample(50, 1);
  Result<Matrix> matrix = Matrix::Create(sample.features, {});
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  ASSERT_TRUE(matrix->SetLabels(std::vector<double>(50, 7.0)).ok());
  Result<Booster> booster = Booster::Create({&*matrix});
  ASSERT_TRUE(booster.ok());
  ASSERT_TRUE(booster->SetParameter("objective", "binary:logistic").ok());
  const Status status = booster->Update(0, *matrix);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("label must be in [0,1]"));
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
  EXPECT_EQ(status.message().find("Stack trace"), std::string::npos);
}

TEST(XgbTest, ADamagedModelIsDataLoss) {
  Result<Booster> booster = Booster::Load("{\"learner\": 3");
  ASSERT_FALSE(booster.ok());
  EXPECT_EQ(booster.status().code(), StatusCode::kDataLoss);
}

// Wherever it breaks off; the library's own reader would run on beyond the end.
TEST(XgbTest, AModelThatWasCutShortIsDataLoss) {
  Result<Booster> booster = Fit(MakeSample(200, 3), {}, 1, "hist", 3);
  ASSERT_TRUE(booster.ok()) << booster.status();
  const std::string bytes = *booster->Save(Booster::Format::kUbj);
  EXPECT_TRUE(CheckUbjson(bytes).ok());
  EXPECT_TRUE(Booster::Load(bytes).ok());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    ASSERT_EQ(CheckUbjson(cut).code(), StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(Booster::Load(bytes.substr(0, bytes.size() / 2)).status().code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(CheckUbjson(bytes + "x").code(), StatusCode::kDataLoss);
  EXPECT_EQ(Booster::Load("binf rest").status().code(), StatusCode::kDataLoss);
}

TEST(XgbTest, CountsThatPromiseMoreThanThereIsAreRefused) {
  using std::string_literals::operator""s;
  EXPECT_TRUE(CheckUbjson("{i\x01"
                          "aS"
                          "i\x02"
                          "hi"
                          "}"s)
                  .ok());
  EXPECT_TRUE(CheckUbjson("[$d#i\x01"
                          "abcd"s)
                  .ok());
  EXPECT_FALSE(CheckUbjson("[$d#i\x02"
                           "abcd"s)
                   .ok());
  EXPECT_FALSE(CheckUbjson("[$D#L\x7f\xff\xff\xff\xff\xff\xff\xff"s).ok());
  EXPECT_FALSE(CheckUbjson("[#L\x20\x00\x00\x00\x00\x00\x00\x01"
                           "T"s)
                   .ok());
  EXPECT_FALSE(CheckUbjson("Si\xff"
                           "abc"s)
                   .ok());  // a negative length
  EXPECT_FALSE(CheckUbjson(std::string(100, '[')).ok());
}

TEST(XgbTest, SavedAndLoadedPredictsTheSameBits) {
  const Sample sample = MakeSample(500, 2, true);
  Result<Booster> booster = Fit(sample, {});
  ASSERT_TRUE(booster.ok()) << booster.status();
  const std::vector<float> expected = booster->Predict(sample.features, 1).value();
  ASSERT_EQ(expected.size(), 500u);
  for (const auto format : {Booster::Format::kJson, Booster::Format::kUbj}) {
    Result<Booster> loaded = Booster::Load(booster->Save(format).value());
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->Predict(sample.features, 1).value(), expected);
    EXPECT_EQ(loaded->Save(format).value(), booster->Save(format).value());
  }
}

TEST(XgbTest, ThreadsChangeNeitherModelNorPredictions) {
  const Sample sample = MakeSample(40'000, 3);  // three blocks of prediction
  Result<Booster> one = Fit(sample, {}, 1, "hist", 5);
  Result<Booster> two = Fit(sample, {}, 2, "hist", 5);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->Save(Booster::Format::kUbj).value(), two->Save(Booster::Format::kUbj).value());
  EXPECT_EQ(one->Predict(sample.features, 1).value(), one->Predict(sample.features, 3).value());
}

// The mended booster equals, in what it predicts, one that was trained on all the zeros.
class MendTest : public ::testing::TestWithParam<std::string> {};

TEST_P(MendTest, LeavingZerosOutChangesNoPrediction) {
  for (const bool missing : {false, true}) {
    const Sample sample = MakeSample(3000, 4, missing);
    const std::vector<bool> indicators = IndicatorColumns(sample.features);
    ASSERT_EQ(std::count(indicators.begin(), indicators.end(), true), 5);
    Result<Booster> dense = Fit(sample, {}, 1, GetParam());
    Result<Booster> sparse = Fit(sample, indicators, 1, GetParam());
    ASSERT_TRUE(dense.ok() && sparse.ok()) << dense.status() << sparse.status();
    const Sample fresh = MakeSample(2000, 5, missing);
    const std::vector<float> a = dense->Predict(fresh.features, 1).value();
    const std::vector<float> b = sparse->Predict(fresh.features, 1).value();
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-6) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, MendTest, ::testing::Values("hist", "exact", "approx"));

TEST(XgbTest, UnmendedBoosterIsWrongOnZeros) {  // what the mending is for
  const Sample sample = MakeSample(3000, 4);
  const std::vector<bool> indicators = IndicatorColumns(sample.features);
  Result<Matrix> matrix = Matrix::Create(sample.features, {.drop_zeros = indicators});
  ASSERT_TRUE(matrix.ok() && matrix->SetLabels(sample.labels).ok());
  Result<Booster> booster = Booster::Create({&*matrix});
  ASSERT_TRUE(booster->SetParameter("objective", "binary:logistic").ok());
  ASSERT_TRUE(booster->SetParameter("tree_method", "hist").ok());
  for (int round = 0; round < 5; ++round) ASSERT_TRUE(booster->Update(round, *matrix).ok());
  const Result<Scores> trained = booster->ScoresOf(*matrix);
  ASSERT_TRUE(trained.ok());
  const std::vector<float> expected(trained->values.begin(), trained->values.end());
  EXPECT_NE(booster->Predict(sample.features, 1).value(), expected);
  Result<Booster> mended = MendIndicatorSplits(*booster, indicators);
  ASSERT_TRUE(mended.ok()) << mended.status();
  EXPECT_EQ(mended->Predict(sample.features, 1).value(), expected);
}

TEST(XgbTest, FirstRoundsKeepsThoseRoundsOnly) {
  const Sample sample = MakeSample(500, 6);
  Result<Booster> ten = Fit(sample, {}, 1, "hist", 10);
  Result<Booster> four = Fit(sample, {}, 1, "hist", 4);
  ASSERT_TRUE(ten.ok() && four.ok());
  Result<Booster> cut = ten->FirstRounds(4);
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_EQ(cut->Rounds().value(), 4);
  EXPECT_EQ(cut->Predict(sample.features, 1).value(), four->Predict(sample.features, 1).value());
}

TEST(XgbTest, GainsNameUsedFeaturesByPosition) {
  Sample sample = MakeSample(500, 7);
  sample.features.names[0] = "odd \"name\" <é>";
  Result<Booster> booster = Fit(sample, {});
  ASSERT_TRUE(booster.ok());
  ASSERT_TRUE(booster->SetFeatureNames(sample.features.names).ok());
  Result<std::map<int, double>> gains = booster->GainByFeature();
  ASSERT_TRUE(gains.ok()) << gains.status();
  ASSERT_TRUE(gains->contains(0));
  for (const auto& [feature, gain] : *gains) {
    EXPECT_GT(gain, 0) << feature;
    EXPECT_LE(gain, gains->at(0)) << feature;  // "a" has by far the widest effect
  }
  // The names survive in the saved model.
  EXPECT_THAT(booster->Save(Booster::Format::kJson).value(), HasSubstr("odd \\\"name\\\""));
}

TEST(XgbTest, EvaluateGivesTheMetricsInOrder) {
  const Sample sample = MakeSample(500, 8);
  Result<Matrix> matrix = Matrix::Create(sample.features, {});
  ASSERT_TRUE(matrix.ok() && matrix->SetLabels(sample.labels).ok());
  Result<Booster> booster = Booster::Create({&*matrix});
  ASSERT_TRUE(booster.ok());
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"objective", "binary:logistic"}, {"eval_metric", "auc"}, {"eval_metric", "logloss"}}) {
    ASSERT_TRUE(booster->SetParameter(name, value).ok());
  }
  ASSERT_TRUE(booster->Update(0, *matrix).ok());
  const auto metrics = booster->Evaluate(0, *matrix);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  ASSERT_EQ(metrics->size(), 2u);
  EXPECT_EQ((*metrics)[0].first, "auc");
  EXPECT_EQ((*metrics)[1].first, "logloss");
  // Log loss from its definition, on the scores that the library hands out.
  const Scores scores = booster->ScoresOf(*matrix).value();
  double loss = 0;
  for (size_t i = 0; i < sample.labels.size(); ++i) {
    loss -=
        std::log(sample.labels[i] > 0 ? double{scores.values[i]} : 1 - double{scores.values[i]});
  }
  EXPECT_NEAR((*metrics)[1].second, loss / 500, 1e-6);
}

}  // namespace
}  // namespace penstock::xgb
