#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/catalog/catalog.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> Wrong(const Json& parameters) {
  std::vector<Problem> problems;
  CheckParameters(*Catalog::BuiltIn().Find("import"), parameters, "with", problems);
  std::vector<std::string> lines;
  for (const Problem& each : problems) lines.push_back(each.path + ": " + each.message);
  return lines;
}

TEST(ImportSchema, TakesEachKindOfSource) {
  for (const Json& good :
       {Json{{"uri", "file:///data/x"}},
        Json{{"uri", "https://h/x"}, {"headers", {{"Authorization", "Bearer ${secrets.t}"}}}},
        Json{{"uri", "s3://bucket/prefix/"},
             {"endpoint", "http://minio.lan:9000"},
             {"region", "eu-central-1"},
             {"path_style", false},
             {"access_key", "${secrets.a}"},
             {"secret_key", "${secrets.s}"},
             {"session_token", "${secrets.t}"}},
        Json{{"uri", "postgresql://h/db?sslmode=require"},
             {"query", "SELECT 1"},
             {"user", "ada"},
             {"password", "${secrets.p}"},
             {"max_size", "1GiB"},
             {"stall_timeout", "5s"}},
        Json{{"uri", "${parameters.where}"},
             {"query", "SELECT 1"},
             {"region", "${parameters.r}"},
             {"max_size", "${parameters.m}"}}}) {
    EXPECT_THAT(Wrong(good), IsEmpty()) << good;
  }
}

TEST(ImportSchema, SaysWhatDoesNotGoTogether) {
  const auto refused = [](const Json& parameters, const char* message) {
    EXPECT_THAT(Wrong(parameters), ElementsAre(HasSubstr(message))) << parameters;
  };
  refused({{"uri", "ftp://h/x"}}, "with.uri: \"ftp://h/x\" is no address of data");
  refused({{"uri", "https://h/x"}, {"query", "SELECT 1"}}, "with.query: belongs to postgresql:");
  refused({{"uri", "https://h/x"}, {"endpoint", "https://e"}}, "with.endpoint: belongs to s3:");
  refused({{"uri", "s3://bucket/x"}, {"headers", {{"a", "b"}}}}, "with.headers: belongs to http:");
  refused({{"uri", "s3://bucket/x"}, {"access_key", "a"}}, "access_key and secret_key go together");
  refused({{"uri", "s3://bucket/x"}, {"session_token", "a"}}, "with.session_token: goes with");
  refused({{"uri", "s3://bucket/x"}, {"region", "x y"}}, "with.region: is no name of a region");
  refused({{"uri", "s3://bucket/x"}, {"endpoint", "minio:9000"}}, "with.endpoint: ");
  refused({{"uri", "s3://bucket/x"}, {"endpoint", "https://e/?a=b"}},
          "with.endpoint: must be http:// or https:// and a host");
  refused({{"uri", "postgresql://h/db"}, {"user", "a"}}, "with.query: is missing");
  refused({{"uri", "postgresql://h/db"}, {"query", "SELECT 1"}}, "with.user: is missing");
  refused({{"uri", "postgresql://h/db?options=-c"}, {"query", "SELECT 1"}, {"user", "a"}},
          "with.uri: of what may stand behind ? there is sslmode alone");
  refused({{"uri", "postgresql://h/db?sslmode=maybe"}, {"query", "SELECT 1"}, {"user", "a"}},
          "with.uri: of what may stand");
  refused({{"uri", "https://h/x"}, {"max_size", "much"}}, "with.max_size: ");
  refused({{"uri", "https://h/x"}, {"max_size", "0"}}, "with.max_size: must be at least 1 byte");
  refused({{"uri", "https://h/x"}, {"stall_timeout", "soon"}}, "with.stall_timeout: ");
}

TEST(ImportSchema, NamesSecretsWhereNothingKeepsThem) {
  EXPECT_THAT(Catalog::BuiltIn().Find("import")->secrets_in,
              UnorderedElementsAre("headers", "access_key", "secret_key", "session_token", "user",
                                   "password"));
}

}  // namespace
}  // namespace penstock
