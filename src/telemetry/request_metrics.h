// The product's own metrics: every name, label and bound in this one place. They are an interface;
// tests/golden and docs list them.
//
// `Instruments` is made once by app/ and passed on. At start, or when a snapshot is built, its
// methods give the handle structs below for fixed labels; these are small values that a route, a
// model or a listener keeps, so that a request only adds. Handle structs may be used from any
// thread; default ones record nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "telemetry/generation_metrics.h"
#include "telemetry/metrics.h"
#include "telemetry/timings.h"

namespace sluice::telemetry {

// "ok", and each error code. Index 0 is "ok".
inline constexpr std::size_t kOutcomeCount = kErrorCodeCount + 1;
inline constexpr std::string_view kOk = "ok";
// `error` is nothing when all went well.
inline std::size_t outcome_index(std::optional<ErrorCode> error) {
  return error ? static_cast<std::size_t>(*error) + 1 : 0;
}
inline std::string_view outcome_name(std::optional<ErrorCode> error) {
  return error ? to_string(*error) : kOk;
}
using OutcomeCounters = std::array<Counter, kOutcomeCount>;

// How often each stage took how long, over all requests.
struct StageMetrics {
  std::array<DurationHistogram, kStageCount> stages;
  // Stages that did not happen are left out.
  void record(const RequestTimings& timings) const {
    for (std::size_t i = 0; i < kStageCount; ++i) {
      const auto stage = static_cast<Stage>(i);
      if (timings.has(stage)) stages[i].record(timings.spent(stage));
    }
  }
};

// Of one callable through one API. begin() once, then finish() once.
struct RequestMetrics {
  OutcomeCounters by_code;
  DurationHistogram duration;
  Gauge in_flight;
  StageMetrics stages;

  void begin() const { in_flight.add(); }
  void finish(std::optional<ErrorCode> error, const RequestTimings& timings) const {
    in_flight.subtract();
    by_code[outcome_index(error)].add();
    duration.record(timings.total());
    stages.record(timings);
  }
};

// Of one version of a model in its backend.
struct ModelMetrics {
  DurationHistogram run;
  Histogram batch_rows;
  void record(Duration took, std::size_t rows) const {
    run.record(took);
    batch_rows.record(static_cast<double>(rows));
  }
};

// Of one listener.
struct ConnectionMetrics {
  Gauge open;
  Counter total;
  void opened() const {
    open.add();
    total.add();
  }
  void closed() const { open.subtract(); }
};

// Why something was turned away before it became a call.
enum class Refusal : std::uint8_t {
  kConnections,      // too many connections
  kRequests,         // too many requests in flight
  kMalformed,        // not HTTP as it must be
  kHeaders,          // too large or too many
  kBody,             // too large
  kSlow,             // headers or body did not come in time
  kUnauthenticated,  // no key, or none that is known
  kForbidden,        // the key may not
  kRate,             // over the tenant's rate
  kQueue,            // the queue is full
  kDeadline,         // could not be done in time
  kDraining,         // shutting down
};
inline constexpr std::size_t kRefusalCount = 12;
std::string_view to_string(Refusal refusal);

// Over all listeners.
struct RefusalMetrics {
  std::array<Counter, kRefusalCount> by_reason;
  void record(Refusal refusal) const { by_reason[static_cast<std::size_t>(refusal)].add(); }
};

// What became of a request that came with a key.
enum class KeyOutcome : std::uint8_t {
  kAdmitted,
  kForbidden,  // a scope was missing before the request was decoded
  kRate,
  kQuota,
};
inline constexpr std::size_t kKeyOutcomeCount = 4;
std::string_view to_string(KeyOutcome outcome);

// Of one API key.
struct KeyMetrics {
  std::array<Counter, kKeyOutcomeCount> by_outcome;
  Level quota_used;
  void record(KeyOutcome outcome) const { by_outcome[static_cast<std::size_t>(outcome)].add(); }
};

// Of all API keys together.
struct KeyringMetrics {
  Level usable;         // neither revoked nor expired
  Counter file_errors;  // times a changed key file, or the quotas', could not be used
};

// Of one member of an ensemble.
struct MemberMetrics {
  OutcomeCounters by_code;
  void record(std::optional<ErrorCode> error) const { by_code[outcome_index(error)].add(); }
};

// Of one replica of a remote backend.
struct ReplicaMetrics {
  Counter requests;
  Counter failures;
  Counter ejections;
  Counter retries;  // requests that came here as a second try
  Gauge ejected;    // 1 while it is left out
  Gauge in_flight;

  void eject() const {
    ejections.add();
    ejected.add();
  }
  void readmit() const { ejected.subtract(); }
};

// Of the connections to Redis for one use.
struct RedisMetrics {
  OutcomeCounters by_code;
  DurationHistogram duration;
  Gauge connected;
  Counter connects;
  Counter connect_failures;
  Counter losses;

  // A command that went out was answered, or given up, after so long.
  void record(std::optional<ErrorCode> error, Duration took) const {
    by_code[outcome_index(error)].add();
    duration.record(took);
  }
  // A command that never went out.
  void refuse(ErrorCode error) const { by_code[outcome_index(error)].add(); }
};

// What a Redis server says of itself.
struct RedisServerMetrics {
  Level memory_bytes;
  Level keys;
  Level expired_keys;
};

class Instruments {
 public:
  // `metrics` must outlive this and every handle.
  explicit Instruments(Metrics& metrics);

  RequestMetrics request(std::string_view api, std::string_view callable);
  ModelMetrics model(std::string_view model, std::string_view version);
  ConnectionMetrics connections(std::string_view listener);
  MemberMetrics member(std::string_view ensemble, std::string_view member);
  ReplicaMetrics replica(std::string_view callable, std::string_view address);
  // `use` is what the connections are for: "commands", "blocking", "subscription".
  RedisMetrics redis(std::string_view use);
  RedisServerMetrics redis_server();
  KeyMetrics key(std::string_view name);
  [[nodiscard]] const KeyringMetrics& keyring() const { return keyring_; }
  [[nodiscard]] const RefusalMetrics& refusals() const { return refusals_; }
  [[nodiscard]] const StageMetrics& stages() const { return stages_; }
  // Of answers that language models make; the best class first, as ServiceClass has them.
  [[nodiscard]] const std::array<GenerationMetrics, 2>& generation() const { return generation_; }

  // For what has a metric of its own.
  Metrics& metrics() { return metrics_; }

 private:
  Metrics& metrics_;
  StageMetrics stages_;
  Gauge in_flight_;
  RefusalMetrics refusals_;
  KeyringMetrics keyring_;
  std::array<GenerationMetrics, 2> generation_;
};

}  // namespace sluice::telemetry
