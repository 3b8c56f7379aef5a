#include "tests/sim/auditor.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tests/sim/definitions.h"
#include "tests/sim/engine_probe.h"

namespace penstock::sim {
namespace {

// Rows of runs that were written since they were last looked at, on any connection.
std::set<int64_t> written_runs;

void NoteWrite(void*, int, const char*, const char* table, sqlite3_int64 row) {
  if (std::string_view(table) == "runs") written_runs.insert(row);
}

int WatchConnection(sqlite3* connection, const char**, const sqlite3_api_routines*) {
  sqlite3_update_hook(connection, NoteWrite, nullptr);
  return SQLITE_OK;
}

using Hook = void (*)();

Hook WatchHook() {
  return reinterpret_cast<Hook>(&WatchConnection);
}

std::string StepText(const RunId& run, StepIndex step) {
  return run.value() + " step " + std::to_string(step);
}

// Of a gang that is being stopped, or that its deadline stopped meanwhile, nobody asks what ended it.
void IgnoreWhatStops(Json& before_gangs, Json& after_gangs, bool stopping) {
  for (auto& [index, gang] : before_gangs.items()) {
    if (!after_gangs.contains(index)) continue;
    Json& after = after_gangs[index];
    const bool either = gang["stopping"].get<bool>() || after["stopping"].get<bool>();
    for (Json* side : {&gang, &after}) {
      side->erase("stopping");
      if (stopping || either) side->erase("ending");
    }
  }
}

// Of a map that is being stopped nobody asks what its items gave, nor which comes next.
void IgnoreWhatStops(Json& before, Json& after) {
  for (auto& [row, run] : before["runs"].items()) {
    const bool stopping = run["stopping"].get<bool>();
    if (run.contains("gangs") && after["runs"].contains(row) &&
        after["runs"][row].contains("gangs")) {
      IgnoreWhatStops(run["gangs"], after["runs"][row]["gangs"], stopping);
    }
    for (Json* side : {&before, &after}) {
      Json& runs = (*side)["runs"];
      if (!runs.contains(row)) continue;
      runs[row].erase("stopping");
      if (!stopping || !runs[row].contains("expansions")) continue;
      for (auto& [index, expansion] : runs[row]["expansions"].items()) {
        expansion.erase("values");
        expansion.erase("next");
      }
    }
  }
}

}  // namespace

Auditor::Auditor(Schedule& schedule, Coordinator& coordinator, BlobStore& blobs, Coverage& coverage)
    : schedule_(schedule), coordinator_(coordinator), blobs_(blobs), coverage_(coverage) {
  written_runs.clear();
  sqlite3_auto_extension(WatchHook());
}

Auditor::~Auditor() {
  sqlite3_cancel_auto_extension(WatchHook());
}

void Auditor::Fail(const std::string& what) const {
  throw Violation{what};
}

int64_t Auditor::Count(const std::string& sql) {
  Result<Statement> statement = db().Prepare(sql);
  if (!statement.ok()) Fail("cannot read: " + statement.status().message());
  const Result<bool> row = statement->Step();
  if (!row.ok()) Fail("cannot read: " + row.status().message());
  return *row ? statement->Int(0) : 0;
}

// --- Workers

void Auditor::OnBegan(const WorkerId& worker, const LeasedAttempt& lease) {
  OnLeased(lease);
  Execution mine{.worker = worker,
                 .step = StepText(lease.run, lease.step),
                 .mutex = MutexInName(lease.step_name),
                 .fenced = lease.fence_execution,
                 .attempt = lease.attempt,
                 .lost_timeline = !lease.token.value().ends_with("." + incarnation_)};
  for (const auto& [token, other] : executing_) {
    if (mine.lost_timeline || other.lost_timeline) continue;
    if (!mine.mutex.empty() && mine.mutex == other.mutex) {
      Fail("mutex " + mine.mutex + ": " + mine.step + " began on " + worker.value() + " while " +
           other.step + " still ran on " + other.worker.value());
    }
    if (mine.fenced && mine.step == other.step && mine.attempt != other.attempt) {
      Fail(mine.step + " is fenced by execution, and attempt " + std::to_string(mine.attempt) +
           " began on " + worker.value() + " while attempt " + std::to_string(other.attempt) +
           " still ran on " + other.worker.value());
    }
  }
  executing_[lease.token] = std::move(mine);
}

void Auditor::OnEnded(const AttemptToken& token) {
  executing_.erase(token);
}

void Auditor::OnLeased(const LeasedAttempt& lease) {
  if (!coordinator_.up() ||
      !lease.token.value().ends_with("." + coordinator_.store().incarnation())) {
    return;  // of another timeline: it will be told so
  }
  if (!history_.tokens.contains(lease.token.value()) && !history_.deleted.contains(lease.run)) {
    Fail("a worker got a lease of " + StepText(lease.run, lease.step) +
         " that was never committed");
  }
}

void Auditor::OnVerdict(const StepReport& report, Verdict verdict, bool alone) {
  const bool of_now = !coordinator_.up() ||
                      report.token.value().ends_with("." + coordinator_.store().incarnation());
  if (!of_now || report.kind == ReportKind::kStarted || verdict == Verdict::kMissingArtifact) {
    if (verdict == Verdict::kMissingArtifact) coverage_.OnReason("MISSING_ARTIFACT");
    return;
  }
  if (verdict == Verdict::kStaleAttempt) coverage_.OnReason("STALE_ATTEMPT");
  const std::string word = verdict == Verdict::kOk ? "ok" : "stale";
  const auto [known, added] = history_.verdicts.try_emplace(report.token.value(), word);
  // A report that was refused once is never taken; one that was taken is answered so for ever.
  if (!added && known->second != word && report.kind != ReportKind::kReturned) {
    Fail("the same report of " + StepText(report.run, report.step) + " was answered \"" +
         known->second + "\" and then \"" + word + "\"");
  }
  // Ranks succeed each for itself; their steps are looked at in the database.
  if (!alone || verdict != Verdict::kOk || report.kind != ReportKind::kSucceeded) return;
  const auto [done, first] =
      history_.completed.try_emplace(StepText(report.run, report.step), report.attempt);
  if (!first && done->second != report.attempt) {
    Fail("two completions of " + StepText(report.run, report.step) + " were accepted: attempts " +
         std::to_string(done->second) + " and " + std::to_string(report.attempt));
  }
}

void Auditor::OnRefusal(const std::string& call, const Status& status) {
  const std::string reason = status.reason();
  if (!reason.empty()) coverage_.OnReason(reason);
  const bool transient =
      status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kDeadlineExceeded ||
      status.code() == StatusCode::kResourceExhausted || reason == "SESSION_UNKNOWN" ||
      reason == "SUPERSEDED" || reason == "STALE_ATTEMPT";
  if (!transient && !disk_trouble_) Fail(call + " was refused: " + status.ToString());
}

// --- The coordinator

void Auditor::OnDown() {
  memory_.reset();
}

Json Auditor::Memory() const {
  return EngineProbe(coordinator_.engine()).Memory();
}

void Auditor::AfterTurn() {
  const EngineMetrics& metrics = coordinator_.engine().metrics();
  if (metrics.commit_failures.load() > 0 && !disk_trouble_) {
    Fail("a commit failed, and the disk was well");
  }
  // What a start decided is written when there is room again.
  has_turned_ = !coordinator_.engine().read_only();
  if (!has_turned_) return;
  for (const int64_t row : std::exchange(written_runs, {})) CheckRun(row);
  if (const std::string wrong = EngineProbe(coordinator_.engine()).Inconsistency();
      !wrong.empty()) {
    Fail(wrong);
  }
}

void Auditor::AfterStart() {
  incarnation_ = coordinator_.store().incarnation();
  has_turned_ = false;
  if (std::optional<Json> before = std::exchange(memory_, std::nullopt)) {
    Json after = EngineProbe(coordinator_.engine()).Memory();
    IgnoreWhatStops(*before, after);
    if (*before != after) {
      const Json patch = Json::diff(*before, after);
      std::string text;
      for (const Json& change : patch) {
        text += "\n  " + change.dump();
        const Json::json_pointer at(change["path"].get<std::string>());
        if (before->contains(at)) text += " was " + (*before)[at].dump();
        if (text.size() > 2'000) break;
      }
      Fail("memory that was rebuilt is not what it was:" + text);
    }
  }
  written_runs.clear();
  for (const auto& [row, run] : history_.runs) {
    // What the start decided of them is written by the first turn.
    if (!IsTerminal(run.state)) written_runs.insert(row);
  }
  CheckAcknowledged();
}

void Auditor::OnRestore(History history) {
  history_ = std::move(history);
  memory_.reset();
  incarnation_.clear();
  for (auto& [token, execution] : executing_) execution.lost_timeline = true;
}

void Auditor::CheckAcknowledged() {
  for (const RunId& run : history_.submitted) {
    Statement statement = std::move(*db().Prepare("SELECT id, state FROM runs WHERE run_id = ?"));
    statement.Bind(1, run.value());
    if (*statement.Step()) {
      const auto state = static_cast<RunState>(statement.Int(1));
      if (history_.cancelled.contains(run) && !IsTerminal(state) &&
          state != RunState::kCancelling) {
        Fail("the cancel of " + run.value() + " was acknowledged, and it is " +
             std::string(Name(state)));
      }
      continue;
    }
    const auto seen = std::find_if(history_.runs.begin(), history_.runs.end(),
                                   [&](const auto& entry) { return entry.second.id == run; });
    if (seen == history_.runs.end() || !IsTerminal(seen->second.state)) {
      Fail("the submission of " + run.value() + " was acknowledged, and it is not there");
    }
  }
  const auto require = [&](const char* sql, const std::string& name, int32_t version,
                           const char* kind) {
    Statement statement = std::move(*db().Prepare(sql));
    statement.Bind(1, name);
    statement.Bind(2, static_cast<int64_t>(version));
    if (!*statement.Step()) {
      Fail(std::string(kind) + " " + name + "/" + std::to_string(version) +
           " was acknowledged, and is not there");
    }
  };
  for (const auto& [key, digest] : history_.pipelines) {
    require("SELECT 1 FROM pipeline_versions WHERE name = ? AND version = ?", key.first, key.second,
            "pipeline");
  }
  for (const auto& [key, digest] : history_.models) {
    require("SELECT 1 FROM model_versions WHERE model_group = ? AND version = ?", key.first,
            key.second, "model");
  }
  for (const auto& [name, version] : history_.secrets) {
    require("SELECT 1 FROM secrets WHERE name = ? AND version >= ?", name, version, "secret");
  }
  for (const std::string& name : history_.access_tokens) {
    require("SELECT 1 FROM tokens WHERE name = ? AND id > ?", name, 0, "token");
  }
  CheckArtifacts();
}

// Rows that somebody holds are there, and every row has its bytes.
void Auditor::CheckArtifacts() {
  const Time now = schedule_.clock().Now();
  std::set<std::string> rows;
  Statement statement = std::move(*db().Prepare("SELECT digest FROM artifacts"));
  while (*statement.Step()) rows.emplace(statement.Text(0));
  for (const auto& [digest, until] : history_.held_until) {
    if (until > now && !rows.contains(digest.value()) &&
        !history_.damaged.contains(digest.value())) {
      Fail("artifact " + digest.value() + " is held, and is not there");
    }
  }
  for (const std::string& digest : rows) {
    if (!blobs_.Has(Digest(digest)) && !history_.damaged.contains(digest))
      Fail("artifact " + digest + " has a row and no bytes");
  }
}

void Auditor::CheckRun(int64_t row) {
  Statement statement = std::move(*db().Prepare(
      "SELECT run_id, state, revision, total, waiting, active, succeeded, failed, skipped, "
      "cancelled, ended_at, message FROM runs WHERE id = ?"));
  statement.Bind(1, row);
  const Result<bool> there = statement.Step();
  if (!there.ok()) Fail("cannot read a run: " + there.status().ToString());
  const auto known = history_.runs.find(row);
  if (!*there) {
    if (known == history_.runs.end()) return;  // taken back before it was committed
    if (!IsTerminal(known->second.state)) {
      Fail("run " + known->second.id.value() + " had not ended, and is gone");
    }
    return Forget(row);
  }
  History::Run& seen = history_.runs[row];
  const auto state = static_cast<RunState>(statement.Int(1));
  const int64_t revision = statement.Int(2);
  if (known != history_.runs.end() && !seen.id.empty()) {
    if (revision < seen.revision) Fail(seen.id.value() + " went back to an older revision");
    if (IsTerminal(seen.state) && state != seen.state) {
      Fail(seen.id.value() + " had ended as " + std::string(Name(seen.state)) + " and is now " +
           std::string(Name(state)));
    }
    if (seen.state == RunState::kCancelling && state == RunState::kRunning) {
      Fail(seen.id.value() + " was being cancelled and runs again");
    }
  }
  const bool was_ended = IsTerminal(seen.state);
  seen.id = RunId(std::string(statement.Text(0)));
  seen.state = state;
  seen.revision = revision;
  const bool ended = IsTerminal(state);
  if (ended != (statement.Int(10) != 0)) Fail(seen.id.value() + ": state and end disagree");
  CheckSteps(row, seen, ended);
  std::array<int64_t, 7> counts{};
  for (const History::Step& step : seen.steps) {
    ++counts[0];
    const StepState at = step.state;
    const bool active = at == StepState::kLeased || at == StepState::kRunning;
    ++counts[IsSuccess(at)                 ? 3
             : at == StepState::kFailed    ? 4
             : at == StepState::kSkipped   ? 5
             : at == StepState::kCancelled ? 6
             : active                      ? 2
                                           : 1];
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (statement.Int(static_cast<int>(i) + 3) != counts[i]) {
      Fail(seen.id.value() + ": its counts do not agree with its steps");
    }
  }
  if (ended != (counts[1] + counts[2] == 0)) {
    Fail(seen.id.value() + " is " + std::string(Name(state)) + " with " +
         std::to_string(counts[1] + counts[2]) + " steps that have not ended");
  }
  CheckAttempts(row, seen);
  if (ended && !was_ended) CheckVerdict(row, std::string(statement.Text(11)), seen);
}

void Auditor::CheckSteps(int64_t row, History::Run& seen, bool ended) {
  Statement statement = std::move(*db().Prepare(
      "SELECT idx, state, attempt, depends_on, cause, result, type FROM steps WHERE run = ? "
      "ORDER BY idx"));
  statement.Bind(1, row);
  std::vector<std::pair<StepIndex, std::string>> completed;
  while (*statement.Step()) {
    const auto index = static_cast<std::size_t>(statement.Int(0));
    const auto state = static_cast<StepState>(statement.Int(1));
    const bool fresh = index >= seen.steps.size();
    if (fresh) {
      seen.steps.resize(index + 1);
      seen.depends_on.resize(index + 1);
      for (const Json& each : ParseJson(statement.Text(3)).value_or(Json::array())) {
        seen.depends_on[index].push_back(each.get<StepIndex>());
      }
    }
    History::Step& step = seen.steps[index];
    const std::string name = StepText(seen.id, static_cast<StepIndex>(index));
    if (!fresh && IsTerminal(step.state) && state != step.state) {
      Fail(name + " had ended as " + std::string(Name(step.state)) + " and is now " +
           std::string(Name(state)));
    }
    if (statement.Int(2) < step.attempt) Fail(name + " forgot an attempt");
    if (IsTerminal(state) && (fresh || !IsTerminal(step.state))) {
      ++ended_steps_;
      coverage_.OnReason(std::string(Name(static_cast<Cause>(statement.Int(4)))));
      if (IsSuccess(state)) completed.emplace_back(index, statement.Text(5));
    }
    step.state = state;
    step.attempt = static_cast<int32_t>(statement.Int(2));
  }
  if (ended) return;
  for (std::size_t i = 0; i < seen.steps.size(); ++i) {
    const StepState state = seen.steps[i].state;
    if (state != StepState::kLeased && state != StepState::kRunning) continue;
    for (const StepIndex before : seen.depends_on[i]) {
      if (!IsTerminal(seen.steps[static_cast<std::size_t>(before)].state)) {
        Fail(StepText(seen.id, static_cast<StepIndex>(i)) + " began before step " +
             std::to_string(before) + " had ended");
      }
    }
  }
  for (const auto& [index, result] : completed) CheckOutputs(row, index, result);
}

// What a step that just ended left is there, whether it was made or found.
void Auditor::CheckOutputs(int64_t row, StepIndex index, const std::string& result) {
  const Json json = ParseJson(result).value_or(Json::object());
  for (const auto& [name, ref] : JsonMember(json, "outputs").items()) {
    const std::string digest = JsonString(ref, "digest");
    const std::string plain = digest.substr(digest.find(':') + 1);
    Statement statement = std::move(*db().Prepare("SELECT 1 FROM artifacts WHERE digest = ?"));
    statement.Bind(1, plain);
    if (!*statement.Step()) {
      Fail("step " + std::to_string(index) + " of run " + std::to_string(row) + " ended with " +
           name + ", and the artifact is not there");
    }
  }
}

void Auditor::CheckAttempts(int64_t row, History::Run& seen) {
  Statement statement = std::move(
      *db().Prepare("SELECT idx, number, rank, state, token, cause FROM attempts WHERE run = ?"));
  statement.Bind(1, row);
  struct Tally {
    std::set<int32_t> live;
    std::set<int32_t> succeeded;
    std::set<int32_t> ended_otherwise;
  };
  std::map<StepIndex, Tally> tallies;
  while (*statement.Step()) {
    const auto index = static_cast<StepIndex>(statement.Int(0));
    const auto number = static_cast<int32_t>(statement.Int(1));
    const auto state = static_cast<AttemptState>(statement.Int(3));
    const std::string token(statement.Text(4));
    const auto [entry, first_seen] = history_.tokens.try_emplace(token);
    if (first_seen) seen.tokens.push_back(token);
    AttemptState& known = entry->second;
    if (IsTerminal(known) && known != state) {
      Fail(StepText(seen.id, index) + ": attempt " + std::to_string(number) + " had ended as " +
           std::string(Name(known)) + " and is now " + std::string(Name(state)));
    }
    if (IsTerminal(state) && known != state) {
      coverage_.OnReason(std::string(Name(static_cast<Cause>(statement.Int(5)))));
      CheckEnd(AttemptToken(token), state);
    }
    known = state;
    Tally& tally = tallies[index];
    if (state == AttemptState::kSucceeded) {
      tally.succeeded.insert(number);
    } else {
      tally.ended_otherwise.insert(number);
    }
    if (IsTerminal(state)) continue;
    tally.live.insert(number);
    if (!coordinator_.engine().IsLiveAttempt(
            {seen.id, index, number, static_cast<int32_t>(statement.Int(2))},
            AttemptToken(token))) {
      Fail(StepText(seen.id, index) + " has a live attempt that the engine does not know");
    }
  }
  for (StepIndex index = 0; index < static_cast<StepIndex>(seen.steps.size()); ++index) {
    const StepState state = seen.steps[static_cast<std::size_t>(index)].state;
    Tally& tally = tallies[index];
    for (const int32_t number : tally.ended_otherwise) tally.succeeded.erase(number);
    const std::string name = StepText(seen.id, index);
    if (tally.succeeded.size() > 1) Fail(name + " has two attempts that succeeded");
    if (tally.live.size() > 1) Fail(name + " has two live attempts");
    const bool placed = state == StepState::kLeased;
    if (placed && tally.live.empty()) Fail(name + " is leased without a live attempt");
    const bool active = placed || state == StepState::kRunning;
    if (!active && !tally.live.empty()) {
      Fail(name + " is " + std::string(Name(state)) + " with a live attempt");
    }
    if (!tally.succeeded.empty() && state != StepState::kSucceeded) {
      Fail(name + " has an attempt that succeeded and is " + std::string(Name(state)));
    }
  }
}

// Retention took the run: nothing more is asked of it.
void Auditor::Forget(int64_t row) {
  const History::Run run = history_.runs.extract(row).mapped();
  history_.deleted.insert(run.id);
  history_.submitted.erase(run.id);
  history_.cancelled.erase(run.id);
  for (const std::string& token : run.tokens) {
    history_.tokens.erase(token);
    history_.verdicts.erase(token);
    for (const ReportKind kind : {ReportKind::kStarted, ReportKind::kSucceeded, ReportKind::kFailed,
                                  ReportKind::kCancelled, ReportKind::kReturned}) {
      said_.erase({AttemptToken(token), kind});
    }
  }
  for (StepIndex index = 0; index < static_cast<StepIndex>(run.steps.size()); ++index) {
    history_.completed.erase(StepText(run.id, index));
  }
}

int64_t Auditor::CountRows() {
  int64_t rows = 0;
  for (const char* table : {"runs", "steps", "attempts", "artifacts", "run_artifacts", "holds",
                            "step_cache", "environments", "run_tags", "workers"}) {
    rows += Count("SELECT count(*) FROM " + std::string(table));
  }
  return rows;
}

// Nobody but its worker says that an attempt succeeded or failed.
void Auditor::CheckEnd(const AttemptToken& token, AttemptState state) {
  const bool said = state == AttemptState::kSucceeded
                        ? said_.contains({token, ReportKind::kSucceeded})
                    : state == AttemptState::kFailed ? said_.contains({token, ReportKind::kFailed})
                                                     : true;
  if (!said) {
    Fail("an attempt ended as " + std::string(Name(state)) + ", which its worker never said");
  }
}

// A run has failed if and only if a step of its own did that may not.
void Auditor::CheckVerdict(int64_t row, const std::string& message, const History::Run& seen) {
  Statement statement = std::move(*db().Prepare(
      "SELECT s.name, v.definition FROM steps s JOIN runs r ON r.id = s.run JOIN "
      "pipeline_versions v ON v.id = r.pipeline_version_id WHERE s.run = ? AND s.parent = -1 AND "
      "s.state = 7"));
  statement.Bind(1, row);
  bool failed = false;
  while (*statement.Step()) {
    const std::string name(statement.Text(0));
    const Json definition = ParseJson(statement.Text(1)).value_or(Json::object());
    bool tolerated = false;
    for (const char* list : {"steps", "onExit"}) {
      for (const Json& step : JsonMember(definition, list)) {
        tolerated |= JsonString(step, "name") == name && JsonBool(step, "continueOnFailure");
      }
    }
    failed |= !tolerated;
  }
  if (seen.state == RunState::kSucceeded && failed) {
    Fail(seen.id.value() + " succeeded, and a step of it failed");
  }
  if (seen.state == RunState::kFailed && !failed && message.find("deadline") == message.npos) {
    Fail(seen.id.value() + " failed, and no step of it did: " + message);
  }
}

std::vector<RunId> Auditor::LiveRuns() const {
  std::vector<RunId> live;
  for (const auto& [row, run] : history_.runs) {
    if (!IsTerminal(run.state)) live.push_back(run.id);
  }
  return live;
}

std::string Auditor::DescribeLive() {
  std::string text;
  for (const auto& [row, run] : history_.runs) {
    if (IsTerminal(run.state)) continue;
    text += "\n  " + run.id.value() + " " + std::string(Name(run.state));
    Statement statement = std::move(*db().Prepare(
        "SELECT name, state, attempt, worker, message, idx FROM steps WHERE run = ? AND "
        "state < 6"));
    statement.Bind(1, row);
    while (*statement.Step()) {
      text += "\n    " + std::string(statement.Text(0)) + " " +
              std::string(Name(static_cast<StepState>(statement.Int(1)))) + " attempt " +
              std::to_string(statement.Int(2)) + " " + std::string(statement.Text(3)) + " " +
              std::string(statement.Text(4)) + " " +
              EngineProbe(coordinator_.engine())
                  .WhyWaiting(row, static_cast<StepIndex>(statement.Int(5)));
    }
  }
  return text;
}

void Auditor::AtEnd() {
  CheckAcknowledged();
  if (const std::string left = EngineProbe(coordinator_.engine()).Leftover(); !left.empty()) {
    Fail("no run is left, and the engine still has " + left);
  }
  if (Count("SELECT count(*) FROM attempts WHERE state < 3") != 0) Fail("live attempts are left");
  if (Count("SELECT count(*) FROM holds WHERE expires_at = 0") != 0) {
    Fail("holds of attempts are left");
  }
}

}  // namespace penstock::sim
