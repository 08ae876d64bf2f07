// Getting one connection to an origin.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "http/client/connector.h"
#include "http/client/origin.h"
#include "http/client/resolver.h"
#include "http/client/transport.h"
#include "runtime/event_loop.h"

namespace sluice::http {

// Resolves, connects and, for https, shakes hands, all within one time limit. On the loop's thread;
// destroying it gives up.
class Opening final : public IoHandler, public std::enable_shared_from_this<Opening> {
 public:
  // Ready to be written to; kUnavailable with the reason. May be called from within start(); the
  // opening may be let go of in it.
  using Done = std::move_only_function<void(Result<std::unique_ptr<ClientTransport>>)>;

  Opening(EventLoop& loop, Resolver& resolver, Origin origin);
  ~Opening() override;
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  void on_done(Done done) { done_ = std::move(done); }
  void start(Duration limit, Duration attempt_delay);
  // What it is doing now: "resolving the name", "connecting", "in the TLS handshake".
  [[nodiscard]] std::string_view stage() const { return stage_; }

 private:
  void connect(Addresses addresses, Duration attempt_delay);
  void on_io(bool readable, bool writable) override;
  void shake_hands();
  void finish(Result<std::unique_ptr<ClientTransport>> result);

  EventLoop& loop_;
  Resolver& resolver_;
  const Origin origin_;
  Done done_;
  std::string_view stage_ = "resolving the name";
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<ClientTransport> transport_;
  bool watched_ = false;
  TimerId timer_ = 0;
};

}  // namespace sluice::http
