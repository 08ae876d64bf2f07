// The Redis store on a real server of the test's own, with a time that can be moved. No part of the
// product.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "http/client/resolver.h"
#include "jobs/redis_store.h"
#include "jobs/testing_store.h"
#include "redis/connection.h"
#include "redis/real_server.h"

namespace sluice::jobs::testing {

// Two nodes over one server: store() is the first.
class RedisHarness final : public StoreHarness {
 public:
  RedisHarness(const std::string& program, std::optional<SeedQueue> seed);
  ~RedisHarness() override;

  Store& store() override { return *stores_[0]; }
  Store& other() { return *stores_[1]; }
  void reopen() override;
  void pass(Duration time) override;
  [[nodiscard]] WallTime wall() const override;

  redis::RealServer& server() { return server_; }
  // What another program does on the server.
  redis::Reply ask(const redis::Command& command);
  // What was in the seed's list instead of an id, as the claims that have been answered told.
  [[nodiscard]] const std::vector<std::string>& foreign_ids() const { return foreign_ids_; }

 private:
  std::unique_ptr<Store> make_store();
  void open();
  void close();

  redis::RealServer server_;
  const std::optional<SeedQueue> seed_;
  SystemClock clock_;
  SystemRandom random_;
  SharedClock time_;
  http::CachingResolver resolver_{http::CachingResolver::Options(), clock_};
  std::vector<std::string> foreign_ids_;  // of the loop's thread
  LoopThread timers_;
  std::promise<void> plain_is_up_;
  bool plain_was_up_ = false;
  std::unique_ptr<redis::Connection> plain_;  // of the loop's thread
  std::array<std::unique_ptr<Store>, 2> stores_;
};

}  // namespace sluice::jobs::testing
