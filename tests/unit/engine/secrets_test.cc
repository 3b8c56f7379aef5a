// Secrets from the command that sets one to the lease that holds its value, and nowhere else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "base/file.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

constexpr char kValue[] = "s3cr3t-value-of-the-hub";

constexpr char kPipeline[] = R"(
name: p
parameters: {token: {type: secret, default: hub}}
steps:
- name: fetch
  type: script
  with:
    command: [fetch]
    environment: {A: "Bearer ${secrets.hub}", B: "${parameters.token}"}
)";

class SecretsTest : public testing::Test {
 protected:
  SecretsTest() { worker_.Open(); }
  ~SecretsTest() override { bench_.CheckInvariants(); }

  LeasedAttempt LeaseOf(const std::string& step) {
    auto leases = worker_.Start();
    EXPECT_TRUE(leases.contains(step));
    return leases[step];
  }
  Result<SubmitRunAnswer> Submit(std::string_view yaml, std::map<std::string, Json> parameters) {
    SubmitRunCommand command = bench_.SubmissionOf(yaml);
    command.parameters = std::move(parameters);
    return bench_.Ask(&Engine::SubmitRun, std::move(command));
  }
  Status Delete(const std::string& name) {
    return bench_.Ask(&Engine::DeleteSecret, DeleteSecretCommand{name, Principal("user:bob")})
        .status();
  }
  // Whether any file of the database, its write-ahead log among them, holds the text.
  bool OnDisk(const std::string& text) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bench_.folder())) {
      if (!entry.is_regular_file()) continue;
      if (ReadFile(entry.path()).value_or("").find(text) != std::string::npos) return true;
    }
    return false;
  }

  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1", 8};
};

TEST_F(SecretsTest, TheLeaseAloneHoldsTheValue) {
  EXPECT_EQ(bench_.PutSecret("hub", kValue).version, 1);
  const RunId run = bench_.Run(kPipeline);
  const LeasedAttempt lease = LeaseOf("fetch");
  EXPECT_THAT(lease.secrets, ElementsAre(Pair("hub", kValue)));
  EXPECT_THAT(lease.parameters_json,
              AllOf(HasSubstr("Bearer ${secrets.hub}"), HasSubstr("\"B\":\"${secrets.hub}\""),
                    Not(HasSubstr(kValue))));
  EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "fetch"), StepState::kSucceeded);
  EXPECT_EQ(bench_.Find(run).parameters["token"], "hub");
  EXPECT_TRUE(OnDisk("secrets.hub")) << "what is looked at holds the rows";
  EXPECT_FALSE(OnDisk(kValue));
  EXPECT_FALSE(OnDisk(std::string(kValue).substr(0, 10)));
}

TEST_F(SecretsTest, WhatAnOverrideOfACalledPipelineNamesMustBeThere) {
  bench_.PutSecret("hub", kValue);
  bench_.SubmissionOf(kPipeline);
  SubmitRunCommand command = bench_.SubmissionOf(
      "name: top\nsteps: [{name: child, type: pipeline, pipeline: p, parameters: {token: hub}}]");
  command.overrides["child.fetch"]["with"]["environment"]["C"] = "${secrets.nope}";
  const auto refused = bench_.Ask(&Engine::SubmitRun, command);
  EXPECT_EQ(refused.status().reason(), "SECRET_NOT_FOUND");
  ASSERT_EQ(refused.status().problems().size(), 1U);
  EXPECT_EQ(refused.status().problems()[0].path, "overrides.child.fetch.with.environment.C");
  bench_.PutSecret("nope", kValue);
  EXPECT_TRUE(bench_.Ask(&Engine::SubmitRun, command).ok());
}

TEST_F(SecretsTest, ARestartKeepsSecretsAndWhatRuns) {
  bench_.PutSecret("hub", kValue);
  const RunId run = bench_.Run(kPipeline);
  const LeasedAttempt running = LeaseOf("fetch");
  const RunId waiting = bench_.Run(kPipeline);
  bench_.Restart();
  worker_.Open();
  EXPECT_EQ(*worker_.Succeed(running), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "fetch"), StepState::kSucceeded);
  EXPECT_THAT(LeaseOf("fetch").secrets, ElementsAre(Pair("hub", kValue)));
  EXPECT_EQ(bench_.State(waiting, "fetch"), StepState::kRunning);
  EXPECT_FALSE(OnDisk(kValue));
}

TEST_F(SecretsTest, ASubmissionNamesAllThatAreMissing) {
  bench_.PutSecret("there", kValue);
  const auto answer = Submit(R"(
name: p
parameters: {token: {type: secret}}
steps:
- {name: a, type: script, with: {command: [a], environment: {A: "${secrets.first}", B: "${secrets.there}"}}}
- name: m
  type: map
  over: [1, 2]
  steps: [{name: i, type: script, with: {command: [a], environment: {A: "${parameters.token}"}}}]
)",
                             {{"token", "second"}});
  EXPECT_EQ(answer.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(answer.status().reason(), "SECRET_NOT_FOUND");
  std::vector<std::string> lines;
  for (const Problem& problem : answer.status().problems()) {
    lines.push_back(problem.path + ": " + problem.message);
  }
  EXPECT_THAT(lines,
              ElementsAre("steps[0].with.environment.A: there is no secret \"first\"; make it: "
                          "penstock secret set first",
                          "parameters.token: there is no secret \"second\"; make it: penstock "
                          "secret set second"));
}

TEST_F(SecretsTest, ASecretThatWasDeletedFailsTheStepWithTheReason) {
  bench_.PutSecret("hub", kValue);
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: first, type: noop}
- {name: fetch, type: script, dependsOn: [first], with: {command: [x], environment: {A: "${secrets.hub}"}}}
)");
  const LeasedAttempt first = LeaseOf("first");
  EXPECT_TRUE(Delete("hub").ok());
  EXPECT_EQ(*worker_.Succeed(first), Verdict::kOk);
  const StepRecord step = bench_.Step(run, "fetch");
  EXPECT_EQ(step.state, StepState::kFailed);
  EXPECT_EQ(step.cause, Cause::kBadReference);
  EXPECT_THAT(step.message, HasSubstr("there is no secret \"hub\""));
  EXPECT_EQ(Delete("hub").reason(), "SECRET_NOT_FOUND");
  EXPECT_EQ(Delete("never").reason(), "SECRET_NOT_FOUND");
}

TEST_F(SecretsTest, AnotherKeyFailsTheStepsThatNeedItAlone) {
  bench_.PutSecret("hub", kValue);
  bench_.SetSecretKeys({std::string(SecretBox::kKeyBytes, 'x')});
  bench_.Restart();
  worker_.Open();
  const RunId run = bench_.Run(kPipeline);
  worker_.Start();
  const StepRecord step = bench_.Step(run, "fetch");
  EXPECT_EQ(step.state, StepState::kFailed);
  EXPECT_EQ(step.cause, Cause::kBadReference);
  EXPECT_THAT(step.message, HasSubstr("secret \"hub\": unreadable: the key file is not the one"));
  const RunId other = bench_.Run("name: other\nsteps:\n- {name: a, type: noop}\n");
  EXPECT_EQ(*worker_.Succeed(LeaseOf("a")), Verdict::kOk);
  EXPECT_EQ(bench_.Find(other).state, RunState::kSucceeded);
  // A new value is sealed with the key that there is.
  EXPECT_EQ(bench_.PutSecret("hub", kValue).version, 2);
  bench_.Run(kPipeline);
  EXPECT_THAT(LeaseOf("fetch").secrets, ElementsAre(Pair("hub", kValue)));
}

TEST_F(SecretsTest, AResultIsUsedAgainUntilTheValueChanges) {
  bench_.PutSecret("hub", kValue);
  bench_.Run(kPipeline);
  EXPECT_EQ(*worker_.Succeed(LeaseOf("fetch")), Verdict::kOk);
  EXPECT_EQ(bench_.PutSecret("hub", kValue).version, 1) << "the same value";
  EXPECT_EQ(bench_.State(bench_.Run(kPipeline), "fetch"), StepState::kCached);
  EXPECT_EQ(bench_.PutSecret("hub", "another").version, 2);
  const RunId changed = bench_.Run(kPipeline);
  EXPECT_EQ(*worker_.Succeed(LeaseOf("fetch")), Verdict::kOk);
  EXPECT_EQ(JsonMember(bench_.Step(changed, "fetch").cache, "miss")["differs"],
            Json({"secret hub: version 1 → 2"}));
  // Its versions are never given again, so that no old result is taken for a new one.
  EXPECT_TRUE(Delete("hub").ok());
  EXPECT_EQ(bench_.PutSecret("hub", kValue).version, 3);
  const RunId again = bench_.Run(kPipeline);
  EXPECT_THAT(LeaseOf("fetch").secrets, ElementsAre(Pair("hub", kValue)));
  EXPECT_EQ(bench_.State(again, "fetch"), StepState::kRunning);
}

TEST_F(SecretsTest, ACalledPipelineGetsNamesHandedOn) {
  bench_.PutSecret("hub", kValue);
  bench_.SubmissionOf(R"(
name: callee
parameters: {key: {type: secret}}
steps:
- {name: fetch, type: script, with: {command: [x], environment: {A: "${parameters.key}"}}}
)");
  constexpr char kCaller[] = R"(
name: caller
parameters: {token: {type: secret}}
steps:
- {name: c, type: pipeline, pipeline: callee, parameters: {key: "${parameters.token}"}}
)";
  bench_.Run(kCaller, {{"token", "hub"}});
  EXPECT_THAT(LeaseOf("c.fetch").secrets, ElementsAre(Pair("hub", kValue)));
  const auto missing = Submit(kCaller, {{"token", "none"}});
  EXPECT_EQ(missing.status().reason(), "SECRET_NOT_FOUND");
}

TEST_F(SecretsTest, AValueThatLooksLikeASecretIsNone) {
  bench_.PutSecret("hub", kValue);
  bench_.PutSecret("admin", "the keys of the house");
  bench_.Run(R"(
name: p
parameters: {text: {type: string}}
steps:
- name: s
  type: script
  with: {command: ["${parameters.text}"], environment: {A: "${secrets.hub}"}}
)",
             {{"text", "${secrets.admin} ${secrets.hub}"}});
  const LeasedAttempt lease = LeaseOf("s");
  EXPECT_THAT(lease.secrets, ElementsAre(Pair("hub", kValue)));
  EXPECT_THAT(lease.parameters_json, HasSubstr("\"$${secrets.admin} $${secrets.hub}\""));
}

// A worker takes messages of 16 MiB.
TEST_F(SecretsTest, LargeSecretsOfManyLeasesGoWithSeveralReplies) {
  bench_.PutSecret("large", std::string(64 << 10, 'v'));
  std::string yaml = "name: many\nsteps:\n";
  for (int i = 0; i < 256; ++i) {
    yaml += "- {name: s" + std::to_string(i) +
            ", type: script, with: {command: [x], environment: {A: \"${secrets.large}\"}}}\n";
  }
  BenchWorker large(&bench_, "large", 256);
  large.Open();
  bench_.Run(yaml);
  std::size_t leased = 0;
  for (int reply = 0; reply < 10 && leased < 250; ++reply) {
    const std::size_t now = large.Start().size();
    EXPECT_LT(now, 200U);
    leased += now;
  }
  EXPECT_GE(leased, 248U) << "the other worker has room for eight";
}

TEST_F(SecretsTest, BadValuesAreRefused) {
  for (const std::string& value : {std::string(), std::string("a\0b", 3)}) {
    const auto put =
        bench_.Ask(&Engine::PutSecret, PutSecretCommand{"hub", value, Principal("user:ada")});
    EXPECT_EQ(put.status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(*bench_.store().reader().ListSecrets(), IsEmpty());
}

}  // namespace
}  // namespace penstock
