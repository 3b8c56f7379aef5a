// What a shell offers after Tab: the script that `penstock completion bash` prints, in a real bash.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/text.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class CompletionTest : public testing::Test {
 protected:
  void SetUp() override { cluster_.StartCoordinator(); }

  // What is offered at the end of `line`, which bash cuts into `words`.
  std::vector<std::string> After(const std::string& line, const std::vector<std::string>& words) {
    std::string script = "eval \"$(penstock completion bash)\"\nCOMP_LINE=" + Quote(line) +
                         "\nCOMP_POINT=${#COMP_LINE}\nCOMP_WORDS=(";
    for (const std::string& word : words) script += Quote(word) + " ";
    script +=
        ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_penstock\n"
        "[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    const std::string folder = std::filesystem::absolute(Program("penstock")).parent_path();
    const Ran ran = RunProgram(
        {"/bin/bash", "--norc", "-c", script},
        {{"PATH", folder + ":" + std::getenv("PATH")}, {"PENSTOCK_ADDRESS", cluster_.grpc()}});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    std::vector<std::string> replies = Split(ran.out, '\n');
    replies.pop_back();
    return replies;
  }
  // The same for a line that bash cuts at its blanks alone.
  std::vector<std::string> After(const std::string& line) { return After(line, Split(line, ' ')); }

  static std::string Quote(const std::string& text) { return "'" + text + "'"; }

  Cluster cluster_;
};

TEST_F(CompletionTest, OffersCommandsFlagsAndChoices) {
  EXPECT_THAT(After("penstock "), Contains("describe"));
  EXPECT_THAT(After("penstock "), Not(Contains("__complete")));
  EXPECT_THAT(After("penstock des"), ElementsAre("describe"));
  EXPECT_THAT(After("penstock admin token cr"), ElementsAre("create"));
  EXPECT_THAT(After("penstock run --fo"), ElementsAre("--follow"));
  EXPECT_THAT(After("penstock get runs --add"), ElementsAre("--address"));
  EXPECT_THAT(After("penstock get ru"), ElementsAre("runs"));
  EXPECT_THAT(After("penstock get runs -o "), ElementsAre("table", "json", "yaml"));
  EXPECT_THAT(
      After("penstock get runs --output=j", {"penstock", "get", "runs", "--output", "=", "j"}),
      ElementsAre("json"));
  EXPECT_THAT(After("penstock artifacts put x --type mo"), ElementsAre("model"));
  // Files are the shell's to offer.
  EXPECT_THAT(After("penstock run -f "), IsEmpty());
}

TEST_F(CompletionTest, OffersNamesThatTheCoordinatorKnows) {
  cluster_.StartWorker("w1");
  const std::string id = cluster_.Submit("examples/noop/branches.yaml");
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  const std::string step = JsonString(JsonMember(cluster_.Run(id), "steps")[0], "name");
  const std::string pipeline = JsonString(cluster_.Run(id), "pipeline");
  EXPECT_THAT(After("penstock run "), ElementsAre(pipeline));
  EXPECT_THAT(After("penstock delete pipeline "), ElementsAre(pipeline));
  EXPECT_THAT(After("penstock get runs --pipeline "), ElementsAre(pipeline));
  EXPECT_THAT(After("penstock cancel run-"), ElementsAre(id));
  EXPECT_THAT(After("penstock logs " + id + " "), Contains(step));
  EXPECT_THAT(After("penstock get metrics " + id + " "), Contains(step));
  EXPECT_THAT(After("penstock describe worker "), ElementsAre("w1"));
  EXPECT_THAT(After("penstock describe step train/x"), ElementsAre("train/xgboost"));
}

TEST_F(CompletionTest, OffersFilesAfterAnAt) {
  const std::string path = cluster_.Write("rows.csv", "a\n1\n");
  const std::string begin = path.substr(0, path.size() - 4);
  EXPECT_THAT(After("penstock run x -p data=@" + begin,
                    {"penstock", "run", "x", "-p", "data", "=", "@" + begin}),
              ElementsAre("@" + path));
}

TEST_F(CompletionTest, OffersNothingWhereNobodyAnswers) {
  cluster_.Kill("coordinator");
  EXPECT_THAT(After("penstock run "), IsEmpty());
  EXPECT_THAT(After("penstock get ru"), ElementsAre("runs"));
}

TEST_F(CompletionTest, PrintsAScriptForZshToo) {
  EXPECT_THAT(cluster_.Client({"completion", "zsh"}).out, testing::HasSubstr("compdef _penstock"));
  const Ran other = cluster_.Client({"completion", "fish"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, testing::HasSubstr("\"fish\" is none of bash, zsh"));
}

}  // namespace
}  // namespace penstock
