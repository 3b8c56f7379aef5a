// How tables and messages look.

#include "client/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "penstock/v1/runs.pb.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;

TEST(Width, CountsWhatATerminalShows) {
  EXPECT_EQ(Width("train"), 5u);
  EXPECT_EQ(Width("größer…"), 7u);
  EXPECT_EQ(Width("\033[32mSUCCEEDED\033[0m"), 9u);
  EXPECT_EQ(Width("データ"), 6u);
  EXPECT_EQ(Width("🙂"), 2u);
}

TEST(CutTo, NeverExceedsTheWidthAndEndsColours) {
  EXPECT_EQ(CutTo("short", 5), "short");
  EXPECT_EQ(CutTo("longer", 5), "long…");
  EXPECT_EQ(CutTo("größer", 4), "grö…");
  EXPECT_EQ(CutTo("データ", 4), "デ…");
  EXPECT_EQ(CutTo("\033[32mSUCCEEDED\033[0m", 4), "\033[32mSUC…\033[0m");
  EXPECT_EQ(CutTo("text", 0), "");
}

TEST(Table, IsWholeWhereItGoesToAFile) {
  const std::string message(300, 'm');
  Table table({"STEP", "RESULT"});
  table.Add({"train", message});
  EXPECT_EQ(table.Text(), "STEP   RESULT\ntrain  " + message + "\n");
}

TEST(Table, FitsTheWindowAndGivesTheLastColumnTheRest) {
  Table table({"STEP", "RESULT"});
  table.Add({"train", "a message\nof two lines and more than that"});
  EXPECT_EQ(table.Fit(20), "STEP   RESULT\ntrain  a message of…\n");
  for (const std::string& row : Split(table.Fit(4), '\n')) EXPECT_LE(Width(row), 4u);
  const std::string message(150, 'm');
  Table wide({"STEP", "RESULT"});
  wide.Add({"train", message});
  EXPECT_THAT(wide.Fit(200), HasSubstr(message));
}

TEST(Table, ShowsNothingThatATerminalWouldObey) {
  Table table({"RESULT"});
  table.Add({"clear \033[2J and \a ring"});
  EXPECT_EQ(table.Text(), "RESULT\nclear  [2J and   ring\n");
}

TEST(Render, SortsTheKeysOfMapsAndKeepsNumbersAndFieldsAsTheyAre) {
  v1::Run run;
  run.set_run_id("run-1");
  run.set_revision(9'007'199'254'740'993);
  v1::Step& step = *run.add_steps();
  for (const char* name : {"zeta", "alpha", "mid", "rows", "beta", "auc"}) {
    (*step.mutable_metrics())[name] = 0.1;
  }
  (*step.mutable_outputs())["z"].set_size(2);
  (*step.mutable_outputs())["a"].set_size(1);
  EXPECT_EQ(Render(run, Format::kJson), R"({
 "runId": "run-1",
 "revision": "9007199254740993",
 "steps": [
  {
   "metrics": {
    "alpha": 0.1,
    "auc": 0.1,
    "beta": 0.1,
    "mid": 0.1,
    "rows": 0.1,
    "zeta": 0.1
   },
   "outputs": {
    "a": {
     "size": "1"
    },
    "z": {
     "size": "2"
    }
   }
  }
 ]
}
)");
  EXPECT_EQ(Render(v1::Run(), Format::kJson), "{}\n");
}

}  // namespace
}  // namespace penstock::cli
