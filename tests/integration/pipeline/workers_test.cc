// Several workers at one coordinator.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

// Two steps that take a whole worker each, at the same time.
constexpr char kWide[] = R"(
name: wide
steps:
- {name: left, type: noop, with: {duration: 500ms, output_bytes: 1000}, resources: {cpus: 2}}
- {name: right, type: noop, with: {duration: 500ms, output_bytes: 2000}, resources: {cpus: 2}}
- {name: both, type: noop, dependsOn: [left, right]}
)";

std::set<std::string> WorkersOf(const Json& run) {
  std::set<std::string> workers;
  for (const char* step : {"left", "right"}) {
    workers.insert(JsonString(Cluster::Step(run, step), "worker"));
  }
  return workers;
}

TEST(WorkersTest, TwoWorkersShareARun) {
  Cluster cluster;
  cluster.StartCoordinator();
  cluster.StartWorker("w1");
  cluster.StartWorker("w2");
  const std::string id = cluster.Submit(cluster.Write("wide.yaml", kWide));
  ASSERT_EQ(cluster.Wait(id), "SUCCEEDED");
  EXPECT_THAT(WorkersOf(cluster.Run(id)), UnorderedElementsAre("w1", "w2"));
  for (const char* daemon : {"w1", "w2", "coordinator"}) EXPECT_EQ(cluster.Stop(daemon), 0);
  cluster.CheckInvariants();
}

// The certificate is for the address that is served, tokens tell the workers apart, and a worker
// without one, or with another's certificate, has no place.
TEST(WorkersTest, TwoWorkersShareARunOverTlsFromAnotherAddress) {
  Cluster cluster("127.0.0.2");
  const std::string data_dir = cluster.data_dir().string();
  std::filesystem::create_directories(data_dir);
  const auto token = [&](const std::string& name, const std::string& role) {
    const Ran made = RunProgram({Program("penstock"), "admin", "token", "create", name, "--role",
                                 role, "--data-dir", data_dir});
    EXPECT_EQ(made.code, 0) << made.err;
    return made.out.substr(0, made.out.find('\n'));
  };
  const std::string ada = token("ada", "user");
  const std::string first = token("w1", "worker");
  const std::string second = token("w2", "worker");
  cluster.StartCoordinator({"--auth", "required", "--tls", "auto"});
  EXPECT_THAT(cluster.grpc(), HasSubstr("127.0.0.2:"));
  const std::string certificate = data_dir + "/tls/server.crt";
  cluster.StartWorker("w1", {"--tls-ca", certificate, "--token", first});
  cluster.StartWorker("w2", {"--tls-ca", certificate, "--token", second});
  const Ran run = cluster.Client({"run", "-f", cluster.Write("wide.yaml", kWide), "--wait"},
                                 {{"PENSTOCK_TOKEN", ada}, {"PENSTOCK_TLS_CA", certificate}});
  ASSERT_EQ(run.code, 0) << run.err;
  const Ran shown =
      cluster.Client({"get", "runs", run.out.substr(0, run.out.find('\n')), "-o", "json"},
                     {{"PENSTOCK_TOKEN", ada}, {"PENSTOCK_TLS_CA", certificate}});
  EXPECT_THAT(WorkersOf(ParseJson(shown.out).value_or(Json())), UnorderedElementsAre("w1", "w2"));
  EXPECT_EQ(cluster.Client({"get", "runs"}, {{"PENSTOCK_TOKEN", ada}}).code, 3) << "without TLS";
  for (const char* daemon : {"w1", "w2", "coordinator"}) EXPECT_EQ(cluster.Stop(daemon), 0);
  cluster.CheckInvariants();
}

}  // namespace
}  // namespace penstock
