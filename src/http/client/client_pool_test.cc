// Connections of the client: opened, reused, bounded, given up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "http/client/client_fixture.h"
#include "http/test_certificates.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Peer = TestServer::Peer;

TEST_F(Clients, ReuseAConnectionForTheNextRequest) {
  serve([&](Peer& peer, const std::string&, int n) { peer.answer(std::to_string(n)); });
  ask({}, {}, [&] { ask({}, {}, [&] { ask({}); }); });
  run();
  EXPECT_EQ(body(2), "2");
  EXPECT_EQ(server_->accepted(), 1);
  EXPECT_EQ(client_->counts().idle, 1U);
}

TEST_F(Clients, BoundConnectionsAndServeThoseWhoWaitInOrder) {
  std::vector<Peer*> held;
  serve([&](Peer& peer, const std::string& request, int n) {
    if (n >= 2) {
      peer.answer(request.substr(0, 6));
      return;
    }
    held.push_back(&peer);
    if (held.size() < 2) return;
    for (Peer* each : held) each->answer("first");
  });
  client({.max_connections = 2, .max_waiting = 4});
  // The fifth is one too many: none of the first four has a connection yet.
  for (const char* target : {"/0", "/1", "/2", "/3", "/4"}) ask({.target = target});
  run();
  EXPECT_EQ(body(0), "first");
  EXPECT_EQ(body(1), "first");
  EXPECT_EQ(body(2), "GET /2");
  EXPECT_EQ(body(3), "GET /3");
  EXPECT_EQ(code(4), ErrorCode::kExhausted);
  EXPECT_THAT(message(4), HasSubstr("too many requests wait for a connection"));
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(Clients, KeepOnlySoManyIdleConnectionsAndOnlyForSoLong) {
  std::vector<Peer*> held;
  serve([&](Peer& peer, const std::string&, int) {
    held.push_back(&peer);
    if (held.size() < 3) return;
    for (Peer* each : held) each->answer("");
  });
  client({.idle_limit = 20ms, .max_idle = 2});
  std::size_t most = 0;
  for (int i = 0; i < 4; ++i)
    ask({.target = i == 3 ? "bad" : "/"}, {}, [&] {
      most = std::max(most, client_->counts().idle);
      asked_ = 99;  // go on until the connections are closed
    });
  int closed = 0;
  server_->on_closed = [&] {
    if (++closed == 3) loop_.stop();
  };
  run();
  EXPECT_EQ(client_->counts().idle, 0U);
  EXPECT_EQ(answered_, 4U);
  EXPECT_EQ(most, 2U);
}

TEST_F(Clients, SayThatAConnectionWasRefused) {
  serve({});
  const auto port = closed_port();
  ask({}, Origin::of(*parse_url("http://127.0.0.1:" + std::to_string(port))));
  run();
  EXPECT_EQ(code(), ErrorCode::kUnavailable);
  EXPECT_EQ(message(),
            "http://127.0.0.1:" + std::to_string(port) +
                ": cannot connect: Connection refused (127.0.0.1:" + std::to_string(port) + ")");
}

TEST_F(Clients, SayThatANameDoesNotResolve) {
  serve({});
  ask({}, Origin::of(*parse_url("http://no_such_host:1")));
  run();
  EXPECT_EQ(code(), ErrorCode::kUnavailable);
  EXPECT_THAT(message(), HasSubstr("cannot resolve the host 'no_such_host'"));
}

TEST_F(Clients, FallBackToTheNextAddressOfAName) {
  serve([&](Peer& peer, const std::string&, int) { peer.answer("here"); });
  resolver_.table["service_setosa"] = {"127.0.0.2", "::1", "127.0.0.1"};
  ask({}, Origin::of(*parse_url("http://service_setosa:" + std::to_string(server_->port()))));
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_EQ(results_[0]->body, "here");
}

TEST_F(Clients, GoToTheAddressThatAnOriginFixes) {
  std::string seen;
  serve([&](Peer& peer, const std::string& request, int) {
    seen = request;
    peer.answer("");
  });
  Origin to = Origin::of(*parse_url("http://service_setosa:81"));
  to.address = *Address::parse("127.0.0.1", server_->port());
  ask({}, to);
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_THAT(seen, HasSubstr("Host: service_setosa:81\r\n"));
}

// Answers the first request, and ends the connection when another comes on it.
TestServer::OnRequest stale_after_one() {
  return [used = std::map<Peer*, int>()](Peer& peer, const std::string& request, int n) mutable {
    if (used[&peer]++ > 0 || (n > 0 && request.contains("never"))) return peer.close();
    peer.answer("answer " + std::to_string(n));
  };
}

TEST_F(Clients, RepeatOnAFreshConnectionWhatMayBeRepeated) {
  serve(stale_after_one());
  ask({}, {}, [&] {
    ask({}, {}, [&] {  // idempotent by its method
      ask({.method = Method::kPost, .body = "x", .safe_to_repeat = true}, {},
          [&] { ask({.method = Method::kPost, .body = "x"}); });
    });
  });
  run();
  EXPECT_EQ(body(1), "answer 2");
  EXPECT_EQ(body(2), "answer 4");
  EXPECT_EQ(code(3), ErrorCode::kUnavailable) << "it may have been done already";
  EXPECT_THAT(message(3), HasSubstr("without an answer"));
}

TEST_F(Clients, RepeatOnlyOnce) {
  serve(stale_after_one());
  ask({}, {}, [&] { ask({.target = "/never"}); });
  run();
  EXPECT_EQ(code(1), ErrorCode::kUnavailable);
  EXPECT_EQ(server_->requests(), 3);
}

TEST_F(Clients, NoticeThatAPeerHungUpBeforeTheySendWhatMustNotBeRepeated) {
  serve([&](Peer& peer, const std::string&, int n) {
    peer.answer("answer " + std::to_string(n));
    peer.close();
  });
  ask({}, {}, [&] { ask({.method = Method::kPost, .body = "x"}); });
  run();
  EXPECT_EQ(body(1), "answer 1");
}

TEST_F(Clients, CloseAnIdleConnectionOnWhichSomethingComesUnasked) {
  serve([&](Peer& peer, const std::string&, int n) {
    peer.answer("answer " + std::to_string(n)).send(n == 0 ? "HTTP/1.1 200 OK\r\n" : "");
  });
  ask({}, {}, [&] { ask({}); });
  run();
  EXPECT_EQ(body(1), "answer 1");
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(Clients, GiveUpConnectingAfterTheirTime) {
  serve({});
  resolver_.silent = true;
  client({.connect_timeout = 10ms});
  ask({}, Origin::of(*parse_url("http://name")));
  run();
  EXPECT_EQ(code(), ErrorCode::kUnavailable);
  EXPECT_THAT(message(), HasSubstr("cannot connect: still resolving the name after 10 ms"));
}

TEST_F(Clients, GiveUpAHandshakeThatNeverEnds) {
  const TestCertificates certificates("host");
  serve([](Peer&, const std::string&, int) {});  // plain: it never answers a hello
  client({.connect_timeout = 20ms});
  Origin to = origin();
  to.tls = *TlsContext::client({.verify = false});
  ask({}, to);
  run();
  EXPECT_THAT(message(), HasSubstr("still in the TLS handshake after 20 ms"));
}

TEST_F(Clients, EndTheirRequestsWhenTheyAreDestroyed) {
  serve([&](Peer&, const std::string&, int) { loop_.post([this] { client_.reset(); }); });
  ask({});
  run();
  EXPECT_EQ(code(), ErrorCode::kCancelled);
  EXPECT_EQ(message(), "the client was shut down");
}

}  // namespace
}  // namespace sluice::http
