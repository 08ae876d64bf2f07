// Requests and answers of the client.
#include "http/client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "http/client/client_fixture.h"
#include "http/test_certificates.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Peer = TestServer::Peer;

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

TEST_F(Clients, AskForABodyPartByPartAsItIsSent) {
  constexpr std::size_t kSize = 8'000'000;
  constexpr std::size_t kPart = 100'000;
  std::string seen;
  serve([&](Peer& peer, const std::string& request, int) {
    seen = request;
    peer.answer("");
  });
  std::string part;
  std::size_t longest = 0;
  const auto at = [&](std::uint64_t offset) -> std::string_view {
    part.clear();
    // More than there is at the end: the rest is not sent.
    for (std::size_t i = 0; i < kPart; ++i) part += static_cast<char>('a' + (offset + i) % 26);
    longest = std::max<std::size_t>(longest, offset);
    return part;
  };
  ask({.method = Method::kPost, .body_source = std::make_shared<BodySource>(kSize, at)});
  run();
  ASSERT_TRUE(results_[0]) << message();
  EXPECT_GT(longest, kSize - kPart - 1);
  const std::size_t begin = seen.find("\r\n\r\n") + 4;
  ASSERT_EQ(seen.size() - begin, kSize);
  for (std::size_t i = 0; i < kSize; ++i) {
    ASSERT_EQ(seen[begin + i], static_cast<char>('a' + i % 26)) << i;
  }
}

TEST_F(Clients, GiveUpWhenTheirBodyCannotBeHad) {
  serve([&](Peer& peer, const std::string&, int) { peer.answer(""); });
  const auto at = [](std::uint64_t offset) { return std::string_view(offset == 0 ? "abc" : ""); };
  ask({.method = Method::kPost, .body_source = std::make_shared<BodySource>(10, at)});
  run();
  EXPECT_EQ(code(), ErrorCode::kUnavailable);
  EXPECT_THAT(message(), HasSubstr("while sending the request"));
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

TEST_F(Clients, SendNothingWhenTheDeadlineHasPassedAlready) {
  serve([](Peer& peer, const std::string&, int) { peer.answer(""); });
  ask({.deadline = Deadline(loop_.now() - 1ns)});
  run();
  EXPECT_EQ(code(), ErrorCode::kTimeout);
  EXPECT_EQ(server_->accepted(), 0);
}

TEST_F(Clients, KeepToTheDeadlineWhileTheNameIsBeingResolved) {
  serve({});
  resolver_.silent = true;
  ask({.deadline = soon()}, Origin::of(*parse_url("http://name")));
  run();
  EXPECT_EQ(code(), ErrorCode::kTimeout);
  EXPECT_THAT(message(), HasSubstr("the deadline passed while resolving the name"));
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
