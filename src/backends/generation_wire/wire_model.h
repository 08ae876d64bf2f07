// A language model behind a wire, as a callable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/generation_wire/dialect.h"
#include "backends/generation_wire/options.h"
#include "base/result.h"
#include "http/client/resolver.h"
#include "http/tls_context.h"
#include "inference/callable.h"
#include "inference/queue_status.h"
#include "runtime/io_threads.h"
#include "telemetry/request_metrics.h"

namespace sluice::generation_wire {

struct Service;

// Asks engines that speak one dialect, always in parts, so that a silent engine is noticed and a
// cancellation or a deadline ends its work by closing the connection; the caller gets parts only if
// it asked for them.
//
// A call runs on an io thread: its home if that is one, else one of them in turn, and what comes is
// posted home. It takes a slot of the idlest engine that has the model (choose.h), or waits for one
// in a bounded queue. Before the first token a call that failed because of the engine is tried on
// each other one once, within the retry budget; after it the caller is told what befell the engine,
// by its name. An engine that fails again and again is left out and probed. What engines say in
// refusal is mapped in error.h.
//
// With the request go the key, `traceparent` (a child of the call's), `tracestate`, `X-Request-Id`,
// `X-Sluice-Class` and the time that is left (http/deadline_header.h).
class WireModel final : public Callable, public Queued {
 public:
  // kInvalid for URLs or TLS files that cannot be used. `io`, `resolver` and `instruments` must
  // outlive it; without instruments its engines are not counted.
  static Result<std::shared_ptr<WireModel>> make(std::string name, const WireOptions& options,
                                                 std::unique_ptr<const Dialect> dialect,
                                                 IoThreads& io, http::Resolver& resolver,
                                                 telemetry::Instruments* instruments = nullptr);
  ~WireModel() override;

  // From now on engines are asked which models they have. Once; until then all may have it.
  void watch_engines();

  [[nodiscard]] const Description& describe() const override;
  [[nodiscard]] Placement placement(const Request&) const override {
    return {Placement::Where::kRemote, {}};
  }
  // kUnavailable while no engine can be reached.
  [[nodiscard]] Result<> ready() const override;
  [[nodiscard]] QueueStatus queue_status() const override;
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

 private:
  explicit WireModel(std::shared_ptr<Service> service);
  std::shared_ptr<Service> service_;
};

// Every TLS file of the options that cannot be used; none where no URL is https.
std::vector<http::TlsFault> tls_faults(const WireOptions& options);

}  // namespace sluice::generation_wire
