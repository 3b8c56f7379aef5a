// Which runs begin, whose steps go first, and who has the mutex.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

EngineOptions Options() {
  EngineOptions options;
  options.queues = {{"heavy", {.weight = 3, .max_parallel_steps = 0, .max_runs = 0}},
                    {"narrow", {.weight = 1, .max_parallel_steps = 1, .max_runs = 2}}};
  return options;
}

class SchedulingTest : public testing::Test {
 protected:
  ~SchedulingTest() override { bench_.CheckInvariants(); }

  Result<SubmitRunAnswer> Submit(std::string_view yaml, const std::string& queue = "",
                                 std::optional<int32_t> priority = {},
                                 std::map<std::string, Json> parameters = {}) {
    SubmitRunCommand command = bench_.SubmissionOf(yaml);
    command.queue = queue;
    command.priority = priority;
    command.parameters = std::move(parameters);
    return bench_.Ask(&Engine::SubmitRun, std::move(command));
  }
  RunId Accepted(const Result<SubmitRunAnswer>& answer) {
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->run.id : RunId();
  }
  RunState StateOf(const RunId& run) { return bench_.Find(run).state; }
  void Cancel(const RunId& run) {
    EXPECT_TRUE(
        bench_.Ask(&Engine::CancelRun, CancelRunCommand{run, Principal("user:ada"), "", false})
            .ok());
  }
  std::string Why(const RunId& run, const std::string& step) {
    std::string text;
    const auto reasons =
        bench_.Ask(&Engine::ExplainStep, ExplainCommand{run, bench_.Step(run, step).index});
    EXPECT_TRUE(reasons.ok()) << reasons.status();
    for (const Explanation& reason : *reasons) text += reason.reason + ": " + reason.message + "\n";
    return text;
  }

  EngineBench bench_{Options()};
  BenchWorker w1_{&bench_, "w1", 8};
  BenchWorker w2_{&bench_, "w2", 8};
};

// --- Queues

std::string ManyNoops(const std::string& name, int count) {
  std::string yaml = "name: " + name + "\ndefaults: {cache: false}\nsteps:\n";
  for (int i = 0; i < count; ++i) {
    yaml += "- {name: s" + std::to_string(i) + ", type: noop}\n";
  }
  return yaml;
}

TEST_F(SchedulingTest, QueuesShareThreeToOneOver1000Steps) {
  w1_.Open();
  const RunId light = Accepted(Submit(ManyNoops("light", 400)));
  const RunId heavy = Accepted(Submit(ManyNoops("heavy", 900), "heavy"));
  std::map<RunId, int> ended;
  for (int total = 0; total < 1000;) {
    const auto answer = w1_.Lease();
    ASSERT_TRUE(answer.ok() && !answer->leases.empty()) << total;
    bench_.clock().Advance(milliseconds(200));
    ReportStepsCommand command{.session = w1_.session(), .reports = {}};
    for (const LeasedAttempt& lease : answer->leases) {
      command.reports.push_back(ReportOf(lease, ReportKind::kSucceeded));
      ++ended[lease.run];
      ++total;
    }
    ASSERT_TRUE(bench_.Ask(&Engine::ReportSteps, std::move(command)).ok());
  }
  EXPECT_NEAR(ended[heavy], 750, 25);
  EXPECT_NEAR(ended[light], 250, 25);
}

TEST_F(SchedulingTest, ARunNamesItsQueueAndPriority) {
  const std::string yaml = "name: p\nqueue: heavy\npriority: 7\nsteps: [{name: a, type: noop}]";
  const RunId as_defined = Accepted(Submit(yaml));
  const RunId as_asked = Accepted(Submit(yaml, "narrow", -3));
  const RunId plain = Accepted(Submit("name: q\nsteps: [{name: a, type: noop}]"));
  for (int restarts = 0; restarts < 2; ++restarts) {
    EXPECT_EQ(bench_.Find(as_defined).queue, "heavy");
    EXPECT_EQ(bench_.Find(as_defined).priority, 7);
    EXPECT_EQ(bench_.Find(as_asked).queue, "narrow");
    EXPECT_EQ(bench_.Find(as_asked).priority, -3);
    EXPECT_EQ(bench_.Find(plain).queue, "default");
    bench_.Restart();
  }
  const Status unknown = Submit(yaml, "hevy").status();
  EXPECT_EQ(unknown.reason(), "UNKNOWN_QUEUE");
  EXPECT_THAT(unknown.message(), HasSubstr("there is default, heavy, narrow"));
  EXPECT_EQ(Submit(yaml, "heavy", 1001).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(SchedulingTest, TheHigherPriorityGoesFirstAlsoAfterARestart) {
  const RunId low = Accepted(Submit("name: p\nsteps: [{name: a, type: noop}]"));
  const RunId high = Accepted(Submit("name: p\nsteps: [{name: a, type: noop}]", "", 1));
  bench_.Restart();
  BenchWorker narrow(&bench_, "w3", 1);
  narrow.Open();
  EXPECT_EQ(narrow.Start().at("a").run, high);
  EXPECT_EQ(bench_.State(low, "a"), StepState::kReady);
}

TEST_F(SchedulingTest, AQueueHasNoMoreStepsAndRunsThanItMay) {
  w1_.Open();
  const std::string yaml = "name: p\ndefaults: {cache: false}\nsteps: [{name: a, type: noop}]";
  const RunId first = Accepted(Submit(yaml, "narrow"));
  const RunId second = Accepted(Submit(yaml, "narrow"));
  const auto third = Submit(yaml, "narrow");
  EXPECT_EQ(StateOf(Accepted(third)), RunState::kPending);
  EXPECT_THAT(third->warnings.at(0).message, HasSubstr("queue narrow has 2 active runs"));
  EXPECT_THAT(Why(third->run.id, "a"), HasSubstr("QUEUE_MAX_RUNS: queue narrow has 2"));
  const auto leases = w1_.Start();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases.at("a").run, first);
  EXPECT_THAT(Why(second, "a"), HasSubstr("QUEUE_MAX_PARALLEL_STEPS: queue narrow has 1 steps"));
  EXPECT_TRUE(w1_.Succeed(leases.at("a")).ok());
  EXPECT_EQ(StateOf(third->run.id), RunState::kRunning);
  EXPECT_EQ(w1_.Start().at("a").run, second);
  // A configuration that knows the queue no more limits nothing.
  bench_.options().queues.clear();
  bench_.Restart();
  w1_.Open();
  EXPECT_EQ(w1_.Start().at("a").run, third->run.id);
}

TEST_F(SchedulingTest, ALostStepDoesNotKeepItsPlaceInTheQueueFromItself) {
  w1_.Open();
  const RunId run = Accepted(Submit("name: p\nsteps: [{name: a, type: noop}]", "narrow"));
  ASSERT_TRUE(w1_.Start().contains("a"));
  w2_.Open();
  // w1 never comes back.
  for (int i = 0; i < 10; ++i) {
    bench_.Pass(seconds(2));
    ASSERT_TRUE(w2_.Heartbeat().ok());
  }
  const auto again = w2_.Start();
  ASSERT_TRUE(again.contains("a")) << Why(run, "a");
  EXPECT_EQ(*w2_.Succeed(again.at("a")), Verdict::kOk);
  EXPECT_EQ(StateOf(run), RunState::kSucceeded);
}

// --- Runs at a time

constexpr char kOneRun[] =
    "name: one\nmaxActiveRuns: 1\ndefaults: {cache: false}\nsteps: [{name: a, type: noop}]\n"
    "onExit: [{name: z, type: noop}]";

TEST_F(SchedulingTest, RunsOverTheLimitWaitInOrderAndOutliveARestart) {
  w1_.Open();
  const RunId first = Accepted(Submit(kOneRun));
  const RunId second = Accepted(Submit(kOneRun));
  const RunId third = Accepted(Submit(kOneRun));
  const RunId urgent = Accepted(Submit(kOneRun, "", 9));
  for (const RunId& waits : {second, third, urgent}) {
    EXPECT_EQ(StateOf(waits), RunState::kPending);
    EXPECT_FALSE(bench_.Find(waits).started_at.set());
    EXPECT_THAT(Why(waits, "a"), HasSubstr("MAX_ACTIVE_RUNS: pipeline one has 1 active runs (" +
                                           first.value() + ")"));
  }
  bench_.Restart();
  w1_.Open();
  EXPECT_EQ(StateOf(second), RunState::kPending);
  // One that never began leaves nothing to tidy up.
  Cancel(second);
  EXPECT_EQ(StateOf(second), RunState::kCancelled);
  EXPECT_EQ(bench_.State(second, "z"), StepState::kCancelled);
  for (const RunId& run : {first, urgent, third}) {
    EXPECT_EQ(StateOf(run), RunState::kRunning);
    for (const char* step : {"a", "z"}) {
      const auto leases = w1_.Start();
      ASSERT_TRUE(leases.contains(step)) << run;
      EXPECT_EQ(leases.at(step).run, run);
      EXPECT_TRUE(w1_.Succeed(leases.at(step)).ok());
    }
    EXPECT_EQ(StateOf(run), RunState::kSucceeded);
  }
}

TEST_F(SchedulingTest, SkipAnswersTheSubmission) {
  const std::string yaml = std::string(kOneRun) + "\nonLimit: skip";
  const RunId first = Accepted(Submit(yaml));
  const Status refused = Submit(yaml).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.reason(), "MAX_ACTIVE_RUNS");
  EXPECT_THAT(refused.message(), HasSubstr(first.value()));
  bench_.Restart();
  EXPECT_EQ(Submit(yaml).status().reason(), "MAX_ACTIVE_RUNS");
  Cancel(first);
  w1_.Open();
  EXPECT_TRUE(w1_.Succeed(w1_.Start().at("z")).ok());
  Accepted(Submit(yaml));
}

TEST_F(SchedulingTest, CancelOldestMakesRoomForTheNewest) {
  w1_.Open();
  const std::string yaml =
      "name: two\nmaxActiveRuns: 2\nonLimit: cancelOldest\nsteps: [{name: a, type: noop}]";
  const RunId first = Accepted(Submit(yaml));
  const RunId second = Accepted(Submit(yaml));
  std::optional<LeasedAttempt> of_first;
  const auto answer = w1_.Lease();
  ASSERT_TRUE(answer.ok());
  for (const LeasedAttempt& lease : answer->leases) {
    if (lease.run == first) of_first = lease;
  }
  ASSERT_TRUE(of_first);
  const RunId third = Accepted(Submit(yaml));
  EXPECT_EQ(StateOf(first), RunState::kCancelling);
  EXPECT_THAT(bench_.Find(first).message, HasSubstr(third.value() + " takes its place"));
  EXPECT_EQ(StateOf(second), RunState::kRunning);
  EXPECT_EQ(StateOf(third), RunState::kPending) << "until the oldest has stopped";
  EXPECT_TRUE(w1_.End(*of_first, ReportKind::kCancelled).ok());
  EXPECT_EQ(StateOf(first), RunState::kCancelled);
  EXPECT_EQ(StateOf(third), RunState::kRunning);
}

TEST_F(SchedulingTest, ManyRunsWaitTheirTurn) {
  const std::string yaml =
      "name: p\nmaxActiveRuns: 1\nsteps: [{name: a, type: wait, with: {duration: 1m}}]";
  SubmitRunCommand command = bench_.SubmissionOf(yaml);
  int accepted = 0;
  for (int i = 0; i < 300; ++i) {
    bench_.engine().SubmitRun(command, [&](Result<SubmitRunAnswer> got) { accepted += got.ok(); });
  }
  bench_.Turn();
  EXPECT_EQ(accepted, 300);
  for (int i = 0; i < 300; ++i) bench_.Pass(seconds(60));
  EXPECT_EQ(bench_.ended().size(), 300U);
}

// --- Mutexes

constexpr char kLocked[] =
    "name: locked\nparameters: {table: {type: string, default: t}}\n"
    "defaults: {cache: false, retry: {maxAttempts: 2, interval: 10s, jitter: false}}\n"
    "steps: [{name: a, type: noop, mutex: \"db-${parameters.table}\"}]";

TEST_F(SchedulingTest, AMutexIsHeldByOneStepOverAllRuns) {
  w1_.Open();
  w2_.Open();
  const RunId first = Accepted(Submit(kLocked));
  const RunId second = Accepted(Submit(kLocked));
  const RunId third = Accepted(Submit(kLocked));
  const RunId other = Accepted(Submit(kLocked, "", {}, {{"table", "u"}}));
  std::map<RunId, LeasedAttempt> running;
  const auto take = [&](BenchWorker& worker) {
    for (const auto& [name, lease] : worker.Start()) running[lease.run] = lease;
  };
  const auto of = [&] {
    std::vector<RunId> runs;
    for (const auto& [run, lease] : running) runs.push_back(run);
    return runs;
  };
  take(w1_);
  take(w2_);
  EXPECT_THAT(of(), UnorderedElementsAre(first, other));
  EXPECT_THAT(Why(second, "a"), HasSubstr("MUTEX: the mutex db-t is taken: step a of " +
                                          first.value() + " has it, on worker"));
  // Over a restart.
  bench_.Restart();
  w1_.Open();
  w2_.Open();
  take(w1_);
  take(w2_);
  EXPECT_THAT(of(), UnorderedElementsAre(first, other));
  // A failed attempt lets it go until it is tried again.
  BenchWorker& holder = bench_.Step(first, "a").worker == "w1" ? w1_ : w2_;
  EXPECT_TRUE(holder.Fail(running[first]).ok());
  running.clear();
  take(w1_);
  take(w2_);
  EXPECT_THAT(of(), UnorderedElementsAre(second));
  bench_.Pass(seconds(11));
  EXPECT_EQ(bench_.State(first, "a"), StepState::kReady);
  // A cancel lets it go when the worker has stopped.
  Cancel(second);
  EXPECT_EQ(bench_.State(first, "a"), StepState::kReady);
  BenchWorker& stopped = bench_.Step(second, "a").worker == "w1" ? w1_ : w2_;
  EXPECT_TRUE(stopped.End(running[second], ReportKind::kCancelled).ok());
  running.clear();
  take(w1_);
  take(w2_);
  EXPECT_THAT(of(), UnorderedElementsAre(first));
  // So does a loss: of the holder's worker, and for good.
  BenchWorker& lost = bench_.Step(first, "a").worker == "w1" ? w1_ : w2_;
  Cancel(first);
  lost.Reboot();
  running.clear();
  take(w1_);
  take(w2_);
  EXPECT_THAT(of(), UnorderedElementsAre(third));
}

TEST_F(SchedulingTest, AHolderThatIsCutOffKeepsItsMutexUntilItIsTriedElsewhere) {
  w1_.Open();
  const RunId first = Accepted(Submit(kLocked));
  ASSERT_EQ(w1_.Start().size(), 1U);
  const RunId second = Accepted(Submit(kLocked));
  bench_.Pass(seconds(16));
  w2_.Open();
  const auto leases = w2_.Start();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases.at("a").run, first);
  EXPECT_TRUE(w2_.Succeed(leases.at("a")).ok());
  EXPECT_EQ(w2_.Start().at("a").run, second);
}

TEST_F(SchedulingTest, AMutexWhoseNameIsNoneIsRefusedAtSubmission) {
  const std::string yaml =
      "name: p\nparameters: {t: {type: string, default: \"\"}}\n"
      "steps: [{name: a, type: noop, mutex: \"${parameters.t}\"}]";
  EXPECT_THAT(Submit(yaml).status().message(), HasSubstr("step a: mutex: must be a name"));
  Accepted(Submit(yaml, "", {}, {{"t", "x"}}));
}

TEST_F(SchedulingTest, ItemsOfAMapTakeTheirOwnMutex) {
  w1_.Open();
  const RunId run = Accepted(
      Submit("name: p\ndefaults: {cache: false}\nsteps:\n- name: m\n  type: map\n"
             "  over: [x, y, x, y]\n  steps: [{name: a, type: noop, mutex: \"t-${item}\"}]"));
  const auto leases = w1_.Start();
  EXPECT_EQ(leases.size(), 2U);
  EXPECT_TRUE(leases.contains("m[0].a") && leases.contains("m[1].a"));
  EXPECT_TRUE(w1_.Succeed(leases.at("m[0].a")).ok());
  EXPECT_TRUE(w1_.Start().contains("m[2].a"));
  EXPECT_EQ(bench_.State(run, "m[3].a"), StepState::kReady);
}

}  // namespace
}  // namespace penstock
