#include "steps/notify/notify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/catalog/catalog.h"
#include "tests/contract/process/step_bench.h"
#include "tests/support/webhook.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class NotifyTest : public testing::Test {
 protected:
  // As the engine fills the parameters in, with what the references mean in onExit.
  Result<StepOutcome> Run(Json parameters) {
    if (!parameters.contains("run")) {
      parameters["run"] = {
          {"id", "run-1"}, {"name", "nightly"}, {"pipeline", "census"}, {"state", "FAILED"}};
    }
    std::vector<Problem> problems;
    step_.parameters_ =
        CheckParameters(*Catalog::BuiltIn().Find("notify"), parameters, "with", problems);
    EXPECT_THAT(problems, IsEmpty());
    step_.Reset();
    return RunNotify(step_);
  }
  FakeStep step_{"notify"};
  Webhook webhook_;
};

TEST_F(NotifyTest, PostsWhatBecameOfTheRun) {
  const auto outcome = Run({{"url", webhook_.url("/hook?token=hidden")},
                            {"message", "step fit: no rows"},
                            {"headers", {{"X-Team", "data"}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("status"), 200);
  EXPECT_THAT(outcome->outputs, IsEmpty());
  ASSERT_EQ(webhook_.requests().size(), 1u);
  const Webhook::Request request = webhook_.requests().front();
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(request.header("X-Team"), "data");
  EXPECT_EQ(*ParseJson(request.body), (Json{{"runId", "run-1"},
                                            {"runName", "nightly"},
                                            {"pipeline", "census"},
                                            {"state", "FAILED"},
                                            {"message", "step fit: no rows"}}));
  EXPECT_THAT(step_.log_, Not(HasSubstr("hidden"))) << "the query may be a secret";
}

TEST_F(NotifyTest, ABodyOfOnesOwnIsSentAsItIs) {
  ASSERT_TRUE(Run({{"url", webhook_.url()}, {"message", "m"}, {"body", {{"text", "hello"}}}}).ok());
  EXPECT_EQ(*ParseJson(webhook_.requests().front().body), (Json{{"text", "hello"}}));
}

TEST_F(NotifyTest, AnotherAnswerThanSuccessFailsTheAttempt) {
  webhook_.Answer({503, 404, 302});
  for (const char* status : {"503", "404", "302"}) {
    const auto outcome = Run({{"url", webhook_.url()}, {"message", "m"}});
    EXPECT_EQ(outcome.status().reason(), "NOTIFY_REFUSED");
    EXPECT_THAT(outcome.status().message(), HasSubstr(std::string("answered ") + status));
    EXPECT_THAT(outcome.status().message(), HasSubstr("no room for it"));
  }
  EXPECT_EQ(webhook_.requests().size(), 3u) << "one request an attempt";
}

TEST_F(NotifyTest, NobodyThereAndNoAnswerFailTheAttempt) {
  const auto nobody = Run({{"url", "http://127.0.0.1:1/"}, {"message", "m"}});
  EXPECT_EQ(nobody.status().reason(), "NOTIFY_UNREACHABLE");
  EXPECT_THAT(nobody.status().message(), HasSubstr("cannot reach http://127.0.0.1:1/"));
  webhook_.Answer({0});
  const auto silent = Run({{"url", webhook_.url()}, {"message", "m"}, {"timeout", "50ms"}});
  EXPECT_EQ(silent.status().reason(), "NOTIFY_UNREACHABLE");
}

TEST_F(NotifyTest, IsCancelledWhileItWaits) {
  webhook_.Answer({0});
  step_.cancel_after_ = 1;
  EXPECT_EQ(Run({{"url", webhook_.url()}, {"message", "m"}}).status().code(),
            StatusCode::kCancelled);
}

TEST_F(NotifyTest, AValueCannotBecomeAHeaderOfItsOwn) {
  const auto outcome =
      Run({{"url", webhook_.url()}, {"message", "m"}, {"headers", {{"X-A", "b\r\nX-C: d"}}}});
  EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(webhook_.requests(), IsEmpty());
}

TEST(NotifySchema, RefusesWhatIsNoWebhook) {
  std::vector<Problem> problems;
  CheckParameters(*Catalog::BuiltIn().Find("notify"), {{"url", "file:///etc/passwd"}}, "with",
                  problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].path, "with.url");
}

}  // namespace
}  // namespace penstock
