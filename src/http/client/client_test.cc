#include "http/client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <optional>

#include "http/client/test_server.h"
#include "http/test_certificates.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Peer = TestServer::Peer;

// Answers from a table, at once.
class TableResolver final : public Resolver {
 public:
  void resolve(const std::string& host, Executor&, Done done) override {
    if (silent) return kept.push_back(std::move(done));
    const auto it = table.find(host);
    if (it == table.end()) return done(fail(unavailable("cannot resolve the host '" + host + "'")));
    Addresses addresses;
    for (const std::string& ip : it->second) addresses.push_back(*Address::parse(ip, 0));
    done(std::move(addresses));
  }
  std::map<std::string, std::vector<std::string>> table;
  bool silent = false;
  std::vector<Done> kept;
};

class Clients : public testing::Test {
 protected:
  TestServer& serve(TestServer::OnRequest on_request, TlsContextPtr tls = nullptr,
                    std::string path = {}) {
    server_ =
        std::make_unique<TestServer>(loop_, std::move(on_request), std::move(tls), std::move(path));
    return *server_;
  }
  Client& client(ClientOptions options = {}) {
    client_ = std::make_unique<Client>(loop_, resolver_, options);
    return *client_;
  }
  [[nodiscard]] Origin origin() const { return Origin::of(*parse_url(server_->url())); }
  // Starts a request, whose result will be at its place in the order of asking.
  CancelHandle ask(ClientRequest request, std::optional<Origin> to = {}, Task then = [] {}) {
    if (!client_) client();
    const std::size_t i = asked_++;
    results_.resize(asked_, fail(internal("no result yet")));
    return client_->start(to ? *to : origin(), std::move(request),
                          [this, i, then = std::move(then)](auto result) mutable {
                            results_[i] = std::move(result);
                            ++answered_;
                            then();
                            if (answered_ == asked_) loop_.stop();
                          });
  }
  // Until everything that was asked has a result. Once in a test.
  void run() { loop_.run(); }
  [[nodiscard]] ErrorCode code(std::size_t i = 0) const {
    return results_[i] ? ErrorCode::kInternal : results_[i].error().code;
  }
  [[nodiscard]] std::string message(std::size_t i = 0) const {
    return results_[i] ? "status " + std::to_string(results_[i]->status)
                       : results_[i].error().message;
  }
  [[nodiscard]] std::string body(std::size_t i = 0) const {
    return results_[i] ? results_[i]->body : message(i);
  }
  [[nodiscard]] Deadline soon() const { return Deadline(loop_.now() + 30ms); }

  EventLoop loop_;
  TableResolver resolver_;
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<Client> client_;
  std::vector<Result<ClientResponse>> results_;
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
};

TEST_F(Clients, SendARequestAsItIsWrittenAndReturnTheAnswer) {
  std::string seen;
  serve([&](Peer& peer, const std::string& request, int) {
    seen = request;
    peer.answer("{}", "Content-Type: application/json\r\n");
  });
  ask({.method = Method::kPost,
       .target = "/predict?x=1",
       .headers = {{"traceparent", "00-1"}},
       .body = "data"});
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_EQ(results_[0]->status, 200);
  EXPECT_EQ(results_[0]->body, "{}");
  EXPECT_EQ(results_[0]->headers.find("content-type"), "application/json");
  EXPECT_EQ(seen,
            "POST /predict?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server_->port()) +
                "\r\ntraceparent: 00-1\r\nContent-Length: 4\r\n\r\ndata");
}

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

TEST_F(Clients, SpeakOverUnixSockets) {
  const auto path = (std::filesystem::temp_directory_path() /
                     ("sluice-client-" + std::to_string(::getpid()) + ".sock"))
                        .string();
  serve([&](Peer& peer, const std::string&, int) { peer.answer("unix"); }, nullptr, path);
  ask({});
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_EQ(results_[0]->body, "unix");
}

TEST_F(Clients, SpeakTlsAndVerifyWhomTheySpeakTo) {
  const TestCertificates certificates("service_setosa");
  const auto server_tls = *TlsContext::server({.certificate_file = certificates.path("server.pem"),
                                               .key_file = certificates.path("server.key")});
  const auto client_tls = *TlsContext::client({.ca_file = certificates.path("ca.pem")});
  const std::string big(300'000, 'b');
  serve([&](Peer& peer, const std::string& request,
            int) { peer.answer(request.substr(request.find("\r\n\r\n") + 4)); },
        server_tls);
  resolver_.table["service_setosa"] = resolver_.table["wrong"] = {"127.0.0.1"};
  const auto to = [&](const std::string& host) {
    return Origin::of(*parse_url("https://" + host + ":" + std::to_string(server_->port())),
                      client_tls);
  };
  ask({.method = Method::kPost, .body = big}, to("service_setosa"));
  ask({}, to("wrong"));
  ask({.method = Method::kPost, .body = "ip"}, to("127.0.0.1"));
  run();
  EXPECT_TRUE(body(0) == big) << message(0);
  EXPECT_EQ(code(1), ErrorCode::kUnavailable);
  EXPECT_THAT(message(1), HasSubstr("hostname mismatch"));
  EXPECT_EQ(body(2), "ip");
}

TEST_F(Clients, StreamABodyToItsReader) {
  Peer* streaming = nullptr;
  serve([&](Peer& peer, const std::string&, int) {
    streaming = &peer;
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  });
  std::string got;
  ClientRequest request;
  request.on_body = [&](std::string_view part) {
    got += part;
    if (got == "one") streaming->send("3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n");
    return true;
  };
  ask(std::move(request));
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_EQ(got, "onetwo");
  EXPECT_EQ(results_[0]->body, "");
  EXPECT_EQ(results_[0]->trailers.find("x-sum"), "6");
}

TEST_F(Clients, SendABodyThatDoesNotFitAtOnce) {
  std::size_t size = 0;
  serve([&](Peer& peer, const std::string& request, int) {
    size = request.size();
    peer.answer("");
  });
  ask({.method = Method::kPost, .body = std::string(8'000'000, 'x')});
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_GT(size, 8'000'000U);
}

TEST_F(Clients, SayWhatWentWrongWithAnAnswer) {
  struct Case {
    std::string target;
    std::string_view message;
  };
  const std::vector<Case> cases = {
      {"/close", "the peer closed the connection without an answer"},
      {"/reset", "the connection broke while waiting for the answer: Connection reset by peer"},
      {"/garbage", "the answer is not HTTP"},
      {"/half", "the peer closed the connection after 4 of 10 bytes of its answer's body"},
      {"/cut-head", "the peer closed the connection in the head of its answer"},
  };
  serve([&](Peer& peer, const std::string& request, int) {
    if (request.contains("/reset")) peer.reset();
    if (request.contains("/garbage")) peer.send("\x16\x03\x01garbage");
    if (request.contains("/half")) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    if (request.contains("/cut-head")) peer.send("HTTP/1.1 200 OK\r\nCont");
    peer.close();
  });
  for (const Case& c : cases) ask({.target = c.target});
  run();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(code(i), ErrorCode::kUnavailable);
    EXPECT_THAT(message(i), HasSubstr(cases[i].message));
  }
  EXPECT_EQ(server_->requests(), 5) << "a fresh connection that fails is not tried again";
}

TEST_F(Clients, TakeAnAnswerThatComesBeforeTheRequestWasRead) {
  serve({});
  server_->on_accepted = [](Peer& peer) {
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
  };
  // More than the kernel's buffers take, to a server that reads nothing.
  ask({.method = Method::kPost, .body = std::string(20'000'000, 'x')});
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_EQ(results_[0]->status, 413);
  EXPECT_EQ(client_->counts().idle, 0U) << "half a request is on that connection";
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

TEST_F(Clients, KeepToTheDeadlineAndSayWhatTheyWaitedFor) {
  serve([&](Peer& peer, const std::string& request, int) {
    if (request.contains("/half")) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  ask({.target = "/silent", .deadline = soon()});
  ask({.target = "/half", .deadline = soon()});
  run();
  EXPECT_EQ(code(0), ErrorCode::kTimeout);
  EXPECT_EQ(code(1), ErrorCode::kTimeout);
  EXPECT_THAT(message(0), HasSubstr("the deadline passed while waiting for the answer"));
  EXPECT_THAT(message(1), HasSubstr("the deadline passed while receiving the answer"));
}

TEST_F(Clients, KeepToTheDeadlineWhileTheNameIsBeingResolved) {
  serve({});
  resolver_.silent = true;
  ask({.deadline = soon()}, Origin::of(*parse_url("http://name")));
  run();
  EXPECT_EQ(code(), ErrorCode::kTimeout);
  EXPECT_THAT(message(), HasSubstr("the deadline passed while resolving the name"));
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

TEST_F(Clients, StopWhenCancelledAndCloseTheConnection) {
  CancelHandle handle;
  serve([&](Peer&, const std::string&, int) { handle.cancel(); });
  handle = ask({});
  run();
  EXPECT_EQ(code(), ErrorCode::kCancelled);
  EXPECT_EQ(client_->counts().busy, 0U);
}

TEST_F(Clients, CanBeCancelledWhileWaitingAndFromTheirOwnReader) {
  CancelHandle self;
  serve([&](Peer& peer, const std::string&, int) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  ClientRequest reading;
  reading.on_body = [&](std::string_view) {
    self.cancel();
    return true;
  };
  self = ask(std::move(reading));
  CancelHandle waiting = ask({});
  waiting.cancel();
  run();
  EXPECT_EQ(code(0), ErrorCode::kCancelled);
  EXPECT_EQ(code(1), ErrorCode::kCancelled);
}

TEST_F(Clients, EndTheirRequestsWhenTheyAreDestroyed) {
  serve([&](Peer&, const std::string&, int) { loop_.post([this] { client_.reset(); }); });
  ask({});
  run();
  EXPECT_EQ(code(), ErrorCode::kCancelled);
  EXPECT_EQ(message(), "the client was shut down");
}

TEST_F(Clients, RefuseWhatCannotBeWritten) {
  serve({});
  ask({.target = "no-slash"});
  ask({.target = "/a b"});
  ask({.headers = {{"bad name", "x"}}});
  ask({.headers = {{"X", "a\r\nInjected: 1"}}});
  ask({.headers = {{"content-length", "7"}}});
  EXPECT_EQ(answered_, 0U) << "never before start() has returned";
  run();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(code(i), ErrorCode::kInvalid) << message(i);
}

}  // namespace
}  // namespace sluice::http
