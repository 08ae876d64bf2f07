// The logic of a store, one step at a time: without threads and connections, in a time that is
// given, so that a simulation decides what comes when. No part of the product.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/uuid.h"
#include "jobs/store.h"

namespace sluice::jobs::testing {

// Random bytes that a seed decides.
class SeededBytes final : public RandomBytes {
 public:
  explicit SeededBytes(std::uint64_t seed) : random_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_.next());
  }

 private:
  Random random_;
};

// Stands until it is told to move, also backwards.
class ChosenClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(wall_.time_since_epoch()); }
  [[nodiscard]] WallTime wall() const override { return wall_; }
  void move(Duration by) { wall_ += by; }

 private:
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
};

class StoreSteps {
 public:
  virtual ~StoreSteps() = default;

  // Begins anew: empty, with ids and chances that the seed decides.
  virtual void reset(std::uint64_t seed, const Clock& clock) = 0;
  // Whoever keeps something in memory beside what is durable loses it.
  virtual void crash() {}

  // Around each change. `undo`: what was done is not, as when the machine goes down before the
  // commit. A store whose steps can't be undone says so.
  [[nodiscard]] virtual bool can_undo() const = 0;
  virtual void begin() {}
  virtual void end(bool /*undo*/) {}

  virtual Result<Submitted> submit(NewJob job) = 0;
  virtual std::vector<Claimed> claim(ClaimRequest request) = 0;
  virtual std::vector<bool> extend(std::vector<Ticket> tickets, Duration lease) = 0;
  virtual Result<Job> finish(const Ticket& ticket, Outcome outcome) = 0;
  virtual Result<Job> cancel(const std::string& id) = 0;
  // What time brings. True: there is more to do now.
  virtual bool tend() = 0;
  virtual std::vector<QueueCounts> counts() = 0;
  virtual Result<JobView> get(const std::string& id) = 0;

  // What the steps since the last time told of.
  virtual void tell(News& news) = 0;
};

// The same for every store in a simulation. Nothing expires while it lasts.
inline constexpr JobPolicy kSimulatedPolicy{.retention = std::chrono::days(365)};

std::unique_ptr<StoreSteps> make_sqlite_steps();  // on tables in memory
std::unique_ptr<StoreSteps> make_redis_steps();   // the scripts, in a real server of its own

}  // namespace sluice::jobs::testing
