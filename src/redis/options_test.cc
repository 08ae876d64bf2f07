#include "redis/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/config.h"
#include "redis/settings.h"

namespace sluice::redis {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Read {
  RedisOptions options;
  std::string problems;
};
Read read_text(std::string_view text) {
  config::Problems problems;
  const auto node = config::parse(text, "s.yaml", config::Surroundings::none(), problems);
  Read read;
  if (node) read.options = config::read<RedisOptions>(*node, problems);
  read.problems = problems.to_string();
  return read;
}

TEST(RedisOptions, NeedNothing) {
  const Read read = read_text("{}");
  EXPECT_EQ(read.problems, "");
  const auto settings = Settings::from(read.options);
  ASSERT_TRUE(settings);
  EXPECT_EQ(name_of(*(*settings)->server), "127.0.0.1:6379");
}

TEST(RedisOptions, AreReadWithLoginTlsAndSentinels) {
  const Read read = read_text(R"(
username: jobs
password: hush
database: 3
tls: {ca: ca.pem, server_name: redis.internal}
sentinel: {addresses: [s1, "s2:7000"], master: main, password: other}
command_timeout: 500ms
reconnect: {first: 10ms, most: 1s}
)");
  EXPECT_EQ(read.problems, "");
  EXPECT_EQ(read.options.password.reveal(), "hush");
  EXPECT_EQ(read.options.database, 3U);
  EXPECT_EQ(read.options.sentinel->addresses[1], "s2:7000");
  EXPECT_EQ(read.options.command_timeout, 500ms);
  const std::string printed = config::to_yaml(read.options);
  EXPECT_EQ(printed.find("hush"), std::string::npos);
  EXPECT_EQ(printed.find("other"), std::string::npos);
}

TEST(RedisOptions, AreRefusedWhereTheyContradictOneAnother) {
  struct Case {
    std::string_view text;
    std::string_view problem;
  };
  const std::vector<Case> cases = {
      {"address: 'redis://x'", "host:port, [IPv6]:port or unix:/path/of.sock"},
      {"{address: redis, sentinel: {addresses: [s1]}}", "both an address and Sentinels"},
      {"sentinel: {}", "addresses"},
      {"sentinel: {addresses: ['s1:']}", "host:port"},
      {"username: jobs", "a user without a password"},
      {"tls: {key: a.pem}", "a key without a certificate"},
      {"{address: 'unix:/r.sock', tls: {}}", "needs the `server_name`"},
      {"reconnect: {first: 2s, most: 1s}", "the longest wait is shorter"},
      {"client_name: 'a b'", "without spaces"},
      {"max_in_flight: 0", "max_in_flight"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(read_text(c.text).problems, HasSubstr(std::string(c.problem))) << c.text;
  }
}

TEST(Settings, SayWhichTlsFileCannotBeUsed) {
  RedisOptions options;
  options.tls = TlsOptions{.ca = "/nowhere/ca.pem"};
  const auto settings = Settings::from(options);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(settings.error().message, HasSubstr("/nowhere/ca.pem"));
}

}  // namespace
}  // namespace sluice::redis
