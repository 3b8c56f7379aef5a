#ifndef PENSTOCK_SERVER_ENGINE_RUN_MANAGER_H_
#define PENSTOCK_SERVER_ENGINE_RUN_MANAGER_H_

// Runs that have not ended: submission, the transitions of their steps, control steps, the end.
//
// Every change of a step goes through Apply (the table in server/core/state_machine.h), which marks
// the step and its run as changed; Flush writes each changed row once, however many transitions the
// turn made. Engine thread only.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/core/placer.h"
#include "server/core/state_machine.h"
#include "server/engine/artifact_places.h"
#include "server/engine/context.h"
#include "server/engine/live.h"
#include "server/engine/plan_cache.h"
#include "server/engine/session_manager.h"
#include "server/engine/timers.h"

namespace penstock {

struct ModelAddress;

// What a step needs of a worker.
Needs NeedsOf(const StepSpec& step);

class RunManager : public SessionManager::Runs {
 public:
  RunManager(EngineContext& context, Timers& timers, Placer& placer, SessionManager& sessions,
             PlanCache& plans, EventHub& events)
      : context_(context),
        timers_(timers),
        placer_(placer),
        sessions_(sessions),
        plans_(plans),
        events_(events) {
    placer_.SetLocality([this](const Placer::StepKey& step) { return LocalBytes(step); });
  }

  // Rebuilds every run that has not ended from its rows.
  Status Load();

  Result<SubmitRunAnswer> Submit(const SubmitRunCommand& command);
  Result<RunRecord> Cancel(const CancelRunCommand& command);
  // A person's word on an approval step. kFailedPrecondition (NOT_WAITING) where the step does not
  // wait for one.
  Result<StepRecord> DecideApproval(const DecideApprovalCommand& command);
  std::vector<Explanation> Explain(const ExplainCommand& command) const;
  bool HasLiveRunOf(const PipelineName& pipeline) const;

  // Leases what is ready to the workers that have room.
  void PlaceReady();
  // Writes the changed rows. Errors are noted in the context.
  void Flush();
  // After the commit: tells watchers, forgets runs that have ended.
  void Publish();

  // Tokens that became or ceased to be live in this turn.
  struct TokenChanges {
    std::vector<std::pair<AttemptToken, AttemptKey>> added;
    std::vector<AttemptToken> removed;
  };
  TokenChanges TakeTokenChanges() { return std::exchange(token_changes_, {}); }

  // SessionManager::Runs.
  LiveAttempt* FindAttempt(const AttemptToken& token) override;
  std::vector<LiveAttempt*> AttemptsOf(const WorkerId& worker) override;
  void OnStarted(LiveAttempt& attempt, Time when) override;
  void OnReport(LiveAttempt& attempt, const StepReport& report) override;
  void OnLost(LiveAttempt& attempt, Cause cause, const std::string& message) override;
  void OnReturned(LiveAttempt& attempt, const std::string& message) override;
  void OnExpired(LiveAttempt& attempt) override;
  void OnReadopted(LiveAttempt& attempt) override;
  void OnProgress(LiveAttempt& attempt, double fraction, const std::string& note) override;

  std::size_t live_runs() const { return runs_.size(); }

 private:
  friend class sim::EngineProbe;

  // How a step ended, for Finish.
  struct Ending {
    StepEvent event;
    Cause cause = Cause::kNone;
    std::string message;
  };

  // The artifacts that parameters and inputs name, each once. kNotFound for one that is not in the
  // store.
  Result<std::vector<Digest>> NamedArtifacts(const Json& parameters, const Plan& plan);
  void WarnOfHomeless(const Plan& plan, SubmitRunAnswer& answer);
  Status PinCalls(const PipelineSpec& spec, std::map<std::string, std::string>& pins);
  // Models of the registry (run_models.cc).
  Status PinModels(const PipelineSpec& spec, const Json& parameters, LiveRun& run);
  Status KeepPinned(const std::string& pin, LiveRun& run);
  Result<ModelVersionRecord> FindModel(const ModelAddress& address);
  static bool NamesOtherModels(const LiveRun& run, StepIndex index);
  Ending DecidePromote(LiveRun& run, StepIndex index);
  Result<int32_t> VersionToPromote(LiveRun& run, const GroupName& group, const Json& parameters,
                                   const LeasedAttempt& lease);
  void OpenRun(LiveRun& run, std::shared_ptr<const Plan> plan);
  void RestoreStop(LiveRun& run);
  LiveRun& Adopt(std::unique_ptr<LiveRun> run);
  Status LoadRun(RunRecord record);
  bool OfThisTimeline(const AttemptToken& token) const;
  // Ends, in its rows alone, a run that cannot be loaded.
  Status EndUnreadable(RunRecord record, const Status& why);

  void Apply(LiveRun& run, StepIndex index, StepEvent event);
  void ApplyToRun(LiveRun& run, RunEvent event);
  void ApplyToAttempt(AttemptRecord& attempt, AttemptEvent event);
  void MarkRun(LiveRun& run);
  void MarkStep(LiveRun& run, StepIndex index);
  void Start(LiveRun& run);
  void BecomeReady(LiveRun& run, StepIndex index);
  void Enqueue(LiveRun& run, StepIndex index);
  // The name with its references filled in; empty: none.
  static Result<std::string> MutexOf(const LiveRun& run, StepIndex index);
  static Status CheckMutexes(const LiveRun& run);
  void Finish(LiveRun& run, StepIndex index, Ending ending);
  void Settle(LiveRun& run);
  void EndAttempt(LiveAttempt& attempt, AttemptEvent event, Cause cause, std::string message);
  void RetryOrFail(LiveRun& run, StepIndex index, Cause cause, std::string message,
                   int exit_code = 0);
  void ScheduleRetry(LiveRun& run, StepIndex index);
  void Requeue(LiveRun& run, StepIndex index);
  void KeepResult(LiveRun& run, StepIndex index, const StepResult& result);
  static void NoteProducer(LiveRun& run, const Digest& digest, StepIndex index);
  void FlushRun(MetadataStore& store, LiveRun& run);
  void EndRunIfDone(LiveRun& run);
  RunRecord AsCommitted(const LiveRun& run) const;

  // Whether runs may begin (run_admission.cc).
  Status ChooseQueue(const SubmitRunCommand& command, const PipelineSpec& spec, RunRecord& record);
  std::vector<LiveRun*> LiveRunsOf(const PipelineName& pipeline) const;
  Status CheckActiveRuns(const PipelineName& pipeline, const Plan& plan) const;
  // Runs that may begin in the order in which they came: pipeline, queue, group.
  using Line = std::tuple<PipelineName, std::string, std::string>;
  static Line LineOf(const RunRecord& record) {
    return {record.pipeline, record.queue, record.group};
  }
  bool GroupIsFull(const RunRecord& record) const;
  void NoteBegun(const RunRecord& record);
  bool MayBegin(const LiveRun& run) const;
  void BeginOrWait(LiveRun& run, SubmitRunAnswer& answer);
  void Await(LiveRun& run);
  void Begin(LiveRun& run);
  void BeginWaiting();
  void CancelOldest(const LiveRun& newest);
  void LeaveAdmission(const LiveRun& run);
  void ExplainPending(const LiveRun& run, std::vector<Explanation>& reasons) const;

  // Stopping: by cancel, deadline or failFast, of the whole run or of one step with all inside it.
  static Stop FailFast(const StepRecord& failed);
  // Null where nothing stops the step.
  static const Stop* StopOf(const LiveRun& run, StepIndex index);
  Ending StoppedEnding(const LiveRun& run, StepIndex index) const;
  void StopSteps(LiveRun& run);
  void StopStep(LiveRun& run, StepIndex index);
  void WatchDeadlines(LiveRun& run);
  void WatchDeadline(LiveRun& run, StepIndex index);
  bool DeadlinePassed(const LiveRun& run, StepIndex index) const;

  // Frames (run_frames.cc).
  RunFrame& AddFrame(LiveRun& run, std::shared_ptr<const Plan> plan, RunFrame frame);
  void AddSteps(LiveRun& run, const RunFrame& frame);
  void StartFrame(LiveRun& run, RunFrame& frame);
  void EndFrame(LiveRun& run, RunFrame& frame);
  std::optional<Ending> StartMap(LiveRun& run, StepIndex index);
  void OpenMap(LiveRun& run, StepIndex index, bool with_steps);
  void StartItems(LiveRun& run, StepIndex map);
  void EndItem(LiveRun& run, StepIndex map, RunFrame& frame);
  void KeepItemOutputs(LiveRun& run, Expansion& expansion, const RunFrame& frame);
  void SkipRest(LiveRun& run, StepIndex map);
  Ending MapEnding(LiveRun& run, StepIndex map);
  std::optional<Ending> StartPipeline(LiveRun& run, StepIndex index);
  Status OpenPipeline(LiveRun& run, StepIndex index, bool with_steps);
  Ending PipelineEnding(LiveRun& run, StepIndex index, const RunFrame& main);
  void RestoreFrames(LiveRun& run);
  Status RestoreExpansions(LiveRun& run);

  static void ExplainWaiting(const LiveRun& run, StepIndex index,
                             std::vector<Explanation>& reasons);

  // Results that are there already (run_cache.cc).
  static PipelineName PipelineOf(const LiveRun& run, StepIndex index);
  bool EndFromCache(LiveRun& run, StepIndex index);
  void NoteMiss(LiveRun& run, StepIndex index);
  bool TakeResult(LiveRun& run, StepIndex index, const StepRecord& source, const RunId& from,
                  std::string* why);
  void RememberResult(LiveRun& run, StepIndex index);
  Status LoadOrigin(LiveRun& run);
  bool EndFromOrigin(LiveRun& run, StepIndex index);
  static bool DependsOnNews(const LiveRun& run, StepIndex index);
  static bool IsNews(const LiveRun& run, StepIndex index);
  static bool HasNews(const LiveRun& run, const RunFrame& frame);

  // Secrets (run_secrets.cc).
  // kNotFound (SECRET_NOT_FOUND) with each that is named and not there.
  Status CheckSecrets(const PipelineSpec& spec, const Json& parameters, const RunRecord& run);
  Result<std::map<std::string, int32_t>> SecretVersions(const LeasedAttempt& lease);
  // Fills in the values of those that the lease names.
  Status OpenSecrets(LeasedAttempt* lease);
  void ForgetProgress(const LiveRun& run, StepRecord& step);

  // Runs that repeat others (run_rerun.cc).
  Result<std::shared_ptr<const CachedVersion>> PrepareRerun(
      LiveRun& run, const SubmitRunCommand& command,
      const std::shared_ptr<const CachedVersion>& stored);
  Status AdoptPins(LiveRun& run);
  Status CheckOverrides(LiveRun& run, const PipelineSpec& spec);
  Status NoteOverridingArtifacts(LiveRun& run, std::vector<Problem>& problems);
  Result<std::shared_ptr<const CachedVersion>> VersionFor(LiveRun& run,
                                                          const PipelineName& pipeline,
                                                          int32_t version, StepIndex call = -1);
  bool HasEffects(LiveRun& run, StepIndex index);
  bool EndUnrepeated(LiveRun& run, StepIndex index);

  // Control steps. Without an ending where the step goes on.
  void Decide(LiveRun& run, StepIndex index);
  std::optional<Ending> DecideKind(LiveRun& run, StepIndex index);
  std::optional<Ending> StartApproval(LiveRun& run, StepIndex index);
  std::optional<Ending> StartWait(LiveRun& run, StepIndex index);
  // When the approval or wait step is over by itself; unset: never.
  Result<Time> ControlDue(const LiveRun& run, StepIndex index) const;
  void WatchControl(LiveRun& run, StepIndex index);
  void OnControlDue(LiveRun& run, StepIndex index);
  Ending DecideCondition(LiveRun& run, StepIndex index);
  Ending DecideFail(LiveRun& run, StepIndex index);
  Ending DecideRegister(LiveRun& run, StepIndex index);

  // Where inputs are (run_locality.cc).
  std::vector<std::pair<SessionId, int64_t>> LocalBytes(const Placer::StepKey& step) const;
  void NotePlaces(const LeasedAttempt& lease, const WorkerId& worker);
  void NotePlaces(const StepResult& result, const WorkerId& worker);

  // Steps that give way to others (run_preempt.cc).
  bool PreemptForWaiting();
  void OnGaveWay(LiveAttempt& attempt, const StepReport& report);
  void KeepCheckpoint(LiveRun& run, StepIndex index, std::optional<ArtifactRef> checkpoint);
  void ExplainPreempted(const LiveRun& run, StepIndex index,
                        std::vector<Explanation>& reasons) const;

  void Lease(LiveRun& run, StepIndex index, Session& session);
  // Everything but number and token. The error says which reference or input is wrong.
  Status BuildLease(LiveRun& run, StepIndex index, LeasedAttempt* lease);
  ModelTerms TermsOfModels(const LeasedAttempt& resolved);
  static bool PredictsWithModel(const StepSpec& spec);
  // Whether the step predicts with a model whose program has side effects.
  bool ModelHasEffects(LiveRun& run, StepIndex index);
  // Whether an attempt of the step must have ended before another may begin.
  bool IsFenced(LiveRun& run, StepIndex index);
  void AddNeedsOfModels(LiveRun& run, StepIndex index, Needs& needs);
  // Where an import step reads from: its parameters `uri` and `endpoint`, resolved.
  static Json SourceOf(const LiveRun& run, StepIndex index);
  static void AddNeedsOfSource(const LiveRun& run, StepIndex index, Needs& needs);
  Status AddInput(LiveRun& run, const RunFrame& frame, const Json& value, const Json& source,
                  LeaseInput* input);
  Result<ArtifactRef> FindArtifact(LiveRun& run, const RunFrame& frame, const std::string& address,
                                   const std::string& input);
  void PublishRun(const LiveRun& run);
  LiveAttempt& NewAttempt(LiveRun& run, StepIndex index, const WorkerId& worker);
  // With a token, and known by it.
  std::unique_ptr<LiveAttempt> MakeAttempt(LiveRun& run, StepIndex index, const WorkerId& worker,
                                           int32_t rank);
  // Out of its run, when it has ended.
  std::unique_ptr<LiveAttempt> TakeOut(LiveAttempt& attempt);
  void WriteAttempt(int64_t row, LiveAttempt& attempt);
  // Its attempt's lease ran out, and now another takes its place. False: it was lost too often, and
  // the step has failed.
  bool TakeOver(LiveRun& run, StepIndex index);
  bool IsStopping(const LiveRun& run, StepIndex index) const;

  // Steps on several nodes (run_gang.cc).
  void LeaseGang(LiveRun& run, const Placer::Placement& placement);
  int32_t ChoosePort(Session& session) const;
  void AddRank(LiveRun& run, std::unique_ptr<LiveAttempt> attempt);
  Status RestoreGangs(LiveRun& run);
  void OnRankReport(LiveAttempt& rank, const StepReport& report);
  void OnRankStopped(LiveAttempt& rank, const StepReport& report);
  void OnRankLost(LiveAttempt& rank, Cause cause, const std::string& message);
  void OnRankExpired(LiveAttempt& rank);
  void OnRankReadopted(LiveAttempt& rank);
  void WatchRank(const LiveAttempt& rank);
  void EndGang(LiveRun& run, StepIndex index, Cause cause, std::string message, int exit_code);
  void FinishGang(LiveRun& run, StepIndex index);

  EngineContext& context_;
  Timers& timers_;
  Placer& placer_;
  SessionManager& sessions_;
  PlanCache& plans_;
  EventHub& events_;

  std::map<int64_t, std::unique_ptr<LiveRun>> runs_;  // by row: order of creation
  std::unordered_map<RunId, LiveRun*> by_id_;
  std::unordered_map<AttemptToken, LiveAttempt*> by_token_;
  std::unordered_map<WorkerId, std::unordered_set<LiveAttempt*>> by_worker_;
  // Runs that have begun and not ended, by pipeline; how many by queue and by group. Those that
  // wait, by line, in the order in which they will begin: (priority, negated; row).
  std::map<PipelineName, std::set<int64_t>> begun_;
  std::map<std::string, int32_t> begun_in_;
  std::map<std::string, int32_t> begun_of_group_;
  std::map<Line, std::set<std::pair<int32_t, int64_t>>> waiting_;
  bool admit_due_ = false;                         // a run ended: another may begin
  std::map<std::string, int32_t> rank_addresses_;  // where live ranks listen
  ArtifactPlaces places_;
  std::vector<LiveRun*> dirty_runs_;
  std::vector<std::unique_ptr<LiveAttempt>> ended_attempts_;  // to be written, then forgotten
  int64_t last_row_ = 0;
  TokenChanges token_changes_;
  std::map<Digest, ModelTerms> model_terms_;  // of models that steps predicted with
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_RUN_MANAGER_H_
