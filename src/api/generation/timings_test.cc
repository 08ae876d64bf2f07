#include "api/generation/timings.h"

#include <gtest/gtest.h>

#include "api/generation/refusal.h"
#include "api/generation/service_class.h"

namespace sluice::api::generation {
namespace {

using namespace std::chrono_literals;
const TimePoint kArrival = ManualClock().now();

TEST(GenerationTimings, AddUpToTheWholeWithTheEnginesAccount) {
  const CallTimes call{.queued = kArrival + 1ms,
                       .started = kArrival + 11ms,
                       .first = kArrival + 31ms,
                       .ran = kArrival + 61ms};
  const EngineTimes engine{.load = 5ms, .prompt = 14ms, .decode = 30ms};
  const auto t = timings_of(kArrival, kArrival + 62ms, call, engine);
  EXPECT_EQ(t.queue, 10ms);
  EXPECT_EQ(t.load, 5ms);
  EXPECT_EQ(t.prompt, 14ms);
  EXPECT_EQ(t.decode, 30ms);
  EXPECT_EQ(t.overhead, 3ms);
  EXPECT_EQ(t.total(), 62ms);
  EXPECT_EQ(t.to_first, 31ms);
  EXPECT_EQ(first_token_line(t),
            "TTFT breakdown: total=0.031s, queue_wait=0.010s, prompt_eval=0.014s");
}

TEST(QueueWaitLine, IsAsTheLogHasAlwaysHadIt) {
  EXPECT_EQ(queue_wait_line(ServiceClass::kBestEffort, 10200ms),
            "Acquired semaphore (LOW PRIORITY), queue_wait_time_seconds=10.200");
  EXPECT_EQ(queue_wait_line(ServiceClass::kRealtime, 0ms),
            "Acquired semaphore (HIGH PRIORITY), queue_wait_time_seconds=0.000");
}

TEST(GenerationTimings, TakeTheCallsTimesWhereAnEngineSaysNothing) {
  const CallTimes call{
      .queued = kArrival, .started = kArrival, .first = kArrival + 20ms, .ran = kArrival + 50ms};
  const auto t = timings_of(kArrival, kArrival + 51ms, call, {});
  EXPECT_EQ(t.prompt, 20ms);
  EXPECT_EQ(t.decode, 30ms);
  EXPECT_EQ(t.total(), 51ms);
}

TEST(GenerationTimings, TakeTheCallsTimesWhereAnEngineSaysOnlyHowLongItLoaded) {
  const CallTimes call{
      .queued = kArrival, .started = kArrival, .first = kArrival + 20ms, .ran = kArrival + 50ms};
  const auto t = timings_of(kArrival, kArrival + 51ms, call, {.load = 5ms});
  EXPECT_EQ(t.load, 5ms);
  EXPECT_EQ(t.prompt, 15ms);
  EXPECT_EQ(t.decode, 30ms);
  EXPECT_EQ(t.overhead, 1ms);
}

TEST(GenerationTimings, AreOverheadWhereNobodySaysAnything) {
  const auto t = timings_of(kArrival, kArrival + 7ms, {}, {});
  EXPECT_EQ(t.overhead, 7ms);
  EXPECT_EQ(t.total(), 7ms);
  EXPECT_EQ(t.to_first, 7ms);
}

TEST(GenerationTimings, AreWrittenInMilliseconds) {
  std::string out;
  append_timings(out, {.queue = 1500us,
                       .load = {},
                       .prompt = 2ms,
                       .decode = 3ms,
                       .overhead = 1us,
                       .to_first = 4ms});
  EXPECT_EQ(out, R"({"queue_ms":1.5,"load_ms":0,"prompt_ms":2,"decode_ms":3,"overhead_ms":0.001,)"
                 R"("total_ms":6.501,"first_token_ms":4})");
  EXPECT_EQ(telemetry::server_timing(GenerationTimings{.queue = 1ms}),
            "queue;dur=1.000, load;dur=0.000, prompt;dur=0.000, decode;dur=0.000, "
            "overhead;dur=0.000, total;dur=1.000");
}

TEST(ServiceClass, IsTheHeadersThenThePrioritysThenTheApis) {
  const auto read = [](std::string header, std::optional<ServiceClass> priority) {
    http::RequestHead head;
    if (!header.empty()) head.headers.push_back({"x-sluice-class", header});
    return class_of(head, priority, ServiceClass::kRealtime);
  };
  EXPECT_EQ(read("", {}), ServiceClass::kRealtime);
  EXPECT_EQ(read("", ServiceClass::kBestEffort), ServiceClass::kBestEffort);
  EXPECT_EQ(read("realtime", ServiceClass::kBestEffort), ServiceClass::kRealtime);
  EXPECT_EQ(read("best_effort", {}), ServiceClass::kBestEffort);
  EXPECT_EQ(read("fast", {}).error().message,
            "X-Sluice-Class must be realtime or best_effort, got fast");
}

TEST(RefusalHeaders, SayWhenToComeBackTwice) {
  const auto headers = refusal_headers({ErrorCode::kExhausted, "full", 1500ms});
  EXPECT_EQ(headers.find("Retry-After"), "2");
  EXPECT_EQ(headers.find("retry-after-ms"), "1500");
  EXPECT_TRUE(refusal_headers(internal("x")).empty());
}

}  // namespace
}  // namespace sluice::api::generation
