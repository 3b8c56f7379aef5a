#include "server/config.h"

#include "base/address.h"
#include "storage/model/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace penstock {
namespace {

using testing::HasSubstr;

class ServerConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/penstock-config-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& text) {
    const std::string path = folder_ + "/config.yaml";
    std::ofstream(path) << text;
    return path;
  }

  Result<ServerInvocation> Parse(const std::vector<std::string>& arguments) {
    return ParseServerInvocation(arguments, [this](const std::string& name) {
      const auto it = environment_.find(name);
      return it == environment_.end() ? std::nullopt : std::optional<std::string>(it->second);
    });
  }

  std::string folder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(ServerConfigTest, DefaultsServeLoopbackWithoutTokens) {
  const auto invocation = Parse({});
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  const ServerConfig& config = invocation->config;
  EXPECT_EQ(config.data_dir, "/var/lib/penstock");
  EXPECT_EQ(FormatHostPort(config.grpc_address), "127.0.0.1:7070");
  EXPECT_EQ(FormatHostPort(config.http_address), "127.0.0.1:7071");
  EXPECT_EQ(config.auth, AuthMode::kLoopbackOpen);
  EXPECT_EQ(config.tls, TlsMode::kOff);
  EXPECT_EQ(config.lease_ttl, std::chrono::seconds(15));
}

TEST_F(ServerConfigTest, FlagsWinOverVariablesOverTheFile) {
  const std::string file = File(
      "dataDir: /from-file\ngrpcAddress: 127.0.0.1:1\nhttpAddress: 127.0.0.1:2\n"
      "lease: {ttl: 20s, heartbeat: 2s}\ndataRoots: [/a, /b]\nx-anything: {free: true}\n");
  environment_ = {{"PENSTOCK_GRPC_ADDRESS", "127.0.0.1:3"},
                  {"PENSTOCK_HTTP_ADDRESS", "127.0.0.1:4"}};
  const auto invocation = Parse({"--config", file, "--http-address", "127.0.0.1:5"});
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  const ServerConfig& config = invocation->config;
  EXPECT_EQ(config.data_dir, "/from-file");
  EXPECT_EQ(config.grpc_address.port, 3);
  EXPECT_EQ(config.http_address.port, 5);
  EXPECT_EQ(config.lease_ttl, std::chrono::seconds(20));
  EXPECT_EQ(config.heartbeat_interval, std::chrono::seconds(2));
  EXPECT_EQ(config.data_roots, (std::vector<std::string>{"/a", "/b"}));
}

TEST_F(ServerConfigTest, UnknownKeysNameTheNearestAndTheLine) {
  const auto invocation = Parse({"--config", File("dataDir: /x\ngrpcAdress: 127.0.0.1:1\n")});
  ASSERT_FALSE(invocation.ok());
  EXPECT_EQ(invocation.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(invocation.status().message(), HasSubstr("config.yaml:2"));
  EXPECT_THAT(invocation.status().message(), HasSubstr("did you mean \"grpcAddress\"?"));
}

TEST_F(ServerConfigTest, ABadValueSaysWhereItWasWritten) {
  EXPECT_THAT(Parse({"--config", File("lease:\n  ttl: soon\n")}).status().message(),
              HasSubstr("config.yaml:2: lease.ttl"));
  EXPECT_THAT(Parse({"--lease-ttl", "soon"}).status().message(), HasSubstr("--lease-ttl"));
  environment_["PENSTOCK_AUTH"] = "maybe";
  EXPECT_THAT(Parse({}).status().message(),
              HasSubstr("PENSTOCK_AUTH: \"maybe\" is none of loopback-open, required"));
}

TEST_F(ServerConfigTest, FilesThatAreNoneAreRefused) {
  EXPECT_EQ(Parse({"--config", folder_ + "/missing.yaml"}).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Parse({"--config", File("a: [1,\n")}).status().message(), HasSubstr("config.yaml:"));
  EXPECT_THAT(Parse({"--config", File("- a\n")}).status().message(), HasSubstr("KEY: VALUE"));
}

TEST_F(ServerConfigTest, OtherAddressesNeedTlsAndTokens) {
  for (const std::string flag : {"--grpc-address", "--http-address"}) {
    for (const std::string address :
         {"0.0.0.0:7070", "[::]:7070", "192.0.2.1:7070", "h.example:1"}) {
      const Status neither = Parse({flag, address}).status();
      EXPECT_EQ(neither.reason(), "UNSAFE_ADDRESS") << address;
      EXPECT_THAT(neither.message(), HasSubstr("TLS"));
      EXPECT_THAT(neither.message(), HasSubstr("auth: required"));
      EXPECT_EQ(Parse({flag, address, "--tls", "auto"}).status().reason(), "UNSAFE_ADDRESS");
      EXPECT_EQ(Parse({flag, address, "--auth", "required"}).status().reason(), "UNSAFE_ADDRESS");
      const auto both = Parse({flag, address, "--auth", "required", "--tls", "auto"});
      EXPECT_TRUE(both.ok()) << both.status();
    }
  }
}

TEST_F(ServerConfigTest, WhatIsLoopback) {
  for (const char* host : {"127.0.0.1", "127.8.9.1", "::1", "localhost", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "127.evil.example", "localhost.evil"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

TEST_F(ServerConfigTest, AddressesAreRead) {
  EXPECT_EQ(ParseHostPort("[::1]:0")->host, "::1");
  EXPECT_EQ(FormatHostPort(*ParseHostPort("[::1]:80")), "[::1]:80");
  for (const char* bad :
       {"", "7070", ":7070", "host:", "host:70000", "host:x", "::1:80", "[::1:80"}) {
    EXPECT_FALSE(ParseHostPort(bad).ok()) << bad;
  }
}

TEST_F(ServerConfigTest, SettingsThatContradictEachOtherAreRefused) {
  EXPECT_THAT(Parse({"--tls-cert", "/a"}).status().message(), HasSubstr("tls.key is missing"));
  EXPECT_THAT(Parse({"--tls-key", "/a"}).status().message(), HasSubstr("tls.cert is missing"));
  EXPECT_THAT(Parse({"--lease-ttl", "4s"}).status().message(), HasSubstr("lease.heartbeat"));
  EXPECT_THAT(Parse({"--lease-ttl", "1ms"}).status().message(), HasSubstr("lease.ttl"));
  EXPECT_THAT(Parse({"--lease-max-disconnect", "1s"}).status().message(),
              HasSubstr("lease.maxDisconnect"));
  EXPECT_THAT(Parse({"--data-roots", "relative"}).status().message(), HasSubstr("absolute"));
  EXPECT_THAT(Parse({"--http-address", "127.0.0.1:7070"}).status().message(),
              HasSubstr("httpAddress"));
  EXPECT_THAT(Parse({"--retention-run-count", "-1"}).status().message(),
              HasSubstr("retention.runCount"));
  EXPECT_THAT(Parse({"--retention-run-count", "2x"}).status().message(),
              HasSubstr("not a whole number"));
  EXPECT_THAT(Parse({"--retention-interval", "1ms"}).status().message(),
              HasSubstr("retention.interval"));
}

TEST_F(ServerConfigTest, WhatToDoWhileTheServerIsDown) {
  const auto backup = Parse({"--admin-backup", "/b", "--keep", "3", "--grpc-address", "0.0.0.0:1"});
  ASSERT_TRUE(backup.ok()) << backup.status() << ": nothing will listen";
  EXPECT_TRUE(backup->offline());
  EXPECT_EQ(backup->backup->directory, "/b");
  EXPECT_EQ(backup->backup->keep, 3);
  EXPECT_TRUE(Parse({"--admin-restore", "/b", "--allow-missing"})->restore->allow_missing);
  EXPECT_TRUE(Parse({"--admin-check", "--repair"})->check->repair);
  for (const char* alone : {"--repair", "--verify", "--allow-missing"}) {
    EXPECT_FALSE(Parse({alone}).ok()) << alone;
  }
  EXPECT_FALSE(Parse({})->offline());
}

TEST_F(ServerConfigTest, HelpNamesEveryFlagAndUnknownOnesAreRefused) {
  const auto help = Parse({"--help"});
  ASSERT_TRUE(help.ok());
  for (const char* flag : {"--data-dir", "--grpc-address", "--tls-cert", "--lease-ttl",
                           "--data-roots", "--log-format", "--admin-token-create"}) {
    EXPECT_THAT(*help->text, HasSubstr(flag));
  }
  EXPECT_THAT(*help->text, HasSubstr("--lease-ttl DURATION=15s"));
  EXPECT_THAT(*help->text, HasSubstr("--role ROLE=user"));
  EXPECT_THAT(*Parse({"--version"})->text, HasSubstr("penstockd "));
  EXPECT_EQ(Parse({"--no-such-flag"}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(ServerConfigTest, WhatIsPrintedCanBeReadBack) {
  const auto first =
      Parse({"--data-dir", "/d", "--tls-cert", "/c.pem", "--tls-key", "/k.pem", "--lease-ttl",
             "1m30s", "--log-format", "json", "--data-roots", "/a:/b"});
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string printed = PrintServerConfig(first->config);
  const auto second = Parse({"--config", File(printed)});
  ASSERT_TRUE(second.ok()) << second.status() << "\n" << printed;
  EXPECT_EQ(PrintServerConfig(second->config), printed);
  EXPECT_EQ(second->config.tls, TlsMode::kFiles);
  EXPECT_EQ(second->config.lease_ttl, std::chrono::seconds(90));
  EXPECT_TRUE(second->config.log_json);
}

// The sample that is installed says what the defaults are.
TEST_F(ServerConfigTest, TheSampleHoldsTheDefaults) {
  const auto sample = Parse({"--config", "deploy/penstockd.yaml"});
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(PrintServerConfig(sample->config), PrintServerConfig(ServerConfig()));
}

TEST_F(ServerConfigTest, TokensCanBeAskedForWithARole) {
  const auto invocation = Parse({"--admin-token-create", "ci", "--role", "worker"});
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  ASSERT_TRUE(invocation->create_token);
  EXPECT_EQ(invocation->create_token->name, "ci");
  EXPECT_EQ(invocation->create_token->role, Role::kWorker);
  EXPECT_THAT(Parse({"--admin-token-create", "ci", "--role", "root"}).status().message(),
              HasSubstr("--role"));
}

TEST_F(ServerConfigTest, QueuesAreReadFromTheFileAndFromAFlag) {
  const auto file = Parse({"--config", File("queues:\n  production: {weight: 3, maxRuns: 2}\n"
                                            "  batch: {weight: 0.5, maxParallelSteps: 100}\n"
                                            "  plain:\n")});
  ASSERT_TRUE(file.ok()) << file.status();
  const QueueTable& queues = file->config.queues;
  ASSERT_EQ(queues.size(), 3U);
  EXPECT_EQ(queues.at("production"),
            (QueueTerms{.weight = 3, .max_parallel_steps = 0, .max_runs = 2}));
  EXPECT_EQ(queues.at("batch"),
            (QueueTerms{.weight = 0.5, .max_parallel_steps = 100, .max_runs = 0}));
  EXPECT_EQ(queues.at("plain"), QueueTerms());
  const auto again = Parse({"--config", File(PrintServerConfig(file->config))});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->config.queues, queues);
  const auto flag = Parse({"--queues", "{a: {weight: 2}}"});
  ASSERT_TRUE(flag.ok()) << flag.status();
  EXPECT_EQ(flag->config.queues.at("a").weight, 2);
}

TEST_F(ServerConfigTest, WrongQueuesAreRefusedWithTheirPlace) {
  const auto refusal = [&](const std::string& text) {
    return Parse({"--config", File("queues: " + text + "\n")}).status().message();
  };
  EXPECT_THAT(refusal("{a: {wieght: 3}}"),
              HasSubstr("config.yaml:1: queues: a: unknown key \"wieght\""));
  EXPECT_THAT(refusal("{a: {weight: 0}}"), HasSubstr("a: weight: \"0\" is not a weight"));
  EXPECT_THAT(refusal("{a: {maxRuns: -1}}"), HasSubstr("a: maxRuns: \"-1\" is not a number"));
  EXPECT_THAT(refusal("{A B: {}}"), HasSubstr("\"A B\" is not a name"));
  EXPECT_THAT(refusal("[a]"), HasSubstr("must be a mapping"));
}

TEST_F(ServerConfigTest, QueuesHaveLimits) {
  const auto parse = [&](std::size_t queues, int weight) {
    std::string text = "{q0: {weight: " + std::to_string(weight) + "}";
    for (std::size_t i = 1; i < queues; ++i) text += ", q" + std::to_string(i) + ": {}";
    return Parse({"--queues", text + "}"});
  };
  const auto most = parse(limits::kMaxNamedQueues, limits::kMaxQueueWeight);
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->config.queues.size(), limits::kMaxNamedQueues);
  EXPECT_THAT(parse(limits::kMaxNamedQueues + 1, 1).status().message(), HasSubstr("at most 64 queues"));
  EXPECT_THAT(parse(1, limits::kMaxQueueWeight + 1).status().message(), HasSubstr("1001"));
}

}  // namespace
}  // namespace penstock
