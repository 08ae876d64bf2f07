#include "backends/http_predict/run.h"

#include <utility>

#include "base/format.h"
#include "http/deadline_header.h"
#include "inference/pass_on.h"

namespace sluice::http_predict {

namespace {
using replicas::Outcome;

// What a call says about the replica that it was made to.
// `status`: of its answer; 0 where there was none.
Outcome outcome_of(const Result<Response>& result, int status) {
  if (result) return Outcome::kSuccess;
  switch (result.error().code) {
    case ErrorCode::kUnavailable:
      return Outcome::kFailure;
    case ErrorCode::kTimeout:
      return Outcome::kTimeout;
    case ErrorCode::kInvalid:
      return Outcome::kSuccess;  // it is well enough to complain
    case ErrorCode::kInternal:
      // It failed, or answered what is no prediction: another may do better.
      return status / 100 == 5 || status / 100 == 2 ? Outcome::kFailure : Outcome::kNeither;
    default:
      return Outcome::kNeither;
  }
}
}  // namespace

CancelHandle Run::start(std::shared_ptr<Service> service, Kind kind, const Call& call,
                        std::string body, std::int64_t rows, bool wanted, Sink& sink) {
  auto run =
      std::make_shared<Run>(std::move(service), kind, call, std::move(body), rows, wanted, sink);
  if (run->lane_->loop.is_current()) {
    run->begin();
  } else {
    run->lane_->loop.post([run] { run->begin(); });
  }
  return CancelHandle(std::move(run));
}

Run::Run(std::shared_ptr<Service> service, Kind kind, const Call& call, std::string body,
         std::int64_t rows, bool wanted, Sink& sink)
    : service_(std::move(service)),
      kind_(kind),
      call_(call),
      body_(std::move(body)),
      rows_(rows),
      wanted_(wanted),
      sink_(&sink),
      lane_(service_->lanes.at(call.home)) {}

void Run::begin() {
  const TimePoint now = lane_->loop.now();
  deadline_ = call_.deadline.earlier(Deadline::after(now, service_->options.timeout));
  lane_->budget.on_request();
  service_->probe_if_due(*lane_);
  // Who waits is kept by the timer alone: an answer that never comes keeps nothing alive.
  Task ready = [held = weak_from_this()] {
    const auto self = held.lock();
    if (self == nullptr || self->sink_ == nullptr) return;
    self->lane_->loop.cancel(std::exchange(self->timer_, 0));
    self->attempt();
  };
  if (service_->directory->ensure(lane_->loop, ready)) return attempt();
  timer_ = lane_->loop.run_at(deadline_.at(), [self = shared_from_this()] {
    self->timer_ = 0;
    self->finish(fail(timed_out("the deadline passed while the service's name was resolved")));
  });
}

http::ClientRequest Run::request(const HttpReplica& replica) {
  const HttpPredictOptions& options = service_->options;
  http::ClientRequest request{.deadline = deadline_, .safe_to_repeat = true};
  switch (kind_) {
    case Kind::kPredict:
      request.method = http::Method::kPost;
      request.target = replica.base + options.predict_path;
      request.body = body_;
      request.headers.add("Content-Type", "application/json");
      break;
    case Kind::kHealth:
      request.target = replica.base + options.health_path;
      break;
    case Kind::kSelfTest:
      request.target = replica.base + options.test_path;
      break;
  }
  pass_on(call_, lane_->random, [&request](std::string_view name, std::string_view value) {
    request.headers.add(std::string(name), std::string(value));
  });
  request.headers.add(std::string(http::kDeadlineHeader), http::deadline_value(deadline_, begun_));
  return request;
}

void Run::attempt() {
  const auto chosen =
      replicas::choose(lane_->members(service_->set), lane_->random, replica_.get());
  if (chosen == nullptr) return finish(fail(service_->directory->why_empty()));
  replica_ = std::static_pointer_cast<HttpReplica>(chosen);
  if (++attempts_ > 1) replica_->metrics().retries.add();
  begun_ = lane_->loop.now();
  replicas::ReplicaSet::begin(*replica_);
  attempt_ = lane_->client.start(
      replica_->origin, request(*replica_),
      [self = shared_from_this()](auto answer) { self->on_answer(std::move(answer)); });
}

void Run::on_answer(Result<http::ClientResponse> answer) {
  attempt_.release();
  const TimePoint now = lane_->loop.now();
  const int status = answer ? answer->status : 0;
  Result<Response> result = answer ? read(*answer) : fail(std::move(answer.error()));
  const bool failed = service_->set.end(*replica_, outcome_of(result, status), now,
                                        {now - begun_, lane_->median.value()});
  if (result) lane_->median.add(now - begun_);
  const replicas::RetryOptions& retry = service_->options.retry;
  if (failed && !stopped_ && retry.enabled && attempts_ == 1 &&
      lane_->members(service_->set).size() > 1 &&
      replicas::leaves_room(deadline_, now, lane_->median.value(), retry) &&
      lane_->budget.take(now)) {
    return attempt();
  }
  finish(std::move(result));
}

Result<Response> Run::read(const http::ClientResponse& answer) {
  const auto named = [this](Error error) {
    error.message = formatted("{}: {}", replica_->name(), error.message);
    return fail(std::move(error));
  };
  if (answer.status / 100 != 2) return named(lane_->reader.error_of(answer));
  InferResponse response{.model = service_->description.name,
                         .version = service_->description.version};
  if (kind_ != Kind::kHealth) {
    auto tensor = lane_->reader.read(answer.body, service_->options.output,
                                     kind_ == Kind::kPredict ? std::optional(rows_) : std::nullopt);
    if (!tensor) return named(tensor.error());
    const Shape& expected = service_->description.outputs[0].shape;
    if (!tensor->shape.matches(expected)) {
      return named(internal(formatted("the answer is no prediction: its shape is {}, not {}",
                                      to_string(tensor->shape), to_string(expected))));
    }
    if (wanted_) response.outputs.push_back(std::move(*tensor));
  }
  return response;
}

// Once, on the home thread.
void Run::finish(Result<Response> result) {
  if (sink_ == nullptr) return;
  Sink* sink = std::exchange(sink_, nullptr);
  lane_->loop.cancel(std::exchange(timer_, 0));
  if (call_.home == &lane_->loop) return sink->on_result(std::move(result));
  call_.home->post(
      [sink, result = std::move(result)]() mutable { sink->on_result(std::move(result)); });
}

void Run::cancel() {
  Task stop = [self = shared_from_this()] {
    self->stopped_ = true;
    if (self->attempt_) return self->attempt_.cancel();
    self->finish(fail(cancelled("the call was cancelled")));
  };
  // Posted also at home: nobody gets a result from within cancel().
  if (lane_->loop.is_current() && attempt_) {
    stop();
  } else {
    lane_->loop.post(std::move(stop));
  }
}

}  // namespace sluice::http_predict
