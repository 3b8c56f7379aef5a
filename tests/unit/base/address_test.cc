#include "base/address.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(StaysOnThisMachine, KnowsItsOwnAddresses) {
  for (const char* address : {"localhost:7070", "127.0.0.1:7070", "127.1.2.3:1", "[::1]:7070",
                              "unix:/run/penstock.sock", "[::ffff:127.0.0.1]:7"}) {
    EXPECT_TRUE(StaysOnThisMachine(address)) << address;
  }
  for (const char* address : {"10.0.0.1:7070", "128.0.0.1:7070", "[::2]:7070", "host:7070",
                              "dns:///localhost:7070", "localhost.example:7070", ""}) {
    EXPECT_FALSE(StaysOnThisMachine(address)) << address;
  }
}

TEST(JoinHostPortTest, AnIpv6AddressHasBrackets) {
  EXPECT_EQ(JoinHostPort("node1", 29'500), "node1:29500");
  EXPECT_EQ(JoinHostPort("10.0.0.1", 1), "10.0.0.1:1");
  EXPECT_EQ(JoinHostPort("fd00::2", 7'070), "[fd00::2]:7070");
}

}  // namespace
}  // namespace penstock
