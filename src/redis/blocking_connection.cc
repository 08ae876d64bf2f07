#include "redis/blocking_connection.h"

#include <utility>

namespace sluice::redis {

BlockingConnection::BlockingConnection(EventLoop& loop, http::Resolver& resolver,
                                       ConnectionSetup setup)
    : tell_up_(std::move(setup.on_up)),
      tell_down_(std::move(setup.on_down)),
      metrics_(setup.metrics),
      keeper_(loop, resolver, std::move(setup.settings), setup.seed, setup.metrics, *this),
      refused_(loop) {}

BlockingConnection::~BlockingConnection() {
  stop();
}

void BlockingConnection::stop() {
  keeper_.stop(cancelled("the connection to the Redis server was given up"));
}

void BlockingConnection::call(const Command& command, Duration block, Done done) {
  const auto refuse = [&](Failure failure) {
    metrics_.refuse(failure.error.code);
    refused_.add(std::move(done), std::move(failure));
  };
  Link* link = keeper_.link();
  if (link == nullptr) return refuse({.error = keeper_.why_down(), .code = {}});
  if (link->in_flight() > 0) {
    return refuse(
        {.error = {ErrorCode::kConflict, "another blocking command is under way"}, .code = {}});
  }
  // No deadline of its own: a reply that came after it would be thrown away with what it brings.
  const Link::Wait wait{.deadline = Deadline::never(),
                        .patience = block + keeper_.settings().options.command_timeout};
  if (auto sent = link->send(command, wait, done); !sent) refuse(std::move(sent.error()));
}

void BlockingConnection::cancel() {
  if (!is_waiting()) return;
  cancelling_ = true;
  keeper_.reconnect(cancelled("the blocking command was cancelled"), Duration::zero());
  cancelling_ = false;
}

void BlockingConnection::on_up(const ServerFacts& facts) {
  if (tell_up_) tell_up_(facts);
}

void BlockingConnection::on_down(const Error& why) {
  if (tell_down_ && !cancelling_) tell_down_(why);
}

}  // namespace sluice::redis
