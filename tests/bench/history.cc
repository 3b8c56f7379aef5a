#include "tests/bench/history.h"

#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "storage/metadata/metadata_store.h"

namespace penstock::bench {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr int kPipelines = 16;
constexpr int64_t kRunsPerCommit = 5'000;
constexpr int64_t kRunsPerGroup = 500;
constexpr Micros kYear = hours(365 * 24);
constexpr char kDone[] = "history.json";

struct StepKind {
  const char* name;
  const char* type;
  const char* algorithm;
};
constexpr std::array<StepKind, 8> kSteps = {{{"prepare", "process", ""},
                                             {"train", "train", "xgboost@1"},
                                             {"evaluate", "evaluate", ""},
                                             {"good-enough", "condition", ""},
                                             {"register", "register", ""},
                                             {"predict", "predict", ""},
                                             {"report", "script", ""},
                                             {"tell", "notify", ""}}};

class Writer {
 public:
  Writer(MetadataStore& store, int64_t runs) : store_(store), runs_(runs) {}

  Status WriteAll() {
    for (int64_t row = 1; row <= runs_; ++row) {
      if ((row - 1) % kRunsPerCommit == 0) PENSTOCK_RETURN_IF_ERROR(store_.Begin());
      if (row == 1) PENSTOCK_RETURN_IF_ERROR(AddPipelines());
      PENSTOCK_RETURN_IF_ERROR(AddRun(row));
      if (row % kRunsPerCommit == 0 || row == runs_) {
        PENSTOCK_RETURN_IF_ERROR(store_.Commit());
        if (row % 100'000 == 0) std::cerr << "history: " << row << " runs\n";
      }
    }
    return Status::Ok();
  }

 private:
  // Below `limit`.
  int64_t Draw(int64_t limit) {
    return static_cast<int64_t>(random_.Next() % static_cast<uint64_t>(limit));
  }

  Status AddPipelines() {
    for (int i = 0; i <= kPipelines; ++i) {
      PipelineVersionRecord version;
      version.name = PipelineName(i == kPipelines ? "rare" : "p" + std::to_string(i));
      version.version = 1;
      version.definition = DumpJson({{"apiVersion", "penstock/v1"},
                                     {"kind", "Pipeline"},
                                     {"name", version.name.value()},
                                     {"steps", Json::array({{{"name", "s"}, {"type", "noop"}}})}});
      version.digest = Sha256(version.definition);
      version.source = version.definition;
      version.step_count = 1;
      version.principal = Principal("user:ada");
      version.created_at = begin_;
      PENSTOCK_RETURN_IF_ERROR(store_.InsertPipelineVersion(version));
      versions_.push_back(version);
    }
    return Status::Ok();
  }

  const PipelineVersionRecord& PipelineOf(int64_t row) {
    if (row % std::max<int64_t>(runs_ / kHistoryRare, 1) == 0) return versions_.back();
    const uint64_t bits = random_.Next() | uint64_t{1} << (kPipelines - 1);
    return versions_[static_cast<std::size_t>(__builtin_ctzll(bits))];
  }

  static RunState StateOf(const PipelineVersionRecord& pipeline, int64_t dice) {
    if (dice < 6 && pipeline.name.value() != "p1") return RunState::kFailed;
    return dice >= 98 ? RunState::kCancelled : RunState::kSucceeded;
  }

  void Label(RunRecord& run) {
    static constexpr std::array<const char*, 4> kEnvironments = {"prod", "prod", "staging", "dev"};
    run.tags["team"] = "t" + std::to_string(Draw(10));
    run.tags["env"] = kEnvironments[static_cast<std::size_t>(Draw(4))];
    const int64_t each = std::max<int64_t>(runs_ / kHistoryRare, 1);
    if (run.row % each == 1) run.tags["experiment"] = "x" + std::to_string(run.row / each);
    if (run.row / kRunsPerGroup % 100 == 0) {
      run.group = "backfill-" + std::to_string(run.row / kRunsPerGroup);
      run.group_limit = 10;
    }
  }

  Status AddRun(int64_t row) {
    const PipelineVersionRecord& pipeline = PipelineOf(row);
    RunRecord run;
    run.row = row;
    run.created_at = begin_ + kYear / runs_ * row;
    run.id = RunId("run-" + NewUlid(run.created_at, random_));
    run.name = pipeline.name.value() + "-" + std::to_string(row);
    run.pipeline = pipeline.name;
    run.pipeline_version = 1;
    run.pipeline_version_id = pipeline.id;
    run.state = StateOf(pipeline, Draw(100));
    run.parameters = {{"data", "artifact:" + FormatDigest(pipeline.digest)},
                      {"max_depth", Draw(10)},
                      {"min_auc", 0.75}};
    run.principal = Principal("user:ada");
    run.queue = "default";
    run.revision = 20;
    Label(run);
    std::vector<StepRecord> steps = StepsOf(run);
    run.started_at = run.created_at;
    run.ended_at = steps.back().ended_at;
    if (run.state == RunState::kFailed) run.message = "step " + steps.back().name + ": it broke";
    PENSTOCK_RETURN_IF_ERROR(store_.InsertRun(run, steps));
    for (const StepRecord& step : steps) PENSTOCK_RETURN_IF_ERROR(AddAttempt(row, step));
    return Status::Ok();
  }

  std::vector<StepRecord> StepsOf(RunRecord& run) {
    std::vector<StepRecord> steps(static_cast<std::size_t>(3 + Draw(6)));
    Time at = run.created_at;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      StepRecord& step = steps[i];
      step.index = static_cast<StepIndex>(i);
      step.name = kSteps[i].name;
      step.type = kSteps[i].type;
      step.algorithm = kSteps[i].algorithm;
      if (i > 0) step.depends_on = {step.index - 1};
      step.attempt = 1;
      step.worker = "node" + std::to_string(Draw(8));
      step.ready_at = at;
      step.started_at = at + milliseconds(2);
      at = at + milliseconds(Draw(60'000));
      step.ended_at = at;
      const bool last = i + 1 == steps.size();
      if (last && run.state == RunState::kFailed) {
        step.state = StepState::kFailed;
        step.cause = Cause::kStepError;
        step.message = "it broke";
        step.failures = 1;
        ++run.counts.failed;
      } else if (last && run.state == RunState::kCancelled) {
        step.state = StepState::kCancelled;
        step.cause = Cause::kCancelled;
        ++run.counts.cancelled;
      } else {
        step.state = StepState::kSucceeded;
        step.result.metrics = {{"auc", static_cast<double>(Draw(1000)) / 1000}};
        ++run.counts.succeeded;
      }
      ++run.counts.total;
    }
    return steps;
  }

  Status AddAttempt(int64_t row, const StepRecord& step) {
    AttemptRecord attempt;
    attempt.step = step.index;
    attempt.number = 1;
    attempt.token = AttemptToken(RandomHex(16, random_) + "." + store_.incarnation());
    attempt.worker = WorkerId(step.worker);
    attempt.leased_at = step.ready_at;
    PENSTOCK_RETURN_IF_ERROR(store_.InsertAttempt(row, attempt));
    attempt.state = step.state == StepState::kFailed      ? AttemptState::kFailed
                    : step.state == StepState::kCancelled ? AttemptState::kCancelled
                                                          : AttemptState::kSucceeded;
    attempt.cause = step.cause;
    attempt.started_at = step.started_at;
    attempt.ended_at = step.ended_at;
    attempt.peak_memory = 40 << 20;
    attempt.environment = R"({"program":"penstock-worker 0.1.0","threads":2})";
    return store_.UpdateAttempt(row, attempt);
  }

  MetadataStore& store_;
  const int64_t runs_;
  const Time begin_ = Clock::Real().Now() - kYear;
  SeededRandom random_{42};
  std::vector<PipelineVersionRecord> versions_;
};

}  // namespace

Status MakeHistory(const std::filesystem::path& folder, int64_t runs) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const Result<std::string> done = ReadFile(folder / kDone);
  if (done.ok()) {
    const int64_t have = JsonInt(ParseJson(*done).value_or(Json::object()), "runs");
    if (have == runs) return Status::Ok();
    return FailedPrecondition("the history in " + folder.string() + " has " + std::to_string(have) +
                              " runs; name another folder");
  }
  if (!std::filesystem::is_empty(folder, error)) {
    return FailedPrecondition(folder.string() +
                              " holds something else, or a history that broke "
                              "off; name another folder");
  }
  SeededRandom random{7};
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::unique_ptr<MetadataStore> store,
      MetadataStore::Open((folder / "penstock.db").string(), Clock::Real(), random));
  PENSTOCK_RETURN_IF_ERROR(Writer(*store, runs).WriteAll());
  return WriteFileAtomic(folder / kDone, DumpJson({{"runs", runs}}));
}

}  // namespace penstock::bench
