#include "server/rpc/library_logs.h"

#include <gtest/gtest.h>

#include "penstock/v1/workers.pb.h"

namespace penstock {
namespace {

// What anybody may send: a name of the message's first field that is no UTF-8.
bool ReadsNoUtf8() {
  v1::WorkerInfo worker;
  return worker.ParseFromString("\x0a\x02\xff\xfe");
}

TEST(LibraryLogsTest, WhatARemotePartySendsWritesNoLines) {
  RouteLibraryLogs();
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_FALSE(ReadsNoUtf8());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace penstock
