// Counts and logs what the servers do.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http/server_observer.h"
#include "rpc/grpc_server.h"
#include "telemetry/log.h"
#include "telemetry/request_metrics.h"

namespace sluice::app {

// Called from every io thread; metrics are counted per thread, the rest is constant or locked on
// paths that are no request's.
class RequestObserver final : public http::ServerObserver, public rpc::GrpcObserver {
 public:
  RequestObserver(telemetry::Instruments& instruments, telemetry::Log& log);

  void on_answered(const http::Exchange& exchange, const http::Site& site, int status,
                   std::uint64_t body_bytes, bool probe) override;
  void on_answered(const rpc::UnaryCall& call, int status, std::uint64_t bytes_out,
                   bool probe) override;
  void on_in_flight(int change) override;  // of either
  void on_connection(const http::Site& site, int change) override;
  void on_refused(const http::Site& site, std::string_view reason) override;

 private:
  void count(const http::ExchangeLabels& labels, std::optional<ErrorCode> error,
             const telemetry::RequestTimings& timings) const;
  telemetry::ConnectionMetrics& connections(const http::Site& site);

  telemetry::Instruments& instruments_;
  telemetry::Log& log_;
  telemetry::RequestMetrics unrouted_;
  std::mutex mutex_;
  std::map<std::string, telemetry::ConnectionMetrics, std::less<>> connections_;
};

}  // namespace sluice::app
