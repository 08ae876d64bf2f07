// The embedded store's idempotency keys of batches, within the caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sqlite/connection.h"

namespace sluice::jobs {

// One thread: the writer's.
class BatchKeys {
 public:
  explicit BatchKeys(sqlite::Connection& connection);

  struct Known {
    std::string id;      // of the batch
    bool open = false;   // lines may come yet
    std::string digest;  // empty: it was never sealed
  };
  std::optional<Known> find(std::string_view owner, std::string_view key);
  // In place of what was there.
  void put(std::string_view owner, std::string_view key, std::string_view id);
  void seal(std::string_view id, std::string_view digest);
  void drop(std::string_view id);

 private:
  sqlite::Statement find_, put_, seal_, drop_;
};

}  // namespace sluice::jobs
