#include "steps/http/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace penstock {
namespace {

TEST(Network, EachReachEndsWhereItsKindOfAddressDoes) {
  const std::vector<std::pair<Reach, std::vector<const char*>>> nearest = {
      {Reach::kPublic,
       {"8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.63.0.1", "100.128.0.1",
        "128.0.0.1", "2600::1", "64:ff9b::808:808", "2002:808:808::1"}},
      {Reach::kPrivate,
       {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "198.18.0.1",
        "fd12::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"}},
      {Reach::kLoopback,
       {"127.0.0.1", "127.255.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "2002:7f00:1::1"}},
      {Reach::kNamed,
       {"169.254.169.254", "169.254.0.1", "fe80::1", "fec0::1", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "224.0.0.1", "255.255.255.255", "ff02::1",
        "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"}}};
  const std::vector<Reach> reaches = {Reach::kNone, Reach::kPublic, Reach::kPrivate,
                                      Reach::kLoopback, Reach::kNamed};
  for (const auto& [least, addresses] : nearest) {
    for (const char* address : addresses) {
      for (const Reach reach : reaches) {
        EXPECT_EQ(MayConnectTo(reach, address), reach >= least)
            << address << " " << static_cast<int>(reach);
      }
    }
  }
  EXPECT_FALSE(MayConnectTo(Reach::kNamed, "no address"));
  sockaddr_storage other{};
  other.ss_family = AF_UNIX;
  EXPECT_FALSE(MayConnect(Reach::kNamed, reinterpret_cast<const sockaddr*>(&other)));
}

TEST(Network, FindsAHostsAddresses) {
  const auto found = ResolveHost("localhost", {});
  ASSERT_TRUE(found.ok()) << found.status();
  for (const std::string& address : *found) {
    EXPECT_TRUE(address == "127.0.0.1" || address == "::1") << address;
  }
  EXPECT_EQ(ResolveHost("192.0.2.7", {})->front(), "192.0.2.7");
  EXPECT_EQ(ResolveHost("no host", {}).status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace penstock
