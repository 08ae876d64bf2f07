#include "backends/openai/openai.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <format>
#include <functional>
#include <future>
#include <thread>

#include "http/client/test_server.h"

namespace sluice::openai {
namespace {

using namespace std::chrono_literals;
using http::TestServer;
using testing::HasSubstr;
using Peer = TestServer::Peer;

class NoResolver final : public http::Resolver {
 public:
  void resolve(const std::string& host, Executor&, Done done) override {
    done(fail(unavailable("cannot resolve " + host)));
  }
};

struct Collector final : Sink {
  void on_part(Part part) override {
    text += part.text;
    if (on_each) on_each();
  }
  void on_result(Result<Response> result) override {
    on_home = home->is_current();
    promise.set_value(std::move(result));
  }
  Result<GenerateResponse> wait() {
    auto result = promise.get_future().get();
    if (!result) return fail(std::move(result.error()));
    return std::get<GenerateResponse>(std::move(*result));
  }
  std::promise<Result<Response>> promise;
  std::function<void()> on_each;
  std::string text;
  Executor* home = nullptr;
  bool on_home = false;
};

RequestPtr hello(bool stream = true) {
  GenerateRequest request;
  request.messages.push_back({.role = "user", .content = "hi"});
  request.stream = stream;
  return make_request(std::move(request));
}

std::string chunk(std::string_view text, std::string_view finish = "null") {
  return std::format(
      "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":{}}}]}}\n\n", text,
      finish);
}

constexpr std::string_view kEventHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string piece(std::string_view text) {
  return std::format("{:x}\r\n{}\r\n", text.size(), text);
}

void refuse(Peer& peer, int status, std::string_view body, std::string_view head = "") {
  peer.send(std::format("HTTP/1.1 {} No\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                        head, body));
}

void answer(Peer& peer, std::string_view text) {
  peer.answer(chunk(text) + chunk("", "\"stop\"") + "data: [DONE]\n\n",
              "Content-Type: text/event-stream\r\n");
}

// The callable and its engines on the one io thread, the test on its own.
class Engines : public testing::Test {
 protected:
  Engines() { options_.models_every = 0ms; }
  ~Engines() override {
    callable_.reset();
    on_loop([&](EventLoop&) { servers_.clear(); });
  }
  template <class F>
  void on_loop(F f) {
    io_.on_each([&](std::size_t, EventLoop& loop) { f(loop); });
  }
  TestServer& serve(TestServer::OnRequest on_request) {
    on_loop([&](EventLoop& loop) {
      servers_.push_back(std::make_unique<TestServer>(loop, std::move(on_request)));
    });
    options_.urls.push_back(servers_.back()->url());
    return *servers_.back();
  }
  generation_wire::WireModel& callable() {
    if (!callable_) callable_ = make_model("m", options_, io_, resolver_).value();
    return *callable_;
  }
  void begin(Collector& sink, Call call = {}, RequestPtr request = hello()) {
    callable();
    if (call.home == nullptr) call.home = &io_.loop(0);
    sink.home = call.home;
    io_.loop(0).post([this, &sink, call, request = std::move(request)] {
      handle_ = callable().start(call, request, sink);
    });
  }
  Result<GenerateResponse> ask(Call call = {}, RequestPtr request = hello()) {
    Collector sink;
    begin(sink, call, std::move(request));
    auto result = sink.wait();
    EXPECT_TRUE(sink.on_home);
    text_ = sink.text;
    return result;
  }

  IoThreads io_{1};
  NoResolver resolver_;
  OpenAiOptions options_;
  std::vector<std::unique_ptr<TestServer>> servers_;
  std::shared_ptr<generation_wire::WireModel> callable_;
  CancelHandle handle_;
  std::string text_;
};

TEST_F(Engines, AreAskedAndAnswerPartByPart) {
  std::string seen;
  serve([&](Peer& peer, const std::string& request, int) {
    seen = request;
    peer.send(kEventHead).send(piece(chunk("a"))).send(piece(chunk("b") + chunk("", "\"stop\"")));
    peer.send(piece("data: [DONE]\n\n")).send("0\r\n\r\n");
  });
  options_.urls[0] += "/v1/";
  options_.api_key = config::Secret("sk-1");
  options_.engine_model = "org/m";
  CallTimes times;
  const auto response =
      ask({.deadline = Deadline(io_.loop(0).now() + 9s), .request_id = "abc", .times = &times});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->model, "m");
  EXPECT_EQ(response->choices[0].text, "ab");
  EXPECT_EQ(text_, "ab");
  EXPECT_NE(times.first, TimePoint{});
  EXPECT_TRUE(seen.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << seen;
  EXPECT_THAT(seen, HasSubstr("Authorization: Bearer sk-1\r\n"));
  EXPECT_THAT(seen, HasSubstr("X-Request-Id: abc\r\n"));
  EXPECT_THAT(seen, HasSubstr("X-Sluice-Class: realtime\r\n"));
  EXPECT_THAT(seen, testing::ContainsRegex("X-Deadline-Ms: [0-9]+\r\n"));
  EXPECT_THAT(seen, HasSubstr(R"({"model":"org/m",)"));
}

TEST_F(Engines, GiveNoPartsToWhoWantsTheWhole) {
  serve([](Peer& peer, const std::string&, int) { answer(peer, "all"); });
  const auto response = ask({}, hello(false));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->choices[0].text, "all");
  EXPECT_EQ(text_, "");
}

TEST_F(Engines, MayAnswerInOneText) {
  serve([](Peer& peer, const std::string&, int) {
    peer.answer(R"({"choices":[{"message":{"content":"x"},"finish_reason":"length"}]})",
                "Content-Type: application/json\r\n");
  });
  const auto response = ask();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->choices[0].finish, FinishReason::kLength);
}

TEST_F(Engines, ThatFailBeforeTheFirstTokenAreReplaced) {
  const TestServer::OnRequest ways[] = {
      [](Peer& peer, const std::string&, int) { peer.close(); },
      [](Peer& peer, const std::string&, int) { refuse(peer, 500, "oops"); },
      [](Peer& peer, const std::string&, int) { refuse(peer, 503, "", "Retry-After: 5\r\n"); },
      [](Peer& peer, const std::string&, int) { refuse(peer, 429, ""); },
      [](Peer& peer, const std::string&, int) { refuse(peer, 404, "{\"error\":\"no model\"}"); },
      [](Peer& peer, const std::string&, int) { peer.answer("<html>", ""); },
      [](Peer& peer, const std::string&, int) {
        peer.send(kEventHead).send(piece(": wait\n\n"));
        peer.close();
      },
      [](Peer& peer, const std::string&, int) {
        peer.answer("data: {\"error\":{\"message\":\"busy\",\"code\":null}}\n\n");
      },
  };
  for (const auto& way : ways) {
    serve(way);
    serve([](Peer& peer, const std::string&, int) { answer(peer, "ok"); });
    for (int i = 0; i < 2; ++i) {
      const auto response = ask();
      ASSERT_TRUE(response) << response.error().message;
    }
    EXPECT_GE(servers_[0]->requests(), 1);
    EXPECT_EQ(servers_[1]->requests(), 2);
    callable_.reset();
    on_loop([&](EventLoop&) { servers_.clear(); });
    options_.urls.clear();
  }
}

TEST_F(Engines, ThatAreNotThereAreReplacedAndAllAreTriedOnce) {
  options_.urls.push_back("http://127.0.0.1:" + std::to_string(http::closed_port()));
  serve([](Peer& peer, const std::string&, int) { answer(peer, "ok"); });
  EXPECT_TRUE(ask());
  callable_.reset();
  options_.urls.resize(1);
  const auto gone = ask();
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(gone.error().message, testing::StartsWith(options_.urls[0]));
}

TEST_F(Engines, ThatFailAfterTheFirstTokenAreNamedToTheCaller) {
  for (int i = 0; i < 2; ++i) {
    serve([](Peer& peer, const std::string&, int) {
      peer.send(kEventHead).send(piece(chunk("a")));
      peer.close();
    });
  }
  const auto response = ask();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message, testing::StartsWith("http://127.0.0.1:"));
  EXPECT_EQ(text_, "a");
  EXPECT_EQ(servers_[0]->requests() + servers_[1]->requests(), 1);
}

TEST_F(Engines, ThatAreSilentAreLeftForAnother) {
  serve([](Peer& peer, const std::string&, int) { peer.send(kEventHead); });
  serve([](Peer& peer, const std::string&, int) { answer(peer, "ok"); });
  options_.first_token_timeout = 20ms;
  EXPECT_TRUE(ask());
  EXPECT_EQ(servers_[0]->requests(), 1);
  EXPECT_EQ(servers_[0]->open(), 0) << "the connection is closed, so that it stops";
}

TEST_F(Engines, ThatStallInTheMiddleAreGivenUp) {
  serve([](Peer& peer, const std::string&, int) { peer.send(kEventHead).send(piece(chunk("a"))); });
  options_.token_timeout = 20ms;
  const auto response = ask();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("it said nothing more for 20 ms"));
}

TEST_F(Engines, ThatDoNotEndTheirAnswerHaveAnsweredAllTheSame) {
  serve([](Peer& peer, const std::string&, int) {
    peer.send(kEventHead).send(piece(chunk("a") + "data: [DONE]\n\n"));
  });
  options_.token_timeout = 20ms;
  const auto response = ask();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->choices[0].text, "a");
}

TEST_F(Engines, AreNotBlamedForARequestThatIsWrong) {
  for (int i = 0; i < 2; ++i) {
    serve([](Peer& peer, const std::string&, int) {
      refuse(peer, 400, R"({"error":{"message":"9000 tokens, at most 8192","code":400}})");
    });
  }
  const auto response = ask();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(response.error().message, HasSubstr("400: 9000 tokens, at most 8192"));
  EXPECT_EQ(servers_[0]->requests() + servers_[1]->requests(), 1);
}

TEST_F(Engines, SayWhenToComeBackWhenAllRefuse) {
  for (int i = 0; i < 2; ++i) {
    serve([](Peer& peer, const std::string&, int) { refuse(peer, 429, "", "Retry-After: 3\r\n"); });
  }
  const auto response = ask();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kExhausted);
  EXPECT_EQ(response.error().retry_after, 3s);
  EXPECT_EQ(servers_[0]->requests() + servers_[1]->requests(), 2);
}

TEST_F(Engines, AreLeftAtOnceByACallThatIsCancelled) {
  std::promise<void> closed;
  TestServer& server = serve([&](Peer& peer, const std::string&, int) {
    peer.send(kEventHead).send(piece(chunk("a") + chunk("b")));
  });
  server.on_closed = [&] { closed.set_value(); };
  Collector sink;
  sink.on_each = [&] { handle_.cancel(); };
  begin(sink);
  EXPECT_EQ(sink.wait().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(sink.text, "a") << "no part comes after a cancellation";
  closed.get_future().wait();
}

TEST_F(Engines, AreLeftAtOnceByACallFromElsewhereThatIsCancelled) {
  serve([](Peer& peer, const std::string&, int) { peer.send(kEventHead).send(piece(chunk("a"))); });
  callable();
  EventLoop home;
  Collector sink;
  sink.home = &home;
  CancelHandle handle;
  sink.on_each = [&] { handle.cancel(); };
  home.post([&] { handle = callable().start({.home = &home}, hello(), sink); });
  std::thread runner([&] { home.run(); });
  const auto result = sink.wait();
  home.stop();
  runner.join();
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(sink.text, "a");
  EXPECT_TRUE(sink.on_home);
}

TEST_F(Engines, AreLeftAtTheDeadline) {
  serve([](Peer& peer, const std::string&, int) { peer.send(kEventHead).send(piece(chunk("a"))); });
  const auto response = ask({.deadline = Deadline(io_.loop(0).now() + 20ms)});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
}

TEST_F(Engines, TakeAsManyCallsAsTheyHaveSlotsAndTheOthersWait) {
  std::vector<Peer*> peers;
  std::promise<void> first;
  serve([&](Peer& peer, const std::string&, int n) {
    peers.push_back(&peer);
    if (n == 0) first.set_value();
    if (n > 0) answer(peer, "later");
  });
  options_.engine_slots = 1;
  options_.max_waiting = 1;
  Collector one;
  Collector two;
  begin(one);
  first.get_future().wait();
  begin(two);
  const auto third = ask();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(third.error().retry_after);
  EXPECT_EQ(servers_[0]->requests(), 1);
  on_loop([&](EventLoop&) { answer(*peers[0], "now"); });
  EXPECT_EQ(one.wait()->choices[0].text, "now");
  EXPECT_EQ(two.wait()->choices[0].text, "later");
}

TEST_F(Engines, AreWaitedForUntilTheDeadlineOrACancellation) {
  serve([](Peer&, const std::string&, int) {});
  options_.engine_slots = 1;
  Collector one;
  begin(one);
  CancelHandle first;
  on_loop([&](EventLoop&) { first = std::move(handle_); });
  EXPECT_THAT(ask({.deadline = Deadline(io_.loop(0).now() + 20ms)}).error().message,
              HasSubstr("while waiting for a slot"));
  Collector two;
  begin(two);
  on_loop([&](EventLoop&) { handle_.cancel(); });
  EXPECT_EQ(two.wait().error().code, ErrorCode::kCancelled);
  on_loop([&](EventLoop&) { first.cancel(); });
  EXPECT_EQ(one.wait().error().code, ErrorCode::kCancelled);
}

TEST_F(Engines, ThatDoNotHaveTheModelAreNotAsked) {
  std::atomic<int> lists = 0;
  std::atomic<int> wrong = 0;
  serve([&](Peer& peer, const std::string& request, int) {
    if (!request.starts_with("GET /v1/models ")) {
      ++wrong;
      return answer(peer, "ok");
    }
    ++lists;
    peer.answer(R"({"data":[{"id":"other"}]})");
  });
  serve([&](Peer& peer, const std::string& request, int) {
    if (!request.starts_with("GET /v1/models ")) return answer(peer, "ok");
    ++lists;
    peer.answer(R"({"data":[{"id":"m"}]})");
  });
  options_.models_every = 10ms;
  callable().watch_engines();
  while (lists < 6) ASSERT_TRUE(ask());  // until the lists are known, any of them may be asked
  const int before = wrong;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(ask());
  EXPECT_EQ(wrong, before);
}

TEST_F(Engines, AreNotReadyWhileNoneCanBeReached) {
  options_.urls.push_back("http://127.0.0.1:" + std::to_string(http::closed_port()));
  options_.models_every = 10ms;
  EXPECT_TRUE(callable().ready());
  callable().watch_engines();
  while (callable().ready()) std::this_thread::yield();
  EXPECT_EQ(callable().ready().error().message, "no engine of 'm' can be reached");
}

TEST_F(Engines, RefuseARequestOfAnotherKind) {
  serve({});
  EmbedRequest request{.inputs = {"a"}};
  EXPECT_EQ(ask({}, make_request(std::move(request))).error().code, ErrorCode::kInvalid);
}

TEST_F(Engines, CannotBeMadeFromUrlsThatAreWrong) {
  options_.urls = {"nonsense"};
  EXPECT_THAT(make_model("m", options_, io_, resolver_).error().message,
              HasSubstr("'m': the URL 'nonsense' cannot be used"));
  options_.urls.clear();
  EXPECT_FALSE(make_model("m", options_, io_, resolver_));
}

}  // namespace
}  // namespace sluice::openai
