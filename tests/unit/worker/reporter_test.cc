#include "worker/agent/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "storage/model/limits.h"
#include "tests/unit/worker/eventually.h"
#include "tests/unit/worker/fake_coordinator.h"

namespace penstock {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Le;

class ReporterTest : public testing::Test {
 protected:
  ReporterTest() {
    WorkerConfig config;
    config.coordinator = fake_.address();
    coordinator_ = *Coordinator::Connect(config);
    coordinator_->set_session("session");
    reporter_ = std::make_unique<Reporter>(
        *coordinator_, [this](const v1::StepReport& report, const std::string& verdict) {
          const MutexLock lock(mutex_);
          verdicts_[report.token()] = verdict;
        });
  }
  ~ReporterTest() override { coordinator_->Stop(); }

  void Add(const std::string& token, std::size_t bytes = 0,
           v1::StepReport::Kind kind = v1::StepReport::SUCCEEDED) {
    v1::StepReport report;
    report.set_run_id("run-1");
    report.set_token(token);
    report.set_kind(kind);
    if (bytes > 0) (*report.mutable_report_values())["path"] = std::string(bytes, 'v');
    reporter_->Add(std::move(report));
  }
  std::string Verdict(const std::string& token) {
    const MutexLock lock(mutex_);
    return verdicts_[token];
  }
  bool Answered(const std::string& token) {
    return Eventually([&] { return !Verdict(token).empty(); });
  }
  // What was taken of that attempt last.
  v1::StepReport Taken(const std::string& token) {
    v1::StepReport last;
    for (const v1::StepReport& report : fake_.reports()) {
      if (report.token() == token) last = report;
    }
    return last;
  }

  FakeCoordinator fake_;
  std::unique_ptr<Coordinator> coordinator_;
  Mutex mutex_;
  std::map<std::string, std::string> verdicts_ PENSTOCK_GUARDED_BY(mutex_);
  std::unique_ptr<Reporter> reporter_;  // calls back: goes first
};

TEST_F(ReporterTest, ReportsArriveInOrderOnceTheCoordinatorIsBack) {
  fake_.BreakReports(3);
  for (int i = 0; i < 20; ++i) Add("t" + std::to_string(i));
  ASSERT_TRUE(Answered("t19"));
  const std::vector<v1::StepReport> reports = fake_.reports();
  ASSERT_EQ(reports.size(), 20U);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(reports[i].token(), "t" + std::to_string(i));
  EXPECT_EQ(Verdict("t0"), "OK");
}

TEST_F(ReporterTest, LargeReportsDoNotShareOneMessage) {
  fake_.BreakReports(1);  // so that they come together
  for (int i = 0; i < 7; ++i) Add("t" + std::to_string(i), 3 << 20);
  ASSERT_TRUE(Answered("t6"));
  EXPECT_EQ(fake_.reports().size(), 7U);
  EXPECT_THAT(fake_.report_calls(), Each(Le(2)));
}

TEST_F(ReporterTest, AReportThatIsRefusedIsFoundAndTheOthersArrive) {
  fake_.FailReports("bad", v1::StepReport::SUCCEEDED, grpc::StatusCode::INVALID_ARGUMENT);
  fake_.BreakReports(1);
  for (const char* token : {"a", "b", "bad", "c", "d"}) Add(token);
  for (const char* token : {"a", "b", "c", "d", "bad"}) {
    ASSERT_TRUE(Answered(token)) << token;
    EXPECT_EQ(Verdict(token), "OK") << token;
  }
  // Its attempt has an end all the same.
  EXPECT_EQ(Taken("bad").kind(), v1::StepReport::FAILED);
  EXPECT_EQ(Taken("bad").cause(), "STEP_ERROR");
  EXPECT_THAT(Taken("bad").message(), HasSubstr("a bad report"));
}

TEST_F(ReporterTest, AnAttemptThatCannotBeReportedAtAllIsGivenUp) {
  fake_.FailReports("bad", v1::StepReport::SUCCEEDED, grpc::StatusCode::INVALID_ARGUMENT);
  fake_.FailReports("bad", v1::StepReport::FAILED, grpc::StatusCode::INVALID_ARGUMENT);
  fake_.FailReports("early", v1::StepReport::STARTED, grpc::StatusCode::INVALID_ARGUMENT);
  Add("bad");
  Add("early", 0, v1::StepReport::STARTED);
  ASSERT_TRUE(Answered("bad"));
  EXPECT_EQ(Verdict("bad"), "REFUSED");
  ASSERT_TRUE(Answered("early"));
  EXPECT_EQ(Verdict("early"), "REFUSED");
  EXPECT_TRUE(fake_.reports().empty());
}

TEST_F(ReporterTest, AReportThatBreaksTheCoordinatorWaitsBehindTheOthers) {
  fake_.FailReports("bad", v1::StepReport::SUCCEEDED, grpc::StatusCode::INTERNAL);
  fake_.BreakReports(1);
  for (const char* token : {"bad", "a", "b"}) Add(token);
  ASSERT_TRUE(Answered("b"));
  EXPECT_TRUE(Answered("a"));
  EXPECT_EQ(Verdict("bad"), "") << "it may not be the report's fault";
}

TEST_F(ReporterTest, AReportThatFitsIntoNoMessageFailsItsStep) {
  Add("huge", limits::kMaxMessageBytes);
  Add("next");
  ASSERT_TRUE(Answered("next"));
  ASSERT_TRUE(Answered("huge"));
  EXPECT_EQ(Taken("huge").kind(), v1::StepReport::FAILED);
  EXPECT_THAT(Taken("huge").message(), HasSubstr("bytes"));
}

// Not the reports' fault: nothing is thrown away.
TEST_F(ReporterTest, AWorkerThatIsNotKnownKeepsItsReports) {
  fake_.FailReports("a", v1::StepReport::SUCCEEDED, grpc::StatusCode::PERMISSION_DENIED);
  Add("a");
  ASSERT_TRUE(Eventually([&] { return fake_.failed_reports() >= 2; }));
  fake_.FailReports("a", v1::StepReport::SUCCEEDED, grpc::StatusCode::OK);
  ASSERT_TRUE(Answered("a"));
  EXPECT_EQ(Verdict("a"), "OK");
  EXPECT_EQ(Taken("a").kind(), v1::StepReport::SUCCEEDED);
}

}  // namespace
}  // namespace penstock
