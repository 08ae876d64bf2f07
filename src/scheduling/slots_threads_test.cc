// Many threads that come, wait, run, and vanish at random: no slot is lost.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "base/random.h"
#include "inference/testing_callable.h"
#include "runtime/event_loop.h"
#include "scheduling/scheduled_callable.h"

namespace sluice::scheduling {
namespace {

constexpr int kThreads = 3;
constexpr int kCallsEach = 400;
constexpr std::size_t kSlots = 2;

// Answers on the home thread of each call, a turn or two later; counts how many run at once.
class CountingCallable final : public Callable {
 public:
  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request&) const override { return {}; }
  CancelHandle start(const Call& call, RequestPtr, Sink& sink) override {
    if (running_.fetch_add(1) + 1 > static_cast<int>(kSlots)) too_many_ = true;
    call.home->post([this, &sink, home = call.home] {
      home->post([this, &sink] {
        running_.fetch_sub(1);
        sink.on_result(InferResponse());
      });
    });
    return {};
  }
  [[nodiscard]] bool too_many() const { return too_many_; }

 private:
  Description description_{.name = "counting"};
  std::atomic<int> running_ = 0;
  std::atomic<bool> too_many_ = false;
};

// Runs on one loop: keeps some calls going, cancels some.
class Client {
 public:
  Client(Callable& callable, Executor& home, std::uint64_t seed, std::function<void()> done)
      : callable_(callable), home_(home), random_(seed), done_(std::move(done)) {}

  void more() {
    while (begun_ < kCallsEach && open_ < 8) {
      ++begun_;
      ++open_;
      One& one = calls_.emplace_back();
      one.client = this;
      Call call;
      call.home = &home_;
      call.service_class =
          random_.below(2) == 0 ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
      call.tenant = random_.below(2) == 0 ? "a" : "b";
      call.request_id = "r";
      CancelHandle handle = callable_.start(call, make_request(InferRequest()), one);
      if (!one.answered && random_.below(4) == 0) {
        if (random_.below(2) == 0) {
          handle.cancel();
        } else {
          one.handle = std::move(handle);
          home_.post([&one] { one.handle.cancel(); });
        }
      }
    }
    if (begun_ == kCallsEach && open_ == 0 && done_) std::exchange(done_, nullptr)();
  }
  int answers = 0;

 private:
  struct One final : Sink {
    Client* client = nullptr;
    CancelHandle handle;
    bool answered = false;
    void on_result(Result<Response>) override {
      EXPECT_FALSE(answered);
      answered = true;
      handle.release();
      ++client->answers;
      --client->open_;
      client->home_.post([c = client] { c->more(); });
    }
  };
  Callable& callable_;
  Executor& home_;
  Random random_;
  std::function<void()> done_;
  std::deque<One> calls_;
  int begun_ = 0;
  int open_ = 0;
};

TEST(SlotsOnThreads, LoseNoSlotAndAnswerEveryCallOnce) {
  SystemClock clock;
  EventLoop timers;
  std::thread timer_thread([&] { timers.run(); });
  SlotOptions options;
  options.slots = kSlots;
  options.realtime.order = Order::kFifo;
  const auto slots = Slots::make(
      options, "counting", {.timers = timers, .clock = clock, .metrics = nullptr, .log = nullptr});
  const auto inner = std::make_shared<CountingCallable>();
  const auto callable = std::make_shared<ScheduledCallable>(inner, slots, clock);
  std::deque<EventLoop> loops;
  std::deque<Client> clients;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    EventLoop& loop = loops.emplace_back();
    Client& client = clients.emplace_back(*callable, loop, static_cast<std::uint64_t>(i),
                                          [&loop] { loop.stop(); });
    threads.emplace_back([&] {
      loop.post([&client] { client.more(); });
      loop.run();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Client& client : clients) EXPECT_EQ(client.answers, kCallsEach);
  EXPECT_FALSE(inner->too_many());
  const SlotsSnapshot shown = slots->snapshot();
  EXPECT_EQ(shown.available_slots, kSlots);
  EXPECT_EQ(shown.realtime_waiting + shown.best_effort_waiting, 0U);
  timers.stop();
  timer_thread.join();
}

}  // namespace
}  // namespace sluice::scheduling
