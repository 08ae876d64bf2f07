// Tells of an answer where its time went.
#pragma once

#include "api/generation/timings.h"
#include "gateway/mount.h"
#include "http/exchange.h"

namespace sluice::api::generation {

// Of one call through one exchange; kept by who listens to it. On the exchange's loop.
class Account {
 public:
  Account(const http::Exchange& exchange, const gateway::Mount& mount, ServiceClass service_class)
      : mount_(mount), service_class_(class_for(exchange.principal.get(), service_class)) {}

  // Filled in by the call.
  CallTimes& times() { return times_; }
  // Before its first part.
  [[nodiscard]] bool waits_in_queue() const {
    return times_.queued != TimePoint() && times_.started == TimePoint();
  }

  // To the log, once: for how long the call waited for its slot. Nothing while it has none, or
  // where it needs none; to be called with each part and with the result, which bring the times.
  void tell_wait(const http::Exchange& exchange);

  // A part has come.
  void note_part();

  // Now: before the answer is written.
  [[nodiscard]] GenerationTimings timings(const http::Exchange& exchange,
                                          const EngineTimes& engine) const;
  // To the log and the metrics.
  void tell(const http::Exchange& exchange, const GenerationTimings& timings,
            const Usage& usage) const;
  // Of a call that makes no text: to the metrics, what it read. It has no first token to tell of.
  void tell_read(const Usage& usage) const;
  // Of a text that broke off after its first token: to the metrics, how long that one took.
  void tell_broken(const http::Exchange& exchange) const;

 private:
  [[nodiscard]] const telemetry::GenerationMetrics& metrics() const;

  const gateway::Mount& mount_;
  ServiceClass service_class_;
  CallTimes times_;
  TimePoint first_part_{};
  bool wait_told_ = false;
};

}  // namespace sluice::api::generation
