#include "redis/server_use.h"

#include <gtest/gtest.h>

namespace sluice::redis {
namespace {

TEST(ServerUse, IsReadFromInfo) {
  constexpr std::string_view kInfo =
      "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n\r\n"
      "# Stats\r\nexpired_keys:42\r\nexpired_stale_perc:0.00\r\n\r\n"
      "# Keyspace\r\ndb0:keys=7,expires=2,avg_ttl=0\r\ndb10:keys=3,expires=0,avg_ttl=0\r\n";
  EXPECT_EQ(read_use(kInfo, 0),
            (ServerUse{.memory_bytes = 1'048'576, .keys = 7, .expired_keys = 42}));
  EXPECT_EQ(read_use(kInfo, 10).keys, 3U);
  EXPECT_EQ(read_use(kInfo, 1).keys, 0U) << "it has none";
}

TEST(ServerUse, LeavesOutWhatIsNotTold) {
  EXPECT_EQ(read_use("", 0), ServerUse());
  EXPECT_EQ(read_use("used_memory:?\r\nexpired_keys:", 0), ServerUse());
}

}  // namespace
}  // namespace sluice::redis
