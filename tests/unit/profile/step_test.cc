// The whole step against figures that profile_reference.py computed by itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "steps/catalog/catalog.h"
#include "steps/profile/association.h"
#include "steps/profile/columns.h"
#include "steps/profile/hints.h"
#include "steps/profile/profile.h"
#include "steps/profile/report.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Json& Reference(const char* table) {
  static const Json* const all = [] {
    const auto json = ParseJson(ReadBytes("tests/unit/profile/profile_reference.json"));
    EXPECT_TRUE(json.ok()) << json.status();
    return new Json(json.ok() ? *json : Json());
  }();
  return JsonMember(*all, table);
}

void ExpectNear(const Json& actual, double expected, const std::string& what) {
  ASSERT_TRUE(actual.is_number()) << what << ": " << DumpJson(actual);
  const double tolerance = 1e-9 * std::max(1.0, std::fabs(expected));
  EXPECT_NEAR(actual.get<double>(), expected, tolerance) << what;
}

// The place of a pair in a matrix of the report.
Json InMatrix(const Json& matrix, const std::string& row, const std::string& column) {
  const auto place = [](const Json& names, const std::string& name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), Json(name)) -
                                    names.begin());
  };
  return matrix["values"][place(matrix["rows"], row)][place(matrix["columns"], column)];
}

class ProfileStepTest : public testing::Test {
 protected:
  Result<StepOutcome> Run(Json parameters) {
    std::vector<Problem> problems;
    step_.parameters_ =
        CheckParameters(*Catalog::BuiltIn().Find("profile"), parameters, "with", problems);
    for (const Problem& problem : problems) ADD_FAILURE() << problem.path << problem.message;
    step_.Reset();
    return RunProfile(step_);
  }

  void ExpectReference(const Json& report, const Json& expected) {
    EXPECT_EQ(report["rows"], expected["rows"]);
    EXPECT_EQ(report["overview"]["duplicate_rows"]["count"], expected["duplicates"]);
    EXPECT_EQ(report["overview"]["missing_cells"]["count"], expected["missing"]);
    for (const auto& [name, figures] : expected["numbers"].items()) {
      SCOPED_TRACE(name);
      const Json& column = report["columns"][name];
      const Json& numbers = column["numbers"];
      EXPECT_EQ(column["count"], figures["count"]);
      EXPECT_EQ(column["distinct"]["count"], figures["distinct"]);
      EXPECT_EQ(column["distinct"]["exact"], true);
      EXPECT_EQ(numbers["zeros"], figures["zeros"]);
      EXPECT_EQ(numbers["negatives"], figures["negatives"]);
      EXPECT_EQ(numbers["outliers"]["iqr"]["count"], figures["iqr"]);
      EXPECT_EQ(numbers["outliers"]["z"]["count"], figures["z"]);
      for (const char* figure : {"mean", "standard_deviation", "minimum", "maximum", "p1", "p5",
                                 "q1", "median", "q3", "p95", "p99", "skewness", "kurtosis"}) {
        ExpectNear(numbers[figure], figures[figure].get<double>(), figure);
      }
    }
    for (const auto& [name, figures] : expected["texts"].items()) {
      SCOPED_TRACE(name);
      const Json& column = report["columns"][name];
      EXPECT_EQ(column["count"], figures["count"]);
      EXPECT_EQ(column["distinct"]["count"], figures["distinct"]);
      EXPECT_EQ(column["length"]["minimum"], figures["shortest"]);
      EXPECT_EQ(column["length"]["maximum"], figures["longest"]);
      ExpectNear(column["length"]["mean"], figures["mean_length"].get<double>(), "mean length");
      Json top = Json::array();
      for (std::size_t i = 0; i < std::min<std::size_t>(column["top"].size(), 10); ++i) {
        top.push_back({column["top"][i]["value"], column["top"][i]["count"]});
      }
      EXPECT_EQ(top, figures["top"]);
    }
    for (const char* measure : {"pearson", "spearman", "cramers_v", "correlation_ratio"}) {
      for (const auto& [pair, value] : expected[measure].items()) {
        const auto bar = pair.find('|');
        ExpectNear(
            InMatrix(report["correlations"][measure], pair.substr(0, bar), pair.substr(bar + 1)),
            value.get<double>(), measure + (": " + pair));
      }
    }
  }

  static std::map<std::string, double> Associations(const Json& report,
                                                    const std::string& measure) {
    std::map<std::string, double> found;
    for (const Json& each : report["label"]["associations"]) {
      if (each["measure"] == measure) found[each["column"]] = each["value"];
    }
    return found;
  }

  static void ExpectAssociations(const Json& report, const std::string& measure,
                                 const Json& expected) {
    const auto found = Associations(report, measure);
    for (const auto& [name, value] : expected.items()) {
      ASSERT_TRUE(found.contains(name)) << measure << " of " << name;
      EXPECT_NEAR(found.at(name), value.get<double>(), 1e-9) << measure << " of " << name;
    }
  }

  void AddSmall() {
    step_.AddFile("data", "@small.csv", ReadBytes("tests/unit/profile/profile_reference.csv"));
  }

  FakeStep step_{"profile"};
};

TEST_F(ProfileStepTest, SaysWhatTheReferenceSays) {
  AddSmall();
  const auto outcome = Run({{"roles", {{"label", "y"}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Json& expected = Reference("small");
  ExpectReference(outcome->report, expected);
  ExpectAssociations(outcome->report, "auc", expected["auc"]);
  EXPECT_EQ(outcome->report["label"]["task"], "classes");
  ASSERT_EQ(outcome->outputs.size(), 2u);
  EXPECT_EQ(outcome->outputs[0].name, "report");
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kReport);
  EXPECT_EQ(outcome->outputs[1].name, "page");
  EXPECT_EQ(outcome->outputs[1].type, ArtifactType::kFile);
  EXPECT_EQ(ReadBytes(outcome->outputs[0].path / "report.json"),
            DumpJsonPretty(outcome->report) + "\n");
  EXPECT_THAT(ReadBytes(outcome->outputs[1].path), HasSubstr("<!DOCTYPE html>"));
  EXPECT_EQ(outcome->metrics.at("rows"), 304);
  EXPECT_EQ(outcome->metrics.at("columns"), 9);
  EXPECT_EQ(outcome->metrics.at("duplicate_rows"), 4);
  EXPECT_DOUBLE_EQ(outcome->metrics.at("missing_cells"),
                   expected["missing"].get<double>() / (304 * 9));
  EXPECT_EQ(outcome->metrics.at("warnings"), static_cast<double>(outcome->report["hints"].size()));
  EXPECT_THAT(step_.log_, HasSubstr("warning: DUPLICATE_ROWS: 4 rows"));
}

TEST_F(ProfileStepTest, HistogramsAreNumpys) {
  AddSmall();
  const auto outcome = Run(Json::object());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  for (const auto& [name, figures] : Reference("small")["numbers"].items()) {
    const Json& numbers = outcome->report["columns"][name]["numbers"];
    const Json& made = numbers["histogram"];
    EXPECT_LE(made["counts"].size(), 50u);
    EXPECT_EQ(made["edges"].size(), made["counts"].size() + 1);
    EXPECT_EQ(made["edges"].front(), numbers["minimum"]);
    EXPECT_EQ(made["edges"].back(), name == "d" ? Json(6) : numbers["maximum"]);
    int64_t all = 0;
    for (const Json& count : made["counts"]) all += count.get<int64_t>();
    EXPECT_EQ(all, figures["count"]);
  }
  // Eleven whole numbers, -5 to 5: a bin for each.
  EXPECT_EQ(outcome->report["columns"]["d"]["numbers"]["histogram"]["counts"].size(), 11u);
  for (const int bins : {1, 7}) {
    const auto few = Run({{"max_bins", bins}});
    ASSERT_TRUE(few.ok()) << few.status();
    for (const auto& [name, figures] : Reference("small")["numbers"].items()) {
      if (name == "d") continue;
      EXPECT_EQ(few->report["columns"][name]["numbers"]["histogram"]["counts"],
                figures["histogram"][std::to_string(bins)])
          << name;
    }
  }
}

TEST_F(ProfileStepTest, MeasuresOtherKindsOfLabels) {
  AddSmall();
  const Json& expected = Reference("small");
  auto outcome = Run({{"roles", {{"label", "three"}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ExpectAssociations(outcome->report, "rank_separation", expected["rank_separation"]);
  ExpectAssociations(outcome->report, "cramers_v", {{"y", expected["cramers_v"]["three|y"]}});

  outcome = Run({{"roles", {{"label", "a"}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->report["label"]["task"], "number");
  ExpectAssociations(outcome->report, "rank_r2", expected["rank_r2"]);
  ExpectAssociations(outcome->report, "rank_epsilon2", expected["rank_epsilon2"]);
  EXPECT_EQ(outcome->report["hints"][0]["hint"], "TARGET_LEAKAGE");
  EXPECT_EQ(outcome->report["hints"][0]["columns"], Json({"b"}));
  EXPECT_THAT(outcome->report["hints"][0]["message"].get<std::string>(),
              HasSubstr("\"b\" (rank_r2 0.99"));
}

TEST_F(ProfileStepTest, CensusIsAsItIsKnown) {
  const auto folder = RealData();
  if (folder.empty()) GTEST_SKIP() << "no real data";
  step_.AddFile("data", "@adult.data", ReadBytes(folder / "adult" / "adult.data"));
  Json columns = Json::array();
  for (const char* name :
       {"age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
        "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
        "native-country", "income"}) {
    columns.push_back({{"name", name}});
  }
  const auto outcome = Run({{"read", {{"header", false}, {"nulls", {"?"}}, {"columns", columns}}},
                            {"roles", {{"label", "income"}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ExpectReference(outcome->report, Reference("census"));
  ExpectAssociations(outcome->report, "auc", Reference("census")["auc"]);
  std::set<std::string> hints;
  for (const Json& hint : outcome->report["hints"]) hints.insert(hint["hint"]);
  EXPECT_THAT(hints, ElementsAre("DUPLICATE_ROWS")) << "census has no other oddity";
}

TEST_F(ProfileStepTest, ThreadsAndMemoryDoNotMatter) {
  AddSmall();
  std::map<std::string, std::string> first;
  for (const int threads : {1, 2, 4}) {
    step_.threads_ = threads;
    const auto outcome = Run({{"roles", {{"label", "y"}}}, {"sample", 100}});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    if (first.empty()) first = TreeBytes(step_.output_);
    EXPECT_EQ(TreeBytes(step_.output_), first) << threads;
  }
  step_.memory_bytes_ = 256 << 20;
  const auto outcome = Run({{"roles", {{"label", "y"}}}, {"sample", 100}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(TreeBytes(step_.output_), first);
  EXPECT_EQ(first.size(), 2u);
}

TEST_F(ProfileStepTest, SaysWhatIsWrong) {
  EXPECT_EQ(Run(Json::object()).status().message(), "input data is not bound");
  step_.AddFile("data", "@a.csv", "age,job\n1,cook\n");
  const auto role = Run({{"roles", {{"label", "ages"}}}});
  EXPECT_EQ(role.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(role.status().message(),
            "@a.csv: no column is named \"ages\" (roles.label) (did you mean \"age\"?)");
  step_.cancel_after_ = 0;
  EXPECT_EQ(Run(Json::object()).status().code(), StatusCode::kCancelled);
}

TEST_F(ProfileStepTest, TakesRolesFromADataset) {
  Table table;
  table.rows = 2;
  table.columns.push_back(MakeNumberColumn("x", {1, 2}));
  table.columns.push_back(MakeStringColumn("y", {"a", "b"}));
  DatasetInfo info;
  info.roles.label = "y";
  ASSERT_TRUE(WriteDataset(step_.folder_.path() / "set", table, info, {}).ok());
  step_.Bind("data", step_.folder_.path() / "set", "set");
  const auto outcome = Run(Json::object());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->report["label"]["column"], "y");
  EXPECT_EQ(outcome->report["columns"]["y"]["role"], "label");
}

TEST_F(ProfileStepTest, SeveralFilesAreOneTable) {
  step_.AddFile("data", "@1.csv", "x\n1\n2\n");
  step_.AddFile("data", "@2.csv", "x\n3\n");
  const auto outcome = Run(Json::object());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->report["rows"], 3);
  EXPECT_EQ(outcome->report["columns"]["x"]["numbers"]["median"], 2);
}

TEST(ProfileSchema, ChecksReadAndRoles) {
  const StepSchema& schema = *Catalog::BuiltIn().Find("profile");
  const auto wrong = [&](const Json& parameters) {
    std::vector<Problem> problems;
    CheckParameters(schema, parameters, "with", problems);
    std::vector<std::string> lines;
    for (const Problem& problem : problems) lines.push_back(problem.path + ": " + problem.message);
    return lines;
  };
  EXPECT_THAT(wrong({{"read", {{"format", "csv"}}}, {"max_bins", 10}, {"sample", 0}}), IsEmpty());
  EXPECT_THAT(wrong({{"max_bin", 10}}),
              ElementsAre(HasSubstr("with.max_bin: unknown key (did you mean \"max_bins\"?)")));
  EXPECT_THAT(wrong({{"top", 0}}), ElementsAre(HasSubstr("with.top: 0 is out of bounds")));
  EXPECT_THAT(wrong({{"sample", -1}}), ElementsAre(HasSubstr("with.sample: -1 is out of bounds")));
  EXPECT_THAT(wrong({{"roles", {{"label", "y"}, {"id", {"y"}}}}}),
              ElementsAre("with.roles.id[0]: column \"y\" has another role already"));
  EXPECT_THAT(wrong({{"read", {{"quote", "''"}}}}), Not(IsEmpty()));
  std::set<std::string> metrics;
  for (const MetricSchema& metric : schema.metrics) metrics.insert(metric.name);
  EXPECT_THAT(metrics,
              ElementsAre("columns", "duplicate_rows", "missing_cells", "rows", "warnings"));
}

TEST(Bins, OfWholeNumbersHoldAsManyOfThem) {
  NumberSummary numbers;
  numbers.finite = 32'561;
  numbers.minimum = 17;
  numbers.maximum = 90;
  numbers.q1 = 28;
  numbers.q3 = 48;
  const std::vector<double> edges = HistogramEdges(numbers, 50);
  ASSERT_EQ(edges.size(), 38u);
  EXPECT_EQ(edges[1], 19);
  EXPECT_EQ(edges.back(), 91);
  EXPECT_THAT(HistogramEdges(numbers, 1), ElementsAre(17, 91));
}

TEST(Bins, AreThoseOfTheReference) {
  // numpy.histogram([1, 2, 1, 4, 4], 3): the last bin is closed.
  const std::vector<double> edges = BinEdges(1, 4, 3);
  EXPECT_THAT(edges, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(BinOf(1, edges), 0u);
  EXPECT_EQ(BinOf(2, edges), 1u);
  EXPECT_EQ(BinOf(4, edges), 2u);
  EXPECT_THAT(BinEdges(5, 5, 1), ElementsAre(4.5, 5.5));
  EXPECT_THAT(BinEdges(-1.7e308, 1.7e308, 3), IsEmpty()) << "wider than a double";
  // Values at 0.1 steps, as they come out of CSV, never miss their bin.
  const std::vector<double> tenths = BinEdges(0, 1, 10);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(BinOf(tenths[static_cast<std::size_t>(i)], tenths), static_cast<std::size_t>(i));
  }
}

}  // namespace
}  // namespace penstock
