// The command line as its user meets it: what is refused, with which words and exit codes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <future>
#include <sstream>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

class ClientTest : public testing::Test {
 protected:
  void SetUp() override { cluster_.StartCoordinator(); }
  std::string In(const std::string& name) { return (cluster_.folder() / name).string(); }
  // A CSV as people have it: a header, a text column, a number, gaps; the label is a number.
  std::string Shells() {
    std::string text = "Sex,Length,Rings\n";
    for (int i = 0; i < 300; ++i) {
      const std::string length = i % 7 == 0 ? "" : "0." + std::to_string(i + 1);
      const char* sex = i % 3 == 0 ? "M" : i % 3 == 1 ? "F" : "I";
      text += sex + std::string(",") + length + "," + std::to_string(i % 9 + 3) + "\n";
    }
    return cluster_.Write("abalone.csv", text);
  }
  Cluster cluster_;
};

TEST_F(ClientTest, ATokenStaysOnThisMachineWithoutTls) {
  for (const char* address : {"10.255.255.1:7070", "example.org:7070", "[2001:db8::1]:7070"}) {
    const Ran ran =
        cluster_.Client({"--address", address, "get", "runs"}, {{"PENSTOCK_TOKEN", "pst_x"}});
    EXPECT_EQ(ran.code, 2) << address;
    EXPECT_THAT(ran.err, HasSubstr("a token needs TLS off this machine")) << address;
    EXPECT_THAT(ran.err, HasSubstr("--tls-ca")) << address;
  }
  // Refused by the coordinator, which it reached.
  EXPECT_EQ(cluster_.Client({"get", "runs"}, {{"PENSTOCK_TOKEN", "pst_x"}}).code, 4);
}

TEST_F(ClientTest, FailedHandshakesSayWhatToDo) {
  ASSERT_EQ(cluster_.Stop("coordinator"), 0);
  const std::string plain = cluster_.grpc();
  cluster_.StartCoordinator({"--tls", "auto"});
  const std::string certificate = (cluster_.data_dir() / "tls" / "server.crt").string();
  const Ran forgotten = cluster_.Client({"get", "runs"});
  EXPECT_EQ(forgotten.code, 3);
  EXPECT_THAT(forgotten.err, HasSubstr("give --tls-ca"));
  EXPECT_THAT(forgotten.err, Not(HasSubstr("is penstockd running there")));
  ASSERT_EQ(cluster_.Stop("coordinator"), 0);
  EXPECT_THAT(cluster_.Client({"get", "runs"}).err, HasSubstr("is penstockd running there"));
  cluster_.StartCoordinator();
  const Ran needless = cluster_.Client({"--tls-ca", certificate, "get", "runs"});
  EXPECT_EQ(needless.code, 3);
  EXPECT_THAT(needless.err, HasSubstr("leave --tls-ca"));
  // One line: gRPC's own log is not the user's.
  EXPECT_EQ(std::count(needless.err.begin(), needless.err.end(), '\n'), 1) << needless.err;
}

TEST_F(ClientTest, WordsThatAreNoneNameTheNearest) {
  const Ran command = cluster_.Client({"gett"});
  EXPECT_EQ(command.code, 2);
  EXPECT_EQ(command.err, "error: \"gett\" is no command (did you mean \"get\"?)\n");
  EXPECT_EQ(cluster_.Client({"admin", "tokn"}).err,
            "error: \"tokn\" is no command (did you mean \"token\"?)\n");
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"get", "runs", "-o", "xml"},
                                             {"get", "runs", "-o", "1"},
                                             {"get", "runs", "--state", "xml"},
                                             {"get", "artifacts", "--type", "xml"},
                                             {"artifacts", "put", "x", "--type", "xml"},
                                             {"admin", "token", "create", "x", "--role", "xml"},
                                             {"completion", "xml"}}) {
    const Ran ran = cluster_.Client(arguments);
    EXPECT_EQ(ran.code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(ran.err, HasSubstr("\" is none of ")) << testing::PrintToString(arguments);
    EXPECT_THAT(ran.err, Not(HasSubstr("{"))) << testing::PrintToString(arguments);
  }
  EXPECT_EQ(cluster_.Client({"get", "runs", "-o", "JSON"}).out, "{}\n");
}

TEST_F(ClientTest, HelpIsAboutTheCommand) {
  EXPECT_THAT(cluster_.Client({"--help"}).out, HasSubstr("Start here:"));
  for (const char* command : {"get", "run", "cancel", "logs", "delete"}) {
    const Ran help = cluster_.Client({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, Not(HasSubstr("Start here:"))) << command;
    // A positional without a description ends its line with its type.
    EXPECT_THAT(help.out, Not(HasSubstr("REQUIRED\n\n"))) << command;
  }
}

TEST_F(ClientTest, FoldersAreNoDefinitions) {
  const std::string folder = cluster_.folder().string();
  for (const char* command : {"validate", "run", "apply"}) {
    const Ran ran = cluster_.Client({command, "-f", folder});
    EXPECT_EQ(ran.code, 2) << command;
    EXPECT_THAT(ran.err, HasSubstr(folder + " is a folder")) << command;
  }
}

TEST_F(ClientTest, ApplyJudgesEveryFileBeforeItStoresOne) {
  const std::string good = cluster_.Write("a.yaml", "name: a\nsteps: [{name: x, type: noop}]\n");
  const std::string one = cluster_.Write("b.yaml", "name: b\nsteps: [{name: x, type: nop}]\n");
  const std::string two = cluster_.Write("c.yaml", "name: c\nsteps: [{name: y, type: noopp}]\n");
  const Ran ran = cluster_.Client({"apply", "-f", good, "-f", one, "-f", two});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr(one));
  EXPECT_THAT(ran.err, HasSubstr("\"nop\" is not a step type"));
  EXPECT_THAT(ran.err, HasSubstr(two));
  EXPECT_THAT(ran.err, HasSubstr("\"noopp\" is not a step type"));
  EXPECT_EQ(cluster_.Client({"get", "pipelines", "-o", "json"}).out, "{}\n");
  EXPECT_EQ(cluster_.Client({"apply", "-f", good, "-f", In("absent.yaml")}).code, 2);
  EXPECT_EQ(cluster_.Client({"get", "pipelines", "-o", "json"}).out, "{}\n");
  EXPECT_EQ(cluster_.Client({"apply", "-f", good}).out, "pipeline a@1 created\n");
}

TEST_F(ClientTest, WarningsNameTheFileAndComeOnceForAVersion) {
  const std::string file = cluster_.Write("idle.yaml", R"(
name: idle
parameters: {spare: {type: integer, default: 1}}
steps: [{name: x, type: noop}]
)");
  cluster_.StartWorker("w1");
  const Ran first = cluster_.Client({"run", "-f", file});
  EXPECT_THAT(first.err, HasSubstr(file + ": warning: parameters.spare"));
  EXPECT_EQ(cluster_.Client({"run", "-f", file}).err, "");
}

// The recipe of README.md, word for word, on data with a column of texts and with gaps.
TEST_F(ClientTest, TheRecipeOfTheReadmeWorksOnAnOrdinaryCsv) {
  cluster_.StartWorker("w1");
  const std::string readme = ReadFile("README.md").value_or("");
  const auto begin = readme.find("```yaml\n# abalone.yaml\n");
  ASSERT_NE(begin, std::string::npos);
  const std::string recipe = readme.substr(begin + 8, readme.find("```", begin + 8) - begin - 8);
  const std::string file = cluster_.Write("abalone.yaml", recipe);
  EXPECT_EQ(cluster_.Client({"validate", "-f", file}).code, 0);
  const Ran run = cluster_.Client({"run", "-f", file, "-p", "data=@" + Shells(), "--follow"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("validation_rmse "));
  const std::string id = run.out.substr(0, run.out.find('\n'));
  EXPECT_THAT(cluster_.Client({"get", "metrics", id, "train"}).out,
              testing::ContainsRegex("validation_rmse +[0-9]+ .* at "));
  EXPECT_THAT(cluster_.Client({"get", "metrics", id, "train", "-o", "json"}).out,
              HasSubstr("\"name\": \"validation_rmse\""));
  EXPECT_EQ(cluster_.Client({"get", "metrics", id}).code, 2);
  const std::filesystem::path data = SharedData();
  if (data.empty()) GTEST_SKIP() << "../shared/data is absent";
  const std::string real = (data / "abalone" / "abalone.csv").string();
  const Ran whole = cluster_.Client({"run", "-f", file, "-p", "data=@" + real, "--wait"});
  EXPECT_EQ(whole.code, 0) << whole.err;

  // Without the encoding, the error says how to write it.
  std::string raw = recipe;
  raw.erase(raw.find("    - {op: one_hot"),
            raw.find('\n', raw.find("op: one_hot")) + 1 - raw.find("    - {op: one_hot"));
  const Ran failed = cluster_.Client(
      {"run", "-f", cluster_.Write("raw.yaml", raw), "-p", "data=@" + real, "--wait"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("{op: one_hot, columns: {kind: categorical}}"));
}

TEST_F(ClientTest, DataAreLookedIntoAsTheyAre) {
  cluster_.StartWorker("w1");
  const std::string csv = Shells();
  const Ran put = cluster_.Client({"artifacts", "put", csv});
  const std::string digest = put.out.substr(0, put.out.find('\n'));
  for (const std::string& name : {digest, csv}) {
    const Ran schema = cluster_.Client({"data", "schema", name, "-o", "json"});
    ASSERT_EQ(schema.code, 0) << schema.err;
    const Json json = ParseJson(schema.out).value_or(Json());
    EXPECT_EQ(JsonInt(json, "rows"), 300);
    EXPECT_EQ(JsonString(JsonMember(json, "columns")[0], "kind"), "categorical");
  }
  const Ran absent = cluster_.Client({"data", "head", "nofile.csv"});
  EXPECT_EQ(absent.code, 2);
  EXPECT_THAT(absent.err, HasSubstr("there is no file or folder nofile.csv"));
  const Ran model = cluster_.Client({"artifacts", "put", csv, "--type", "model"});
  EXPECT_EQ(model.code, 0);
}

TEST_F(ClientTest, ExportOverwritesOnlyWhenTold) {
  const std::string csv = Shells();
  const std::string output = cluster_.Write("out.csv", "precious\n");
  const Ran refused = cluster_.Client({"data", "export", csv, "-o", output});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--force"));
  EXPECT_EQ(ReadFile(output).value_or(""), "precious\n");
  EXPECT_EQ(cluster_.Client({"data", "export", csv, "-o", output, "--force"}).code, 0);
  EXPECT_THAT(ReadFile(output).value_or(""), HasSubstr("Sex,Length,Rings"));
  const Ran nowhere = cluster_.Client({"data", "export", csv, "-o", In("none/out.csv")});
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("there is no folder " + In("none")));
  EXPECT_EQ(cluster_.Client({"data", "export", csv, "-o", In("out.xls")}).code, 2);
  EXPECT_EQ(cluster_.Client({"data", "export", csv, "-o", cluster_.folder().string()}).code, 2);
}

TEST_F(ClientTest, ModelsAndReportsAreNoRows) {
  cluster_.StartWorker("w1");
  const std::string id = cluster_.Submit(cluster_.Write("fit.yaml", R"(
name: fit
parameters: {data: {type: dataset}}
steps:
- name: prepare
  type: process
  inputs: {data: "${parameters.data}"}
  with:
    roles: {label: Rings}
    split: {train: 0.8, test: 0.2}
    transforms: [{op: one_hot, columns: {kind: categorical}}]
- {name: train, type: train, algorithm: xgboost, inputs: {train: "${steps.prepare.outputs.train}"}, hyperparameters: {objective: "reg:squarederror", num_round: 2}}
)"),
                                         {"-p", "data=@" + Shells()});
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  const std::string name = id + "/train/model";
  for (const char* command : {"head", "schema"}) {
    const Ran ran = cluster_.Client({"data", command, name});
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr(name + " is a model, not a dataset"));
  }
  ASSERT_EQ(cluster_.Client({"artifacts", "get", name, "-o", In("model")}).code, 0);
  const Ran local = cluster_.Client({"data", "head", In("model")});
  EXPECT_NE(local.code, 0);
  EXPECT_THAT(local.err, HasSubstr("is a model, not a dataset"));
}

TEST_F(ClientTest, AnInterruptLeavesNothingInTheTemporaryFolder) {
  const Ran put = cluster_.Client({"artifacts", "put", Shells()});
  const std::string digest = put.out.substr(0, put.out.find('\n'));
  // A reader of tables that does not come to an end, beside a copy of the client.
  std::filesystem::create_directory(In("bin"));
  std::filesystem::create_directory(In("tmp"));
  std::filesystem::copy_file(Program("penstock"), In("bin/penstock"));
  const std::string reader = cluster_.Write(
      "bin/penstock-worker", "#!/bin/sh\necho $$ $PPID > " + In("pids.part") + "\nmv " +
                                 In("pids.part") + " " + In("pids") + "\nexec sleep 600\n");
  std::filesystem::permissions(reader, std::filesystem::perms::owner_all);
  auto ended = std::async(std::launch::async, [&] {
    return RunProgram({In("bin/penstock"), "--address", cluster_.grpc(), "data", "head", digest},
                      {{"TMPDIR", In("tmp")}});
  });
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(In("pids")); }));
  pid_t reads = 0;
  pid_t client = 0;
  std::ifstream(In("pids")) >> reads >> client;
  EXPECT_FALSE(std::filesystem::is_empty(In("tmp")));
  ASSERT_EQ(kill(client, SIGINT), 0);
  EXPECT_EQ(ended.get().code, 130);
  EXPECT_TRUE(std::filesystem::is_empty(In("tmp")));
  EXPECT_TRUE(Eventually([&] { return kill(reads, 0) != 0; })) << "the reader is left";
}

TEST_F(ClientTest, TextIsWholeWhereItIsPiped) {
  cluster_.StartWorker("w1");
  const std::string message(150, 'm');
  const std::string id = cluster_.Submit(cluster_.Write(
      "wordy.yaml", "name: wordy\nsteps: [{name: x, type: noop, with: {fail: true, message: " +
                        message + "}}]\n"));
  ASSERT_EQ(cluster_.Wait(id), "FAILED");
  const Ran described = cluster_.Client({"describe", "run", id});
  EXPECT_THAT(described.out, testing::ContainsRegex("noop +FAILED.*" + message));
  EXPECT_THAT(described.out, Not(HasSubstr("…")));
  const std::string worker = cluster_.Client({"describe", "worker", "w1"}).out;
  EXPECT_THAT(worker, HasSubstr("Steps         evaluate@2, "));
}

TEST_F(ClientTest, WhatWasDecidedAlreadyIsSaid) {
  EXPECT_EQ(cluster_.Client({"get", "models", "nope"}).code, 4);
  EXPECT_THAT(cluster_.Client({"get", "models", "nope"}).err,
              HasSubstr("there is no model group \"nope\""));
  cluster_.StartWorker("w1");
  const std::string id = cluster_.Submit(cluster_.Write("register.yaml", R"(
name: register
parameters: {data: {type: dataset}}
steps:
- name: prepare
  type: process
  inputs: {data: "${parameters.data}"}
  with:
    roles: {label: Rings}
    split: {train: 0.8, test: 0.2}
    transforms: [{op: one_hot, columns: {kind: categorical}}]
- {name: train, type: train, algorithm: xgboost, inputs: {train: "${steps.prepare.outputs.train}"}, hyperparameters: {objective: "reg:squarederror", num_round: 2}}
- {name: register, type: register, inputs: {model: "${steps.train.outputs.model}"}, with: {group: shells}}
)"),
                                         {"-p", "data=@" + Shells()});
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  const Ran cancelled = cluster_.Client({"cancel", id});
  EXPECT_EQ(cancelled.code, 0);
  EXPECT_EQ(cancelled.err, "run " + id + " had ended already: it is SUCCEEDED\n");
  EXPECT_EQ(cluster_.Client({"approve", "shells/1"}).out, "shells/1 is Approved\n");
  EXPECT_THAT(cluster_.Client({"approve", "shells/1"}).out,
              testing::StartsWith("shells/1 was Approved already (local:"));
  EXPECT_THAT(cluster_.Client({"reject", "shells/1"}).out,
              testing::StartsWith("shells/1 is Rejected; it was Approved (local:"));
}

}  // namespace
}  // namespace penstock
