#include "backends/ollama/ollama.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/format.h"
#include "config/config.h"
#include "http/client/test_server.h"

namespace sluice::ollama {
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
  void on_part(Part part) override { text += part.text; }
  void on_result(Result<Response> result) override { promise.set_value(std::move(result)); }
  std::promise<Result<Response>> promise;
  std::string text;
};

constexpr std::string_view kNdjson = "Content-Type: application/x-ndjson\r\n";
constexpr std::string_view kAnswer =
    "{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"content\":\"b\"},\"done\":true}\n";

class Ollamas : public testing::Test {
 protected:
  Ollamas() { options_.models_every = 0ms; }
  ~Ollamas() override {
    callable_.reset();
    io_.on_each([&](std::size_t, EventLoop&) { servers_.clear(); });
  }
  TestServer& serve(TestServer::OnRequest on_request) {
    io_.on_each([&](std::size_t, EventLoop& loop) {
      servers_.push_back(std::make_unique<TestServer>(loop, std::move(on_request)));
    });
    options_.urls.push_back(servers_.back()->url());
    return *servers_.back();
  }
  generation_wire::WireModel& callable() {
    if (!callable_) callable_ = make_model("m", options_, io_, resolver_).value();
    return *callable_;
  }
  Result<Response> ask(RequestPtr request) {
    callable();
    Collector sink;
    io_.loop(0).post(
        [&] { handle_ = callable().start({.home = &io_.loop(0)}, std::move(request), sink); });
    auto result = sink.promise.get_future().get();
    text_ = sink.text;
    return result;
  }
  static RequestPtr hello() {
    GenerateRequest request;
    request.messages.push_back({.role = "user", .content = "hi"});
    request.stream = true;
    return make_request(std::move(request));
  }

  IoThreads io_{1};
  NoResolver resolver_;
  OllamaOptions options_;
  std::vector<std::unique_ptr<TestServer>> servers_;
  std::shared_ptr<generation_wire::WireModel> callable_;
  CancelHandle handle_;
  std::string text_;
};

TEST_F(Ollamas, AnswerPartByPart) {
  std::string seen;
  serve([&](Peer& peer, const std::string& request, int) {
    seen = request;
    peer.answer(kAnswer, kNdjson);
  });
  const auto result = ask(hello());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(std::get<GenerateResponse>(*result).choices[0].text, "ab");
  EXPECT_EQ(text_, "ab");
  EXPECT_TRUE(seen.starts_with("POST /api/chat HTTP/1.1\r\n")) << seen;
}

TEST_F(Ollamas, MakeVectors) {
  serve([](Peer& peer, const std::string& request, int) {
    EXPECT_TRUE(request.starts_with("POST /api/embed "));
    peer.answer(R"({"embeddings":[[0,5]]})", "Content-Type: application/json\r\n");
  });
  options_.task = generation_wire::TaskKind::kEmbed;
  const auto result = ask(make_request(EmbedRequest{.inputs = {"a"}}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(std::get<EmbedResponse>(*result).vectors[0], testing::ElementsAre(0.0F, 1.0F));
  EXPECT_EQ(std::get<EmbedResponse>(*result).model, "m");
  EXPECT_EQ(callable().describe().takes, RequestKind::kEmbed);
}

TEST_F(Ollamas, ThatAreBusyAreReplaced) {
  serve([](Peer& peer, const std::string&, int) {
    const std::string body =
        R"({"error":"server busy, please try again.  maximum pending requests exceeded"})";
    peer.send(formatted("HTTP/1.1 503 No\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  });
  serve([](Peer& peer, const std::string&, int) { peer.answer(kAnswer, kNdjson); });
  EXPECT_TRUE(ask(hello()));
  EXPECT_EQ(servers_[0]->requests(), 1);
  EXPECT_TRUE(ask(hello()));
  EXPECT_EQ(servers_[0]->requests(), 1) << "it said that it is busy";
}

TEST_F(Ollamas, ThatHaveTheModelInMemoryComeFirst) {
  std::atomic<int> lists = 0;
  std::atomic<int> cold = 0;
  const auto engine = [&](std::string loaded, std::atomic<int>* calls) {
    return [&lists, loaded, calls](Peer& peer, const std::string& request, int) {
      if (request.starts_with("GET /api/tags ")) {
        peer.answer(R"({"models":[{"name":"m:latest"}]})");
      } else if (request.starts_with("GET /api/ps ")) {
        ++lists;
        peer.answer(loaded);
      } else {
        if (calls != nullptr) ++*calls;
        peer.answer(kAnswer, kNdjson);
      }
    };
  };
  serve(engine(R"({"models":[]})", &cold));
  serve(engine(R"({"models":[{"name":"m:latest"}]})", nullptr));
  options_.models_every = 10ms;
  callable().watch_engines();
  while (lists < 6) ASSERT_TRUE(ask(hello()));
  const int before = cold;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(ask(hello()));
  EXPECT_EQ(cold, before);
}

TEST(OllamaOptions, AreReadFromAFile) {
  config::Problems problems;
  const auto node = config::parse("urls: [\"http://a:11434\"]\nengine_model: smollm2:135m\n",
                                  "/etc/s.yaml", config::Surroundings::none(), problems);
  const auto options = config::read<OllamaOptions>(*node, problems);
  EXPECT_EQ(problems.to_string(), "");
  EXPECT_EQ(options.engine_model, "smollm2:135m");
}

}  // namespace
}  // namespace sluice::ollama
