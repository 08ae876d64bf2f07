// Connections that wait for the server to speak: blocking commands and subscriptions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/blocking_connection.h"
#include "redis/redis_fixture.h"
#include "redis/subscriber.h"

namespace sluice::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using Peer = FakeServer::Peer;
using Words = FakeServer::Words;

class BlockingConnections : public RedisTest {
 protected:
  ~BlockingConnections() override {
    run([&] { blocking_ = nullptr; });
    end();
  }
  // A server that keeps who waits.
  FakeServer& serve_waiters() {
    return serve([this](Peer& peer, const Words& words) {
      if (words[0] != "BLMOVE") return false;
      waiters_.put(&peer);
      return true;
    });
  }
  void connect_blocking(RedisOptions options) {
    run([&] {
      blocking_ = std::make_unique<BlockingConnection>(loop(), names_, setup(options));
      blocking_->start();
    });
    ups_.take();
  }
  void wait_for_work(Duration block) {
    run([&] {
      blocking_->call(Command("BLMOVE", "a", "b", "RIGHT", "LEFT", "1"), block,
                      [this](Answer answer) { answers_.put(std::move(answer)); });
    });
  }

  std::unique_ptr<BlockingConnection> blocking_;
  Mailbox<Peer*> waiters_;
  Mailbox<Answer> answers_;
};

TEST_F(BlockingConnections, GetWhatTheyWaitedFor) {
  FakeServer& server = serve_waiters();
  connect_blocking(options_for(server.address()));
  wait_for_work(1h);
  Peer* waiter = *waiters_.take();
  EXPECT_TRUE(run([&] { return blocking_->is_waiting(); }));
  run([&] { waiter->send(bulk("job")); });
  EXPECT_EQ((*answers_.take())->text(), "job");
  EXPECT_FALSE(run([&] { return blocking_->is_waiting(); }));
}

TEST_F(BlockingConnections, NoticeAServerThatIsSilentForLongerThanTheyBlock) {
  FakeServer& server = serve_waiters();
  RedisOptions options = options_for(server.address());
  options.command_timeout = 30ms;
  connect_blocking(options);
  wait_for_work(20ms);
  const auto answer = answers_.take();
  EXPECT_EQ(answer->error().error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(answer->error().fate, Fate::kUnknown);
  EXPECT_THAT(answer->error().error.message, HasSubstr("silent for 50 ms"));
  ups_.take();
}

TEST_F(BlockingConnections, AreCancelledByClosingAndConnectAgainAtOnce) {
  FakeServer& server = serve_waiters();
  connect_blocking(options_for(server.address()));
  wait_for_work(1h);
  waiters_.take();
  run([&] { blocking_->cancel(); });
  EXPECT_EQ(answers_.take()->error().error.code, ErrorCode::kCancelled);
  ups_.take();
  EXPECT_TRUE(downs_.empty());
  wait_for_work(1h);
  Peer* waiter = *waiters_.take();
  EXPECT_EQ(run([&] { return server.open(); }), 1U);
  run([&] { waiter->send("*-1\r\n"); });
  EXPECT_TRUE((*answers_.take())->is_nil());
}

TEST_F(BlockingConnections, TakeOneCommandAtATimeAndNoneWhileAway) {
  FakeServer& server = serve_waiters();
  connect_blocking(options_for(server.address()));
  wait_for_work(1h);
  waiters_.take();
  wait_for_work(1h);
  EXPECT_EQ(answers_.take()->error().error.code, ErrorCode::kConflict);
  run([&] { server.go_away(); });
  const auto lost = answers_.take();
  EXPECT_EQ(lost->error().error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(lost->error().fate, Fate::kUnknown);
  wait_for_work(1h);
  const auto away = answers_.take();
  EXPECT_EQ(away->error().error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(away->error().fate, Fate::kNotSent);
}

class Subscribers : public RedisTest {
 protected:
  ~Subscribers() override {
    run([&] { subscriber_ = nullptr; });
    end();
  }
  FakeServer& serve_channels() {
    return serve([this](Peer& peer, const Words& words) {
      peer_ = &peer;
      const bool pattern = words[0] == "PSUBSCRIBE";
      if (words[0] == "PING" && !pings_answered_) return true;
      if (words[0] != "SUBSCRIBE" && !pattern) return false;
      for (std::size_t i = 1; i < words.size(); ++i) {
        peer.send("*3\r\n" + bulk(pattern ? "psubscribe" : "subscribe") + bulk(words[i]) +
                  ":1\r\n");
      }
      return true;
    });
  }
  void subscribe_to(const RedisOptions& options, std::vector<std::string> channels) {
    run([&] {
      subscriber_ = std::make_unique<Subscriber>(
          loop(), names_, setup(options),
          Subscriber::Callbacks{
              .on_message =
                  [this](const Message& m) {
                    messages_.put(std::string(m.pattern) + "|" + std::string(m.channel) + "|" +
                                  std::string(m.payload));
                  },
              .on_live = [this](std::string_view name) { live_.put(std::string(name)); }});
      for (std::string& channel : channels) ASSERT_TRUE(subscriber_->subscribe(std::move(channel)));
      subscriber_->start();
    });
    ups_.take();
  }

  std::unique_ptr<Subscriber> subscriber_;
  Peer* peer_ = nullptr;
  bool pings_answered_ = true;
  Mailbox<std::string> messages_;
  Mailbox<std::string> live_;
};

TEST_F(Subscribers, HearWhatIsPublished) {
  FakeServer& server = serve_channels();
  subscribe_to(options_for(server.address()), {"jobs"});
  EXPECT_EQ(live_.take(), "jobs");
  run([&] {
    ASSERT_TRUE(subscriber_->subscribe_pattern("job:*"));
    ASSERT_TRUE(subscriber_->subscribe("jobs")) << "twice is once";
  });
  EXPECT_EQ(live_.take(), "job:*");
  run([&] {
    peer_->send("*3\r\n" + bulk("message") + bulk("jobs") + bulk("new"));
    peer_->send("*4\r\n" + bulk("pmessage") + bulk("job:*") + bulk("job:1") + bulk("done"));
  });
  EXPECT_EQ(messages_.take(), "|jobs|new");
  EXPECT_EQ(messages_.take(), "job:*|job:1|done");
  run([&] { subscriber_->unsubscribe("jobs"); });
  EXPECT_EQ(run([&] { return subscriber_->subscriptions(); }), 1U);
}

TEST_F(Subscribers, SubscribeAgainAfterALossAndSaySo) {
  FakeServer& server = serve_channels();
  std::vector<std::string> many;
  for (int i = 0; i < 1200; ++i) many.push_back("c" + std::to_string(i));
  subscribe_to(options_for(server.address()), many);
  for (int i = 0; i < 1200; ++i) live_.take();
  run([&] { peer_->close(); });
  downs_.take();
  ups_.take();
  for (int i = 0; i < 1200; ++i) live_.take();
  EXPECT_TRUE(live_.empty());
  EXPECT_LT(run([&] { return server.heard("SUBSCRIBE"); }), 1200U + 10) << "many in one command";
}

TEST_F(Subscribers, NoticeAServerThatHangs) {
  FakeServer& server = serve_channels();
  RedisOptions options = options_for(server.address());
  options.probe_every = 10ms;
  options.response_timeout = 50ms;
  subscribe_to(options, {"jobs"});
  live_.take();
  run([&] { pings_answered_ = false; });
  EXPECT_THAT(downs_.take()->message, HasSubstr("silent"));
  ups_.take();
  EXPECT_EQ(live_.take(), "jobs");
}

TEST_F(Subscribers, TryAgainWhenTheServerRefuses) {
  FakeServer& server = serve([refuses = true](Peer& peer, const Words& words) mutable {
    if (words[0] != "SUBSCRIBE" || !refuses) return false;
    refuses = false;
    peer.send("-NOPERM no permissions to access one of the channels\r\n");
    return true;
  });
  subscribe_to(options_for(server.address()), {"jobs"});
  EXPECT_THAT(downs_.take()->message, HasSubstr("NOPERM"));
  ups_.take();
}

}  // namespace
}  // namespace sluice::redis
