// Operations on numbers against what numbers_reference.py computed with pandas, scikit-learn and
// SciPy. Their sums and ours differ in the last bits, hence tolerances of 1e-12 relative to values
// (to 1 below it); 1e-9 where differences of nearly equal numbers are divided; 2e-6 for powers, of
// which the search stops at a relative 1.5e-8.

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/unit/process/operation_bench.h"
#include "tests/unit/table/table_files.h"

namespace penstock {
namespace {

class NumbersReference : public testing::Test {
 protected:
  NumbersReference() {
    auto json = ParseJson(ReadBytes("tests/unit/process/numbers_reference.json"));
    EXPECT_TRUE(json.ok()) << json.status();
    if (json.ok()) reference_ = std::move(*json);
    std::vector<Column> columns;
    for (const auto& [name, values] : reference_["table"].items()) {
      columns.push_back(ColumnOf(name, values));
    }
    table_ = Make(std::move(columns));
  }

  static Column ColumnOf(const std::string& name, const Json& values) {
    std::vector<double> numbers;
    std::vector<std::string> texts;
    std::vector<bool> present;
    for (const Json& value : values) {
      numbers.push_back(value.is_number() ? value.get<double>() : kMissing);
      texts.push_back(value.is_string() ? value.get<std::string>() : "");
      present.push_back(value.is_string());
    }
    const bool is_text = std::find(present.begin(), present.end(), true) != present.end();
    return is_text ? MakeStringColumn(name, texts, ColumnKind::kCategorical, present)
                   : MakeNumberColumn(name, numbers);
  }

  static void ExpectColumn(const Column& column, const Json& expected, double tolerance) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Json& value = expected[i];
      ASSERT_EQ(column.missing(i), value.is_null()) << column.info.name << " " << i;
      if (value.is_null()) continue;
      if (column.is_text()) {
        ASSERT_EQ(column.text(i), value.get<std::string>()) << column.info.name << " " << i;
        continue;
      }
      const auto number = value.get<double>();
      ASSERT_NEAR(column.numbers[i], number, tolerance * std::max(1.0, std::fabs(number)))
          << column.info.name << " " << i;
    }
  }

  Json reference_;
  Table table_;
};

TEST_F(NumbersReference, EveryCase) {
  std::set<std::string> operations;
  for (const Json& expected : reference_["cases"]) {
    const Json& spec = expected["spec"];
    SCOPED_TRACE(DumpJson(spec));
    operations.insert(spec["op"].get<std::string>());
    const Table after = FitApply(spec, table_, reference_["train"].get<int64_t>());
    for (const auto& [name, values] : expected["expected"].items()) {
      const Column* column = after.Find(name);
      ASSERT_NE(column, nullptr) << name;
      ExpectColumn(*column, values, expected["tolerance"].get<double>());
    }
  }
  EXPECT_EQ(operations,
            (std::set<std::string>{"bin", "impute", "impute_knn", "indicator", "log", "map_values",
                                   "max_abs", "min_max", "ordinal", "outliers", "quantile",
                                   "robust", "standard", "yeo_johnson"}));
}

}  // namespace
}  // namespace penstock
