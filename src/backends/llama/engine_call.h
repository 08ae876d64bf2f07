// One call of a language model on its way between its home thread and an engine's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "inference/callable.h"
#include "runtime/cancel.h"
#include "runtime/executor.h"

namespace sluice::llama {

// Tells the sink, on its home thread, in the order in which an engine says; a cancellation or the
// deadline tells it at once, and what the engine says later goes nowhere. Shared by both threads.
class EngineCall final : public Cancellable, public std::enable_shared_from_this<EngineCall> {
 public:
  // From the home thread. `stopped` is called there as well, once, when nobody waits for the call
  // any more while the engine still has it.
  EngineCall(const Call& call, RequestPtr request, Sink& sink);
  void begin(std::function<void()> stopped);

  // --- home thread
  void cancel() override;

  // --- engine's thread
  void part(Part part);
  // Once, and last.
  void end(Result<Response> result, TimePoint first, TimePoint ran);

  // --- any thread
  [[nodiscard]] bool stopped() const { return stopped_.load(); }
  // The inbox's note of what the call has in the step under way.
  [[nodiscard]] std::atomic<std::uint64_t>& in_step() { return in_step_; }
  template <class T>
  [[nodiscard]] const T& request() const {
    return std::get<T>(*request_);
  }
  [[nodiscard]] ServiceClass service_class() const { return service_class_; }
  [[nodiscard]] const std::string& tenant() const { return tenant_; }

 private:
  void tell(Result<Response> result);  // home thread
  void stop(Error why);                // home thread

  Executor& home_;
  std::optional<Executor::Stay> stay_;  // while the engine may post
  const Deadline deadline_;
  const ServiceClass service_class_;
  const std::string tenant_;
  const RequestPtr request_;
  Sink* sink_;        // home thread; null once it has its result
  CallTimes* times_;  // home thread; lives as long as the sink waits
  TimerId timer_ = 0;
  std::function<void()> on_stop_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> in_step_ = 0;
};

// A thread that takes calls.
class CallTaker {
 public:
  virtual ~CallTaker() = default;
  // From the call's home thread, once for each call; what cannot be taken is told through the call.
  virtual void submit(std::shared_ptr<EngineCall> call) = 0;
};

}  // namespace sluice::llama
