// penstock-bench: what the orchestrator costs, as one JSON document on stdout. Starts real daemons
// in a temporary folder and stops them again. README.md says what the figures mean.

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "penstock/v1/pipelines.grpc.pb.h"
#include "penstock/v1/runs.grpc.pb.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

using SteadyClock = std::chrono::steady_clock;

double MillisSince(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5);
  return values[at];
}

// Median time of writing 4 KiB and fsync, on the disk that holds `folder`.
double FsyncMillis(const std::filesystem::path& folder) {
  const UniqueFd fd(open((folder / "fsync").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  const std::string block(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < 101; ++i) {
    const auto start = SteadyClock::now();
    if (pwrite(fd.get(), block.data(), block.size(), i * 4096) < 0 || fsync(fd.get()) != 0)
      return -1;
    times.push_back(MillisSince(start));
  }
  return Quantile(times, 0.5);
}

class Client {
 public:
  explicit Client(const std::string& address)
      : channel_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        pipelines_(v1::PipelineService::NewStub(channel_)),
        runs_(v1::RunService::NewStub(channel_)) {}

  void Register(const std::string& text) {
    grpc::ClientContext context;
    v1::RegisterPipelineRequest request;
    request.mutable_definition()->set_text(text);
    v1::RegisterPipelineResponse response;
    Check(pipelines_->RegisterPipeline(&context, request, &response));
  }

  // Submits and waits for the end, as a client would: one call, one stream.
  v1::Run RunToEnd(const std::string& pipeline,
                   const std::map<std::string, std::string>& parameters = {}) {
    v1::SubmitRunRequest request;
    request.set_pipeline(pipeline);
    request.set_no_cache(true);
    for (const auto& [name, value] : parameters) {
      (*request.mutable_parameters())[name].set_text(value);
    }
    v1::SubmitRunResponse response;
    {
      grpc::ClientContext context;
      Check(runs_->SubmitRun(&context, request, &response));
    }
    grpc::ClientContext context;
    v1::WatchRunRequest watch;
    watch.set_run_id(response.run().run_id());
    const auto reader = runs_->WatchRun(&context, watch);
    v1::WatchRunResponse update;
    v1::Run last;
    while (reader->Read(&update)) last = update.run();
    Check(reader->Finish());
    if (last.state() != v1::Run::SUCCEEDED) {
      std::cerr << "run ended as " << v1::Run::State_Name(last.state()) << ": " << last.message()
                << "\n";
      std::exit(1);
    }
    return last;
  }

  v1::Run Get(const std::string& id) {
    grpc::ClientContext context;
    v1::GetRunRequest request;
    request.set_run_id(id);
    v1::Run run;
    Check(runs_->GetRun(&context, request, &run));
    return run;
  }

 private:
  static void Check(const grpc::Status& status) {
    if (status.ok()) return;
    std::cerr << "error: " << status.error_message() << "\n";
    std::exit(1);
  }
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PipelineService::Stub> pipelines_;
  std::unique_ptr<v1::RunService::Stub> runs_;
};

std::string Chain(int length) {
  std::string text = "name: chain\nsteps:\n- {name: s0, type: noop}\n";
  for (int i = 1; i < length; ++i) {
    text += "- {name: s" + std::to_string(i) + ", type: noop, dependsOn: [s" +
            std::to_string(i - 1) + "]}\n";
  }
  return text;
}

std::string Fan(int width) {
  std::string text = "name: fan\nsteps:\n";
  for (int i = 0; i < width; ++i) text += "- {name: s" + std::to_string(i) + ", type: noop}\n";
  return text;
}

double Millis(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to) {
  return static_cast<double>(to.seconds() - from.seconds()) * 1e3 +
         static_cast<double>(to.nanos() - from.nanos()) / 1e6;
}

constexpr int kChain = 40;
constexpr int kFan = 10'000;

// Chains of no-op steps, one after the other; `suffix` stands in the figures' names.
void MeasureChains(Client& client, int chains, const std::string& suffix, Json& result) {
  std::vector<double> times;
  std::vector<double> overheads;
  for (int i = 0; i < chains; ++i) {
    const auto start = SteadyClock::now();
    const v1::Run run = client.RunToEnd("chain");
    times.push_back(MillisSince(start));
    // From the turn that made a step ready to the turn that took its result.
    const v1::Run ended = client.Get(run.run_id());
    for (const v1::Step& step : ended.steps()) {
      overheads.push_back(Millis(step.ready_at(), step.ended_at()));
    }
  }
  result["chain40" + suffix + "_ms"] = Quantile(times, 0.5);
  result["step_overhead" + suffix + "_ms_p50"] = Quantile(overheads, 0.5);
  result["step_overhead" + suffix + "_ms_p99"] = Quantile(overheads, 0.99);
}

void MeasureFans(Client& client, int fans, const std::string& suffix, Json& result) {
  std::vector<double> times;
  for (int i = 0; i < fans; ++i) {
    const auto start = SteadyClock::now();
    client.RunToEnd("fan");
    times.push_back(MillisSince(start));
  }
  result["fan10000" + suffix + "_ms"] = Quantile(times, 0.5);
  result["completions" + suffix + "_per_s"] = kFan / Quantile(times, 0.5) * 1e3;
}

// Each figure as the first thing after that much idleness.
void MeasureAfterIdle(Client& client, int seconds, Json& result) {
  result["idle_seconds"] = seconds;
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  MeasureChains(client, 1, "_after_idle", result);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  MeasureFans(client, 1, "_after_idle", result);
}

void MeasureCensus(Cluster& cluster, Client& client, std::string census, Json& result) {
  if (census.empty()) {
    census = (cluster.folder() / "census.csv").string();
    RunProgram({Program("penstock-census-data"), census});
  }
  client.Register(ReadFile("examples/census/pipeline.yaml").value_or(""));
  const Ran put = cluster.Client({"artifacts", "put", census});
  const std::string address = put.out.substr(0, put.out.find('\n'));
  client.RunToEnd("census-income", {{"data", address}});
  std::vector<double> runs;
  for (int i = 0; i < 9; ++i) {
    const auto start = SteadyClock::now();
    client.RunToEnd("census-income", {{"data", address}});
    runs.push_back(MillisSince(start));
  }
  result["census_ms_median_of_9"] = Quantile(runs, 0.5);
}

int Main(int argc, char** argv) {
  int idle_seconds = 0;
  std::string census;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--idle") idle_seconds = std::atoi(argv[i + 1]);
    if (name == "--census") census = argv[i + 1];
  }
  Cluster cluster;
  cluster.StartCoordinator({"--log-level", "warn"});
  cluster.StartWorker("w1", {"--log-level", "warn"});
  Client client(cluster.grpc());
  client.Register(Chain(kChain));
  client.Register(Fan(kFan));
  for (int i = 0; i < 3; ++i) client.RunToEnd("chain");

  Json result = Json::object();
  result["fsync_ms_p50"] = FsyncMillis(cluster.folder());
  MeasureChains(client, 25, "", result);
  MeasureFans(client, 3, "", result);
  if (idle_seconds > 0) MeasureAfterIdle(client, idle_seconds, result);
  MeasureCensus(cluster, client, census, result);
  std::cout << DumpJsonPretty(result) << "\n";
  return 0;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  return penstock::Main(argc, argv);
}
