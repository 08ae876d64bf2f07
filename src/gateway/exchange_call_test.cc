#include "gateway/exchange_call.h"

#include <gtest/gtest.h>

#include "gateway/testing_ensemble.h"
#include "http/testing_exchange.h"

namespace sluice::gateway {
namespace {

using namespace gateway::testing;
using http::TestExchange;

using Headers = std::vector<std::pair<std::string, std::string>>;

class ExchangeCallTest : public ::testing::Test {
 protected:
  TestExchange& exchange(Headers headers = {}) {
    exchange_ =
        std::make_unique<TestExchange>(loop_, TestExchange::Request{.headers = std::move(headers)});
    return *exchange_;
  }
  // Answers "ok" or the error's code.
  void start(TestExchange& x, const CallOptions& options = {}) {
    start_call(
        x, clock_, callable_, std::get<InferRequest>(*input_x()),
        [](http::Exchange& e, const Callable&, Result<InferResponse> result) {
          e.respond(result ? 200 : 500, "text/plain",
                    result ? "ok" : to_string(result.error().code));
        },
        options);
  }
  const Call& seen() { return fake_->pending.at(0)->call; }

  EventLoop loop_;
  ManualClock clock_;
  std::shared_ptr<FakeCallable> fake_ = std::make_shared<FakeCallable>("m", kRemote);
  CallablePtr callable_ = fake_;
  std::unique_ptr<TestExchange> exchange_;
};

TEST(RequestedTimeout, TakesAWholeNumberOfMillisecondsUpToADay) {
  struct Case {
    std::string text;
    std::optional<std::chrono::milliseconds> expected;
  };
  for (const Case& c : std::vector<Case>{{"1", 1 * kMs},
                                         {"1500", 1500 * kMs},
                                         {"86400000", std::chrono::hours(24)},
                                         {"0", {}},
                                         {"86400001", {}},
                                         {"", {}},
                                         {"-1", {}},
                                         {"+1", {}},
                                         {"1.5", {}},
                                         {"1 ", {}},
                                         {"1s", {}},
                                         {"99999999999999999999999", {}}}) {
    http::RequestHead head;
    head.headers.push_back({"x-deadline-ms", c.text});
    const auto timeout = requested_timeout(head);
    EXPECT_EQ(timeout.has_value(), c.expected.has_value()) << c.text;
    if (timeout) {
      EXPECT_EQ(**timeout, *c.expected);
    } else {
      EXPECT_EQ(timeout.error(),
                invalid("X-Deadline-Ms must be a whole number of milliseconds from 1 to 86400000"));
    }
  }
}

TEST(RequestedTimeout, IsNothingWithoutTheHeader) {
  EXPECT_EQ(requested_timeout({}).value(), std::nullopt);
}

TEST_F(ExchangeCallTest, TakesTheShorterOfTheDeadlinesCountedFromTheArrival) {
  struct Case {
    Headers headers;
    std::optional<Duration> timeout;
    std::optional<Duration> expected;
  };
  const Headers header{{"X-Deadline-Ms", "200"}};
  for (const Case& c : std::vector<Case>{{{}, {}, {}},
                                         {header, {}, 200 * kMs},
                                         {{}, 300 * kMs, 300 * kMs},
                                         {header, 300 * kMs, 200 * kMs},
                                         {header, 100 * kMs, 100 * kMs}}) {
    start(exchange(c.headers), {.timeout = c.timeout});
    const Deadline expected =
        c.expected ? Deadline(exchange_->timings.start() + *c.expected) : Deadline();
    EXPECT_EQ(seen().deadline, expected);
    fake_->reply(good());
  }
}

TEST_F(ExchangeCallTest, RefusesAWrongDeadlineWithoutACall) {
  start(exchange({{"X-Deadline-Ms", "soon"}}));
  EXPECT_EQ(exchange_->answer, "invalid");
  EXPECT_EQ(fake_->starts, 0);
}

TEST_F(ExchangeCallTest, HandsOnWhoAsksAndTheTrace) {
  start(exchange({{"x-request-id", "r-1"}, {"traceparent", "00-ab"}, {"tracestate", "v=1"}}),
        {.service_class = ServiceClass::kBestEffort});
  EXPECT_EQ(seen().request_id, "r-1");
  EXPECT_EQ(seen().traceparent, "00-ab");
  EXPECT_EQ(seen().tracestate, "v=1");
  EXPECT_EQ(seen().service_class, ServiceClass::kBestEffort);
  EXPECT_EQ(seen().home, &loop_);
  fake_->reply(good());
  EXPECT_EQ(exchange_->answer, "ok");
}

TEST_F(ExchangeCallTest, HandsOnEveryLineOfTheTraceStateAsOneList) {
  start(exchange({{"traceparent", "00-ab"},
                  {"tracestate", "v=1"},
                  {"accept", "*/*"},
                  {"Tracestate", "w=2,x=3"}}));
  EXPECT_EQ(seen().tracestate, "v=1,w=2,x=3");
  fake_->reply(good());
}

TEST_F(ExchangeCallTest, CallsForThePrincipalWhereThereIsOneElseForTheAddress) {
  exchange_ = std::make_unique<TestExchange>(loop_, TestExchange::Request{.peer = "192.0.2.1"});
  start(*exchange_);
  EXPECT_EQ(seen().tenant, "192.0.2.1");
  fake_->reply(good());
  TestExchange& x = exchange();
  x.principal = std::make_shared<const Principal>(Principal{
      .tenant = "team", .scopes = {.callables = {"m"}}, .ceiling = ServiceClass::kBestEffort});
  start(x);
  EXPECT_EQ(seen().tenant, "team");
  EXPECT_EQ(seen().service_class, ServiceClass::kBestEffort) << "its ceiling";
  fake_->reply(good());
  EXPECT_EQ(exchange_->answer, "ok");
}

TEST_F(ExchangeCallTest, RefusesACallableThatThePrincipalMayNotCall) {
  TestExchange& x = exchange();
  x.principal = std::make_shared<const Principal>(Principal{.scopes = {.callables = {"other"}}});
  start(x);
  EXPECT_EQ(exchange_->answer, "forbidden");
  EXPECT_EQ(fake_->starts, 0);
}

TEST_F(ExchangeCallTest, PrefersTheNamesThatTheServerMadeOverThoseThatTheClientSent) {
  TestExchange& x = exchange({{"X-Request-Id", "sent"}, {"traceparent", "sent"}});
  x.request_id = "made-id";
  x.traceparent = "made-trace";
  start(x);
  EXPECT_EQ(seen().request_id, "made-id");
  EXPECT_EQ(seen().traceparent, "made-trace");
  fake_->reply(good());
}

TEST_F(ExchangeCallTest, TakesAShareOfTheCallableOnlyWhenTheCallGoesOn) {
  fake_->placed = kInline;
  start(exchange());
  EXPECT_EQ(exchange_->answer, "ok");
  EXPECT_EQ(fake_.use_count(), 2);
  fake_->placed = kRemote;
  start(exchange());
  callable_ = nullptr;
  EXPECT_EQ(fake_.use_count(), 2) << "the call's, and the test's";
  fake_->reply(good());
}

TEST_F(ExchangeCallTest, CancelsTheCallWhenTheClientGoesAwayAndStillAnswers) {
  start(exchange());
  exchange_->disconnect();
  EXPECT_TRUE(fake_->pending.at(0)->cancelled);
  EXPECT_EQ(exchange_->answer, "cancelled");
  EXPECT_EQ(exchange_->error->code, ErrorCode::kCancelled);
}

TEST_F(ExchangeCallTest, WaitsForACallableThatStopsLate) {
  fake_->reports_within_cancel = false;
  start(exchange());
  exchange_->disconnect();
  EXPECT_EQ(exchange_->status, 0);
  fake_->reply(fail(cancelled("stopped")));
  EXPECT_EQ(exchange_->answer, "cancelled");
}

TEST_F(ExchangeCallTest, CancelsNothingThatIsDone) {
  start(exchange());
  fake_->reply(good());
  const auto pending = fake_->pending;
  exchange_->disconnect();
  EXPECT_EQ(exchange_->answer, "ok");
  EXPECT_EQ(exchange_->error, std::nullopt);
}

TEST_F(ExchangeCallTest, GivesEachStageTheTimeThatItTook) {
  TestExchange& x = exchange();
  x.timings = telemetry::RequestTimings(clock_.now());
  clock_.advance(1 * kMs);
  start(x);
  CallTimes& times = *seen().times;
  times.queued = clock_.now();
  clock_.advance(2 * kMs);
  times.started = clock_.now();
  clock_.advance(4 * kMs);
  times.ran = clock_.now();
  clock_.advance(8 * kMs);
  fake_->reply(good());
  using telemetry::Stage;
  EXPECT_EQ(x.timings.spent(Stage::kParse), 1 * kMs);
  EXPECT_EQ(x.timings.spent(Stage::kQueue), 2 * kMs);
  EXPECT_EQ(x.timings.spent(Stage::kRun), 4 * kMs);
}

TEST_F(ExchangeCallTest, CountsTheWaitOfACallThatWasRefusedInTheQueueAsQueued) {
  TestExchange& x = exchange();
  x.timings = telemetry::RequestTimings(clock_.now());
  start(x);
  seen().times->queued = clock_.now();
  clock_.advance(60 * kMs);
  fake_->reply(fail(timed_out("no slot")));
  EXPECT_EQ(x.timings.spent(telemetry::Stage::kQueue), 60 * kMs);
  EXPECT_EQ(x.timings.spent(telemetry::Stage::kRun), Duration::zero());
}

TEST_F(ExchangeCallTest, GivesTheStagesOfAStreamWhatIsTheirsAndTellsItsTimesToWhoAsks) {
  fake_->description.takes = RequestKind::kGenerate;
  TestExchange& x = exchange();
  x.timings = telemetry::RequestTimings(clock_.now());
  CallTimes times;
  Listener listener{
      .on_part =
          [&](http::Exchange& e, const Part&) {
            clock_.advance(16 * kMs);
            e.timings.lap(telemetry::Stage::kEncode, clock_.now());
          },
      .answer = [](http::Exchange& e, Result<Response>) { e.respond(200, "text/plain", "ok"); }};
  start_request(x, clock_, callable_, GenerateRequest(), std::move(listener), {.times = &times});
  EXPECT_EQ(seen().times, &times);
  times.queued = clock_.now();
  clock_.advance(2 * kMs);
  times.started = clock_.now();
  clock_.advance(4 * kMs);
  fake_->pending.at(0)->sink->on_part({0, "a", {}});
  times.ran = clock_.now() - 1 * kMs;  // another thread's clock
  fake_->reply(GenerateResponse());
  using telemetry::Stage;
  EXPECT_EQ(x.timings.spent(Stage::kQueue), 2 * kMs);
  EXPECT_EQ(x.timings.spent(Stage::kRun), 4 * kMs);
  EXPECT_EQ(x.timings.spent(Stage::kEncode), 16 * kMs);
}

TEST_F(ExchangeCallTest, CountsAllAsRunningWhereACallableNotesNoTimes) {
  TestExchange& x = exchange();
  x.timings = telemetry::RequestTimings(clock_.now());
  start(x);
  clock_.advance(4 * kMs);
  fake_->reply(fail(unavailable("down")));
  EXPECT_FALSE(x.timings.has(telemetry::Stage::kQueue));
  EXPECT_EQ(x.timings.spent(telemetry::Stage::kRun), 4 * kMs);
  EXPECT_EQ(x.error->code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace sluice::gateway
