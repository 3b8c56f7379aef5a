// Every operation on numbers with data that have nothing to learn from, or too much: an answer or a
// clear error, and never NaN in place of a number.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/process/operation_bench.h"

namespace penstock {
namespace {

using testing::HasSubstr;

const double kInfinity = std::numeric_limits<double>::infinity();
constexpr char kName[] = "a \"b\"\n'c'; DROP TABLE x -- \xF0\x9F\x98\x80";

Json Entry(const char* text) {
  auto json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << text;
  (*json)["columns"] = kName;
  return *json;
}

const std::vector<const char*> kEntries = {
    R"({"op": "bin"})",
    R"({"op": "bin", "method": "quantile", "bins": 7, "closed": "right"})",
    R"({"op": "bin", "method": "edges", "edges": [0, 1, 2], "output": "label"})",
    R"({"op": "bin", "output": "one_hot", "bins": 3})",
    R"({"op": "impute", "method": "mean", "by": "g"})",
    R"({"op": "impute", "method": "median", "by": "g", "indicator": true})",
    R"({"op": "impute", "method": "mode", "by": "g"})",
    R"({"op": "impute_knn"})",
    R"({"op": "impute_knn", "weights": "distance", "standardize": true, "max_donors": 2})",
    R"({"op": "indicator"})",
    R"({"op": "indicator", "which": "all"})",
    R"({"op": "log"})",
    R"({"op": "log", "offset": "auto"})",
    R"({"op": "log", "offset": 0.5, "below": "clip"})",
    R"({"op": "max_abs"})",
    R"({"op": "min_max"})",
    R"({"op": "outliers", "method": "z_score"})",
    R"({"op": "outliers", "method": "iqr", "action": "mark"})",
    R"({"op": "outliers", "method": "quantile", "lower": 0.2, "upper": 0.4})",
    R"({"op": "quantile"})",
    R"({"op": "quantile", "distribution": "normal", "n_quantiles": 3})",
    R"({"op": "robust"})",
    R"({"op": "robust", "quantiles": [0, 1]})",
    R"({"op": "standard"})",
    R"({"op": "yeo_johnson"})",
    R"({"op": "yeo_johnson", "standardize": false})",
};

Table TableOf(const std::vector<double>& values) {
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < values.size(); ++i) groups.push_back(i % 2 == 0 ? "x" : "y");
  return Make({MakeNumberColumn(kName, values), MakeStringColumn("g", groups),
               MakeNumberColumn("other", std::vector<double>(values.size(), 1))});
}

// Fits on the first rows and applies to all; where that works there is no NaN that was not there.
std::string Try(const Json& spec, const std::vector<double>& values, std::size_t fit_rows) {
  SCOPED_TRACE(DumpJson(spec));
  std::string error;
  const Table table = TableOf(values);
  const Table after = FitApply(spec, table, static_cast<int64_t>(fit_rows), &error);
  if (!error.empty()) {
    EXPECT_TRUE(error.find(kName) != std::string::npos) << error;
    EXPECT_GT(error.size(), 40u) << error;
    return error;
  }
  EXPECT_EQ(after.rows, table.rows);
  const bool fills = JsonString(spec, "op").starts_with("impute");
  for (const Column& column : after.columns) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool may_be_missing = std::isnan(values[i]) && !fills;
      EXPECT_FALSE(column.missing(i) && !may_be_missing) << column.info.name << " " << i;
      if (column.is_text() || !std::isfinite(values[i])) continue;
      EXPECT_TRUE(std::isfinite(column.numbers[i])) << column.info.name << " " << i;
    }
  }
  return "";
}

TEST(DegenerateNumbers, OneValueAndConstants) {
  for (const char* entry : kEntries) {
    EXPECT_EQ(Try(Entry(entry), {5}, 1), "");
    EXPECT_EQ(Try(Entry(entry), {5, 6, 0.5, 1000}, 1), "");
    EXPECT_EQ(Try(Entry(entry), {3, 3, 3, 3, kMissing, 3.5, 2}, 5), "");
    EXPECT_EQ(Try(Entry(entry), {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0, 7}, 7), "");
    EXPECT_EQ(Try(Entry(entry), {0, 0, 0, 0, 0, 1}, 5), "");
    EXPECT_EQ(Try(Entry(entry), {2, 1}, 2), "");
  }
}

TEST(DegenerateNumbers, NoValues) {
  for (const char* entry : kEntries) {
    const Json spec = Entry(entry);
    const std::string error = Try(spec, {kMissing, kMissing, kMissing}, 3);
    const std::string op = JsonString(spec, "op");
    const bool undefined = op.starts_with("impute") || op == "quantile" ||
                           (op == "bin" && JsonString(spec, "method") != "edges") ||
                           (op == "log" && JsonMember(spec, "offset").is_string());
    EXPECT_EQ(undefined, !error.empty()) << op << ": " << error;
    EXPECT_THAT(error, HasSubstr(undefined ? "no value" : "")) << op;
  }
}

TEST(DegenerateNumbers, NoRows) {
  for (const char* entry : kEntries) Try(Entry(entry), {}, 0);
}

TEST(DegenerateNumbers, InfiniteNumbersAreNotLearnedFrom) {
  for (const char* entry : kEntries) {
    Try(Entry(entry), {1, 2, kInfinity, 3, kMissing, 4, 2, -kInfinity}, 8);
    Try(Entry(entry), {kInfinity, kInfinity, -kInfinity}, 3);
    // What is learned of finite numbers is what is learned without the others.
    const Json spec = Entry(entry);
    const Table with = TableOf({1, 2, 2, 3, 4, 2, kInfinity, kInfinity});
    const Table without = TableOf({1, 2, 2, 3, 4, 2, kMissing, kMissing});
    const auto fitted = [&](const Table& table) {
      auto operation = MakeOperation(spec);
      EXPECT_TRUE(operation.ok());
      const Frame frame = FrameOf(table, 3);
      EXPECT_TRUE((*operation)->Fit(FitData(frame)).ok()) << entry;
      return DumpJson((*operation)->ToJson()["fitted"]);
    };
    if (JsonString(spec, "op") == "indicator") continue;
    EXPECT_EQ(fitted(with), fitted(without)) << entry;
  }
}

TEST(DegenerateNumbers, EndsOfTheRange) {
  const double most = std::numeric_limits<double>::max();
  for (const char* entry : kEntries) {
    Try(Entry(entry), {most, -most, 1, 5e-324, 0, -5e-324, most / 2}, 7);
    Try(Entry(entry), {most, most / 2, most / 4, most}, 4);
    Try(Entry(entry), {1e-320, 2e-320, 4e-320, 5e-324}, 4);
    Try(Entry(entry), {1, 2, 3, 4, most, -most}, 4);
    Try(Entry(entry), {1e15, 1e15 + 1, 1e15 + 2, 1e15, 0}, 4);
  }
}

TEST(DegenerateNumbers, TextIsNoNumber) {
  for (const char* entry : kEntries) {
    const Json spec = Entry(entry);
    if (JsonString(spec, "op") == "indicator") continue;
    if (JsonString(spec, "method") == "mode") continue;  // texts have one
    const Table table =
        Make({MakeStringColumn(kName, {"1", "b"}), MakeStringColumn("g", {"", ""})});
    EXPECT_THAT(FitError(spec, table), HasSubstr("is categorical, ")) << entry;
  }
}

// Damaged transforms are refused, whatever is missing or of another kind.
TEST(DegenerateNumbers, DamagedTransforms) {
  const Table table = TableOf({1, 2, kMissing, 7, 3, 5});
  const Frame frame = FrameOf(table);
  for (const char* entry : kEntries) {
    auto operation = MakeOperation(Entry(entry));
    ASSERT_TRUE(operation.ok());
    ASSERT_TRUE((*operation)->Fit(FitData(frame)).ok());
    const Json stored = (*operation)->ToJson();
    const Json flat = stored.flatten();
    for (const auto& [path, value] : flat.items()) {
      if (!path.starts_with("/fitted")) continue;
      for (const Json& other :
           {Json("x"), Json(-1e300), Json(), Json::array({1}), Json::object()}) {
        Json damaged = stored;
        damaged[Json::json_pointer(path)] = other;
        auto again = MakeOperation(damaged);
        if (!again.ok()) {
          EXPECT_EQ(again.status().code(), StatusCode::kInvalidArgument);
          continue;
        }
        // What can be read is written so that it is read again as the same.
        const Json written = (*again)->ToJson();
        const auto third = MakeOperation(written);
        ASSERT_TRUE(third.ok()) << third.status() << DumpJson(damaged);
        EXPECT_EQ(DumpJson((*third)->ToJson()), DumpJson(written));
        // And can be applied, or says why not.
        Table applied = table;
        const Status status = (*again)->Apply(applied, {});
        if (!status.ok()) {
          EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status;
        }
      }
    }
    // The columns of data may be others than those that it was fitted on.
    Table texts = Make({MakeStringColumn(kName, {"1", "b"}), MakeStringColumn("g", {"", ""})});
    const Status status = (*operation)->Apply(texts, {});
    if (JsonString(stored, "op") != "indicator") {
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << entry << status;
    }
  }
}

}  // namespace
}  // namespace penstock
