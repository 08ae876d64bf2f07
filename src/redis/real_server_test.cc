// All of it against a real redis-server and a real valkey-server.
#include "redis/real_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_certificates.h"
#include "redis/blocking_connection.h"
#include "redis/redis_fixture.h"
#include "redis/script.h"
#include "redis/subscriber.h"

namespace sluice::redis {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class RealServers : public RedisTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RealServer::exists(GetParam()))
        << "there is no " << GetParam() << ": scripts/setup test installs it";
  }
  RealServer& start(std::vector<std::string> configuration = {}) {
    real_ = std::make_unique<RealServer>(GetParam(), std::move(configuration));
    return *real_;
  }
  // Quick to notice things, patient with a machine that is busy.
  static RedisOptions real_options(const std::string& address) {
    RedisOptions options = options_for(address);
    options.connect_timeout = 5s;
    options.command_timeout = 20s;
    return options;
  }
  Connection& connected_to(const RedisOptions& options) {
    Connection& connection = connected(options);
    while (!downs_.empty()) downs_.take();  // of the time while it started
    return connection;
  }

  std::unique_ptr<RealServer> real_;
};

INSTANTIATE_TEST_SUITE_P(Of, RealServers, testing::Values("redis-server", "valkey-server"),
                         [](const auto& info) {
                           return info.param.substr(0, info.param.find('-'));
                         });

TEST_P(RealServers, AreReachedOverTcpAndUnixSocketsAndTellWhatTheyAre) {
  RealServer& server = start(
      {"appendonly yes", "appendfsync always", "maxmemory 100mb", "maxmemory-policy noeviction"});
  for (const std::string& address :
       {server.address(), server.socket_address(), "[::1]:" + std::to_string(server.port())}) {
    connect(real_options(address));
    const ServerFacts facts = *ups_.take();
    EXPECT_EQ(facts.product, GetParam().substr(0, GetParam().find('-')));
    EXPECT_GE(facts.major_version(), kLeastVersion);
    EXPECT_EQ(facts.role, "master");
    EXPECT_EQ(facts.mode, "standalone");
    EXPECT_EQ(facts.appendonly, true);
    EXPECT_EQ(facts.appendfsync, "always");
    EXPECT_EQ(facts.maxmemory, 100U * 1024 * 1024);
    EXPECT_TRUE(facts.concerns().empty());
  }
}

TEST_P(RealServers, TellWhatTheyWouldLose) {
  start({"save \"\"", "maxmemory-policy allkeys-lru"});
  connect(real_options(real_->address()));
  EXPECT_EQ(ups_.take()->concerns().size(), 2U);
}

TEST_P(RealServers, AnswerEveryKindOfReply) {
  Connection& connection = connected_to(real_options(start().address()));
  EXPECT_EQ(ask(connection, Command("SET", "k", std::string("\0\r\n", 3)))->text(), "OK");
  EXPECT_EQ(ask(connection, Command("GET", "k"))->text(), std::string("\0\r\n", 3));
  EXPECT_TRUE(ask(connection, Command("GET", "none"))->is_nil());
  EXPECT_EQ(ask(connection, Command("RPUSH", "list", "a", "b"))->integer(), 2);
  EXPECT_EQ((*ask(connection, Command("LRANGE", "list", 0, -1)))[1].text(), "b");
  EXPECT_EQ(ask(connection, Command("INCR", "list")).error().code, "WRONGTYPE");
  EXPECT_THAT(ask(connection, Command("CLIENT", "GETNAME"))->text(), "sluice");
  const std::string large(20U << 20U, 'x');
  EXPECT_TRUE(ask(connection, Command("SET", "large", large)));
  EXPECT_TRUE(ask(connection, Command("GET", "large"))->text() == large);
}

TEST_P(RealServers, RunScriptsTheyForgot) {
  Connection& connection = connected_to(real_options(start().address()));
  ScriptRunner runner(connection);
  const Script script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])");
  for (int round = 1; round <= 2; ++round) {
    Mailbox<std::int64_t> sums;
    run([&] {
      for (int i = 0; i < 3; ++i) {
        runner.run(script, script_call(script, {"n"}).add(1), Deadline::never(),
                   [&](Answer answer) { sums.put(answer ? answer->integer() : -1); });
      }
    });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sums.take(), (round - 1) * 3 + i + 1);
    EXPECT_TRUE(ask(connection, Command("SCRIPT", "FLUSH")));
  }
  const Script wrong("wrong", "return redis.call('INCR', 'list')");
  ask(connection, Command("RPUSH", "list", "a"));
  Mailbox<Failure> failures;
  run([&] {
    runner.run(wrong, script_call(wrong, {}), Deadline::never(),
               [&](Answer answer) { failures.put(answer.error()); });
  });
  const auto failure = failures.take();
  EXPECT_EQ(failure->fate, Fate::kRefused);
  EXPECT_EQ(failure->error.code, ErrorCode::kInternal);
}

TEST_P(RealServers, AreComeBackToAfterTheyWereKilled) {
  RealServer& server = start({"appendonly yes", "appendfsync always"});
  Connection& connection = connected_to(real_options(server.address()));
  ASSERT_TRUE(ask(connection, Command("SET", "kept", "1")));
  for (int round = 0; round < 3; ++round) {
    server.kill();
    downs_.take();
    const Answer away = ask(connection, Command("GET", "kept"));
    ASSERT_FALSE(away);
    EXPECT_EQ(away.error().error.code, ErrorCode::kUnavailable);
    EXPECT_TRUE(away.error().error.retry_after);
    server.start();
    ups_.take();
    while (!downs_.empty()) downs_.take();
    EXPECT_EQ(ask(connection, Command("GET", "kept"))->text(), "1");
  }
}

TEST_P(RealServers, AreNoticedWhenTheyHang) {
  RealServer& server = start();
  RedisOptions options = real_options(server.address());
  options.response_timeout = 200ms;
  options.probe_every = 50ms;
  Connection& connection = connected_to(options);
  server.hang();
  auto waiting = send(connection, Command("GET", "a"));
  EXPECT_THAT(downs_.take()->message, HasSubstr("silent"));
  const Answer answer = waiting.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, ErrorCode::kUnavailable);
  EXPECT_FALSE(connection.health()->read().up);
  server.go_on();
  ups_.take();
  EXPECT_TRUE(ask(connection, Command("GET", "a")));
}

TEST_P(RealServers, AskForPasswordsAndRights) {
  RealServer& server = start({"requirepass hush", "user jobs on >other ~jobs:* +@all -@dangerous"});
  RedisOptions options = real_options(server.address());
  connect(options);
  down_with("it asks for a password");
  options.password = config::Secret("wrong");
  run([&] { connections_.clear(); });
  connect(options);
  down_with("it refused the password of user 'default'");
  run([&] { connections_.clear(); });

  options.password = config::Secret("hush");
  EXPECT_TRUE(ask(connected(options), Command("SET", "a", "1")));

  options.username = "jobs";
  options.password = config::Secret("other");
  Connection& restricted = connect(options);
  const auto facts = ups_.take();
  EXPECT_GE(facts->major_version(), kLeastVersion);
  EXPECT_EQ(facts->maxmemory_policy, std::nullopt) << "it may not ask";
  EXPECT_EQ(facts->concerns().size(), 2U);
  EXPECT_TRUE(ask(restricted, Command("SET", "jobs:1", "1")));
  EXPECT_EQ(ask(restricted, Command("SET", "a", "1")).error().code, "NOPERM");
}

TEST_P(RealServers, SpeakTlsAndAreVerified) {
  const http::TestCertificates certificates("redis.internal");
  const std::string ca = certificates.path("ca.pem");
  RealServer& server =
      start({"port 0", "tls-port {port}", "tls-cert-file " + certificates.path("server.pem"),
             "tls-key-file " + certificates.path("server.key"), "tls-ca-cert-file " + ca,
             "tls-auth-clients yes"});
  RedisOptions options = real_options(server.address());
  options.tls = TlsOptions{.ca = ca,
                           .certificate = certificates.path("server.pem"),
                           .key = certificates.path("server.key"),
                           .server_name = "redis.internal"};
  Connection& connection = connected_to(options);
  const std::string large(8U << 20U, 'x');
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 4; ++i) answers.push_back(send(connection, Command("SET", i, large)));
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_TRUE(ask(connection, Command("GET", 3))->text() == large);
  run([&] { connections_.clear(); });

  options.tls->server_name = "another.internal";
  connect(options);
  down_with("hostname mismatch");
  run([&] { connections_.clear(); });

  options.tls->server_name = "";  // the certificate is for 127.0.0.1 too
  EXPECT_TRUE(ask(connected(options), Command("PING")));
  run([&] { connections_.clear(); });

  options.tls = std::nullopt;
  connect(options);
  down_with("the Redis server at " + server.address());
}

TEST_P(RealServers, WakeWhoWaitsForWork) {
  RealServer& server = start();
  Connection& connection = connected_to(real_options(server.address()));
  auto blocking = run([&] {
    return std::make_unique<BlockingConnection>(loop(), names_,
                                                setup(real_options(server.address())));
  });
  run([&] { blocking->start(); });
  ups_.take();
  Mailbox<Answer> answers;
  const auto wait_for = [&](std::string_view seconds, Duration block) {
    run([&] {
      blocking->call(Command("BLMOVE", "queue", "mine", "RIGHT", "LEFT", seconds), block,
                     [&](Answer answer) { answers.put(std::move(answer)); });
    });
  };
  wait_for("0.01", 10ms);
  EXPECT_TRUE((*answers.take())->is_nil());
  wait_for("60", 60s);
  ask(connection, Command("LPUSH", "queue", "job"));
  EXPECT_EQ((*answers.take())->text(), "job");
  wait_for("60", 60s);
  server.kill();
  EXPECT_EQ(answers.take()->error().error.code, ErrorCode::kUnavailable);
  run([&] { blocking = nullptr; });
}

TEST_P(RealServers, PublishToSubscribersThatComeBack) {
  RealServer& server = start();
  Connection& connection = connected_to(real_options(server.address()));
  Mailbox<std::string> live;
  Mailbox<std::string> messages;
  std::unique_ptr<Subscriber> subscriber;
  ConnectionSetup quiet = setup(real_options(server.address()));
  quiet.on_up = nullptr;
  quiet.on_down = nullptr;
  run([&] {
    subscriber = std::make_unique<Subscriber>(
        loop(), names_, std::move(quiet),
        Subscriber::Callbacks{
            .on_message = [&](const Message& m) { messages.put(std::string(m.payload)); },
            .on_live = [&](std::string_view name) { live.put(std::string(name)); }});
    subscriber->start();
    EXPECT_TRUE(subscriber->subscribe("news"));
    EXPECT_TRUE(subscriber->subscribe_pattern("n?ws"));
  });
  live.take();
  live.take();
  EXPECT_EQ(ask(connection, Command("PUBLISH", "news", "one"))->integer(), 2);
  EXPECT_EQ(messages.take(), "one");
  EXPECT_EQ(messages.take(), "one");
  server.kill();
  downs_.take();
  server.start();
  ups_.take();
  live.take();
  live.take();
  ask(connection, Command("PUBLISH", "news", "two"));
  EXPECT_EQ(messages.take(), "two");
  run([&] { subscriber = nullptr; });
}

}  // namespace
}  // namespace sluice::redis
