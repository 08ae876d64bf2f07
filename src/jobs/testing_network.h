// Processes and the network between them, for a simulation: both in the time of one executor that
// the test moves. No part of the product.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "jobs/testing_ledger.h"
#include "runtime/manual_executor.h"

namespace sluice::jobs::testing {

// The thread of a process that may die, or stand still for a while as under SIGSTOP: then what
// comes meanwhile runs afterwards. Stays until the world ends, dead or alive.
class Process final : public Executor {
 public:
  explicit Process(ManualExecutor& world) : world_(world) {}
  void post(Task task) override {
    world_.post([this, task = std::move(task)]() mutable { run(std::move(task)); });
  }
  [[nodiscard]] TimePoint now() const override { return world_.now(); }
  TimerId run_at(TimePoint at, Task task) override {
    return world_.run_at(at, [this, task = std::move(task)]() mutable { run(std::move(task)); });
  }
  void cancel(TimerId timer) override { world_.cancel(timer); }
  [[nodiscard]] bool is_current() const override { return true; }

  void die() { dead_ = true; }
  [[nodiscard]] bool dead() const { return dead_; }
  void stand_still(Duration time) { still_until_ = std::max(still_until_, now() + time); }
  [[nodiscard]] bool stands_still() const { return now() < still_until_; }

 private:
  void run(Task task) {
    if (dead_) return;
    if (now() >= still_until_) return task();
    world_.run_at(still_until_, [this, task = std::move(task)]() mutable { run(std::move(task)); });
  }

  ManualExecutor& world_;
  bool dead_ = false;
  TimePoint still_until_{};
};

// The wall clock of a machine: it goes with the world's time, and jumps.
class MachineClock final : public Clock {
 public:
  explicit MachineClock(const ManualExecutor& world) : world_(world), began_(world.now()) {}
  [[nodiscard]] TimePoint now() const override { return world_.now(); }
  [[nodiscard]] WallTime wall() const override {
    return WallTime(std::chrono::seconds(1'700'000'000)) + (world_.now() - began_) + skew_;
  }
  void jump(Duration by) { skew_ += by; }

 private:
  const ManualExecutor& world_;
  const TimePoint began_;
  Duration skew_{};
};

// Between the processes and the one store.
class Network {
 public:
  Network(ManualExecutor& world, StoreSteps& steps, Ledger& ledger, std::uint64_t seed)
      : world_(world), steps_(steps), ledger_(ledger), random_(seed) {}

  // From now on nothing is lost, late or away.
  void calm_down() { calm_ = true; }
  void go_away(Duration time) { away_until_ = world_.now() + time; }
  void add_listener(const Process& process, News& news) { listeners_.push_back({&process, &news}); }

  // Does it in the store, once it has come there, and answers `done` on `home`: what came of it, or
  // kUnavailable when that was lost on the way, or never happened, or was undone.
  // `witness` is told what happened, when it happens and stays.
  template <class T, class Step, class Witness>
  void ask(Executor& home, Store::Done<T> done, Step step, Witness witness) {
    auto answer = std::make_shared<Store::Done<T>>(std::move(done));
    ++under_way_;
    const auto reply = [this, &home, answer](Duration after, Result<T> result) {
      world_.run_at(world_.now() + after, [=, this, &home, result = std::move(result)]() mutable {
        --under_way_;
        home.post([answer, result = std::move(result)]() mutable { (*answer)(std::move(result)); });
      });
    };
    Error none = unavailable("no answer");
    none.retry_after = std::chrono::seconds(1);
    if (world_.now() < away_until_ && !calm_) return reply(Duration::zero(), fail(none));
    const bool never_comes = chance(25);
    if (never_comes && !steps_.can_undo()) return reply(kPatience, fail(none));
    const bool comes_twice = chance(40);
    const bool undone = never_comes;
    const bool answer_lost = chance(25);
    const auto happen = [this, step, witness](bool undo) {
      steps_.begin();
      Result<T> result = step();
      steps_.end(undo);
      if (!undo && !::testing::Test::HasFatalFailure()) witness(result);
      tell();
      return result;
    };
    world_.run_at(world_.now() + latency(), [=, this] {
      Result<T> result = happen(undone);
      if (undone || answer_lost) {
        reply(kPatience, fail(none));
      } else {
        reply(latency(), std::move(result));
      }
    });
    if (comes_twice) world_.run_at(world_.now() + latency() * 2, [=] { happen(false); });
  }

  // Hands on what the last steps told of; some of it is lost.
  void tell() {
    struct Post final : News {
      explicit Post(Network& n) : network(n) {}
      void on_ready(std::string_view callable) override {
        network.broadcast([name = std::string(callable)](News& news) { news.on_ready(name); });
      }
      void on_change(const JobChange& change) override {
        network.broadcast([change](News& news) { news.on_change(change); });
      }
      void on_gap() override {}
      Network& network;
    } post(*this);
    steps_.tell(post);
  }

  // Nobody waits for an answer.
  [[nodiscard]] bool is_quiet() const { return under_way_ == 0; }
  StoreSteps& steps() { return steps_; }
  Ledger& ledger() { return ledger_; }

 private:
  static constexpr Duration kPatience = std::chrono::seconds(5);
  struct Listener {
    const Process* process;
    News* news;
  };
  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0 && !calm_; }
  Duration latency() {
    // Mostly short, and sometimes longer than a lease.
    const bool stuck = chance(60);
    return std::chrono::milliseconds(stuck ? random_.below(60'000) : random_.below(50));
  }
  template <class Told>
  void broadcast(Told told) {
    for (const Listener& listener : listeners_) {
      if (chance(20)) continue;
      world_.run_at(world_.now() + latency(), [listener, told] {
        if (!listener.process->dead()) told(*listener.news);
      });
    }
  }

  ManualExecutor& world_;
  StoreSteps& steps_;
  Ledger& ledger_;
  Random random_;
  bool calm_ = false;
  std::size_t under_way_ = 0;
  TimePoint away_until_{};
  std::vector<Listener> listeners_;
};

}  // namespace sluice::jobs::testing
