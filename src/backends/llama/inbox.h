// Where calls wait for an engine's thread, and where it hears that they are not wanted any more.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/llama/engine_call.h"

namespace sluice::llama {

// Shared by the engine and the calls it has, so that a call may speak up after the engine's end.
class Inbox {
 public:
  using CallPtr = std::shared_ptr<EngineCall>;
  // What a call has in a step.
  using StepShares = std::vector<std::pair<const EngineCall*, std::uint32_t>>;

  // `limit`: the most calls that are here at once, taken in or not.
  explicit Inbox(std::size_t limit) : limit_(limit) {}

  // --- the call's home thread
  // From now on it is here until done(). One too many (kExhausted), or one that comes after the end
  // (kUnavailable), is told through the call; `model` is the name for that.
  static void submit(const std::shared_ptr<Inbox>& inbox, CallPtr call, std::string_view model);

  // --- any thread
  // Nobody waits for this one any more: the step under way is given up when it is mostly for such.
  void give_up(const EngineCall& call);
  void close();

  // --- the engine's thread
  // Sleeps until there is something; `rest` runs before it does and `wake` after. False: closed.
  bool wait(const std::function<void()>& rest, const std::function<void()>& wake);
  [[nodiscard]] bool closed() const;
  // A call that was taken has its end.
  void done();
  // Ends those that nobody has taken.
  void refuse_rest(const Error& why);
  std::deque<CallPtr> take();
  void begin_step(StepShares shares);
  void end_step();
  // The step under way is to end early.
  [[nodiscard]] const std::atomic<bool>& stop_step() const { return stop_step_; }

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable something_;
  std::deque<CallPtr> calls_;      // not taken yet; guarded by mutex_
  std::size_t here_ = 0;           // those and the ones taken; guarded by mutex_
  StepShares in_step_;             // guarded by mutex_
  std::uint32_t step_tokens_ = 0;  // guarded by mutex_
  std::uint32_t unwanted_ = 0;     // of these; guarded by mutex_
  bool disturbed_ = false;         // guarded by mutex_
  bool closed_ = false;            // guarded by mutex_
  std::atomic<bool> stop_step_ = false;
};

}  // namespace sluice::llama
