#include <algorithm>
#include <atomic>
#include <memory>

#include "tests/contract/import/import_bench.h"
#include "tests/support/s3_server.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Reply = DataServer::Reply;
using Request = DataServer::Request;

class S3Import : public ImportBench {
 protected:
  // A step that reads `uri` with the keys that the server wants.
  Json Step(const S3Server& server, const std::string& uri) {
    const S3Server::Options& options = server.options();
    Json parameters = {{"uri", uri}, {"endpoint", server.endpoint()}, {"region", options.region}};
    if (!options.access_key.empty()) {
      parameters["access_key"] = options.access_key;
      parameters["secret_key"] = options.secret_key;
    }
    if (!options.session_token.empty()) parameters["session_token"] = options.session_token;
    return parameters;
  }
  Result<StepOutcome> Read(const S3Server& server, const std::string& uri) {
    return Run(Step(server, uri));
  }
};

const std::vector<std::string>& OddNames() {
  static const std::vector<std::string> names = {
      "plain.csv",   "with blank.csv",   "a+b.csv",         "100%.csv",    "50%25.csv",
      "q?x=1&y=2",   "hash#1",           "ümläut/日本.csv", "a=b;c,d:e@f", "quote\"'<>|.csv",
      "back\\slash", "~tilde(1)*!$.csv", "[x]{y}^`.csv",    "UPPER/lower"};
  return names;
}

TEST_F(S3Import, ReadsOneObject) {
  S3Server server({});
  server.Put("days/1.csv", "x\n1\n");
  const auto outcome = Read(server, "s3://data/days/1.csv");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kFile);
  EXPECT_EQ(Bytes(), "x\n1\n");
}

TEST_F(S3Import, ReadsObjectsOfAnyName) {
  S3Server server({});
  for (const std::string& name : OddNames()) server.Put(name, "of " + name);
  for (const std::string& name : OddNames()) {
    const auto outcome = Read(server, "s3://data/" + name);
    ASSERT_TRUE(outcome.ok()) << name << outcome.status();
    EXPECT_EQ(Bytes(), "of " + name);
  }
}

TEST_F(S3Import, ReadsAFolderOfManyPages) {
  S3Server server({.page = 3});
  std::map<std::string, std::string> expected;
  for (const std::string& name : OddNames()) {
    server.Put("sets of/2026+1/" + name, "in " + name);
    expected[name] = "in " + name;
  }
  server.Put("sets of/2026+1/", "");  // what consoles make for a folder
  server.Put("sets of/2026+10.csv", "not asked for");
  const auto outcome = Read(server, "s3://data/sets of/2026+1/");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kDataset);
  EXPECT_EQ(TreeBytes(step_.output_ / "data"), expected);
  EXPECT_EQ(outcome->metrics.at("files"), static_cast<double>(expected.size()));
  EXPECT_EQ(step_.progress_, 1);
}

TEST_F(S3Import, ReadsAWholeBucketByTheHostsName) {
  S3Server server({.bucket = "bucket-1", .region = "eu-central-1"});
  server.Put("a/b.csv", "1");
  server.Put("c.csv", "2");
  Json step = Step(server, "s3://bucket-1");
  step["endpoint"] = "http://localhost:" + std::to_string(server.port());
  step["path_style"] = false;
  sources_ = {"http://localhost:*/bucket-1"};
  const auto outcome = Run(step);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(TreeBytes(step_.output_ / "data"),
            (std::map<std::string, std::string>{{"a/b.csv", "1"}, {"c.csv", "2"}}));
  EXPECT_THAT(server.requests().back().header("host"), StartsWith("bucket-1.localhost:"));
}

TEST_F(S3Import, SignsWithASessionsToken) {
  S3Server server({.session_token = "FwoGZXIvYXdzE+/=="});
  server.Put("a/x.csv", "1");
  ASSERT_TRUE(Read(server, "s3://data/a/").ok());
  Json step = Step(server, "s3://data/a/");
  step.erase("session_token");
  EXPECT_EQ(Run(step).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(S3Import, ReadsWhatIsOpenWithoutKeys) {
  S3Server server({.access_key = "", .secret_key = ""});
  server.Put("a/x.csv", "1");
  ASSERT_TRUE(Read(server, "s3://data/a/").ok());
  EXPECT_EQ(server.requests()[0].header("authorization"), "");
}

TEST_F(S3Import, WrongCredentialsAreSaidOnceAndNeverShown) {
  S3Server server({});
  server.Put("x.csv", "1");
  Json step = Step(server, "s3://data/x.csv");
  step["secret_key"] = "not-the-secret-key";
  const auto wrong = Run(step);
  EXPECT_EQ(wrong.status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(wrong.status().message(),
              AllOf(StartsWith("s3://data/x.csv answered 403 (SignatureDoesNotMatch: "),
                    HasSubstr("check access_key, secret_key and region")));
  EXPECT_THAT(Everything(wrong), Not(HasSubstr("not-the-secret-key")));
  EXPECT_EQ(server.requests().size(), 1u);
  step = Step(server, "s3://data/x.csv");
  step["region"] = "eu-west-1";
  EXPECT_THAT(Run(step).status().message(), HasSubstr("AuthorizationHeaderMalformed"));
  step = Step(server, "s3://data/x.csv");
  step["access_key"] = "AKIAOTHER";
  EXPECT_THAT(Run(step).status().message(), HasSubstr("InvalidAccessKeyId"));
  step.erase("access_key");
  step.erase("secret_key");
  EXPECT_THAT(Run(step).status().message(), HasSubstr("AccessDenied"));
}

TEST_F(S3Import, SaysWhatIsNotThere) {
  S3Server server({});
  server.Put("a/x.csv", "1");
  const auto object = Read(server, "s3://data/none.csv");
  EXPECT_EQ(object.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(object.status().message(), HasSubstr("answered 404 (NoSuchKey: "));
  const auto prefix = Read(server, "s3://data/none/");
  EXPECT_EQ(prefix.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(prefix.status().message(),
              HasSubstr("s3://data/none/ holds no objects; is the prefix right?"));
  EXPECT_THAT(Read(server, "s3://other/none/").status().message(), HasSubstr("NoSuchBucket"));
}

TEST_F(S3Import, NoKeyLeadsOutOfTheFolder) {
  for (const char* key : {"a/../../../etc/x", "a/..", "a/.", "a//x", "a/./x", "a//"}) {
    S3Server server({});
    server.Put(key, "evil");
    const auto outcome = Read(server, "s3://data/a/");
    EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument) << key;
    EXPECT_THAT(outcome.status().message(),
                HasSubstr(std::string("s3://data/") + key + " cannot be the name of a file"));
    EXPECT_TRUE(TreeBytes(step_.output_).empty());
  }
  S3Server server({});
  server.Put("a/" + std::string(300, 'x'), "long");
  EXPECT_EQ(Read(server, "s3://data/a/").status().code(), StatusCode::kInvalidArgument);
  S3Server both({});
  both.Put("a/x", "file");
  both.Put("a/x/y", "in it");
  EXPECT_THAT(Read(both, "s3://data/a/").status().message(),
              HasSubstr("s3://data/a/x/y lies in a folder that is an object, too"));
}

TEST_F(S3Import, TriesSingleObjectsAgain) {
  S3Server server({});
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 40; ++i) {
    const std::string name = std::to_string(i) + ".csv";
    server.Put("a/" + name, std::string(10'000, static_cast<char>('a' + i % 26)));
    expected[name] = std::string(10'000, static_cast<char>('a' + i % 26));
  }
  // Each tenth answer is bad.
  auto count = std::make_shared<std::atomic<int>>(0);
  server.Intercept([count](const Request& request) -> Reply {
    const bool list = request.target.find("list-type") != std::string::npos;
    if (list || ++*count % 10 != 0) return {.status = 0};
    return {.status = 503, .body = "<Error><Code>SlowDown</Code></Error>"};
  });
  const auto outcome = Read(server, "s3://data/a/");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(TreeBytes(step_.output_ / "data") == expected);
  EXPECT_THAT(step_.log_, HasSubstr("answered 503 (SlowDown); trying again"));
}

TEST_F(S3Import, AnObjectThatChangesMeanwhileIsNotMixed) {
  S3Server server({});
  server.Put("a/x", "before");
  auto first = std::make_shared<std::atomic<bool>>(true);
  server.Intercept([first, &server](const Request& request) -> Reply {
    if (request.target.find("list-type") == std::string::npos && first->exchange(false)) {
      server.Put("a/x", "behind");
    }
    return {.status = 0};
  });
  const auto outcome = Read(server, "s3://data/a/");
  EXPECT_EQ(outcome.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(outcome.status().message(), HasSubstr("it changed while it was read"));
}

TEST_F(S3Import, OneFailureEndsTheOthers) {
  S3Server server({});
  for (int i = 0; i < 30; ++i) server.Put("a/" + std::to_string(i), std::string(100, 'x'));
  server.Intercept([](const Request& request) -> Reply {
    if (request.target.ends_with("/a/1")) return {.status = 403};
    const bool list = request.target.find("list-type") != std::string::npos;
    return list ? Reply{.status = 0}
                : Reply{.body = "x", .headers = {{"ETag", "\"e\""}}, .length = 100, .stall = true};
  });
  const auto outcome = Read(server, "s3://data/a/");
  EXPECT_EQ(outcome.status().code(), StatusCode::kPermissionDenied) << outcome.status();
  EXPECT_THAT(outcome.status().message(), StartsWith("s3://data/a/1 answered 403"));
}

TEST_F(S3Import, RefusesMoreThanItMayRead) {
  S3Server server({});
  server.Put("a/1", std::string(600, 'x'));
  server.Put("a/2", std::string(600, 'x'));
  Json step = Step(server, "s3://data/a/");
  step["max_size"] = "1KB";
  EXPECT_EQ(Run(step).status().reason(), "IMPORT_TOO_LARGE");
  EXPECT_EQ(server.requests().size(), 1u) << "the list says it";
  step["uri"] = "s3://data/a/1";
  step["max_size"] = "500";
  EXPECT_EQ(Run(step).status().reason(), "IMPORT_TOO_LARGE");
}

TEST_F(S3Import, StopsInMidTransfer) {
  S3Server server({});
  for (int i = 0; i < 20; ++i) server.Put("a/" + std::to_string(i), std::string(100, 'x'));
  server.Intercept([this](const Request& request) -> Reply {
    if (request.target.find("list-type") != std::string::npos) return {.status = 0};
    return {.body = "x", .length = 100, .stall = true};
  });
  step_.cancel_after_ = 60;
  EXPECT_EQ(Read(server, "s3://data/a/").status().code(), StatusCode::kCancelled);
}

TEST_F(S3Import, AsksOnlyStoresThatTheOperatorAllows) {
  S3Server server({});
  server.Put("sets/x", "1");
  sources_ = {"s3://data"};
  const auto outcome = Read(server, "s3://data/sets/x");
  EXPECT_EQ(outcome.status().reason(), "SOURCE_NOT_ALLOWED");
  EXPECT_THAT(outcome.status().message(),
              HasSubstr(server.endpoint() + "/data/sets/x is none of the data sources"));
  sources_ = {server.endpoint() + "/data/sets"};
  EXPECT_TRUE(Read(server, "s3://data/sets/x").ok());
  EXPECT_EQ(Read(server, "s3://data/other").status().reason(), "SOURCE_NOT_ALLOWED");
  sources_ = {"http://*:*"};
  EXPECT_EQ(Read(server, "s3://data/sets/x").status().reason(), "ADDRESS_REFUSED");
}

TEST_F(S3Import, WhatIsNoStoreIsSaid) {
  S3Server server({.access_key = "", .secret_key = ""});
  std::string list;
  server.Intercept([&](const Request&) -> Reply { return {.body = list}; });
  list = "<html>welcome</html>";
  EXPECT_THAT(Read(server, "s3://data/a/").status().message(),
              HasSubstr("the list of s3://data/a/ is no ListBucketResult"));
  list = "<ListBucketResult><Contents><Key>b/x</Key><Size>1</Size></Contents></ListBucketResult>";
  EXPECT_THAT(Read(server, "s3://data/a/").status().message(),
              HasSubstr("holds keys that were not asked for"));
  list = "<ListBucketResult><Contents><Key>a/x</Key></Contents></ListBucketResult>";
  EXPECT_THAT(Read(server, "s3://data/a/").status().message(), HasSubstr("without key or size"));
  list = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
  EXPECT_THAT(Read(server, "s3://data/a/").status().message(),
              HasSubstr("goes on, and does not say how"));
}

// The verifier itself, on the example of Amazon's documentation ("GET Object" in "Signature
// Calculations for the Authorization Header"), whose signature is known.
TEST(S3Verifier, WantsTheRightKeyAndHeaders) {
  Request request{"/data/x", {{"host", "h"}, {"authorization", "Basic x"}}};
  EXPECT_EQ(S3Server::WhyNotSigned(request, "a", "b", "us-east-1"), "InvalidArgument");
  request.headers.clear();
  EXPECT_EQ(S3Server::WhyNotSigned(request, "a", "b", "us-east-1"), "AccessDenied");
  request.headers = {
      {"host", "examplebucket.s3.amazonaws.com"},
      {"range", "bytes=0-9"},
      {"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"x-amz-date", "20130524T000000Z"},
      {"authorization",
       "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
       "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
       "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"}};
  request.target = "/test.txt";
  const std::string key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  EXPECT_EQ(S3Server::WhyNotSigned(request, "AKIAIOSFODNN7EXAMPLE", key, "us-east-1"),
            "RequestTimeTooSkewed");
  const S3Server::Clock then = [] { return std::time_t{1'369'353'600}; };
  EXPECT_EQ(S3Server::WhyNotSigned(request, "AKIAIOSFODNN7EXAMPLE", key, "us-east-1", then), "");
  request.target = "/test.tx";
  EXPECT_EQ(S3Server::WhyNotSigned(request, "AKIAIOSFODNN7EXAMPLE", key, "us-east-1", then),
            "SignatureDoesNotMatch");
}

}  // namespace
}  // namespace penstock
