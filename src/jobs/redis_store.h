// The store for more than one machine: jobs on a Redis or Valkey server.
//
// Our own record, in keys under "sluice:v2:", is the truth; Lua scripts change it. One callable's
// jobs may be shared with programs that know nothing of it, by the seed's keys:
//
//   queue:predict    list     ids; LPUSH to hand in, the oldest (right) end first out
//   job:ID:data      string   the input
//   job:ID:status    string   pending (or missing), processing, completed, failed, cancelled
//   job:ID:result    string   the output, for 24 h
//
// A proxy of theirs feeds our workers, and a worker of theirs (RPOP) serves our callers. Status and
// result mirror the record, and are believed of a worker of theirs while the job is neither over
// nor leased by one of ours. An id that left the list without a lease of ours belongs to such a
// worker; after `foreign_timeout` it goes back to the end from which the next is taken.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "base/uuid.h"
#include "http/client/resolver.h"
#include "jobs/store.h"
#include "redis/server_facts.h"
#include "redis/settings.h"
#include "runtime/event_loop.h"
#include "telemetry/request_metrics.h"

namespace sluice::jobs {

// The callable whose jobs of normal priority wait in the seed's list, when their input is written
// in this format. The same in every process on one server.
struct SeedQueue {
  std::string key = "queue:predict";
  std::string callable;
  std::string format = "async_iris/1";
  Duration foreign_timeout = std::chrono::minutes(10);
};

struct RedisStoreOptions {
  redis::SettingsPtr settings;
  JobPolicy policy;
  std::optional<SeedQueue> seed;
  std::size_t queue_limit = 16'384;                      // questions that wait for an answer
  Duration tend_every = std::chrono::milliseconds(100);  // how exact delays and leases are
  telemetry::RedisMetrics commands{};                    // of its connections, by their use
  telemetry::RedisMetrics subscription{};
  telemetry::RedisMetrics blocking{};
  // Told on the loop's thread each time a server has been connected to: for a warning.
  std::function<void(const redis::ServerFacts&)> on_up{};
  std::function<void(const Error&)> on_down{};
  // An id that was taken off the seed's list and is none: nobody will run it.
  std::function<void(std::string_view)> on_foreign_id{};
  // What the server says of its use (INFO), every few seconds; unset: it is not asked.
  std::function<void(std::string_view)> on_info{};
  // For tests: the time, instead of the server's clock, which is the only one that counts.
  std::function<WallTime()> time{};
};

// Connects in the background, now and whenever the connection is lost: while there is none, all who
// ask are told at once. Everything happens on the loop, whose thread is not the caller's; `clock`
// and `random` (which the loop's thread uses) are where ids come from. All outlive the store, which
// is destroyed when nobody calls it any more, not from the loop.
std::unique_ptr<Store> open_redis_store(RedisStoreOptions options, const Clock& clock,
                                        EventLoop& loop, http::Resolver& resolver,
                                        RandomBytes& random);

}  // namespace sluice::jobs
