#include "tests/sim/coverage.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <string_view>
#include <utility>

#include "tests/sim/reasons.h"

namespace penstock::sim {
namespace {

constexpr std::array<std::pair<StepEvent, std::string_view>, 12> kStepEvents = {
    {{StepEvent::kDependenciesMet, "DependenciesMet"},
     {StepEvent::kPlaced, "Placed"},
     {StepEvent::kStarted, "Started"},
     {StepEvent::kDecided, "Decided"},
     {StepEvent::kSucceed, "Succeed"},
     {StepEvent::kFail, "Fail"},
     {StepEvent::kRetry, "Retry"},
     {StepEvent::kRetryDue, "RetryDue"},
     {StepEvent::kLeaseLost, "LeaseLost"},
     {StepEvent::kSkip, "Skip"},
     {StepEvent::kCancel, "Cancel"},
     {StepEvent::kCacheHit, "CacheHit"}}};
constexpr std::array<std::pair<RunEvent, std::string_view>, 5> kRunEvents = {
    {{RunEvent::kStart, "Start"},
     {RunEvent::kCancel, "Cancel"},
     {RunEvent::kAllSucceeded, "AllSucceeded"},
     {RunEvent::kSomeFailed, "SomeFailed"},
     {RunEvent::kAllEnded, "AllEnded"}}};
constexpr std::array<std::pair<AttemptEvent, std::string_view>, 5> kAttemptEvents = {
    {{AttemptEvent::kStarted, "Started"},
     {AttemptEvent::kSucceeded, "Succeeded"},
     {AttemptEvent::kFailed, "Failed"},
     {AttemptEvent::kCancelled, "Cancelled"},
     {AttemptEvent::kLost, "Lost"}}};

template <typename State, typename Event, std::size_t n>
std::string PairText(const char* machine, State state, Event event,
                     const std::array<std::pair<Event, std::string_view>, n>& events) {
  for (const auto& [value, name] : events) {
    if (value == event) {
      return std::string(machine) + " " + std::string(Name(state)) + " " + std::string(name);
    }
  }
  return std::string(machine) + " " + std::string(Name(state)) + " ?";
}

// Every pair for which the machine has an answer and that is no terminal state's.
template <typename State, typename Event, std::size_t n>
void AddPairs(const char* machine, const std::vector<State>& states,
              const std::array<std::pair<Event, std::string_view>, n>& events,
              std::vector<std::string>& pairs) {
  for (const State state : states) {
    for (const auto& [event, name] : events) {
      if (NextState(state, event)) pairs.push_back(PairText(machine, state, event, events));
    }
  }
}

std::vector<std::string> AllPairs() {
  std::vector<std::string> pairs;
  AddPairs("step",
           std::vector{StepState::kWaiting, StepState::kReady, StepState::kLeased,
                       StepState::kRunning, StepState::kRetryWait},
           kStepEvents, pairs);
  AddPairs("run", std::vector{RunState::kPending, RunState::kRunning, RunState::kCancelling},
           kRunEvents, pairs);
  AddPairs("attempt", std::vector{AttemptState::kLeased, AttemptState::kRunning}, kAttemptEvents,
           pairs);
  return pairs;
}

}  // namespace

void Coverage::OnStep(StepState state, StepEvent event) {
  ++seen_[PairText("step", state, event, kStepEvents)];
}
void Coverage::OnRun(RunState state, RunEvent event) {
  ++seen_[PairText("run", state, event, kRunEvents)];
}
void Coverage::OnAttempt(AttemptState state, AttemptEvent event) {
  ++seen_[PairText("attempt", state, event, kAttemptEvents)];
}
void Coverage::OnReason(const std::string& word) {
  if (!word.empty()) ++seen_["reason " + word];
}

void Coverage::Add(const Coverage& other) {
  for (const auto& [what, times] : other.seen_) seen_[what] += times;
}

Json Coverage::ToJson() const {
  return Json(seen_);
}

Coverage Coverage::FromJson(const Json& json) {
  Coverage coverage;
  for (const auto& [what, times] : json.items()) coverage.seen_[what] = times.get<int64_t>();
  return coverage;
}

std::string Coverage::Table(std::vector<std::string>* missing) const {
  std::vector<std::string> rows = AllPairs();
  for (const std::string& word : KnownReasons()) rows.push_back("reason " + word);
  const std::map<std::string, std::string> unreachable = Unreachable();
  std::string table;
  const auto line = [&](const std::string& what, const std::string& times) {
    char text[256];
    std::snprintf(text, sizeof text, "  %-44s %s\n", what.c_str(), times.c_str());
    table += text;
  };
  for (const std::string& row : rows) {
    const auto times = seen_.find(row);
    const auto why_not = unreachable.find(row);
    if (times != seen_.end()) {
      line(row, std::to_string(times->second));
      if (why_not != unreachable.end() && missing != nullptr) {
        missing->push_back(row + ": said to be out of reach, and was seen");
      }
    } else if (why_not != unreachable.end()) {
      line(row, "cannot be: " + why_not->second);
    } else {
      line(row, "NOT SEEN");
      if (missing != nullptr) missing->push_back(row + ": not seen");
    }
  }
  const std::set<std::string> known(rows.begin(), rows.end());
  for (const auto& [what, times] : seen_) {
    if (known.contains(what) || what.starts_with("reason ")) continue;
    line(what, std::to_string(times));
    if (missing != nullptr) missing->push_back(what + ": not in the table");
  }
  return table;
}

}  // namespace penstock::sim
