// A model behind POST /predict, as a callable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/http_predict/options.h"
#include "base/result.h"
#include "http/client/resolver.h"
#include "http/tls_context.h"
#include "inference/callable.h"
#include "inference/probe.h"
#include "runtime/io_threads.h"
#include "telemetry/request_metrics.h"

namespace sluice::http_predict {

struct Service;

// Asks a service that speaks {"data": [[..]]} -> {"prediction": [..], "predictions": [[..],..]}:
// the horizontal services of Sluice itself, and those of the same shape on other stacks.
//
// A call runs on an io thread: its home if that is one (then nothing changes threads), else one of
// them in turn, and the result is posted home. Each io thread has its own connections, retry budget
// and median; the replicas, their load and their health are shared by all.
//
// With the request go `traceparent` (a child of the call's), `tracestate`, `X-Request-Id` and the
// time that is left (http/deadline_header.h). A call that failed because of the replica is tried
// once more, on another one, if there is one, time, and budget. An answer that blames the request
// (4xx) is neither tried again nor held against the replica. A replica that was put out comes back
// when a GET of its health path, sent when a call notices that its time is over, is answered 2xx.
// While every replica fails it is not ready; who asks whether it is notices that time as well.
class HttpPredict final : public Callable, public Probeable {
 public:
  // kInvalid for URLs or TLS files that cannot be used. `io`, `resolver` and `instruments` must
  // outlive it; without instruments its replicas are not counted.
  static Result<std::shared_ptr<HttpPredict>> make(std::string name,
                                                   const HttpPredictOptions& options, IoThreads& io,
                                                   http::Resolver& resolver,
                                                   telemetry::Instruments* instruments = nullptr);
  ~HttpPredict() override;

  [[nodiscard]] const Description& describe() const override;
  [[nodiscard]] Placement placement(const Request&) const override {
    return {Placement::Where::kRemote, {}};
  }
  [[nodiscard]] Result<> ready() const override;
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

  CancelHandle probe_health(const Call& call, Sink& sink) override;
  CancelHandle run_self_test(const Call& call, Sink& sink) override;

 private:
  explicit HttpPredict(std::shared_ptr<Service> service);
  std::shared_ptr<Service> service_;
};

// Every TLS file of the options that cannot be used; none where no URL is https.
std::vector<http::TlsFault> tls_faults(const HttpPredictOptions& options);

}  // namespace sluice::http_predict
