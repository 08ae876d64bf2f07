#include "http/client/opening.h"

#include <utility>

#include "base/format.h"

namespace sluice::http {

Opening::Opening(EventLoop& loop, Resolver& resolver, Origin origin)
    : loop_(loop), resolver_(resolver), origin_(std::move(origin)) {}

Opening::~Opening() {
  loop_.cancel(timer_);
  if (watched_) loop_.forget(transport_->fd(), *this);
}

void Opening::finish(Result<std::unique_ptr<ClientTransport>> result) {
  loop_.cancel(std::exchange(timer_, 0));
  if (!done_) return;
  Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

void Opening::start(Duration limit, Duration attempt_delay) {
  const auto self = shared_from_this();
  timer_ = loop_.run_at(loop_.now() + limit, [this, limit, held = weak_from_this()] {
    const auto alive = held.lock();
    if (!alive) return;
    timer_ = 0;
    finish(fail(
        unavailable(formatted("cannot connect: still {} after {:.0f} ms", stage_, to_ms(limit)))));
  });
  if (!origin_.socket_path.empty()) {
    auto address = Address::unix_socket(origin_.socket_path);
    if (!address) return finish(fail(address.error()));
    return connect({*address}, attempt_delay);
  }
  if (origin_.address) return connect({*origin_.address}, attempt_delay);
  if (auto literal = Address::parse(origin_.host, origin_.port)) {
    return connect({*literal}, attempt_delay);
  }
  resolver_.resolve(origin_.host, loop_,
                    [held = weak_from_this(), attempt_delay](Result<Addresses> addresses) {
                      const auto alive = held.lock();
                      if (!alive || !alive->done_) return;
                      if (!addresses) return alive->finish(fail(addresses.error()));
                      for (Address& address : *addresses) {
                        address = address.with_port(alive->origin_.port);
                      }
                      alive->connect(std::move(*addresses), attempt_delay);
                    });
}

void Opening::connect(Addresses addresses, Duration attempt_delay) {
  stage_ = "connecting";
  connector_ = std::make_unique<Connector>(
      loop_, std::move(addresses), attempt_delay, [this](Result<int> fd) {
        const auto self = shared_from_this();
        if (!fd) return finish(fail(fd.error()));
        transport_ = std::make_unique<ClientTransport>(
            *fd, origin_.tls, origin_.server_name.empty() ? origin_.host : origin_.server_name);
        if (!origin_.tls) return finish(std::move(transport_));
        stage_ = "in the TLS handshake";
        loop_.watch(transport_->fd(), *this);
        watched_ = true;
        shake_hands();
      });
  connector_->start();
}

void Opening::on_io(bool, bool) {
  const auto self = shared_from_this();
  shake_hands();
}

void Opening::shake_hands() {
  const IoStatus status = transport_->handshake();
  if (status == IoStatus::kWantRead || status == IoStatus::kWantWrite) return;
  loop_.forget(transport_->fd(), *this);
  watched_ = false;
  if (status == IoStatus::kOk) return finish(std::move(transport_));
  const std::string why = status == IoStatus::kClosed
                              ? "the peer closed the connection in the TLS handshake"
                              : transport_->error();
  finish(fail(unavailable("cannot connect: " + why)));
}

}  // namespace sluice::http
