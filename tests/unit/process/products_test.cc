// interactions, polynomial and pca, against products_reference.py.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "steps/process/covariance.h"
#include "steps/process/operation.h"
#include "tests/unit/process/operation_bench.h"
#include "tests/unit/process/reference.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const double kInfinite = std::numeric_limits<double>::infinity();

class ProductsReference : public testing::Test {
 protected:
  Table Columns(std::size_t count) const {
    std::vector<Column> columns;
    for (const auto& [name, numbers] : reference_["columns"].items()) {
      if (columns.size() == count) break;
      columns.push_back(MakeNumberColumn(name, numbers.get<std::vector<double>>()));
    }
    return Make(std::move(columns));
  }
  int64_t train() const { return reference_["train"].get<int64_t>(); }

  const Json reference_ = LoadReference("products_reference.json");
};

// Up to four products; scikit-learn may group them otherwise.
TEST_F(ProductsReference, PolynomialAsScikitLearn) {
  for (const Json& expected : reference_["products"]) {
    Json spec = {{"op", "polynomial"},
                 {"columns", {"a", "b", "c"}},
                 {"degree", expected["degree"]},
                 {"interaction_only", expected["interaction_only"]}};
    const Table table = FitApply(spec, Columns(3), train());
    std::vector<std::string> names = {"a", "b", "c"};
    for (const Json& name : expected["names"]) names.push_back(name.get<std::string>());
    EXPECT_EQ(table.names(), names);
    ExpectMatrix(table, expected["matrix"], 1e-14, 3);
    if (expected["interaction_only"] == false || expected["degree"] > 3) continue;
    spec["op"] = "interactions";
    spec.erase("interaction_only");
    ExpectSame(FitApply(spec, Columns(3), 1), table);
  }
}

TEST(Products, MissingAndInfiniteFactors) {
  const Table table = Make({MakeNumberColumn("a", {2, kMissing, kInfinite, -0.0, -2}),
                            MakeNumberColumn("b", {3, 1, -1, 5, 0})});
  Json spec = {{"op", "polynomial"}, {"columns", {"a", "b"}}};
  const Table made = FitApply(spec, table, 1);
  EXPECT_THAT(made.names(), ElementsAre("a", "b", "a^2", "a*b", "b^2"));
  EXPECT_EQ(made.columns[3].numbers[0], 6);
  EXPECT_TRUE(std::isnan(made.columns[3].numbers[1]));
  EXPECT_EQ(made.columns[3].numbers[2], -kInfinite);
  EXPECT_FALSE(std::signbit(made.columns[3].numbers[3]));
  EXPECT_FALSE(std::signbit(made.columns[3].numbers[4]));
  const Table zero = Make({MakeNumberColumn("a", {1, kInfinite}), MakeNumberColumn("b", {1, 0})});
  EXPECT_EQ(FitError(spec, zero),
            "row 2 of a: the product a*b of 0 and an infinite value is no number");
  const Table large = Make({MakeNumberColumn("a", {1, 1e200}), MakeNumberColumn("b", {1, 0})});
  EXPECT_EQ(FitError(spec, large),
            "row 2 of a: the product a^2 is too large for a number; scale its columns first");
}

TEST(Products, RefusesWhatItCannotDo) {
  std::vector<Column> many;
  for (int i = 0; i < 50; ++i) many.push_back(MakeNumberColumn("x" + std::to_string(i), {1, 2}));
  const Table wide = Make(many);
  EXPECT_EQ(FitError({{"op", "interactions"}, {"columns", {{"kind", "numeric"}}}}, wide),
            "interactions: 50 columns have more than 1000 products; choose fewer columns, lower "
            "degree or raise max_columns");
  EXPECT_EQ(
      FitApply({{"op", "interactions"}, {"columns", {{"kind", "numeric"}}}, {"max_columns", 1'225}},
               wide, 2)
          .columns.size(),
      50u + 1'225u);
  const Table texts = Make({MakeStringColumn("t", {"a"}), MakeNumberColumn("a", {1})});
  EXPECT_THAT(FitError({{"op", "polynomial"}, {"columns", {"t", "a"}}}, texts),
              HasSubstr("column \"t\" is categorical, only numbers have products"));
  EXPECT_THAT(FitError({{"op", "polynomial"}, {"columns", "a"}, {"degree", 6}}, texts),
              HasSubstr("degree must be from 2 to 5, not 6"));
  EXPECT_THAT(FitError({{"op", "interactions"}, {"columns", "a"}, {"degree", 4}}, texts),
              HasSubstr("degree must be from 2 to 3, not 4"));
  EXPECT_THAT(FitError({{"op", "interactions"}, {"columns", "a"}, {"max_columns", 0}}, texts),
              HasSubstr("max_columns must be from 1 to 100000"));
  const Table clash =
      Make({MakeNumberColumn("a", {1}), MakeNumberColumn("b", {1}), MakeNumberColumn("a*b", {1})});
  EXPECT_THAT(FitError({{"op", "interactions"}, {"columns", {"a", "b"}}}, clash),
              HasSubstr("there would be two columns \"a*b\""));
  // One column has no other to be multiplied by.
  EXPECT_THAT(FitApply({{"op", "interactions"}, {"columns", "a"}}, clash, 1).names(),
              ElementsAre("a", "b", "a*b"));
  Json stored = {{"op", "polynomial"}, {"columns", "a"}, {"fitted", {{"columns", Json::array()}}}};
  for (int i = 0; i < 300; ++i) stored["fitted"]["columns"].push_back("x" + std::to_string(i));
  EXPECT_THAT(RestoreError(stored), HasSubstr("more than 1000 products"));
}

// Singular values and sums of fifty rows: about 1e-14 of the largest.
TEST_F(ProductsReference, PcaAsScikitLearn) {
  for (const Json& expected : reference_["pca"]) {
    Json spec = {{"op", "pca"},
                 {"columns", {{"kind", "numeric"}}},
                 {"standardize", expected["standardize"]}};
    if (expected["count"].is_number()) spec["components"] = expected["count"];
    if (expected["variance"].is_number()) spec["variance"] = expected["variance"];
    SCOPED_TRACE(DumpJson(spec));
    const Table table = FitApply(spec, Columns(5), train());
    ASSERT_EQ(table.columns.size(), expected["variances"].size());
    EXPECT_EQ(table.names()[0], "pca1");
    // Without standardize, columns near -1e6 lose ten digits by centring.
    ExpectMatrix(table, expected["matrix"], expected["standardize"].get<bool>() ? 1e-9 : 1e-6);
  }
}

TEST_F(ProductsReference, PcaKeepsDistances) {
  const Table table = Columns(5);
  const Table turned =
      FitApply({{"op", "pca"}, {"columns", {{"kind", "numeric"}}}}, table, train());
  const auto distance = [](const Table& of, std::size_t a, std::size_t b) {
    double sum = 0;
    for (const Column& column : of.columns)
      sum += std::pow(column.numbers[a] - column.numbers[b], 2);
    return std::sqrt(sum);
  };
  for (std::size_t i = 1; i < 70; ++i) {
    EXPECT_NEAR(distance(turned, 0, i) / distance(table, 0, i), 1, 1e-12);
  }
}

TEST_F(ProductsReference, PcaNeedsNoOrderOfBlocks) {
  const Table training = RowsOf(Columns(5), 0, train());
  const Frame whole = FrameOf(training);
  const Frame blocks = FrameOf(training, 7);
  const std::vector<std::string> names = training.names();
  const auto a = LearnCrossProducts(FitData(whole), names, "pca");
  const auto b = LearnCrossProducts(FitData(blocks), names, "pca");
  ASSERT_TRUE(a.ok() && b.ok());
  for (std::size_t i = 0; i < a->sums.size(); ++i) {
    EXPECT_NEAR(a->sums[i], b->sums[i], 1e-10 * std::fabs(a->sums[i]));
  }
}

TEST(Pca, KeepsColumnsAndNamesItsOwn) {
  const Table table =
      Make({MakeNumberColumn("x", {1, 2, 3, 4}), MakeStringColumn("t", {"a", "b", "c", "d"}),
            MakeNumberColumn("y", {2, 4, 6, 8})});
  Json spec = {{"op", "pca"}, {"columns", {"x", "y"}}, {"components", 1}};
  EXPECT_THAT(FitApply(spec, table, 4).names(), ElementsAre("t", "pca1"));
  spec["keep"] = true;
  spec["prefix"] = "part";
  const Table kept = FitApply(spec, table, 4);
  EXPECT_THAT(kept.names(), ElementsAre("x", "t", "y", "part1"));
  // All lie on (1, 2): the distance from the mean along it.
  EXPECT_NEAR(kept.columns[3].numbers[3], 1.5 * std::sqrt(5), 1e-14);
}

TEST(Pca, NamesTheCellThatItCannotUse) {
  const Table table = Make(
      {MakeNumberColumn("x", {1, 2, kMissing, 4}), MakeNumberColumn("y", {1, 2, 3, kInfinite})});
  const Json spec = {{"op", "pca"}, {"columns", {"x", "y"}}};
  EXPECT_EQ(FitError(spec, RowsOf(table, 0, 3)),
            "row 3 of x: the value is missing, which pca cannot use; impute or clip it first, or "
            "drop the row");
  std::string error;
  FitApply(spec, table, 2, &error);
  EXPECT_EQ(error,
            "row 3 of x: the value is missing, which pca cannot use; impute or clip it first");
  EXPECT_THAT(FitError({{"op", "pca"}, {"columns", "y"}}, table),
              HasSubstr("row 4 of y: the value is infinite"));
  const Table large = Make({MakeNumberColumn("x", {1e200, -1e200})});
  EXPECT_THAT(FitError({{"op", "pca"}, {"columns", "x"}}, large), HasSubstr("is too large"));
}

TEST(Pca, DegenerateInput) {
  const Table one = Make({MakeNumberColumn("x", {3}), MakeNumberColumn("y", {4})});
  for (const bool standardize : {false, true}) {
    const Json spec = {{"op", "pca"}, {"columns", {"x", "y"}}, {"standardize", standardize}};
    const Table turned = FitApply(spec, one, 1);
    EXPECT_EQ(turned.columns[0].numbers[0], 0);
    EXPECT_EQ(turned.columns[1].numbers[0], 0);
  }
  const Table constant = Make({MakeNumberColumn("x", {3, 3, 3}), MakeNumberColumn("y", {1, 2, 3})});
  const Table turned =
      FitApply({{"op", "pca"}, {"columns", {"x", "y"}}, {"standardize", true}, {"variance", 1}},
               constant, 3);
  ASSERT_EQ(turned.columns.size(), 1u);
  EXPECT_NEAR(turned.columns[0].numbers[2], std::sqrt(1.5), 1e-15);
  EXPECT_EQ(FitError({{"op", "pca"}, {"columns", "x"}}, RowsOf(one, 0, 0)),
            "pca: there are no training rows");
  EXPECT_EQ(FitError({{"op", "pca"}, {"columns", {{"match", "z*"}}}}, one),
            "pca: columns chooses no column");
  EXPECT_EQ(FitError({{"op", "pca"}, {"columns", "x"}, {"components", 2}}, one),
            "pca: there cannot be 2 components of 1 columns; lower components");
  EXPECT_THAT(FitError({{"op", "pca"}, {"columns", "t"}}, Make({MakeStringColumn("t", {"a"})})),
              HasSubstr("column \"t\" is categorical, only numbers have components"));
}

TEST(Pca, RefusesParametersAndDamagedTransforms) {
  EXPECT_THAT(RestoreError({{"op", "pca"}, {"components", 1}, {"variance", 0.5}}),
              HasSubstr("either components"));
  EXPECT_THAT(RestoreError({{"op", "pca"}, {"variance", 1.5}}), HasSubstr("at most 1"));
  const Json good = {{"columns", {"x"}}, {"means", {1}},     {"scales", {2}},
                     {"vectors", {1}},   {"variances", {1}}, {"total", 1}};
  const auto damaged = [&](const char* member, const Json& value) {
    Json fitted = good;
    fitted[member] = value;
    return RestoreError({{"op", "pca"}, {"columns", "x"}, {"fitted", fitted}});
  };
  EXPECT_EQ(damaged("total", 1), "no error");
  EXPECT_THAT(damaged("means", {1, 2}), HasSubstr("each column has a mean"));
  EXPECT_THAT(damaged("vectors", Json::array()), HasSubstr("each column has a mean"));
  EXPECT_THAT(damaged("vectors", {"x"}), HasSubstr("are numbers"));
  EXPECT_THAT(damaged("scales", {0}), HasSubstr("a scale is above 0"));
}

TEST(SymmetricEigenvectors, OfAMatrixByHand) {
  // Eigenvalues 3 and 1, along (1, 1) and (1, -1).
  const auto found = SymmetricEigenvectors({2, 1, 1, 2}, 2);
  ASSERT_TRUE(found.ok());
  EXPECT_NEAR(found->values[0], 3, 1e-15);
  EXPECT_NEAR(found->values[1], 1, 1e-15);
  EXPECT_NEAR(found->vectors[0], std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(found->vectors[1], std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(std::fabs(found->vectors[2]), std::sqrt(0.5), 1e-15);
}

}  // namespace
}  // namespace penstock
