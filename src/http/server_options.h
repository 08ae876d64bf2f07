// What a server allows, and for how long.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/describe.h"
#include "http/request_parser.h"

namespace sluice::http {

// Bounds on what a client may send and hold. The same for every listener of a process.
struct ServerLimits {
  std::size_t head_bytes = 8 * 1024;  // request line and headers
  std::size_t headers = 100;          // fields a request
  std::size_t body_bytes = 10 * 1024 * 1024;
  std::size_t upload_bytes = std::size_t{1} << 30;        // of a body that is taken as it comes
  std::size_t connections = 20'000;                       // of the process; beyond: 503 and close
  std::size_t in_flight = 10'000;                         // requests being answered; beyond: 503
  Duration head_timeout = std::chrono::seconds(10);       // from the first byte to the last header
  Duration body_idle_timeout = std::chrono::seconds(30);  // without a byte of body
  Duration keep_alive_timeout = std::chrono::seconds(75);
  Duration write_timeout = std::chrono::seconds(30);  // without the client taking a byte
  Duration retry_after = std::chrono::seconds(1);     // said with a 503 over one of the bounds
};

// Who may call from a page of another origin (the Fetch standard's CORS). Empty origins: nobody.
struct CorsOptions {
  std::vector<std::string> origins;  // "https://app.example", or "*"
  // Clients in pages send names of their own; "*" is all of them but for Authorization.
  std::vector<std::string> headers = {"*", "Authorization"};
  Duration max_age = std::chrono::minutes(10);
};

struct GzipOptions {
  bool enabled = true;
  std::size_t min_bytes = 4 * 1024;
  // Above this the io thread would be held for more than a few milliseconds.
  std::size_t max_bytes = 512 * 1024;
};

void describe(config::Fields<ServerLimits>& f);
void describe(config::Fields<CorsOptions>& f);
void describe(config::Fields<GzipOptions>& f);

}  // namespace sluice::http
