#include "redis/keeper.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace sluice::redis {

namespace {
// What a caller is told to wait at least: less only means more of the same answers.
constexpr std::chrono::milliseconds kLeastRetryAfter{100};
}  // namespace

Keeper::Keeper(EventLoop& loop, http::Resolver& resolver, SettingsPtr settings, std::uint64_t seed,
               telemetry::RedisMetrics metrics, Owner& owner)
    : loop_(loop),
      resolver_(resolver),
      settings_(std::move(settings)),
      metrics_(metrics),
      owner_(owner),
      random_(seed),
      backoff_(
          {.first = settings_->options.reconnect.first, .most = settings_->options.reconnect.most}),
      locator_(std::make_shared<Locator>(loop, resolver, settings_)),
      last_error_(unavailable("the connection to the Redis server is not there yet")) {}

Keeper::~Keeper() {
  stop(cancelled("the connection to the Redis server was given up"));
}

void Keeper::start() {
  if (!link_ && !dial_ && timer_ == 0) connect();
}

void Keeper::stop(const Error& why) {
  loop_.cancel(std::exchange(timer_, 0));
  locator_->stop();
  dial_ = nullptr;
  last_error_ = why;
  if (const LinkPtr link = std::exchange(link_, nullptr)) {
    metrics_.connected.subtract();
    link->close(why);
  }
}

void Keeper::reconnect(const Error& why, Duration wait) {
  if (!link_) return;
  const LinkPtr link = std::exchange(link_, nullptr);
  metrics_.connected.subtract();
  down(why, wait);
  link->close(why);
}

Error Keeper::why_down() const {
  Error error = last_error_;
  const Duration wait = std::max<Duration>(next_try_ - loop_.now(), kLeastRetryAfter);
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(wait);
  error.retry_after = std::max(error.retry_after.value_or(rounded), rounded);
  return error;
}

void Keeper::connect() {
  locator_->find([this](Result<http::Origin> server) {
    if (!server) return take(fail(server.error()));
    dial_ = std::make_shared<Dial>(loop_, resolver_, settings_, Peer::kMaster, *server);
    const auto dial = dial_;  // it may end within
    dial->start([this](Result<Dial::Ready> ready) { take(std::move(ready)); });
  });
}

void Keeper::take(Result<Dial::Ready> ready) {
  const auto ended = std::exchange(dial_, nullptr);
  if (!ready) {
    metrics_.connect_failures.add();
    return down(ready.error(), std::nullopt);
  }
  link_ = std::move(ready->link);
  link_->adopt(*this, metrics_);
  backoff_.on_up(loop_.now());
  metrics_.connects.add();
  metrics_.connected.add();
  owner_.on_up(ready->facts);
}

void Keeper::on_link_end(const Error& why) {
  const LinkPtr ended = std::exchange(link_, nullptr);
  metrics_.connected.subtract();
  metrics_.losses.add();
  down(why, std::nullopt);
}

void Keeper::on_refusal(std::string_view code) {
  // It was the master when it was connected to. Another one is now, or will be soon.
  if (code != "READONLY" || !link_) return;
  metrics_.losses.add();
  const std::string where = link_->where();
  reconnect(unavailable(formatted("the Redis server at {} is no master any more", where)),
            backoff_.next(loop_.now(), random_));
}

void Keeper::down(const Error& why, std::optional<Duration> wait) {
  last_error_ = why;
  const TimePoint now = loop_.now();
  next_try_ = now + (wait ? *wait : backoff_.next(now, random_));
  timer_ = loop_.run_at(next_try_, [this] {
    timer_ = 0;
    connect();
  });
  owner_.on_down(why);
}

}  // namespace sluice::redis
