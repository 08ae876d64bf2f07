// The pure parts: addresses, waits, errors, facts, and what is made of a handshake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/backoff.h"
#include "redis/endpoint.h"
#include "redis/failure.h"
#include "redis/handshake.h"
#include "redis/script.h"
#include "redis/server_facts.h"

namespace sluice::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Endpoint, IsReadAsPeopleWriteIt) {
  struct Case {
    std::string text;
    Endpoint endpoint;
    std::string printed;
  };
  const std::vector<Case> cases = {
      {"redis:6380", {.host = "redis", .port = 6380}, "redis:6380"},
      {"my_redis-1.local", {.host = "my_redis-1.local", .port = 6379}, "my_redis-1.local:6379"},
      {"10.0.0.5:1", {.host = "10.0.0.5", .port = 1}, "10.0.0.5:1"},
      {"[::1]:7000", {.host = "::1", .port = 7000}, "[::1]:7000"},
      {"[fe80::1%eth0]", {.host = "fe80::1%eth0", .port = 6379}, "[fe80::1%eth0]:6379"},
      {"::1", {.host = "::1", .port = 6379}, "[::1]:6379"},
      {"unix:/run/redis.sock", {.socket_path = "/run/redis.sock"}, "unix:/run/redis.sock"},
  };
  for (const Case& c : cases) {
    const auto endpoint = parse_endpoint(c.text, kServerPort);
    ASSERT_TRUE(endpoint) << c.text;
    EXPECT_EQ(*endpoint, c.endpoint) << c.text;
    EXPECT_EQ(to_string(*endpoint), c.printed);
  }
  for (const std::string wrong :
       {"", ":6379", "redis:", "redis:0", "redis:70000", "redis:6x", "[::1", "[::1]6379",
        "[redis]:1", "redis://host", "a b", "unix:", "unix:relative.sock"}) {
    const auto endpoint = parse_endpoint(wrong, kServerPort);
    ASSERT_FALSE(endpoint) << wrong;
    EXPECT_EQ(endpoint.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(endpoint.error().message, HasSubstr("host:port"));
  }
}

TEST(Backoff, DoublesUpToTheMostAndIsShortenedAtRandomByUpToHalf) {
  Backoff backoff({.first = 100ms, .most = 1s});
  Random random(7);
  const TimePoint now = ManualClock().now();
  for (const Duration full : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const Duration wait = backoff.next(now, random);
    EXPECT_LE(wait, full);
    EXPECT_GE(wait, full / 2);
  }
  // Two clients that lose the same server do not come back together.
  Backoff other({.first = 100ms, .most = 1s});
  Backoff same({.first = 100ms, .most = 1s});
  Random another(8);
  EXPECT_NE(other.next(now, random), same.next(now, another));
}

TEST(Backoff, StartsAgainAfterAConnectionThatLastedOnly) {
  Backoff backoff({.first = 100ms, .most = 10s});
  Random random(7);
  ManualClock clock;
  for (int i = 0; i < 5; ++i) backoff.next(clock.now(), random);
  backoff.on_up(clock.now());
  clock.advance(10ms);  // accepted and dropped
  EXPECT_GE(backoff.next(clock.now(), random), 1600ms);
  backoff.on_up(clock.now());
  clock.advance(Backoff::kLasting);
  EXPECT_LE(backoff.next(clock.now(), random), 100ms);
}

TEST(Refusal, TellsWhatPassesFromWhatIsWrong) {
  struct Case {
    std::string reply;
    ErrorCode code;
    bool retry;
  };
  const std::vector<Case> cases = {
      {"LOADING Redis is loading the dataset in memory", ErrorCode::kUnavailable, true},
      {"READONLY You can't write against a read only replica.", ErrorCode::kUnavailable, true},
      {"OOM command not allowed when used memory > 'maxmemory'.", ErrorCode::kUnavailable, true},
      {"MISCONF Redis is configured to save RDB snapshots", ErrorCode::kUnavailable, true},
      {"BUSY Redis is busy running a script.", ErrorCode::kUnavailable, true},
      {"NOAUTH Authentication required.", ErrorCode::kUnavailable, false},
      {"NOPERM this user has no permissions", ErrorCode::kUnavailable, false},
      {"WRONGTYPE Operation against a key", ErrorCode::kInternal, false},
      {"ERR wrong number of arguments for 'get' command", ErrorCode::kInternal, false},
      {"NOSCRIPT No matching script.", ErrorCode::kInternal, false},
  };
  for (const Case& c : cases) {
    const Failure failure = refusal(c.reply);
    EXPECT_EQ(failure.fate, Fate::kRefused);
    EXPECT_EQ(failure.error.code, c.code) << c.reply;
    EXPECT_EQ(failure.error.retry_after.has_value(), c.retry) << c.reply;
    EXPECT_EQ(failure.code, c.reply.substr(0, c.reply.find(' ')));
    EXPECT_THAT(failure.error.message, HasSubstr(c.reply));
  }
}

TEST(ServerFacts, ComeFromInfoAndConfig) {
  ServerFacts facts;
  read_info(
      "# Memory\r\nused_memory:1\r\nmaxmemory:1048576\r\nmaxmemory_policy:allkeys-lru\r\n\r\n"
      "# Persistence\r\nloading:1\r\naof_enabled:0\r\n",
      facts);
  EXPECT_EQ(facts.maxmemory, 1'048'576U);
  EXPECT_EQ(facts.maxmemory_policy, "allkeys-lru");
  EXPECT_EQ(facts.appendonly, false);
  EXPECT_TRUE(facts.loading);
  EXPECT_EQ(facts.save, std::nullopt);
  const auto text = [](std::string value) { return Reply(Reply::Kind::kText, std::move(value)); };
  read_config(Reply({text("maxmemory-policy"), text("noeviction"), text("appendonly"), text("yes"),
                     text("appendfsync"), text("always"), text("save"), text("")}),
              facts);
  EXPECT_EQ(facts.maxmemory_policy, "noeviction");
  EXPECT_EQ(facts.appendonly, true);
  EXPECT_EQ(facts.appendfsync, "always");
  EXPECT_EQ(facts.save, "");
}

TEST(ServerFacts, SayWhatMayBeLost) {
  struct Case {
    std::string_view what;
    ServerFacts facts;
    std::vector<std::string> concerns;
  };
  const std::vector<Case> cases = {
      {"all is well",
       {.maxmemory_policy = "noeviction", .appendonly = true, .appendfsync = "everysec"},
       {}},
      {"it evicts",
       {.maxmemory_policy = "allkeys-lru", .appendonly = true, .appendfsync = "always"},
       {"maxmemory-policy is allkeys-lru"}},
      {"snapshots only",
       {.maxmemory_policy = "noeviction", .appendonly = false, .save = "3600 1"},
       {"after the last snapshot"}},
      {"nothing is kept",
       {.maxmemory_policy = "noeviction", .appendonly = false, .save = ""},
       {"loses everything"}},
      {"the kernel decides",
       {.maxmemory_policy = "noeviction", .appendonly = true, .appendfsync = "no"},
       {"appendfsync is no"}},
      {"it tells nothing", {}, {"does not tell its maxmemory-policy", "does not tell whether"}},
  };
  for (const Case& c : cases) {
    const auto concerns = c.facts.concerns();
    ASSERT_EQ(concerns.size(), c.concerns.size()) << c.what;
    for (std::size_t i = 0; i < concerns.size(); ++i) {
      EXPECT_THAT(concerns[i], HasSubstr(c.concerns[i])) << c.what;
    }
  }
}

std::string written(const Command& command) {
  std::string out;
  command.write_to(out);
  return out;
}

TEST(Handshake, LogsInAndAsksForFactsInOneGo) {
  const Login login{.username = "jobs",
                    .password = config::Secret("secret"),
                    .client_name = "sluice",
                    .database = 3};
  const auto commands = handshake_commands(Peer::kMaster, login);
  ASSERT_EQ(commands.size(), 4U);
  EXPECT_EQ(written(commands[0]),
            written(Command("HELLO", 2, "AUTH", "jobs", "secret", "SETNAME", "sluice")));
  EXPECT_EQ(written(commands[1]), written(Command("SELECT", 3)));
  EXPECT_EQ(written(handshake_commands(Peer::kMaster, {.password = config::Secret("p")})[0]),
            written(Command("HELLO", 2, "AUTH", "default", "p")));
  EXPECT_EQ(handshake_commands(Peer::kSentinel, {}).size(), 1U);
}

Reply hello(std::string version, std::string mode = "standalone", std::string role = "master") {
  const auto text = [](std::string value) { return Reply(Reply::Kind::kText, std::move(value)); };
  return Reply({text("server"), text("redis"), text("version"), text(std::move(version)),
                text("id"), Reply(5), text("mode"), text(std::move(mode)), text("role"),
                text(std::move(role))});
}
Answer error(std::string_view reply) {
  return std::unexpected(refusal(reply));
}
const Reply kOk(Reply::Kind::kStatus, "OK");

TEST(Handshake, RefusesServersThatCannotBeUsed) {
  struct Case {
    Answer hello;
    Peer peer;
    std::string message;  // empty: it is taken
  };
  const std::vector<Case> cases = {
      {hello("7.0.0"), Peer::kMaster, ""},
      {hello("8.1.1"), Peer::kMaster, ""},
      {hello("10.2"), Peer::kMaster, ""},
      {hello("6.2.14"), Peer::kMaster, "it is redis 6.2.14, and version 7 or later is needed"},
      {hello("?"), Peer::kMaster, "version 7 or later is needed"},
      {hello("7.2.4", "standalone", "slave"), Peer::kMaster, "it is a replica"},
      {hello("7.2.4", "standalone", "replica"), Peer::kMaster, "it is a replica"},
      {hello("7.2.4", "sentinel", ""), Peer::kMaster, "it is a Sentinel"},
      {hello("7.2.4", "cluster"), Peer::kMaster, "part of a cluster"},
      {hello("7.2.4", "sentinel", "sentinel"), Peer::kSentinel, ""},
      {hello("7.2.4"), Peer::kSentinel, "it is no Sentinel"},
      {error("ERR unknown command `HELLO`, with args beginning with: `2`, "), Peer::kMaster,
       "older than version 7"},
      {error("WRONGPASS invalid username-password pair or user is disabled."), Peer::kMaster,
       "it refused the password of user 'default'"},
      {error("NOAUTH HELLO must be called with the client already authenticated"), Peer::kMaster,
       "it asks for a password, and none is configured"},
  };
  for (const Case& c : cases) {
    std::vector<Answer> answers = {c.hello, kOk, Reply(), Reply()};
    const auto facts = judge_handshake(c.peer, {}, answers, "redis:6379");
    EXPECT_EQ(facts.has_value(), c.message.empty());
    if (facts) continue;
    EXPECT_EQ(facts.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(facts.error().message, HasSubstr(c.message));
    EXPECT_THAT(facts.error().message, HasSubstr("redis:6379"));
  }
}

TEST(Handshake, LivesWithoutTheFactsThatItsUserMayNotSee) {
  std::vector<Answer> answers = {hello("7.0.0"), error("NOPERM no select"), error("NOPERM no info"),
                                 error("NOPERM no config")};
  const auto facts = judge_handshake(Peer::kMaster, {}, answers, "redis");
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->maxmemory_policy, std::nullopt);
  EXPECT_EQ(facts->client_id, 5);
  EXPECT_FALSE(judge_handshake(Peer::kMaster, {.database = 2}, answers, "redis"));
}

TEST(Handshake, WaitsForAServerThatLoads) {
  for (const bool by_info : {true, false}) {
    std::vector<Answer> answers = {hello("7.0.0"), kOk, Reply(), Reply()};
    if (by_info) {
      answers[2] = Reply(Reply::Kind::kText, "loading:1\r\n");
    } else {
      answers[2] = error("LOADING it is loading");
    }
    const auto facts = judge_handshake(Peer::kMaster, {}, answers, "redis");
    ASSERT_FALSE(facts);
    EXPECT_THAT(facts.error().message, HasSubstr("still loading"));
    EXPECT_TRUE(facts.error().retry_after.has_value());
  }
}

TEST(Script, IsCalledByItsSha1) {
  const Script script("one", "return 1");
  EXPECT_EQ(script.digest(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  EXPECT_EQ(written(script_call(script, {"a", "b"}).add(7)),
            written(Command("EVALSHA", script.digest(), 2, "a", "b", 7)));
}

}  // namespace
}  // namespace sluice::redis
