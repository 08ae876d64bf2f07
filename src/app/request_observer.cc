#include "app/request_observer.h"

#include "http/site.h"
#include "telemetry/access_log.h"

namespace sluice::app {

namespace {
telemetry::Refusal refusal_of(std::string_view reason) {
  using telemetry::Refusal;
  if (reason == "connection_limit") return Refusal::kConnections;
  if (reason == "in_flight_limit") return Refusal::kRequests;
  if (reason == "head_too_large" || reason == "too_many_headers" || reason == "target_too_long") {
    return Refusal::kHeaders;
  }
  if (reason == "body_too_large") return Refusal::kBody;
  if (reason == "head_timeout" || reason == "body_timeout") return Refusal::kSlow;
  return Refusal::kMalformed;
}

void name_caller(telemetry::AccessRecord& record, const Principal* principal) {
  if (principal == nullptr) return;
  record.key = principal->key_id;
  record.tenant = principal->tenant;
}
}  // namespace

RequestObserver::RequestObserver(telemetry::Instruments& instruments, telemetry::Log& log)
    : instruments_(instruments), log_(log), unrouted_(instruments.request("http", "none")) {}

void RequestObserver::count(const http::ExchangeLabels& labels, std::optional<ErrorCode> error,
                            const telemetry::RequestTimings& timings) const {
  const telemetry::RequestMetrics& metrics =
      labels.metrics != nullptr ? *labels.metrics : unrouted_;
  metrics.by_code[telemetry::outcome_index(error)].add();
  metrics.duration.record(timings.total());
  metrics.stages.record(timings);
}

void RequestObserver::on_answered(const rpc::UnaryCall& call, int status, std::uint64_t bytes_out,
                                  bool probe) {
  const auto error = call.cancelled() ? std::optional(ErrorCode::kCancelled) : call.error;
  count(call.labels, error, call.timings);
  if (probe || !log_.access_enabled()) return;
  const std::string peer = call.peer();
  telemetry::AccessRecord record{.request_id = call.request_id,
                                 .client = peer,
                                 .method = "GRPC",
                                 .path = call.path(),
                                 .api = call.labels.api,
                                 .callable = call.labels.callable,
                                 .status = status,
                                 .error = error,
                                 .took = call.timings.total(),
                                 .bytes_in = call.bytes_in(),
                                 .bytes_out = bytes_out};
  name_caller(record, call.principal.get());
  if (const auto trace = telemetry::parse_traceparent(call.traceparent)) {
    record.trace = trace->trace;
  }
  telemetry::log_access(log_, record);
}

void RequestObserver::on_answered(const http::Exchange& exchange, const http::Site&, int status,
                                  std::uint64_t body_bytes, bool probe) {
  std::optional<ErrorCode> error;
  if (exchange.error) error = exchange.error->code;
  if (exchange.cancelled()) {
    // Also where an answer had begun: its status says nothing of how it ended.
    error = ErrorCode::kCancelled;
    status = http::status_of(ErrorCode::kCancelled);
  }
  count(exchange.labels, error, exchange.timings);
  if (probe || !log_.access_enabled()) return;
  const http::RequestHead& head = exchange.head();
  telemetry::AccessRecord record{.client = exchange.peer(),
                                 .method = head.method_text,
                                 .path = head.path,
                                 .api = exchange.labels.api,
                                 .callable = exchange.labels.callable,
                                 .status = status,
                                 .error = error,
                                 .took = exchange.timings.total(),
                                 .bytes_in = exchange.body().size(),
                                 .bytes_out = body_bytes};
  record.request_id = exchange.request_id;
  name_caller(record, exchange.principal.get());
  if (const auto trace = telemetry::parse_traceparent(exchange.traceparent)) {
    record.trace = trace->trace;
  }
  telemetry::log_access(log_, record);
}

void RequestObserver::on_in_flight(int change) {
  if (change > 0) {
    unrouted_.in_flight.add();
  } else {
    unrouted_.in_flight.subtract();
  }
}

telemetry::ConnectionMetrics& RequestObserver::connections(const http::Site& site) {
  const std::scoped_lock lock(mutex_);
  auto it = connections_.find(site.listener);
  if (it == connections_.end()) {
    it = connections_.emplace(site.listener, instruments_.connections(site.listener)).first;
  }
  return it->second;
}

void RequestObserver::on_connection(const http::Site& site, int change) {
  telemetry::ConnectionMetrics& metrics = connections(site);
  if (change > 0) {
    metrics.opened();
  } else {
    metrics.closed();
  }
}

void RequestObserver::on_refused(const http::Site&, std::string_view reason) {
  instruments_.refusals().record(refusal_of(reason));
}

}  // namespace sluice::app
