#include "server/core/readiness.h"

#include <utility>

namespace penstock {

Readiness::Readiness(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)),
      states_(static_cast<std::size_t>(plan_->size()), StepState::kWaiting),
      branches_(states_.size()),
      waiting_(states_.size()),
      decisions_(states_.size()) {
  for (StepIndex i = 0; i < plan_->size(); ++i) {
    const auto count = static_cast<int32_t>(plan_->dependencies(i).size());
    waiting_[static_cast<std::size_t>(i)] = count;
    if (count == 0) decisions_[static_cast<std::size_t>(i)] = Decide(i);
  }
}

std::vector<StepIndex> Readiness::OnEnded(StepIndex step, StepState state,
                                          const std::string& branch) {
  const auto s = static_cast<std::size_t>(step);
  if (IsTerminal(states_[s])) return {};
  states_[s] = state;
  branches_[s] = branch;
  std::vector<StepIndex> decided;
  for (const StepIndex dependent : plan_->dependents(step)) {
    const auto d = static_cast<std::size_t>(dependent);
    if (--waiting_[d] > 0) continue;
    decisions_[d] = Decide(dependent);
    decided.push_back(dependent);
  }
  return decided;
}

bool Readiness::Failed(StepIndex step) const {
  const StepState state = states_[static_cast<std::size_t>(step)];
  return (state == StepState::kFailed && !plan_->step(step).continue_on_failure) ||
         state == StepState::kCancelled;
}

Readiness::Decision Readiness::Skip(StepIndex because) const {
  const StepState state = states_[static_cast<std::size_t>(because)];
  const std::string& name = plan_->step(because).name.value();
  if (state == StepState::kSkipped) {
    return {Verdict::kSkip, Cause::kUpstreamSkipped, "step " + name + " was skipped"};
  }
  return {Verdict::kSkip, Cause::kUpstreamFailed,
          "step " + name + (state == StepState::kCancelled ? " was cancelled" : " failed")};
}

Readiness::Decision Readiness::DecideBranch(StepIndex step) const {
  Decision decision{Verdict::kReady, Cause::kNone, ""};
  for (const Edge& edge : plan_->edges(step)) {
    if (edge.kind != Edge::Kind::kThen && edge.kind != Edge::Kind::kElse) continue;
    const auto from = static_cast<std::size_t>(edge.from);
    if (!IsSuccess(states_[from])) {
      decision = Skip(edge.from);
      continue;
    }
    const char* wanted = edge.kind == Edge::Kind::kThen ? "then" : "else";
    if (branches_[from] == wanted) return {Verdict::kReady, Cause::kNone, ""};
    if (decision.verdict == Verdict::kReady || decision.cause != Cause::kUpstreamFailed) {
      decision = {
          Verdict::kSkip, Cause::kNotChosen,
          "condition " + plan_->step(edge.from).name.value() + " chose `" + branches_[from] + "`"};
    }
  }
  return decision;
}

Readiness::Decision Readiness::Decide(StepIndex step) const {
  if (Decision branch = DecideBranch(step); branch.verdict == Verdict::kSkip) return branch;
  const When when = plan_->step(step).when;
  bool any = false;
  bool any_success = false;
  // By group of alternatives: whether one of them is there, and a step that is missing.
  struct Group {
    bool satisfied = false;
    StepIndex missing = -1;
  };
  std::vector<Group> groups;
  for (const Edge& edge : plan_->edges(step)) {
    if (edge.kind == Edge::Kind::kThen || edge.kind == Edge::Kind::kElse) continue;
    const StepState state = states_[static_cast<std::size_t>(edge.from)];
    const bool success = IsSuccess(state);
    any = true;
    any_success = any_success || success;
    if (when == When::kAllSucceeded || when == When::kNoneFailed) {
      if (Failed(edge.from)) return Skip(edge.from);
    }
    if (edge.kind == Edge::Kind::kAfter) continue;
    if (edge.kind == Edge::Kind::kOrder) {
      if (when == When::kAllSucceeded && state == StepState::kSkipped) return Skip(edge.from);
      continue;
    }
    const auto g = static_cast<std::size_t>(edge.group);
    if (groups.size() <= g) groups.resize(g + 1);
    if (groups[g].missing < 0) groups[g].missing = edge.from;
    groups[g].satisfied = groups[g].satisfied || success;
  }
  for (const Group& group : groups) {
    if (group.missing >= 0 && !group.satisfied) return Skip(group.missing);
  }
  if (when == When::kAnySucceeded && any && !any_success) {
    return {Verdict::kSkip, Cause::kUpstreamFailed, "none of the steps before it succeeded"};
  }
  return {Verdict::kReady, Cause::kNone, ""};
}

}  // namespace penstock
