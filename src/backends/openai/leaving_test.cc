#include "backends/openai/testing_engines.h"

namespace sluice::openai {
namespace {

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
  const QueueStatus status = dynamic_cast<const Queued&>(callable()).queue_status();
  EXPECT_EQ(status.held, 1U);
  EXPECT_EQ(status.realtime_waiting, 1U);
  EXPECT_FALSE(status.accepting);
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
