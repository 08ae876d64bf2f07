#include "api/generation/generation.h"

#include <gtest/gtest.h>

#include <utility>

#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"
#include "telemetry/exposition.h"

namespace sluice::api::generation {
namespace {

using namespace std::chrono_literals;
using gateway::testing::MountBench;
using sluice::testing::FakeCallable;

// Writes what it is told as words in brackets.
class TestForm final : public Form {
 public:
  explicit TestForm(bool beats) : beats_(beats) {}
  void refuse(http::Exchange& exchange, const Error& error) override {
    exchange.error = error;
    exchange.respond(418, "text/plain", error.message);
  }
  void whole(std::string& out, const GenerateResponse& response,
             const telemetry::GenerationTimings&) override {
    out += "[whole " + response.choices.at(0).text + "]";
  }
  [[nodiscard]] std::string_view stream_type() const override { return "test/stream"; }
  [[nodiscard]] std::string_view heartbeat() const override { return beats_ ? "[beat]" : ""; }
  void begin(std::string& out) override { out += "[begin]"; }
  void part(std::string& out, const TextPart& part) override {
    if (!part.reasoning) out += "[" + part.text + "]";
  }
  void end(std::string& out, const GenerateResponse&,
           const telemetry::GenerationTimings&) override {
    out += "[end]";
  }
  void broken(std::string& out, const Error& error) override {
    out += "[broken " + error.message + "]";
  }

 private:
  bool beats_;
};

class GenerationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake_->description.takes = RequestKind::kGenerate;
    bench_.router
        .add({http::Method::kPost, "/ask",
              [this](http::Exchange& exchange) {
                GenerateRequest request;
                request.prompt = "hello";
                request.stream = stream_;
                request.max_tokens = most_;
                start_generation(exchange, mount_, callable_, std::move(request), {},
                                 std::make_unique<TestForm>(beats_), rules_);
              }})
        .value();
  }
  http::TestExchange& ask(bool stream) {
    stream_ = stream;
    return bench_.post("/ask");
  }
  FakeCallable::Pending& call() { return *fake_->pending.at(0); }
  static GenerateResponse answer() {
    GenerateResponse response;
    response.choices.push_back({.text = "all", .tool_calls = {}, .logprobs = {}});
    return response;
  }
  void run_posted() {
    bench_.loop.post([this] { bench_.loop.stop(); });
    bench_.loop.run();
  }

  MountBench bench_;
  gateway::Mount mount_ = bench_.mount("", "");
  std::shared_ptr<FakeCallable> fake_ = std::make_shared<FakeCallable>("m");
  CallablePtr callable_ = fake_;
  StreamRules rules_;
  bool stream_ = false;
  std::optional<std::uint32_t> most_;
  bool beats_ = true;
};

TEST_F(GenerationTest, AnswersAsAWholeWithItsTimings) {
  auto& x = ask(false);
  EXPECT_EQ(x.status, 0);
  call().reply(answer());
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, "[whole all]");
  EXPECT_TRUE(x.server_timing.starts_with("queue;dur="));
}

TEST_F(GenerationTest, TellsTheLogOnceForHowLongACallWaited) {
  struct Case {
    bool started;  // else it is refused while it waits
    bool fails;
    std::size_t lines;
  };
  std::size_t before = 0;
  for (const Case& c : {Case{true, false, 1}, Case{true, true, 1}, Case{false, true, 0}}) {
    ask(true);
    CallTimes& times = *call().call.times;
    times.queued = bench_.clock.now();
    if (c.started) {
      times.started = times.queued + 1500ms;
      call().sink->on_part({0, "a", {}});
      call().sink->on_part({0, "b", {}});
    }
    call().reply(c.fails ? Result<Response>(fail(internal("x"))) : Result<Response>(answer()));
    fake_->pending.clear();
    const std::string all = bench_.logged();
    const std::string text = all.substr(std::exchange(before, all.size()));
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = text.find("Acquired semaphore (HIGH PRIORITY), "
                                             "queue_wait_time_seconds=1.500",
                                             at)) != std::string::npos;
         ++at) {
      ++lines;
    }
    EXPECT_EQ(lines, c.lines) << text;
  }
}

TEST_F(GenerationTest, StreamsPartsAsTheyCome) {
  auto& x = ask(true);
  EXPECT_EQ(x.status, 0);  // the head waits for the first part
  call().sink->on_part({0, "a", {}});
  EXPECT_EQ(x.answer, "[begin][a]");
  EXPECT_EQ(x.content_type, "test/stream");
  EXPECT_EQ(x.headers.find("X-Accel-Buffering"), "no");
  call().sink->on_part({0, "b", {}});
  call().reply(answer());
  EXPECT_EQ(x.answer, "[begin][a][b][end]");
  EXPECT_TRUE(x.ended);
}

TEST_F(GenerationTest, RefusesAStreamByItsStatusBeforeTheFirstPart) {
  auto& x = ask(true);
  call().reply(fail(unavailable("later")));
  EXPECT_EQ(x.status, 418);
  EXPECT_EQ(x.answer, "later");
  EXPECT_FALSE(x.streaming);
}

TEST_F(GenerationTest, TellsOfAFailureInAStreamAndEndsIt) {
  auto& x = ask(true);
  call().sink->on_part({0, "a", {}});
  call().reply(fail(internal("oops")));
  EXPECT_EQ(x.answer, "[begin][a][broken oops]");
  EXPECT_TRUE(x.ended);
  EXPECT_EQ(x.error->code, ErrorCode::kInternal);
}

TEST_F(GenerationTest, CountsTheFirstTokensThatThereWereAndNoOthers) {
  const auto counted = [&] {
    const std::string text = telemetry::prometheus_text(bench_.metrics.collect());
    constexpr std::string_view kCount =
        "sluice_time_to_first_token_seconds_count{class=\"realtime\"} ";
    const std::size_t at = text.find(kCount);
    return at == std::string::npos ? "none" : text.substr(at + kCount.size(), 1);
  };
  ask(true);
  call().sink->on_part({0, "a", {}});
  call().reply(fail(internal("oops")));  // after it
  fake_->pending.clear();
  EXPECT_EQ(counted(), "1");
  ask(true);
  call().reply(fail(unavailable("later")));  // before it
  fake_->pending.clear();
  EXPECT_EQ(counted(), "1");
  most_ = 0;  // the model is only to be loaded
  ask(false);
  call().reply(answer());
  EXPECT_EQ(counted(), "1");
}

TEST_F(GenerationTest, SaysThatItIsAliveWhileNothingComes) {
  rules_.heartbeat = 1ms;
  auto& x = ask(true);
  bench_.loop.run_at(bench_.loop.now() + 20ms, [&] { bench_.loop.stop(); });
  bench_.loop.run();
  EXPECT_EQ(x.status, 200);
  EXPECT_TRUE(x.answer.starts_with("[beat][beat]")) << x.answer;
  const std::size_t before = x.answer.size();
  call().sink->on_part({0, "a", {}});
  EXPECT_EQ(x.answer.substr(before), "[begin][a]");
}

TEST_F(GenerationTest, SaysThatItIsAliveWhileNothingComesThatItsFormTells) {
  rules_.heartbeat = 1ms;
  auto& x = ask(true);
  const TimePoint end = bench_.loop.now() + 20ms;
  const std::function<void()> think = [&] {
    call().sink->on_part({.text = "hm", .reasoning = true});
    if (bench_.loop.now() >= end) return bench_.loop.stop();
    bench_.loop.run_at(bench_.loop.now() + 100us, think);
  };
  think();
  bench_.loop.run();
  EXPECT_TRUE(x.answer.starts_with("[begin][beat][beat]")) << x.answer;
}

TEST_F(GenerationTest, WaitsSilentlyWhereTheFormHasNoHeartbeat) {
  rules_.heartbeat = 1ms;
  beats_ = false;
  auto& x = ask(true);
  bench_.loop.run_at(bench_.loop.now() + 5ms, [&] { bench_.loop.stop(); });
  bench_.loop.run();
  EXPECT_EQ(x.status, 0);
}

TEST_F(GenerationTest, CancelsTheCallOfAClientThatLeaves) {
  for (const bool begun : {false, true}) {
    auto& x = ask(true);
    if (begun) call().sink->on_part({0, "a", {}});
    x.disconnect();
    EXPECT_TRUE(call().cancelled);
    EXPECT_TRUE(begun ? x.ended : x.status == 418);
    fake_->pending.clear();
  }
}

TEST_F(GenerationTest, KeepsWhatASlowClientDoesNotTakeYet) {
  auto& x = ask(true);
  x.takes_more = false;
  call().sink->on_part({0, "a", {}});
  call().sink->on_part({0, "b", {}});
  call().sink->on_part({0, "c", {}});
  EXPECT_EQ(x.answer, "[begin][a]");
  x.become_writable();
  EXPECT_EQ(x.answer, "[begin][a][b][c]");
  call().sink->on_part({0, "d", {}});
  call().reply(answer());
  EXPECT_EQ(x.answer, "[begin][a][b][c][d][end]");
}

TEST_F(GenerationTest, GivesUpAClientThatDoesNotReadBeyondTheBound) {
  rules_.max_unsent = 8;
  auto& x = ask(true);
  x.takes_more = false;
  call().sink->on_part({0, "a", {}});
  call().sink->on_part({0, "123456", {}});  // eight bytes with its brackets
  EXPECT_FALSE(call().cancelled);
  call().sink->on_part({0, "b", {}});
  EXPECT_FALSE(call().cancelled);  // not from within the part
  run_posted();
  EXPECT_TRUE(call().cancelled);
  EXPECT_TRUE(x.ended);
  EXPECT_EQ(x.answer, "[begin][a][broken the client does not read what it asked for]");
  EXPECT_EQ(x.error->code, ErrorCode::kCancelled);
}

TEST_F(GenerationTest, RefusesACallableThatTakesSomethingElse) {
  fake_->description.takes = RequestKind::kEmbed;
  auto& x = ask(true);
  EXPECT_EQ(x.status, 418);
  EXPECT_EQ(x.error->code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sluice::api::generation
