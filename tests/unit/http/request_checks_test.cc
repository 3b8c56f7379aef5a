#include "server/http/request_checks.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

RequestFacts Local() {
  RequestFacts facts;
  facts.host = "127.0.0.1:7071";
  return facts;
}

TEST(RequestChecksTest, ProgramsOfThisMachineMayAsk) {
  for (const char* host :
       {"127.0.0.1:7071", "127.8.0.1", "localhost:1", "LOCALHOST", "[::1]:7071", ""}) {
    RequestFacts facts;
    facts.host = host;
    EXPECT_TRUE(CheckOrigin(facts).ok()) << host;
  }
}

TEST(RequestChecksTest, OnlyTheServersOwnPagesMayAsk) {
  RequestFacts facts = Local();
  facts.origin = "http://127.0.0.1:7071";
  EXPECT_TRUE(CheckOrigin(facts).ok());
  for (const char* origin : {"http://evil.example", "null", "https://127.0.0.1:7071",
                             "http://127.0.0.1:8080", "http://localhost:7071", ""}) {
    facts.origin = origin;
    EXPECT_EQ(CheckOrigin(facts).reason(), "CROSS_ORIGIN") << origin;
    facts.has_token = true;
    EXPECT_EQ(CheckOrigin(facts).reason(), "CROSS_ORIGIN") << origin;
    facts.has_token = false;
  }
  facts.tls = true;
  facts.origin = "https://127.0.0.1:7071";
  EXPECT_TRUE(CheckOrigin(facts).ok());
}

TEST(RequestChecksTest, BrowsersSayThatAPageIsOfAnotherSite) {
  RequestFacts facts = Local();
  for (const char* site : {"cross-site", "same-site"}) {
    facts.fetch_site = site;
    EXPECT_EQ(CheckOrigin(facts).reason(), "CROSS_ORIGIN") << site;
  }
  for (const char* site : {"same-origin", "none", ""}) {
    facts.fetch_site = site;
    EXPECT_TRUE(CheckOrigin(facts).ok()) << site;
  }
}

// A name of another site that points at 127.0.0.1 makes its pages same-origin.
TEST(RequestChecksTest, WithoutATokenTheHostMustBeThisMachine) {
  for (const char* host : {"evil.example:7071", "127.0.0.1.evil.example", "10.0.0.1", "127.evil"}) {
    RequestFacts facts;
    facts.host = host;
    EXPECT_EQ(CheckOrigin(facts).reason(), "CROSS_ORIGIN") << host;
    facts.has_token = true;
    EXPECT_TRUE(CheckOrigin(facts).ok()) << host;
  }
}

TEST(RequestChecksTest, ContentTypes) {
  for (const char* type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8"}) {
    EXPECT_TRUE(IsJsonContentType(type)) << type;
  }
  for (const char* type :
       {"", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"}) {
    EXPECT_FALSE(IsJsonContentType(type)) << type;
  }
}

TEST(RequestChecksTest, MetadataIsVisibleAscii) {
  for (const char* text : {"", "Bearer abc~", " user name "}) EXPECT_TRUE(IsMetadataText(text));
  for (const char* text : {"Bearer \xe9", "a\tb", "a\x01", "a\x7f", "\xf0\x9f\x90\xa7"}) {
    EXPECT_FALSE(IsMetadataText(text)) << text;
  }
}

TEST(RequestChecksTest, PeersAreNamedAsGrpcDoes) {
  EXPECT_EQ(PeerName("127.0.0.1", 5), "ipv4:127.0.0.1:5");
  EXPECT_EQ(PeerName("::1", 5), "ipv6:[::1]:5");
}

}  // namespace
}  // namespace penstock
