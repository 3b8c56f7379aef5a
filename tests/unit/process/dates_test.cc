// parse_dates, against pandas and Python's datetime (shape_reference.py).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/process/shape_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Json Parse(Json more = Json::object()) {
  more["op"] = "parse_dates";
  more["columns"] = {{"match", "*"}};
  return more;
}

TEST(ParseDates, PartsAsPandasHasThem) {
  const Json& dates = Reference()["dates"];
  Json parts = Json::array();
  for (const auto& [part, values] : dates["parts"].items()) parts.push_back(part);
  const Table parsed =
      FitApply(Parse({{"parts", parts}}), Make({TextColumn("d", dates["texts"])}), 3);
  ASSERT_EQ(parsed.columns.size(), parts.size());
  for (const auto& [part, values] : dates["parts"].items()) {
    const Column* column = parsed.Find("d." + part);
    ASSERT_NE(column, nullptr) << part;
    ExpectNumbers(column->numbers, NumbersOf(values), 0, part);
    EXPECT_EQ(column->info.kind, ColumnKind::kNumeric);
  }
}

// Sines of the same angles, by another library: two units in the last place.
TEST(ParseDates, PlacesOnTheCircle) {
  const Json& dates = Reference()["dates"];
  const Table parsed = FitApply(
      Parse({{"cyclical", {"month", "day", "weekday", "day_of_year", "hour", "minute", "second"}}}),
      Make({TextColumn("d", dates["texts"])}), 3);
  ASSERT_EQ(parsed.columns.size(), dates["cyclical"].size());
  for (const auto& [part, values] : dates["cyclical"].items()) {
    const Column* column = parsed.Find("d." + part);
    ASSERT_NE(column, nullptr) << part;
    ExpectNumbers(column->numbers, NumbersOf(values), 4.5e-16, part);
  }
}

// Every day of 400 years, after which the calendar repeats itself.
TEST(ParseDates, CountsEveryDay) {
  std::vector<double> days;
  for (int day = -10'000; day < 146'097 - 10'000; ++day) days.push_back(day);
  const Table table = Make({MakeNumberColumn("d", days)});
  auto operation = MakeOperation(
      Parse({{"unit", "days"},
             {"parts", {"days", "year", "month", "day", "weekday", "week", "day_of_year"}}}));
  ASSERT_TRUE(operation.ok());
  const Frame frame = FrameOf(table);
  ASSERT_TRUE((*operation)->Fit(FitData(frame)).ok());
  Table parsed = table;
  ASSERT_TRUE((*operation)->Apply(parsed, {}).ok());
  EXPECT_EQ(parsed.columns[0].numbers, days);
  const auto at = [&](const char* part, std::size_t i) {
    return parsed.Find(std::string("d.") + part)->numbers[i];
  };
  for (std::size_t i = 1; i < days.size(); ++i) {
    ASSERT_EQ(at("weekday", i), at("weekday", i - 1) == 7 ? 1 : at("weekday", i - 1) + 1);
    const bool new_month = at("month", i) != at("month", i - 1);
    ASSERT_EQ(at("day", i), new_month ? 1 : at("day", i - 1) + 1);
    const bool new_year = at("year", i) != at("year", i - 1);
    ASSERT_EQ(at("day_of_year", i), new_year ? 1 : at("day_of_year", i - 1) + 1);
    // Weeks change on Mondays alone, and one that holds January 4 is the first.
    if (at("weekday", i) != 1) {
      ASSERT_EQ(at("week", i), at("week", i - 1));
    }
    if (at("month", i) == 1 && at("day", i) == 4) {
      ASSERT_EQ(at("week", i), 1);
    }
    if (at("month", i) == 12 && at("day", i) == 28) {
      ASSERT_GE(at("week", i), 52);
    }
  }
}

TEST(ParseDates, FormatsAsPythonReadsThem) {
  for (const Json& each : Reference()["formats"]) {
    const std::string format = each["format"];
    const Table table = Make({MakeStringColumn("d", {each["text"].get<std::string>()})});
    const Table parsed =
        FitApply(Parse({{"formats", Json::array({format})}, {"parts", {"epoch"}}}), table, 1);
    ASSERT_EQ(parsed.columns.size(), 1u) << format;
    EXPECT_EQ(parsed.columns[0].numbers[0], each["micros"].get<double>() / 1e6) << format;
  }
}

TEST(ParseDates, TheFirstFormatThatFitsCounts) {
  const Table table = Make({MakeStringColumn("d", {"01/02/2027", "2027-03-04", " 31/01/2027 "})});
  Table parsed = FitApply(Parse({{"formats", {"%d/%m/%Y", "iso"}}, {"keep", "date"}}), table, 2);
  EXPECT_EQ(parsed.columns[0].text(0), "2027-02-01");
  EXPECT_EQ(parsed.columns[0].text(1), "2027-03-04");
  EXPECT_EQ(parsed.columns[0].text(2), "2027-01-31");
  EXPECT_EQ(parsed.columns[0].info.type, ColumnType::kDate);
  EXPECT_EQ(parsed.columns[0].info.kind, ColumnKind::kDate);
  parsed =
      FitApply(Parse({{"formats", {"%m/%d/%Y", "%d/%m/%Y", "iso"}}, {"keep", "date"}}), table, 2);
  EXPECT_EQ(parsed.columns[0].text(0), "2027-01-02");
  EXPECT_EQ(parsed.columns[0].text(2), "2027-01-31");
}

TEST(ParseDates, NumbersByUnitOrFormat) {
  const auto text = [](const Json& parameters, double value) {
    return FitApply(Parse(parameters), Make({MakeNumberColumn("d", {value})}), 1)
        .columns[0]
        .text(0);
  };
  EXPECT_EQ(text(Json::object(), 1'801'353'600.25), "2027-01-31 00:00:00.25");
  EXPECT_EQ(text({{"unit", "milliseconds"}}, -1), "1969-12-31 23:59:59.999");
  EXPECT_EQ(text({{"unit", "microseconds"}}, 1), "1970-01-01 00:00:00.000001");
  EXPECT_EQ(text({{"unit", "days"}, {"keep", "date"}}, 20'849), "2027-01-31");
  EXPECT_EQ(text({{"formats", {"%Y%m%d"}}}, 20'270'131), "2027-01-31 00:00:00");
}

// What is kept as a time is read as the same time again, and columns of dates are ISO 8601 whatever
// `formats` say.
TEST(ParseDates, KeptTimesAreReadAgain) {
  const Table table = Make({TextColumn("d", Reference()["dates"]["texts"])});
  const Table kept = FitApply(Parse({{"keep", "timestamp"}, {"parts", {"epoch"}}}), table, 3);
  const Table again =
      FitApply(Parse({{"formats", {"%Y"}}, {"parts", {"epoch"}}}), Make({kept.columns[0]}), 3);
  EXPECT_EQ(again.columns[0].numbers, kept.columns[1].numbers);
  EXPECT_EQ(kept.columns[0].info.type, ColumnType::kTimestamp);
  EXPECT_EQ(kept.columns[0].text(4), "2021-01-01 00:30:00");
}

TEST(ParseDates, DegenerateColumns) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Table& table :
       {Make({MakeNumberColumn("d", {})}), Make({MakeNumberColumn("d", {kMissing, kMissing})}),
        Make({MakeStringColumn("d", {})}),
        Make({MakeStringColumn("d", {"", ""}, ColumnKind::kText, {false, false})}),
        Make({MakeNumberColumn("d", {infinity, -infinity, 1e300})}),
        Make({MakeStringColumn("d", {"yesterday", "2027-02-30", "0000-01-01"})})}) {
    const Table parsed = FitApply(Parse({{"invalid", "missing"},
                                         {"keep", "timestamp"},
                                         {"parts", {"year", "is_weekend"}},
                                         {"cyclical", {"hour"}}}),
                                  table, table.rows);
    ASSERT_THAT(parsed.names(),
                ElementsAre("d", "d.year", "d.is_weekend", "d.hour_sin", "d.hour_cos"));
    for (const Column& column : parsed.columns) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
        EXPECT_TRUE(column.missing(i)) << column.info.name;
      }
    }
  }
}

TEST(ParseDates, SaysWhatIsWrong) {
  const Table texts = Make({MakeStringColumn("d", {"2027-01-31", "31.1.2027"})});
  EXPECT_EQ(FitError(Parse(), texts),
            "row 2 of d: \"31.1.2027\" is no ISO date or time (2027-01-31, "
            "2027-01-31T06:00:00Z); give formats, or invalid: missing");
  EXPECT_EQ(FitError(Parse({{"formats", {"%Y-%m-%d", "%Y"}}}), texts),
            "row 2 of d: \"31.1.2027\" is no time in the format %Y-%m-%d or %Y; add its format, or "
            "give invalid: missing");
  EXPECT_THAT(FitError(Parse(), Make({MakeNumberColumn("d", {0, 1e12})})),
              StartsWith("row 2 of d: \"1000000000000\" is no time from the years 1 to 9999 in "
                         "seconds since 1970"));
  EXPECT_EQ(FitError(Parse({{"parts", {"yer"}}}), texts),
            "parse_dates: parts: \"yer\" is none (did you mean \"year\"?)");
  EXPECT_EQ(FitError(Parse({{"parts", {"year", "year"}}}), texts),
            "parse_dates: parts has \"year\" twice");
  EXPECT_THAT(FitError(Parse({{"cyclical", {"year"}}}), texts), HasSubstr("\"year\" is none"));
  EXPECT_THAT(FitError(Parse({{"formats", {"%d.%m"}}}), texts),
              HasSubstr("parse_dates: format \"%d.%m\" has no year"));
  EXPECT_THAT(FitError(Parse({{"unit", "hours"}}), texts), HasSubstr("unknown unit \"hours\""));
  EXPECT_THAT(FitError(Parse({{"keep", "none"}}), texts), HasSubstr("nothing would be left"));
  EXPECT_THAT(FitError(Parse({{"keep", "all"}}), texts), HasSubstr("keep must be none, date"));
  EXPECT_THAT(FitError(Parse({{"invalid", "drop"}}), texts), HasSubstr("invalid must be error"));
  EXPECT_THAT(
      FitError({{"op", "parse_dates"}, {"columns", "d"}, {"parts", {"year"}}},
               Make({MakeStringColumn("d", {"2027-01-31"}), MakeNumberColumn("d.year", {2027})})),
      HasSubstr("column \"d\" would become \"d.year\", which is there already"));
}

}  // namespace
}  // namespace penstock
