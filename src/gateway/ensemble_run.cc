#include "gateway/ensemble_run.h"

#include <algorithm>

namespace sluice::gateway {

EnsembleRun::EnsembleRun(std::shared_ptr<const EnsembleCore> core, const Call& call,
                         RequestPtr request, Sink& sink)
    : core_(std::move(core)),
      stay_(*call.home),
      request_(std::move(request)),
      sink_(&sink),
      times_(call.times),
      tenant_(call.tenant),
      request_id_(call.request_id),
      traceparent_(call.traceparent),
      tracestate_(call.tracestate),
      slots_(core_->members.size()) {
  const TimePoint now = core_->clock->now();
  if (times_ != nullptr) times_->started = now;
  call_ = core_->call_for_members(call, now);
  call_.tenant = tenant_;
  call_.request_id = request_id_;
  call_.traceparent = traceparent_;
  call_.tracestate = tracestate_;
}

CancelHandle EnsembleRun::start(std::shared_ptr<const EnsembleCore> core, const Call& call,
                                RequestPtr request, Sink& sink) {
  auto run = std::make_shared<EnsembleRun>(std::move(core), call, std::move(request), sink);
  run->self_ = run;
  run->start_all();
  return run->finished_ ? CancelHandle() : CancelHandle(run);
}

void EnsembleRun::start_all() {
  const std::vector<RequestPtr> requests = core_->requests_for(request_);
  std::vector<std::size_t> inline_members;
  Duration inline_time{};
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].run = this;
    slots_[i].member = i;
    const Placement placement = core_->members[i].callable->placement(*request_);
    if (call_.may_run_inline && placement.where == Placement::Where::kInline) {
      inline_members.push_back(i);
      inline_time += placement.estimate;
    } else {
      start_member(i, requests[i], false);
    }
  }
  const bool may_run_inline = inline_time <= kInlineBound;
  for (const std::size_t i : inline_members) start_member(i, requests[i], may_run_inline);
  starting_ = false;
  if (pending_ == 0) return finish();
  if (!call_.deadline.is_never()) {
    timer_ = call_.home->run_at(call_.deadline.at(), [self = shared_from_this()] {
      self->timer_ = 0;
      self->finish();
    });
  }
}

void EnsembleRun::start_member(std::size_t member, RequestPtr request, bool may_run_inline) {
  Slot& slot = slots_[member];
  if (call_.deadline.passed(core_->clock->now())) {
    slot.result = fail(timed_out("the deadline passed before its turn"));
    return;
  }
  ++pending_;
  Call call = call_;
  call.may_run_inline = may_run_inline;
  CancelHandle handle = core_->members[member].callable->start(call, std::move(request), slot);
  if (!slot.result) slot.handle = std::move(handle);
}

void EnsembleRun::reported(Slot& slot, Result<Response> result) {
  const auto keep = self_;
  slot.handle.release();
  slot.result = std::move(result);
  if (--pending_ > 0) return;
  if (!finished_ && !starting_) finish();
  if (finished_) self_ = nullptr;
}

void EnsembleRun::cancel() {
  finish(cancelled("the caller went away"));
}

void EnsembleRun::finish(std::optional<Error> instead) {
  if (finished_) return;
  finished_ = true;
  const auto keep = shared_from_this();
  if (timer_ != 0) call_.home->cancel(timer_);
  std::vector<Result<Response>> results;
  results.reserve(slots_.size());
  for (Slot& slot : slots_) {
    if (slot.result) {
      results.push_back(std::move(*slot.result));
    } else {
      results.emplace_back(fail(timed_out("no answer by the deadline")));
    }
  }
  // A member that is told to stop may report within cancel(), or later: its answer goes nowhere.
  for (Slot& slot : slots_) slot.handle.cancel();
  if (times_ != nullptr) times_->ran = core_->clock->now();
  if (instead) {
    sink_->on_result(fail(std::move(*instead)));
  } else {
    sink_->on_result(core_->assemble(std::get<InferRequest>(*request_), std::move(results)));
  }
  if (pending_ == 0) self_ = nullptr;
}

}  // namespace sluice::gateway
