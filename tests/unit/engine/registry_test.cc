// Pipelines, models, tokens and artifacts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

class RegistryTest : public testing::Test {
 protected:
  EngineBench bench_;
};

constexpr char kOne[] = "name: one\nsteps: [{name: a, type: noop}]";

RegisterPipelineCommand Version(const std::string& name, const std::string& definition) {
  RegisterPipelineCommand command;
  command.version.name = PipelineName(name);
  command.version.definition = definition;
  command.version.digest = Sha256(definition);
  command.principal = Principal("user:ada");
  return command;
}

TEST_F(RegistryTest, AChangeMakesAVersionAndTheSameAgainDoesNot) {
  auto first = bench_.Ask(&Engine::RegisterPipeline, Version("p", "{\"a\":1}"));
  auto again = bench_.Ask(&Engine::RegisterPipeline, Version("p", "{\"a\":1}"));
  auto other = bench_.Ask(&Engine::RegisterPipeline, Version("p", "{\"a\":2}"));
  auto back = bench_.Ask(&Engine::RegisterPipeline, Version("p", "{\"a\":1}"));
  EXPECT_TRUE(first->created);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->version.version, 1);
  EXPECT_EQ(other->version.version, 2);
  EXPECT_EQ(back->version.version, 3) << "what was there before is a new change";
  EXPECT_EQ(back->version.principal, Principal("user:ada"));
}

TEST_F(RegistryTest, ADeletedPipelineKeepsItsNumbersAndCannotBeRun) {
  SubmitRunCommand submission = bench_.SubmissionOf(kOne);
  const DeletePipelineCommand remove{.name = PipelineName("one"), .principal = Principal("u")};
  const auto run = bench_.Ask(&Engine::SubmitRun, submission);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(bench_.Ask(&Engine::DeletePipeline, remove).status().reason(), "RUNS_ACTIVE");
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, {.run = run->run.id, .principal = Principal("u")}).ok());
  EXPECT_TRUE(bench_.Ask(&Engine::DeletePipeline, remove).ok());
  EXPECT_EQ(bench_.Ask(&Engine::DeletePipeline, remove).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(bench_.Ask(&Engine::SubmitRun, submission).status().code(), StatusCode::kNotFound);
  submission.version = 1;
  const Status deleted = bench_.Ask(&Engine::SubmitRun, submission).status();
  EXPECT_EQ(deleted.reason(), "PIPELINE_NOT_FOUND");
  EXPECT_THAT(deleted.message(), testing::HasSubstr("was deleted"));
  EXPECT_TRUE(bench_.store().reader().GetPipeline(PipelineName("one"), 1).ok());
  EXPECT_EQ(bench_.Find(run->run.id).state, RunState::kCancelled) << "its runs stay";
  bench_.SubmissionOf(kOne);
  EXPECT_TRUE(bench_.Ask(&Engine::SubmitRun, submission).ok()) << "the name is back";
  EXPECT_EQ(bench_.store().reader().GetPipeline(PipelineName("one"), 0)->version, 2);
}

TEST_F(RegistryTest, ModelsAreNumberedAndDecided) {
  const ArtifactRef model = bench_.Artifact("model", ArtifactType::kModel);
  const ArtifactRef file = bench_.Artifact("file");
  RegisterModelCommand command;
  command.group = GroupName("g");
  command.model = model.digest;
  command.principal = Principal("user:ada");
  EXPECT_EQ(bench_.Ask(&Engine::RegisterModel, command)->version, 1);
  EXPECT_EQ(bench_.Ask(&Engine::RegisterModel, command)->version, 2);
  command.model = file.digest;
  EXPECT_EQ(bench_.Ask(&Engine::RegisterModel, command).status().reason(), "NOT_A_MODEL");
  command.model = Sha256("nowhere");
  EXPECT_EQ(bench_.Ask(&Engine::RegisterModel, command).status().code(), StatusCode::kNotFound);

  DecideModelCommand decide{.group = GroupName("g"),
                            .version = 2,
                            .status = ModelStatus::kApproved,
                            .comment = "good",
                            .principal = Principal("user:bob")};
  ASSERT_TRUE(bench_.Ask(&Engine::DecideModel, decide).ok());
  bench_.Restart();
  auto version = bench_.store().reader().GetModelVersion(GroupName("g"), 2);
  EXPECT_EQ(version->status, ModelStatus::kApproved);
  EXPECT_EQ(version->decided_by, Principal("user:bob"));
  EXPECT_EQ(version->comment, "good");
  // The same word again does not change who said it; another word does.
  decide.principal = Principal("user:eve");
  EXPECT_EQ(bench_.Ask(&Engine::DecideModel, decide)->decided_by, Principal("user:bob"));
  decide.status = ModelStatus::kRejected;
  EXPECT_EQ(bench_.Ask(&Engine::DecideModel, decide)->status, ModelStatus::kRejected);
  decide.version = 3;
  EXPECT_EQ(bench_.Ask(&Engine::DecideModel, decide).status().code(), StatusCode::kNotFound);
}

TEST_F(RegistryTest, TokensAreNamedOnceUntilTheyAreRevoked) {
  CreateTokenCommand create;
  create.token.name = "ci";
  create.token.hash = Sha256("secret");
  create.token.created_by = Principal("user:ada");
  EXPECT_TRUE(bench_.Ask(&Engine::CreateToken, create).ok());
  EXPECT_EQ(bench_.Ask(&Engine::CreateToken, create).status().code(), StatusCode::kAlreadyExists);
  const RevokeTokenCommand revoke{.name = "ci", .principal = Principal("user:ada")};
  EXPECT_TRUE(bench_.Ask(&Engine::RevokeToken, revoke).ok());
  EXPECT_EQ(bench_.Ask(&Engine::RevokeToken, revoke).status().code(), StatusCode::kNotFound);
  create.token.hash = Sha256("another secret");
  EXPECT_TRUE(bench_.Ask(&Engine::CreateToken, create).ok());
  EXPECT_EQ(bench_.store().reader().ListTokens()->size(), 2U);
}

TEST_F(RegistryTest, AClientsHoldsEndAfterAnHour) {
  bench_.Artifact("x");
  // The hourly sweep takes what is over an hour old.
  bench_.Pass(limits::kClientHold + std::chrono::seconds(1));
  const ArtifactRef later = bench_.Artifact("y");
  bench_.Pass(limits::kClientHold);
  const auto holds = bench_.store().reader().CountHolds();
  ASSERT_TRUE(holds.ok());
  EXPECT_EQ(*holds, 1) << "y is younger than an hour by one second";
  EXPECT_TRUE(*bench_.store().reader().HasArtifact(later.digest));
}

TEST_F(RegistryTest, TheQueueOfCommandsIsBounded) {
  // Nothing takes them: the engine has no thread here.
  int refused = 0;
  for (std::size_t i = 0; i < limits::kMaxQueuedCommands + 10; ++i) {
    bench_.engine().ListWorkers([&](const Result<std::vector<WorkerView>>& got) {
      if (!got.ok()) {
        EXPECT_EQ(got.status().reason(), "OVERLOADED");
        ++refused;
      }
    });
  }
  EXPECT_EQ(refused, 10);
  bench_.Turn();
  EXPECT_EQ(refused, 10);
}

TEST_F(RegistryTest, AfterStopEverythingIsRefused) {
  bench_.engine().Stop();
  const auto answer = bench_.Ask(&Engine::SubmitRun, SubmitRunCommand{});
  EXPECT_EQ(answer.status().reason(), "STOPPING");
  EXPECT_THAT(answer.status().message(), HasSubstr("stopping"));
  EXPECT_FALSE(bench_.engine().ready());
}

}  // namespace
}  // namespace penstock
