// Many jobs that are handed in as one file, and looked at as one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "jobs/job.h"
#include "runtime/executor.h"

namespace sluice::jobs {

struct NewJob;
struct JobView;

// kReceiving: its lines come in, and none is run. kRunning: it was accepted, and will end.
// kCancelling: what has not ended is being stopped. The last three never change again.
enum class BatchState : std::uint8_t {
  kReceiving,
  kRunning,
  kCancelling,
  kCompleted,
  kCancelled,
  kFailed
};
std::string_view to_string(BatchState state);  // "receiving", ...
constexpr bool is_terminal(BatchState state) {
  return state >= BatchState::kCompleted;
}

struct Batch {
  std::string id;  // a UUID
  std::string owner;
  std::string metadata;  // JSON of the caller's; empty: none
  BatchState state = BatchState::kReceiving;
  std::string error;  // why it failed
  WallTime created{};
  std::optional<WallTime> finished;
  std::optional<WallTime> expires;  // when it goes, with its lines
  std::uint64_t lines = 0;
  // What became of the lines.
  std::uint64_t pending = 0;
  std::uint64_t processing = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;  // with those that were broken
  std::uint64_t cancelled = 0;

  bool operator==(const Batch&) const = default;
};

struct NewBatch {
  std::string owner;
  std::string metadata;
  // A second batch under the same key of the same owner is not made: see create_batch. Kept as long
  // as the batch. Empty: none.
  std::string idempotency_key;
};

struct CreatedBatch {
  Batch batch;
  // The batch was sealed before, under the idempotency key, with this; none: it is new.
  std::optional<std::string> digest;
};

inline Error upload_goes_on() {
  return {ErrorCode::kConflict, "an upload under this Idempotency-Key goes on at this moment",
          std::chrono::milliseconds(1000)};
}

// How long a batch may be silent while it is received; then its upload has been abandoned, by a
// process that died, say.
inline constexpr Duration kLongestUploadSilence = std::chrono::minutes(5);

// Lines of a batch are jobs whose `batch`, `line` and `custom_id` say so; they live as long as the
// batch, not as long as they would by themselves. A line that cannot be run is a job that has
// failed from the beginning. Any thread; as Store's functions.
class BatchStore {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;

  // Under a key that was used: the batch of then, where it has been sealed, for the caller to
  // compare what both were made of; kConflict while it is receiving. One that was never sealed
  // leaves its key to the new one.
  virtual void create_batch(Executor& home, NewBatch batch, Done<CreatedBatch> done) = 0;
  // In the order of the lines; `batch` of each is filled in. They are held until the batch is
  // sealed. kConflict unless it is receiving.
  virtual void add_to_batch(Executor& home, std::string id, std::vector<NewJob> lines,
                            Done<void> done) = 0;
  // All lines are there: from now on they are run (within a while, so that many do not hold up
  // others). `digest`, of all that was asked, is kept beside the idempotency key; not empty where
  // there is one. kConflict unless it is receiving.
  virtual void seal_batch(Executor& home, std::string id, std::string digest, Done<Batch> done) = 0;
  // Stops what has not ended, then it is cancelled; or failed, where `error` says why. kConflict
  // when it has ended.
  virtual void cancel_batch(Executor& home, std::string id, std::string error,
                            Done<Batch> done) = 0;
  virtual void get_batch(Executor& home, std::string id, Done<Batch> done) = 0;
  // Newest first; `after` is the id at which the last page ended.
  virtual void list_batches(Executor& home, std::optional<std::string> owner, std::string after,
                            std::size_t limit, Done<std::vector<Batch>> done) = 0;
  // The lines that have ended, in order, from behind line `after` on: the completed ones with their
  // outputs, or the others. As many as `limit`, or fewer once they are longer than `bytes`.
  struct Read {
    std::string id;
    bool completed = true;
    std::uint32_t after = 0;
    std::size_t limit = 256;
    std::size_t bytes = 1 << 20;
  };
  virtual void read_batch(Executor& home, Read read, Done<std::vector<JobView>> done) = 0;

 protected:
  ~BatchStore() = default;
};

}  // namespace sluice::jobs
