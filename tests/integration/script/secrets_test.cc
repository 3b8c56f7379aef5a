// Secrets with real daemons: what a script is given, what is shown of it, and what is on the disk.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "base/subprocess.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Nothing else of a run looks like it.
constexpr char kValue[] = "Zq7-correct-horse+battery/staple";

constexpr char kPipeline[] = R"yaml(
name: p
parameters: {token: {type: secret}}
steps:
- name: s
  type: script
  with:
    isolation: none
    command:
    - /bin/sh
    - -c
    - |
      printf 'length %s\n' "$${#TOKEN}"
      printf 'begin %s' "$(printf %s "$TOKEN" | cut -c1-17)"
      sleep 0.6
      printf '%s end\n' "$(printf %s "$TOKEN" | cut -c18-)"
      printf 'whole %s\n' "$TOKEN"
      printf 'base64 %s\n' "$(printf %s "u:$TOKEN" | base64 -w0)"
      echo "error: $HEADER" >&2
      printf '{"loss": 0.5}' > "$SM_OUTPUT_DATA_DIR/metrics.json"
      printf '{"said": "%s"}' "$TOKEN" > "$SM_OUTPUT_DATA_DIR/report.json"
    environment: {TOKEN: "${parameters.token}", HEADER: "Bearer ${secrets.hub}"}
    outputs: {report: {type: report, path: report.json}}
- name: shown
  type: noop
  with: {message: "${steps.s.report.said}"}
)yaml";

// Runs a program on a terminal and types `answer` when it has asked; all that the terminal showed.
std::string ShownOnTerminal(const std::vector<std::string>& arguments, const std::string& answer,
                            int* code) {
  const UniqueFd ours(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[128];
  EXPECT_EQ(grantpt(ours.get()), 0);
  EXPECT_EQ(unlockpt(ours.get()), 0);
  EXPECT_EQ(ptsname_r(ours.get(), name, sizeof name), 0);
  UniqueFd theirs(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  Result<Subprocess> program =
      Subprocess::Start({.arguments = arguments,
                         .environment = CurrentEnvironment(),
                         .descriptors = {{0, theirs.get()}, {1, theirs.get()}, {2, theirs.get()}}});
  EXPECT_TRUE(program.ok()) << program.status();
  theirs.Close();
  std::string shown;
  bool answered = false;
  char buffer[4096];
  // The last end of the terminal that closes makes the read fail.
  for (ssize_t count = 0; (count = read(ours.get(), buffer, sizeof buffer)) > 0;) {
    shown.append(buffer, static_cast<std::size_t>(count));
    if (answered || shown.find("not shown") == std::string::npos) continue;
    answered = true;
    EXPECT_TRUE(WriteAll(ours.get(), answer, "the terminal").ok());
  }
  *code = program->Wait().ShellCode();
  return shown;
}

class SecretsTest : public testing::Test {
 protected:
  // The files below the folder that hold the value; of those that steps made, the outputs.
  static std::vector<std::string> Holding(const fs::path& folder, const std::string& value) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      if (ReadFile(entry.path(), 1 << 30).value_or("").find(value) != std::string::npos) {
        found.push_back(entry.path().string());
      }
    }
    return found;
  }
  Ran Set(const std::string& name, const std::string& value) {
    return cluster_.Client({"secret", "set", name, "--from-env", "VALUE"}, {{"VALUE", value}});
  }

  Cluster cluster_;
};

TEST_F(SecretsTest, AScriptGetsItAndNothingElseShowsIt) {
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  const std::string file = cluster_.Write("p.yaml", kPipeline);
  const Ran missing = cluster_.Client({"run", "-f", file, "-p", "token=hub"});
  EXPECT_EQ(missing.code, 4);
  EXPECT_THAT(missing.err, HasSubstr("penstock secret set hub"));
  ASSERT_EQ(Set("hub", kValue).code, 0);

  const std::string id = cluster_.Submit(file, {"-p", "token=hub"});
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED") << cluster_.Client({"logs", id, "s"}).out;
  const std::string log = cluster_.Client({"logs", id, "s"}).out;
  EXPECT_THAT(log, AllOf(HasSubstr("length 32\n"), HasSubstr("begin *** end\n"),
                         HasSubstr("whole ***\n"), HasSubstr("error: Bearer ***\n"),
                         HasSubstr("base64 dTp***"), Not(HasSubstr("correct-horse"))));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"describe", "run", id, "-o", "json"},
        {"explain", id, "s"},
        {"logs", id, "shown"},
        {"get", "secrets", "-o", "json"}}) {
    const Ran ran = cluster_.Client(command);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, Not(HasSubstr("correct-horse"))) << command[0];
  }
  EXPECT_THAT(cluster_.Client({"logs", id, "shown"}).out, HasSubstr("***"));

  // What the script itself wrote into an output is its own; no other file has it.
  cluster_.Client({"admin", "backup", (cluster_.folder() / "backups").string()});
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  const std::vector<std::string> holding = Holding(cluster_.folder(), "correct-horse+battery");
  EXPECT_FALSE(holding.empty()) << "what is looked for can be found";
  for (const std::string& path : holding) {
    EXPECT_EQ(ReadFile(path).value_or(""), "{\"said\": \"" + std::string(kValue) + "\"}") << path;
  }
  cluster_.CheckInvariants();
}

TEST_F(SecretsTest, ARestoreWithoutTheKeySaysSoAndServesTheRest) {
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  ASSERT_EQ(Set("hub", kValue).code, 0);
  const std::string backups = (cluster_.folder() / "backups").string();
  ASSERT_EQ(cluster_.Client({"admin", "backup", backups}).code, 0);
  EXPECT_FALSE(fs::exists(fs::path(backups) / "secrets.key"));
  cluster_.Kill("coordinator");
  const fs::path lost = cluster_.folder() / "lost";
  fs::rename(cluster_.data_dir(), lost);
  ASSERT_EQ(RunProgram({Program("penstock"), "admin", "restore", backups, "--data-dir",
                        cluster_.data_dir().string()})
                .code,
            0);
  cluster_.StartCoordinator();
  EXPECT_THAT(cluster_.Client({"get", "secrets"}).out,
              HasSubstr("the key file is not the one that sealed it"));
  const Ran check = cluster_.Client({"admin", "check"});
  EXPECT_EQ(check.code, 1);
  EXPECT_THAT(check.out, HasSubstr("secrets: \"hub\" is unreadable"));
  const std::string file = cluster_.Write("p.yaml", kPipeline);
  const std::string failed = cluster_.Submit(file, {"-p", "token=hub"});
  EXPECT_EQ(cluster_.Wait(failed), "FAILED");
  EXPECT_THAT(JsonString(Cluster::Step(cluster_.Run(failed), "s"), "message"),
              HasSubstr("unreadable"));
  const std::string other = cluster_.Submit(
      cluster_.Write("other.yaml", "name: other\nsteps:\n- {name: a, type: noop}\n"));
  EXPECT_EQ(cluster_.Wait(other), "SUCCEEDED");

  // The key from elsewhere is put back, and takes a new one's place.
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  fs::copy_file(lost / "secrets.key", cluster_.data_dir() / "secrets.key",
                fs::copy_options::overwrite_existing);
  const std::string old_key = ReadFile(lost / "secrets.key").value_or("");
  const Ran rotated = RunProgram({Program("penstock"), "admin", "rotate-secrets-key", "--data-dir",
                                  cluster_.data_dir().string()});
  EXPECT_EQ(rotated.code, 0) << rotated.err;
  EXPECT_NE(ReadFile(cluster_.data_dir() / "secrets.key").value_or(""), old_key);
  cluster_.StartCoordinator();
  EXPECT_EQ(cluster_.Client({"admin", "check"}).code, 0);
  const std::string id = cluster_.Submit(file, {"-p", "token=hub"});
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
}

TEST_F(SecretsTest, ValuesComeFromInputFilesAndVariables) {
  cluster_.StartCoordinator();
  // Standard input is not a terminal here, and empty.
  const Ran empty = RunProgram(
      {"/bin/sh", "-c",
       Program("penstock") + " secret set a --address " + cluster_.grpc() + " </dev/null"});
  EXPECT_EQ(empty.code, 4);
  EXPECT_THAT(empty.err, HasSubstr("is empty"));
  const Ran piped = RunProgram({"/bin/sh", "-c",
                                "echo " + std::string(kValue) + " | " + Program("penstock") +
                                    " secret set a --address " + cluster_.grpc()});
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_THAT(piped.err, HasSubstr("secret a is at version 1"));
  // The same without the end of the line.
  EXPECT_THAT(Set("a", kValue).err, HasSubstr("version 1"));
  const std::string path = cluster_.Write("value", std::string(kValue) + "\r\n");
  EXPECT_THAT(cluster_.Client({"secret", "set", "a", "--from-file", path}).err,
              HasSubstr("version 1"));
  EXPECT_THAT(Set("a", "other").err, HasSubstr("version 2"));

  EXPECT_EQ(cluster_.Client({"secret", "set", "a", "--from-env", "NOT_THERE"}).code, 2);
  EXPECT_EQ(cluster_.Client({"secret", "set", "a", "--from-file", "/none"}).code, 2);
  const std::string big = cluster_.Write("big", std::string(70'000, 'x'));
  EXPECT_EQ(cluster_.Client({"secret", "set", "a", "--from-file", big}).code, 2);
  EXPECT_EQ(cluster_.Client({"secret", "set", "a", "the-value"}).code, 2) << "never as an argument";
  EXPECT_EQ(Set("No Name", "x").code, 4);
  const Ran list = cluster_.Client({"get", "secrets"});
  EXPECT_THAT(list.out, AllOf(HasSubstr("SECRET"), HasSubstr("a "), Not(HasSubstr("other"))));
  EXPECT_THAT(cluster_.Client({"get", "secret", "b"}).err, HasSubstr("there is no secret \"b\""));
  EXPECT_EQ(cluster_.Client({"delete", "secret", "a"}).code, 0);
  EXPECT_EQ(cluster_.Client({"delete", "secret", "a"}).code, 4);

  int code = -1;
  const std::vector<std::string> ask = {Program("penstock"), "secret",       "set", "asked",
                                        "--address",         cluster_.grpc()};
  EXPECT_THAT(ShownOnTerminal(ask, std::string(kValue) + "\n", &code),
              AllOf(HasSubstr("value of asked (not shown)"), HasSubstr("is at version 1"),
                    Not(HasSubstr("correct-horse"))));
  EXPECT_EQ(code, 0);
  EXPECT_THAT(Set("asked", kValue).err, HasSubstr("version 1")) << "what was typed";
  EXPECT_THAT(ShownOnTerminal(ask, "correct-horse\x03", &code),
              AllOf(HasSubstr("nothing was set"), Not(HasSubstr("correct-horse"))));
  EXPECT_EQ(code, 2);

  // A file whose name is given where the name of a secret belongs is not uploaded.
  const std::string file = cluster_.Write("p.yaml", kPipeline);
  const Ran upload = cluster_.Client({"run", "-f", file, "-p", "token=@" + path});
  EXPECT_EQ(upload.code, 2);
  EXPECT_THAT(upload.err, HasSubstr("penstock secret set NAME --from-file"));
  EXPECT_EQ(JsonMember(ParseJson(cluster_.Client({"get", "artifacts", "-o", "json"}).out)
                           .value_or(Json::object()),
                       "artifacts")
                .size(),
            0U);
}

}  // namespace
}  // namespace penstock
