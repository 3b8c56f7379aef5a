// When runs begin: at once, or when their pipeline (maxActiveRuns) and their queue (maxRuns) have
// room. A run that waits is PENDING, also across restarts.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

constexpr std::size_t kRunsNamed = 3;

// "run-1, run-2 and 5 more".
std::string NamesOf(const std::vector<LiveRun*>& runs) {
  std::string names;
  for (std::size_t i = 0; i < runs.size() && i < kRunsNamed; ++i) {
    names += (i == 0 ? "" : ", ") + runs[i]->record.id.value();
  }
  if (runs.size() > kRunsNamed)
    names += " and " + std::to_string(runs.size() - kRunsNamed) + " more";
  return names;
}

}  // namespace

Status RunManager::ChooseQueue(const SubmitRunCommand& command, const PipelineSpec& spec,
                               RunRecord& record) {
  record.queue = !command.queue.empty() ? command.queue : spec.queue;
  record.priority = command.priority.value_or(spec.priority);
  if (record.queue.empty()) record.queue = kDefaultQueue;
  if (record.priority < -limits::kMaxPriority || record.priority > limits::kMaxPriority) {
    return InvalidArgument("priority: must be between -" + std::to_string(limits::kMaxPriority) +
                           " and " + std::to_string(limits::kMaxPriority));
  }
  const QueueTable& queues = context_.options.queues;
  if (record.queue == kDefaultQueue || queues.contains(record.queue)) return Status::Ok();
  std::vector<std::string> known = {kDefaultQueue};
  for (const auto& [name, terms] : queues) {
    if (name != kDefaultQueue) known.push_back(name);
  }
  return InvalidArgument("queue: there is no queue \"" + record.queue + "\" in the server's " +
                             "configuration; there is " + Join(known, ", "),
                         "UNKNOWN_QUEUE");
}

// By row: the oldest first.
std::vector<LiveRun*> RunManager::LiveRunsOf(const PipelineName& pipeline) const {
  std::set<int64_t> rows;
  if (const auto begun = begun_.find(pipeline); begun != begun_.end()) rows = begun->second;
  for (auto at = waiting_.lower_bound({pipeline, "", ""});
       at != waiting_.end() && std::get<0>(at->first) == pipeline; ++at) {
    for (const auto& [urgency, row] : at->second) rows.insert(row);
  }
  std::vector<LiveRun*> runs;
  for (const int64_t row : rows) runs.push_back(runs_.at(row).get());
  return runs;
}

Status RunManager::CheckActiveRuns(const PipelineName& pipeline, const Plan& plan) const {
  if (plan.max_active_runs() == 0 || plan.on_limit() != OnLimit::kSkip) return Status::Ok();
  const std::vector<LiveRun*> active = LiveRunsOf(pipeline);
  if (active.size() < static_cast<std::size_t>(plan.max_active_runs())) return Status::Ok();
  return FailedPrecondition("pipeline " + pipeline.value() + " has " +
                                std::to_string(active.size()) + " active runs (" + NamesOf(active) +
                                "), as many as its maxActiveRuns allows; its onLimit is skip",
                            "MAX_ACTIVE_RUNS");
}

bool RunManager::GroupIsFull(const RunRecord& record) const {
  if (record.group.empty() || record.group_limit == 0) return false;
  const auto begun = begun_of_group_.find(record.group);
  return begun != begun_of_group_.end() && begun->second >= record.group_limit;
}

bool RunManager::MayBegin(const LiveRun& run) const {
  if (GroupIsFull(run.record)) return false;
  const int32_t runs = run.frames.front().plan->max_active_runs();
  const auto begun = begun_.find(run.record.pipeline);
  if (runs > 0 && begun != begun_.end() && begun->second.size() >= static_cast<std::size_t>(runs)) {
    return false;
  }
  const auto queue = context_.options.queues.find(run.record.queue);
  if (queue == context_.options.queues.end() || queue->second.max_runs == 0) return true;
  const auto active = begun_in_.find(run.record.queue);
  return active == begun_in_.end() || active->second < queue->second.max_runs;
}

void RunManager::BeginOrWait(LiveRun& run, SubmitRunAnswer& answer) {
  const bool others_wait = waiting_.contains(LineOf(run.record));
  if (!others_wait && MayBegin(run)) return Begin(run);
  Await(run);
  MarkRun(run);
  std::vector<Explanation> reasons;
  ExplainPending(run, reasons);
  for (Explanation& reason : reasons) {
    answer.warnings.push_back({"", "the run waits: " + std::move(reason.message)});
  }
  if (run.frames.front().plan->on_limit() == OnLimit::kCancelOldest) CancelOldest(run);
  admit_due_ = true;
}

void RunManager::Await(LiveRun& run) {
  waiting_[LineOf(run.record)].insert({-run.record.priority, run.record.row});
}

void RunManager::NoteBegun(const RunRecord& record) {
  begun_[record.pipeline].insert(record.row);
  ++begun_in_[record.queue];
  if (!record.group.empty()) ++begun_of_group_[record.group];
}

void RunManager::Begin(LiveRun& run) {
  NoteBegun(run.record);
  Start(run);
}

// Lets begin what may. Runs of one pipeline, queue and group keep their order.
void RunManager::BeginWaiting() {
  admit_due_ = false;
  while (true) {
    std::pair<int32_t, int64_t> first{};
    auto of = waiting_.end();
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
      const auto& head = *at->second.begin();
      if ((of == waiting_.end() || head < first) && MayBegin(*runs_.at(head.second))) {
        first = head;
        of = at;
      }
    }
    if (of == waiting_.end()) return;
    of->second.erase(of->second.begin());
    if (of->second.empty()) waiting_.erase(of);
    LiveRun& run = *runs_.at(first.second);
    LOG_INFO("run begins run={}", run.record.id);
    Begin(run);
  }
}

// Makes room for the newest run of a pipeline, by its policy.
void RunManager::CancelOldest(const LiveRun& newest) {
  std::vector<LiveRun*> others = LiveRunsOf(newest.record.pipeline);
  std::erase_if(others, [&](const LiveRun* run) {
    return run == &newest || run->record.state == RunState::kCancelling;
  });
  const auto limit = static_cast<std::size_t>(newest.frames.front().plan->max_active_runs());
  for (std::size_t i = 0; i + limit <= others.size(); ++i) {
    const Result<RunRecord> cancelled =
        Cancel({others[i]->record.id, newest.record.principal,
                newest.record.id.value() + " takes its place (onLimit: cancelOldest)", false});
    PENSTOCK_CHECK(cancelled.ok());
  }
}

void RunManager::LeaveAdmission(const LiveRun& run) {
  const RunRecord& record = run.record;
  admit_due_ = admit_due_ || !waiting_.empty();
  if (const auto waiting = waiting_.find(LineOf(record));
      waiting != waiting_.end() && waiting->second.erase({-record.priority, record.row}) > 0) {
    if (waiting->second.empty()) waiting_.erase(waiting);
    return;
  }
  const auto begun = begun_.find(record.pipeline);
  if (begun == begun_.end() || begun->second.erase(record.row) == 0) return;
  if (begun->second.empty()) begun_.erase(begun);
  if (--begun_in_[record.queue] == 0) begun_in_.erase(record.queue);
  if (record.group.empty()) return;
  if (--begun_of_group_[record.group] == 0) begun_of_group_.erase(record.group);
}

void RunManager::ExplainPending(const LiveRun& run, std::vector<Explanation>& reasons) const {
  const int32_t runs = run.frames.front().plan->max_active_runs();
  std::vector<LiveRun*> active;
  if (const auto begun = begun_.find(run.record.pipeline); begun != begun_.end()) {
    for (const int64_t row : begun->second) active.push_back(runs_.at(row).get());
  }
  if (runs > 0 && active.size() >= static_cast<std::size_t>(runs)) {
    reasons.push_back({"MAX_ACTIVE_RUNS", "pipeline " + run.record.pipeline.value() + " has " +
                                              std::to_string(active.size()) + " active runs (" +
                                              NamesOf(active) +
                                              "), as many as its maxActiveRuns allows"});
  }
  const auto queue = context_.options.queues.find(run.record.queue);
  const auto in_queue = begun_in_.find(run.record.queue);
  if (queue != context_.options.queues.end() && in_queue != begun_in_.end() &&
      queue->second.max_runs > 0 && in_queue->second >= queue->second.max_runs) {
    reasons.push_back({"QUEUE_MAX_RUNS", "queue " + run.record.queue + " has " +
                                             std::to_string(in_queue->second) +
                                             " active runs, as many as its maxRuns allows"});
  }
  if (GroupIsFull(run.record)) {
    reasons.push_back({"GROUP_MAX_ACTIVE", "as many runs of " + run.record.group +
                                               " go on as may at a time (" +
                                               std::to_string(run.record.group_limit) + ")"});
  }
  if (!reasons.empty()) return;
  reasons.push_back({"QUEUED", "runs of the pipeline that were submitted before it begin first"});
}

}  // namespace penstock
