// What one listener serves: its routes and rules. An immutable snapshot; a reload makes a new one.
#pragma once

#include <memory>
#include <string>

#include "http/address.h"
#include "http/router.h"
#include "http/server_options.h"

namespace sluice::http {

class TlsContext;

struct Site {
  std::string listener;  // its address, for metrics and the log
  Router router;
  CorsOptions cors;
  GzipOptions gzip;
  NetworkList trusted_proxies;  // whose X-Forwarded-For and PROXY header are believed
  bool proxy_protocol = false;  // every connection begins with a PROXY header
  bool server_timing = true;
  bool track_requests = true;    // every request gets an id (told in X-Request-Id) and a trace
  std::shared_ptr<Later> later;  // takes calls to be answered later; null: nobody does
  std::shared_ptr<const TlsContext> tls;  // null: plain
  // What the handlers refer to; goes when the last exchange of this snapshot has been answered.
  std::shared_ptr<const void> keep_alive;
};

using SitePtr = std::shared_ptr<const Site>;

}  // namespace sluice::http
