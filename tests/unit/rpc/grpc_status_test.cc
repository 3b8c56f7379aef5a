#include "server/rpc/grpc_status.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "penstock/v1/common.pb.h"

namespace penstock {
namespace {

TEST(GrpcStatusTest, EveryCodeGoesThereAndBack) {
  EXPECT_TRUE(ToGrpcStatus(Status::Ok()).ok());
  for (int code = 1; code <= 16; ++code) {
    const Status status(static_cast<StatusCode>(code), "what was wrong", "SOME_REASON");
    const grpc::Status wire = ToGrpcStatus(status);
    EXPECT_EQ(static_cast<int>(wire.error_code()), code);
    EXPECT_EQ(wire.error_message(), "what was wrong");
    const Status back = FromGrpcStatus(wire);
    EXPECT_EQ(back.code(), status.code());
    EXPECT_EQ(back.reason(), "SOME_REASON");
    EXPECT_EQ(back.message(), status.message());
  }
}

TEST(GrpcStatusTest, DetailsHaveTheLayoutOfGoogleRpcStatus) {
  const grpc::Status wire =
      ToGrpcStatus(InvalidArgument("2 problems", "INVALID_DEFINITION")
                       .WithProblems({{"steps[0].type", "unknown"}, {"steps[1]", "cycle"}}));
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(wire.error_details()));
  EXPECT_EQ(details.code(), 3);
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/penstock.v1.ErrorInfo");
  v1::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "INVALID_DEFINITION");
  ASSERT_EQ(info.problems_size(), 2);
  EXPECT_EQ(info.problems(0).path(), "steps[0].type");
  EXPECT_EQ(FromGrpcStatus(wire).problems().size(), 2u);
}

// gRPC clients accept 8 KiB of trailers.
TEST(GrpcStatusTest, LongTextsAreCutBetweenCharacters) {
  std::string text;
  while (text.size() < 100'000) text += "über ";
  std::vector<Problem> problems(100, {text, text});
  const grpc::Status wire = ToGrpcStatus(InvalidArgument(text).WithProblems(problems));
  EXPECT_LT(wire.error_message().size() + wire.error_details().size(), 8'000u);
  EXPECT_TRUE(IsUtf8(wire.error_message()));
  const Status back = FromGrpcStatus(wire);
  ASSERT_GE(back.problems().size(), 2u);
  EXPECT_NE(back.problems().back().message.find("more"), std::string::npos);
}

TEST(GrpcStatusTest, ForeignDetailsAreLeftOut) {
  const Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff rubbish"));
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.reason(), "NOT_FOUND");
}

}  // namespace
}  // namespace penstock
