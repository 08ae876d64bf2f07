#include "http/server.h"

#include <gtest/gtest.h>

#include <string>

#include "base/format.h"
#include "http/testing_server.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using namespace http::testing;

constexpr std::size_t kMoreThanABuffer = 48 * 1024;  // and less than the kernel takes

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerLimits limits = {}) {
    server_ = std::make_unique<Server>(threads_, limits, clock_, recorder_, 1);
    auto site = std::make_shared<Site>();
    const auto add = [&](Method method, const char* path, Handler handler) {
      ASSERT_TRUE(site->router.add({method, path, std::move(handler), {}, false}).has_value());
    };
    add(Method::kGet, "/now", [](Exchange& x) { x.respond(200, "text/plain", "now"); });
    add(Method::kPost, "/echo", [](Exchange& x) { x.respond(200, "text/plain", x.body()); });
    add(Method::kGet, "/large",
        [](Exchange& x) { x.respond(200, "text/plain", std::string(3'000'000, 'x')); });
    add(Method::kGet, "/later",
        [](Exchange& x) { x.loop().post([&x] { x.respond(200, "text/plain", "later"); }); });
    add(Method::kGet, "/parked", [this](Exchange& x) {
      x.on_cancel([&x] { x.respond(499, "text/plain", ""); });
      parked_ = &x;
    });
    add(Method::kGet, "/stream", [](Exchange& x) {
      x.start_stream({200, "text/plain", nullptr});
      x.write_stream("one ");
      x.loop().post([&x] {
        x.write_stream("two");
        x.end_stream();
      });
    });
    site->listener = "test";
    auto bound =
        server_->listen(*parse_listen_address("127.0.0.1:0"), [&](std::size_t) { return site; });
    ASSERT_TRUE(bound.has_value()) << bound.error().message;
    address_ = *bound;
  }
  static std::string get(std::string_view path, std::string_view more = "") {
    return formatted("GET {} HTTP/1.1\r\nHost: a\r\n{}\r\n", path, more);
  }

  SystemClock clock_;
  Recorder recorder_;
  IoThreads threads_{2};
  std::unique_ptr<Server> server_;
  ListenAddress address_;
  Exchange* parked_ = nullptr;
};

TEST_F(ServerTest, AnswersAPipelineInOrderWhateverIsAtOnceAndWhateverLater) {
  start();
  Peer peer(address_);
  peer.send(get("/now") + get("/later") + get("/stream") + get("/now", "Connection: close\r\n"));
  const std::string all = peer.read_all();
  const auto first = all.find("now"), later = all.find("later"), one = all.find("one ");
  const auto last = all.rfind("now");
  EXPECT_LT(first, later);
  EXPECT_LT(later, one);
  EXPECT_LT(one, last);
  EXPECT_TRUE(all.contains("Connection: close\r\n"));
  EXPECT_TRUE(all.contains("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, TakesBodiesOfEverySizeAndFraming) {
  start();
  for (const std::size_t size : {0UL, 1UL, 5'000UL, 20'000UL, 1'000'000UL}) {
    Peer peer(address_);
    const std::string body(size, 'b');
    peer.send(
        formatted("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", size, body));
    peer.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: "
        "close\r\n\r\n");
    if (size > 0) peer.send(formatted("{:x}\r\n{}\r\n", size, body));
    peer.send("0\r\n\r\n");
    const std::string all = peer.read_all();
    std::size_t found = 0;
    for (auto at = all.find("\r\n\r\n"); at != std::string::npos;
         at = all.find("\r\n\r\n", at + 4)) {
      if (all.compare(at + 4, size, body) == 0) ++found;
    }
    EXPECT_GE(found, 2U) << size;
  }
}

TEST_F(ServerTest, SendsLargeAnswersToSlowReaders) {
  start();
  Peer peer(address_);
  peer.send(get("/large", "Connection: close\r\n"));
  EXPECT_GT(peer.read_all().size(), 3'000'000U);
}

TEST_F(ServerTest, InvitesABodyThatWaitsForIt) {
  start();
  Peer peer(address_);
  peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("hi");
  EXPECT_TRUE(peer.read_until("hi").ends_with("hi"));
}

TEST_F(ServerTest, RefusesAndClosesWithoutRunningWhatFollows) {
  start();
  Peer peer(address_);
  peer.send("GET /now HTTP/1.1\r\n\r\n" + get("/now"));
  const std::string all = peer.read_all();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(all.contains("application/problem+json"));
  EXPECT_FALSE(all.contains("200 OK"));
}

TEST_F(ServerTest, TellsUnknownPathsFromWrongMethods) {
  start();
  Peer peer(address_);
  peer.send(get("/nothing") + get("/echo") +
            "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = peer.read_all();
  EXPECT_TRUE(all.contains("HTTP/1.1 404"));
  EXPECT_TRUE(all.contains("HTTP/1.1 405"));
  EXPECT_TRUE(all.contains("HTTP/1.1 204"));
  EXPECT_TRUE(all.contains("Allow: POST, OPTIONS\r\n"));
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  start();
  Peer peer(address_);
  peer.send("HEAD /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = peer.read_all();
  EXPECT_TRUE(all.contains("Content-Length: 3\r\n"));
  EXPECT_TRUE(all.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, CancelsTheCallOfAClientThatGoesAway) {
  start();
  {
    Peer peer(address_);
    peer.send(get("/parked"));
    ASSERT_TRUE(recorder_.wait([&] { return recorder_.in_flight == 1; }));
  }
  EXPECT_TRUE(recorder_.wait([&] { return recorder_.cancelled == 1 && recorder_.open == 0; }));
  EXPECT_EQ(server_->in_flight(), 0);
}

TEST_F(ServerTest, CancelsTheCallOfAClientThatGoesAwayBehindAPipelineThatFillsTheBuffer) {
  start();
  std::string pipeline = get("/parked");
  while (pipeline.size() < kMoreThanABuffer) pipeline += get("/now");
  for (const bool reset : {false, true}) {
    Peer peer(address_);
    peer.send(pipeline);
    ASSERT_TRUE(recorder_.wait([&] { return recorder_.in_flight == 1; }));
    if (reset) {
      peer.reset();
    } else {
      peer.finish();
    }
    EXPECT_TRUE(recorder_.wait([&] { return recorder_.in_flight == 0 && recorder_.open == 0; }));
    EXPECT_EQ(recorder_.cancelled, reset ? 2 : 1);
    EXPECT_EQ(recorder_.answered, reset ? 2 : 1) << "nothing of the pipeline is run for nobody";
  }
}

TEST_F(ServerTest, AnswersAClientThatHasSaidAllWithinItsTurn) {
  start();
  std::string pipeline;
  int asked = 0;
  for (; pipeline.size() < kMoreThanABuffer; ++asked) pipeline += get("/now");
  Peer peer(address_);
  peer.send(pipeline);
  peer.finish();
  peer.read_all();
  EXPECT_TRUE(recorder_.wait([&] { return recorder_.answered == asked && recorder_.open == 0; }));
}

TEST_F(ServerTest, TurnsAwayRequestsAndConnectionsBeyondItsBounds) {
  start({.connections = 2, .in_flight = 1});
  Peer first(address_);
  first.send(get("/parked"));
  ASSERT_TRUE(recorder_.wait([&] { return recorder_.in_flight == 1; }));
  Peer second(address_);
  second.send(get("/now"));
  const std::string busy = second.read_until("}");
  EXPECT_TRUE(busy.starts_with("HTTP/1.1 503"));
  EXPECT_TRUE(busy.contains("Retry-After: 1\r\n"));
  Peer third(address_);
  EXPECT_TRUE(third.read_all().starts_with("HTTP/1.1 503"));
  EXPECT_TRUE(recorder_.wait([&] { return recorder_.refused == "connection_limit"; }));
}

TEST_F(ServerTest, HangsUpOnClientsThatDawdle) {
  start({.head_timeout = 30ms, .body_idle_timeout = 30ms, .keep_alive_timeout = 60ms});
  Peer head(address_);
  head.send("GET /now HT");
  EXPECT_TRUE(head.read_all().starts_with("HTTP/1.1 408"));
  Peer body(address_);
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhi");
  EXPECT_TRUE(body.read_all().starts_with("HTTP/1.1 408"));
  Peer idle(address_);
  idle.send(get("/now"));
  EXPECT_TRUE(idle.read_all().ends_with("now"));
}

TEST_F(ServerTest, DrainingAnswersWhatIsUnderWayAndClosesTheRest) {
  start();
  Peer idle(address_);
  idle.send(get("/now"));
  idle.read_until("now");
  Peer busy(address_);
  busy.send(get("/parked"));
  ASSERT_TRUE(recorder_.wait([&] { return recorder_.in_flight == 1; }));
  server_->drain();
  EXPECT_TRUE(idle.read_all().ends_with("now"));
  parked_->loop().post([this] { parked_->respond(200, "text/plain", "done"); });
  const std::string all = busy.read_all();
  EXPECT_TRUE(all.ends_with("done"));
  EXPECT_TRUE(all.contains("Connection: close\r\n"));
  EXPECT_TRUE(recorder_.wait([&] { return recorder_.open == 0; }));
}

TEST_F(ServerTest, SwapsASiteUnderOpenConnections) {
  start();
  Peer peer(address_);
  peer.send(get("/now"));
  peer.read_until("now");
  peer.clear();
  auto other = std::make_shared<Site>();
  ASSERT_TRUE(other->router
                  .add({Method::kGet,
                        "/now",
                        [](Exchange& x) { x.respond(200, "text/plain", "then"); },
                        {},
                        false})
                  .has_value());
  ASSERT_TRUE(server_->replace(address_, [&](std::size_t) { return other; }).has_value());
  peer.send(get("/now"));
  EXPECT_TRUE(peer.read_until("then").ends_with("then"));
}

TEST_F(ServerTest, WillNotShareAPortWithAnotherServer) {
  start();
  Server other(threads_, {}, clock_, recorder_, 1);
  const auto bound = other.listen(address_, [](std::size_t) { return std::make_shared<Site>(); });
  ASSERT_FALSE(bound.has_value());
  EXPECT_TRUE(bound.error().message.contains("another program listens there"));
}

}  // namespace
}  // namespace sluice::http
