// Odd tables, and what must not matter.

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "profile_bench.h"
#include "steps/profile/association.h"
#include "steps/profile/columns.h"
#include "steps/profile/duplicates.h"
#include "steps/table/hashing.h"
#include "steps/profile/hints.h"
#include "steps/table/moments.h"
#include "steps/table/order_statistics.h"
#include "steps/profile/sample.h"
#include "steps/profile/value_counts.h"
#include "tests/unit/table/table_files.h"

namespace penstock {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Numbers of all sizes and signs, texts, gaps and repeated rows; the same each time.
Table Mixed(int64_t rows) {
  std::vector<double> wide;
  std::vector<double> few;
  std::vector<double> gaps;
  std::vector<std::string> groups;
  std::vector<std::string> free;
  std::vector<std::string> label;
  for (int64_t i = 0; i < rows; ++i) {
    const uint64_t bits = MixBits(static_cast<uint64_t>(i % (rows - 7)) + 1);
    const double unit = static_cast<double>(bits >> 11) * 0x1.0p-53;
    wide.push_back((unit - 0.5) * std::pow(10, static_cast<double>(bits % 9)));
    few.push_back(static_cast<double>(bits % 5));
    gaps.push_back(bits % 11 == 0 ? kMissing : unit * 3 + static_cast<double>(bits % 5));
    groups.push_back("g" + std::to_string(bits % 13));
    free.push_back("text number " + std::to_string(bits % 1'000));
    label.push_back(unit + static_cast<double>(bits % 5) > 3 ? "yes" : "no");
  }
  return TableOf({MakeNumberColumn("wide", wide), MakeNumberColumn("few", few),
                  MakeNumberColumn("gaps", gaps), MakeStringColumn("groups", groups),
                  MakeStringColumn("free", free, ColumnKind::kText),
                  MakeStringColumn("label", label)});
}

std::string Bytes(const Profile& profile) {
  return DumpJson(ProfileReport(profile)) + ProfilePage(profile);
}

TEST(ProfileInvariance, ThreadsBudgetsAndScratchFilesDoNotMatter) {
  const Table table = Mixed(3'000);
  Roles roles;
  roles.label = "label";
  TestFolder folder;
  std::string first;
  for (const int threads : {1, 3}) {
    for (const int64_t frame_budget : {int64_t{0}, int64_t{1}, int64_t{60'000}}) {
      for (const int64_t budget : {int64_t{1} << 30, int64_t{1}}) {
        FrameOptions options;
        options.table.threads = threads;
        options.memory_bytes = frame_budget;
        options.scratch = folder.path();
        ProfileOptions profile;
        profile.budget = budget;
        profile.sample = 1'000;
        const std::string bytes = Bytes(ProfileOf(FrameOf(table, 250, options), roles, profile));
        if (first.empty()) first = bytes;
        EXPECT_EQ(bytes, first) << threads << " threads, " << frame_budget << ", " << budget;
      }
    }
  }
}

TEST(ProfileInvariance, TheOrderOfRowsMattersOnlyToRounding) {
  const Table table = Mixed(1'000);
  std::vector<int64_t> order(1'000);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [](int64_t a, int64_t b) {
    return MixBits(static_cast<uint64_t>(a)) < MixBits(static_cast<uint64_t>(b));
  });
  Roles roles;
  roles.label = "label";
  ProfileOptions all;
  all.sample = 0;
  const Json a = ProfileReport(ProfileOf(table, roles, all)).flatten();
  const Json b = ProfileReport(ProfileOf(RowsOf(table, order), roles, all)).flatten();
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [path, value] : a.items()) {
    if (value.is_number_float()) {
      EXPECT_NEAR(value.get<double>(), b[path].get<double>(),
                  1e-11 * std::max(1.0, std::fabs(value.get<double>())))
          << path;
    } else {
      EXPECT_EQ(value, b[path]) << path;
    }
  }
}

TEST(ProfileEdges, NoRows) {
  const Table table = TableOf({MakeNumberColumn("x", {}), MakeStringColumn("t", {})});
  const Profile profile = ProfileOf(table);
  EXPECT_THAT(HintWords(profile), ElementsAre("NO_ROWS"));
  const Json report = ProfileReport(profile);
  EXPECT_EQ(report["rows"], 0);
  EXPECT_TRUE(report["overview"]["missing_cells"]["share"].is_null());
  EXPECT_TRUE(report["columns"]["x"]["numbers"]["mean"].is_null());
  EXPECT_EQ(report["columns"]["x"]["numbers"]["undefined"]["mean"], "there are no finite values");
  EXPECT_TRUE(report["columns"]["t"]["length"]["mean"].is_null());
  EXPECT_THAT(ProfilePage(profile), HasSubstr("</html>"));
}

TEST(ProfileEdges, OneRow) {
  const Json report =
      ProfileReport(ProfileOf(TableOf({MakeNumberColumn("x", {4}), MakeStringColumn("t", {"a"})})));
  const Json& numbers = report["columns"]["x"]["numbers"];
  EXPECT_EQ(numbers["mean"], 4);
  EXPECT_EQ(numbers["p99"], 4);
  EXPECT_TRUE(numbers["standard_deviation"].is_null());
  EXPECT_EQ(numbers["undefined"]["standard_deviation"], "it takes two values");
  EXPECT_EQ(numbers["histogram"]["edges"], Json({3.5, 4.5}));
  EXPECT_EQ(numbers["outliers"]["z"]["count"], 0);
}

TEST(ProfileEdges, ConstantAllMissingAndInfinite) {
  const Profile profile =
      ProfileOf(TableOf({MakeNumberColumn("same", {0.1, 0.1, 0.1, 0.1, 0.1}),
                         MakeNumberColumn("none", std::vector<double>(5, kMissing)),
                         MakeNumberColumn("odd", {1, kInfinity, -kInfinity, 3, kMissing}),
                         MakeNumberColumn("huge", {1.5e308, -1.5e308, 1.5e308, 1, 2}),
                         MakeStringColumn("nothing", std::vector<std::string>(5),
                                          ColumnKind::kCategorical, std::vector<bool>(5, false))}));
  const Json report = ProfileReport(profile);
  const Json& same = report["columns"]["same"]["numbers"];
  EXPECT_EQ(same["mean"], 0.1);
  EXPECT_EQ(same["standard_deviation"], 0);
  EXPECT_TRUE(same["skewness"].is_null());
  EXPECT_EQ(same["undefined"]["skewness"], "all values are equal");
  EXPECT_EQ(report["columns"]["none"]["count"], 0);
  EXPECT_TRUE(report["columns"]["none"]["numbers"]["histogram"].is_null());
  const Json& odd = report["columns"]["odd"];
  EXPECT_EQ(odd["count"], 4);
  EXPECT_EQ(odd["numbers"]["infinite"], 2);
  EXPECT_EQ(odd["numbers"]["mean"], 2);
  EXPECT_EQ(odd["numbers"]["maximum"], 3);
  const Json& huge = report["columns"]["huge"]["numbers"];
  EXPECT_EQ(huge["maximum"], 1.5e308);
  EXPECT_TRUE(huge["standard_deviation"].is_null());
  EXPECT_EQ(huge["undefined"]["standard_deviation"], "the values are too large to be added up");
  EXPECT_EQ(huge["undefined"]["histogram"], "the values are too large to be added up");
  EXPECT_THAT(HintWords(profile),
              ElementsAre("FEW_ROWS", "ALL_MISSING", "CONSTANT", "INFINITE_VALUES"));
  for (const Hint& hint : profile.hints) {
    if (hint.hint != "ALL_MISSING") continue;
    EXPECT_THAT(hint.columns, ElementsAre("none", "nothing"));
  }
  const Json flat = report.flatten();
  for (const auto& [path, value] : flat.items()) {
    EXPECT_TRUE(!value.is_number_float() || std::isfinite(value.get<double>())) << path;
  }
}

TEST(ProfileEdges, AThousandColumns) {
  std::vector<Column> columns;
  for (int i = 0; i < 1'000; ++i) {
    columns.push_back(MakeNumberColumn("c" + std::to_string(i), {1.0 * i, 2, 3}));
  }
  const Profile profile = ProfileOf(TableOf(std::move(columns)));
  EXPECT_EQ(profile.columns.size(), 1'000u);
  EXPECT_EQ(profile.pearson.rows.size(), kMostNumeric);
  EXPECT_EQ(profile.left_out.size(), 900u);
  EXPECT_EQ(ProfileReport(profile)["columns"].size(), 1'000u);
  const std::string page = ProfilePage(profile);
  EXPECT_THAT(page, HasSubstr("<article id=\"c199\">"));
  EXPECT_THAT(page, Not(HasSubstr("<article id=\"c200\">")));
  EXPECT_THAT(page, HasSubstr("<bdi>c999</bdi>")) << "in the table";
}

TEST(ProfileEdges, DatesBooleansAndNumbersThatAreCategories) {
  Column date = MakeStringColumn("day", {"2024-02-01", "2023-12-31", "2024-02-01"});
  date.info.type = ColumnType::kDate;
  date.info.kind = ColumnKind::kDate;
  const Json report = ProfileReport(ProfileOf(TableOf(
      {date, MakeNumberColumn("flag", {1, 0, 1}, ColumnType::kBoolean, ColumnKind::kCategorical),
       MakeNumberColumn("code", {7, 7, 2.5}, ColumnType::kDouble, ColumnKind::kCategorical)})));
  EXPECT_EQ(report["columns"]["day"]["dates"]["minimum"], "2023-12-31");
  EXPECT_EQ(report["columns"]["day"]["dates"]["maximum"], "2024-02-01");
  EXPECT_EQ(report["columns"]["flag"]["top"][0]["value"], "true");
  EXPECT_EQ(report["columns"]["flag"]["top"][0]["count"], 2);
  EXPECT_EQ(report["columns"]["code"]["top"][1]["value"], "2.5");
  EXPECT_EQ(report["columns"]["code"]["distinct"]["count"], 2);
}

TEST(ProfileHints, OfLabels) {
  std::vector<std::string> label(100, "no");
  std::vector<double> leak(100);
  std::vector<double> other(100);
  std::vector<double> sparse(100, kMissing);
  for (std::size_t i = 0; i < 100; ++i) {
    if (i % 12 == 0) label[i] = "yes";
    leak[i] = (i % 12 == 0 ? 1000 : 0) + static_cast<double>(i % 7);
    other[i] = static_cast<double>(MixBits(i) % 50) + static_cast<double>(i) / 1'000;
    if (i % 12 == 0 || i > 85) sparse[i] = 1.0 + static_cast<double>(i % 3);
  }
  std::vector<bool> present(100, true);
  present[1] = false;
  const Table table = TableOf({MakeNumberColumn("leak", leak), MakeNumberColumn("other", other),
                               MakeNumberColumn("sparse", sparse),
                               MakeStringColumn("y", label, ColumnKind::kCategorical, present)});
  Roles roles;
  roles.label = "y";
  const Profile profile = ProfileOf(table, roles);
  EXPECT_THAT(HintWords(profile),
              ElementsAre("TARGET_LEAKAGE", "MISSING_LABELS", "IMBALANCED_CLASSES", "SPARSE"));
  EXPECT_THAT(profile.hints[0].columns, ElementsAre("leak"));
  EXPECT_THAT(profile.hints[0].message, HasSubstr("\"leak\" (auc 1.000)"));
  EXPECT_THAT(profile.hints[2].message, HasSubstr("Class \"yes\" of the label \"y\" is 9.09 %"));
  ASSERT_EQ(profile.label->balance.size(), 2u);
  EXPECT_EQ(profile.label->balance[0].count, 90);

  const Profile one = ProfileOf(
      TableOf({MakeNumberColumn("x", other), MakeNumberColumn("y", std::vector<double>(100, 1))}),
      roles);
  EXPECT_THAT(HintWords(one), Contains("ONE_CLASS"));
  EXPECT_EQ(ProfileReport(one)["label"]["reason"], "the label has fewer than two values");

  // Two numbers are classes, too.
  std::vector<double> zero_one;
  for (const std::string& value : label) zero_one.push_back(value == "yes" ? 1 : 0);
  const Profile numbers =
      ProfileOf(TableOf({MakeNumberColumn("leak", leak), MakeNumberColumn("y", zero_one)}), roles);
  EXPECT_TRUE(numbers.label->classes);
  EXPECT_EQ(numbers.label->balance[0].value, "0");
  EXPECT_EQ(numbers.label->balance[0].count, 91);
  EXPECT_EQ(numbers.hints[0].hint, "TARGET_LEAKAGE");
}

TEST(ProfileHints, ThatAValueIsThereMayTellTheLabel) {
  std::vector<std::string> label;
  std::vector<double> repaid;
  for (std::size_t i = 0; i < 200; ++i) {
    label.push_back(i % 3 == 0 ? "yes" : "no");
    repaid.push_back(i % 3 == 0 ? static_cast<double>(MixBits(i) % 40) : kMissing);
  }
  Roles roles;
  roles.label = "y";
  const Profile profile =
      ProfileOf(TableOf({MakeNumberColumn("repaid", repaid), MakeStringColumn("y", label)}), roles);
  EXPECT_EQ(profile.hints[0].hint, "TARGET_LEAKAGE");
  EXPECT_THAT(profile.hints[0].message, HasSubstr("\"repaid\" (missing_cramers_v 1.000)"));
}

TEST(ProfileHints, OfColumns) {
  std::vector<double> x;
  std::vector<double> twice;
  std::vector<std::string> key;
  std::vector<std::string> city;
  for (std::size_t i = 0; i < 300; ++i) {
    x.push_back(static_cast<double>(MixBits(i) % 1'000) / 7);
    twice.push_back(2 * x.back() + 1);
    key.push_back("k" + std::to_string(i));
    city.push_back("c" + std::to_string(i % 150));
  }
  const Profile profile =
      ProfileOf(TableOf({MakeNumberColumn("x", x), MakeNumberColumn("twice", twice),
                         MakeStringColumn("key", key), MakeStringColumn("city", city)}));
  EXPECT_THAT(HintWords(profile), ElementsAre("UNIQUE", "MANY_CATEGORIES", "CORRELATED"));
  EXPECT_THAT(profile.hints[0].columns, ElementsAre("key"));
  EXPECT_THAT(profile.hints[1].columns, ElementsAre("city"));
  EXPECT_THAT(profile.hints[2].message, HasSubstr("\"x\" and \"twice\" (pearson 1.000)"));
  const std::set<std::string_view> words(std::begin(kHintWords), std::end(kHintWords));
  for (const Hint& hint : profile.hints) EXPECT_THAT(words, Contains(hint.hint));
}

TEST(Duplicates, AreRowsThatEqualEarlierOnes) {
  const Table table =
      TableOf({MakeNumberColumn("x", {1, 1, -0.0, 0.0, kMissing, kMissing, 1}),
               MakeStringColumn("t", {"a", "a", "", "", "b", "b", "b"}, ColumnKind::kCategorical,
                                {true, true, false, false, true, true, true})});
  for (const int64_t budget : {int64_t{1}, int64_t{1} << 20}) {
    const auto count = CountDuplicates(FrameOf(table, 3), budget);
    ASSERT_TRUE(count.ok()) << count.status();
    EXPECT_EQ(*count, 3);
  }
  // Cells count by column: swapped values are another row.
  const auto swapped = CountDuplicates(
      FrameOf(TableOf({MakeNumberColumn("x", {1, 2}), MakeNumberColumn("y", {2, 1})}), 5), 1 << 20);
  EXPECT_EQ(*swapped, 0);
}

TEST(ValueCounts, AreExactUpToTheLimitAndThenNearAndWithoutOrder) {
  ValueCounts exact(1'000);
  for (int round = 0; round < 3; ++round) {
    for (uint64_t i = 0; i < 1'000; ++i) exact.Add(MixBits(i), 1);
  }
  EXPECT_TRUE(exact.exact());
  EXPECT_EQ(exact.distinct(), 1'000);
  EXPECT_EQ(exact.CountOf(MixBits(7)), 3u);
  EXPECT_EQ(exact.NthCount(1), 3u);
  ValueCounts up(1'000);
  ValueCounts down(1'000);
  for (uint64_t i = 0; i < 50'000; ++i) {
    up.Add(MixBits(i), 1);
    down.Add(MixBits(49'999 - i), 1);
  }
  EXPECT_FALSE(up.exact());
  EXPECT_EQ(up.distinct(), down.distinct());
  EXPECT_NEAR(static_cast<double>(up.distinct()), 50'000, 5'000);
}

TEST(ProfileEdges, MoreThanAMillionDistinctValues) {
  Frame frame;
  for (int64_t block = 0; block < 11; ++block) {
    std::vector<std::string> texts;
    std::vector<double> numbers;
    for (int64_t i = 0; i < 100'000; ++i) {
      texts.push_back(i % 10 == 0 ? "often" : "t" + std::to_string(block * 100'000 + i));
      numbers.push_back(static_cast<double>(block * 100'000 + i) / 3);
    }
    texts.push_back("u" + std::to_string(block));
    numbers.push_back(-1.0 - static_cast<double>(block));
    ASSERT_TRUE(frame
                    .Append(TableOf({MakeStringColumn("t", texts, ColumnKind::kText),
                                     MakeNumberColumn("n", numbers)}))
                    .ok());
  }
  const auto columns = ProfileColumns(frame, {});
  ASSERT_TRUE(columns.ok()) << columns.status();
  const ColumnProfile& numbers = (*columns)[1];
  EXPECT_FALSE(numbers.distinct_exact);
  EXPECT_NEAR(static_cast<double>(numbers.distinct), 1'100'011, 6'000);
  EXPECT_EQ(numbers.numbers.minimum, -11);
  // Sorted values are -11 … -1 and i / 3: exact in spite of their number.
  EXPECT_DOUBLE_EQ(numbers.numbers.median, (1'100'010 / 2.0 - 11) / 3);
  EXPECT_EQ((*columns)[0].distinct_exact, true) << "990,012 distinct texts";
  EXPECT_EQ((*columns)[0].texts.top[0].value, "often");
  EXPECT_EQ((*columns)[0].texts.top[0].count, 110'000);
}

TEST(ProfileEdges, FrequentValuesAreFoundAmongTooMany) {
  Frame frame;
  for (int64_t block = 0; block < 12; ++block) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < 100'000; ++i) {
      texts.push_back(i % 20 == 0 ? "often" : "t" + std::to_string(block * 100'000 + i));
    }
    ASSERT_TRUE(frame.Append(TableOf({MakeStringColumn("t", texts, ColumnKind::kText)})).ok());
  }
  const auto columns = ProfileColumns(frame, {});
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_FALSE((*columns)[0].distinct_exact);
  EXPECT_TRUE((*columns)[0].texts.frequent_only);
  ASSERT_EQ((*columns)[0].texts.top.size(), 1u);
  EXPECT_EQ((*columns)[0].texts.top[0].value, "often");
  EXPECT_EQ((*columns)[0].texts.top[0].count, 60'000);
}

TEST(Quantiles, AreExactWhereValuesAreNarrowedDown) {
  // More than the 2^20 values that are collected at once, most of them in one narrow range.
  Frame frame;
  std::vector<double> all;
  for (int block = 0; block < 12; ++block) {
    std::vector<double> values;
    for (uint64_t i = 0; i < 100'000; ++i) {
      const uint64_t bits = MixBits(i + static_cast<uint64_t>(block) * 100'000);
      const double value = 1 + static_cast<double>(bits >> 11) * 0x1.0p-73;
      values.push_back(bits % 50 == 0 ? -static_cast<double>(bits % 9'973) : value);
    }
    values.push_back(kMissing);
    values.push_back(kInfinity);
    all.insert(all.end(), values.begin(), values.end() - 2);
    ASSERT_TRUE(frame.Append(TableOf({MakeNumberColumn("x", values)})).ok());
  }
  std::sort(all.begin(), all.end());
  const std::vector<double> shares = {0, 0.01, 0.25, 0.5, 0.99, 1};
  const auto quantiles =
      Quantiles(frame, {{0, static_cast<int64_t>(all.size())}}, shares, int64_t{1} << 30);
  ASSERT_TRUE(quantiles.ok()) << quantiles.status();
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double at = shares[i] * static_cast<double>(all.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const double high = all[std::min(low + 1, all.size() - 1)];
    EXPECT_DOUBLE_EQ((*quantiles)[0][i],
                     all[low] + (high - all[low]) * (at - static_cast<double>(low)))
        << shares[i];
  }
}

TEST(Quantiles, OrderedBitsSortAsNumbersDo) {
  const std::vector<double> sorted = {-kInfinity, -1e300, -1, -1e-310, 0, 1e-310, 1, 2, kInfinity};
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    EXPECT_LT(OrderedBits(sorted[i - 1]), OrderedBits(sorted[i]));
    EXPECT_EQ(FromOrderedBits(OrderedBits(sorted[i])), sorted[i]);
  }
  EXPECT_EQ(OrderedBits(-0.0), OrderedBits(0.0));
}

TEST(Moments, StayExactFarFromZeroAndOverBlocks) {
  // 1e9 + {0, 1, 2, 3} and once 10: mean 1e9 + 3.2, squares 62.8, cubes 269.28.
  const std::vector<double> values = {1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 10};
  const Moments whole = Moments::Of(values);
  EXPECT_DOUBLE_EQ(whole.mean, 1e9 + 3.2);
  EXPECT_NEAR(whole.m2, 62.8, 1e-9);
  EXPECT_NEAR(whole.m3, 269.28, 1e-6);
  Moments parts = Moments::Of(std::span(values).first(2));
  parts.Merge(Moments::Of(std::span(values).subspan(2)));
  EXPECT_NEAR(parts.m2, whole.m2, 1e-6);
  EXPECT_NEAR(parts.m4, whole.m4, 1e-3);
}

TEST(Association, TiesAndTables) {
  const std::vector<double> values = {3, 1, kMissing, 3, 2};
  const std::vector<double> ranks = AverageRanks(values);
  EXPECT_EQ(ranks[0], 3.5);
  EXPECT_EQ(ranks[1], 1);
  EXPECT_TRUE(std::isnan(ranks[2]));
  EXPECT_DOUBLE_EQ(Auc(std::vector<double>{1, 2, 2, 3}, {false, false, true, true}), 0.875);
  EXPECT_TRUE(std::isnan(Auc(std::vector<double>{1, 2}, {true, true})));
  EXPECT_TRUE(std::isnan(CramersV({4, 0, 5, 0}, 2))) << "one column has all";
  EXPECT_DOUBLE_EQ(CramersV({50, 0, 0, 50}, 2), 1);
  EXPECT_TRUE(
      std::isnan(CoMoments::Of(std::vector<double>{0.1, 0.1, 0.1}, std::vector<double>{1, 2, 3})
                     .Correlation()));
}

TEST(Sample, IsRepeatableSortedAndOfItsSize) {
  const std::vector<int64_t> sample = SampleRows(10'000, 500);
  EXPECT_EQ(sample.size(), 500u);
  EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
  EXPECT_EQ(std::set<int64_t>(sample.begin(), sample.end()).size(), 500u);
  EXPECT_EQ(sample, SampleRows(10'000, 500));
  EXPECT_GT(sample.back(), 9'000);
  EXPECT_EQ(SampleRows(5, 0).size(), 5u);
  EXPECT_EQ(SampleRows(5, 9).size(), 5u);
}

TEST(Sample, ThatDoesNotFitIsRefused) {
  std::vector<double> values(200'000);
  std::iota(values.begin(), values.end(), 0);
  std::vector<Column> columns;
  for (int i = 0; i < 100; ++i)
    columns.push_back(MakeNumberColumn("c" + std::to_string(i), values));
  Frame frame;
  ASSERT_TRUE(frame.Append(TableOf(std::move(columns))).ok());
  ProfileOptions options;
  options.sample = 0;
  options.budget = 1 << 20;
  const auto profile = MakeProfile(frame, {}, options);
  EXPECT_EQ(profile.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(profile.status().message(), HasSubstr("give a smaller `sample`"));
}

}  // namespace
}  // namespace penstock
