#include "gateway/exchange_call.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "http/deadline_header.h"

namespace sluice::gateway {

namespace {

constexpr std::chrono::hours kLongestTimeout{24};

// Who is told. Tensors have a function of their own, so that their calls allocate no second one.
struct Replies {
  Answer infer;
  Listener any;

  void give(http::Exchange& exchange, const Callable& asked, Result<Response> result) {
    if (infer) return infer(exchange, asked, response_as<InferResponse>(std::move(result)));
    any.answer(exchange, std::move(result));
  }
};

class ExchangeCall final : public Sink {
 public:
  ExchangeCall(http::Exchange& exchange, const Clock& clock, Replies replies, CallTimes* times)
      : exchange_(exchange),
        clock_(clock),
        replies_(std::move(replies)),
        tracestate_(tracestate_of(exchange)),
        times_(times != nullptr ? *times : own_times_) {}

  void start(const CallablePtr& callable, Request request, Deadline deadline, bool asked,
             const CallOptions& options) {
    Call call{.home = &exchange_.loop(),
              .deadline = deadline,
              .deadline_asked = asked,
              .service_class = class_for(exchange_.principal.get(), options.service_class),
              .tenant = tenant_for(exchange_.principal.get(), exchange_.peer()),
              .request_id = request_id_of(exchange_),
              .traceparent = traceparent_of(exchange_),
              .tracestate = tracestate_,
              .times = &times_};
    exchange_.timings.lap(telemetry::Stage::kParse, clock_.now());
    asked_ = callable.get();
    CancelHandle handle = callable->start(call, make_request(std::move(request)), *this);
    if (done_) return;
    callable_ = callable;
    handle_ = std::move(handle);
    exchange_.on_cancel([this] { handle_.cancel(); });
  }

  void on_part(Part part) override {
    lap_queue();
    lap(telemetry::Stage::kRun, clock_.now());
    if (replies_.any.on_part) replies_.any.on_part(exchange_, std::move(part));
  }

  void on_result(Result<Response> result) override {
    done_ = true;
    handle_.release();
    exchange_.on_cancel(nullptr);
    lap_queue();
    // Who was refused while it waited has not run.
    if (!result && times_.queued != TimePoint() && times_.started == TimePoint()) {
      lap(telemetry::Stage::kQueue, clock_.now());
    }
    lap(telemetry::Stage::kRun, times_.ran != TimePoint() ? times_.ran : clock_.now());
    if (!result) exchange_.error = result.error();
    replies_.give(exchange_, *asked_, std::move(result));
  }

 private:
  // A stream has had laps of its own by then, so what comes from other threads may be the past.
  void lap(telemetry::Stage stage, TimePoint at) {
    const TimePoint last = exchange_.timings.start() + exchange_.timings.total();
    exchange_.timings.lap(stage, std::max(at, last));
  }
  void lap_queue() {
    if (times_.queued == TimePoint() || times_.started <= times_.queued) return;
    if (!std::exchange(queue_told_, true)) lap(telemetry::Stage::kQueue, times_.started);
  }

  http::Exchange& exchange_;
  const Clock& clock_;
  Replies replies_;
  const std::string tracestate_;
  CallTimes own_times_;
  CallTimes& times_;
  CancelHandle handle_;
  const Callable* asked_ = nullptr;
  CallablePtr callable_;  // the same, once it has not answered at once
  bool done_ = false;
  bool queue_told_ = false;
};

// What could never run is refused now, as far as the callable says what it takes.
void call_later(http::Exchange& exchange, const Callable& callable, Request request,
                Replies replies) {
  const Description& description = callable.describe();
  auto* infer = std::get_if<InferRequest>(&request);
  if (infer != nullptr && !description.inputs.empty()) {
    infer->outputs.clear();  // which there are may depend on who is there then
    if (const auto ok = check_inputs(description, *infer); !ok) {
      return replies.give(exchange, callable, fail(ok.error()));
    }
  }
  exchange.later->take(exchange, description.name);
}

std::string_view made_or_sent(const http::Exchange& exchange, const std::string& made,
                              std::string_view header) {
  return made.empty() ? exchange.head().header(header).value_or("") : std::string_view(made);
}

}  // namespace

std::string_view request_id_of(const http::Exchange& exchange) {
  return made_or_sent(exchange, exchange.request_id, "X-Request-Id");
}
std::string_view traceparent_of(const http::Exchange& exchange) {
  return made_or_sent(exchange, exchange.traceparent, "traceparent");
}
std::string tracestate_of(const http::Exchange& exchange) {
  return http::joined_header(exchange.head().headers, "tracestate");
}

Result<std::optional<Duration>> requested_timeout(const http::RequestHead& head) {
  const auto text = head.header(http::kDeadlineHeader);
  if (!text) return std::nullopt;
  std::uint64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  const std::chrono::milliseconds longest = kLongestTimeout;
  if (error != std::errc() || end != text->data() + text->size() || ms == 0 ||
      ms > static_cast<std::uint64_t>(longest.count())) {
    return fail(invalid(formatted("{} must be a whole number of milliseconds from 1 to {}",
                                  http::kDeadlineHeader, longest.count())));
  }
  return std::chrono::milliseconds(ms);
}

namespace {

void start(http::Exchange& exchange, const Clock& clock, const CallablePtr& callable,
           Request request, Replies replies, const CallOptions& options) {
  // Whatever the API has looked at: no call gets past this.
  const auto refuse = [&](Error error) {
    replies.give(exchange, *callable, fail(std::move(error)));
  };
  if (exchange.principal != nullptr) {
    const auto may = check_callable(exchange.principal.get(), callable->describe().name);
    if (!may) return refuse(may.error());
  }
  if (const auto kind = check_kind(callable->describe(), kind_of(request)); !kind) {
    return refuse(kind.error());
  }
  if (exchange.later != nullptr && http::prefers_async(exchange.head()) &&
      callable->describe().kind != CallableKind::kExternal) {
    return call_later(exchange, *callable, std::move(request), std::move(replies));
  }
  const auto timeout = requested_timeout(exchange.head());
  if (!timeout) return refuse(timeout.error());
  Deadline deadline;
  const auto bound = [&](const std::optional<Duration>& wait) {
    if (wait) deadline = deadline.earlier(Deadline::after(exchange.timings.start(), *wait));
  };
  bound(*timeout);
  bound(options.timeout);
  const bool asked = !deadline.is_never();
  if (!asked) bound(options.default_timeout);
  auto& call = exchange.attach<ExchangeCall>(exchange, clock, std::move(replies), options.times);
  call.start(callable, std::move(request), deadline, asked, options);
}

}  // namespace

void start_call(http::Exchange& exchange, const Clock& clock, const CallablePtr& callable,
                InferRequest request, Answer answer, const CallOptions& options) {
  start(exchange, clock, callable, std::move(request), {.infer = std::move(answer)}, options);
}

void start_request(http::Exchange& exchange, const Clock& clock, const CallablePtr& callable,
                   Request request, Listener listener, const CallOptions& options) {
  start(exchange, clock, callable, std::move(request), {.any = std::move(listener)}, options);
}

}  // namespace sluice::gateway
