#include "storage/model/source_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(SourceAddress, TakesAddressesApart) {
  const auto https = ParseSourceAddress("HTTPS://Data.Example:8443/a%20b/c.csv?x=1#part");
  ASSERT_TRUE(https.ok()) << https.status();
  EXPECT_EQ(https->scheme, "https");
  EXPECT_EQ(https->host, "data.example");
  EXPECT_EQ(https->port, 8443);
  EXPECT_EQ(https->path, "/a%20b/c.csv");
  EXPECT_EQ(https->query, "x=1");
  const auto s3 = ParseSourceAddress("s3://bucket/a key/?#%20");
  ASSERT_TRUE(s3.ok()) << s3.status();
  EXPECT_EQ(s3->host, "bucket");
  EXPECT_EQ(s3->path, "a key/?#%20") << "a key is written as it is";
  const auto postgres = ParseSourceAddress("postgres://[::1]/sales?sslmode=require");
  ASSERT_TRUE(postgres.ok()) << postgres.status();
  EXPECT_EQ(postgres->scheme, "postgresql");
  EXPECT_EQ(postgres->host, "::1");
  EXPECT_EQ(postgres->port, 5432);
  EXPECT_EQ(postgres->path, "sales");
  EXPECT_EQ(postgres->query, "sslmode=require");
  EXPECT_EQ(ParseSourceAddress("http://h")->path, "/");
  EXPECT_EQ(ParseSourceAddress("http://h")->port, 80);
}

TEST(SourceAddress, RefusesWithoutShowingSecrets) {
  const std::map<std::string, std::string> bad = {
      {"ftp://h/x", "is no address of data"},
      {"https://", "names no host"},
      {"https:///x", "names no host"},
      {"https://ada:hunter2@h/x", "holds a user or password"},
      {"postgresql://ada:hunter2@h/db", "(user, password)"},
      {"https://h/x?X-Amz-Signature=hunter2", "has a signature, key or token in its query"},
      {"https://h/x?a=1&TOKEN=hunter2", "has a signature, key or token in its query"},
      {"https://h/x?%74oken=hunter2", "has a signature, key or token in its query"},
      {"https://h:0/", "no port"},
      {"https://h:99999/", "no port"},
      {"https://h:8o/", "no port"},
      {"https://h/a/../b", "has . or .. in its path"},
      {"https://h/a/%2e%2E/b", "has . or .. in its path"},
      {"https://h/a%2f..%2fb", "has . or .. in its path"},
      {"https://h/a\\..\\b", "has . or .. in its path"},
      {"https://h/a\r\nHost: x", "control character"},
      {"s3://ab/x", "names no bucket"},
      {"s3:///x", "names no bucket"},
      {"s3://a..b/x", "names no bucket"},
      {"s3://user@bucket/x", "names no bucket"},
      {"postgresql://h", "names no database"},
      {"postgresql:///db", "names no host"},
      {"https://h/" + std::string(5'000, 'x'), "longer than 4096 bytes"}};
  for (const auto& [text, message] : bad) {
    const auto address = ParseSourceAddress(text);
    EXPECT_FALSE(address.ok()) << text;
    EXPECT_THAT(address.status().message(), HasSubstr(message)) << text;
    EXPECT_THAT(address.status().message(), Not(HasSubstr("hunter2"))) << text;
  }
}

TEST(SourceAddress, ShowsNoCredential) {
  EXPECT_EQ(ShownSource("https://a:b@h:1/x?y=z#f"), "https://h:1/x");
  EXPECT_EQ(ShownSource("https://h?y=a@b/c"), "https://h");
  EXPECT_EQ(ShownSource("postgres://a@h/db?p=1"), "postgresql://h/db");
  EXPECT_EQ(ShownSource("s3://bucket/a?b@c#d"), "s3://bucket/a?b@c#d");
  EXPECT_EQ(ShownSource("file:///a?b"), "file:///a?b");
}

TEST(SourceAddress, KnowsWhatNamesADataset) {
  for (const char* text : {"file:///a", "http://h/", "https://h/x", "S3://bucket/x"}) {
    EXPECT_TRUE(IsDatasetSource(text)) << text;
  }
  for (const char* text : {"file:a", "postgresql://h/db", "artifact:sha256:00", "h/x", "ftp://h"}) {
    EXPECT_FALSE(IsDatasetSource(text)) << text;
  }
}

TEST(SourceAddress, SaysWhatAStepReads) {
  EXPECT_EQ(SourceToRead({{"uri", "https://h/x?y=1"}}), "https://h/x");
  EXPECT_EQ(SourceToRead({{"uri", "s3://bucket/a/"}}), "s3://bucket/a/");
  EXPECT_EQ(SourceToRead({{"uri", "s3://bucket/a%b?c"}, {"endpoint", "http://h:9000/"}}),
            "http://h:9000/bucket/a%25b%3Fc");
  EXPECT_EQ(SourceToRead({{"uri", "https://h/x"}, {"endpoint", nullptr}}), "https://h/x");
  EXPECT_EQ(SourceToRead({{"uri", "${parameters.u}"}}), "");
  EXPECT_EQ(SourceToRead({{"uri", "file:///x"}}), "");
}

TEST(SourceRules, AllowWhatLiesBelow) {
  const std::vector<std::string> rules = {"https://data.example/sets", "https://*.lan.example:*",
                                          "http://10.0.0.5:8080/", "s3://bucket/in",
                                          "postgresql://db.example/sales"};
  for (const std::string& rule : rules) EXPECT_TRUE(CheckSourceRule(rule).ok()) << rule;
  for (const char* text :
       {"https://data.example/sets", "https://data.example/sets/a.csv?b",
        "https://DATA.example./sets/", "https://data.example:443/se%74s/x",
        "https://a.lan.example/x", "https://a.b.lan.example:1/x", "http://10.0.0.5:8080/x",
        "s3://bucket/in", "s3://bucket/in/x", "postgresql://db.example:5432/sales"}) {
    EXPECT_NE(ReachOf(rules, text), Reach::kNone) << text;
  }
  for (const char* text :
       {"https://data.example/", "https://data.example/setsuna", "http://data.example/sets",
        "https://data.example:8443/sets", "https://data.example/sets/../x",
        "https://data.example/sets/%2e%2e/x", "https://data.example@evil.example/sets",
        "https://evil.example/data.example/sets", "https://lan.example/", "https://xlan.example/",
        "http://10.0.0.5/x", "s3://bucket/inner", "s3://bucket2/in/x", "s3://bucket/",
        "postgresql://db.example/sales2", "postgresql://db.example:1/sales",
        "file:///etc/passwd"}) {
    EXPECT_EQ(ReachOf(rules, text), Reach::kNone) << text;
  }
}

TEST(SourceRules, ReachAsFarAsTheyName) {
  EXPECT_EQ(ReachOf({"https://*"}, "https://h/x"), Reach::kPublic);
  EXPECT_EQ(ReachOf({"https://*"}, "https://169.254.169.254/x"), Reach::kPublic);
  EXPECT_EQ(ReachOf({"https://*.lan"}, "https://h.lan/x"), Reach::kPrivate);
  EXPECT_EQ(ReachOf({"https://h.lan"}, "https://h.lan/x"), Reach::kLoopback);
  EXPECT_EQ(ReachOf({"http://169.254.169.254"}, "http://169.254.169.254/x"), Reach::kNamed);
  EXPECT_EQ(ReachOf({"http://[fe80::1]"}, "http://[fe80::1]/x"), Reach::kNamed);
  EXPECT_EQ(ReachOf({"s3://*"}, "s3://bucket/x"), Reach::kPrivate);
  EXPECT_EQ(ReachOf({"https://*", "https://h.lan"}, "https://h.lan/x"), Reach::kLoopback)
      << "the farthest counts";
}

TEST(SourceRules, AreChecked) {
  for (const char* good : {"https://*", "http://*:*", "s3://*", "s3://bucket", "postgresql://*",
                           "postgres://h:1/db", "https://[::1]:1/x"}) {
    EXPECT_TRUE(CheckSourceRule(good).ok()) << good;
  }
  for (const char* bad :
       {"", "*", "h/x", "file:///x", "https://", "https://a*b", "https://*.", "https://u:p@h",
        "https://h/x?y", "https://h/../x", "https://h:x", "s3://b*", "s3://"}) {
    const Status status = CheckSourceRule(bad);
    EXPECT_FALSE(status.ok()) << bad;
    EXPECT_THAT(status.message(), HasSubstr("write it as https://data.example/sets")) << bad;
  }
}

}  // namespace
}  // namespace penstock
