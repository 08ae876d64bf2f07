#include "backends/generation_wire/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"

namespace sluice::generation_wire {
namespace {

using namespace std::chrono_literals;
constexpr auto kRealtime = ServiceClass::kRealtime;
constexpr auto kBestEffort = ServiceClass::kBestEffort;
constexpr TimePoint kNow{1h};

struct Probe final : Waiter {
  explicit Probe(std::string n, std::vector<std::string>& t) : name(std::move(n)), told(t) {}
  void on_slot(std::size_t engine) override { told.push_back(name + std::to_string(engine)); }
  [[nodiscard]] std::string_view holder() const override { return name; }
  std::string name;
  std::vector<std::string>& told;
};

class Slots : public testing::Test {
 protected:
  std::shared_ptr<Probe> waiter(std::string name) {
    return std::make_shared<Probe>(std::move(name), told_);
  }
  std::vector<std::string> told_;
};

TEST_F(Slots, GoToRealtimeFirstAndThenToWhoCameFirst) {
  EnginePool pool({{.slots = 1}}, 10);
  const auto a = waiter("a");
  const auto b = waiter("b");
  const auto c = waiter("c");
  const auto d = waiter("d");
  EXPECT_EQ(pool.take(a, kBestEffort, 0, kNow).value(), 0U);
  EXPECT_EQ(pool.take(b, kBestEffort, 0, kNow).value(), std::nullopt);
  EXPECT_EQ(pool.take(c, kRealtime, 0, kNow).value(), std::nullopt);
  EXPECT_EQ(pool.take(d, kRealtime, 0, kNow).value(), std::nullopt);
  for (const auto& w : {a, c, d, b}) pool.give_back(*w, 1ms, kNow);
  EXPECT_THAT(told_, testing::ElementsAre("c0", "d0", "b0"));
  EXPECT_EQ(pool.engines()[0].used, 0U);
}

TEST_F(Slots, AreNotLostOnThoseWhoLeftOrWent) {
  EnginePool pool({{.slots = 1}}, 10);
  const auto a = waiter("a");
  auto gone = waiter("gone");
  const auto left = waiter("left");
  const auto last = waiter("last");
  EXPECT_TRUE(pool.take(a, kRealtime, 0, kNow).value());
  for (const auto& w : {gone, left, last}) EXPECT_FALSE(pool.take(w, kRealtime, 0, kNow).value());
  gone.reset();
  pool.leave(*left);
  EXPECT_EQ(pool.waiting(kRealtime), 2U);
  pool.give_back(*a, 1ms, kNow);
  EXPECT_THAT(told_, testing::ElementsAre("last0"));
  EXPECT_EQ(pool.waiting(kRealtime), 0U);
}

TEST_F(Slots, AreWaitedForByABoundedNumberAndOthersAreToldWhenToComeBack) {
  EnginePool pool({{.slots = 2}}, 2);
  const auto w = waiter("w");
  EXPECT_TRUE(pool.take(w, kRealtime, 0, kNow).value());
  pool.give_back(*w, 3s, kNow);
  std::vector<std::shared_ptr<Probe>> all;
  for (int i = 0; i < 4; ++i) all.push_back(waiter("x"));
  for (const auto& each : all) EXPECT_TRUE(pool.take(each, kRealtime, 0, kNow));
  const auto refused = pool.take(w, kRealtime, 0, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
  EXPECT_EQ(refused.error().retry_after, 4500ms);
  EXPECT_EQ(refused.error().message, "all engines are busy and 2 calls wait for a slot");
}

TEST_F(Slots, AreWaitedForByEachClassWithinABoundOfItsOwn) {
  EnginePool pool({{.slots = 1}}, 1);
  const auto w = waiter("w");
  EXPECT_TRUE(pool.take(w, kRealtime, 0, kNow).value());
  pool.give_back(*w, 1s, kNow);
  std::vector<std::shared_ptr<Probe>> all;
  for (int i = 0; i < 3; ++i) all.push_back(waiter("x"));
  EXPECT_TRUE(pool.take(all[0], kBestEffort, 0, kNow).value());
  EXPECT_FALSE(pool.take(all[1], kBestEffort, 0, kNow).value());
  EXPECT_EQ(pool.take(w, kBestEffort, 0, kNow).error().retry_after, 2s);
  EXPECT_FALSE(pool.take(all[2], kRealtime, 0, kNow).value());
  EXPECT_EQ(pool.take(w, kRealtime, 0, kNow).error().retry_after, 2s) << "others come after it";
  EXPECT_EQ(pool.take(w, kBestEffort, 0, kNow).error().retry_after, 3s);
  const QueueStatus status = pool.status(kNow);
  EXPECT_EQ(status.realtime_waiting, 1U);
  EXPECT_EQ(status.best_effort_waiting, 1U);
  EXPECT_EQ(status.slots, 1U);
  EXPECT_EQ(status.held, 1U);
  EXPECT_EQ(status.depth, 1U);
  EXPECT_FALSE(status.accepting);
}

TEST_F(Slots, OfAnEngineThatIsBusyAreGivenToThoseWhoWaitWhenItsTimeIsOver) {
  std::vector<TimePoint> alarms;
  EnginePool pool({{.slots = 1}}, 10, [&](TimePoint at) { alarms.push_back(at); });
  const auto a = waiter("a");
  const auto b = waiter("b");
  const auto c = waiter("c");
  const auto d = waiter("d");
  EXPECT_TRUE(pool.take(a, kRealtime, 0, kNow).value());
  EXPECT_FALSE(pool.take(b, kRealtime, 0, kNow).value());
  pool.learn(0, kNow, [](EngineState& state) { state.busy_until = kNow + 2s; });
  pool.give_back(*a, {}, kNow);
  EXPECT_THAT(told_, testing::IsEmpty());
  EXPECT_THAT(alarms, testing::ElementsAre(kNow + 2s));
  EXPECT_FALSE(pool.take(c, kRealtime, 0, kNow + 1s).value()) << "b was there first";
  EXPECT_FALSE(pool.take(d, kBestEffort, 0, kNow + 1s).value());
  pool.wake(kNow + 1s);
  EXPECT_THAT(told_, testing::IsEmpty());
  EXPECT_EQ(alarms.size(), 1U) << "one at a time";
  pool.wake(kNow + 2s);
  EXPECT_THAT(told_, testing::ElementsAre("b0"));
  pool.learn(0, kNow + 2s, [](EngineState& state) { state.busy_until = kNow + 5s; });
  pool.give_back(*b, {}, kNow + 2s);
  EXPECT_THAT(alarms, testing::ElementsAre(kNow + 2s, kNow + 5s));
  pool.leave(*c);
  pool.leave(*d);
  EXPECT_TRUE(pool.take(a, kRealtime, 0, kNow + 3s).value()) << "who is alone may try it";
}

TEST_F(Slots, ComeFromAnEngineThatIsBack) {
  EnginePool pool({{.slots = 1}, {.slots = 1, .usable = false}}, 2);
  const auto a = waiter("a");
  const auto b = waiter("b");
  EXPECT_EQ(pool.take(a, kRealtime, 0, kNow).value(), 0U);
  EXPECT_EQ(pool.take(b, kRealtime, 0, kNow).value(), std::nullopt);
  pool.learn(1, kNow, [](EngineState& state) { state.usable = true; });
  EXPECT_THAT(told_, testing::ElementsAre("b1"));
}

TEST_F(Slots, ThatAreReservedAreKeptFreeOfBestEffort) {
  EnginePool pool({{.slots = 2, .reserved = 1}}, 10);
  std::vector<std::shared_ptr<Probe>> low;
  for (int i = 0; i < 3; ++i) low.push_back(waiter(formatted("low{}:", i)));
  EXPECT_EQ(pool.take(low[0], kBestEffort, 0, kNow).value(), 0U);
  EXPECT_FALSE(pool.take(low[1], kBestEffort, 0, kNow).value());
  EXPECT_FALSE(pool.take(low[2], kBestEffort, 0, kNow).value());
  const auto high = waiter("high");
  EXPECT_EQ(pool.take(high, kRealtime, 0, kNow).value(), 0U) << "although others came before it";
  pool.give_back(*high, 1ms, kNow);
  EXPECT_THAT(told_, testing::IsEmpty());
  pool.give_back(*low[0], 1ms, kNow);
  EXPECT_THAT(told_, testing::ElementsAre("low1:0"));
}

TEST_F(Slots, AreListedWithThoseWhoHoldThem) {
  EnginePool pool({{.slots = 2}}, 10);
  const auto a = waiter("a");
  const auto b = waiter("b");
  EXPECT_TRUE(pool.take(a, kBestEffort, 0, kNow).value());
  EXPECT_TRUE(pool.take(b, kRealtime, 0, kNow + 1s).value());
  const auto holders = pool.status(kNow + 3s).holders;
  ASSERT_EQ(holders.size(), 2U);
  EXPECT_EQ(holders[0].holder, "a");
  EXPECT_EQ(holders[0].service_class, kBestEffort);
  EXPECT_EQ(holders[0].age, 3s);
  EXPECT_EQ(holders[1].holder, "b");
  EXPECT_EQ(holders[1].age, 2s);
  pool.give_back(*a, 1ms, kNow);
  pool.give_back(*b, 1ms, kNow);
  EXPECT_TRUE(pool.status(kNow).holders.empty());
}

TEST_F(Slots, AreNotTakenAtEnginesThatFailedTheCall) {
  EnginePool pool({{.slots = 1}, {.slots = 1}}, 2);
  const auto a = waiter("a");
  EXPECT_EQ(pool.take(a, kRealtime, 1, kNow).value(), 1U);
  EXPECT_EQ(pool.take(a, kRealtime, 2, kNow).value(), 0U);
  EXPECT_EQ(pool.take(a, kRealtime, 3, kNow).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace sluice::generation_wire
