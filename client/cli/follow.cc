#include "client/cli/follow.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/text.h"
#include "client/cli/output.h"

namespace penstock::cli {
namespace {

constexpr std::chrono::minutes kPatience{5};

// The one number that tells most about a step.
std::string Headline(const pb::Step& step) {
  if (!step.model_version().empty()) return step.model_version();
  if (!step.branch().empty()) return "→ " + step.branch();
  for (const char* name : {"auc", "accuracy", "rmse", "validation_auc", "validation_logloss",
                           "train_logloss", "train_loss", "rows"}) {
    const auto found = step.metrics().find(name);
    if (found != step.metrics().end()) {
      return std::string(name) + " " + FormatMetric(found->second);
    }
  }
  return {};
}

std::string Detail(const pb::Step& step) {
  switch (step.state()) {
    case pb::Step::RUNNING: {
      std::string text = step.progress_note();
      if (step.progress() > 0) {
        char percent[16];
        std::snprintf(percent, sizeof percent, "%.0f %%", step.progress() * 100);
        text = percent + (text.empty() ? "" : "  " + text);
      }
      return text;
    }
    case pb::Step::FAILED:
    case pb::Step::RETRY_WAIT:
    case pb::Step::SKIPPED:
      return step.message();
    default:
      return Headline(step);
  }
}

std::string Took(const pb::Step& step, Time now) {
  if (step.state() == pb::Step::SKIPPED) return {};
  return Lasted(step.started_at(), step.ended_at(), now);
}

class View {
 public:
  virtual ~View() = default;
  virtual void Update(const pb::Run& run, const std::vector<pb::Step>& changed) = 0;
  virtual void Tick() {}
  virtual void Lost(const std::string& why) = 0;
};

class Silent : public View {
 public:
  void Update(const pb::Run&, const std::vector<pb::Step>&) override {}
  void Lost(const std::string&) override {}
};

// A line for each state that a step enters, for logs and pipes.
class Lines : public View {
 public:
  void Update(const pb::Run& run, const std::vector<pb::Step>& changed) override {
    for (const pb::Step& step : changed) {
      const bool news = step.state() >= pb::Step::RUNNING;
      auto& last = last_[step.index()];
      if (!news || last == std::pair(step.state(), step.attempt())) continue;
      last = {step.state(), step.attempt()};
      std::string line = step.name() + "  " + pb::Step::State_Name(step.state());
      if (step.attempt() > 1) line += "  attempt " + std::to_string(step.attempt());
      if (const std::string took = Took(step, Clock::Real().Now());
          !took.empty() && step.state() > pb::Step::RUNNING) {
        line += "  " + took;
      }
      if (step.state() == pb::Step::RUNNING && !step.worker().empty()) {
        line += "  on " + step.worker();
      }
      if (const std::string detail = Detail(step); !detail.empty()) line += "  " + detail;
      std::cerr << line << "\n";
    }
    static_cast<void>(run);
  }
  void Lost(const std::string& why) override { std::cerr << why << "\n"; }

 private:
  std::map<int, std::pair<pb::Step::State, int>> last_;
};

// A table that is drawn over itself.
class Live : public View {
 public:
  void Update(const pb::Run& run, const std::vector<pb::Step>& changed) override {
    run_ = run;
    for (const pb::Step& step : changed) steps_[step.index()] = step;
    Draw();
  }
  void Tick() override { Draw(); }
  void Lost(const std::string& why) override {
    note_ = why;
    Draw();
    note_.clear();
  }

 private:
  void Draw() {
    const Time now = Clock::Real().Now();
    winsize size{};
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    const std::size_t height = size.ws_row > 6 ? size.ws_row - 4u : 20u;
    Table table({"STEP", "STATE", "TRY", "TOOK", "RESULT"});
    std::size_t shown = 0;
    std::size_t hidden = 0;
    for (const auto& [index, step] : steps_) {
      // Where there are more steps than lines, what is happening goes first.
      const bool active = step.state() >= pb::Step::LEASED && step.state() <= pb::Step::RETRY_WAIT;
      if (steps_.size() > height && !active && step.state() != pb::Step::FAILED) {
        ++hidden;
        continue;
      }
      if (shown++ >= height) {
        ++hidden;
        continue;
      }
      table.Add({step.name(), Coloured(pb::Step::State_Name(step.state())),
                 step.attempt() > 1 ? std::to_string(step.attempt()) : "", Took(step, now),
                 Detail(step)});
    }
    std::string text = run_.pipeline() + "@" + std::to_string(run_.pipeline_version()) + "  " +
                       run_.run_id() + "  " + Coloured(pb::Run::State_Name(run_.state())) + "  " +
                       Lasted(run_.started_at(), run_.ended_at(), now) + "\n" + table.Text();
    if (hidden > 0) {
      const pb::StepCounts& counts = run_.counts();
      text += "… and " + std::to_string(hidden) + " more (" + std::to_string(counts.succeeded()) +
              " of " + std::to_string(counts.total()) + " done)\n";
    }
    if (!note_.empty()) text += note_ + "\n";
    std::string out;
    if (lines_ > 0) out += "\033[" + std::to_string(lines_) + "A\r\033[J";
    out += text;
    lines_ = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    std::cerr << out << std::flush;
  }

  pb::Run run_;
  std::map<int, pb::Step> steps_;
  std::string note_;
  int lines_ = 0;
};

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

}  // namespace

Result<pb::Run> Follow(Connection& connection, const std::string& run_id, bool show) {
  std::unique_ptr<View> view = std::make_unique<Silent>();
  const bool live = show && isatty(STDERR_FILENO) != 0 && IsTerminal();
  if (show) view = std::make_unique<Lines>();
  if (live) view = std::make_unique<Live>();
  std::signal(SIGINT, OnInterrupt);
  std::mutex mutex;
  std::unique_ptr<Ticker> ticker;
  if (live) ticker = std::make_unique<Ticker>(*view, mutex);

  pb::Run last;
  std::map<int, pb::Step> steps;
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
      const std::lock_guard lock(mutex);
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
    // A condition that succeeded says what it compared.
    if (step.state() != pb::Step::SUCCEEDED || !step.branch().empty()) continue;
    if (step.message().empty()) continue;
    warnings.push_back("warning: step " + step.name() + ": " + step.message());
  }
  return warnings;
}

void PrintEnding(const pb::Run& run) {
  std::cerr << "run " << run.run_id() << " " << Coloured(pb::Run::State_Name(run.state())) << " in "
            << Lasted(run.started_at(), run.ended_at(), Clock::Real().Now()) << "\n";
  if (run.state() != pb::Run::SUCCEEDED && !run.message().empty()) {
    std::cerr << "  " << run.message() << "\n";
  }
  for (const std::string& warning : WarningsOf(run)) std::cerr << warning << "\n";
  for (const pb::Step& step : run.steps()) {
    if (!step.model_version().empty()) {
      std::cerr << "model " << step.model_version()
                << " registered; see it: penstock describe model " << step.model_version() << "\n";
    }
    if (step.state() == pb::Step::FAILED && step.cause() != "FAIL_STEP") {
      std::cerr << "its log: penstock logs " << run.run_id() << " " << step.name() << "\n";
    }
  }
}

}  // namespace penstock::cli
