// Where jobs are handed in and asked after: what the APIs and the services use.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "base/time.h"
#include "inference/principal.h"
#include "jobs/hub.h"
#include "jobs/runner.h"
#include "jobs/store.h"

namespace sluice::jobs {

struct JobLimits {
  std::size_t max_metadata_bytes = 4096;
  Duration longest_wait = std::chrono::seconds(60);  // of a caller for a job's end
  Duration farthest = std::chrono::days(30);         // run_at and deadline
  std::size_t max_idempotency_key_bytes = 255;
  std::size_t max_batch_lines = 50'000;
  // Of programs that lease jobs.
  Duration lease = std::chrono::seconds(30);  // unless they ask for another
  Duration longest_lease = std::chrono::hours(1);
  std::size_t max_leases = 100;  // in one request
  // Whether jobs may have a webhook, and whether that may lead anywhere.
  bool webhooks = false;
  bool private_webhooks = false;
  std::size_t max_output_bytes = 4 * 1024 * 1024;
  std::size_t max_partial_bytes = kMaxPartialBytes;
};

// Made by app/; all of it outlives the listeners.
struct Desk {
  Store& store;
  Hub& hub;
  const CodecMakers& codecs;
  std::string_view store_name;  // in words: "store", "redis"
  JobLimits limits;
  std::filesystem::path folder{};  // where copies of the store lie for a while
};

// What priority a caller's job has that wants this one: a key whose calls are best effort at most
// has none that goes before others'.
inline Priority priority_for(const Principal* caller, Priority wanted) {
  const bool low = caller != nullptr && caller->ceiling == ServiceClass::kBestEffort;
  return low && wanted == Priority::kHigh ? Priority::kNormal : wanted;
}

}  // namespace sluice::jobs
