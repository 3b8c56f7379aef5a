#include <zlib.h>

#include <atomic>
#include <chrono>

#include "tests/contract/import/import_bench.h"
#include "tests/support/data_server.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Reply = DataServer::Reply;
using Request = DataServer::Request;

class HttpImport : public ImportBench {
 protected:
  std::atomic<bool> cut_ = false;  // the next body
};

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Megabytes(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; bytes.size() < count << 20; ++i) bytes += std::to_string(i * i) + "\n";
  return bytes;
}

DataServer::Handler Always(Reply reply) {
  return [reply = std::move(reply)](const Request&) { return reply; };
}

// Answers in turn; the last one for ever.
DataServer::Handler InTurn(std::vector<Reply> replies) {
  auto next = std::make_shared<std::atomic<std::size_t>>(0);
  return [next, replies = std::move(replies)](const Request&) {
    return replies[std::min((*next)++, replies.size() - 1)];
  };
}

TEST_F(HttpImport, BringsAFile) {
  const DataServer server(Always({.body = "a,b\n1,2\n"}));
  const auto outcome = Run({{"uri", server.url("/sets/a.csv?day=1")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->outputs.size(), 1u);
  EXPECT_EQ(outcome->outputs[0].name, "data");
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kFile);
  EXPECT_EQ(Bytes(), "a,b\n1,2\n");
  EXPECT_EQ(outcome->metrics.at("bytes"), 8);
  EXPECT_EQ(outcome->metrics.at("files"), 1);
  ASSERT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.requests()[0].target, "/sets/a.csv?day=1");
  EXPECT_EQ(server.requests()[0].header("accept-encoding"), "identity");
  EXPECT_EQ(step_.progress_, 1);
}

TEST_F(HttpImport, AnEmptyFileIsOne) {
  const DataServer server(Always({.body = ""}));
  ASSERT_TRUE(Run({{"uri", server.url("/a.csv")}}).ok());
  EXPECT_EQ(Bytes(), "");
}

TEST_F(HttpImport, SendsItsHeadersAndShowsNone) {
  const DataServer server([](const Request& request) -> Reply {
    return request.header("authorization") == "Bearer s3cr3t-token" ? Reply{.body = "ok"}
                                                                    : Reply{.status = 401};
  });
  const auto good =
      Run({{"uri", server.url("/a")}, {"headers", {{"Authorization", "Bearer s3cr3t-token"}}}});
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_THAT(Everything(good), Not(HasSubstr("s3cr3t")));
  const auto bad =
      Run({{"uri", server.url("/a")}, {"headers", {{"Authorization", "Bearer s3cr3t-wrong"}}}});
  EXPECT_EQ(bad.status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(bad.status().message(), HasSubstr("/a answered 401; it wants other credentials"));
  EXPECT_THAT(Everything(bad), Not(HasSubstr("s3cr3t")));
  EXPECT_EQ(server.requests().size(), 2u) << "nobody tries a wrong key again";
  const auto broken = Run({{"uri", server.url("/a")}, {"headers", {{"X", "a\r\nY: b"}}}});
  EXPECT_EQ(broken.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(HttpImport, SaysWhatTheServerAnswers) {
  const DataServer server([](const Request& request) -> Reply {
    return {.status = std::stoi(request.target.substr(1))};
  });
  const std::map<std::string, StatusCode> codes = {{"403", StatusCode::kPermissionDenied},
                                                   {"404", StatusCode::kNotFound},
                                                   {"410", StatusCode::kNotFound},
                                                   {"418", StatusCode::kFailedPrecondition},
                                                   {"204", StatusCode::kFailedPrecondition}};
  for (const auto& [status, code] : codes) {
    const auto outcome = Run({{"uri", server.url("/" + status + "?secret-looking=1")}});
    EXPECT_EQ(outcome.status().code(), code) << outcome.status();
    EXPECT_THAT(outcome.status().message(),
                StartsWith(server.url("/" + status) + " answered " + status));
    EXPECT_THAT(Everything(outcome), Not(HasSubstr("secret-looking")));
  }
  EXPECT_EQ(server.requests().size(), codes.size()) << "one request each";
}

TEST_F(HttpImport, TriesAgainWhatMayPass) {
  const DataServer server(InTurn(
      {{.status = 500}, {.status = 503, .headers = {{"Retry-After", "0"}}}, {.body = "there"}}));
  const auto outcome = Run({{"uri", server.url("/a")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(Bytes(), "there");
  EXPECT_THAT(step_.log_, HasSubstr("/a answered 500; trying again in 250ms"));
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(HttpImport, GivesUpAfterFourTries) {
  const DataServer server(Always({.status = 502}));
  const auto outcome = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(outcome.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(outcome.status().message(), HasSubstr("answered 502 (after 4 tries)"));
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST_F(HttpImport, NobodyThereIsTriedAgain) {
  sources_ = {"http://127.0.0.1:1"};
  const auto outcome = Run({{"uri", "http://127.0.0.1:1/a"}});
  EXPECT_EQ(outcome.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(outcome.status().message(),
              AllOf(StartsWith("http://127.0.0.1:1/a: "), HasSubstr("(after 4 tries)")));
}

TEST_F(HttpImport, ResumesABodyThatWasCut) {
  const std::string whole = Megabytes(5);
  const DataServer server([&](const Request& request) -> Reply {
    const std::string range = request.header("range");
    if (range.empty()) {
      return {.body = whole.substr(0, 2 << 20),
              .headers = {{"ETag", "\"v1\""}},
              .length = whole.size()};
    }
    if (request.header("if-range") != "\"v1\"") return {.status = 500};
    const std::size_t first = std::stoul(range.substr(6));
    return {.status = 206,
            .body = whole.substr(first),
            .headers = {{"ETag", "\"v1\""},
                        {"Content-Range", "bytes " + std::to_string(first) + "-" +
                                              std::to_string(whole.size() - 1) + "/" +
                                              std::to_string(whole.size())}}};
  });
  const auto outcome = Run({{"uri", server.url("/a")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(Bytes() == whole);
  EXPECT_EQ(outcome->metrics.at("bytes"), static_cast<double>(whole.size()));
  ASSERT_EQ(server.requests().size(), 2u);
  EXPECT_THAT(step_.log_, HasSubstr(", from byte 2097152"));
}

TEST_F(HttpImport, BeginsAnewWhereTheContentChangedMeanwhile) {
  const std::string first = Megabytes(2);
  const std::string second = "another content";
  const DataServer server(InTurn(
      {{.body = first.substr(0, 1 << 20), .headers = {{"ETag", "\"1\""}}, .length = first.size()},
       {.body = second, .headers = {{"ETag", "\"2\""}}}}));
  const auto outcome = Run({{"uri", server.url("/a")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(Bytes(), second);
  EXPECT_EQ(outcome->metrics.at("bytes"), static_cast<double>(second.size()));
}

TEST_F(HttpImport, ARangeThatWasNotAskedForIsNotTaken) {
  const std::string whole = Megabytes(2);
  for (const int status : {206, 416}) {
    const DataServer server([&](const Request& request) -> Reply {
      if (!request.header("range").empty()) {
        return {.status = status,
                .body = "wrong",
                .headers = {{"Content-Range", "bytes 5-9/10"}, {"ETag", "\"v1\""}}};
      }
      const bool cut = cut_.exchange(false);
      return {.body = whole.substr(0, cut ? 1 << 20 : whole.size()),
              .headers = {{"ETag", "\"v1\""}},
              .length = cut ? whole.size() : 0};
    });
    cut_ = true;
    const auto outcome = Run({{"uri", server.url("/a")}});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_TRUE(Bytes() == whole) << status;
    EXPECT_EQ(server.requests().size(), 3u) << "cut, refused, and all of it";
  }
}

TEST_F(HttpImport, ABodyThatIsAlwaysCutIsNoFile) {
  const DataServer server(Always({.body = "half", .length = 8}));
  const auto outcome = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(outcome.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(outcome.status().message(), HasSubstr("the connection ended before the body did"));
  EXPECT_EQ(server.requests().size(), 4u);
  for (const Request& request : server.requests()) {
    EXPECT_EQ(request.header("range"), "") << "without a validator nothing says it is the same";
  }
}

TEST_F(HttpImport, ABodyWithoutALengthIsTakenWithAWarning) {
  const DataServer server(Always({.body = "all of it?", .lengthless = true}));
  const auto outcome = Run({{"uri", server.url("/a")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(Bytes(), "all of it?");
  EXPECT_THAT(step_.log_, HasSubstr("warning: " + server.url("/a") + ": the server does not say"));
}

TEST_F(HttpImport, WhatBringsNothingIsBrokenOff) {
  const DataServer server(
      InTurn({{.body = "ha", .length = 100, .stall = true}, {.body = "whole"}}));
  const auto outcome = Run({{"uri", server.url("/a")}, {"stall_timeout", "200ms"}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(Bytes(), "whole");
  EXPECT_THAT(step_.log_, HasSubstr("nothing came for 200ms"));
}

TEST_F(HttpImport, FollowsRedirects) {
  const DataServer server([](const Request& request) -> Reply {
    if (request.target == "/old") return {.status = 301, .headers = {{"Location", "new?x=1"}}};
    return request.target == "/new?x=1" ? Reply{.body = "moved"} : Reply{.status = 404};
  });
  const auto outcome = Run({{"uri", server.url("/old")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(Bytes(), "moved");
}

TEST_F(HttpImport, FollowsNoMoreThanFiveRedirects) {
  const DataServer server(Always({.status = 302, .headers = {{"Location", "/again"}}}));
  const auto outcome = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(outcome.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(outcome.status().message(), HasSubstr("/a redirects more than 5 times"));
  EXPECT_EQ(server.requests().size(), 6u);
}

TEST_F(HttpImport, ARedirectLeadsNowhereThatIsNotAllowed) {
  const DataServer other(Always({.body = "inner"}));
  const DataServer server([&](const Request& request) -> Reply {
    if (request.target == "/scheme")
      return {.status = 302, .headers = {{"Location", "file:///etc/passwd"}}};
    if (request.target == "/user") {
      return {.status = 302, .headers = {{"Location", "http://a:b@127.0.0.1/"}}};
    }
    return {.status = 302, .headers = {{"Location", other.url("/x?sig=hidden")}}};
  });
  sources_ = {"http://127.0.0.1:" + std::to_string(server.port())};
  const auto outcome = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(outcome.status().reason(), "SOURCE_NOT_ALLOWED");
  EXPECT_THAT(
      outcome.status().message(),
      AllOf(HasSubstr("/a redirects to " + other.url("/x") + ": "),
            HasSubstr("is none of the data sources of this worker"), Not(HasSubstr("hidden"))));
  EXPECT_THAT(other.requests(), IsEmpty());
  for (const char* target : {"/scheme", "/user"}) {
    EXPECT_EQ(Run({{"uri", server.url(target)}}).status().reason(), "SOURCE_NOT_ALLOWED") << target;
  }
}

TEST_F(HttpImport, HeadersStayWithTheServerThatTheyAreFor) {
  const DataServer other(Always({.body = "ok"}));
  const DataServer server(Always({.status = 307, .headers = {{"Location", other.url("/x")}}}));
  ASSERT_TRUE(Run({{"uri", server.url("/a")}, {"headers", {{"X-Key", "mine"}}}}).ok());
  EXPECT_EQ(server.requests()[0].header("x-key"), "mine");
  EXPECT_EQ(other.requests()[0].header("x-key"), "");
}

TEST_F(HttpImport, TakesOffAnEncodingThatNobodyAskedFor) {
  const std::string text = Megabytes(1);
  const DataServer server(
      Always({.body = Gzip(text), .headers = {{"Content-Encoding", "gzip"}, {"ETag", "\"e\""}}}));
  ASSERT_TRUE(Run({{"uri", server.url("/a.csv")}}).ok());
  EXPECT_TRUE(Bytes() == text);
  // A file that is compressed stays as it is, whatever the server calls that.
  ASSERT_TRUE(Run({{"uri", server.url("/a.csv.gz")}}).ok());
  EXPECT_TRUE(Bytes() == Gzip(text));
}

TEST_F(HttpImport, ReadsNoMoreThanItMay) {
  const DataServer server([](const Request& request) -> Reply {
    const std::string body(2'000, 'x');
    if (request.target == "/gzip") {
      return {.body = Gzip(body), .headers = {{"Content-Encoding", "gzip"}}};
    }
    return {.body = body, .lengthless = request.target == "/lengthless"};
  });
  for (const char* target : {"/a", "/lengthless", "/gzip"}) {
    const auto outcome = Run({{"uri", server.url(target)}, {"max_size", "1KB"}});
    EXPECT_EQ(outcome.status().reason(), "IMPORT_TOO_LARGE") << target << outcome.status();
    EXPECT_THAT(outcome.status().message(), HasSubstr("raise with.max_size"));
  }
  EXPECT_TRUE(Run({{"uri", server.url("/a")}, {"max_size", "2KB"}}).ok());
}

TEST_F(HttpImport, StopsInMidTransfer) {
  const DataServer server(Always({.body = "some", .length = 1'000'000, .stall = true}));
  step_.cancel_after_ = 3;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Run({{"uri", server.url("/a")}}).status().code(), StatusCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpImport, ReadsOnlyWhatTheOperatorAllows) {
  const DataServer server(Always({.body = "x"}));
  sources_ = {};
  const auto none = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(none.status().reason(), "SOURCE_NOT_ALLOWED");
  EXPECT_THAT(none.status().message(),
              HasSubstr("is none of the data sources of this worker (it has none); ask its "
                        "operator to add it to dataSources"));
  sources_ = {"http://127.0.0.1:" + std::to_string(server.port()) + "/sets"};
  EXPECT_EQ(Run({{"uri", server.url("/setsuna")}}).status().reason(), "SOURCE_NOT_ALLOWED");
  EXPECT_TRUE(Run({{"uri", server.url("/sets/a")}}).ok());
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpImport, AWildcardReachesNoPrivateAddress) {
  const DataServer server(Always({.body = "x"}));
  sources_ = {"http://*:*"};
  const auto outcome = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(outcome.status().reason(), "ADDRESS_REFUSED");
  EXPECT_THAT(outcome.status().message(), HasSubstr("its host has the address 127.0.0.1"));
  // The name decides nothing, where it leads does.
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(Run({{"uri", "http://localhost:" + port + "/a"}}).status().reason(), "ADDRESS_REFUSED");
  EXPECT_EQ(Run({{"uri", "http://2130706433:" + port + "/a"}}).status().reason(),
            "ADDRESS_REFUSED");
  EXPECT_EQ(Run({{"uri", "http://[::ffff:127.0.0.1]:" + port + "/a"}}).status().reason(),
            "ADDRESS_REFUSED");
  EXPECT_THAT(server.requests(), IsEmpty());
  sources_ = {"http://localhost:*"};
  EXPECT_TRUE(Run({{"uri", "http://localhost:" + port + "/a"}}).ok());
}

TEST_F(HttpImport, UsesNoProxyOfTheEnvironment) {
  const DataServer server(Always({.body = "direct"}));
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto outcome = Run({{"uri", server.url("/a")}});
  unsetenv("http_proxy");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
}

TEST_F(HttpImport, TrustsWhomItIsToldToAndNobodyElse) {
  MakeCertificate(step_.folder_.path());
  const std::string certificate = step_.folder_.path() / "cert.pem";
  const DataServer server(Always({.body = "by TLS"}), certificate,
                          step_.folder_.path() / "key.pem");
  const auto refused = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(refused.status().code(), StatusCode::kFailedPrecondition) << refused.status();
  EXPECT_THAT(refused.status().message(),
              AllOf(StartsWith(server.url("/a")), HasSubstr("certificate")));
  EXPECT_THAT(server.requests(), IsEmpty());
  ca_ = certificate;
  const auto trusted = Run({{"uri", server.url("/a")}});
  ASSERT_TRUE(trusted.ok()) << trusted.status();
  EXPECT_EQ(Bytes(), "by TLS");
  // The name must be the certificate's, too.
  sources_ = {"https://localhost:*"};
  const std::string other = "https://localhost:" + std::to_string(server.port()) + "/a";
  EXPECT_EQ(Run({{"uri", other}}).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(HttpImport, IsNotLedFromTlsIntoTheOpen) {
  MakeCertificate(step_.folder_.path());
  ca_ = step_.folder_.path() / "cert.pem";
  const DataServer open(Always({.body = "x"}));
  const DataServer server(Always({.status = 302, .headers = {{"Location", open.url("/x")}}}), ca_,
                          step_.folder_.path() / "key.pem");
  const auto outcome = Run({{"uri", server.url("/a")}});
  EXPECT_EQ(outcome.status().reason(), "SOURCE_NOT_ALLOWED");
  EXPECT_THAT(outcome.status().message(), HasSubstr("where nothing protects it on the way"));
  EXPECT_THAT(open.requests(), IsEmpty());
}

TEST_F(HttpImport, KeepsUnusualNames) {
  const DataServer server([](const Request& request) -> Reply { return {.body = request.target}; });
  ASSERT_TRUE(Run({{"uri", server.url("/a b+c%20d%2Be/é.csv")}}).ok());
  EXPECT_EQ(Bytes(), "/a%20b+c%20d%2Be/%C3%A9.csv");
}

}  // namespace
}  // namespace penstock
