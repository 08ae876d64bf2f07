// Counts and logs what the HTTP server does.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http/server_observer.h"
#include "telemetry/log.h"
#include "telemetry/request_metrics.h"

namespace sluice::app {

// Called from every io thread; metrics are counted per thread, the rest is constant or locked on
// paths that are no request's.
class HttpObserver final : public http::ServerObserver {
 public:
  HttpObserver(telemetry::Instruments& instruments, telemetry::Log& log);

  void on_answered(const http::Exchange& exchange, const http::Site& site, int status,
                   std::uint64_t body_bytes, bool probe) override;
  void on_in_flight(int change) override;
  void on_connection(const http::Site& site, int change) override;
  void on_refused(const http::Site& site, std::string_view reason) override;

 private:
  telemetry::ConnectionMetrics& connections(const http::Site& site);

  telemetry::Instruments& instruments_;
  telemetry::Log& log_;
  telemetry::RequestMetrics unrouted_;
  std::mutex mutex_;
  std::map<std::string, telemetry::ConnectionMetrics, std::less<>> connections_;
};

}  // namespace sluice::app
