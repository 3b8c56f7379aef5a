// Limits that the API's handlers keep: at each it works, one over it is refused.

#include "storage/model/limits.h"

#include <gmock/gmock.h>

#include "tests/integration/server/server_fixture.h"

namespace penstock {
namespace {

class LimitsTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    Start();
  }
  // What is refused is refused before it is asked whether there is such a thing.
  template <typename Stub, typename Request, typename Response>
  grpc::StatusCode Code(Stub& stub,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request) {
    TestContext context;
    Response response;
    return (stub.*method)(&context, request, &response).error_code();
  }
};

TEST_F(LimitsTest, Comments) {
  const auto runs = Stub<v1::RunService>();
  const auto models = Stub<v1::ModelService>();
  for (const bool over : {false, true}) {
    const std::string comment(limits::kMaxCommentBytes + (over ? 1 : 0), 'c');
    const auto wanted = over ? grpc::StatusCode::INVALID_ARGUMENT : grpc::StatusCode::NOT_FOUND;
    v1::CancelRunRequest cancel;
    cancel.set_run_id("run-none");
    cancel.set_comment(comment);
    EXPECT_EQ(Code(*runs, &v1::RunService::Stub::CancelRun, cancel), wanted);
    v1::DecideApprovalRequest decide;
    decide.set_run_id("run-none");
    decide.set_step("a");
    decide.set_comment(comment);
    EXPECT_EQ(Code(*runs, &v1::RunService::Stub::DecideApproval, decide), wanted);
    v1::DecideModelVersionRequest approve;
    approve.set_group("none");
    approve.set_version(1);
    approve.set_comment(comment);
    EXPECT_EQ(Code(*models, &v1::ModelService::Stub::ApproveModelVersion, approve), wanted);
    EXPECT_EQ(Code(*models, &v1::ModelService::Stub::RejectModelVersion, approve), wanted);
    v1::RegisterModelVersionRequest register_it;
    register_it.set_group("none");
    register_it.set_model_digest("sha256:" + std::string(64, '0'));
    register_it.set_description(comment);
    EXPECT_EQ(Code(*models, &v1::ModelService::Stub::RegisterModelVersion, register_it), wanted);
  }
}

TEST_F(LimitsTest, NamesOfGroups) {
  const auto runs = Stub<v1::RunService>();
  v1::SubmitRunRequest submit;
  submit.set_pipeline("none");
  submit.set_group(std::string(limits::kMaxGroupBytes, 'g'));
  EXPECT_EQ(Code(*runs, &v1::RunService::Stub::SubmitRun, submit), grpc::StatusCode::NOT_FOUND);
  submit.set_group(std::string(limits::kMaxGroupBytes + 1, 'g'));
  EXPECT_EQ(Code(*runs, &v1::RunService::Stub::SubmitRun, submit),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace penstock
