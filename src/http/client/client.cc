#include "http/client/client.h"

#include <algorithm>
#include <utility>

#include "http/client/call.h"
#include "http/client/pool.h"

namespace sluice::http {

void ClientCall::cancel() {
  if (pool == nullptr) return;
  EventLoop& loop = pool->loop();
  const auto self = shared_from_this();
  pool->drop(*this);
  loop.defer([self] { self->finish(fail(cancelled("the call was cancelled"))); });
}

Client::Client(EventLoop& loop, Resolver& resolver, ClientOptions options)
    : loop_(loop), resolver_(resolver), options_(options) {}

Client::~Client() {
  loop_.cancel(sweep_timer_);
}

CancelHandle Client::start(const Origin& origin, ClientRequest request, Done done) {
  auto call = std::make_shared<ClientCall>();
  call->request = std::move(request);
  call->done = std::move(done);
  auto head = write_head(call->request, origin.authority);
  if (!head) {
    loop_.defer([call, error = head.error()] { call->finish(fail(error)); });
    return {};
  }
  call->head = std::move(*head);
  if (call->request.deadline.passed(loop_.now())) {
    loop_.defer([call] {
      call->finish(fail(timed_out("the deadline had passed before the request was sent")));
    });
    return {};
  }
  std::unique_ptr<ClientPool>& pool = pools_[origin];
  if (pool == nullptr) pool = std::make_unique<ClientPool>(loop_, resolver_, options_, origin);
  call->pool = pool.get();
  pool->start(call);
  arm_sweep();
  return CancelHandle(std::move(call));
}

// The timer is there while there is anything to sweep.
void Client::arm_sweep() {
  if (sweep_timer_ != 0) return;
  const Duration period =
      std::max<Duration>(options_.idle_limit / 4, std::chrono::milliseconds(10));
  sweep_timer_ = loop_.run_at(loop_.now() + period, [this] {
    sweep_timer_ = 0;
    sweep();
  });
}

void Client::sweep() {
  for (auto& [origin, pool] : pools_) pool->sweep();
  std::erase_if(pools_, [](const auto& entry) { return entry.second->empty(); });
  if (!pools_.empty()) arm_sweep();
}

Client::Counts Client::counts() const {
  Counts counts;
  counts.origins = pools_.size();
  for (const auto& [origin, pool] : pools_) pool->count(counts);
  return counts;
}

}  // namespace sluice::http
