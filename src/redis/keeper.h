// Keeps one connection up: finds the server, connects, and again after it was lost. Internal to
// redis/.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/random.h"
#include "redis/backoff.h"
#include "redis/dial.h"
#include "redis/link.h"
#include "redis/locator.h"
#include "redis/settings.h"
#include "telemetry/request_metrics.h"

namespace sluice::redis {

// On the loop's thread, but for the constructor. Not destroyed from within its owner's callbacks.
class Keeper final : Link::Owner {
 public:
  class Owner {
   public:
    // There is a link, which lives until on_down() or stop().
    virtual void on_up(const ServerFacts& facts) = 0;
    // The link has ended, or could not be made. The next try comes by itself.
    virtual void on_down(const Error& why) = 0;
    virtual void on_push(Reply) {}

   protected:
    ~Owner() = default;
  };

  // `seed` is for the jitter of the waits.
  Keeper(EventLoop& loop, http::Resolver& resolver, SettingsPtr settings, std::uint64_t seed,
         telemetry::RedisMetrics metrics, Owner& owner);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void start();
  // No link and no further try; what is in flight is answered with `why`. on_down() is not called.
  void stop(const Error& why);
  // Drops the link there is, with on_down(), and connects again after `wait`.
  void reconnect(const Error& why, Duration wait);

  [[nodiscard]] Link* link() const { return link_ ? link_.get() : nullptr; }
  [[nodiscard]] const Settings& settings() const { return *settings_; }
  [[nodiscard]] EventLoop& loop() { return loop_; }
  // Why there is no link, with the time after which there may be one.
  [[nodiscard]] Error why_down() const;

 private:
  void on_link_end(const Error& why) override;
  void on_refusal(std::string_view code) override;
  void on_push(Reply reply) override { owner_.on_push(std::move(reply)); }
  void connect();
  void take(Result<Dial::Ready> ready);
  void down(const Error& why, std::optional<Duration> wait);

  EventLoop& loop_;
  http::Resolver& resolver_;
  const SettingsPtr settings_;
  const telemetry::RedisMetrics metrics_;
  Owner& owner_;
  Random random_;
  Backoff backoff_;
  std::shared_ptr<Locator> locator_;
  std::shared_ptr<Dial> dial_;
  LinkPtr link_;
  Error last_error_;
  TimerId timer_ = 0;
  TimePoint next_try_{};
};

}  // namespace sluice::redis
