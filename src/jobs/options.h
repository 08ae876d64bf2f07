// What can be said of jobs in the configuration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "config/describe.h"
#include "config/node.h"
#include "config/ordered_map.h"
#include "inference/callable.h"
#include "jobs/machine.h"

namespace sluice::jobs {

struct QueueSettings {
  std::optional<std::size_t> concurrency;
  Duration timeout{};
  ServiceClass service_class = ServiceClass::kBestEffort;
};
void describe(config::Fields<QueueSettings>& f);

enum class StoreKind : std::uint8_t { kEmbedded, kRedis };
void describe(config::Choices<StoreKind>& c);

// The keys that are shared with programs of others: see redis_store.h.
struct SeedQueueSettings {
  std::string key = "queue:predict";
  std::string callable;
  std::string format = "async_iris/1";
  Duration foreign_timeout = std::chrono::minutes(10);
  config::Node where;
};
void describe(config::Fields<SeedQueueSettings>& f);

struct WebhookSettings {
  std::optional<config::Secret> secret;
  bool allow_private = false;
  std::size_t concurrency = 16;
  Duration timeout = std::chrono::seconds(15);
  std::size_t max_body_bytes = 256 * 1024;
};
void describe(config::Fields<WebhookSettings>& f);

struct JobsOptions {
  StoreKind store = StoreKind::kEmbedded;
  std::optional<SeedQueueSettings> seed_queue;
  bool consume = true;
  std::size_t concurrency = 16;
  config::OrderedMap<QueueSettings> queues;
  Duration lease = JobPolicy().lease;
  std::uint32_t retries = JobPolicy().retries;
  Duration retry_base = JobPolicy().retry_base;
  Duration retry_longest = JobPolicy().retry_longest;
  std::uint32_t lost_leases = JobPolicy().poison_limit;
  Duration retention = JobPolicy().retention;
  Duration longest_wait = std::chrono::seconds(60);
  std::size_t max_output_bytes = 4 * 1024 * 1024;
  WebhookSettings webhooks;

  config::Node where;

  [[nodiscard]] JobPolicy policy() const;
};
void describe(config::Fields<JobsOptions>& f);
void validate(const JobsOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::jobs
