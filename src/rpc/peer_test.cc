#include "rpc/peer.h"

#include <gtest/gtest.h>

namespace sluice::rpc {
namespace {

TEST(Peer, IsReadAsAnAddress) {
  EXPECT_EQ(address_of_peer("ipv4:192.0.2.1:50312"), "192.0.2.1");
  EXPECT_EQ(address_of_peer("ipv6:[2001:db8::1]:50312"), "2001:db8::1");
  EXPECT_EQ(address_of_peer("ipv6:%5B::1%5D:50312"), "::1");
  EXPECT_EQ(address_of_peer("unix:/run/sluice.sock"), "unix");
  EXPECT_EQ(address_of_peer("unix:"), "unix");
  EXPECT_EQ(address_of_peer(""), "");
  EXPECT_EQ(address_of_peer("vsock:1:2"), "");
}

}  // namespace
}  // namespace sluice::rpc
