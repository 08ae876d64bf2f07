// Finding the master by Sentinels, and following it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "base/format.h"
#include "redis/real_server.h"
#include "redis/redis_fixture.h"

namespace sluice::redis {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Peer = FakeServer::Peer;
using Words = FakeServer::Words;

class Sentinels : public RedisTest {
 protected:
  // A Sentinel that names the server at this port; 0: it knows no such master.
  FakeServer& serve_sentinel(std::shared_ptr<const std::uint16_t> master) {
    FakeServer& sentinel = serve([master = std::move(master)](Peer& peer, const Words& words) {
      if (words[0] != "SENTINEL") return false;
      EXPECT_EQ(words[1], "GET-MASTER-ADDR-BY-NAME");
      EXPECT_EQ(words[2], "main");
      peer.send(*master == 0 ? "*-1\r\n"
                             : "*2\r\n" + bulk("127.0.0.1") + bulk(std::to_string(*master)));
      return true;
    });
    run([&] { sentinel.mode = sentinel.role = "sentinel"; });
    return sentinel;
  }
  static std::shared_ptr<std::uint16_t> at(std::uint16_t port) {
    return std::make_shared<std::uint16_t>(port);
  }
  static RedisOptions options_by(std::vector<std::string> sentinels) {
    RedisOptions options = options_for("");
    options.sentinel = SentinelOptions{.addresses = std::move(sentinels), .master = "main"};
    return options;
  }
};

TEST_F(Sentinels, AreAskedInTurnUntilOneKnows) {
  FakeServer& master = serve();
  FakeServer& gone = serve();
  run([&] { gone.go_away(); });
  FakeServer& ignorant = serve_sentinel(at(0));
  FakeServer& knowing = serve_sentinel(at(master.port()));
  Connection& connection =
      connected(options_by({gone.address(), ignorant.address(), knowing.address()}));
  EXPECT_TRUE(ask(connection, Command("PING")));
  EXPECT_EQ(run([&] { return knowing.open(); }), 0U) << "the link was for one question";

  // The one that knew is asked first from then on.
  run([&] { master.hang_up(); });
  ups_.take();
  EXPECT_EQ(run([&] { return ignorant.heard("SENTINEL"); }), 1U);
}

TEST_F(Sentinels, AreAskedAgainWhenTheServerIsNotTheMasterAnyMore) {
  const auto demoted = std::make_shared<bool>(false);
  FakeServer& old = serve([demoted](Peer& peer, const Words& words) {
    if (words[0] != "SET" || !*demoted) return false;
    peer.send("-READONLY You can't write against a read only replica.\r\n");
    return true;
  });
  FakeServer& promoted = serve([](Peer& peer, const Words& words) {
    if (words[0] != "SET") return false;
    peer.send("+OK\r\n");
    return true;
  });
  const auto master = at(old.port());
  FakeServer& sentinel = serve_sentinel(master);
  Connection& connection = connected(options_by({sentinel.address()}));
  run([&] {
    *demoted = true;
    old.role = "slave";
  });
  EXPECT_EQ(ask(connection, Command("SET", "a", "1")).error().code, "READONLY");
  downs_.take();
  // The Sentinel does not know it yet: its server says that it is none.
  EXPECT_THAT(downs_.take()->message, HasSubstr("it is a replica"));
  run([&] { *master = promoted.port(); });
  ups_.take();
  EXPECT_TRUE(ask(connection, Command("SET", "a", "1")));
}

TEST_F(Sentinels, AreAllNamedWhenNoneHelps) {
  FakeServer& ignorant = serve_sentinel(at(0));
  FakeServer& server = serve();
  FakeServer& silent = serve([](Peer&, const Words&) { return true; });
  RedisOptions options = options_by({ignorant.address(), server.address(), silent.address()});
  options.connect_timeout = 30ms;
  connect(options);
  const std::string message = downs_.take()->message;
  EXPECT_THAT(message, HasSubstr("no Sentinel names the master 'main'"));
  EXPECT_THAT(message, HasSubstr(ignorant.address() + " knows no such master"));
  EXPECT_THAT(message, HasSubstr(server.address() + " cannot be used: it is no Sentinel"));
  EXPECT_THAT(message, HasSubstr(silent.address()));
}

class RealSentinels : public Sentinels, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RealServer::exists(GetParam()))
        << "there is no " << GetParam() << ": scripts/setup test installs it";
  }
};

INSTANTIATE_TEST_SUITE_P(Of, RealSentinels, testing::Values("redis-server", "valkey-server"),
                         [](const auto& info) {
                           return info.param.substr(0, info.param.find('-'));
                         });

TEST_P(RealSentinels, LeadToAnotherMasterWhenTheirsDies) {
  RealServer first(GetParam(), {"repl-diskless-sync-delay 0"});
  RealServer second(GetParam(), {formatted("replicaof 127.0.0.1 {}", first.port()),
                                 "repl-diskless-sync-delay 0"});
  connect(options_for(second.address()));
  down_with("it is a replica");
  run([&] { connections_.clear(); });
  RealServer sentinel(
      GetParam(),
      {formatted("sentinel monitor main 127.0.0.1 {} 1", first.port()),
       "sentinel down-after-milliseconds main 300", "sentinel failover-timeout main 500"},
      true);
  RedisOptions options = options_by({sentinel.address()});
  options.response_timeout = 2s;
  Connection& connection = connected(options);
  EXPECT_EQ(ask(connection, Command("SET", "a", "1"))->text(), "OK");
  // The Sentinel must have found the replica, and the replica the key, before the master dies.
  while (ask(connection, Command("WAIT", 1, 100))->integer() < 1) {
  }
  while (!sentinel.log().contains("+slave")) std::this_thread::yield();
  while (!ups_.empty()) ups_.take();
  first.hang();
  ups_.take();
  EXPECT_EQ(ask(connection, Command("GET", "a"))->text(), "1");
  EXPECT_EQ(ask(connection, Command("SET", "a", "2"))->text(), "OK");
  EXPECT_TRUE(sentinel.log().contains("+switch-master"));
}

}  // namespace
}  // namespace sluice::redis
