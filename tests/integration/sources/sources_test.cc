// Data from outside, as a user meets them: a real coordinator and workers, the command line, and
// real servers to read from.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/support/cluster.h"
#include "tests/support/postgres_server.h"
#include "tests/support/s3_server.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kExample[] = "examples/sources/pipeline.yaml";
constexpr char kSecret[] = "s3cret-key-that-nobody-sees";

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

class SourcesTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 4; ++i) {
      store_.Put("days of/" + std::to_string(i) + ".csv", SmallCsv(200));
    }
    cluster_.StartCoordinator();
    SetSecret("s3-access-key", store_.options().access_key);
    SetSecret("s3-secret-key", kSecret);
  }
  void TearDown() override {
    for (const std::string& worker : workers_) EXPECT_EQ(cluster_.Stop(worker), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    cluster_.CheckInvariants();
    // Neither in a log nor in a row nor in an artifact.
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cluster_.folder())) {
      if (!entry.is_regular_file() || entry.path().filename().string().starts_with("secret-")) {
        continue;
      }
      for (const char* secret : {kSecret, PostgresServer::kPassword}) {
        EXPECT_EQ(ReadFile(entry.path()).value_or("").find(secret), std::string::npos)
            << entry.path();
      }
    }
  }
  void SetSecret(const std::string& name, const std::string& value) {
    const std::string file = cluster_.Write("secret-" + name, value);
    const Ran set = cluster_.Client({"secret", "set", name, "--from-file", file});
    ASSERT_EQ(set.code, 0) << set.err;
  }
  void StartWorker(const std::string& name, const std::vector<std::string>& rules) {
    std::vector<std::string> flags;
    for (const std::string& rule : rules) {
      flags.push_back("--data-source");
      flags.push_back(rule);
    }
    cluster_.StartWorker(name, flags);
    workers_.push_back(name);
  }
  std::vector<std::string> Parameters() {
    return {"-p", "training=s3://data/days of/",           "-p", "endpoint=" + store_.endpoint(),
            "-p", "holdout=" + web_.url("/holdout.csv.gz")};
  }

  S3Server store_{{.secret_key = kSecret, .page = 3}};
  DataServer web_{[](const DataServer::Request& request) -> DataServer::Reply {
    if (request.target != "/holdout.csv.gz") return {.status = 404};
    return {.body = Gzip(SmallCsv(150)), .headers = {{"ETag", "\"1\""}}};
  }};
  Cluster cluster_;
  std::vector<std::string> workers_;
};

TEST_F(SourcesTest, FromAStoreAndTheWebToAModel) {
  StartWorker("w1", {});
  std::vector<std::string> run = {"run", "-f", kExample};
  const std::vector<std::string> parameters = Parameters();
  run.insert(run.end(), parameters.begin(), parameters.end());
  // No worker may read them: the run waits, and says so.
  const Ran warned = cluster_.Client(run);
  ASSERT_EQ(warned.code, 0) << warned.err;
  EXPECT_THAT(warned.err, HasSubstr("may not read " + web_.url("/holdout.csv.gz")));
  const std::string id = warned.out.substr(0, warned.out.find('\n'));
  EXPECT_TRUE(Eventually([&] {
    return cluster_.Client({"explain", id, "fetch"})
               .out.find("may not read " + store_.endpoint() + "/data/days of/") !=
           std::string::npos;
  })) << cluster_.Client({"explain", id, "fetch"}).out;
  StartWorker("w2", {store_.endpoint() + "/data", web_.url("/holdout.csv.gz")});
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED") << cluster_.Client({"logs", id}).out;
  const Json done = cluster_.Run(id);
  EXPECT_EQ(JsonString(Cluster::Step(done, "fetch"), "worker"), "w2");
  EXPECT_EQ(JsonString(Cluster::Step(done, "import"), "worker"), "w2");
  const Json metrics = JsonMember(Cluster::Step(done, "fetch"), "metrics");
  EXPECT_EQ(JsonDouble(metrics, "files"), 4);
  EXPECT_EQ(JsonDouble(JsonMember(Cluster::Step(done, "evaluate"), "metrics"), "rows"), 150);
  EXPECT_GT(JsonDouble(JsonMember(Cluster::Step(done, "evaluate"), "metrics"), "auc"), 0.95);
  EXPECT_EQ(cluster_.ModelVersions("sources"), 1);
  // What was read is called by its address, which says what it is.
  EXPECT_THAT(cluster_.Client({"logs", id, "prepare"}).out,
              HasSubstr("read s3://data/days of/0.csv: 200 rows"));
  EXPECT_THAT(cluster_.Client({"describe", "worker", "w2"}).out,
              HasSubstr("Data source   " + store_.endpoint() + "/data"));
  // The same again is read again, and what follows is there already.
  const std::string again = cluster_.Submit(kExample, parameters);
  ASSERT_EQ(cluster_.Wait(again), "SUCCEEDED");
  const Json second = cluster_.Run(again);
  EXPECT_EQ(JsonString(Cluster::Step(second, "fetch"), "state"), "SUCCEEDED");
  EXPECT_EQ(JsonString(Cluster::Step(second, "train"), "state"), "CACHED");
  EXPECT_EQ(JsonString(Cluster::Step(second, "evaluate"), "state"), "CACHED");
  // Other data under the same address are other data.
  store_.Put("days of/9.csv", SmallCsv(50));
  const std::string changed = cluster_.Submit(kExample, parameters);
  ASSERT_EQ(cluster_.Wait(changed), "SUCCEEDED");
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(changed), "prepare"), "state"), "SUCCEEDED");
}

TEST_F(SourcesTest, AWrongKeyFailsTheStepAndStaysHidden) {
  SetSecret("s3-secret-key", std::string(kSecret) + "-not");
  StartWorker("w1", {store_.endpoint(), "http://127.0.0.1:*"});
  const std::string id = cluster_.Submit(kExample, Parameters());
  EXPECT_EQ(cluster_.Wait(id), "FAILED");
  const std::string message = JsonString(Cluster::Step(cluster_.Run(id), "fetch"), "message");
  EXPECT_THAT(message,
              AllOf(HasSubstr("answered 403 (SignatureDoesNotMatch"),
                    HasSubstr("check access_key, secret_key and region"), Not(HasSubstr(kSecret))));
}

TEST_F(SourcesTest, AStepThatImportsReadsNoFiles) {
  StartWorker("w1", {"https://*"});
  const std::string file = cluster_.Write("files.yaml", R"(
name: files
parameters: {where: {type: string}}
steps: [{name: fetch, type: import, with: {uri: "${parameters.where}"}}]
)");
  const std::string id = cluster_.Submit(file, {"-p", "where=file:///etc/passwd"});
  EXPECT_EQ(cluster_.Wait(id), "FAILED");
  EXPECT_THAT(JsonString(Cluster::Step(cluster_.Run(id), "fetch"), "message"),
              HasSubstr("name it as an input or a dataset parameter"));
  const std::string inner = cluster_.Submit(file, {"-p", "where=https://localhost/x"});
  EXPECT_EQ(cluster_.Wait(inner), "FAILED");
  EXPECT_THAT(JsonString(Cluster::Step(cluster_.Run(inner), "fetch"), "message"),
              HasSubstr("its host has the address "));
  const Ran refused = cluster_.Client({"run", "-f", kExample, "-p", "training=s3://data/x/", "-p",
                                       "endpoint=" + store_.endpoint(), "-p",
                                       "holdout=https://ada:pw@127.0.0.1/x"});
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("holds a user or password"), Not(HasSubstr("ada:pw"))));
}

TEST_F(SourcesTest, ACancelEndsATransfer) {
  DataServer slow([](const DataServer::Request&) -> DataServer::Reply {
    return {.body = "x,y\n", .length = 1'000'000, .stall = true};
  });
  StartWorker("w1", {"http://127.0.0.1:*"});
  std::vector<std::string> parameters = Parameters();
  parameters.back() = "holdout=" + slow.url("/slow.csv");
  const std::string id = cluster_.Submit(kExample, parameters);
  ASSERT_TRUE(Eventually([&] { return !slow.requests().empty(); }));
  ASSERT_EQ(cluster_.Client({"cancel", id}).code, 0);
  EXPECT_EQ(cluster_.Wait(id), "CANCELLED");
}

TEST_F(SourcesTest, FromAQueryToAModel) {
  const std::unique_ptr<PostgresServer> server = PostgresServer::Start();
  if (server == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
  server->Run(
      "CREATE TABLE small AS SELECT (i * 37) % 101 AS x, "
      "CASE WHEN (i * 37) % 101 > 50 THEN 'yes' ELSE 'no' END AS y, "
      "date '2026-01-01' + i AS day FROM generate_series(0, 499) i");
  SetSecret("db-password", PostgresServer::kPassword);
  StartWorker("w1", {server->uri()});
  const std::string file = cluster_.Write("query.yaml", R"(
name: query
parameters: {where: {type: string}}
steps:
- name: fetch
  type: import
  with:
    uri: "${parameters.where}"
    query: SELECT x, y FROM small ORDER BY day
    user: penstock
    password: "${secrets.db-password}"
- name: prepare
  type: process
  inputs: {data: "${steps.fetch.outputs.data}"}
  with:
    roles: {label: y}
    labels: {classes: ["no", "yes"], positive: "yes"}
    split: {train: 0.8, test: 0.2, seed: 1}
- name: train
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 5}
- name: evaluate
  type: evaluate
  inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}
)");
  const std::string id = cluster_.Submit(file, {"-p", "where=" + server->uri()});
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED") << cluster_.Client({"logs", id}).out;
  const Json run = cluster_.Run(id);
  EXPECT_EQ(JsonDouble(JsonMember(Cluster::Step(run, "fetch"), "metrics"), "rows"), 500);
  EXPECT_GT(JsonDouble(JsonMember(Cluster::Step(run, "evaluate"), "metrics"), "auc"), 0.95);
  EXPECT_THAT(cluster_.Client({"logs", id, "fetch"}).out,
              HasSubstr("imported " + server->uri() + ": 500 rows"));
}

}  // namespace
}  // namespace penstock
