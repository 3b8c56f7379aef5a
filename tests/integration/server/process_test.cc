// Real penstockd processes: start, stop, restart, and every way in which a start is refused.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "penstock/v1/admin.grpc.pb.h"
#include "penstock/v1/pipelines.grpc.pb.h"
#include "penstock/v1/runs.grpc.pb.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

struct Ended {
  int code = -1;
  std::string out;
  std::string err;
};

class PenstockdTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* bin = std::getenv("PENSTOCK_BIN_DIR");
    ASSERT_NE(bin, nullptr) << "run by ctest";
    program_ = std::string(bin) + "/penstockd";
    char pattern[] = "/tmp/penstock-process-XXXXXX";
    folder_ = mkdtemp(pattern);
    data_ = folder_ + "/data";
  }
  void TearDown() override {
    for (const pid_t pid : live_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  std::vector<std::string> FreePorts() const {
    return {"--data-dir", data_, "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"};
  }

  pid_t Spawn(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{program_};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& argument : all) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
      dup2(open((folder_ + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), 1);
      dup2(open((folder_ + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), 2);
      execv(argv[0], argv.data());
      _exit(127);
    }
    live_.push_back(pid);
    return pid;
  }

  // Waits for the end; -1 where it does not come, negative signals otherwise.
  int Wait(pid_t pid, std::chrono::seconds patience = std::chrono::seconds(20)) {
    const auto deadline = Clock::now() + patience;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
      if (Clock::now() > deadline) return -1;
      std::this_thread::yield();
    }
    live_.erase(std::find(live_.begin(), live_.end(), pid));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  Ended Run(const std::vector<std::string>& arguments) {
    Ended ended;
    ended.code = Wait(Spawn(arguments));
    ended.out = ReadFile(folder_ + "/out").value_or("");
    ended.err = ReadFile(folder_ + "/err").value_or("");
    return ended;
  }

  // ready.json of that process; null where it does not come.
  Json Ready(pid_t pid) {
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (Clock::now() < deadline) {
      const auto text = ReadFile(data_ + "/ready.json");
      const auto json = text.ok() ? ParseJson(*text) : Result<Json>(text.status());
      if (json.ok() && JsonInt(*json, "pid") == pid) return *json;
      if (kill(pid, 0) != 0) break;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "not ready: " << ReadFile(folder_ + "/err").value_or("");
    return Json();
  }

  grpc::Status Info(const std::string& address, v1::ServerInfo* info,
                    const std::string& token = {}) {
    auto stub =
        v1::AdminService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    return stub->GetServerInfo(&context, {}, info);
  }

  std::string program_;
  std::string folder_;
  std::string data_;
  std::vector<pid_t> live_;
};

TEST_F(PenstockdTest, ServesSaysWhereAndStopsOnSigterm) {
  const pid_t pid = Spawn(FreePorts());
  const Json ready = Ready(pid);
  v1::ServerInfo info;
  ASSERT_TRUE(Info(JsonString(ready, "grpc"), &info).ok());
  EXPECT_NE(JsonString(ready, "http"), JsonString(ready, "grpc"));
  // A terminal that closes does not stop it.
  kill(pid, SIGHUP);
  ASSERT_TRUE(Info(JsonString(ready, "grpc"), &info).ok());
  const auto before = Clock::now();
  kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_LT(Clock::now() - before, std::chrono::seconds(10));
  EXPECT_FALSE(std::filesystem::exists(data_ + "/ready.json"));
}

// A connection that is kept open, or a request that never ends, does not keep the server.
TEST_F(PenstockdTest, StopsWhileAnHttpClientHoldsOn) {
  const pid_t pid = Spawn(FreePorts());
  const std::string http = JsonString(Ready(pid), "http");
  const int port = std::stoi(http.substr(http.rfind(':') + 1));
  const UniqueFd idle(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd half(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (const UniqueFd* fd : {&idle, &half}) {
    ASSERT_EQ(connect(fd->get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  const std::string whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ASSERT_TRUE(WriteAll(idle.get(), whole, "socket").ok());
  char answer[64];
  ASSERT_GT(read(idle.get(), answer, sizeof(answer)), 0);
  const std::string part = "PUT /v1/artifacts/" + std::string(64, '0') +
                           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nsome";
  ASSERT_TRUE(WriteAll(half.get(), part, "socket").ok());
  const auto before = Clock::now();
  kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_LT(Clock::now() - before, std::chrono::seconds(10));
}

TEST_F(PenstockdTest, RemembersAcrossRestartsAndKills) {
  pid_t pid = Spawn(FreePorts());
  Json ready = Ready(pid);
  v1::ServerInfo first;
  ASSERT_TRUE(Info(JsonString(ready, "grpc"), &first).ok());
  {
    auto stub = v1::PipelineService::NewStub(
        grpc::CreateChannel(JsonString(ready, "grpc"), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::RegisterPipelineRequest request;
    v1::RegisterPipelineResponse response;
    request.mutable_definition()->set_text(
        "apiVersion: penstock/v1\nkind: Pipeline\nname: kept\nsteps: [{name: a, type: noop}]\n");
    ASSERT_TRUE(stub->RegisterPipeline(&context, request, &response).ok());
  }
  kill(pid, SIGKILL);
  EXPECT_EQ(Wait(pid), -SIGKILL);
  // ready.json of the killed one is still there, and is not believed.
  EXPECT_TRUE(std::filesystem::exists(data_ + "/ready.json"));
  pid = Spawn(FreePorts());
  ready = Ready(pid);
  v1::ServerInfo second;
  ASSERT_TRUE(Info(JsonString(ready, "grpc"), &second).ok());
  EXPECT_EQ(second.incarnation(), first.incarnation());
  auto stub = v1::PipelineService::NewStub(
      grpc::CreateChannel(JsonString(ready, "grpc"), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::GetPipelineRequest request;
  v1::Pipeline pipeline;
  request.set_name("kept");
  EXPECT_TRUE(stub->GetPipeline(&context, request, &pipeline).ok());
  kill(pid, SIGINT);
  EXPECT_EQ(Wait(pid), 0);
}

TEST_F(PenstockdTest, OneServerADataDirectory) {
  const pid_t pid = Spawn(FreePorts());
  Ready(pid);
  const Ended second = Run(FreePorts());
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("is held by process " + std::to_string(pid)));
  EXPECT_TRUE(std::filesystem::exists(data_ + "/ready.json")) << "the first one's";
}

TEST_F(PenstockdTest, AnAddressInUseIsOneLine) {
  const pid_t pid = Spawn(FreePorts());
  const Json ready = Ready(pid);
  for (const std::string which : {"grpc", "http"}) {
    const std::string other = which == "grpc" ? "--http-address" : "--grpc-address";
    const Ended ended = Run({"--data-dir", folder_ + "/" + which, "--" + which + "-address",
                             JsonString(ready, which), other, "127.0.0.1:0"});
    EXPECT_EQ(ended.code, 1) << which;
    EXPECT_THAT(ended.err, HasSubstr("the port is in use")) << which;
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/" + which + "/ready.json"));
  }
}

TEST_F(PenstockdTest, OtherAddressesWithoutTlsAndTokensAreRefused) {
  for (const char* flag : {"--grpc-address", "--http-address"}) {
    const Ended ended = Run({"--data-dir", data_, flag, "0.0.0.0:0"});
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.err, HasSubstr("TLS"));
    EXPECT_THAT(ended.err, HasSubstr("auth: required"));
  }
  EXPECT_FALSE(std::filesystem::exists(data_)) << "refused before anything is made";
}

TEST_F(PenstockdTest, WrongSettingsAreRefusedBeforeAnythingIsMade) {
  EXPECT_EQ(Run({"--no-such-flag"}).code, 2);
  EXPECT_EQ(Run({"--config", folder_ + "/none.yaml"}).code, 2);
  const Ended bad = Run({"--data-dir", data_, "--lease-ttl", "soon"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("--lease-ttl"));
  EXPECT_EQ(std::count(bad.err.begin(), bad.err.end(), '\n'), 1) << bad.err;
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(PenstockdTest, ADatabaseThatIsNoneIsRefused) {
  ASSERT_TRUE(MakeFolders(data_).ok());
  ASSERT_TRUE(WriteFileAtomic(data_ + "/penstock.db", std::string(8192, 'x')).ok());
  const Ended ended = Run(FreePorts());
  EXPECT_EQ(ended.code, 2) << "starting again does not mend it";
  EXPECT_THAT(ended.err, HasSubstr(data_ + "/penstock.db"));
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
}

TEST_F(PenstockdTest, PrintsHelpVersionAndSettings) {
  EXPECT_THAT(Run({"--version"}).out, HasSubstr("penstockd 0."));
  EXPECT_THAT(Run({"--help"}).out, HasSubstr("--grpc-address"));
  const Ended printed = Run({"--print-config", "--data-dir", data_});
  EXPECT_EQ(printed.code, 0);
  EXPECT_THAT(printed.out, HasSubstr("dataDir: \"" + data_ + "\""));
}

TEST_F(PenstockdTest, MakesTokensWhileDownThatCountWhenUp) {
  // A misspelt folder is not made.
  const Ended absent = Run({"--data-dir", data_, "--admin-token-create", "root"});
  EXPECT_EQ(absent.code, 2);
  EXPECT_THAT(absent.err, HasSubstr("there is no folder " + data_));
  EXPECT_FALSE(std::filesystem::exists(data_));
  std::filesystem::create_directory(data_);
  const Ended made = Run({"--data-dir", data_, "--admin-token-create", "root", "--role", "admin"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.err, "made a new database in " + data_ + "\nkeep it: it is shown this once\n");
  const Ended second = Run({"--data-dir", data_, "--admin-token-create", "ann"});
  EXPECT_EQ(second.err, "keep it: it is shown this once\n");
  const std::string secret = made.out.substr(0, made.out.find('\n'));
  EXPECT_EQ(secret.size(), 68u);
  EXPECT_EQ(made.out.size(), 69u) << "the secret and nothing else";
  EXPECT_EQ(Run({"--data-dir", data_, "--admin-token-create", "root"}).code, 1);
  std::vector<std::string> arguments = FreePorts();
  arguments.insert(arguments.end(), {"--auth", "required"});
  const pid_t pid = Spawn(arguments);
  const Json ready = Ready(pid);
  v1::ServerInfo info;
  EXPECT_EQ(Info(JsonString(ready, "grpc"), &info).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  ASSERT_TRUE(Info(JsonString(ready, "grpc"), &info, secret).ok());
  EXPECT_EQ(info.principal(), "user:root");
  EXPECT_EQ(Run({"--data-dir", data_, "--admin-token-create", "late"}).code, 1);
}

// The fault points that tests of lost messages build on.
TEST_F(PenstockdTest, LostRequestsDoNothingAndLostRepliesHaveDoneIt) {
  std::vector<std::string> arguments = FreePorts();
  arguments.insert(arguments.end(), {"--faults",
                                     "rpc.request.RegisterPipeline=eio@1,"
                                     "rpc.reply.SubmitRun=eio@1"});
  const pid_t pid = Spawn(arguments);
  const std::string address = JsonString(Ready(pid), "grpc");
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  const auto pipelines = v1::PipelineService::NewStub(channel);
  const auto runs = v1::RunService::NewStub(channel);
  v1::RegisterPipelineRequest apply;
  v1::RegisterPipelineResponse applied;
  apply.mutable_definition()->set_text(
      "apiVersion: penstock/v1\nkind: Pipeline\nname: p\nsteps: [{name: a, type: noop}]\n");
  grpc::ClientContext one, two, three, four;
  EXPECT_EQ(pipelines->RegisterPipeline(&one, apply, &applied).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  ASSERT_TRUE(pipelines->RegisterPipeline(&two, apply, &applied).ok());
  EXPECT_TRUE(applied.created()) << "the lost request did nothing";
  v1::SubmitRunRequest submit;
  v1::SubmitRunResponse submitted;
  submit.set_pipeline("p");
  submit.set_idempotency_key("k");
  EXPECT_EQ(runs->SubmitRun(&three, submit, &submitted).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  ASSERT_TRUE(runs->SubmitRun(&four, submit, &submitted).ok());
  EXPECT_FALSE(submitted.created()) << "the call whose answer was lost made the run";
}

TEST_F(PenstockdTest, TlsShowsItsFingerprint) {
  std::vector<std::string> arguments = FreePorts();
  arguments.insert(arguments.end(), {"--tls", "auto"});
  const pid_t pid = Spawn(arguments);
  const Json ready = Ready(pid);
  EXPECT_TRUE(JsonBool(ready, "tls"));
  const std::string fingerprint = JsonString(ready, "fingerprint");
  EXPECT_EQ(fingerprint.size(), 95u);
  kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_THAT(ReadFile(folder_ + "/err").value_or(""), HasSubstr(fingerprint));
}

}  // namespace
}  // namespace penstock
