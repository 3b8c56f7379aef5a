#include "client/cli/attempts.h"

#include "client/cli/output.h"

namespace penstock::cli {
namespace {

bool HasEnded(const pb::Attempt& attempt) {
  return attempt.state() >= pb::Attempt::SUCCEEDED;
}

// Given back before it started: nothing was tried.
bool WasReturned(const pb::Attempt& attempt) {
  return attempt.state() == pb::Attempt::LOST && attempt.cause() == "NONE";
}

// The last attempt that another may follow or has followed.
int LastSuperseded(const pb::Step& step) {
  switch (step.state()) {
    case pb::Step::WAITING:
    case pb::Step::READY:
    case pb::Step::RETRY_WAIT:
      return step.attempt();
    default:
      return step.attempt() - 1;
  }
}

std::string Line(const std::string& step, const pb::Attempt& attempt) {
  std::string line = step + "  attempt " + std::to_string(attempt.number()) + " " +
                     pb::Attempt::State_Name(attempt.state());
  const std::string took =
      Lasted(attempt.started_at(), attempt.ended_at(), ToTime(attempt.ended_at()));
  if (!took.empty()) line += "  " + took;
  if (!attempt.worker().empty()) line += "  on " + attempt.worker();
  if (!attempt.address().empty()) line += ", rank " + std::to_string(attempt.rank());
  if (const std::string why = WhyEnded(attempt); !why.empty()) line += "  " + why;
  return line;
}

}  // namespace

Result<std::vector<pb::Attempt>> ListAttempts(Connection& connection, const std::string& run_id,
                                              const std::string& step) {
  pb::ListAttemptsRequest request;
  request.set_run_id(run_id);
  request.set_step(step);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ListAttemptsResponse answer,
      connection.Call(connection.runs(), &pb::RunService::Stub::ListAttempts, request));
  return std::vector<pb::Attempt>(answer.attempts().begin(), answer.attempts().end());
}

std::string WhyEnded(const pb::Attempt& attempt) {
  const std::string cause = attempt.cause() == "NONE" ? "" : attempt.cause();
  if (cause.empty() || attempt.message().empty()) return cause + attempt.message();
  return cause + ": " + attempt.message();
}

const pb::Attempt* DecisiveAttempt(const std::vector<pb::Attempt>& attempts, int number) {
  const pb::Attempt* decisive = nullptr;
  for (const pb::Attempt& attempt : attempts) {
    if (attempt.number() != number) continue;
    const bool ended_it = HasEnded(attempt) && attempt.state() != pb::Attempt::SUCCEEDED &&
                          attempt.cause() != "GANG_ENDED";
    if (ended_it) return &attempt;
    if (decisive == nullptr) decisive = &attempt;
  }
  return decisive;
}

std::vector<std::string> AttemptNews::After(Connection& connection, const std::string& run_id,
                                            const std::vector<pb::Step>& steps) {
  std::vector<std::string> lines;
  for (const pb::Step& step : steps) {
    int& told = told_[step.index()];
    const int last = LastSuperseded(step);
    if (last <= told) continue;
    const auto attempts = ListAttempts(connection, run_id, step.name());
    if (!attempts.ok()) continue;
    for (int number = told + 1; number <= last; ++number) {
      const pb::Attempt* attempt = DecisiveAttempt(*attempts, number);
      // One whose lease ran out may yet come back.
      if (attempt == nullptr || !HasEnded(*attempt)) break;
      told = number;
      if (!WasReturned(*attempt)) lines.push_back(Line(step.name(), *attempt));
    }
  }
  return lines;
}

}  // namespace penstock::cli
