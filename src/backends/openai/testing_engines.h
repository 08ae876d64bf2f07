// Engines that are test servers, and who asks them; no part of the product.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "backends/openai/openai.h"
#include "base/format.h"
#include "http/client/test_server.h"

namespace sluice::openai {

using namespace std::chrono_literals;
using http::TestServer;
using ::testing::HasSubstr;
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

inline RequestPtr hello(bool stream = true) {
  GenerateRequest request;
  request.messages.push_back({.role = "user", .content = "hi"});
  request.stream = stream;
  return make_request(std::move(request));
}

inline std::string chunk(std::string_view text, std::string_view finish = "null") {
  return formatted(
      "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":{}}}]}}\n\n", text,
      finish);
}

inline constexpr std::string_view kEventHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

inline std::string piece(std::string_view text) {
  return formatted("{:x}\r\n{}\r\n", text.size(), text);
}

inline void refuse(Peer& peer, int status, std::string_view body, std::string_view head = "") {
  peer.send(formatted("HTTP/1.1 {} No\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), head,
                      body));
}

inline void answer(Peer& peer, std::string_view text) {
  peer.answer(chunk(text) + chunk("", "\"stop\"") + "data: [DONE]\n\n",
              "Content-Type: text/event-stream\r\n");
}

// The callable and its engines on the one io thread, the test on its own.
class Engines : public ::testing::Test {
 protected:
  Engines() { options_.models_every = 0ms; }
  ~Engines() override {
    callable_.reset();
    on_loop([&](EventLoop&) {
      quiet_ = true;
      servers_.clear();
    });
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
  // Sends that again and again until the client hangs up.
  void repeat(Peer& peer, const std::string& bytes) {
    if (quiet_ || !peer.is_open()) return;
    peer.send(bytes);
    EventLoop& loop = io_.loop(0);
    loop.run_at(loop.now() + 2ms, [this, &peer, bytes] { repeat(peer, bytes); });
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

  bool quiet_ = false;  // of the loop
  IoThreads io_{1};
  NoResolver resolver_;
  OpenAiOptions options_;
  std::vector<std::unique_ptr<TestServer>> servers_;
  std::shared_ptr<generation_wire::WireModel> callable_;
  CancelHandle handle_;
  std::string text_;
};

}  // namespace sluice::openai
