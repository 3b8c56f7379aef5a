#include "client/cli/follow.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/json.h"
#include "client/cli/attempts.h"
#include "client/cli/cli.h"
#include "client/cli/output.h"

namespace penstock::cli {
namespace {

constexpr std::chrono::minutes kPatience{5};
constexpr std::size_t kWarningsShown = 20;
constexpr int kLogsNamed = 5;

// Calls Tick twice a second while it lives, so that durations move.
class Ticker {
 public:
  Ticker(View& view, std::mutex& mutex) : view_(view), mutex_(mutex), thread_([this] { Run(); }) {}
  ~Ticker() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::milliseconds(500), [this] { return stop_; })) {
      view_.Tick();
    }
  }
  View& view_;
  std::mutex& mutex_;
  bool stop_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

void OnInterrupt(int) {
  static constexpr char kText[] =
      "\nno longer watching; the run goes on (penstock cancel RUN stops it)\n";
  static_cast<void>(!write(STDERR_FILENO, kText, sizeof kText - 1));
  _exit(130);
}

// Names of the steps whose failure their definition allows.
std::set<std::string> Tolerated(Connection& connection, const pb::Run& run) {
  std::set<std::string> names;
  pb::GetPipelineRequest request;
  request.set_name(run.pipeline());
  request.set_version(run.pipeline_version());
  const auto pipeline =
      connection.Call(connection.pipelines(), &pb::PipelineService::Stub::GetPipeline, request);
  if (!pipeline.ok()) return names;
  const Json definition =
      ParseJson(pipeline->definition_json(), {.max_bytes = 16 << 20, .max_depth = 64})
          .value_or(Json());
  for (const Json& step : JsonMember(definition, "steps")) {
    if (JsonBool(step, "continueOnFailure")) names.insert(JsonString(step, "name"));
  }
  return names;
}

}  // namespace

Result<pb::Run> Follow(Connection& connection, const std::string& run_id, bool show,
                       const Warnings& warnings) {
  const bool live = show && isatty(STDERR_FILENO) != 0 && IsTerminal();
  const std::unique_ptr<View> view = live   ? MakeLiveView(warnings)
                                     : show ? MakeLinesView(warnings)
                                            : MakeSilentView();
  std::signal(SIGINT, OnInterrupt);
  std::mutex mutex;
  std::unique_ptr<Ticker> ticker;
  if (live) ticker = std::make_unique<Ticker>(*view, mutex);

  pb::Run last;
  std::map<int, pb::Step> steps;
  AttemptNews attempts;
  auto lost_at = std::chrono::steady_clock::time_point();
  while (true) {
    const auto context = connection.Context(Micros(0));
    pb::WatchRunRequest request;
    request.set_run_id(run_id);
    const auto reader = connection.runs().WatchRun(context.get(), request);
    pb::WatchRunResponse response;
    while (reader->Read(&response)) {
      lost_at = {};
      const std::vector<pb::Step> changed(response.run().steps().begin(),
                                          response.run().steps().end());
      for (const pb::Step& step : changed) steps[step.index()] = step;
      last = response.run();
      last.clear_steps();
      std::vector<std::string> ended;
      if (show) ended = attempts.After(connection, run_id, changed);
      const std::lock_guard lock(mutex);
      for (const std::string& line : ended) view->Say(line);
      view->Update(last, changed);
    }
    const Status status = connection.Translate(reader->Finish());
    if (last.state() >= pb::Run::SUCCEEDED) break;
    const bool transient = status.ok() || status.code() == StatusCode::kUnavailable ||
                           status.code() == StatusCode::kCancelled ||
                           status.code() == StatusCode::kUnknown;
    if (!transient) return status;
    const auto now = std::chrono::steady_clock::now();
    if (lost_at == std::chrono::steady_clock::time_point()) {
      lost_at = now;
      const std::lock_guard lock(mutex);
      view->Lost("connection to the coordinator lost; trying again");
    }
    if (now - lost_at > kPatience) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  ticker.reset();
  std::signal(SIGINT, SIG_DFL);
  for (auto& [index, step] : steps) *last.add_steps() = step;
  return last;
}

std::vector<std::string> WarningsOf(const pb::Run& run) {
  std::vector<std::string> warnings;
  for (const pb::Step& step : run.steps()) {
    // A condition that succeeded says what it compared, an approval who approved.
    if (step.state() != pb::Step::SUCCEEDED || !step.branch().empty()) continue;
    if (step.type() == "approval") continue;
    if (step.message().empty()) continue;
    warnings.push_back("warning: step " + step.name() + ": " + step.message());
  }
  if (warnings.size() > kWarningsShown) {
    const std::size_t more = warnings.size() - kWarningsShown;
    warnings.resize(kWarningsShown);
    warnings.push_back("warning: " + std::to_string(more) + " more steps warn of something");
  }
  return warnings;
}

void PrintEnding(Connection& connection, const pb::Run& run) {
  std::cerr << "run " << run.run_id() << " " << Coloured(pb::Run::State_Name(run.state())) << " in "
            << Lasted(run.started_at(), run.ended_at(), Clock::Real().Now()) << "\n";
  if (run.state() != pb::Run::SUCCEEDED && !run.message().empty()) {
    std::cerr << "  " << run.message() << "\n";
  }
  for (const std::string& warning : WarningsOf(run)) std::cerr << warning << "\n";
  for (const pb::Step& step : run.steps()) {
    // What was kept from another run was made there.
    if (step.model_version().empty() || step.state() == pb::Step::CACHED) continue;
    const bool promoted = step.type() == "promote";
    std::cerr << "model " << step.model_version() << (promoted ? " promoted" : " registered")
              << "; see it: penstock describe model " << step.model_version() << "\n";
  }
  if (run.state() != pb::Run::FAILED) return;
  const std::set<std::string> tolerated = Tolerated(connection, run);
  int failed = 0;
  for (const pb::Step& step : run.steps()) {
    // What never ran on a worker has no log.
    if (step.state() != pb::Step::FAILED || step.attempt() == 0) continue;
    if (tolerated.contains(step.name()) || ++failed > kLogsNamed) continue;
    std::cerr << "its log: penstock logs " << run.run_id() << " " << step.name() << "\n";
  }
  if (failed > kLogsNamed) {
    std::cerr << "… and those of " << failed - kLogsNamed
              << " more steps that failed: penstock describe run " << run.run_id() << "\n";
  }
}

Result<int> AwaitSubmitted(Connection& connection, const pb::SubmitRunResponse& submitted,
                           bool wait, bool follow) {
  // Who follows is told by the steps that wait.
  if (!follow) PrintWarnings(submitted.warnings());
  const std::string& id = submitted.run().run_id();
  std::cout << id << std::endl;
  if (!wait && !follow) return kDone;
  const Warnings warnings(submitted.warnings().begin(), submitted.warnings().end());
  PENSTOCK_ASSIGN_OR_RETURN(const pb::Run ended, Follow(connection, id, follow, warnings));
  PrintEnding(connection, ended);
  return ended.state() == pb::Run::SUCCEEDED ? kDone : kWorkFailed;
}

}  // namespace penstock::cli
