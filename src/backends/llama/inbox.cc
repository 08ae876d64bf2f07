#include "backends/llama/inbox.h"

#include <algorithm>

#include "base/format.h"

namespace sluice::llama {

namespace {

// The number of a step and a number of its tokens, to be changed as one.
constexpr std::uint64_t word_of(std::uint32_t step, std::uint32_t tokens) {
  return (std::uint64_t{step} << 32U) | tokens;
}
constexpr std::uint32_t step_of(std::uint64_t word) {
  return static_cast<std::uint32_t>(word >> 32U);
}
constexpr std::uint32_t tokens_of(std::uint64_t word) {
  return static_cast<std::uint32_t>(word);
}

// Of so many calls some end within a second, and how long one takes is not known here.
constexpr std::chrono::milliseconds kRetryAfter{1000};

Error unloaded(std::string_view model) {
  return unavailable(formatted("'{}' was unloaded", model));
}

}  // namespace

void Inbox::submit(const std::shared_ptr<Inbox>& inbox, CallPtr call, std::string_view model) {
  call->begin([inbox, raw = call.get()] { inbox->give_up(*raw); });
  if (inbox->closed()) return call->end(fail(unloaded(model)), {}, {});
  if (inbox->here_.fetch_add(1) >= inbox->limit_) {
    inbox->done();
    return call->end(
        fail(Error{.code = ErrorCode::kExhausted,
                   .message = formatted("'{}' has {} calls already", model, inbox->limit_),
                   .retry_after = kRetryAfter}),
        {}, {});
  }
  inbox->calls_.give(std::move(call));
  inbox->wake_.post();
  // Closed in between, it may have come after the engine took the last ones.
  if (inbox->closed()) inbox->refuse_rest(unloaded(model));
}

void Inbox::refuse_rest(const Error& why) {
  for (const CallPtr& call : calls_.take()) {
    done();
    call->end(fail(why), {}, {});
  }
}

void Inbox::give_up(EngineCall& call) {
  disturbed_ = true;
  count_unwanted(call.in_step().exchange(0));
  wake_.post();
}

void Inbox::count_unwanted(std::uint64_t word) {
  if (word == 0) return;
  std::uint64_t known = unwanted_.load();
  do {
    if (step_of(known) != step_of(word)) return;  // that one is over
  } while (!unwanted_.compare_exchange_weak(known, known + tokens_of(word)));
  // What others have in this step is lost with it, so it must be the smaller part. (If it has just
  // ended the next one is begun again, which costs a little.)
  if ((tokens_of(known) + tokens_of(word)) * 2 >= step_tokens_.load()) stop_step_ = true;
}

void Inbox::close() {
  closed_ = true;
  stop_step_ = true;
  wake_.post();
}

bool Inbox::wait(const std::function<void()>& rest) {
  if (!has_something()) rest();
  while (!has_something()) wake_.wait();
  return !closed();
}

std::vector<Inbox::CallPtr> Inbox::take() {
  disturbed_ = false;
  return calls_.take();
}

void Inbox::begin_step(const StepShares& shares) {
  std::uint32_t all = 0;
  for (const auto& [call, tokens] : shares) {
    all += tokens;
    const auto known = std::ranges::find(in_step_, call, &StepShares::value_type::first);
    if (known == in_step_.end()) {
      in_step_.emplace_back(call, tokens);
    } else {
      known->second += tokens;
    }
  }
  step_ = std::max<std::uint32_t>(step_ + 1, 1);  // a word is never 0
  step_tokens_ = all;
  unwanted_ = word_of(step_, 0);
  stop_step_ = false;
  if (closed()) stop_step_ = true;
  for (const auto& [call, tokens] : in_step_) {
    call->in_step() = word_of(step_, tokens);
    // Whichever of the two sees the other's mark, here or in give_up(), takes the word.
    if (call->stopped()) count_unwanted(call->in_step().exchange(0));
  }
}

void Inbox::end_step() {
  for (const auto& [call, tokens] : in_step_) call->in_step() = 0;
  in_step_.clear();
}

}  // namespace sluice::llama
