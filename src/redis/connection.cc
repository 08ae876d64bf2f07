#include "redis/connection.h"

#include <algorithm>
#include <utility>

namespace sluice::redis {

namespace {
// A probe is answered at once or the server is not well.
constexpr Duration kProbeTimeout = std::chrono::seconds(1);

Error given_up() {
  return cancelled("the connection to the Redis server was given up");
}
}  // namespace

Connection::Connection(EventLoop& loop, http::Resolver& resolver, ConnectionSetup setup)
    : loop_(loop),
      metrics_(setup.metrics),
      tell_up_(std::move(setup.on_up)),
      tell_down_(std::move(setup.on_down)),
      keeper_(loop, resolver, std::move(setup.settings), setup.seed, setup.metrics, *this),
      refused_(loop) {}

Connection::~Connection() {
  stop();
}

void Connection::start() {
  keeper_.start();
  arm_probe();
}

void Connection::stop() {
  loop_.cancel(std::exchange(probe_timer_, 0));
  keeper_.stop(given_up());
}

void Connection::send(const Command& command, Deadline deadline, Done done) {
  Link* link = keeper_.link();
  if (link == nullptr) return refuse(std::move(done), {.error = keeper_.why_down(), .code = {}});
  const TimePoint now = loop_.now();
  if (deadline.passed(now)) {
    return refuse(
        std::move(done),
        {.error = timed_out("the deadline had passed before a command to Redis"), .code = {}});
  }
  const RedisOptions& options = keeper_.settings().options;
  const Link::Wait wait{.deadline = deadline.earlier(Deadline::after(now, options.command_timeout)),
                        .patience = options.response_timeout};
  if (auto sent = link->send(command, wait, done); !sent) {
    return refuse(std::move(done), std::move(sent.error()));
  }
  ++sent_;
}

void Connection::refuse(Done done, Failure failure) {
  metrics_.refuse(failure.error.code);
  refused_.add(std::move(done), std::move(failure));
}

void Connection::on_up(const ServerFacts& facts) {
  health_->on_up(facts, loop_.now());
  if (tell_up_) tell_up_(facts);
}

void Connection::on_down(const Error& why) {
  health_->on_down(why, loop_.now());
  if (tell_down_) tell_down_(why);
}

void Connection::arm_probe() {
  loop_.cancel(probe_timer_);
  probe_timer_ = loop_.run_at(loop_.now() + settings().options.probe_every, [this] {
    probe_timer_ = 0;
    probe();
    arm_probe();
  });
}

void Connection::probe() {
  if (!is_up() || probing_) return;
  probing_ = true;
  const TimePoint begun = loop_.now();
  // The answer comes while this connection is there, at the latest when it ends.
  send(Command("PING"), Deadline::after(begun, kProbeTimeout), [this, begun](Answer answer) {
    probing_ = false;
    const TimePoint now = loop_.now();
    if (answer) return health_->on_answer(now - begun, now);
    health_->on_down(answer.error().error, now);
  });
}

}  // namespace sluice::redis
