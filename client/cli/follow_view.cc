#include "client/cli/follow_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <set>

#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "client/cli/step_tree.h"

namespace penstock::cli {
namespace {

// How often a map says how far it is, and the table is drawn.
constexpr Micros kMapInterval = std::chrono::seconds(1);
constexpr Micros kDrawInterval = std::chrono::milliseconds(100);
// Failures inside a large map that get a line each.
constexpr int kFailuresTold = 20;

// The first of these that the step reports; else its first of the data that `prefix` names.
std::string NameOfMain(const std::map<std::string, double>& metrics, const std::string& prefix) {
  for (const char* name : {"auc", "accuracy", "rmse", "logloss", "mlogloss", "loss"}) {
    if (metrics.contains(prefix + name)) return prefix + name;
  }
  if (prefix.empty()) return {};
  for (const auto& [name, value] : metrics) {
    if (name.starts_with(prefix) && !name.ends_with("_rows")) return name;
  }
  return {};
}

std::string Detail(const pb::Step& step) {
  switch (step.state()) {
    case pb::Step::RUNNING:
      return ProgressOf(step, Clock::Real().Now());
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

// What the submission's warnings say of steps that wait for a worker.
class Waits {
 public:
  explicit Waits(const Warnings& warnings) {
    for (const pb::Problem& warning : warnings) by_path_[warning.path()] = warning.message();
  }
  // Empty where nothing is known.
  std::string Why(const pb::Step& step) const {
    if (step.state() != pb::Step::READY) return {};
    for (const std::string& path : {"steps[" + std::to_string(step.index()) + "]", std::string()}) {
      const auto found = by_path_.find(path);
      if (found != by_path_.end()) return found->second;
    }
    return {};
  }

 private:
  std::map<std::string, std::string> by_path_;
};

class Silent : public View {
 public:
  void Update(const pb::Run&, const std::vector<pb::Step>&) override {}
  void Say(const std::string&) override {}
  void Lost(const std::string&) override {}
};

class Lines : public View {
 public:
  Lines(const Warnings& warnings, const Clock& clock) : waits_(warnings), clock_(clock) {}
  void Update(const pb::Run&, const std::vector<pb::Step>& changed) override {
    // All first: how large a map is decides what is said of each step inside.
    for (const pb::Step& step : changed) tree_.Put(step);
    for (const pb::Step& step : changed) Tell(step);
  }
  void Say(const std::string& line) override { std::cerr << line << "\n"; }
  void Lost(const std::string& why) override { Say(why); }

 private:
  struct Told {
    pb::Step::State state = pb::Step::STATE_UNSPECIFIED;
    int attempt = 0;
    std::string note;  // of a map
    Time at;
  };

  void Tell(const pb::Step& step) {
    const std::string why = waits_.Why(step);
    if (!why.empty() && said_.insert(why).second) {
      Say(step.name() + "  READY  waits: " + why);
    }
    if (step.state() < pb::Step::RUNNING || (tree_.InLargeMap(step) && !TellsOfLarge(step))) return;
    Told& told = told_[step.index()];
    const Time now = clock_.Now();
    const bool same = told.state == step.state() && told.attempt == step.attempt();
    const bool farther =
        step.type() == "map" && told.note != step.progress_note() && now - told.at >= kMapInterval;
    if (same && !farther) return;
    told = {step.state(), step.attempt(), step.progress_note(), now};
    Say(LineOf(step));
  }

  // Of the steps inside a large map, only the first failures are told one by one.
  bool TellsOfLarge(const pb::Step& step) {
    if (step.state() != pb::Step::FAILED || told_[step.index()].state == step.state()) return false;
    const std::string map = MapAround(step);
    const int failures = ++failures_[map];
    if (failures == kFailuresTold + 1) Say(map + "  more of its steps failed; they are not told");
    return failures <= kFailuresTold;
  }

  static std::string LineOf(const pb::Step& step) {
    std::string line = step.name() + "  " + pb::Step::State_Name(step.state());
    if (step.attempt() > 1) line += "  attempt " + std::to_string(step.attempt());
    // The attempt's own line, just above, has told why.
    if (step.state() == pb::Step::RETRY_WAIT) return line;
    if (const std::string took = Took(step, Clock::Real().Now());
        !took.empty() && step.state() > pb::Step::RUNNING) {
      line += "  " + took;
    }
    if (step.state() == pb::Step::RUNNING && !step.worker().empty())
      line += "  on " + step.worker();
    if (const std::string detail = Detail(step); !detail.empty()) line += "  " + detail;
    return line;
  }

  Waits waits_;
  const Clock& clock_;
  StepTree tree_;
  std::map<int, Told> told_;             // by index
  std::map<std::string, int> failures_;  // by map
  std::set<std::string> said_;           // why steps wait: one reason may be that of them all
};

class Live : public View {
 public:
  explicit Live(const Warnings& warnings) : waits_(warnings) {}
  void Update(const pb::Run& run, const std::vector<pb::Step>& changed) override {
    run_ = run;
    for (const pb::Step& step : changed) tree_.Put(step);
    // A run of many steps changes more often than anybody can read.
    const Time now = Clock::Real().Now();
    if (now - drawn_at_ < kDrawInterval && run.state() < pb::Run::SUCCEEDED) return;
    drawn_at_ = now;
    Draw("");
  }
  void Say(const std::string& line) override { Draw(line + "\n"); }
  void Tick() override { Draw(""); }
  void Lost(const std::string& why) override {
    note_ = why;
    Draw("");
    note_.clear();
  }

 private:
  // `above` goes where the table began and stays there.
  void Draw(const std::string& above) {
    winsize size{};
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    const std::size_t height = size.ws_row > 6 ? size.ws_row - 4u : 20u;
    // The last column stays free: some terminals wrap as soon as it is written.
    const std::size_t width = std::max<std::size_t>(WindowWidth(STDERR_FILENO), 2) - 1;
    const std::string text = Text(height, width);
    const std::size_t rows = RowsNow(width + 1);
    std::string out;
    if (rows > 0) out += "\033[" + std::to_string(rows) + "A\r\033[J";
    out += above + text;
    drawn_.clear();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      drawn_.push_back(Width(std::string_view(text).substr(begin, end - begin)));
      begin = end + 1;
    }
    std::cerr << out << std::flush;
  }

  // Rows that the last drawing takes: in a window that became narrower its lines are wrapped.
  std::size_t RowsNow(std::size_t window) const {
    std::size_t rows = 0;
    for (const std::size_t width : drawn_) {
      rows += std::max<std::size_t>(1, (width + window - 1) / window);
    }
    return rows;
  }

  // Lines that end with a line break, none wider than `width`.
  std::string Text(std::size_t height, std::size_t width) const {
    const Time now = Clock::Real().Now();
    Table table({"STEP", "STATE", "TRY", "TOOK", "RESULT"});
    std::size_t hidden = 0;
    const std::vector<const pb::Step*> steps = tree_.Shown(&hidden);
    std::size_t shown = 0;
    for (const pb::Step* each : steps) {
      const pb::Step& step = *each;
      // Where there are more steps than lines, what is happening goes first.
      const bool quiet =
          steps.size() > height && !IsActive(step) && step.state() != pb::Step::FAILED;
      if (quiet || shown >= height) {
        ++hidden;
        continue;
      }
      ++shown;
      const std::string why = waits_.Why(step);
      table.Add({step.name(), Coloured(pb::Step::State_Name(step.state())),
                 step.attempt() > 1 ? std::to_string(step.attempt()) : "", Took(step, now),
                 why.empty() ? Detail(step) : why});
    }
    std::string text =
        CutTo(run_.pipeline() + "@" + std::to_string(run_.pipeline_version()) + "  " +
                  run_.run_id() + "  " + Coloured(pb::Run::State_Name(run_.state())) + "  " +
                  Lasted(run_.started_at(), run_.ended_at(), now),
              width) +
        "\n" + table.Fit(width);
    if (hidden > 0) {
      const pb::StepCounts& counts = run_.counts();
      text +=
          CutTo("… and " + std::to_string(hidden) + " more (" + std::to_string(counts.succeeded()) +
                    " of " + std::to_string(counts.total()) + " done)",
                width) +
          "\n";
    }
    if (!note_.empty()) text += CutTo(note_, width) + "\n";
    return text;
  }

  Waits waits_;
  pb::Run run_;
  StepTree tree_;
  Time drawn_at_;
  std::string note_;
  std::vector<std::size_t> drawn_;  // width of each line of the last drawing
};

}  // namespace

std::string Headline(const pb::Step& step) {
  if (!step.model_version().empty()) return step.model_version();
  if (!step.branch().empty()) return "→ " + step.branch();
  const auto metrics = Sorted(step.metrics());
  for (const char* prefix : {"", "validation_", "train_"}) {
    if (const std::string name = NameOfMain(metrics, prefix); !name.empty()) {
      return name + " " + FormatMetric(metrics.at(name));
    }
  }
  return metrics.contains("rows") ? "rows " + FormatMetric(metrics.at("rows")) : "";
}

std::unique_ptr<View> MakeSilentView() {
  return std::make_unique<Silent>();
}

std::unique_ptr<View> MakeLinesView(const Warnings& warnings, const Clock& clock) {
  return std::make_unique<Lines>(warnings, clock);
}

std::unique_ptr<View> MakeLiveView(const Warnings& warnings) {
  return std::make_unique<Live>(warnings);
}

}  // namespace penstock::cli
