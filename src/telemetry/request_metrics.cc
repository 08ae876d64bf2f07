#include "telemetry/request_metrics.h"

#include <string>

namespace sluice::telemetry {

namespace {

// Bounds in pairs of labels rather than series, where one pair has a series for each outcome.
constexpr std::size_t kMaxPairs = 500;

FamilyOptions requests_total() {
  return {"sluice_requests_total",
          "Requests answered, by API, callable and code (ok or the error's).",
          {"api", "callable", "code"},
          kMaxPairs * kOutcomeCount};
}
FamilyOptions request_duration() {
  return {"sluice_request_duration_seconds",
          "From the first byte of a request to the last of its answer, in seconds.",
          {"api", "callable"},
          kMaxPairs};
}
FamilyOptions requests_in_flight() {
  return {"sluice_requests_in_flight", "Requests begun and not yet answered."};
}
FamilyOptions stage_duration() {
  return {"sluice_stage_duration_seconds",
          "Time of a request by stage (parse, queue, run, encode), in seconds.",
          {"stage"}};
}
FamilyOptions model_run_duration() {
  return {"sluice_model_run_duration_seconds",
          "One run of a model in its backend, in seconds.",
          {"model", "version"},
          kMaxPairs};
}
FamilyOptions model_batch_rows() {
  return {"sluice_model_batch_rows", "Rows in one run of a model.", {"model"}, kMaxPairs};
}
FamilyOptions connections_open() {
  return {"sluice_connections", "Open connections, by listener.", {"listener"}};
}
FamilyOptions connections_total() {
  return {"sluice_connections_total", "Connections accepted, by listener.", {"listener"}};
}
FamilyOptions refusals_total() {
  return {"sluice_refusals_total",
          "Connections and requests turned away before they became a call, by reason.",
          {"reason"}};
}
FamilyOptions member_calls_total() {
  return {"sluice_member_calls_total",
          "Calls of an ensemble's members, by code (ok or the error's).",
          {"ensemble", "member", "code"},
          kMaxPairs * kOutcomeCount};
}
FamilyOptions replica_family(const char* name, const char* help) {
  return {name, help, {"callable", "replica"}};
}

FamilyOptions redis_family(const char* name, const char* help) {
  return {name, help, {"use"}};
}
FamilyOptions redis_commands_total() {
  return {"sluice_redis_commands_total",
          "Commands to Redis, by what the connection is for and code (ok or the error's).",
          {"use", "code"}};
}
FamilyOptions key_requests_total() {
  return {"sluice_key_requests_total",
          "Requests that came with a known API key, by its name and what became of them.",
          {"key", "outcome"},
          kMaxPairs * kKeyOutcomeCount};
}
FamilyOptions key_quota_used() {
  return {"sluice_key_quota_used",
          "Requests of this day or month that count against a key's quota.",
          {"key"},
          kMaxPairs};
}

OutcomeCounters outcomes(Metrics& metrics, const FamilyOptions& family, std::string_view first,
                         std::string_view second) {
  OutcomeCounters counters;
  counters[0] = metrics.counter(family, {first, second, kOk});
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    counters[i + 1] =
        metrics.counter(family, {first, second, to_string(static_cast<ErrorCode>(i))});
  }
  return counters;
}

}  // namespace

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kConnections:
      return "connections";
    case Refusal::kRequests:
      return "requests";
    case Refusal::kMalformed:
      return "malformed";
    case Refusal::kHeaders:
      return "headers";
    case Refusal::kBody:
      return "body";
    case Refusal::kSlow:
      return "slow";
    case Refusal::kUnauthenticated:
      return "unauthenticated";
    case Refusal::kForbidden:
      return "forbidden";
    case Refusal::kRate:
      return "rate";
    case Refusal::kQueue:
      return "queue";
    case Refusal::kDeadline:
      return "deadline";
    case Refusal::kDraining:
      return "draining";
  }
  return "requests";
}

std::string_view to_string(KeyOutcome outcome) {
  switch (outcome) {
    case KeyOutcome::kAdmitted:
      return "admitted";
    case KeyOutcome::kForbidden:
      return "forbidden";
    case KeyOutcome::kRate:
      return "rate";
    case KeyOutcome::kQuota:
      return "quota";
  }
  return "admitted";
}

Instruments::Instruments(Metrics& metrics)
    : metrics_(metrics),
      in_flight_(metrics.gauge(requests_in_flight())),
      keyring_{metrics.level({"sluice_keys", "API keys that are neither revoked nor expired.", {}}),
               metrics.counter({"sluice_key_file_errors_total",
                                "Times the file of keys or quotas could not be used.",
                                {}})},
      generation_{generation_metrics(metrics, "realtime"),
                  generation_metrics(metrics, "best_effort")} {
  for (std::size_t i = 0; i < kStageCount; ++i) {
    stages_.stages[i] = metrics.durations(stage_duration(), {to_string(static_cast<Stage>(i))});
  }
  for (std::size_t i = 0; i < kRefusalCount; ++i) {
    refusals_.by_reason[i] =
        metrics.counter(refusals_total(), {to_string(static_cast<Refusal>(i))});
  }
  redis("commands");  // so that the families are there from the start
  redis_server();
}

RequestMetrics Instruments::request(std::string_view api, std::string_view callable) {
  return {outcomes(metrics_, requests_total(), api, callable),
          metrics_.durations(request_duration(), {api, callable}), in_flight_, stages_};
}

ModelMetrics Instruments::model(std::string_view model, std::string_view version) {
  return {metrics_.durations(model_run_duration(), {model, version}),
          metrics_.histogram(model_batch_rows(), {model}, kBatchBounds)};
}

ConnectionMetrics Instruments::connections(std::string_view listener) {
  return {metrics_.gauge(connections_open(), {listener}),
          metrics_.counter(connections_total(), {listener})};
}

KeyMetrics Instruments::key(std::string_view name) {
  KeyMetrics made;
  for (std::size_t i = 0; i < kKeyOutcomeCount; ++i) {
    made.by_outcome[i] =
        metrics_.counter(key_requests_total(), {name, to_string(static_cast<KeyOutcome>(i))});
  }
  made.quota_used = metrics_.level(key_quota_used(), {name});
  return made;
}

MemberMetrics Instruments::member(std::string_view ensemble, std::string_view member) {
  return {outcomes(metrics_, member_calls_total(), ensemble, member)};
}

ReplicaMetrics Instruments::replica(std::string_view callable, std::string_view address) {
  const auto count = [&](const char* name, const char* help) {
    return metrics_.counter(replica_family(name, help), {callable, address});
  };
  const auto gauge = [&](const char* name, const char* help) {
    return metrics_.gauge(replica_family(name, help), {callable, address});
  };
  return {count("sluice_replica_requests_total", "Requests sent to a replica."),
          count("sluice_replica_failures_total", "Requests to a replica that failed."),
          count("sluice_replica_ejections_total", "Times a replica was left out for failing."),
          count("sluice_replica_retries_total", "Requests that came to a replica as a retry."),
          gauge("sluice_replica_ejected", "1 while a replica is left out for failing."),
          gauge("sluice_replica_requests_in_flight", "Requests a replica has not answered yet.")};
}

RedisMetrics Instruments::redis(std::string_view use) {
  RedisMetrics made;
  made.by_code[0] = metrics_.counter(redis_commands_total(), {use, kOk});
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    made.by_code[i + 1] =
        metrics_.counter(redis_commands_total(), {use, to_string(static_cast<ErrorCode>(i))});
  }
  made.duration =
      metrics_.durations(redis_family("sluice_redis_command_duration_seconds",
                                      "From a command to Redis to its answer, in seconds."),
                         {use});
  made.connected = metrics_.gauge(
      redis_family("sluice_redis_connections", "Connections to Redis that are ready."), {use});
  made.connects = metrics_.counter(
      redis_family("sluice_redis_connects_total", "Times a connection to Redis became ready."),
      {use});
  made.connect_failures = metrics_.counter(
      redis_family("sluice_redis_connect_failures_total", "Tries to connect to Redis that failed."),
      {use});
  made.losses = metrics_.counter(
      redis_family("sluice_redis_losses_total", "Connections to Redis that broke."), {use});
  return made;
}

RedisServerMetrics Instruments::redis_server() {
  const auto level = [this](const char* name, const char* help) {
    return metrics_.level({name, help, {}});
  };
  return {
      level("sluice_redis_memory_bytes", "Memory that the Redis server uses, in bytes."),
      level("sluice_redis_keys", "Keys in the database on the Redis server."),
      level("sluice_redis_expired_keys", "Keys that have expired since the Redis server started.")};
}

}  // namespace sluice::telemetry
