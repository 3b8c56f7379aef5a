// The HTTP side, over real connections.

#include <gmock/gmock.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "server/offline.h"
#include "tests/integration/server/server_fixture.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr char kJson[] = "application/json";

// A connection whose bytes are written one by one.
class RawConnection {
 public:
  explicit RawConnection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~RawConnection() { close(fd_); }
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What comes within that time, or until the other side ends.
  std::string Receive(int millis) {
    pollfd ready{fd_, POLLIN, 0};
    std::string all;
    char buffer[4'096];
    while (poll(&ready, 1, millis) > 0) {
      const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      all.append(buffer, static_cast<std::size_t>(got));
      millis = 100;
    }
    return all;
  }

 private:
  const int fd_;
};

class HttpTest : public ServerFixture {
 protected:
  std::unique_ptr<httplib::Client> Client() {
    const auto address = ParseHostPort(daemon_->http_address());
    auto client = std::make_unique<httplib::Client>(address->host, address->port);
    client->set_read_timeout(20);
    return client;
  }
  // Status and JSON of a call.
  std::pair<int, Json> Post(const std::string& method, const std::string& body,
                            const httplib::Headers& headers = {}, const char* type = kJson) {
    const auto result = Client()->Post("/v1/" + method, headers, body, type);
    if (!result) return {0, Json()};
    auto json = ParseJson(result->body);
    return {result->status, json.ok() ? *json : Json(result->body)};
  }
  std::string RegisterBody() { return DumpJson(Json{{"definition", {{"text", kHello}}}}); }
};

TEST_F(HttpTest, ProbesAndMetrics) {
  Start();
  EXPECT_EQ(Client()->Get("/healthz")->status, 200);
  EXPECT_EQ(Client()->Get("/readyz")->status, 200);
  Post("RunService/GetRun", "{\"runId\":\"run-none\"}");
  const auto metrics = Client()->Get("/metrics");
  EXPECT_EQ(metrics->status, 200);
  EXPECT_THAT(metrics->body, HasSubstr("penstock_engine_commit_seconds_count"));
  EXPECT_THAT(metrics->body, HasSubstr("penstock_engine_turn_seconds_count"));
  EXPECT_THAT(metrics->body, HasSubstr("penstock_engine_longest_turn_seconds"));
  EXPECT_THAT(
      metrics->body,
      HasSubstr("penstock_rpc_handled_total{code=\"NOT_FOUND\",method=\"RunService/GetRun\"} 1"));
}

TEST_F(HttpTest, CallsAnyMethod) {
  Start();
  const auto [status, answer] =
      Post("PipelineService/RegisterPipeline", RegisterBody(), {{"X-Penstock-User", "web"}});
  EXPECT_EQ(status, 200) << answer;
  EXPECT_EQ(answer["pipeline"]["name"], "hello");
  EXPECT_EQ(answer["pipeline"]["stepCount"], 2);
  EXPECT_EQ(answer["pipeline"]["created"]["principal"], "local:web");
  const auto [empty_status, info] = Post("AdminService/GetServerInfo", "");
  EXPECT_EQ(empty_status, 200);
  EXPECT_EQ(info["role"], "admin");
  // snake_case is as good on the way in.
  const auto [snake, list] = Post("RunService/ListRuns", "{\"page\":{\"page_size\":1}}");
  EXPECT_EQ(snake, 200) << list;
}

TEST_F(HttpTest, ABodyWithASecretIsNotQuoted) {
  Start();
  const auto [status, secret] =
      Post("SecretService/PutSecret", R"({"name": "hub", "value": "hunter2-hunter2"})");
  EXPECT_EQ(status, 200) << secret;
  EXPECT_EQ(secret["version"], 1);
  EXPECT_THAT(DumpJson(secret), testing::Not(HasSubstr("hunter2")));
  for (const char* body : {R"({"name": "hub", "value": "hunter2-hunter2")",
                           R"({"name": "hub", "value": ["hunter2-hunter2"]})",
                           R"({"hunter2-hunter2": 1})", R"({"name": "A B", "value": "hunter2"})"}) {
    const auto [code, error] = Post("SecretService/PutSecret", body);
    EXPECT_EQ(code, 400);
    EXPECT_THAT(DumpJson(error), testing::Not(HasSubstr("hunter2"))) << body;
  }
  EXPECT_EQ(Post("SecretService/ListSecrets", "{}").second["secrets"][0]["name"], "hub");
}

TEST_F(HttpTest, ErrorsCarryCodeReasonAndProblems) {
  Start();
  const std::string bad =
      DumpJson(Json{{"definition", {{"text", "kind: Pipeline\nname: x\nsteps: []\n"}}}});
  const auto [status, error] = Post("PipelineService/RegisterPipeline", bad);
  EXPECT_EQ(status, 400);
  EXPECT_EQ(error["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(error["reason"], "INVALID_DEFINITION");
  EXPECT_FALSE(error["problems"].empty());
  EXPECT_EQ(Post("RunService/GetRun", "{\"runId\":\"run-none\"}").first, 404);
}

TEST_F(HttpTest, BadRequestsAreTold) {
  Start();
  const auto unknown_field = Post("RunService/GetRun", "{\"nonsense\":1}");
  EXPECT_EQ(unknown_field.first, 400);
  EXPECT_THAT(unknown_field.second["message"], HasSubstr("nonsense"));
  EXPECT_EQ(Post("RunService/GetRun", "{not json").first, 400);
  EXPECT_EQ(Post("RunService/GetRun", std::string(100'000, '[')).first, 400);
  EXPECT_EQ(Post("RunService/GetRun", "{}", {}, "text/plain").first, 415);
  const auto unknown_service = Post("RunServices/GetRun", "{}");
  EXPECT_EQ(unknown_service.first, 404);
  EXPECT_THAT(unknown_service.second["message"], HasSubstr("RunService"));
  const auto unknown_method = Post("RunService/GetRuns", "{}");
  EXPECT_EQ(unknown_method.first, 404);
  EXPECT_THAT(unknown_method.second["message"], HasSubstr("GetRun"));
  EXPECT_THAT(Post("ArtifactService/UploadBlob", "{}").second["message"],
              HasSubstr("PUT /v1/artifacts"));
  EXPECT_EQ(Client()->Get("/etc/passwd")->status, 404);
  EXPECT_EQ(Client()->Get("/v1/artifacts/..%2f..%2fLOCK")->status, 404);
  EXPECT_EQ(Client()->Get("/v1/artifacts/abc")->status, 400);
}

TEST_F(HttpTest, BodiesOverTheLimitAreRefusedAndTheConnectionLives) {
  Start();
  auto client = Client();
  client->set_keep_alive(true);
  const auto large = client->Post("/v1/RunService/GetRun", std::string((16 << 20) + 1, ' '), kJson);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->status, 413);
  const auto next = client->Post("/v1/AdminService/GetServerInfo", "{}", kJson);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->status, 200);
}

TEST_F(HttpTest, FormsAreRefusedAndTheConnectionLives) {
  Start();
  auto client = Client();
  client->set_keep_alive(true);
  const httplib::MultipartFormDataItems form = {{"a", "b", "a.txt", "text/plain"}};
  const auto call = client->Post("/v1/RunService/ListRuns", form);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->status, 415) << call->body;
  const auto put = client->Put("/v1/artifacts/" + FormatDigest(Sha256("b")), form);
  ASSERT_TRUE(put);
  EXPECT_EQ(put->status, 415) << put->body;
  const auto next = client->Post("/v1/AdminService/GetServerInfo", "{}", kJson);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->status, 200);
}

// What is left of a form's body must not become the next request: a page of another site could
// write it, and no browser has marked it as such.
TEST_F(HttpTest, WhatAFormHoldsIsNeverTakenForARequest) {
  Start();
  const std::string inner =
      "POST /v1/AdminService/GetServerInfo HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  const auto address = ParseHostPort(daemon_->http_address());
  ASSERT_TRUE(address.ok());
  for (const char* type : {"multipart/form-data", "multipart/form-data; boundary=x"}) {
    for (const char* path : {"/v1/RunService/ListRuns", "/v1/no/such/path"}) {
      RawConnection connection(address->port);
      connection.Send(std::string("POST ") + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                      "Content-Type: " + type +
                      "\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n\r\n");
      // Whoever does not read the body answers now.
      std::string all = connection.Receive(200);
      connection.Send(inner);
      all += connection.Receive(5'000);
      connection.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      all += connection.Receive(5'000);
      EXPECT_TRUE(all.starts_with("HTTP/1.1 4")) << type << " " << path << "\n" << all;
      // Two requests were sent, and two are answered.
      EXPECT_TRUE(all.ends_with("ok\n")) << type << " " << path << "\n" << all;
      int answers = 0;
      for (auto at = all.find("HTTP/1.1 "); at != all.npos; at = all.find("HTTP/1.1 ", at + 1)) {
        ++answers;
      }
      EXPECT_EQ(answers, 2) << type << " " << path << "\n" << all;
    }
  }
}

// gRPC ends the process over metadata that it cannot carry.
TEST_F(HttpTest, HeadersThatGrpcCannotCarryAreRefused) {
  Start();
  for (const char* name : {"Authorization", "X-Penstock-User"}) {
    const auto [status, error] =
        Post("AdminService/GetServerInfo", "{}", {{name, "Bearer \xc3\xa9"}});
    EXPECT_EQ(status, 400) << name;
    EXPECT_THAT(error["message"], HasSubstr(name));
  }
  EXPECT_EQ(Post("AdminService/GetServerInfo", "{}").first, 200);
}

TEST_F(HttpTest, PagesOfOtherSitesAreRefused) {
  Start();
  EXPECT_EQ(Post("AdminService/GetServerInfo", "{}", {{"Origin", "http://evil.example"}}).first,
            403);
  EXPECT_EQ(Post("AdminService/GetServerInfo", "{}", {{"Host", "evil.example:80"}}).first, 403);
  EXPECT_EQ(Post("AdminService/GetServerInfo", "{}", {{"Sec-Fetch-Site", "cross-site"}}).first,
            403);
  const std::string own = "http://" + daemon_->http_address();
  EXPECT_EQ(Post("AdminService/GetServerInfo", "{}", {{"Origin", own}}).first, 200);
}

TEST_F(HttpTest, StreamsAreLinesOfJson) {
  Start();
  Register(kHello);
  const v1::Run run = Submit("hello");
  std::vector<Json> lines;
  std::string rest;
  bool cancelled = false;
  const auto result =
      Client()->Post("/v1/RunService/CancelRun", DumpJson(Json{{"runId", run.run_id()}}), kJson);
  EXPECT_EQ(result->status, 200);
  const auto watched =
      Client()->Post("/v1/RunService/WatchRun", DumpJson(Json{{"runId", run.run_id()}}), kJson);
  ASSERT_TRUE(watched);
  EXPECT_EQ(watched->status, 200);
  EXPECT_EQ(watched->get_header_value("Content-Type"), "application/x-ndjson");
  std::istringstream text(watched->body);
  for (std::string line; std::getline(text, line);) {
    const auto json = ParseJson(line);
    ASSERT_TRUE(json.ok()) << line;
    cancelled = (*json)["run"]["state"] == "CANCELLED";
  }
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(Post("RunService/WatchRun", "{\"runId\":\"run-none\"}").first, 404);
}

TEST_F(HttpTest, AClientThatLeavesEndsItsStream) {
  Start();
  Register(kHello);
  const v1::Run run = Submit("hello");
  httplib::Request request;
  request.method = "POST";
  request.path = "/v1/RunService/WatchRun";
  request.body = DumpJson(Json{{"runId", run.run_id()}});
  request.set_header("Content-Type", kJson);
  int chunks = 0;
  request.content_receiver = [&chunks](const char*, std::size_t, uint64_t, uint64_t) {
    ++chunks;
    return false;
  };
  EXPECT_FALSE(Client()->send(request));
  EXPECT_EQ(chunks, 1);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bool closed = false;
  while (!closed && std::chrono::steady_clock::now() < deadline) {
    const auto metrics = Client()->Get("/metrics");
    ASSERT_TRUE(metrics);
    closed = metrics->body.find("penstock_rpc_open_streams 0") != std::string::npos;
  }
  EXPECT_TRUE(closed);
}

TEST_F(HttpTest, ArtifactsArePutAndGot) {
  Start();
  std::string bytes;
  for (int i = 0; i < 1'500'000; ++i) bytes += static_cast<char>(i * 7 % 253);
  const std::string path = "/v1/artifacts/" + FormatDigest(Sha256(bytes));
  EXPECT_EQ(Client()->Get(path)->status, 404);
  const auto put = Client()->Put(path, bytes, "application/octet-stream");
  ASSERT_TRUE(put);
  EXPECT_EQ(put->status, 200) << put->body;
  EXPECT_EQ(JsonString(*ParseJson(put->body), "size"), "1500000");
  const auto got = Client()->Get(path);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->body == bytes);
  const auto part = Client()->Get(path, {httplib::make_range_header({{1'000'000, 1'000'009}})});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->status, 206);
  EXPECT_EQ(part->body, bytes.substr(1'000'000, 10));
  const auto wrong = Client()->Put(path, "other bytes", "application/octet-stream");
  EXPECT_EQ(wrong->status, 200) << "what is there already is there: " << wrong->body;
  const std::string other = "/v1/artifacts/" + FormatDigest(Sha256("x"));
  EXPECT_EQ(Client()->Put(other, "y", "application/octet-stream")->status, 400);
  EXPECT_EQ(Client()->Put("/v1/artifacts/12", "y", "application/octet-stream")->status, 400);
}

// More at once than there are threads: a handler that waited for the store to read on would be one
// thread less, until the server answers nobody.
TEST_F(HttpTest, WhatIsThereAlreadyIsAnsweredAtOnceHoweverManyPutIt) {
  Start();
  for (const std::size_t size : {1, 8'000, 300'000, 3'000'000}) {
    const std::string bytes(size, 'b');
    const std::string path = "/v1/artifacts/" + FormatDigest(Sha256(bytes));
    const auto first = Client()->Put(path, bytes, "application/octet-stream");
    ASSERT_TRUE(first);
    EXPECT_FALSE(JsonBool(*ParseJson(first->body), "existed", true)) << first->body;
    const auto again = Client()->Put(path, bytes, "application/octet-stream");
    ASSERT_TRUE(again) << "no answer to " << size << " bytes";
    EXPECT_EQ(again->status, 200) << again->body;
    EXPECT_TRUE(JsonBool(*ParseJson(again->body), "existed", false)) << again->body;
    EXPECT_EQ(JsonString(*ParseJson(again->body), "size"), std::to_string(size));
  }
  const std::string bytes(300'000, 'b');
  const std::string path = "/v1/artifacts/" + FormatDigest(Sha256(bytes));
  std::atomic<int> existed{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 60; ++i) {
    clients.emplace_back([&] {
      const auto put = Client()->Put(path, bytes, "application/octet-stream");
      if (put && put->status == 200) {
        ++existed;
      } else {
        ADD_FAILURE() << (put ? put->body : "no answer: " + httplib::to_string(put.error()));
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(existed, 60);
  EXPECT_EQ(Client()->Get("/healthz")->status, 200);
  EXPECT_TRUE(daemon_->Stop()) << "handlers are left waiting";
}

// What the store refuses at its first message, with the rest of the body still to come.
TEST_F(HttpTest, APutThatIsRefusedIsReadToItsEndAndAnswered) {
  config_.auth = AuthMode::kRequired;
  Start();
  const std::string bytes(300'000, 'r');
  auto client = Client();
  client->set_keep_alive(true);
  const std::string path = "/v1/artifacts/" + FormatDigest(Sha256(bytes));
  for (int i = 0; i < 3; ++i) {
    const auto put = client->Put(path, bytes, "application/octet-stream");
    ASSERT_TRUE(put) << httplib::to_string(put.error());
    EXPECT_EQ(put->status, 401) << put->body;
  }
  EXPECT_EQ(client->Get("/healthz")->status, 200);
}

// Its handler ends with it, and what it sent is not kept.
TEST_F(HttpTest, AClientThatLeavesWithinABodyLeavesNothing) {
  Start();
  const std::string bytes(300'000, 'l');
  const std::string path = "/v1/artifacts/" + FormatDigest(Sha256(bytes));
  for (int i = 0; i < 3; ++i) {
    const auto put = Client()->Put(
        path, bytes.size(),
        [&](std::size_t offset, std::size_t, httplib::DataSink& sink) {
          return offset == 0 && sink.write(bytes.data(), 100'000);
        },
        "application/octet-stream");
    EXPECT_FALSE(put);
  }
  EXPECT_EQ(Client()->Get(path)->status, 404);
  EXPECT_TRUE(daemon_->Stop());
}

TEST_F(HttpTest, WhereTokensAreRequiredOnlyProbesAnswerWithoutOne) {
  const auto token = CreateOfflineToken(config_, "ann", Role::kUser, "t");
  ASSERT_TRUE(token.ok()) << token.status();
  config_.auth = AuthMode::kRequired;
  Start();
  EXPECT_EQ(Client()->Get("/healthz")->status, 200);
  EXPECT_EQ(Client()->Get("/readyz")->status, 200);
  EXPECT_EQ(Client()->Get("/metrics")->status, 401);
  EXPECT_EQ(Post("AdminService/GetServerInfo", "{}").first, 401);
  const std::string path = "/v1/artifacts/" + FormatDigest(Sha256("x"));
  EXPECT_EQ(Client()->Put(path, "x", "application/octet-stream")->status, 401);
  const httplib::Headers with{{"Authorization", "Bearer " + *token}};
  EXPECT_EQ(Post("AdminService/GetServerInfo", "{}", with).second["principal"], "user:ann");
  EXPECT_EQ(Post("AdminService/ListTokens", "{}", with).first, 403);
  EXPECT_EQ(Client()->Get("/metrics", with)->status, 200);
}

TEST_F(HttpTest, TlsIsThatOfGrpc) {
  config_.tls = TlsMode::kAuto;
  Start();
  const auto address = ParseHostPort(daemon_->http_address());
  httplib::SSLClient client(address->host, address->port);
  client.set_ca_cert_path((config_.data_dir + "/tls/server.crt").c_str());
  client.enable_server_certificate_verification(true);
  const auto health = client.Get("/healthz");
  ASSERT_TRUE(health) << httplib::to_string(health.error());
  EXPECT_EQ(health->status, 200);
  httplib::SSLClient distrusting(address->host, address->port);
  distrusting.enable_server_certificate_verification(true);
  EXPECT_FALSE(distrusting.Get("/healthz"));
}

}  // namespace
}  // namespace penstock
