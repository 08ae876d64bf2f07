#include "api/generation/generation.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/generation/account.h"

namespace sluice::api::generation {

namespace {

// One call. The listener of the call holds it, so that it lives until the exchange is done with;
// its timer is cancelled with it.
class Generation final : public std::enable_shared_from_this<Generation> {
 public:
  Generation(http::Exchange& exchange, const gateway::Mount& mount, std::unique_ptr<Form> form,
             const StreamRules& rules, const GenerateRequest& request, ServiceClass service_class)
      : exchange_(exchange),
        mount_(mount),
        form_(std::move(form)),
        rules_(rules),
        stream_(request.stream),
        writes_(request.max_tokens != 0U),
        account_(exchange, mount, service_class) {}
  ~Generation() { loop_.cancel(timer_); }
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  CallTimes& times() { return account_.times(); }

  // The call is under way.
  void watch() {
    if (stream_ && !done_ && timer_ == 0 && !form_->heartbeat().empty()) arm();
  }

  void on_part(const TextPart& part) {
    if (done_ || broken_) return;
    account_.tell_wait(exchange_);
    account_.note_part();
    out_.clear();
    begin();
    form_->part(out_, part);
    if (out_.empty()) return;  // not for its readers; they still want to hear that it goes on
    said_at_ = mount_.clock.now();
    send();
  }

  void on_answer(Result<Response> result) {
    done_ = true;
    account_.tell_wait(exchange_);
    auto response = gateway::response_as<GenerateResponse>(std::move(result));
    if (!stream_) return answer_whole(response);
    if (!response && !streaming_) return form_->refuse(exchange_, response.error());
    out_.clear();
    if (response && !broken_) {
      const auto timings = account_.timings(exchange_, response->times);
      begin();
      form_->end(out_, *response, timings);
      tell(timings, response->usage);
    } else {
      account_.tell_broken(exchange_);
      exchange_.error = broken_ ? too_slow() : response.error();
      form_->broken(out_, *exchange_.error);
    }
    // Bounded: what is kept, and one end.
    unsent_ += out_;
    exchange_.write_stream(unsent_);
    exchange_.end_stream();
  }

 private:
  static Error too_slow() { return cancelled("the client does not read what it asked for"); }

  void answer_whole(const Result<GenerateResponse>& response) {
    if (!response) return form_->refuse(exchange_, response.error());
    const auto timings = account_.timings(exchange_, response->times);
    out_.clear();
    form_->whole(out_, *response, timings);
    exchange_.server_timing = telemetry::server_timing(timings);
    tell(timings, response->usage);
    exchange_.respond(200, form_->content_type(), out_);
  }

  // A model that was only to be loaded, or dropped, has no first token.
  void tell(const GenerationTimings& timings, const Usage& usage) const {
    if (writes_) return account_.tell(exchange_, timings, usage);
    account_.tell_read(usage);
  }

  void start_stream() {
    if (std::exchange(streaming_, true)) return;
    // Proxies are not to gather it, nor to keep it.
    const http::HeaderList headers{{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
    exchange_.start_stream({200, form_->stream_type(), &headers});
  }
  void begin() {
    start_stream();
    if (!std::exchange(begun_, true)) form_->begin(out_);
  }

  // What is in `out_`, after what is kept.
  void send() {
    if (full_) {
      unsent_ += out_;
      if (unsent_.size() > rules_.max_unsent) give_up();
      return;
    }
    if (!exchange_.write_stream(out_)) wait_for_room();
  }
  void wait_for_room() {
    full_ = true;
    exchange_.on_writable([this] {
      full_ = false;
      if (done_ || broken_ || unsent_.empty()) return;
      if (!exchange_.write_stream(std::exchange(unsent_, {}))) wait_for_room();
    });
  }
  // Not from within the callable, which is telling of a part.
  void give_up() {
    broken_ = true;
    unsent_.clear();
    loop_.post([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && !self->done_) self->exchange_.stop_work();
    });
  }

  void arm() {
    timer_ = loop_.run_at(std::max(said_at_, loop_.now()) + rules_.heartbeat, [this] { beat(); });
  }
  void beat() {
    timer_ = 0;
    if (done_ || broken_) return;
    const TimePoint now = mount_.clock.now();
    if (now - said_at_ >= rules_.heartbeat) {
      said_at_ = now;
      if (!streaming_) {
        exchange_.timings.lap(
            account_.waits_in_queue() ? telemetry::Stage::kQueue : telemetry::Stage::kRun, now);
      }
      start_stream();
      out_ = form_->heartbeat();
      send();
    }
    arm();
  }

  http::Exchange& exchange_;
  EventLoop& loop_ = exchange_.loop();
  const gateway::Mount& mount_;
  std::unique_ptr<Form> form_;
  const StreamRules rules_;
  const bool stream_;
  const bool writes_;
  Account account_;
  TimePoint said_at_ = mount_.clock.now();
  TimerId timer_ = 0;
  std::string out_;
  std::string unsent_;  // while the connection takes no more
  bool full_ = false;
  bool streaming_ = false;
  bool begun_ = false;
  bool broken_ = false;  // its client does not read
  bool done_ = false;
};

}  // namespace

void start_generation(http::Exchange& exchange, const gateway::Mount& mount,
                      const CallablePtr& callable, GenerateRequest request,
                      gateway::CallOptions options, std::unique_ptr<Form> form,
                      const StreamRules& rules) {
  const auto one = std::make_shared<Generation>(exchange, mount, std::move(form), rules, request,
                                                options.service_class);
  options.times = &one->times();
  gateway::Listener listener{
      .on_part = [one](http::Exchange&, const Part& part) { one->on_part(part); },
      .answer = [one](http::Exchange&, Result<Response> r) { one->on_answer(std::move(r)); }};
  gateway::start_request(exchange, mount.clock, callable, std::move(request), std::move(listener),
                         options);
  one->watch();
}

void start_embedding(http::Exchange& exchange, const gateway::Mount& mount,
                     const CallablePtr& callable, EmbedRequest request,
                     gateway::CallOptions options, Embedded answer) {
  struct State {
    Account account;
    Embedded answer;
  };
  const auto state = std::make_shared<State>(
      State{Account(exchange, mount, options.service_class), std::move(answer)});
  options.times = &state->account.times();
  gateway::Listener listener{
      .on_part = {}, .answer = [state](http::Exchange& x, Result<Response> result) {
        state->account.tell_wait(x);
        auto response = gateway::response_as<EmbedResponse>(std::move(result));
        if (!response) return state->answer(x, fail(response.error()), {});
        const auto timings = state->account.timings(x, response->times);
        x.server_timing = telemetry::server_timing(timings);
        state->account.tell_read({.prompt_tokens = response->prompt_tokens});
        state->answer(x, std::move(response), timings);
      }};
  gateway::start_request(exchange, mount.clock, callable, std::move(request), std::move(listener),
                         options);
}

}  // namespace sluice::api::generation
