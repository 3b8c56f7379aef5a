// The command line of a container, and what is asked of podman or docker: with a program in their
// place that notes what it is told.

#include "steps/script/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "steps/catalog/catalog.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

class ContainerTest : public testing::Test {
 protected:
  // An engine that writes its arguments, a line each call, to `calls`, and then does `what`.
  std::string Engine(const std::string& name, const std::string& what) {
    const auto path =
        folder_.Write(name, "#!/bin/sh\necho \"$@\" >> " + calls() + "\n" + what + "\n");
    chmod(path.c_str(), 0755);
    return path.string();
  }
  std::string calls() const { return (folder_.path() / "calls").string(); }
  std::string Calls() const { return ReadBytes(calls()); }
  ContainerPlan Plan(const std::string& engine) const {
    return {.engine = engine,
            .image = "team/train@sha256:" + std::string(64, 'a'),
            .name = "penstock-1",
            .owner = "/data/w1",
            .folders = {.code = "/w/code",
                        .input = "/w/input",
                        .model = "/w/out/model",
                        .output = "/w/out/data",
                        .temporary = "/w/tmp"},
            .variables_file = folder_.path() / "variables",
            .variables = {{"A", "1"}, {"LINES", "x\ny"}, {"SECRET", "s3"}},
            .cpus = 1.5,
            .memory = 100 << 20,
            .command = {"python3", "train.py", "--epochs", "3"}};
  }
  static std::string Line(const std::vector<std::string>& command) {
    std::string line;
    for (const std::string& each : command) line += each + " ";
    return line;
  }
  TestFolder folder_;
};

TEST_F(ContainerTest, TheCommandLineKeepsTheProgramApart) {
  const auto command = ContainerCommand(Plan("/usr/bin/podman"));
  ASSERT_TRUE(command.ok()) << command.status();
  const std::string line = Line(*command);
  EXPECT_THAT(line, testing::StartsWith("/usr/bin/podman run --rm --name penstock-1 "
                                        "--label penstock.owner=/data/w1 --network none "
                                        "--read-only "));
  EXPECT_THAT(line,
              testing::EndsWith("--workdir /opt/ml/code --entrypoint python3 team/train@sha256:" +
                                std::string(64, 'a') + " train.py --epochs 3 "));
  EXPECT_THAT(line, HasSubstr("--user " + std::to_string(geteuid()) + ":" +
                              std::to_string(getegid()) + " "));
  EXPECT_THAT(line, HasSubstr("--cpus 1.5 --memory 104857600 --memory-swap 104857600 "));
  EXPECT_THAT(line, HasSubstr("--cap-drop all"));
  EXPECT_THAT(line, HasSubstr("type=bind,source=/w/input,destination=/opt/ml/input,readonly "));
  EXPECT_THAT(line, HasSubstr("type=bind,source=/w/out/model,destination=/opt/ml/model "));
  EXPECT_THAT(line, HasSubstr("type=bind,source=/w/out/data,destination=/opt/ml/output/data "));
  EXPECT_THAT(line, HasSubstr("type=bind,source=/w/tmp,destination=/tmp "));
  EXPECT_THAT(line, Not(HasSubstr("--init")));
  EXPECT_THAT(line, Not(HasSubstr("s3"))) << "all can read command lines";
  EXPECT_THAT(line, HasSubstr("--env LINES=x\ny "));
  EXPECT_EQ(ReadBytes(folder_.path() / "variables"), "A=1\nSECRET=s3\n");
  struct stat info {};
  ASSERT_EQ(stat((folder_.path() / "variables").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ContainerTest, WhatTheEngineHasInItsEnvironmentStandsNowhereElse) {
  ContainerPlan plan = Plan("/usr/bin/podman");
  plan.by_environment = {"SECRET", "LINES"};
  const auto command = ContainerCommand(plan);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_THAT(Line(*command), AllOf(HasSubstr("--env SECRET "), HasSubstr("--env LINES ")));
  EXPECT_EQ(ReadBytes(folder_.path() / "variables"), "A=1\n");
}

TEST_F(ContainerTest, ACheckpointsFolderIsThereWhereTheStepHasOne) {
  ContainerPlan plan = Plan("/usr/bin/podman");
  EXPECT_THAT(Line(*ContainerCommand(plan)), Not(HasSubstr("checkpoints")));
  plan.folders.checkpoint = "/w/saved";
  EXPECT_THAT(Line(*ContainerCommand(plan)),
              HasSubstr("type=bind,source=/w/saved,destination=/opt/ml/checkpoints "));
}

TEST_F(ContainerTest, WhatIsAskedForIsThere) {
  ContainerPlan plan = Plan("/usr/bin/podman");
  plan.network = true;
  plan.init = true;
  plan.writes_model = false;
  plan.cpus = 0;
  plan.memory = 0;
  plan.gpus = {"1", "GPU-7"};
  plan.folders.input = "/w/a,b \"c\"";
  const std::string podman = Line(*ContainerCommand(plan));
  EXPECT_THAT(podman, HasSubstr("--network host "));
  EXPECT_THAT(podman, HasSubstr("--log-driver none ")) << "it would hold what secrets are masked in";
  EXPECT_THAT(podman, HasSubstr("--init "));
  EXPECT_THAT(podman, HasSubstr("destination=/opt/ml/model,readonly "));
  EXPECT_THAT(podman, AllOf(Not(HasSubstr("--cpus")), Not(HasSubstr("--memory"))));
  EXPECT_THAT(podman, HasSubstr("--device nvidia.com/gpu=1 --device nvidia.com/gpu=GPU-7 "));
  EXPECT_THAT(podman, HasSubstr("type=bind,\"source=/w/a,b \"\"c\"\"\",destination=/opt/ml/input"));
  plan.engine = "/usr/bin/docker";
  const std::string docker = Line(*ContainerCommand(plan));
  EXPECT_THAT(docker, HasSubstr("--gpus \"device=1,GPU-7\" "));
  EXPECT_THAT(docker, Not(HasSubstr("--userns")));
}

TEST_F(ContainerTest, VariablesOfTheImageStayTheImages) {
  const ScriptSurroundings surroundings{.folders = ContainerFolders(),
                                        .channels = {"train"},
                                        .cpus = 2,
                                        .gpus = 2,
                                        .inherited = {{"PATH", "/worker/bin"},
                                                      {"HOME", "/root"},
                                                      {"LD_LIBRARY_PATH", "/x"},
                                                      {"CUDA_VISIBLE_DEVICES", "2,3"},
                                                      {"LANG", "C.UTF-8"}}};
  const auto variables = ContainerEnvironment(Json::object(), surroundings);
  EXPECT_FALSE(variables.contains("PATH"));
  EXPECT_FALSE(variables.contains("LD_LIBRARY_PATH"));
  EXPECT_FALSE(variables.contains("CUDA_VISIBLE_DEVICES"));
  EXPECT_THAT(variables, Contains(Pair("HOME", "/tmp")));
  EXPECT_THAT(variables, Contains(Pair("LANG", "C.UTF-8")));
  EXPECT_THAT(variables, Contains(Pair("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train")));
  EXPECT_THAT(variables, Contains(Pair("SM_MODEL_DIR", "/opt/ml/model")));
  EXPECT_THAT(GpusOf(surroundings), ElementsAre("2", "3"));
  const auto own = ContainerEnvironment({{"environment", {{"PATH", "/mine"}}}}, surroundings);
  EXPECT_THAT(own, Contains(Pair("PATH", "/mine")));
}

TEST_F(ContainerTest, AnImageThatIsHereIsNotPulled) {
  FakeStep step("script");
  const std::string engine = Engine("podman", "echo sha256:0123");
  const auto digest = ResolveImage(engine, "busy", step);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*digest, "sha256:0123");
  EXPECT_THAT(Calls(), AllOf(HasSubstr("image inspect"), Not(HasSubstr("pull"))));
}

TEST_F(ContainerTest, AnImageThatIsNotHereIsPulledOrSaidToBeLacking) {
  FakeStep step("script");
  const std::string pulls =
      Engine("podman", "case \"$1\" in pull) touch " + calls() + ".here;; image) [ -e " + calls() +
                           ".here ] && echo sha256:0123;; esac");
  const auto digest = ResolveImage(pulls, "busy", step);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_THAT(step.log_, HasSubstr("pulling the image busy"));
  const std::string lacking = Engine("docker", "echo no such image; exit 1");
  EXPECT_THAT(
      ResolveImage(lacking, "busy", step).status().message(),
      AllOf(HasSubstr("not on this node and cannot be pulled"), HasSubstr("no such image")));
  step.cancel_after_ = 0;
  const std::string slow = Engine("podman", "sleep 60");
  EXPECT_EQ(ResolveImage(slow, "busy", step).status().code(), StatusCode::kCancelled);
}

TEST_F(ContainerTest, LeftoversAreFoundByTheirMark) {
  const std::string engine = Engine("podman", "[ \"$1\" = ps ] && printf 'aa\\nbb\\n'");
  EXPECT_EQ(RemoveContainers(engine, "/data/w1"), 2);
  EXPECT_EQ(Calls(),
            "ps --all --quiet --filter label=penstock.owner=/data/w1\n"
            "kill --signal KILL aa\nrm --force aa\nkill --signal KILL bb\nrm --force bb\n");
}

TEST_F(ContainerTest, AnEngineThatDoesNotAnswerIsNone) {
  const std::string path = getenv("PATH");
  Engine("podman", "exit 1");
  setenv("PATH", folder_.path().c_str(), 1);
  EXPECT_EQ(FindContainerEngine(), "");
  Engine("docker", "exit 0");
  setenv("PATH", folder_.path().c_str(), 1);
  EXPECT_EQ(FindContainerEngine(), (folder_.path() / "docker").string());
  setenv("PATH", path.c_str(), 1);
}

TEST(ContainerSchemaTest, ImagesAreJudged) {
  const StepSchema& schema = *Catalog::BuiltIn().Find("script");
  const auto problems = [&](Json parameters) {
    parameters["command"] = {"true"};
    std::vector<Problem> found;
    CheckParameters(schema, parameters, "with", found);
    std::vector<std::string> texts;
    for (const Problem& problem : found) texts.push_back(problem.path + ": " + problem.message);
    return texts;
  };
  const std::string digest = "@sha256:" + std::string(64, '0');
  for (const std::string& image :
       {std::string("busybox"), "registry.example:5000/team/train:1.2" + digest,
        std::string("${parameters.image}")}) {
    EXPECT_THAT(problems({{"image", image}}), IsEmpty()) << image;
  }
  for (const char* image : {"--privileged", "a b", "x@sha256:12", "x@md5:1", "$(id)"}) {
    EXPECT_THAT(problems({{"image", image}}), ElementsAre(HasSubstr("with.image"))) << image;
  }
  EXPECT_THAT(problems({{"image", "x"}, {"isolation", "none"}}),
              ElementsAre(HasSubstr("with.isolation")));
  EXPECT_THAT(schema.labels_for({{"image", "x"}, {"isolation", "required"}}),
              ElementsAre(Pair("penstock.containers", "available")));
  EXPECT_THAT(schema.effects_for({{"image", "x:latest"}}), HasSubstr("pin it by digest"));
  EXPECT_EQ(schema.effects_for({{"image", "x" + digest}}), "");
}

}  // namespace
}  // namespace penstock
