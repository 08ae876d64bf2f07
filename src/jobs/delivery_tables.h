// The embedded store's deliveries: rows beside the jobs, within the caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "jobs/job_row.h"
#include "sqlite/connection.h"

namespace sluice::jobs {

// One thread: the writer's.
class DeliveryTable {
 public:
  explicit DeliveryTable(sqlite::Connection& connection);

  struct Due {
    std::int64_t row = 0;  // the job's
    std::uint32_t attempt = 0;
  };
  void add(std::int64_t row, WallTime due);
  std::vector<Due> claim(std::size_t most, WallTime now, Duration lease);
  // Nothing where `attempt` is not the last one.
  void settle(std::int64_t row, std::uint32_t attempt, std::optional<WallTime> due);
  void drop(std::int64_t row);

 private:
  sqlite::Statement insert_, due_, take_, again_, over_, drop_;
};

}  // namespace sluice::jobs
