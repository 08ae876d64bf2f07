// Which server to connect to: the one that is configured, or whom the Sentinels name. Internal to
// redis/.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/client/origin.h"
#include "redis/dial.h"
#include "redis/settings.h"

namespace sluice::redis {

// Asks the Sentinels one after the other, first the one that knew last time (redis.io: "Guidelines
// for Redis clients with Sentinel support"). Of one Keeper, on its loop's thread. Who is named may
// have just ceased to be the master: the handshake looks at its role.
class Locator : public std::enable_shared_from_this<Locator> {
 public:
  // kUnavailable with what each Sentinel said.
  using Done = std::move_only_function<void(Result<http::Origin>)>;

  Locator(EventLoop& loop, http::Resolver& resolver, SettingsPtr settings)
      : loop_(loop), resolver_(resolver), settings_(std::move(settings)) {}

  // May answer before it returns. One question at a time; a new one, or stop(), forgets the old.
  void find(Done done);
  void stop();

 private:
  void ask();
  void ask_master(const LinkPtr& link);
  void take(const std::string& where, Answer answer);
  void ask_next(const std::string& why);
  void finish(Result<http::Origin> result);

  EventLoop& loop_;
  http::Resolver& resolver_;
  const SettingsPtr settings_;
  Done done_;
  std::size_t first_ = 0;  // the Sentinel to begin with
  std::size_t asked_ = 0;  // in this question
  std::string reasons_;
  std::shared_ptr<Dial> dial_;
  struct Asked;
  std::shared_ptr<Asked> sentinel_;  // that is being asked
};

}  // namespace sluice::redis
