#include "redis/subscriber.h"

#include <utility>

#include "base/format.h"

namespace sluice::redis {

namespace {
// Names in one command when all are subscribed to again.
constexpr std::size_t kNamesACommand = 500;
}  // namespace

Subscriber::Subscriber(EventLoop& loop, http::Resolver& resolver, ConnectionSetup setup,
                       Callbacks callbacks)
    : loop_(loop),
      tell_up_(std::move(setup.on_up)),
      tell_down_(std::move(setup.on_down)),
      callbacks_(std::move(callbacks)),
      keeper_(loop, resolver, std::move(setup.settings), setup.seed, setup.metrics, *this) {}

Subscriber::~Subscriber() {
  stop();
}

void Subscriber::stop() {
  loop_.cancel(std::exchange(ping_timer_, 0));
  keeper_.stop(cancelled("the subscription was given up"));
}

Result<> Subscriber::add(std::string name, Kind kind) {
  if (names(kind).contains(name)) return {};
  if (subscriptions() >= kMaxSubscriptions) {
    return fail(ErrorCode::kExhausted,
                formatted("there are {} subscriptions already", subscriptions()));
  }
  if (Link* link = keeper_.link()) {
    link->write(Command(kind == Kind::kChannel ? "SUBSCRIBE" : "PSUBSCRIBE", name));
  }
  names(kind).insert(std::move(name));
  return {};
}

void Subscriber::remove(const std::string& name, Kind kind) {
  if (names(kind).erase(name) == 0) return;
  if (Link* link = keeper_.link()) {
    link->write(Command(kind == Kind::kChannel ? "UNSUBSCRIBE" : "PUNSUBSCRIBE", name));
  }
}

void Subscriber::resubscribe(Kind kind) {
  auto name = names(kind).begin();
  while (name != names(kind).end()) {
    Command command(kind == Kind::kChannel ? "SUBSCRIBE" : "PSUBSCRIBE");
    for (std::size_t i = 0; i < kNamesACommand && name != names(kind).end(); ++i, ++name) {
      command.add(*name);
    }
    keeper_.link()->write(command);
  }
}

void Subscriber::on_up(const ServerFacts& facts) {
  const RedisOptions& options = keeper_.settings().options;
  keeper_.link()->begin_pushes(options.probe_every + options.response_timeout);
  resubscribe(Kind::kChannel);
  resubscribe(Kind::kPattern);
  arm_ping();
  if (tell_up_) tell_up_(facts);
}

void Subscriber::on_down(const Error& why) {
  loop_.cancel(std::exchange(ping_timer_, 0));
  if (tell_down_) tell_down_(why);
}

// So that a server which is there says something even when nothing is published.
void Subscriber::arm_ping() {
  ping_timer_ = loop_.run_at(loop_.now() + keeper_.settings().options.probe_every, [this] {
    ping_timer_ = 0;
    if (Link* link = keeper_.link()) {
      link->write(Command("PING"));
      arm_ping();
    }
  });
}

void Subscriber::on_push(Reply reply) {
  if (reply.is_error()) {
    // It does not say which name it refuses, so nothing is left but to try again, not too often.
    return keeper_.reconnect(refusal(reply.text()).error,
                             keeper_.settings().options.reconnect.most);
  }
  const std::string_view what = reply[0].text();
  if (what == "message") {
    callbacks_.on_message({.channel = reply[1].text(), .payload = reply[2].text()});
  } else if (what == "pmessage") {
    callbacks_.on_message(
        {.pattern = reply[1].text(), .channel = reply[2].text(), .payload = reply[3].text()});
  } else if (what == "subscribe" || what == "psubscribe") {
    const Kind kind = what == "subscribe" ? Kind::kChannel : Kind::kPattern;
    const std::string name(reply[1].text());
    if (names(kind).contains(name) && callbacks_.on_live) callbacks_.on_live(name);
  }
}

}  // namespace sluice::redis
