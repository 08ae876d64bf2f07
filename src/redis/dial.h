// Getting one connection to one server: opened, logged in, looked at. Internal to redis/.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client/opening.h"
#include "redis/handshake.h"
#include "redis/link.h"
#include "redis/settings.h"

namespace sluice::redis {

// All within the connect timeout. On the loop's thread; letting go of it gives up, and then `done`
// does not run.
class Dial final : Link::Owner, public std::enable_shared_from_this<Dial> {
 public:
  struct Ready {
    LinkPtr link;  // to be adopted now
    ServerFacts facts;
  };
  // May run from within start(). kUnavailable with the reason.
  using Done = std::move_only_function<void(Result<Ready>)>;

  Dial(EventLoop& loop, http::Resolver& resolver, SettingsPtr settings, Peer peer,
       http::Origin origin);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  void start(Done done);

 private:
  void on_link_end(const Error& why) override;
  void say_hello(std::unique_ptr<http::ClientTransport> transport);
  void judge();
  void finish(Result<Ready> result);

  EventLoop& loop_;
  http::Resolver& resolver_;
  const SettingsPtr settings_;
  const Peer peer_;
  const http::Origin origin_;
  Done done_;
  TimePoint until_{};
  std::shared_ptr<http::Opening> opening_;
  LinkPtr link_;
  std::vector<Answer> answers_;
  std::size_t asked_ = 0;
};

}  // namespace sluice::redis
