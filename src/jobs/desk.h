// Where jobs are handed in and asked after: what the APIs and the services use.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/time.h"
#include "jobs/hub.h"
#include "jobs/runner.h"
#include "jobs/store.h"

namespace sluice::jobs {

struct JobLimits {
  std::size_t max_metadata_bytes = 4096;
  Duration longest_wait = std::chrono::seconds(60);  // of a caller for a job's end
  Duration farthest = std::chrono::days(30);         // run_at and deadline
  std::size_t max_idempotency_key_bytes = 255;
};

// Made by app/; all of it outlives the listeners.
struct Desk {
  Store& store;
  Hub& hub;
  const CodecMakers& codecs;
  std::string_view store_name;  // in words: "store", "redis"
  JobLimits limits;
};

}  // namespace sluice::jobs
