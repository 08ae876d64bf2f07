// A connection, and a server that does as the test says.
#include "redis/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/redis_fixture.h"

namespace sluice::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Peer = FakeServer::Peer;
using Words = FakeServer::Words;

class Connections : public RedisTest {};

TEST_F(Connections, AskAndAreAnsweredInOrder) {
  FakeServer& server = serve([](Peer& peer, const Words& words) {
    if (words[0] != "ECHO") return false;
    peer.send(bulk(words[1]));
    return true;
  });
  Connection& connection = connected(options_for(server.address()));
  std::vector<std::string> answers;
  Mailbox<bool> done;
  run([&] {
    for (int i = 0; i < 1000; ++i) {
      connection.send(Command("ECHO", i), Deadline::never(), [&](Answer answer) {
        answers.emplace_back(answer->text());
        if (answers.size() == 1000) done.put(true);
      });
    }
    EXPECT_TRUE(answers.empty());
  });
  done.take();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(Connections, LogInByTheirOptionsAndTellTheFacts) {
  FakeServer& server = serve();
  RedisOptions options = options_for(server.address());
  options.username = "jobs";
  options.password = config::Secret("hush");
  options.database = 2;
  const Connection& connection = connect(options);
  const auto facts = ups_.take();
  EXPECT_EQ(facts->version, "7.2.4");
  EXPECT_EQ(facts->maxmemory_policy, "noeviction");
  EXPECT_EQ(facts->appendfsync, "everysec");
  run([&] {
    EXPECT_THAT(server.heard()[0],
                ElementsAre("HELLO", "2", "AUTH", "jobs", "hush", "SETNAME", "sluice"));
    EXPECT_THAT(server.heard()[1], ElementsAre("SELECT", "2"));
  });
  EXPECT_TRUE(connection.health()->read().up);
  EXPECT_EQ(connection.health()->read().facts, *facts);
}

TEST_F(Connections, PutRepliesTogetherThatComeInPieces) {
  FakeServer& server = serve([this](Peer& peer, const Words& words) {
    if (words[0] != "GET") return false;
    peer.send("*2\r\n$3\r\na");
    loop().post([this, &peer] {
      peer.send("bc\r\n:4");
      loop().post([&peer] { peer.send("2\r\n"); });
    });
    return true;
  });
  Connection& connection = connected(options_for(server.address()));
  const Answer answer = ask(connection, Command("GET", "x"));
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)[0].text(), "abc");
  EXPECT_EQ((*answer)[1].integer(), 42);
}

TEST_F(Connections, MakeAFailureOfAnErrorThatTheServerSends) {
  FakeServer& server = serve([](Peer& peer, const Words& words) {
    if (words[0] != "INCR") return false;
    peer.send("-WRONGTYPE it is a list\r\n");
    return true;
  });
  Connection& connection = connected(options_for(server.address()));
  const Answer answer = ask(connection, Command("INCR", "list"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fate, Fate::kRefused);
  EXPECT_EQ(answer.error().code, "WRONGTYPE");
  EXPECT_TRUE(ask(connection, Command("PING"))) << "the connection goes on";
}

TEST_F(Connections, FailAtOnceWhileTheServerIsAwayAndComeBackByThemselves) {
  FakeServer& first = serve();
  const std::uint16_t port = first.port();
  Connection& connection = connected(options_for(first.address()));
  run([&] { first.go_away(); });
  EXPECT_THAT(downs_.take()->message, HasSubstr("the server closed the connection"));
  const Answer refused = ask(connection, Command("PING"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().fate, Fate::kNotSent);
  EXPECT_GE(refused.error().error.retry_after, 100ms);
  EXPECT_FALSE(connection.health()->read().up);
  EXPECT_THAT(downs_.take()->message, HasSubstr("Connection refused"));

  run([&] {
    servers_.push_back(std::make_unique<FakeServer>(
        loop(), [this](Peer& peer, const Words& words) { servers_.back()->be_polite(peer, words); },
        port));
  });
  ups_.take();
  EXPECT_TRUE(ask(connection, Command("PING")));
  EXPECT_TRUE(connection.health()->read().up);
}

TEST_F(Connections, TellWhatWasSentFromWhatWasNot) {
  const auto seen = std::make_shared<Peer*>(nullptr);
  FakeServer& server = serve([seen](Peer& peer, const Words& words) {
    if (words[0] != "SET") return false;
    *seen = &peer;
    peer.deaf = true;  // from here on nothing is taken
    return true;
  });
  RedisOptions options = options_for(server.address());
  options.max_queued_bytes = 1U << 30U;
  options.probe_every = 1h;
  Connection& connection = connected(options);
  auto first = send(connection, Command("SET", "a", "1"));
  // More than the kernel's buffers hold; the one after it cannot have left.
  auto large = send(connection, Command("SET", "b", std::string(16U << 20U, 'x')));
  auto last = send(connection, Command("SET", "c", "3"));
  while (!run([&] { return *seen != nullptr && (*seen)->deaf; })) std::this_thread::yield();
  run([&] { (*seen)->close(); });
  const Answer answers[] = {first.get(), large.get(), last.get()};
  EXPECT_EQ(answers[0].error().fate, Fate::kUnknown);
  EXPECT_EQ(answers[1].error().fate, Fate::kUnknown);
  EXPECT_EQ(answers[2].error().fate, Fate::kNotSent);
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.error().error.code, ErrorCode::kUnavailable);
  }
}

TEST_F(Connections, NoticeAServerThatHangs) {
  FakeServer& server = serve([](Peer&, const Words& words) { return words[0] == "GET"; });
  RedisOptions options = options_for(server.address());
  options.response_timeout = 50ms;
  options.probe_every = 1h;
  Connection& connection = connected(options);
  auto first = send(connection, Command("GET", "a"));
  auto second = send(connection, Command("GET", "b"));
  for (auto* answer : {&first, &second}) {
    const Answer got = answer->get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().error.code, ErrorCode::kUnavailable);
    EXPECT_EQ(got.error().fate, Fate::kUnknown);
    EXPECT_THAT(got.error().error.message, HasSubstr("silent for 50 ms"));
  }
  ups_.take();  // it has connected again
}

TEST_F(Connections, NoticeAServerThatHangsWhileNobodyAsks) {
  const auto hangs = std::make_shared<bool>(false);
  FakeServer& server =
      serve([hangs](Peer&, const Words& words) { return *hangs && words[0] == "PING"; });
  RedisOptions options = options_for(server.address());
  options.response_timeout = 50ms;
  options.probe_every = 10ms;
  connected(options);
  run([&] { *hangs = true; });
  EXPECT_THAT(downs_.take()->message, HasSubstr("silent"));
}

TEST_F(Connections, KeepGoingWhenOneCommandIsLate) {
  const auto waiting = std::make_shared<std::vector<Peer*>>();
  FakeServer& server = serve([waiting](Peer& peer, const Words& words) {
    if (words[0] != "GET") return false;
    waiting->push_back(&peer);
    return true;
  });
  RedisOptions options = options_for(server.address());
  options.probe_every = 1h;
  Connection& connection = connected(options);
  auto late = send(connection, Command("GET", "a"), 10ms);
  auto patient = send(connection, Command("GET", "b"));
  const Answer timed_out = late.get();
  EXPECT_EQ(timed_out.error().error.code, ErrorCode::kTimeout);
  EXPECT_EQ(timed_out.error().fate, Fate::kUnknown);
  const Answer too_late = send(connection, Command("GET", "c"), Duration::zero()).get();
  EXPECT_EQ(too_late.error().error.code, ErrorCode::kTimeout);
  EXPECT_EQ(too_late.error().fate, Fate::kNotSent);
  run([&] { (*waiting)[0]->send("$1\r\na\r\n$1\r\nb\r\n"); });
  EXPECT_EQ(patient.get()->text(), "b") << "the late reply went to nobody else";
  EXPECT_TRUE(downs_.empty());
}

TEST_F(Connections, BoundWhatIsInFlightAndWhatWaits) {
  FakeServer& server = serve([](Peer& peer, const Words& words) {
    if (words[0] != "SET") return false;
    peer.deaf = true;
    return true;
  });
  RedisOptions options = options_for(server.address());
  options.max_in_flight = 16;
  options.max_queued_bytes = 8U << 20U;
  options.probe_every = 1h;
  Connection& connection = connected(options);
  auto deafening = send(connection, Command("SET", "a", "1"));
  auto first = send(connection, Command("SET", "a", std::string(32U << 20U, 'x')));
  const Answer bytes = ask(connection, Command("SET", "b", std::string(4096, 'y')));
  EXPECT_EQ(bytes.error().error.code, ErrorCode::kExhausted);
  EXPECT_EQ(bytes.error().fate, Fate::kNotSent);
  EXPECT_THAT(bytes.error().error.message, HasSubstr("bytes wait"));
  run([&] { connections_.clear(); });
  EXPECT_EQ(first.get().error().error.code, ErrorCode::kCancelled);

  Connection& another = connected(options);
  std::vector<std::future<Answer>> all;
  for (int i = 0; i < 16; ++i) all.push_back(send(another, Command("SET", i, "1")));
  const Answer many = ask(another, Command("SET", "c", "3"));
  EXPECT_EQ(many.error().error.code, ErrorCode::kExhausted);
  EXPECT_THAT(many.error().error.message, HasSubstr("16 commands wait"));
  run([&] { connections_.clear(); });
  for (auto& answer : all) EXPECT_EQ(answer.get().error().error.code, ErrorCode::kCancelled);
}

TEST_F(Connections, EndAtGarbage) {
  struct Case {
    std::string sent;
    std::string message;
  };
  const std::vector<Case> cases = {
      {"HTTP/1.1 200 OK\r\n\r\n", "what is no Redis reply"},
      {"$1\r\nabc", "does not end where it said"},
      {"+OK\r\n+OK\r\n", "that nobody asked for"},
      {"$200000\r\n" + std::string(200'000, 'x') + "\r\n", "more than 65536 bytes"},
  };
  for (const Case& c : cases) {
    FakeServer& server = serve([sent = c.sent](Peer& peer, const Words& words) {
      if (words[0] != "GET") return false;
      peer.send(sent);
      return true;
    });
    RedisOptions options = options_for(server.address());
    options.max_reply_bytes = 65536;
    options.probe_every = 1h;
    Connection& connection = connected(options);
    const Answer answer = ask(connection, Command("GET", "x"));
    EXPECT_THAT(downs_.take()->message, HasSubstr(c.message));
    if (!answer) {
      EXPECT_THAT(answer.error().error.message, HasSubstr(c.message));
    }
    ups_.take();
    run([&] { connections_.clear(); });
  }
}

TEST_F(Connections, LookForTheMasterWhenTheirServerCeasedToBeIt) {
  FakeServer& server = serve([](Peer& peer, const Words& words) {
    if (words[0] != "SET") return false;
    peer.send("-READONLY You can't write against a read only replica.\r\n");
    return true;
  });
  Connection& connection = connected(options_for(server.address()));
  const Answer answer = ask(connection, Command("SET", "a", "1"));
  EXPECT_EQ(answer.error().fate, Fate::kRefused);
  EXPECT_EQ(answer.error().error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(downs_.take()->message, HasSubstr("no master any more"));
  ups_.take();
}

TEST_F(Connections, SayWhyAServerCannotBeUsed) {
  FakeServer& old = serve();
  run([&] { old.version = "6.0.16"; });
  connect(options_for(old.address()));
  down_with("version 7 or later is needed");

  FakeServer& silent = serve([](Peer&, const Words&) { return true; });
  RedisOptions options = options_for(silent.address());
  options.connect_timeout = 30ms;
  connect(options);
  down_with(silent.address());
  connect(options_for("nowhere:6379"));
  down_with("cannot resolve the host 'nowhere'");
}

TEST_F(Connections, ResolveTheNameOfTheirServer) {
  FakeServer& server = serve();
  run([&] { names_.table["redis"] = "127.0.0.1"; });
  Connection& connection = connected(options_for("redis:" + std::to_string(server.port())));
  EXPECT_TRUE(ask(connection, Command("PING")));
}

TEST_F(Connections, AnswerEverythingBeforeTheyAreGone) {
  FakeServer& server = serve([](Peer&, const Words& words) { return words[0] == "GET"; });
  Connection& connection = connected(options_for(server.address()));
  auto in_flight = send(connection, Command("GET", "a"));
  std::optional<Answer> refused;
  run([&] {
    connections_.back()->stop();
    connection.send(Command("GET", "b"), Deadline::never(),
                    [&](Answer answer) { refused = std::move(answer); });
    connections_.clear();
  });
  EXPECT_EQ(in_flight.get().error().error.code, ErrorCode::kCancelled);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error().error.code, ErrorCode::kCancelled);
}

TEST_F(Connections, CanBeAskedAgainFromACallback) {
  FakeServer& server = serve();
  Connection& connection = connected(options_for(server.address()));
  Mailbox<bool> answers;
  run([&] {
    connection.send(Command("PING"), Deadline::never(), [&](Answer) {
      server.go_away();
      connection.send(Command("PING"), Deadline::never(), [&](Answer lost) {
        answers.put(lost.has_value());
        connection.send(Command("PING"), Deadline::never(),
                        [&](Answer refused) { answers.put(refused.has_value()); });
      });
    });
  });
  EXPECT_EQ(answers.take(), false);
  EXPECT_EQ(answers.take(), false);
}

TEST_F(Connections, AreCounted) {
  telemetry::Metrics metrics;
  telemetry::Instruments instruments(metrics);
  FakeServer& server = serve([](Peer& peer, const Words& words) {
    if (words[0] != "GET") return false;
    peer.send("-ERR no\r\n");
    return true;
  });
  RedisOptions options = options_for(server.address());
  options.probe_every = 1h;
  ConnectionSetup made = setup(options);
  made.metrics = instruments.redis("commands");
  std::unique_ptr<Connection> connection;
  run([&] {
    connection = std::make_unique<Connection>(loop(), names_, std::move(made));
    connection->start();
  });
  ups_.take();
  ask(*connection, Command("PING"));
  ask(*connection, Command("GET", "x"));
  const auto value = [&](std::string_view name, std::string_view code) {
    for (const auto& family : metrics.collect()) {
      if (family.name != name) continue;
      for (const auto& series : family.series) {
        if (code.empty() || series.label_values[1] == code) {
          return series.value + static_cast<double>(series.count);
        }
      }
    }
    return -1.0;
  };
  EXPECT_EQ(value("sluice_redis_commands_total", "ok"), 1);
  EXPECT_EQ(value("sluice_redis_commands_total", "internal"), 1);
  EXPECT_EQ(value("sluice_redis_command_duration_seconds", ""), 2);
  EXPECT_EQ(value("sluice_redis_connections", ""), 1);
  EXPECT_EQ(value("sluice_redis_connects_total", ""), 1);
  run([&] { server.go_away(); });
  downs_.take();
  downs_.take();
  ask(*connection, Command("PING"));
  EXPECT_EQ(value("sluice_redis_commands_total", "unavailable"), 1);
  EXPECT_EQ(value("sluice_redis_connections", ""), 0);
  EXPECT_EQ(value("sluice_redis_losses_total", ""), 1);
  EXPECT_GE(value("sluice_redis_connect_failures_total", ""), 1);
  run([&] { connection = nullptr; });
}

}  // namespace
}  // namespace sluice::redis
