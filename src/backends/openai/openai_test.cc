#include "backends/openai/testing_engines.h"

namespace sluice::openai {
namespace {

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
  EXPECT_THAT(seen, HasSubstr("x-request-id: abc\r\n"));
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

TEST_F(Engines, AreSilentAlsoWhileAProxyPings) {
  serve([&](Peer& peer, const std::string&, int) {
    peer.send(kEventHead).send(piece(chunk("a")));
    repeat(peer, piece(": ping\n\n"));
  });
  options_.token_timeout = 50ms;
  const auto response = ask({.deadline = Deadline(io_.loop(0).now() + 20s)});
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("it said nothing more for 50 ms"));
}

TEST_F(Engines, ThatDoNotEndTheirAnswerHaveAnsweredAllTheSame) {
  const bool ways[] = {false, true};
  for (const bool talks : ways) {
    serve([&](Peer& peer, const std::string&, int) {
      peer.send(kEventHead).send(piece(chunk("a") + "data: [DONE]\n\n"));
      if (talks) repeat(peer, piece(chunk("b")));
    });
    const TimePoint begun = io_.loop(0).now();
    const auto response = ask({.deadline = Deadline(begun + 20s)});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->choices[0].text, "a");
    callable_.reset();
    options_.urls.clear();
  }
}

TEST_F(Engines, ThatAcceptAndNeverAnswerAreLeftOutAlsoByCallersInAHurry) {
  serve([](Peer&, const std::string&, int) {});
  serve([](Peer& peer, const std::string&, int) { answer(peer, "ok"); });
  for (int i = 0; i < 30; ++i) {
    std::ignore = ask({.deadline = Deadline(io_.loop(0).now() + 30ms)});
  }
  const int before = servers_[0]->requests();
  EXPECT_LT(before, 10);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ask());
  EXPECT_EQ(servers_[0]->requests(), before);
}

TEST_F(Engines, ThatRefuseOneCallAreNotSentThoseWhoWaitUntilTheirTimeIsOver) {
  std::promise<void> came;
  Peer* first = nullptr;
  TimePoint refused;
  serve([&](Peer& peer, const std::string&, int n) {
    if (n == 0) {
      first = &peer;
      return came.set_value();
    }
    // One that is sent here too early is refused again, and then for good.
    if (io_.loop(0).now() < refused + 100ms) return refuse(peer, 429, "early");
    answer(peer, "ok");
  });
  options_.engine_slots = 1;
  Collector calls[4];
  begin(calls[0]);
  came.get_future().wait();
  for (int i = 1; i < 4; ++i) begin(calls[i]);
  on_loop([&](EventLoop& loop) {
    refused = loop.now();
    refuse(*first, 429, "", "retry-after-ms: 120\r\n");
  });
  EXPECT_EQ(calls[0].wait().error().code, ErrorCode::kExhausted);
  for (int i = 1; i < 4; ++i) {
    const auto result = calls[i].wait();
    EXPECT_TRUE(result) << result.error().message;
  }
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

}  // namespace
}  // namespace sluice::openai
