// What a server tells those who count and log. All calls come from io threads, many at once.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/exchange.h"

namespace sluice::http {

struct Site;

class ServerObserver {
 public:
  virtual ~ServerObserver() = default;
  // An answer was handed to the socket, or would have been had the client not gone (cancelled()).
  // `probe`: the route says that it is not worth a log line.
  virtual void on_answered(const Exchange& exchange, const Site& site, int status,
                           std::uint64_t body_bytes, bool probe) = 0;
  virtual void on_in_flight(int change) = 0;
  virtual void on_connection(const Site& site, int change) = 0;
  // A request or connection was turned away before any handler; `reason` is a Refusal's or one of
  // "connection_limit", "in_flight_limit", "proxy_header", "tls_handshake", "head_timeout",
  // "body_timeout".
  virtual void on_refused(const Site& site, std::string_view reason) = 0;
};

}  // namespace sluice::http
