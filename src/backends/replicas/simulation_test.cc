// A seeded simulation of calls to replicas that die, come back and flap, on simulated time.
#include <gtest/gtest.h>

#include <cmath>
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
  // Exponential, where its answers scatter.
  Duration takes(Random& random) const {
    if (!scatters) return service_time;
    const double u = (1.0 + static_cast<double>(random.below(1'000'000))) / 1'000'000.0;
    return Duration(
        static_cast<Duration::rep>(-std::log(u) * static_cast<double>(service_time.count())));
  }
  Duration service_time;
  bool scatters = false;
  std::function<bool(TimePoint)> up = [](TimePoint) { return true; };
  int asked = 0;
};

// What a backend does, without the network: choose, ask, report, retry once, probe.
class Caller {
 public:
  Caller(std::uint64_t seed, Members members) : random_(seed), members_(members) {
    set_.update(std::move(members));
  }

  void run(Duration length) {
    for (Duration t{}; t < length; t += every) {
      call();
      executor_.advance(every);
      EXPECT_LT(set_.out(), members_.size()) << "somebody is always in";
      ever_out = ever_out || set_.out() > 0;
    }
    executor_.advance(1s);
  }

  Duration every = 1ms;
  Duration patience = 100ms;
  bool ever_out = false;

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
    attempt(nullptr, Deadline(executor_.now() + patience));
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
    const TimePoint answers = begun + of(chosen).takes(random_);
    const bool too_late = answers > deadline.at();
    executor_.run_at(std::min(answers, deadline.at()), [=, this] {
      const TimePoint now = executor_.now();
      const bool ok = !too_late && of(chosen).up(now);
      const bool failed = set_.end(*chosen,
                                   ok         ? Outcome::kSuccess
                                   : too_late ? Outcome::kTimeout
                                              : Outcome::kFailure,
                                   now, {now - begun, median_.value()});
      if (ok) {
        median_.add(now - begun);
        ++good;
      } else if (failed && except == nullptr && leaves_room(deadline, now, median_.value(), {}) &&
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

TEST(Replicas, SimulatedWithOneThatHangsPutItOutHoweverSlowTheOthersAre) {
  for (const Duration usual : {5ms, 150ms, 450ms}) {
    for (const Duration every : {10ms, 1100ms}) {
      auto good = replica("good", usual);
      auto hangs = replica("hangs", 1h);
      Caller caller(1, {good, hangs});
      caller.every = every;
      caller.patience = 1s;
      caller.run(60s);
      EXPECT_FALSE(hangs->is_in()) << to_ms(usual) << " ms, one each " << to_ms(every) << " ms";
      EXPECT_TRUE(good->is_in());
    }
  }
}

TEST(Replicas, SimulatedWithCallersWithoutPatienceAreAllKept) {
  // Deadlines that a half, a fifth and a tenth of the calls miss.
  for (const Duration patience : {69ms, 160ms, 230ms}) {
    for (const Duration every : {3ms, 250ms}) {
      auto a = replica("a", 100ms);
      auto b = replica("b", 100ms);
      a->scatters = b->scatters = true;
      Caller caller(1, {a, b});
      caller.every = every;
      caller.patience = patience;
      caller.run(20'000 * every);
      EXPECT_GT(caller.bad, 1000);
      EXPECT_FALSE(caller.ever_out) << to_ms(patience) << " ms, each " << to_ms(every) << " ms";
    }
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
