// Where jobs are kept: the contract of every store. What it has accepted it never loses.
//
// All functions may be called from any thread. Each ends in its `done`, exactly once, on the
// executor that was named (which lives until then), never before the function returns. A store that
// cannot be reached says so at once: kUnavailable with a time to try again; nothing waits without
// bound. kExhausted: too many wait for the store already.
//
// The jobs' own rules are those of machine.h; what a store adds is atomicity and durability.
// At least once in execution, exactly once in effect on the record: whoever has lost the lease
// changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "jobs/backup_store.h"
#include "jobs/batch_store.h"
#include "jobs/delivery_store.h"
#include "jobs/job.h"
#include "jobs/machine.h"
#include "runtime/executor.h"

namespace sluice::jobs {

// What a caller hands in. The rest of the record is the store's.
struct NewJob {
  std::string callable;
  std::string format;
  std::string input;
  Priority priority = Priority::kNormal;
  std::string tenant;
  std::string owner;
  std::string batch;
  std::string metadata;
  std::string webhook;
  std::optional<WallTime> run_at;
  std::optional<WallTime> deadline;
  // A second submission under the same key by the same owner gives the first one's job when the
  // digest (of all that was asked) is the same, kInvalid when it is not, and kConflict while the
  // first is not on disk yet. Kept as long as the job. Empty: none.
  std::string idempotency_key;
  std::string digest;
  // Of a line of a batch only (BatchStore::add_to_batch).
  std::uint32_t line = 0;
  std::string custom_id;
  std::optional<Error> broken;  // it cannot be run, and why
};

struct Submitted {
  std::string id;
  bool existed = false;  // under the idempotency key
};

// A job as it was read. Which of the last two are filled in was asked for.
struct JobView {
  Job job;
  std::string input;   // gone once the job is over
  std::string output;  // of a completed job
};

struct ListQuery {
  std::optional<std::string> owner;  // only this owner's; none: everybody's
  std::optional<JobState> state;
  std::string callable;  // empty: all
  std::string batch;     // empty: all
  std::string after;     // the id at which the last page ended; empty: from the newest on
  std::size_t limit = 100;
};
inline constexpr std::size_t kMaxPage = 1000;

struct JobPage {
  std::vector<Job> jobs;  // newest first
  bool more = false;
};

// What a worker takes: at most so many of each callable.
struct ClaimRequest {
  struct Queue {
    std::string callable;
    std::size_t most = 1;
  };
  std::vector<Queue> queues;
  std::string worker;
  std::optional<Duration> lease;  // none: the policy's
};
struct Claimed {
  Job job;
  std::string input;
  [[nodiscard]] Ticket ticket() const { return {job.id, job.attempt}; }
};

struct Completed {
  std::string output;
};
struct Failed {
  Error error;
  bool worth_retrying = false;
};
struct Requeued {
  Cause cause = Cause::kReleased;
};
// How an attempt ended.
using Outcome = std::variant<Completed, Failed, Requeued>;

struct QueueCounts {
  std::string callable;
  bool paused = false;
  std::uint64_t pending = 0;  // with those that are delayed
  std::uint64_t processing = 0;
};

// What others are told of. Called on any thread, after the change can be read; must not block.
// Repeated and missed calls are both possible (a connection breaks): news says when to look, the
// store says what is.
struct JobChange {
  std::string id;
  JobState state = JobState::kPending;
  std::uint32_t attempt = 0;
  std::uint32_t revision = 0;
  // A job that has ended, with its output, where the store has it at hand; null: ask for it.
  std::shared_ptr<const JobView> view{};
};
class News {
 public:
  // Something may be claimable in this queue.
  virtual void on_ready(std::string_view callable) = 0;
  virtual void on_change(const JobChange& change) = 0;
  // What happened may have been missed: look at everything that you wait for.
  virtual void on_gap() = 0;
  // A delivery is due, see DeliveryStore.
  virtual void on_delivery() {}

 protected:
  ~News() = default;
};

class Store {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;

  virtual ~Store() = default;

  // --- callers
  virtual void submit(Executor& home, NewJob job, Done<Submitted> done) = 0;
  enum class Want : std::uint8_t { kRecord, kOutput, kInput };
  // kNotFound where there is no such job (any more).
  virtual void get(Executor& home, std::string id, Want want, Done<JobView> done) = 0;
  virtual void list(Executor& home, ListQuery query, Done<JobPage> done) = 0;
  // The job as it is then; kConflict when it was over before.
  virtual void cancel(Executor& home, std::string id, Done<Job> done) = 0;

  // --- workers
  // What is claimable, up to what is asked; perhaps nothing.
  virtual void claim(Executor& home, ClaimRequest request, Done<std::vector<Claimed>> done) = 0;
  // For each ticket: whether its lease goes on. False: stop, it is somebody else's or over.
  virtual void extend(Executor& home, std::vector<Ticket> tickets, Duration lease,
                      Done<std::vector<bool>> done) = 0;
  virtual void report_progress(Executor& home, Ticket ticket, Progress progress,
                               Done<void> done) = 0;
  // The job as it is then; kConflict when the attempt is over.
  virtual void finish(Executor& home, Ticket ticket, Outcome outcome, Done<Job> done) = 0;

  // --- operators
  virtual void pause(Executor& home, std::string callable, bool paused, Done<void> done) = 0;
  virtual void counts(Executor& home, Done<std::vector<QueueCounts>> done) = 0;

  // What a store may keep besides; null: it does not. They live as long as the store.
  virtual DeliveryStore* deliveries() { return nullptr; }
  virtual BatchStore* batches() { return nullptr; }
  virtual BackupStore* backups() { return nullptr; }

  // Can it take a job now? From any thread, at once.
  [[nodiscard]] virtual Result<> ready() const = 0;
  // Nobody is told of anything before; null: no more, and no call is under way when it returns.
  virtual void set_news(News* news) = 0;
};

}  // namespace sluice::jobs
