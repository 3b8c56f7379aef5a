// What the catalogue says of operations on numbers at submission.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steps/catalog/builtin.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Problems(const std::string& entries) {
  const auto json = ParseJson("{\"roles\": {\"label\": \"y\"}, \"transforms\": [" + entries + "]}");
  EXPECT_TRUE(json.ok()) << json.status();
  std::vector<Problem> problems;
  CheckParameters(ProcessSchema(), *json, "with", problems);
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.path + ": " + problem.message);
  return lines;
}

TEST(NumbersSchema, TakesWhatIsMeant) {
  for (const char* entry : {
           R"({"op": "bin", "columns": "x"})",
           R"({"op": "bin", "columns": "x", "method": "edges", "edges": [0, 1.5, 3],
               "closed": "right", "output": "label", "labels": ["a", "b"]})",
           R"({"op": "bin", "columns": "x", "bins": "${parameters.bins}", "output": "one_hot",
               "labels": ["a", "b"]})",
           R"({"op": "impute", "columns": "x", "method": "median", "by": ["a", {"kind": "date"}],
               "max_groups": 7})",
           R"({"op": "impute", "columns": "x", "method": "${parameters.m}", "by": "a"})",
           R"({"op": "impute_knn", "columns": {"kind": "numeric"}, "neighbours": 3,
               "weights": "distance", "standardize": true, "max_donors": 100, "seed": 4})",
           R"({"op": "indicator"})",
           R"({"op": "indicator", "columns": ["x"], "which": "all"})",
           R"({"op": "log", "columns": "x", "offset": "auto", "below": "clip"})",
           R"({"op": "log", "columns": "x", "offset": "${parameters.offset}"})",
           R"({"op": "max_abs", "columns": "x"})",
           R"({"op": "outliers", "columns": "x", "method": "z_score", "threshold": 2.5})",
           R"({"op": "outliers", "columns": "x", "method": "iqr", "factor": 3, "action": "drop"})",
           R"({"op": "outliers", "columns": "x", "method": "quantile", "lower": 0.05})",
           R"({"op": "quantile", "columns": "x", "distribution": "normal", "n_quantiles": 10})",
           R"({"op": "robust", "columns": "x", "quantiles": [0.1, 0.9]})",
           R"({"op": "yeo_johnson", "columns": "x", "standardize": false})",
       }) {
    EXPECT_THAT(Problems(entry), IsEmpty()) << entry;
  }
}

// Each is refused for one reason: "path: message" holds both texts.
TEST(NumbersSchema, NamesWhatIsWrong) {
  struct Case {
    const char* entry;
    const char* path;
    const char* message;
  };
  for (const Case& wrong : {
           Case{R"("op": "bin", "bins": 1)", "bins", ""},
           Case{R"("op": "bin", "method": "edges")", "edges", "is missing"},
           Case{R"("op": "bin", "edges": [1, 2])", "edges", "has a use with method edges only"},
           Case{R"("op": "bin", "method": "edges", "edges": [1, 2], "bins": 3)", "bins",
                "has no use with method edges"},
           Case{R"("op": "bin", "method": "edges", "edges": [1, 3, 3])", "edges[2]",
                "must be above the edge before"},
           Case{R"("op": "bin", "method": "edges", "edges": [1])", "edges", ""},
           Case{R"("op": "bin", "labels": ["a", "b", "c", "d", "e"])", "labels",
                "has no use with output code"},
           Case{R"("op": "bin", "output": "label", "labels": ["a", "b"])", "labels",
                "are 2 for 5 bins"},
           Case{R"("op": "bin", "output": "label", "bins": 2, "labels": ["a", "a"])", "labels[1]",
                "is there twice"},
           Case{R"("op": "impute", "method": "constant", "value": 1, "by": "a")", "by",
                "has no use with method constant"},
           Case{R"("op": "impute", "method": "mean", "max_groups": 9)", "max_groups",
                "has no use without by"},
           Case{R"("op": "impute", "method": "mean", "by": [])", "by", "names no column"},
           Case{R"("op": "impute", "method": "mean", "by": "y")", "by", "has a role"},
           Case{R"("op": "impute_knn", "neighbours": 0)", "neighbours", ""},
           Case{R"("op": "impute_knn", "neighbors": 3)", "neighbors",
                "did you mean \"neighbours\"?"},
           Case{R"("op": "impute_knn", "max_donors": 0)", "max_donors", ""},
           Case{R"("op": "impute_knn", "weights": "near")", "weights", "is not a choice"},
           Case{R"("op": "indicator", "which": "some")", "which", "is not a choice"},
           Case{R"("op": "log", "offset": "none")", "offset", "must be a number or auto"},
           Case{R"("op": "log", "offset": [1])", "offset", "must be a number or auto"},
           Case{R"("op": "log", "below": "drop")", "below", "is not a choice"},
           Case{R"("op": "outliers")", "method", "is missing"},
           Case{R"("op": "outliers", "method": "iqr", "threshold": 2)", "threshold",
                "has no use with method iqr"},
           Case{R"("op": "outliers", "method": "z_score", "factor": 2)", "factor",
                "has no use with method z_score"},
           Case{R"("op": "outliers", "method": "iqr", "upper": 0.5)", "upper",
                "has no use with method iqr"},
           Case{R"("op": "outliers", "method": "iqr", "factor": 0)", "factor", ""},
           Case{R"("op": "outliers", "method": "quantile", "lower": 0.995)", "lower",
                "must be below upper"},
           Case{R"("op": "outliers", "method": "quantile", "upper": 1.5)", "upper", ""},
           Case{R"("op": "outliers", "method": "iqr", "action": "cut")", "action",
                "is not a choice"},
           Case{R"("op": "quantile", "n_quantiles": 1)", "n_quantiles", ""},
           Case{R"("op": "quantile", "distribution": "gauss")", "distribution", "is not a choice"},
           Case{R"("op": "robust", "quantiles": [0.9, 0.1])", "quantiles", "lower share first"},
           Case{R"("op": "robust", "quantiles": [0.1])", "quantiles", ""},
           Case{R"("op": "robust", "quantiles": [25, 75])", "quantiles[0]", ""},
           Case{R"("op": "yeo_johnson", "standardize": 1)", "standardize", "must be boolean"},
       }) {
    const std::string entry = std::string("{\"columns\": \"x\", ") + wrong.entry + "}";
    const std::vector<std::string> problems = Problems(entry);
    ASSERT_FALSE(problems.empty()) << entry;
    EXPECT_THAT(problems.front(), HasSubstr(std::string("with.transforms[0].") + wrong.path))
        << entry;
    EXPECT_THAT(problems.front(), HasSubstr(wrong.message)) << entry;
  }
}

TEST(NumbersSchema, RowsAreDroppedAfterTheSplit) {
  EXPECT_THAT(Problems(R"({"op": "outliers", "columns": "x", "method": "iqr", "action": "drop"},
                          {"op": "drop_missing"})"),
              ElementsAre(HasSubstr("drop_missing must stand before outliers")));
  EXPECT_THAT(Problems(R"({"op": "standard", "columns": "x"},
                          {"op": "outliers", "columns": "x", "method": "iqr", "action": "drop"})"),
              IsEmpty());
}

}  // namespace
}  // namespace penstock
