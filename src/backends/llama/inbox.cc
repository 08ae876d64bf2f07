#include "backends/llama/inbox.h"

#include <format>

namespace sluice::llama {

void Inbox::submit(const std::shared_ptr<Inbox>& inbox, CallPtr call, std::string_view model) {
  call->begin([inbox, raw = call.get()] { inbox->give_up(*raw); });
  bool closed = false;
  {
    const std::scoped_lock lock(inbox->mutex_);
    closed = inbox->closed_;
    if (!closed && inbox->here_ < inbox->limit_) {
      ++inbox->here_;
      inbox->calls_.push_back(std::move(call));
      inbox->something_.notify_one();
      return;
    }
  }
  call->end(closed ? fail(unavailable(std::format("'{}' was unloaded", model)))
                   : fail(ErrorCode::kExhausted,
                          std::format("'{}' has {} calls already", model, inbox->limit_)),
            {}, {});
}

void Inbox::done() {
  const std::scoped_lock lock(mutex_);
  --here_;
}

void Inbox::refuse_rest(const Error& why) {
  for (const CallPtr& call : take()) {
    done();
    call->end(fail(why), {}, {});
  }
}

void Inbox::give_up(const EngineCall& call) {
  const std::scoped_lock lock(mutex_);
  disturbed_ = true;
  for (const auto& [in_step, tokens] : in_step_) {
    if (in_step == &call) unwanted_ += tokens;
  }
  // What others have in this step is lost with it, so it must be the smaller part.
  if (!in_step_.empty() && unwanted_ * 2 >= step_tokens_) stop_step_ = true;
  something_.notify_one();
}

void Inbox::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  stop_step_ = true;
  something_.notify_one();
}

bool Inbox::wait(const std::function<void()>& rest, const std::function<void()>& wake) {
  std::unique_lock lock(mutex_);
  const auto something = [&] { return closed_ || disturbed_ || !calls_.empty(); };
  if (something()) return !closed_;
  lock.unlock();
  rest();
  lock.lock();
  something_.wait(lock, something);
  if (closed_) return false;
  lock.unlock();
  wake();
  return true;
}

bool Inbox::closed() const {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

std::deque<Inbox::CallPtr> Inbox::take() {
  const std::scoped_lock lock(mutex_);
  disturbed_ = false;
  return std::exchange(calls_, {});
}

void Inbox::begin_step(StepShares shares) {
  const std::scoped_lock lock(mutex_);
  in_step_ = std::move(shares);
  step_tokens_ = 0;
  unwanted_ = 0;
  for (const auto& [call, tokens] : in_step_) {
    step_tokens_ += tokens;
    if (call->stopped()) unwanted_ += tokens;
  }
  stop_step_ = closed_ || (unwanted_ != 0 && unwanted_ * 2 >= step_tokens_);
}

void Inbox::end_step() {
  const std::scoped_lock lock(mutex_);
  in_step_.clear();
}

}  // namespace sluice::llama
