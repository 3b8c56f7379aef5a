// Raw rows through the transform are what process wrote of them, bit for bit: for each operation
// and for random chains of them, over random tables. A seed that fails prints table and chain.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <numeric>
#include <set>

#include "steps/process/operation.h"
#include "steps/process/process.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/random_chains.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

class ChainsTest : public testing::Test {
 protected:
  // How the chain of one seed went: false where process refused it.
  bool Check(uint64_t seed, int length, std::string_view only = {}) {
    SeededRandom random(seed);
    const RandomTable table = MakeRandomTable(random);
    const Json chain = MakeRandomChain(random, table, length, only);
    if (chain.empty()) return false;
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + DumpJson(chain) + "\n" + table.Csv());
    step_.Unbind("data");
    step_.Unbind("transform");
    step_.AddFile("data", "table.csv", table.Csv());
    step_.parameters_ = {{"roles", {{"label", "y"}, {"id", {"the id"}}}},
                         {"split", {{"train", 0.6}, {"validation", 0.2}, {"test", 0.2}}},
                         {"transforms", chain}};
    step_.parameters_["split"]["seed"] = seed % 100;
    step_.Reset();
    const auto outcome = RunProcess(step_);
    if (!outcome.ok()) {
      EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument) << outcome.status();
      EXPECT_THAT(outcome.status().message(),
                  testing::AnyOf(testing::HasSubstr("transforms["),
                                 testing::HasSubstr("no row is left to fit on")));
      refused_.insert(outcome.status().message());
      return false;
    }
    for (const Json& entry : chain) ++applied_[JsonString(entry, "op")];
    const std::filesystem::path written = step_.output_;
    const auto transform = Transform::Load(written / "transform");
    EXPECT_TRUE(transform.ok()) << transform.status();
    if (!transform.ok()) return false;
    const auto again = Transform::FromJson(transform->ToJson());
    EXPECT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(DumpJson(again->ToJson()) + "\n", ReadBytes(written / "transform/transform.json"));
    for (const char* part : {"validation", "test"}) {
      Compare(written / part, table, *transform);
    }
    std::filesystem::remove_all(written);
    std::filesystem::remove_all(step_.output_);
    return true;
  }

  void Compare(const std::filesystem::path& part, const RandomTable& table,
               const Transform& transform) {
    const auto dataset = LoadDataset(part, {}, {});
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    const Column& ids = *dataset->Find("the id");
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < static_cast<std::size_t>(dataset->rows); ++i) {
      rows.push_back(std::stoul(ids.text(i).substr(1)));
    }
    if (rows.empty()) return;
    if (part.filename() == "validation") {
      return CompareApplied(*dataset, 0, table.Csv(rows), transform);
    }
    // A row alone, and a process step that is given the transform.
    const std::vector<std::size_t> last(rows.end() - 1, rows.end());
    CompareApplied(*dataset, rows.size() - 1, table.Csv(last), transform);
    step_.Unbind("data");
    step_.AddFile("data", "rows.csv", table.Csv(rows));
    step_.Bind("transform", part / "transform", "given");
    step_.parameters_ = Json::object();
    step_.Reset();
    const auto outcome = RunProcess(step_);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    const auto data = LoadDataset(step_.output_ / "data", {}, {});
    ASSERT_TRUE(data.ok()) << data.status();
    ExpectSameCells(*dataset, 0, *data);
    std::filesystem::remove_all(step_.output_);
  }

  void CompareApplied(const Table& dataset, std::size_t first, const std::string& csv,
                      const Transform& transform) {
    const auto path = step_.folder_.Write("raw.csv", csv);
    const auto applied =
        transform.ApplyToRaw({path, ArtifactType::kFile, Digest(), "raw.csv"},
                             {.labels = true, .keep = {"the id"}, .as_table = true}, step_);
    ASSERT_TRUE(applied.ok()) << applied.status();
    EXPECT_TRUE(applied->has_labels);
    EXPECT_EQ(applied->table.columns.size(), transform.features().size());
    ExpectSameCells(dataset, first, applied->table);
  }

  // Rows of `part` from `first` on, in the columns of `table`.
  static void ExpectSameCells(const Table& part, std::size_t first, const Table& table) {
    ASSERT_EQ(static_cast<std::size_t>(part.rows), first + static_cast<std::size_t>(table.rows));
    for (const Column& column : table.columns) {
      const Column* written = part.Find(column.info.name);
      ASSERT_NE(written, nullptr) << column.info.name;
      ASSERT_EQ(Name(written->info.type), Name(column.info.type)) << column.info.name;
      ASSERT_EQ(Name(written->info.kind), Name(column.info.kind)) << column.info.name;
      for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
        const bool missing = column.missing(i);
        ASSERT_EQ(written->missing(first + i), missing) << column.info.name << " row " << i;
        if (missing) continue;
        if (column.is_text()) {
          ASSERT_EQ(written->strings[first + i], column.strings[i]) << column.info.name;
        } else {
          ASSERT_EQ(std::bit_cast<uint64_t>(written->numbers[first + i]),
                    std::bit_cast<uint64_t>(column.numbers[i]))
              << column.info.name << " row " << i << ": " << written->numbers[first + i] << " and "
              << column.numbers[i];
        }
      }
    }
  }

  FakeStep step_{"process"};
  std::map<std::string, int> applied_;
  std::set<std::string> refused_;
};

TEST_F(ChainsTest, EveryOperationAlone) {
  std::set<std::string> ops;
  for (const OperationTemplate& one : OperationTemplates()) ops.emplace(one.op);
  for (const std::string& op : ops) {
    for (uint64_t seed = 0; seed < 40 && applied_[op] < 6; ++seed) Check(seed * 31 + 7, 1, op);
    if (HasFailure()) return;
    EXPECT_GE(applied_[op], 2) << op << " was hardly ever applied:\n"
                               << testing::PrintToString(refused_);
  }
}

TEST_F(ChainsTest, RandomChains) {
  constexpr int kSeeds = 200;
  int fine = 0;
  for (uint64_t seed = 1'000; seed < 1'000 + kSeeds && !HasFailure(); ++seed) {
    fine += Check(seed, 2 + static_cast<int>(seed % 7)) ? 1 : 0;
  }
  // Most must not be refused, or little is tested.
  EXPECT_GE(fine, kSeeds * 2 / 3) << testing::PrintToString(refused_);
}

// Found by a random chain: what is dropped need not be there, but rows may be chosen by it.
TEST_F(ChainsTest, AGivenTransformDropsColumns) {
  constexpr char kData[] = "x,junk,y\n1,a,no\n2,,yes\n3,c,no\n";
  const auto fit = [&](const char* applies) {
    step_.Unbind("data");
    step_.Unbind("transform");
    step_.AddFile("data", "table.csv", kData);
    step_.parameters_ = {{"roles", {{"label", "y"}}},
                         {"transforms",
                          {{{"op", "drop_missing"}, {"columns", "junk"}, {"applies", applies}},
                           {{"op", "drop"}, {"columns", "junk"}},
                           {{"op", "standard"}, {"columns", "x"}}}}};
    step_.Reset();
    ASSERT_TRUE(RunProcess(step_).ok());
    step_.Bind("transform", step_.output_ / "transform", "given");
  };
  const auto apply = [&](const char* csv) -> Result<Table> {
    step_.Unbind("data");
    step_.AddFile("data", "new.csv", csv);
    step_.parameters_ = Json::object();
    step_.Reset();
    PENSTOCK_RETURN_IF_ERROR(RunProcess(step_).status());
    return LoadDataset(step_.output_ / "data", {}, {});
  };
  fit("fit");
  auto table = apply("x\n3\n1\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->names(), testing::ElementsAre("x"));
  EXPECT_THAT(table->columns[0].numbers, testing::ElementsAre(1, -1));
  EXPECT_EQ(apply(kData)->rows, 3);
  fit("all");
  table = apply(kData);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->Find("x")->numbers, testing::ElementsAre(-1, 1));
  EXPECT_THAT(apply("x\n3\n").status().message(),
              testing::HasSubstr("the data have no column \"junk\""));
}

// Whoever adds an operation adds its template.
TEST_F(ChainsTest, EveryOperationHasATemplate) {
  for (const std::string& op : OperationNames()) {
    const auto& all = OperationTemplates();
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.op == op; }))
        << op << " has no template in random_chains.cc";
  }
}

}  // namespace
}  // namespace penstock
