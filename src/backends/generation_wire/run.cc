#include "backends/generation_wire/run.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

#include "backends/generation_wire/error.h"
#include "base/format.h"
#include "http/deadline_header.h"
#include "inference/pass_on.h"

namespace sluice::generation_wire {

namespace {
using replicas::Outcome;

// The engine's time limit, not the caller's.
bool says_timeout(int status) {
  return status == 408 || status == 504;
}

// How long an engine that said that it is complete may take to end its answer.
constexpr Duration kLastBytes = std::chrono::milliseconds(500);
// An engine that refuses without saying for how long.
constexpr Duration kBusyFor = std::chrono::seconds(1);
constexpr Duration kMaxBusyFor = std::chrono::seconds(30);

// `status`: of its answer; 0 where there was none. `began`: a first token came.
Outcome outcome_of(const Result<Answer>& result, int status, bool began) {
  if (result) return Outcome::kSuccess;
  switch (result.error().code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kInternal:  // it failed, or answered what cannot be read: others may do better
      return Outcome::kFailure;
    case ErrorCode::kTimeout:
      if (says_timeout(status)) return Outcome::kFailure;
      return began ? Outcome::kNeither : Outcome::kTimeout;
    case ErrorCode::kInvalid:
    case ErrorCode::kTooLarge:
      return Outcome::kSuccess;  // it is well enough to complain
    default:
      return Outcome::kNeither;
  }
}
}  // namespace

CancelHandle Run::start(std::shared_ptr<Service> service, const Call& call, RequestPtr request,
                        WireCall wire, Sink& sink) {
  auto run =
      std::make_shared<Run>(std::move(service), call, std::move(request), std::move(wire), sink);
  if (run->lane_->loop.is_current()) {
    run->begin();
  } else {
    run->lane_->loop.post([run] { run->begin(); });
  }
  return CancelHandle(std::move(run));
}

Run::Run(std::shared_ptr<Service> service, const Call& call, RequestPtr request, WireCall wire,
         Sink& sink)
    : service_(std::move(service)),
      call_(call),
      request_(std::move(request)),
      wire_(std::move(wire)),
      sink_(&sink),
      lane_(service_->lanes.at(call.home)) {}

void Run::begin() {
  deadline_ = call_.deadline.earlier(Deadline::after(lane_->loop.now(), service_->options.timeout));
  lane_->budget.on_request();
  service_->probe_if_due(*lane_);
  Error why;
  if (!seek(why)) finish(fail(std::move(why)));
}

bool Run::seek(Error& why) {
  const TimePoint now = lane_->loop.now();
  auto taken = service_->pool.take(shared_from_this(), call_.service_class, tried_, now);
  if (!taken) {
    why = std::move(taken.error());
    return false;
  }
  if (*taken) {
    attempt(**taken);
    return true;
  }
  if (call_.times != nullptr) call_.times->queued = now;
  // Who waits is kept by the timer alone.
  timer_ = lane_->loop.run_at(deadline_.at(), [self = shared_from_this()] {
    self->timer_ = 0;
    self->service_->pool.leave(*self);
    self->finish(fail(timed_out("the deadline passed while waiting for a slot of an engine")));
  });
  return true;
}

void Run::on_slot(std::size_t engine) {
  lane_->loop.post([self = shared_from_this(), engine] {
    if (self->sink_ == nullptr || self->stopped_) {
      return self->service_->pool.give_back(*self, {}, self->lane_->loop.now());
    }
    self->lane_->loop.cancel(std::exchange(self->timer_, 0));
    self->attempt(engine);
  });
}

http::ClientRequest Run::request(const Engine& engine) {
  http::ClientRequest request{.method = http::Method::kPost,
                              .target = engine.base + wire_.path,
                              .body = wire_.body,
                              .deadline = deadline_,
                              .safe_to_repeat = true};  // nothing changes by it
  request.headers.add("Content-Type", "application/json");
  service_->add_headers(request.headers);
  pass_on(call_, lane_->random, [&request](std::string_view name, std::string_view value) {
    request.headers.add(std::string(name), std::string(value));
  });
  const bool realtime = call_.service_class == ServiceClass::kRealtime;
  request.headers.add("X-Sluice-Class", realtime ? "realtime" : "best_effort");
  request.headers.add(std::string(http::kDeadlineHeader), http::deadline_value(deadline_, begun_));
  request.on_head = [this](const http::ClientResponse& head) { on_head(head); };
  request.on_body = [this](std::string_view bytes) { return on_body(bytes); };
  return request;
}

void Run::attempt(std::size_t engine) {
  engine_ = engine;
  if (tried_ != 0) this->engine().metrics().retries.add();
  tried_ |= std::uint64_t{1} << engine;
  begun_ = last_ = lane_->loop.now();
  complete_at_ = {};
  if (call_.times != nullptr) call_.times->started = begun_;
  reader_.reset();
  status_ = 0;
  refusal_.clear();
  failure_.reset();
  replicas::ReplicaSet::begin(this->engine());
  // `this` in its callbacks: the share of the last one keeps it.
  attempt_ = lane_->client.start(
      this->engine().origin, request(this->engine()),
      [self = shared_from_this()](auto answer) { self->on_done(std::move(answer)); });
  watch();
}

void Run::on_head(const http::ClientResponse& head) {
  status_ = head.status;
  if (status_ / 100 != 2) {
    headers_ = head.headers;
    return;
  }
  const std::string_view type = head.headers.find("Content-Type").value_or("");
  const bool whole = type.starts_with("application/json");
  reader_ = service_->dialect->read(*request_, !whole);
}

bool Run::on_body(std::string_view bytes) {
  if (reader_ == nullptr) {
    refusal_.append(bytes.substr(0, kMaxErrorBody - std::min(kMaxErrorBody, refusal_.size())));
    return true;
  }
  if (complete_at_ != TimePoint{}) return true;  // nothing of the answer can come any more
  const TimePoint now = lane_->loop.now();
  const bool had_begun = first_ != TimePoint{};
  const std::size_t heard = reader_->heard();
  auto fed = reader_->feed(bytes, parts_);
  if (reader_->heard() != heard) last_ = now;
  note_time(now);
  if (reader_->complete()) complete_at_ = now;
  if (had_begun != (first_ != TimePoint{}) || complete_at_ != TimePoint{}) {
    // From here on we are patient for another time.
    lane_->loop.cancel(std::exchange(timer_, 0));
    watch();
  }
  deliver();
  if (!fed) failure_ = std::move(fed.error());
  return !failure_ && !stopped_;
}

void Run::note_time(TimePoint now) {
  if (first_ != TimePoint{} || !reader_->started()) return;
  first_ = now;
  lane_->first_token.add(now - begun_);
  if (call_.times != nullptr && sink_ != nullptr) call_.times->first = now;
}

// To the sink, at home. None after a cancellation.
void Run::deliver() {
  std::vector<TextPart> parts = std::exchange(parts_, {});
  if (call_.home == &lane_->loop) {
    for (TextPart& part : parts) {
      if (sink_ == nullptr || silent_) return;
      sink_->on_part(std::move(part));
    }
  } else if (!parts.empty() && sink_ != nullptr) {
    call_.home->post([self = shared_from_this(), sink = sink_, parts = std::move(parts)]() mutable {
      for (TextPart& part : parts) {
        if (self->silent_) return;
        sink->on_part(std::move(part));
      }
    });
  }
}

TimePoint Run::patient_until() const {
  const WireOptions& options = service_->options;
  if (complete_at_ != TimePoint{}) return complete_at_ + kLastBytes;
  if (first_ == TimePoint{}) return begun_ + options.first_token_timeout;
  return last_ + options.token_timeout;
}

// One timer, moved on only when it goes off: tokens come by the hundred.
void Run::watch() {
  timer_ = lane_->loop.run_at(patient_until(), [self = shared_from_this()] {
    self->timer_ = 0;
    self->on_watch();
  });
}

void Run::on_watch() {
  if (lane_->loop.now() < patient_until()) return watch();
  if (complete_at_ == TimePoint{}) {
    const WireOptions& options = service_->options;
    const bool begun = first_ != TimePoint{};
    const Duration patience = begun ? options.token_timeout : options.first_token_timeout;
    failure_ =
        unavailable(formatted("{} for {} ms", begun ? "it said nothing more" : "no token came",
                              static_cast<std::int64_t>(to_ms(patience))));
  }
  attempt_.cancel();  // on_done follows
}

Result<Answer> Run::read(Result<http::ClientResponse> answer) {
  if (failure_) return fail(std::move(*failure_));
  if (reader_ != nullptr && (answer || complete_at_ != TimePoint{})) {
    auto result = reader_->end(parts_);
    note_time(lane_->loop.now());
    deliver();
    return result;
  }
  if (answer || (status_ != 0 && status_ / 100 != 2)) {
    return fail(error_of(status_, headers_, refusal_));
  }
  Error error = std::move(answer.error());
  // Too much came: the engine's doing, not the request's.
  if (error.code == ErrorCode::kTooLarge) error.code = ErrorCode::kInternal;
  return fail(std::move(error));
}

void Run::on_done(Result<http::ClientResponse> answer) {
  attempt_.release();
  lane_->loop.cancel(std::exchange(timer_, 0));
  const TimePoint now = lane_->loop.now();
  Result<Answer> result =
      stopped_ ? fail(cancelled("the call was cancelled")) : read(std::move(answer));
  const std::string& name = engine().name();
  if (!result && result.error().code != ErrorCode::kCancelled &&
      !result.error().message.starts_with(http::to_string(engine().origin))) {
    result.error().message = formatted("{}: {}", name, result.error().message);
  }
  settle(result, now);
  if (!result) {
    if (!try_elsewhere(result.error(), now)) finish(fail(std::move(result.error())));
    return;
  }
  EngineTimes measured{
      .prompt = (first_ == TimePoint{} ? now : first_) - begun_,
      .decode = first_ == TimePoint{} ? Duration{} : std::max(last_, first_) - first_};
  std::visit(
      [&]<class R>(R& response) {
        response.model = service_->description.name;
        if constexpr (!std::is_same_v<R, InferResponse>) {
          if (!result->timed) response.times = measured;
        }
      },
      result->response);
  finish(std::move(result->response));
}

void Run::settle(const Result<Answer>& result, TimePoint now) {
  Engine& engine = this->engine();
  service_->set.end(engine, outcome_of(result, status_, first_ != TimePoint{}), now,
                    {now - begun_, lane_->first_token.value()});
  if (result && first_ == TimePoint{}) lane_->first_token.add(now - begun_);
  service_->update_usable(engine, now);
  if (!result) {
    const Error& error = result.error();
    const bool refused = error.code == ErrorCode::kExhausted || error.retry_after.has_value();
    const bool lacks = status_ == 404;
    if (refused || lacks) {
      const Duration busy = std::min<Duration>(
          error.retry_after ? Duration(*error.retry_after) : kBusyFor, kMaxBusyFor);
      service_->pool.learn(engine.index, now, [&](EngineState& state) {
        if (refused) state.busy_until = now + busy;
        if (lacks && service_->options.models_every > Duration::zero()) state.holds = Holds::kNo;
      });
    }
  }
  engine_.reset();
  service_->pool.give_back(*this, result ? now - begun_ : Duration{}, now);
}

bool Run::try_elsewhere(const Error& error, TimePoint now) {
  const replicas::RetryOptions& retry = service_->options.retry;
  const bool engines_fault = error.code == ErrorCode::kUnavailable ||
                             error.code == ErrorCode::kInternal ||
                             error.code == ErrorCode::kExhausted ||
                             (error.code == ErrorCode::kTimeout && says_timeout(status_));
  const auto all = static_cast<std::size_t>(std::popcount(tried_));
  if (stopped_ || !engines_fault || !retry.enabled || first_ != TimePoint{} ||
      all >= service_->engines.size() ||
      !replicas::leaves_room(deadline_, now, Duration::zero(), retry) || !lane_->budget.take(now)) {
    return false;
  }
  Error why;
  return seek(why);
}

// Once, on the home thread.
void Run::finish(Result<Response> result) {
  if (sink_ == nullptr) return;
  Sink* sink = std::exchange(sink_, nullptr);
  lane_->loop.cancel(std::exchange(timer_, 0));
  if (call_.times != nullptr) call_.times->ran = lane_->loop.now();
  if (call_.home == &lane_->loop) return sink->on_result(std::move(result));
  call_.home->post(
      [sink, result = std::move(result)]() mutable { sink->on_result(std::move(result)); });
}

void Run::cancel() {
  silent_ = true;
  Task stop = [self = shared_from_this()] {
    if (self->sink_ == nullptr) return;
    self->stopped_ = true;
    if (self->attempt_) return self->attempt_.cancel();  // on_done follows
    self->service_->pool.leave(*self);
    self->finish(fail(cancelled("the call was cancelled")));
  };
  // Posted also at home: nobody gets a result from within cancel().
  if (lane_->loop.is_current() && attempt_) {
    stop();
  } else {
    lane_->loop.post(std::move(stop));
  }
}

}  // namespace sluice::generation_wire
