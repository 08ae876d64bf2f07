// The caller's side of a call that runs elsewhere.
#pragma once

#include <atomic>
#include <memory>

#include "inference/callable.h"

namespace sluice::onnx {

// Answers the caller exactly once, on its home thread: with what finish() brings, or as soon as the
// deadline passes or cancel() is called. What still runs then is told to stop, and what it brings
// is dropped; until then it holds the request.
class PendingCall : public Cancellable, public std::enable_shared_from_this<PendingCall> {
 public:
  PendingCall(const Call& call, RequestPtr request, Sink& sink, std::string_view callable,
              TimePoint queued);

  // On the home thread.
  void watch_deadline();
  void cancel() override;

  // From any thread: brings the result home.
  void finish(Result<Response> result, CallTimes run = {});
  // From any thread: the deadline was found to have passed.
  void finish_late();

  // From any thread: nobody waits any more.
  [[nodiscard]] bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  [[nodiscard]] const RequestPtr& request() const { return request_; }
  [[nodiscard]] const InferRequest& infer() const { return std::get<InferRequest>(*request_); }
  [[nodiscard]] Deadline deadline() const { return deadline_; }

 protected:
  // On the home thread, once: the caller is answered early. Stops or takes back what was handed on.
  virtual void stop() = 0;
  // On the home thread, where nothing will run any more: what is left of it may wait for its end.
  void forget_request() { request_ = nullptr; }

 private:
  void expire();
  void answer(Result<Response> result);

  RequestPtr request_;
  Executor& home_;
  const Executor::Stay stay_;  // the run comes home also when the caller has been answered
  const Deadline deadline_;
  const std::string callable_;
  std::atomic<bool> stopped_ = false;

  // Of the home thread.
  CallTimes* times_;
  Sink* sink_;  // null once answered
  TimerId timer_ = 0;
  const TimePoint queued_;
};

}  // namespace sluice::onnx
