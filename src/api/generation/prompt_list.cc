#include "api/generation/prompt_list.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

namespace sluice::api::generation {

namespace {

// Answers its caller when the last call it started has reported, so that all that the caller lends
// lives as long as any of them. Home thread only.
class Run final : public Cancellable, public std::enable_shared_from_this<Run> {
 public:
  Run(CallablePtr callable, const std::vector<std::string>& prompts, const Call& call,
      const RequestPtr& request, Sink& sink)
      : callable_(std::move(callable)),
        prompts_(prompts),
        asked_(std::get<GenerateRequest>(*request)),
        call_(call),
        sink_(sink),
        asks_(prompts.size()) {}

  CancelHandle start() {
    self_ = shared_from_this();
    const auto keep = self_;
    start_more();
    return self_ == nullptr ? CancelHandle() : CancelHandle(keep);
  }

  void cancel() override { stop(Error{ErrorCode::kCancelled, "the caller went away"}); }

 private:
  struct Ask final : Sink {
    Run* run = nullptr;
    std::size_t place = 0;
    CallTimes times;  // of all but the first, whose are the caller's
    CancelHandle handle;
    bool done = false;
    GenerateResponse response;
    void on_part(Part part) override { run->part(*this, std::move(part)); }
    void on_result(Result<Response> result) override { run->reported(*this, std::move(result)); }
  };

  void start_more() {
    if (std::exchange(starting_, true)) return;
    while (!error_ && running_ < at_once_ && (!again_.empty() || next_ < asks_.size())) {
      if (again_.empty()) {
        start_one(next_++);
      } else {
        start_one(again_.front());
        again_.pop_front();
      }
    }
    starting_ = false;
    if (running_ == 0) finish();
  }

  void start_one(std::size_t place) {
    Ask& ask = asks_[place];
    ask.run = this;
    ask.place = place;
    ask.done = false;
    GenerateRequest own = asked_;
    own.prompt = prompts_[place];
    Call call = call_;
    if (place != 0 || call.times == nullptr) call.times = &ask.times;
    ++running_;
    CancelHandle handle = callable_->start(call, make_request(std::move(own)), ask);
    if (ask.done) return;
    ask.handle = std::move(handle);
    if (error_) ask.handle.cancel();  // another ended while this one began
  }

  void part(const Ask& ask, Part part) {
    if (error_) return;
    part.choice += static_cast<std::uint32_t>(ask.place) * asked_.choices;
    sink_.on_part(std::move(part));
  }

  void reported(Ask& ask, Result<Response> result) {
    const auto keep = shared_from_this();
    ask.done = true;
    ask.handle.release();
    --running_;
    if (result) {
      ask.response = std::get<GenerateResponse>(std::move(*result));
    } else if (result.error().code == ErrorCode::kExhausted && running_ > 0 && !error_) {
      // Those of the list that are under way may be what fills the queue: after one of them.
      at_once_ = running_;
      again_.push_back(ask.place);
    } else {
      stop(std::move(result.error()));
    }
    start_more();
  }

  void stop(Error why) {
    if (error_) return;
    error_ = std::move(why);
    for (Ask& ask : asks_) ask.handle.cancel();
  }

  void finish() {
    const auto keep = std::exchange(self_, nullptr);
    if (keep == nullptr) return;
    if (error_) return sink_.on_result(fail(std::move(*error_)));
    GenerateResponse all;
    for (Ask& ask : asks_) {
      GenerateResponse& one = ask.response;
      all.model = std::move(one.model);
      std::ranges::move(one.choices, std::back_inserter(all.choices));
      all.usage.prompt_tokens += one.usage.prompt_tokens;
      all.usage.cached_tokens += one.usage.cached_tokens;
      all.usage.completion_tokens += one.usage.completion_tokens;
      all.times.load = std::max(all.times.load, one.times.load);  // they wait for the same
      if (call_.times != nullptr) call_.times->ran = std::max(call_.times->ran, ask.times.ran);
    }
    // They overlap: the times of the call say where its own went.
    sink_.on_result(std::move(all));
  }

  const CallablePtr callable_;
  const std::vector<std::string> prompts_;
  const GenerateRequest asked_;
  const Call call_;
  Sink& sink_;
  std::vector<Ask> asks_;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  std::size_t at_once_ = kPromptsAtOnce;
  std::deque<std::size_t> again_;  // refused, to be asked once more
  bool starting_ = false;
  std::optional<Error> error_;
  std::shared_ptr<Run> self_;  // until it has answered
};

class PromptList final : public Callable {
 public:
  PromptList(CallablePtr callable, std::vector<std::string> prompts)
      : callable_(std::move(callable)), prompts_(std::move(prompts)) {}

  [[nodiscard]] const Description& describe() const override { return callable_->describe(); }
  [[nodiscard]] Placement placement(const Request& request) const override {
    return {.where = callable_->placement(request).where == Placement::Where::kRemote
                         ? Placement::Where::kRemote
                         : Placement::Where::kPooled};
  }
  [[nodiscard]] Result<> ready() const override { return callable_->ready(); }
  [[nodiscard]] Callable* behind() const override { return callable_.get(); }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override {
    return std::make_shared<Run>(callable_, prompts_, call, request, sink)->start();
  }

 private:
  const CallablePtr callable_;
  const std::vector<std::string> prompts_;
};

}  // namespace

CallablePtr ask_each(CallablePtr callable, std::vector<std::string> prompts) {
  return std::make_shared<PromptList>(std::move(callable), std::move(prompts));
}

}  // namespace sluice::api::generation
