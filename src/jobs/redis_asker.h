// The way of questions from any thread to the lanes, and of answers home. Internal to the Redis
// store.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "jobs/redis_lanes.h"
#include "jobs/store.h"
#include "runtime/event_loop.h"

namespace sluice::jobs {

// Of the store, and ends after its lanes. What is asked while there are no lanes waits for them.
class RedisAsker {
 public:
  // At most `limit` questions wait for an answer.
  RedisAsker(EventLoop& loop, std::size_t limit) : loop_(loop), limit_(limit) {}
  RedisAsker(const RedisAsker&) = delete;
  RedisAsker& operator=(const RedisAsker&) = delete;

  // On the loop's thread: where questions go from now on; null: nowhere, and nobody asks any more.
  void set_lanes(RedisLanes* lanes) { lanes_ = lanes; }
  // On the loop's thread: passes on what other threads have asked.
  void take_inbox();

  // From any thread. `Asked` is one of redis_questions.h. `done` is called as Store says.
  template <class T, class Asked>
  void ask(RedisLane lane, Executor& home, Store::Done<T> done, Asked asked) {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      return refuse(home, std::move(done), too_many());
    }
    add(lane, std::make_unique<Question<T, Asked>>(*this, home, std::move(done), std::move(asked)));
  }
  template <class T>
  static void refuse(Executor& home, Store::Done<T> done, Error why) {
    home.post([done = std::move(done), why = std::move(why)]() mutable { done(fail(why)); });
  }

 private:
  // A question with a typed answer, on its way home.
  template <class T, class Asked>
  class Question final : public RedisQuestion {
   public:
    Question(RedisAsker& asker, Executor& home, Store::Done<T> done, Asked asked)
        : asker_(asker), home_(home), done_(std::move(done)), asked_(std::move(asked)) {}
    void ask(redis::Command& call) override { asked_.ask(call); }
    [[nodiscard]] std::size_t bytes() const override { return asked_.bytes(); }
    void answer(std::span<redis::Reply> replies) override { finish(asked_.answer(replies)); }
    void refuse(const Error& why) override { finish(fail(why)); }

   private:
    void finish(Result<T> result) {
      asker_.waiting_.fetch_sub(1, std::memory_order_relaxed);
      home_.post([done = std::move(done_), result = std::move(result)]() mutable {
        done(std::move(result));
      });
    }
    RedisAsker& asker_;
    Executor& home_;
    Store::Done<T> done_;
    Asked asked_;
  };

  [[nodiscard]] Error too_many() const;
  void add(RedisLane lane, RedisQuestionPtr question);

  EventLoop& loop_;
  const std::size_t limit_;
  std::atomic<std::size_t> waiting_ = 0;
  std::mutex inbox_mutex_;
  std::vector<std::pair<RedisLane, RedisQuestionPtr>> inbox_;  // guarded by inbox_mutex_

  // Of the loop's thread.
  RedisLanes* lanes_ = nullptr;
  std::vector<std::pair<RedisLane, RedisQuestionPtr>> taken_;
  bool flush_planned_ = false;
};

}  // namespace sluice::jobs
