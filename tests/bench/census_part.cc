// The census example from raw rows to a registered model: warm, and from the start of the daemons
// against what a Python program needs from its start for the same work (census_peer.py).

#include "tests/bench/client.h"
#include "tests/bench/parts.h"

namespace penstock::bench {
namespace {

constexpr int kRuns = 9;
constexpr int kColdRuns = 5;
constexpr int kPeerRuns = 3;
constexpr char kPython[] = "/usr/bin/python3";  // the one that Debian's packages are for
constexpr char kPeer[] = "tests/bench/census_peer.py";

std::string Upload(Cluster& cluster, const std::string& file) {
  const Ran put = cluster.Client({"artifacts", "put", file});
  if (put.code != 0) Die("artifacts put: " + put.err);
  return put.out.substr(0, put.out.find('\n'));
}

double Warm(const std::string& definition, const std::string& census) {
  Cluster cluster;
  cluster.StartCoordinator({"--log-level", "warn"});
  cluster.StartWorker("w1", {"--log-level", "warn"});
  Client client(cluster.grpc());
  client.Register(definition);
  const std::string data = Upload(cluster, census);
  client.RunToEnd("census-income", {{"data", data}});
  std::vector<double> times;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = SteadyClock::now();
    client.RunToEnd("census-income", {{"data", data}});
    times.push_back(MillisSince(start));
  }
  return Quantile(times, 0.5);
}

// Both daemons from nothing, the upload of the file, and one run.
double Cold(const std::string& census) {
  std::vector<double> times;
  for (int i = 0; i < kColdRuns; ++i) {
    Cluster cluster;
    const auto start = SteadyClock::now();
    cluster.StartCoordinator({"--log-level", "warn"});
    cluster.StartWorker("w1", {"--log-level", "warn"});
    const Ran ran = cluster.Client(
        {"run", "-f", "examples/census/pipeline.yaml", "-p", "data=@" + census, "--wait"});
    times.push_back(MillisSince(start));
    if (ran.code != 0) Die("the census run failed: " + ran.err);
  }
  return Quantile(times, 0.5);
}

struct Peer {
  double whole = 0;  // milliseconds, from the start of its process
  double imports = 0;
  std::string why_not;
};

Peer MeasurePeer(const std::string& census, const std::map<std::string, std::string>& environment) {
  std::vector<double> whole;
  std::vector<double> imports;
  for (int i = 0; i < kPeerRuns; ++i) {
    const auto start = SteadyClock::now();
    const Ran ran = RunProgram({kPython, kPeer, census}, environment);
    if (ran.code != 0) return {.why_not = std::string(kPeer) + ": " + ran.err.substr(0, 300)};
    whole.push_back(MillisSince(start));
    imports.push_back(JsonDouble(ParseJson(ran.out).value_or(Json::object()), "imports_ms"));
  }
  return {.whole = Quantile(whole, 0.5), .imports = Quantile(imports, 0.5), .why_not = {}};
}

// Threads that wait for each other spin by default, which is fast on an idle machine and ruinous on
// a busy one: the better of both counts.
Peer FasterPeer(const std::string& census) {
  const Peer spinning = MeasurePeer(census, {});
  const Peer sleeping = MeasurePeer(census, {{"OMP_WAIT_POLICY", "PASSIVE"}});
  return sleeping.whole < spinning.whole ? sleeping : spinning;
}

}  // namespace

void MeasureCensus(const Options& options, Figures& figures) {
  Result<TempFolder> folder = TempFolder::Make(std::filesystem::temp_directory_path());
  if (!folder.ok()) Die("no temporary folder");
  std::string census = options.census;
  if (census.empty()) {
    census = (folder->path() / "census.csv").string();
    RunProgram({Program("penstock-census-data"), census});
  }
  const std::string definition = ReadFile("examples/census/pipeline.yaml").value_or("");
  if (definition.empty()) Die("run this from the top folder: examples/census is not here");
  figures.AtMost("census_ms_median_of_9", Warm(definition, census), 500);

  const double cold = Cold(census);
  figures.Add("census_cold_ms", cold);
  const Peer peer = FasterPeer(census);
  if (!peer.why_not.empty()) {
    figures.Skip("census_peer_ms", peer.why_not);
    return;
  }
  figures.Add("census_peer_ms", peer.whole);
  figures.Add("census_peer_imports_ms", peer.imports);
  figures.AtMost("census_cold_to_peer", cold / peer.whole, 1.0);
  figures.AtMost("census_cold_to_peer_without_imports", cold / (peer.whole - peer.imports), 1.5);
}

}  // namespace penstock::bench
