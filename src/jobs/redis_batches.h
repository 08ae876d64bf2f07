// Batches on a Redis server. Internal to the Redis store.
//
// Each change is one script, and what stands on the server between two of them says how to go on:
// any node tends to the batches of all, so a process that dies in the middle leaves nothing undone.
// An upload that broke off is stopped after its silence, lines are let go, stopped and dropped in
// small steps, and the script in which the last line ends ends the batch.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "jobs/batch_store.h"
#include "jobs/redis_asker.h"

namespace sluice::jobs {

namespace ask {
struct BatchWalk;
}

// Of the store, beside its asker.
class RedisBatches final : public BatchStore {
 public:
  // `ids` is the loop thread's.
  RedisBatches(RedisAsker& asker, UuidSource& ids) : asker_(asker), ids_(ids) {}

  void create_batch(Executor& home, NewBatch batch, Done<CreatedBatch> done) override;
  void add_to_batch(Executor& home, std::string id, std::vector<NewJob> lines,
                    Done<void> done) override;
  void seal_batch(Executor& home, std::string id, std::string digest, Done<Batch> done) override;
  void cancel_batch(Executor& home, std::string id, std::string error, Done<Batch> done) override;
  void get_batch(Executor& home, std::string id, Done<Batch> done) override;
  void list_batches(Executor& home, std::optional<std::string> owner, std::string after,
                    std::size_t limit, Done<std::vector<Batch>> done) override;
  void read_batch(Executor& home, Read read, Done<std::vector<JobView>> done) override;

 private:
  struct Adding;
  void add_some(const std::shared_ptr<Adding>& adding);
  void step(const std::shared_ptr<ask::BatchWalk>& walk);

  RedisAsker& asker_;
  UuidSource& ids_;
};

}  // namespace sluice::jobs
