#include "worker/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/file.h"
#include "worker/config_options.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

class WorkerConfigTest : public testing::Test {
 protected:
  std::string File(const std::string& text) {
    const std::string path = (folder_.path() / "worker.yaml").string();
    std::ofstream(path) << text;
    return path;
  }

  Result<WorkerInvocation> Parse(const std::vector<std::string>& arguments) {
    return ParseWorkerInvocation(arguments, [this](const std::string& name) {
      const auto it = environment_.find(name);
      return it == environment_.end() ? std::nullopt : std::optional<std::string>(it->second);
    });
  }

  // What is said about a file with this text.
  std::string Refusal(const std::string& text) {
    const auto invocation = Parse({"--config", File(text)});
    EXPECT_EQ(invocation.status().code(), StatusCode::kInvalidArgument) << text;
    return invocation.status().message();
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  std::map<std::string, std::string> environment_;
};

TEST_F(WorkerConfigTest, DefaultsOfferTheWholeMachineToALocalCoordinator) {
  const auto invocation = Parse({});
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  const WorkerConfig& config = invocation->config;
  EXPECT_EQ(config.coordinator, "127.0.0.1:7070");
  EXPECT_EQ(config.data_dir, "/var/lib/penstock-worker");
  EXPECT_FALSE(config.name.empty());
  EXPECT_GE(config.cpus, 1);
  EXPECT_GT(config.memory, 1 << 20);
  EXPECT_EQ(config.gpus, -1) << "those that are found";
  EXPECT_EQ(config.address, "127.0.0.1");
  EXPECT_EQ(config.first_port, 29'500);
  EXPECT_EQ(config.port_count, 100);
  EXPECT_EQ(config.cache_bytes, int64_t{10} << 30);
  EXPECT_EQ(config.drain_timeout, std::chrono::seconds(30));
}

TEST_F(WorkerConfigTest, OtherNodesReachAWorkerByItsHostsName) {
  const auto far = Parse({"--coordinator", "10.0.0.9:7070"});
  ASSERT_TRUE(far.ok()) << far.status();
  EXPECT_NE(far->config.address, "");
  EXPECT_NE(far->config.address, "127.0.0.1");
}

TEST_F(WorkerConfigTest, ATokenGoesToAnotherMachineUnderTlsAlone) {
  const std::vector<std::string> far = {"--coordinator", "10.0.0.9:7070", "--token", "pst_x"};
  const auto refused = Parse(far);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("give --tls-ca"));
  EXPECT_THAT(refused.status().message(), Not(HasSubstr("pst_x")));
  std::vector<std::string> safe = far;
  safe.insert(safe.end(), {"--tls-ca", "server.crt"});
  EXPECT_TRUE(Parse(safe).ok());
  EXPECT_TRUE(Parse({"--coordinator", "127.0.0.2:7070", "--token", "pst_x"}).ok());
  EXPECT_TRUE(Parse({"--coordinator", "10.0.0.9:7070"}).ok()) << "no token, no secret";
}

TEST_F(WorkerConfigTest, FlagsWinOverVariablesOverTheFile) {
  const std::string file = File(
      "coordinator: file:1\nname: from-file\ndataDir: /from-file\ncpus: 3\nmemory: 2GiB\n"
      "gpus: 1\nlabels: {zone: file, disk: ssd}\ndataRoots: [/usr, /tmp]\ntoken: secret\n"
      "tls: {ca: /ca.pem}\ndrainTimeout: 1m\nkillGrace: 2s\ncacheSize: 1GiB\n"
      "log: {level: warn, format: json}\nx-anything: {free: [1, 2]}\n");
  environment_ = {{"PENSTOCK_ADDRESS", "variable:2"},
                  {"PENSTOCK_WORKER_NAME", "from-variable"},
                  {"PENSTOCK_WORKER_LABELS", "zone=variable,rack=7"},
                  {"PENSTOCK_WORKER_CPUS", ""}};
  const auto invocation = Parse({"--config", file, "--name", "from-flag", "--cpus", "0.5"});
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  const WorkerConfig& config = invocation->config;
  EXPECT_EQ(config.coordinator, "variable:2");
  EXPECT_EQ(config.name, "from-flag");
  EXPECT_EQ(config.data_dir, "/from-file");
  EXPECT_EQ(config.cpus, 0.5);
  EXPECT_EQ(config.memory, int64_t{2} << 30);
  EXPECT_EQ(config.gpus, 1);
  EXPECT_THAT(config.labels, ElementsAre(Pair("rack", "7"), Pair("zone", "variable")));
  EXPECT_THAT(config.data_roots, ElementsAre("/usr", "/tmp"));
  EXPECT_EQ(config.token, "secret");
  EXPECT_EQ(config.tls_ca, "/ca.pem");
  EXPECT_EQ(config.drain_timeout, std::chrono::minutes(1));
  EXPECT_EQ(config.kill_grace, std::chrono::seconds(2));
  EXPECT_EQ(config.cache_bytes, int64_t{1} << 30);
  EXPECT_EQ(config.log_level, "warn");
  EXPECT_TRUE(config.log_json);
}

TEST_F(WorkerConfigTest, FlagsAndVariablesHoldSeveralValues) {
  environment_["PENSTOCK_WORKER_DATA_ROOTS"] = "/usr:/tmp";
  environment_["PENSTOCK_WORKER_DATA_SOURCES"] = "https://data.example:8443,s3://bucket";
  EXPECT_THAT(Parse({})->config.data_roots, ElementsAre("/usr", "/tmp"));
  EXPECT_THAT(Parse({})->config.data_sources, ElementsAre("https://data.example:8443", "s3://bucket"));
  const auto flags = Parse({"--data-root", "/etc", "--data-root", "/usr", "--label", "a=1",
                            "--label", "b=x=y", "--gpus", "2", "--taint", "t=1",
                            "--data-source", "https://*", "--data-source", "http://h:1/x"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_THAT(flags->config.data_roots, ElementsAre("/etc", "/usr"));
  EXPECT_THAT(flags->config.data_sources, ElementsAre("https://*", "http://h:1/x"));
  EXPECT_THAT(flags->config.labels, ElementsAre(Pair("a", "1"), Pair("b", "x=y")));
  EXPECT_THAT(flags->config.taints, ElementsAre(Pair("t", "1")));
}

TEST_F(WorkerConfigTest, UnknownKeysNameTheNearestAndTheLine) {
  const std::string message = Refusal("name: a\ncordinator: 127.0.0.1:1\n");
  EXPECT_THAT(message, HasSubstr("worker.yaml:2: unknown setting \"cordinator\""));
  EXPECT_THAT(message, HasSubstr("did you mean \"coordinator\"?"));
  EXPECT_THAT(Refusal("log:\n  levle: info\n"), HasSubstr("worker.yaml:2"));
  EXPECT_THAT(Refusal("log:\n  levle: info\n"), HasSubstr("did you mean \"log.level\"?"));
  EXPECT_THAT(Refusal("quite-another: 1\n"), HasSubstr("penstock-worker --help"));
}

TEST_F(WorkerConfigTest, ABadValueSaysWhereItWasWritten) {
  EXPECT_THAT(Refusal("name: a\ndrainTimeout: soon\n"), HasSubstr("worker.yaml:2: drainTimeout"));
  EXPECT_THAT(Refusal("cpus: 0\n"), HasSubstr("worker.yaml:1: cpus: \"0\""));
  EXPECT_THAT(Refusal("cpus: nan\n"), HasSubstr("cpus"));
  EXPECT_THAT(Refusal("cpus: 2 cores\n"), HasSubstr("cpus"));
  EXPECT_THAT(Refusal("gpus: -1\n"), HasSubstr("gpus"));
  EXPECT_THAT(Refusal("gpus: 1.5\n"), HasSubstr("gpus"));
  EXPECT_THAT(Refusal("address: a b\n"), HasSubstr("neither a host's name nor an IP address"));
  for (const char* ports : {"29500", "5-4", "0-9", "1-70000", "a-b"}) {
    EXPECT_THAT(Refusal("rankPorts: " + std::string(ports) + "\n"),
                HasSubstr("is no range of ports, such as 29500-29599"));
  }
  EXPECT_THAT(Refusal("memory: much\n"), HasSubstr("memory"));
  EXPECT_THAT(Refusal("memory: 1\n"), HasSubstr("at least 1.0 MiB"));
  EXPECT_THAT(Refusal("log: {level: loud}\n"), HasSubstr("\"loud\" is none of trace, debug"));
  EXPECT_THAT(Refusal("log: {format: xml}\n"), HasSubstr("\"xml\" is none of text, json"));
  EXPECT_THAT(Refusal("dataRoots: [relative]\n"), HasSubstr("not an absolute path"));
  EXPECT_THAT(Refusal("dataSources: [data.example]\n"),
              HasSubstr("dataSources: \"data.example\" is no rule for sources of data"));
  EXPECT_THAT(Refusal("dataSources: https://h\n"), HasSubstr("dataSources: must be a list"));
  EXPECT_THAT(Refusal("dataCa: /no/such/file\n"), HasSubstr("dataCa: /no/such/file"));
  EXPECT_THAT(Refusal("coordinator: \"\"\n"), HasSubstr("must not be empty"));
  EXPECT_THAT(Refusal("name: Not A Name\n"), HasSubstr("is not a name"));
  EXPECT_THAT(Refusal("dataRoots: [/no/such/folder]\n"), HasSubstr("/no/such/folder"));
  EXPECT_THAT(Parse({"--label", "zone"}).status().message(),
              HasSubstr("--label: \"zone\" is not KEY=VALUE"));
  environment_["PENSTOCK_WORKER_MEMORY"] = "some";
  EXPECT_THAT(Parse({}).status().message(), HasSubstr("PENSTOCK_WORKER_MEMORY: "));
}

TEST_F(WorkerConfigTest, AValueOfTheWrongShapeIsRefused) {
  EXPECT_THAT(Refusal("name: [a]\n"), HasSubstr("worker.yaml:1: name: must be one value"));
  EXPECT_THAT(Refusal("name:\n"), HasSubstr("name: must be one value"));
  EXPECT_THAT(Refusal("name: {a: b}\n"), HasSubstr("name: must be one value"));
  EXPECT_THAT(Refusal("labels: [a=b]\n"), HasSubstr("labels: must be a mapping"));
  EXPECT_THAT(Refusal("labels: {a: [b]}\n"), HasSubstr("labels: must hold texts"));
  EXPECT_THAT(Refusal("dataRoots: /tmp\n"), HasSubstr("dataRoots: must be a list"));
  EXPECT_THAT(Refusal("dataRoots: [{a: b}]\n"), HasSubstr("dataRoots: must be a list of texts"));
  EXPECT_THAT(Refusal("log: info\n"), HasSubstr("log: must hold settings as KEY: VALUE"));
  EXPECT_THAT(Refusal("? [a]\n: b\n"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(Refusal("name: a\nname: b\n"),
              HasSubstr("worker.yaml:2: \"name\" stands here a second time"));
}

TEST_F(WorkerConfigTest, FilesThatAreNoneAreRefused) {
  const auto missing = Parse({"--config", (folder_.path() / "none.yaml").string()});
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("none.yaml"));
  EXPECT_THAT(Refusal("a: [1,\n"), HasSubstr("worker.yaml:"));
  EXPECT_THAT(Refusal("- a\n"), HasSubstr("KEY: VALUE"));
  EXPECT_TRUE(Parse({"--config", File("")}).ok());
  EXPECT_TRUE(Parse({"--config", File("log:\n")}).ok());
}

TEST_F(WorkerConfigTest, HelpNamesEveryFlagAndVariableAndUnknownOnesAreRefused) {
  const auto help = Parse({"--help"});
  ASSERT_TRUE(help.ok()) << help.status();
  std::string text = *help->text;
  // The formatter breaks lines where it likes.
  for (const WorkerOption& option : WorkerOptions()) {
    EXPECT_THAT(text, HasSubstr(option.flag));
    EXPECT_THAT(text, HasSubstr(option.variable));
  }
  EXPECT_THAT(text, HasSubstr("--config"));
  EXPECT_THAT(text, HasSubstr("--drain-timeout DURATION=30s"));
  EXPECT_THAT(text, HasSubstr("--cache-size SIZE=10"));
  EXPECT_THAT(*Parse({"--version"})->text, HasSubstr("penstock-worker "));
  EXPECT_EQ(Parse({"--no-such-flag"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Parse({"--name", "a", "extra"}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(WorkerConfigTest, WhatIsPrintedCanBeReadBackAndHoldsNoSecret) {
  const auto first =
      Parse({"--coordinator",   "c:1",      "--name",       "n",        "--cpus",   "2.5",
             "--memory",        "1.5GiB",   "--gpus",       "1",        "--label",  "a=yes",
             "--label",         "b=: x",    "--data-root",  "/usr",     "--tls-ca", "/ca.pem",
             "--drain-timeout", "1m30s",    "--log-format", "json",     "--token",  "very-secret",
             "--address",       "10.0.0.7", "--rank-ports", "7000-7009"});
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string printed = PrintWorkerConfig(first->config);
  EXPECT_THAT(printed, Not(HasSubstr("very-secret")));
  EXPECT_THAT(printed, HasSubstr("# token: is set"));
  const auto second = Parse({"--config", File(printed), "--token", "very-secret"});
  ASSERT_TRUE(second.ok()) << second.status() << "\n" << printed;
  EXPECT_EQ(PrintWorkerConfig(second->config), printed);
  EXPECT_EQ(second->config.labels, first->config.labels);
  EXPECT_EQ(second->config.memory, int64_t{3} << 29);
  EXPECT_EQ(second->config.tls_ca, "/ca.pem");
  EXPECT_EQ(second->config.address, "10.0.0.7");
  EXPECT_EQ(second->config.first_port, 7'000);
  EXPECT_EQ(second->config.port_count, 10);
  EXPECT_TRUE(second->config.log_json);
}

// The sample that is installed says what the defaults are, and names every setting.
TEST_F(WorkerConfigTest, TheSampleHoldsTheDefaultsAndEveryKey) {
  const auto sample = Parse({"--config", "deploy/worker.yaml"});
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(PrintWorkerConfig(sample->config), PrintWorkerConfig(Parse({})->config));
  const Result<std::string> text = ReadFile("deploy/worker.yaml");
  ASSERT_TRUE(text.ok()) << text.status();
  for (const WorkerOption& option : WorkerOptions()) {
    const auto point = option.key.rfind('.');
    const std::string name = point == std::string::npos ? option.key : option.key.substr(point + 1);
    EXPECT_THAT(*text, HasSubstr(name + ":")) << option.key;
  }
}

}  // namespace
}  // namespace penstock
