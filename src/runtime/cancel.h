// How to stop what was started.
#pragma once

#include <memory>
#include <utility>

namespace sluice {

// Something under way that can be told to stop. cancel() comes from the home thread of the call, at
// most once matters, and never after the handle is gone. The result still arrives (kCancelled, or
// whatever was ready first).
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  virtual void cancel() = 0;
};

// Owns a share of what it can stop; empty for what was finished before it could be.
class CancelHandle {
 public:
  CancelHandle() = default;
  explicit CancelHandle(std::shared_ptr<Cancellable> target) : target_(std::move(target)) {}

  // Stops it, if it is still under way. The handle is empty afterwards.
  void cancel() {
    if (auto target = std::exchange(target_, nullptr)) target->cancel();
  }
  void release() { target_ = nullptr; }
  explicit operator bool() const { return target_ != nullptr; }

 private:
  std::shared_ptr<Cancellable> target_;
};

}  // namespace sluice
