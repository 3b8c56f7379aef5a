#include "steps/script/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "storage/model/limits.h"
#include "tests/unit/table/table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

using Points = std::vector<std::tuple<std::string, int64_t, double>>;

class MetricsTest : public testing::Test {
 protected:
  ScriptMetrics Make(const Json& definitions = Json::array()) {
    return ScriptMetrics(
        definitions,
        [this](std::string_view name, int64_t index, double value) {
          points_.emplace_back(std::string(name), index, value);
        },
        [this](double fraction, std::string_view note) {
          progress_.emplace_back(fraction, std::string(note));
        });
  }
  std::string Document(const std::string& text) {
    ScriptMetrics metrics = Make();
    return metrics.ReadDocument(folder_.Write("metrics.json", text)).message();
  }
  TestFolder folder_;
  Points points_;
  std::vector<std::pair<double, std::string>> progress_;
};

TEST(LineCutterTest, CutsAcrossPartsAndShortensLongLines) {
  std::vector<std::string> lines;
  const auto line = [&](std::string_view text) { lines.emplace_back(text); };
  LineCutter cutter(5);
  cutter.Feed("one\ntw", line);
  cutter.Feed("o\r\nprogress\rabcd", line);
  cutter.Feed("efghij\n", line);
  cutter.Feed("end", line);
  cutter.Finish(line);
  EXPECT_THAT(lines, ElementsAre("one", "two", "progr", "abcde", "end"));
}

TEST_F(MetricsTest, RegularExpressionsReadWhatIsPrinted) {
  ScriptMetrics metrics = Make({{{"name", "train:loss"}, {"regex", "loss: ([0-9.e+-]+)"}},
                                {{"name", "auc"}, {"regex", "auc=(\\S+)"}}});
  metrics.Printed("epoch 1 loss: 0.5; auc=0.");
  metrics.Printed("75\nepoch 2 loss: 2.5e-1; auc=none\nnothing here\nloss: +3");
  metrics.ReadLines(folder_.path() / "metrics.jsonl", /*last=*/true);
  EXPECT_THAT(points_,
              ElementsAre(std::tuple("train:loss", 0, 0.5), std::tuple("auc", 0, 0.75),
                          std::tuple("train:loss", 1, 0.25), std::tuple("train:loss", 2, 3.0)));
  EXPECT_THAT(metrics.scalars(), ElementsAre(Pair("auc", 0.75), Pair("train:loss", 3)));
  EXPECT_THAT(metrics.warnings(), ElementsAre(HasSubstr("\"none\", which is no number")));
}

TEST_F(MetricsTest, LinesAreReadAsTheFileGrows) {
  ScriptMetrics metrics = Make();
  const auto file = folder_.path() / "metrics.jsonl";
  metrics.ReadLines(file, false);  // not there yet
  std::ofstream out(file);
  out << "{\"step\": 5, \"loss\": 0.5}\n{\"lo" << std::flush;
  metrics.ReadLines(file, false);
  EXPECT_THAT(points_, ElementsAre(std::tuple("loss", 5, 0.5)));
  out << "ss\": 0.25, \"note\": \"text\"}\nno json\n{\"loss\": null}" << std::flush;
  metrics.ReadLines(file, true);
  ASSERT_EQ(points_.size(), 3u);
  EXPECT_EQ(points_[1], std::tuple("loss", 6, 0.25)) << "without a step: behind the last";
  EXPECT_TRUE(std::isnan(metrics.scalars().at("loss"))) << "null is undefined";
  EXPECT_THAT(metrics.warnings(), ElementsAre(HasSubstr("\"no json\" is no object")));
}

TEST_F(MetricsTest, StepsGoNoFurtherThanNumbersDo) {
  ScriptMetrics metrics = Make();
  metrics.ReadLines(folder_.Write("metrics.jsonl",
                                  "{\"step\": 9223372036854775807, \"a\": 1}\n{\"a\": 2}\n"
                                  "{\"step\": 18446744073709551615, \"b\": 3}\n"
                                  "{\"step\": -5, \"c\": 4}\n"),
                    /*last=*/true);
  EXPECT_THAT(points_,
              ElementsAre(std::tuple("a", INT64_MAX, 1.0), std::tuple("a", INT64_MAX, 2.0),
                          std::tuple("b", INT64_MAX, 3.0), std::tuple("c", 0, 4.0)));
}

TEST_F(MetricsTest, LinesTellHowFarTheScriptIs) {
  ScriptMetrics metrics = Make();
  metrics.ReadLines(folder_.Write("metrics.jsonl",
                                  "{\"progress\": 0.25, \"note\": \"epoch 1 of 4\"}\n"
                                  "{\"progress\": 0.5, \"loss\": 2}\n{\"progress\": null}\n"),
                    /*last=*/true);
  EXPECT_THAT(progress_, ElementsAre(std::pair(0.25, "epoch 1 of 4"), std::pair(0.5, "")));
  EXPECT_THAT(points_, ElementsAre(std::tuple("loss", 0, 2.0))) << "progress is no metric";
}

TEST_F(MetricsTest, DocumentHoldsNumbersAndCurves) {
  ScriptMetrics metrics = Make();
  ASSERT_TRUE(metrics
                  .ReadDocument(folder_.Write("metrics.json",
                                              "{\"auc\": 0.9, \"loss\": [3, 2], \"none\": []}"))
                  .ok());
  EXPECT_THAT(points_, ElementsAre(std::tuple("auc", 0, 0.9), std::tuple("loss", 0, 3.0),
                                   std::tuple("loss", 1, 2.0)));
  EXPECT_THAT(metrics.scalars(), ElementsAre(Pair("auc", 0.9), Pair("loss", 2)));
}

TEST_F(MetricsTest, DocumentThatIsNotOfTheFormIsRefused) {
  EXPECT_THAT(Document("[1]"), HasSubstr("must hold an object of numbers"));
  EXPECT_THAT(Document("{"), HasSubstr("metrics.json: "));
  EXPECT_THAT(Document("{\"a\": \"b\"}"), HasSubstr("a is neither a number nor a list"));
  EXPECT_THAT(Document("{\"a\": [1, \"b\"]}"), HasSubstr("a is neither a number nor a list"));
  ScriptMetrics metrics = Make();
  EXPECT_TRUE(metrics.ReadDocument(folder_.path() / "absent.json").ok());
}

TEST_F(MetricsTest, LinksAreNotFollowed) {
  const auto secret = folder_.Write("secret", "{\"a\": 1}");
  const auto link = folder_.path() / "metrics.json";
  std::filesystem::create_symlink(secret, link);
  ScriptMetrics metrics = Make();
  EXPECT_TRUE(metrics.ReadDocument(link).ok());
  metrics.ReadLines(link, true);
  EXPECT_THAT(metrics.scalars(), IsEmpty());
}

TEST_F(MetricsTest, OneOverTheLimitIsLeftOut) {
  Json many = Json::object();
  for (int i = 0; i <= limits::kMaxMetricsPerReport; ++i) many["m" + std::to_string(i)] = i;
  ScriptMetrics metrics = Make();
  ASSERT_TRUE(metrics.ReadDocument(folder_.Write("metrics.json", DumpJson(many))).ok());
  EXPECT_EQ(metrics.scalars().size(), static_cast<size_t>(limits::kMaxMetricsPerReport));
  EXPECT_THAT(metrics.warnings(), ElementsAre(HasSubstr("at most 256 metrics")));
}

}  // namespace
}  // namespace penstock
