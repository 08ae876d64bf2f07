// A seeded simulation of calls to replicas that die, come back and flap, on simulated time.
#include <gtest/gtest.h>

#include <functional>

#include "backends/replicas/replica_set.h"
#include "backends/replicas/retry.h"
#include "runtime/manual_executor.h"

namespace sluice::replicas {
namespace {

using namespace std::chrono_literals;

struct SimulatedReplica final : Replica {
  SimulatedReplica(std::string name, Duration time)
      : Replica(std::move(name)), service_time(time) {}
  Duration service_time;
  std::function<bool(TimePoint)> up = [](TimePoint) { return true; };
  int asked = 0;
};

// What a backend does, without the network: choose, ask, report, retry once, probe.
class Caller {
 public:
  Caller(std::uint64_t seed, Members members) : random_(seed), members_(members) {
    set_.update(std::move(members));
  }

  // One call a millisecond.
  void run(Duration length) {
    for (Duration t{}; t < length; t += 1ms) {
      call();
      executor_.advance(1ms);
      EXPECT_LT(set_.out(), members_.size()) << "somebody is always in";
    }
    executor_.advance(1s);
  }

  ManualExecutor executor_;
  ReplicaSet set_{EjectionOptions{}};
  int good = 0;
  int bad = 0;
  int retries = 0;

 private:
  SimulatedReplica& of(const ReplicaPtr& replica) {
    return static_cast<SimulatedReplica&>(*replica);
  }

  void call() {
    budget_.on_request();
    if (const ReplicaPtr due = set_.due_for_probe(executor_.now())) {
      executor_.run_at(executor_.now() + of(due).service_time, [this, due] {
        set_.probe_ended(*due, of(due).up(executor_.now()), executor_.now());
      });
    }
    attempt(nullptr, Deadline(executor_.now() + 100ms));
  }

  void attempt(const Replica* except, Deadline deadline) {
    const ReplicaPtr chosen = choose(members_, random_, except);
    if (chosen == nullptr) {
      ++bad;
      return;
    }
    ReplicaSet::begin(*chosen);
    ++of(chosen).asked;
    const TimePoint begun = executor_.now();
    executor_.run_at(begun + of(chosen).service_time, [=, this] {
      const TimePoint now = executor_.now();
      const bool ok = of(chosen).up(now);
      set_.end(*chosen, ok ? Outcome::kSuccess : Outcome::kFailure, now);
      if (ok) {
        median_.add(now - begun);
        ++good;
      } else if (except == nullptr && leaves_room(deadline, now, median_.value(), {}) &&
                 budget_.take(now)) {
        ++retries;
        attempt(chosen.get(), deadline);
      } else {
        ++bad;
      }
    });
  }

  Random random_;
  Members members_;
  RetryBudget budget_{0.2, 10.0};
  MedianEstimate median_;
};

std::shared_ptr<SimulatedReplica> replica(const char* name, Duration time) {
  return std::make_shared<SimulatedReplica>(name, time);
}

TEST(Replicas, SimulatedWithOneDeadHideItFromEveryCaller) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto a = replica("a", 5ms);
    auto b = replica("b", 5ms);
    auto dead = replica("dead", 1ms);  // refuses fast: that must not make it attractive
    dead->up = [](TimePoint) { return false; };
    Caller caller(seed, {a, b, dead});
    caller.run(20s);
    EXPECT_EQ(caller.bad, 0) << seed;
    EXPECT_EQ(caller.good, 20'000);
    EXPECT_LT(dead->asked, 20) << "only until it was put out";
  }
}

TEST(Replicas, SimulatedWithOneThatComesBackUseItAgain) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto a = replica("a", 5ms);
    auto b = replica("b", 5ms);
    Caller caller(seed, {a, b});
    const TimePoint start = caller.executor_.now();
    b->up = [start](TimePoint now) { return now - start > 5s; };
    caller.run(5s);
    const int before = b->asked;
    caller.run(20s);
    EXPECT_EQ(caller.bad, 0) << seed;
    EXPECT_GT(b->asked - before, 4000) << "it takes its half again";
  }
}

TEST(Replicas, SimulatedWithOneThatFlapsKeepCallsGood) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto a = replica("a", 5ms);
    auto b = replica("b", 5ms);
    auto flapping = replica("flapping", 5ms);
    flapping->up = [](TimePoint now) { return now.time_since_epoch() / 700ms % 2 == 0; };
    Caller caller(seed, {a, b, flapping});
    caller.run(30s);
    EXPECT_EQ(caller.bad, 0) << seed;
    EXPECT_LT(caller.retries, 30'000 / 50);
  }
}

TEST(Replicas, SimulatedWithASlowOneSendItLess) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto fast = replica("fast", 2ms);
    auto slow = replica("slow", 20ms);
    Caller caller(seed, {fast, slow});
    caller.run(10s);
    EXPECT_EQ(caller.bad, 0);
    EXPECT_GT(fast->asked, 4 * slow->asked) << seed;
  }
}

TEST(Replicas, SimulatedWithAllDeadDoNotMultiplyTheLoad) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto a = replica("a", 1ms);
    auto b = replica("b", 1ms);
    a->up = b->up = [](TimePoint) { return false; };
    Caller caller(seed, {a, b});
    caller.run(20s);
    EXPECT_EQ(caller.good, 0);
    EXPECT_EQ(caller.bad, 20'000);
    EXPECT_LT(caller.retries, 20'000 * 0.2 + 20 * 10 + 120) << seed;
  }
}

}  // namespace
}  // namespace sluice::replicas
