#ifndef PENSTOCK_TESTS_SUPPORT_ENGINE_BENCH_H_
#define PENSTOCK_TESTS_SUPPORT_ENGINE_BENCH_H_

// The real engine over a real database file, in the test's own thread, with a clock that moves only
// when told to and workers that do as they are told.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/secret_box.h"
#include "server/engine/engine.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {

class EngineBench {
 public:
  explicit EngineBench(EngineOptions options = {});
  ~EngineBench();

  // Ends the engine without a word and starts another on the same database.
  void Restart();
  // Lets `by` pass and gives the engine a turn.
  void Pass(Micros by);
  void Turn() { engine_->Turn(); }
  Engine& engine() { return *engine_; }
  MetadataStore& store() { return *store_; }
  FakeClock& clock() { return clock_; }

  // Runs one command and one turn. The error, or the answer.
  template <typename T, typename Command>
  Result<T> Ask(void (Engine::*method)(Command, Callback<T>), Command command) {
    std::optional<Result<T>> answer;
    (engine_.get()->*method)(std::move(command), [&](Result<T> got) { answer = std::move(got); });
    Turn();
    if (!answer) return Internal("the engine did not answer");
    return *std::move(answer);
  }

  // Registers the pipeline (YAML) and submits a run of it; fails the test where that is refused.
  RunId Run(std::string_view yaml, std::map<std::string, Json> parameters = {});
  // Fails the test where that is refused.
  SecretRecord PutSecret(const std::string& name, const std::string& value);
  SubmitRunCommand SubmissionOf(std::string_view yaml);
  RunRecord Find(const RunId& run);
  StepRecord Step(const RunId& run, const std::string& name);
  StepState State(const RunId& run, const std::string& name) { return Step(run, name).state; }
  std::vector<AttemptRecord> Attempts(const RunId& run, const std::string& name);
  // Puts an artifact's row there, as an upload would.
  ArtifactRef Artifact(const std::string& text, ArtifactType type = ArtifactType::kFile);
  // The invariants between a run, its steps and its attempts.
  void CheckInvariants();

  std::vector<RunId> ended() const { return ended_; }

  // What counts from the next Restart on.
  EngineOptions& options() { return options_; }
  void SetSecretKeys(std::vector<std::string> keys) {
    secrets_ = std::make_unique<SecretBox>(std::move(keys));
  }
  const std::filesystem::path& folder() const { return folder_.path(); }
  // What models ask for, by digest.
  std::map<Digest, ModelTerms>& model_terms() { return model_terms_; }

 private:
  void Open();

  EngineOptions options_;
  TempFolder folder_;
  FakeClock clock_;
  SeededRandom random_{7};
  std::unique_ptr<SecretBox> secrets_ =
      std::make_unique<SecretBox>(std::vector<std::string>{std::string(SecretBox::kKeyBytes, 'k')});
  std::unique_ptr<MetadataStore> store_;
  std::unique_ptr<MetadataReader> reader_;
  std::unique_ptr<Engine> engine_;
  std::vector<RunId> ended_;
  std::map<Digest, ModelTerms> model_terms_;
};

// A worker as the engine sees it.
class BenchWorker {
 public:
  BenchWorker(EngineBench* bench, std::string name, double cpus = 1);

  // Opens a session, listing what it holds. What the answer calls stale is forgotten.
  OpenSessionAnswer Open();
  // The same after the process was killed: another boot, nothing held.
  void Reboot();
  // One lease call, answered at once (an empty answer where there is nothing to say).
  Result<LeaseStepsAnswer> Lease();
  // Lease, and say that everything new has started; the leases by step name.
  std::map<std::string, LeasedAttempt> Start();
  Result<HeartbeatAnswer> Heartbeat();
  Status Close();

  // One report; its verdict. What ended is not held any more.
  Result<Verdict> Report(StepReport report);
  Result<Verdict> Succeed(const LeasedAttempt& lease, StepResult result = {});
  Result<Verdict> Fail(const LeasedAttempt& lease, Cause cause = Cause::kStepError,
                       const std::string& message = "it broke");
  Result<Verdict> End(const LeasedAttempt& lease, ReportKind kind);

  std::vector<HeldAttempt>& held() { return held_; }
  WorkerInfo& info() { return info_; }
  const SessionId& session() const { return session_; }

 private:
  EngineBench* bench_;
  WorkerInfo info_;
  SessionId session_;
  int64_t acknowledged_ = 0;
  int boots_ = 1;
  std::vector<HeldAttempt> held_;
};

StepReport ReportOf(const LeasedAttempt& lease, ReportKind kind);

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_ENGINE_BENCH_H_
