#include "server/rpc/version_skew.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/rpc/convert.h"
#include "storage/model/protocol.h"

namespace penstock {
namespace {

using testing::HasSubstr;

v1::OpenSessionRequest Speaks(int32_t min, int32_t max) {
  v1::OpenSessionRequest request;
  v1::WorkerInfo& worker = *request.mutable_worker();
  worker.set_worker_id("w1");
  worker.set_boot_id("b");
  worker.set_cpus(1);
  worker.set_version("7.1.0");
  worker.set_protocol(max);
  request.set_min_protocol(min);
  return request;
}

TEST(CommonProtocol, IsTheNewestOfBoth) {
  EXPECT_EQ(CommonProtocol({1, 1}, {1, 1}), 1);
  EXPECT_EQ(CommonProtocol({1, 3}, {2, 5}), 3);
  EXPECT_EQ(CommonProtocol({2, 5}, {1, 3}), 3);
  EXPECT_EQ(CommonProtocol({1, 2}, {3, 4}), std::nullopt);
  EXPECT_EQ(CommonProtocol({3, 4}, {1, 2}), std::nullopt);
}

TEST(VersionSkew, AnotherVersionWithACommonProtocolIsTakenAndMarked) {
  for (const auto& [min, max] :
       {std::pair{kMinProtocol, kProtocol}, {0, kProtocol}, {kProtocol, kProtocol + 3}}) {
    const auto command = OpenSessionFromProto(Speaks(min, max));
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_EQ(command->protocol, kProtocol);
  }
  WorkerView view;
  view.info.version = "7.1.0";
  v1::Worker worker;
  ToProto(view, &worker);
  EXPECT_TRUE(worker.skew());
  SkewLog log;
  EXPECT_TRUE(log.Note(view.info));
  EXPECT_FALSE(log.Note(view.info)) << "once";
  view.info.version = "7.2.0";
  EXPECT_TRUE(log.Note(view.info));
}

TEST(VersionSkew, WithoutACommonProtocolItSaysWhichSideToUpdate) {
  const Status newer = OpenSessionFromProto(Speaks(kProtocol + 1, kProtocol + 2)).status();
  EXPECT_EQ(newer.reason(), "VERSION_MISMATCH");
  EXPECT_THAT(newer.message(),
              HasSubstr("worker w1 (version 7.1.0) speaks protocol " +
                        std::to_string(kProtocol + 1) + " to " + std::to_string(kProtocol + 2)));
  EXPECT_THAT(newer.message(), HasSubstr("update the server"));
  const Status older = OpenSessionFromProto(Speaks(0, kMinProtocol - 1)).status();
  EXPECT_EQ(older.reason(), "VERSION_MISMATCH");
  EXPECT_THAT(older.message(), HasSubstr("update the worker"));
}

}  // namespace
}  // namespace penstock
