// Stores as a test wants them: asked and answered in one line, thrown away and opened again, in a
// time of their own. No part of the product.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "jobs/store.h"
#include "runtime/event_loop.h"

namespace sluice::jobs::testing {

// Stands still until it is told to move; from any thread.
class SharedClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override {
    return TimePoint(std::chrono::hours(1)) + Duration(passed_.load());
  }
  [[nodiscard]] WallTime wall() const override {
    return WallTime(std::chrono::seconds(1'700'000'000)) + Duration(passed_.load());
  }
  void advance(Duration by) { passed_ += by.count(); }

 private:
  std::atomic<Duration::rep> passed_ = 0;
};

// A thread with a loop, where answers arrive.
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop.run(); }) {}
  ~LoopThread() {
    loop.stop();
    thread_.join();
  }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  EventLoop loop;

 private:
  std::thread thread_;
};

// Calls `ask(done)` and waits for what `done` gets.
template <class T, class Ask>
Result<T> wait_for(Ask ask) {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  ask([&promise](Result<T> result) { promise.set_value(std::move(result)); });
  return future.get();
}

// Keeps what it is told.
class NewsBook final : public News {
 public:
  void on_ready(std::string_view callable) override {
    const std::scoped_lock lock(mutex_);
    ready_.emplace_back(callable);
  }
  void on_change(const JobChange& change) override {
    const std::scoped_lock lock(mutex_);
    changes_.push_back(change);
  }
  void on_gap() override {}
  void on_delivery() override { ++deliveries; }
  std::atomic<int> deliveries = 0;
  std::vector<std::string> ready() {
    const std::scoped_lock lock(mutex_);
    return ready_;
  }
  std::vector<JobState> states_of(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    std::vector<JobState> states;
    for (const JobChange& change : changes_) {
      if (change.id == id) states.push_back(change.state);
    }
    return states;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> ready_;
  std::vector<JobChange> changes_;
};

// One kind of store under test, and shorthand for it.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual Store& store() = 0;
  // As after a crash: what was not durable is gone.
  virtual void reopen() = 0;
  // Time goes on for the store, and it has tended to its queues since.
  virtual void pass(Duration time) = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;

  Executor& home() { return caller_.loop; }
  Result<Submitted> submit(NewJob job) {
    return wait_for<Submitted>(
        [&](auto done) { store().submit(home(), std::move(job), std::move(done)); });
  }
  Result<JobView> get(const std::string& id, Store::Want want = Store::Want::kOutput) {
    return wait_for<JobView>([&](auto done) { store().get(home(), id, want, std::move(done)); });
  }
  Result<JobPage> list(ListQuery query) {
    return wait_for<JobPage>([&](auto done) { store().list(home(), query, std::move(done)); });
  }
  Result<Job> cancel(const std::string& id) {
    return wait_for<Job>([&](auto done) { store().cancel(home(), id, std::move(done)); });
  }
  std::vector<Claimed> claim(const std::string& callable, std::size_t most = 1,
                             const std::string& worker = "w") {
    return wait_for<std::vector<Claimed>>([&](auto done) {
             store().claim(home(), {{{callable, most}}, worker, {}}, std::move(done));
           })
        .value_or(std::vector<Claimed>());
  }
  Result<std::vector<bool>> extend(std::vector<Ticket> tickets, Duration lease) {
    return wait_for<std::vector<bool>>(
        [&](auto done) { store().extend(home(), std::move(tickets), lease, std::move(done)); });
  }
  Result<Job> finish(const Ticket& ticket, Outcome outcome) {
    return wait_for<Job>(
        [&](auto done) { store().finish(home(), ticket, std::move(outcome), std::move(done)); });
  }
  Result<> progress(const Ticket& ticket, std::optional<double> share,
                    std::optional<std::string> partial = {}) {
    return wait_for<void>([&](auto done) {
      store().report_progress(home(), ticket, {share, partial}, std::move(done));
    });
  }
  Result<> pause(const std::string& callable, bool paused) {
    return wait_for<void>(
        [&](auto done) { store().pause(home(), callable, paused, std::move(done)); });
  }
  Result<std::vector<QueueCounts>> counts() {
    return wait_for<std::vector<QueueCounts>>(
        [&](auto done) { store().counts(home(), std::move(done)); });
  }
  std::vector<Delivery> deliveries(std::size_t most, Duration lease) {
    return wait_for<std::vector<Delivery>>([&](auto done) {
             store().deliveries()->claim_deliveries(home(), most, lease, std::move(done));
           })
        .value_or(std::vector<Delivery>());
  }
  Result<> settle(const Ticket& delivery, std::optional<Duration> again) {
    return wait_for<void>([&](auto done) {
      store().deliveries()->settle_delivery(home(), delivery, again, std::move(done));
    });
  }
  Result<CreatedBatch> create_or_find_batch(NewBatch batch) {
    return wait_for<CreatedBatch>([&](auto done) {
      store().batches()->create_batch(home(), std::move(batch), std::move(done));
    });
  }
  Result<Batch> create_batch(NewBatch batch) {
    auto created = create_or_find_batch(std::move(batch));
    if (!created) return fail(created.error());
    return std::move(created->batch);
  }
  Result<> add_to_batch(const std::string& id, std::vector<NewJob> lines) {
    return wait_for<void>([&](auto done) {
      store().batches()->add_to_batch(home(), id, std::move(lines), std::move(done));
    });
  }
  Result<Batch> seal_batch(const std::string& id, const std::string& digest = "digest") {
    return wait_for<Batch>(
        [&](auto done) { store().batches()->seal_batch(home(), id, digest, std::move(done)); });
  }
  Result<Batch> cancel_batch(const std::string& id, const std::string& error = {}) {
    return wait_for<Batch>(
        [&](auto done) { store().batches()->cancel_batch(home(), id, error, std::move(done)); });
  }
  Result<Batch> batch(const std::string& id) {
    return wait_for<Batch>(
        [&](auto done) { store().batches()->get_batch(home(), id, std::move(done)); });
  }
  Result<std::vector<Batch>> batches(std::optional<std::string> owner, const std::string& after,
                                     std::size_t limit) {
    return wait_for<std::vector<Batch>>([&](auto done) {
      store().batches()->list_batches(home(), std::move(owner), after, limit, std::move(done));
    });
  }
  Result<std::vector<JobView>> read_batch(BatchStore::Read read) {
    return wait_for<std::vector<JobView>>([&](auto done) {
      store().batches()->read_batch(home(), std::move(read), std::move(done));
    });
  }

 protected:
  LoopThread caller_;
};

using HarnessMaker = std::function<std::unique_ptr<StoreHarness>()>;
std::unique_ptr<StoreHarness> make_sqlite_harness();
// On a real server of their own.
std::unique_ptr<StoreHarness> make_redis_harness();
std::unique_ptr<StoreHarness> make_valkey_harness();

}  // namespace sluice::jobs::testing
