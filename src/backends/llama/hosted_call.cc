#include "backends/llama/hosted_call.h"

#include <utility>

namespace sluice::llama {

namespace {

std::optional<Duration> keep_alive_of(const Request& request) {
  if (const auto* generate = std::get_if<GenerateRequest>(&request)) return generate->keep_alive;
  if (const auto* embed = std::get_if<EmbedRequest>(&request)) return embed->keep_alive;
  return std::nullopt;
}

// Nothing is wanted but that the model goes.
bool only_drops(const Request& request) {
  if (keep_alive_of(request) != Duration::zero()) return false;
  if (const auto* generate = std::get_if<GenerateRequest>(&request)) {
    return generate->max_tokens == 0U;
  }
  return std::get<EmbedRequest>(request).inputs.empty();
}

// What a model says to a request that wants nothing of it.
Response nothing(const Request& request, const std::string& model) {
  if (const auto* generate = std::get_if<GenerateRequest>(&request)) {
    return GenerateResponse{
        .model = model,
        .choices = std::vector(generate->choices, Choice{.finish = FinishReason::kLength})};
  }
  return EmbedResponse{.model = model};
}

void add_load(Response& response, Duration load) {
  if (auto* generated = std::get_if<GenerateResponse>(&response)) generated->times.load += load;
  if (auto* embedded = std::get_if<EmbedResponse>(&response)) embedded->times.load += load;
}

}  // namespace

HostedCall::HostedCall(std::shared_ptr<ModelHost> host, std::string id, std::string name,
                       const Call& call, RequestPtr request, Sink& sink)
    : host_(std::move(host)),
      id_(std::move(id)),
      name_(std::move(name)),
      call_(call),
      request_(std::move(request)),
      sink_(&sink),
      came_(call.home->now()),
      stay_(*call.home) {}

CancelHandle HostedCall::start() {
  self_ = shared_from_this();
  const auto keep = self_;
  auto entered = host_->enter(id_, keep, only_drops(*request_));
  if (!entered) {
    answer(fail(std::move(entered.error())));
    return {};
  }
  if (entered->callable != nullptr) {
    run(std::move(entered->callable));
  } else if (!entered->waits) {
    answer(nothing(*request_, name_));
  } else if (!call_.deadline.is_never()) {
    timer_ = call_.home->run_at(call_.deadline.at(), [keep] {
      keep->timer_ = 0;
      keep->stop_waiting(timed_out("the deadline passed before the model was in memory"));
    });
  }
  return self_ == nullptr ? CancelHandle() : CancelHandle(keep);
}

void HostedCall::ready(Result<CallablePtr> callable) {
  call_.home->post([self = shared_from_this(), callable = std::move(callable)]() mutable {
    if (self->sink_ == nullptr) {  // answered already
      if (!callable) return;
      self->host_->leave(self->id_, keep_alive_of(*self->request_));
      return self->host_->discard(std::move(*callable));
    }
    if (self->timer_ != 0) self->call_.home->cancel(std::exchange(self->timer_, 0));
    self->load_ = self->call_.home->now() - self->came_;
    if (!callable) return self->answer(fail(std::move(callable.error())));
    self->run(std::move(*callable));
  });
}

void HostedCall::run(CallablePtr callable) {
  const auto keep = shared_from_this();
  callable_ = callable;
  CancelHandle handle = callable->start(call_, request_, *this);
  if (sink_ != nullptr) {
    handle_ = std::move(handle);
  } else {
    host_->discard(std::move(callable));  // it may have been evicted by now
  }
}

void HostedCall::cancel() {
  if (callable_ != nullptr) return handle_.cancel();
  stop_waiting(cancelled("the caller went away"));
}

void HostedCall::stop_waiting(Error why) {
  if (sink_ == nullptr || callable_ != nullptr) return;
  host_->forget(id_, this);
  answer(fail(std::move(why)));
}

void HostedCall::on_result(Result<Response> result) {
  handle_.release();
  callable_ = nullptr;
  host_->leave(id_, keep_alive_of(*request_));
  if (result) add_load(*result, load_);
  answer(std::move(result));
}

void HostedCall::answer(Result<Response> result) {
  const auto keep = std::exchange(self_, nullptr);
  if (timer_ != 0) call_.home->cancel(std::exchange(timer_, 0));
  std::exchange(sink_, nullptr)->on_result(std::move(result));
}

}  // namespace sluice::llama
