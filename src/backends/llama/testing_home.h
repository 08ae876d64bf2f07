// A home thread that is the test's, and a caller who waits there; no part of the product.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "inference/callable.h"

namespace sluice::llama::testing {

// What is posted waits until the test runs it. At its end it waits for those who may still post,
// and drops what they do.
class Home final : public Executor {
 public:
  Home() = default;
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() override {
    std::unique_lock lock(mutex_);
    while (stays_ > 0) {
      auto dropped = std::exchange(tasks_, {});
      lock.unlock();
      dropped.clear();  // they hold stays
      lock.lock();
      if (stays_ > 0 && tasks_.empty()) posted_.wait(lock);
    }
  }

  void post(Task task) override {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
    posted_.notify_all();
  }
  [[nodiscard]] TimePoint now() const override { return clock_.now(); }
  TimerId run_at(TimePoint /*at*/, Task task) override {
    timer_ = std::move(task);
    return 1;
  }
  void cancel(TimerId /*timer*/) override { timer_ = nullptr; }
  [[nodiscard]] bool is_current() const override { return true; }

  template <class Done>
  void run_until(Done done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      posted_.wait(lock, [&] { return !tasks_.empty(); });
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
  }
  // The one timer that there is.
  void fire() { std::exchange(timer_, nullptr)(); }

 private:
  void begin_stay() override {
    const std::scoped_lock lock(mutex_);
    ++stays_;
  }
  void end_stay() override {
    const std::scoped_lock lock(mutex_);
    --stays_;
    posted_.notify_all();
  }

  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<Task> tasks_;
  std::size_t stays_ = 0;
  Task timer_;
};

struct Caller final : Sink {
  std::string streamed;
  std::string thought;  // streamed as such
  std::size_t parts = 0;
  std::optional<Result<Response>> result;
  CallTimes times;

  void on_part(Part part) override {
    (part.reasoning ? thought : streamed) += part.text;
    ++parts;
  }
  void on_result(Result<Response> r) override { result = std::move(r); }
  [[nodiscard]] bool done() const { return result.has_value(); }
  [[nodiscard]] const GenerateResponse& answer() const {
    return std::get<GenerateResponse>(**result);
  }
  [[nodiscard]] std::string text() const { return answer().choices.at(0).text; }
  [[nodiscard]] ErrorCode code() const { return result->error().code; }
};

}  // namespace sluice::llama::testing
