// prune, against what pandas gives (shape_reference.py).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "steps/process/sensitive.h"
#include "tests/unit/process/shape_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Json Prune(const std::string& rule, Json more = Json::object()) {
  more["op"] = "prune";
  more["rule"] = rule;
  return more;
}

// What goes, fitted on the first `rows` rows, whatever the blocks and the budget.
std::vector<std::string> Dropped(const Json& spec, const Table& table, int64_t rows = -1,
                                 int64_t budget = 0) {
  const Table training = RowsOf(table, 0, rows < 0 ? table.rows : rows);
  std::vector<std::string> dropped;
  for (const int64_t block : {1'000, 9}) {
    const Frame frame = FrameOf(training, block);
    FitData::Options options;
    options.frame = &frame;
    options.rows = training.rows;
    options.budget = budget;
    auto operation = MakeOperation(spec);
    EXPECT_TRUE(operation.ok()) << operation.status();
    const Status fit = (*operation)->Fit(FitData(std::move(options)));
    EXPECT_TRUE(fit.ok()) << fit;
    if (block == 9) {
      EXPECT_EQ(dropped, (*operation)->columns());
    }
    dropped = (*operation)->columns();
  }
  return dropped;
}

std::vector<std::string> Sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Prune, AsPandasDoes) {
  const Table table = ReferenceTable(ReferenceNames());
  const Json& reference = Reference()["prune"];
  using Names = std::vector<std::string>;
  for (const int64_t budget : {0, 300}) {
    EXPECT_EQ(Dropped(Prune("constant"), table, -1, budget),
              Sorted(reference["constant"].get<Names>()));
    EXPECT_EQ(Dropped(Prune("unique"), table, -1, budget),
              Sorted(reference["unique"].get<Names>()));
    for (const auto& [share, names] : reference["sparse"].items()) {
      EXPECT_EQ(Dropped(Prune("sparse", {{"max_missing", std::stod(share)}}), table, -1, budget),
                Sorted(names.get<Names>()))
          << share;
    }
    for (const auto& [threshold, names] : reference["correlated"].items()) {
      EXPECT_EQ(
          Dropped(Prune("correlated", {{"threshold", std::stod(threshold)}}), table, -1, budget),
          Sorted(names.get<Names>()))
          << threshold;
    }
  }
}

TEST(Prune, TakesColumnsAwayAndTwiceDoesNoMore) {
  const Table table = ReferenceTable(ReferenceNames());
  const Table once = FitApply(Prune("correlated", {{"threshold", 0.5}}), table, 100);
  EXPECT_THAT(once.names(), ElementsAre("a", "b", "t", "apart", "mostly", "same", "key", "code"));
  ExpectSame(FitApply(Prune("correlated", {{"threshold", 0.5}}), once, 100), once);
}

TEST(Prune, LearnsFromTrainingRowsAlone) {
  const Table table =
      Make({MakeNumberColumn("x", {1, 1, 1, 2}), MakeNumberColumn("y", {1, 2, 3, 3}),
            MakeStringColumn("t", {"a", "a", "a", "b"})});
  EXPECT_THAT(FitApply(Prune("constant"), table, 3).names(), ElementsAre("y"));
  EXPECT_THAT(FitApply(Prune("constant"), table, 4).names(), ElementsAre("x", "y", "t"));
  EXPECT_THAT(FitApply(Prune("unique"), table, 3).names(), ElementsAre("x", "t"));
  EXPECT_THAT(FitApply(Prune("unique"), table, 4).names(), ElementsAre("x", "y", "t"));
}

TEST(Prune, ChoosesAmongColumns) {
  const Table table = ReferenceTable(ReferenceNames());
  EXPECT_THAT(Dropped(Prune("unique", {{"columns", {{"kind", "numeric"}}}}), table),
              ElementsAre("key"));
  EXPECT_THAT(Dropped(Prune("correlated", {{"columns", {"anti", "near b", "t"}}}), table),
              ElementsAre("anti"));
  EXPECT_THAT(FitError(Prune("constant", {{"columns", "nix"}}), table), HasSubstr("no feature"));
}

TEST(Prune, ConstantCountsMissingAsAValue) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Table table =
      Make({MakeNumberColumn("gaps", {1, kMissing, 1}),
            MakeNumberColumn("none", {kMissing, kMissing, kMissing}),
            MakeNumberColumn("inf", {infinity, infinity, infinity}),
            MakeNumberColumn("zero", {0.0, -0.0, 0.0}), MakeNumberColumn("signs", {1, -1, 1}),
            MakeStringColumn("t", {"a", "a", ""}, ColumnKind::kText, {true, true, false}),
            MakeStringColumn("u", {"a", "a", "a"})});
  EXPECT_THAT(Dropped(Prune("constant"), table), ElementsAre("inf", "none", "u", "zero"));
}

TEST(Prune, UniqueIsOfWholeNumbersAndCategoriesWithoutGaps) {
  const Table table =
      Make({MakeNumberColumn("id", {5, 3, -1}), MakeNumberColumn("measured", {0.5, 1, 2}),
            MakeNumberColumn("gap", {1, 2, kMissing}), MakeStringColumn("name", {"a", "b", "c"}),
            MakeStringColumn("prose", {"a", "b", "c"}, ColumnKind::kText),
            MakeStringColumn("code", {"1", "2", "3"}, ColumnKind::kId)});
  EXPECT_THAT(Dropped(Prune("unique"), table), ElementsAre("code", "id", "name"));
}

// Values that are the same in two blocks alone.
TEST(Prune, UniqueAcrossBlocks) {
  std::vector<double> numbers(40);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<double> twice = numbers;
  twice[39] = 3;
  const Table table = Make({MakeNumberColumn("once", numbers), MakeNumberColumn("twice", twice)});
  for (const int64_t budget : {0, 100}) {
    EXPECT_THAT(Dropped(Prune("unique"), table, -1, budget), ElementsAre("once"));
  }
}

// A column that is gone takes no other with it: c is near b, which is near a, but not near a.
TEST(Prune, CorrelatedComparesWithColumnsThatStay) {
  const Table table =
      Make({MakeNumberColumn("a", {1, 0, -1, 0}), MakeNumberColumn("b", {1, 1, -1, -1}),
            MakeNumberColumn("c", {0, 1, 0, -1}), MakeNumberColumn("flat", {2, 2, 2, 2})});
  EXPECT_THAT(Dropped(Prune("correlated", {{"threshold", 0.6}}), table), ElementsAre("b"));
}

TEST(Prune, SensitiveByName) {
  for (const char* name : {"sex", "SEX", "applicant_sex", "marital-status", "MaritalStatus",
                           "Native Country", "ethnicGroup", "religion", "sexual_orientation",
                           "isDisabled", "nationality", "sex=Male", "race"}) {
    EXPECT_TRUE(HasWords(name, SensitiveNames())) << name;
  }
  for (const char* name : {"age", "Essex", "racecar", "country", "unisex", "native", "embraced", "",
                           "é", "skin", "id"}) {
    EXPECT_FALSE(HasWords(name, SensitiveNames())) << name;
  }
  const Table table = Make({MakeNumberColumn("age", {1}), MakeNumberColumn("sex", {1}),
                            MakeNumberColumn("birth_year", {1}), MakeNumberColumn("pay", {1})});
  EXPECT_THAT(FitApply(Prune("sensitive"), table, 1).names(),
              ElementsAre("age", "birth_year", "pay"));
  EXPECT_THAT(FitApply(Prune("sensitive", {{"names", {"age", "birth*"}}}), table, 1).names(),
              ElementsAre("pay"));
}

TEST(Prune, SaysInTheLogWhatGoes) {
  auto operation = MakeOperation(Prune("constant"));
  const Frame frame = FrameOf(Make({MakeNumberColumn("x", {1, 1}), MakeNumberColumn("y", {1, 2})}));
  ASSERT_TRUE((*operation)->Fit(FitData(frame)).ok());
  EXPECT_THAT((*operation)->notes(), ElementsAre("prune: 1 constant columns dropped: \"x\""));
}

TEST(Prune, DegenerateTables) {
  for (const char* rule : {"constant", "unique", "sparse", "sensitive", "correlated"}) {
    EXPECT_THAT(Dropped(Prune(rule), Make({MakeNumberColumn("x", {}), MakeStringColumn("t", {})})),
                IsEmpty())
        << rule;
  }
  const Table one = Make({MakeNumberColumn("x", {1}), MakeNumberColumn("y", {2})});
  EXPECT_THAT(Dropped(Prune("unique"), one), IsEmpty());
  EXPECT_THAT(Dropped(Prune("correlated"), one), IsEmpty());
  EXPECT_THAT(Dropped(Prune("constant"), one), ElementsAre("x", "y"));
  const double infinity = std::numeric_limits<double>::infinity();
  const Table wild = Make({MakeNumberColumn("x", {1, infinity, 3, 1e200}),
                           MakeNumberColumn("y", {2, 1, kMissing, -1e200})});
  EXPECT_THAT(Dropped(Prune("correlated", {{"threshold", 0.999}}), wild).size(), testing::Le(1u));
}

TEST(Prune, SaysWhatIsWrong) {
  const Table table = Make({MakeNumberColumn("x", {1, 2})});
  EXPECT_EQ(FitError(Prune("constan"), table),
            "prune: unknown rule \"constan\" (did you mean \"constant\"?)");
  EXPECT_EQ(FitError(Prune("sparse", {{"max_missing", 1.5}}), table),
            "prune: max_missing must be from 0 to 1");
  EXPECT_EQ(FitError(Prune("correlated", {{"threshold", -1}}), table),
            "prune: threshold must be from 0 to 1");
}

}  // namespace
}  // namespace penstock
