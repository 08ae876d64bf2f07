#include "backends/http_predict/http_predict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "http/client/test_server.h"
#include "telemetry/trace.h"

namespace sluice::http_predict {
namespace {

using namespace std::chrono_literals;
using http::TestServer;
using testing::HasSubstr;
using Peer = TestServer::Peer;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class TableResolver final : public http::Resolver {
 public:
  void resolve(const std::string& host, Executor&, Done done) override {
    if (host == "silent") return;
    if (host != "service_setosa") return done(fail(unavailable("cannot resolve " + host)));
    done(http::Addresses{*http::Address::parse("127.0.0.1", 0)});
  }
};

struct Collector final : Sink {
  void on_result(Result<Response> result) override {
    on_home = home == nullptr || home->is_current();
    promise.set_value(std::move(result));
  }
  Result<InferResponse> wait() {
    auto result = promise.get_future().get();
    if (!result) return fail(std::move(result.error()));
    return std::get<InferResponse>(std::move(*result));
  }
  std::promise<Result<Response>> promise;
  Executor* home = nullptr;
  bool on_home = false;
};

RequestPtr two_rows() {
  Tensor tensor = make_tensor("float_input", DataType::kFp32, {2, 4});
  std::ranges::copy(std::vector<float>{5.1F, 3.5F, 1.4F, 0.2F, 6, 2, 5, 1},
                    tensor.as<float>().begin());
  InferRequest request;
  request.inputs.push_back(std::move(tensor));
  return make_request(std::move(request));
}

// The service and its servers on the one io thread, the test on its own.
class Predictions : public testing::Test {
 protected:
  ~Predictions() override {
    callable_.reset();
    on_loop([&](EventLoop&) { servers_.clear(); });
  }
  template <class F>
  void on_loop(F f) {
    io_.on_each([&](std::size_t i, EventLoop& loop) {
      if (i == 0) f(loop);
    });
  }
  // Adds a server to the options.
  TestServer& serve(TestServer::OnRequest on_request) {
    on_loop([&](EventLoop& loop) {
      servers_.push_back(std::make_unique<TestServer>(loop, std::move(on_request)));
    });
    options_.urls.push_back(servers_.back()->url());
    return *servers_.back();
  }
  HttpPredict& callable() {
    if (!callable_) callable_ = HttpPredict::make("setosa", options_, io_, resolver_).value();
    return *callable_;
  }
  // Asks from the io thread, as a request that came in over HTTP does.
  Result<InferResponse> ask(Call call = {}, RequestPtr request = two_rows()) {
    return with([&](const Call& c, Sink& sink) { return callable().start(c, request, sink); },
                call);
  }
  template <class Start>
  Result<InferResponse> with(Start start, Call call = {}) {
    callable();
    Collector sink;
    call.home = sink.home = &io_.loop(0);
    io_.loop(0).post([&] { handle_ = start(call, sink); });
    auto result = sink.wait();
    EXPECT_TRUE(sink.on_home);
    return result;
  }

  IoThreads io_{1};
  TableResolver resolver_;
  HttpPredictOptions options_;
  std::vector<std::unique_ptr<TestServer>> servers_;
  std::shared_ptr<HttpPredict> callable_;
  CancelHandle handle_;
  // What servers look at that are probed, perhaps still when the test has ended.
  std::atomic<bool> well_ = false;
  std::atomic<int> calls_ = 0;
};

TEST_F(Predictions, AskTheServiceAndReadEveryRow) {
  std::string seen;
  serve([&](Peer& peer, const std::string& request, int) {
    seen = request;
    peer.answer(R"({"prediction": [0.98, 0.02], "predictions": [[0.98, 0.02], [0.5, 0.5]]})");
  });
  options_.urls[0] += "/base/";
  Call call{.request_id = "abc", .traceparent = kTraceparent, .tracestate = "v=1"};
  call.deadline = Deadline(io_.loop(0).now() + 9s);
  const auto response = ask(call);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->model, "setosa");
  const Tensor* output = response->output("output_probability");
  ASSERT_NE(output, nullptr);
  EXPECT_EQ(output->shape, (Shape{2, 2}));
  EXPECT_THAT(output->as<float>(), testing::ElementsAre(0.98F, 0.02F, 0.5F, 0.5F));

  EXPECT_TRUE(seen.starts_with("POST /base/predict HTTP/1.1\r\n")) << seen;
  EXPECT_TRUE(seen.ends_with("\r\n\r\n{\"data\":[[5.1,3.5,1.4,0.2],[6,2,5,1]]}"));
  EXPECT_THAT(seen, HasSubstr("x-request-id: abc\r\n"));
  EXPECT_THAT(seen, HasSubstr("tracestate: v=1\r\n"));
  EXPECT_THAT(seen, testing::ContainsRegex("X-Deadline-Ms: [0-9]+\r\n"));
  const auto at = seen.find("traceparent: ");
  ASSERT_NE(at, std::string::npos);
  const auto child = telemetry::parse_traceparent(std::string_view(seen).substr(at + 13, 55));
  const auto parent = telemetry::parse_traceparent(kTraceparent);
  ASSERT_TRUE(child);
  EXPECT_EQ(child->trace, parent->trace);
  EXPECT_NE(child->span, parent->span);
}

TEST_F(Predictions, DescribeWhatIsConfigured) {
  options_.urls = {"http://127.0.0.1:1"};
  options_.columns = 4;
  options_.classes = 2;
  const Description& description = callable().describe();
  EXPECT_EQ(description.platform, "http_predict");
  EXPECT_EQ(description.inputs[0].shape, (Shape{-1, 4}));
  EXPECT_EQ(description.outputs[0].name, "output_probability");
  EXPECT_EQ(callable().placement(*two_rows()).where, Placement::Where::kRemote);
  EXPECT_TRUE(callable().ready());
}

TEST_F(Predictions, RefuseARequestThatTheDescriptionDoesNotAllow) {
  serve({});
  options_.columns = 3;
  const auto result = ask();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(result.error().message, HasSubstr("takes shape [-1,3], got [2,4]"));
}

TEST_F(Predictions, ComeHomeToACallFromElsewhere) {
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  EventLoop home;
  Collector sink;
  sink.home = &home;
  CancelHandle handle;
  home.post([&] { handle = callable().start({.home = &home}, two_rows(), sink); });
  // The future is looked at after the loop has been stopped by a task behind the result.
  std::thread runner([&] { home.run(); });
  const auto result = sink.wait();
  home.stop();
  runner.join();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(sink.on_home);
}

TEST_F(Predictions, AreTriedOnAnotherReplicaWhenOneFails) {
  serve([](Peer& peer, const std::string&, int) { peer.close(); });
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  for (int i = 0; i < 40; ++i) {
    const auto result = ask();
    ASSERT_TRUE(result) << result.error().message;
  }
  EXPECT_LE(servers_[0]->requests(), 5) << "then it is left out";
  EXPECT_EQ(servers_[1]->requests(), 40);
}

TEST_F(Predictions, AreTriedOnAnotherReplicaWhenOneFailsAtThem) {
  serve([](Peer& peer, const std::string&, int) {
    peer.send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
  });
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  for (int i = 0; i < 40; ++i) {
    const auto result = ask();
    ASSERT_TRUE(result) << result.error().message;
  }
  EXPECT_LE(servers_[0]->requests(), 5) << "then it is left out";
}

TEST_F(Predictions, AreTriedOnAnotherReplicaWhenOneIsNotThere) {
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  options_.urls.push_back("http://127.0.0.1:" + std::to_string(http::closed_port()));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(ask());
  EXPECT_EQ(servers_[0]->requests(), 40);
}

TEST_F(Predictions, AreTriedOnlyOnceWhenThatIsAskedFor) {
  for (int i = 0; i < 2; ++i) serve([](Peer& peer, const std::string&, int) { peer.close(); });
  options_.retry.enabled = false;
  const auto result = ask();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(servers_[0]->requests() + servers_[1]->requests(), 1);
}

TEST_F(Predictions, AreNotTriedAgainWhenTheRequestIsToBlame) {
  const auto refuse = [](Peer& peer, const std::string&, int) {
    peer.send("HTTP/1.1 422 No\r\nContent-Length: 18\r\n\r\n{\"detail\":\"width\"}");
  };
  serve(refuse);
  serve(refuse);
  for (int i = 0; i < 20; ++i) {
    const auto result = ask();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(result.error().message, HasSubstr(": it answered 422: width"));
  }
  EXPECT_EQ(servers_[0]->requests() + servers_[1]->requests(), 20);
  EXPECT_GT(servers_[0]->requests(), 0) << "it is not left out either";
  EXPECT_GT(servers_[1]->requests(), 0);
}

TEST_F(Predictions, GoBackToAReplicaThatIsHealthyAgain) {
  serve([&](Peer& peer, const std::string& request, int) {
    if (!well_) return (void)peer.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    if (request.starts_with("POST")) ++calls_;
    peer.answer(R"({"prediction": [1, 0]})");
  });
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  options_.ejection = {.consecutive_failures = 2, .base_time = 10ms, .max_time = 20ms};
  options_.retry.budget_per_second = 1000;
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(ask());
  well_ = true;
  while (calls_ == 0) ASSERT_TRUE(ask());  // a stuck one is ended by the test's time limit
}

TEST_F(Predictions, AreReadyUntilEveryReplicaFailsAndAgainWhenOneAnswersWhoAsksForThat) {
  const auto serves = [&](Peer& peer, const std::string& request, int) {
    if (request.starts_with("POST")) ++calls_;
    if (!well_) return (void)peer.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    peer.answer(R"({"prediction": [1, 0]})");
  };
  serve(serves);
  serve(serves);
  options_.ejection = {.consecutive_failures = 2, .base_time = 10ms, .max_time = 20ms};
  EXPECT_TRUE(callable().ready()) << "nobody has asked them yet";
  ASSERT_FALSE(ask());
  EXPECT_TRUE(callable().ready());
  while (callable().ready()) ASSERT_FALSE(ask());
  EXPECT_EQ(callable().ready().error(), unavailable("every replica of 'setosa' fails"));
  well_ = true;
  const int before = calls_;
  while (!callable().ready()) std::this_thread::yield();
  EXPECT_EQ(calls_, before) << "no call was needed";
}

TEST_F(Predictions, AreReadyAgainByACallThatIsAnswered) {
  serve([&](Peer& peer, const std::string&, int) {
    if (!well_) return (void)peer.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    peer.answer(R"({"prediction": [1, 0]})");
  });
  options_.ejection = {.consecutive_failures = 1, .base_time = 1h, .max_time = 1h};
  ASSERT_FALSE(ask());
  EXPECT_FALSE(callable().ready());
  well_ = true;
  ASSERT_TRUE(ask());
  EXPECT_TRUE(callable().ready());
}

TEST_F(Predictions, AreNotReadyWhenTheNameDoesNotResolve) {
  options_.urls = {"http://nowhere"};
  EXPECT_TRUE(callable().ready()) << "nobody has looked it up yet";
  ASSERT_FALSE(ask());
  EXPECT_EQ(callable().ready().error(),
            unavailable("'setosa' has no replica: cannot resolve nowhere"));
}

TEST_F(Predictions, KeepToTheDeadline) {
  serve([](Peer&, const std::string&, int) {});
  Call call;
  call.deadline = Deadline(io_.loop(0).now() + 20ms);
  const auto result = ask(call);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(result.error().message,
              HasSubstr("the deadline passed while waiting for the answer"));
}

TEST_F(Predictions, KeepToTheConfiguredTimeoutAndToItWhileResolving) {
  options_.urls = {"http://silent"};
  options_.timeout = 20ms;
  const auto result = ask();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(result.error().message, HasSubstr("while the service's name was resolved"));
}

TEST_F(Predictions, SayThatANameDoesNotResolve) {
  options_.urls = {"http://nowhere"};
  const auto result = ask();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().message, "cannot resolve nowhere");
}

TEST_F(Predictions, FollowNames) {
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  options_.urls = {"http://service_setosa:" + std::to_string(servers_[0]->port())};
  EXPECT_TRUE(ask());
}

TEST_F(Predictions, StopWhenCancelled) {
  serve([&](Peer&, const std::string&, int) { handle_.cancel(); });
  const auto result = ask();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
}

TEST_F(Predictions, CanBeCancelledFromElsewhereAndWhileResolving) {
  options_.urls = {"http://silent"};
  EventLoop home;
  Collector sink;
  home.post([&] {
    CancelHandle handle = callable().start({.home = &home}, two_rows(), sink);
    handle.cancel();
  });
  std::thread runner([&] { home.run(); });
  const auto result = sink.wait();
  home.stop();
  runner.join();
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
}

TEST_F(Predictions, CanBeProbedAndAskedForTheirTestInput) {
  serve([](Peer& peer, const std::string& request, int) {
    if (request.starts_with("GET /health ")) peer.answer(R"({"health":"ok"})");
    if (request.starts_with("GET /predict/test ")) peer.answer(R"({"prediction": [0.9, 0.1]})");
  });
  const auto health =
      with([&](const Call& c, Sink& sink) { return callable().probe_health(c, sink); });
  ASSERT_TRUE(health) << health.error().message;
  EXPECT_TRUE(health->outputs.empty());
  const auto test =
      with([&](const Call& c, Sink& sink) { return callable().run_self_test(c, sink); });
  ASSERT_TRUE(test) << test.error().message;
  EXPECT_THAT(test->outputs[0].as<float>(), testing::ElementsAre(0.9F, 0.1F));
}

TEST_F(Predictions, LeaveOutAnOutputThatWasNotAskedFor) {
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  InferRequest request = std::get<InferRequest>(*two_rows());
  request.outputs = {"output_probability"};
  EXPECT_EQ(ask({}, make_request(request))->outputs.size(), 1U);
  request.outputs = {"nope"};
  EXPECT_EQ(ask({}, make_request(std::move(request))).error().code, ErrorCode::kInvalid);
}

TEST_F(Predictions, SayThatAnAnswerHasTheWrongWidth) {
  serve([](Peer& peer, const std::string&, int) { peer.answer(R"({"prediction": [1, 0]})"); });
  options_.classes = 3;
  const auto result = ask();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInternal);
  EXPECT_THAT(result.error().message, HasSubstr("its shape is [1,2], not [-1,3]"));
}

TEST_F(Predictions, CannotBeMadeFromUrlsOrFilesThatAreWrong) {
  options_.urls = {"nonsense"};
  const auto bad = HttpPredict::make("setosa", options_, io_, resolver_);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("'setosa': the URL 'nonsense' cannot be used"));
  options_.urls = {"https://host"};
  options_.tls.ca = "/nowhere.pem";
  EXPECT_THAT(HttpPredict::make("setosa", options_, io_, resolver_).error().message,
              HasSubstr("cannot load the TLS authority from /nowhere.pem"));
  options_.urls.clear();
  EXPECT_FALSE(HttpPredict::make("setosa", options_, io_, resolver_));
}

}  // namespace
}  // namespace sluice::http_predict
