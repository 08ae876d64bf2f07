// Where calls wait for an engine's thread, and where it hears that they are not wanted any more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/llama/engine_call.h"
#include "runtime/handover.h"
#include "runtime/semaphore.h"

namespace sluice::llama {

// Shared by the engine and the calls it has, so that a call may speak up after the engine's end.
// No lock: the engine of best effort may be off its processor at any moment, and the threads where
// calls are at home must not wait for that.
class Inbox {
 public:
  using CallPtr = std::shared_ptr<EngineCall>;
  // What a call has in a step.
  using StepShares = std::vector<std::pair<EngineCall*, std::uint32_t>>;

  // `limit`: the most calls that are here at once, taken in or not.
  explicit Inbox(std::size_t limit) : limit_(limit) {}

  // --- the call's home thread
  // From now on it is here until done(). One too many (kExhausted), or one that comes after the end
  // (kUnavailable), is told through the call; `model` is the name for that.
  static void submit(const std::shared_ptr<Inbox>& inbox, CallPtr call, std::string_view model);

  // --- any thread
  // Nobody waits for this one any more: the step under way is given up when it is mostly for such.
  void give_up(EngineCall& call);
  void close();

  // --- the engine's thread
  // Sleeps until there is something; `rest` runs before it does. False: closed.
  bool wait(const std::function<void()>& rest);
  [[nodiscard]] bool closed() const { return closed_.load(); }
  // A call that was taken has its end.
  void done() { here_.fetch_sub(1); }
  // Ends those that nobody has taken.
  void refuse_rest(const Error& why);
  std::vector<CallPtr> take();
  // The calls live until end_step().
  void begin_step(const StepShares& shares);
  void end_step();
  // The step under way is to end early.
  [[nodiscard]] const std::atomic<bool>& stop_step() const { return stop_step_; }

 private:
  [[nodiscard]] bool has_something() const {
    return closed_.load() || disturbed_.load() || !calls_.empty();
  }
  // What a call had in the step that its word names: nobody wants it.
  void count_unwanted(std::uint64_t word);

  const std::size_t limit_;
  Handover<CallPtr> calls_;            // not taken yet
  std::atomic<std::size_t> here_ = 0;  // those and the ones taken
  Semaphore wake_;
  std::atomic<bool> disturbed_ = false;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> stop_step_ = false;
  std::atomic<std::uint32_t> step_tokens_ = 0;
  std::atomic<std::uint64_t> unwanted_ = 0;  // the step's number, and how many of its tokens
  StepShares in_step_;                       // each call once; the engine's thread
  std::uint32_t step_ = 0;                   // the engine's thread
};

}  // namespace sluice::llama
