// The embedded store's tables and what is done to them, each within the caller's transaction:
// neither thread nor clock of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/uuid.h"
#include "jobs/batch_keys.h"
#include "jobs/batch_tables.h"
#include "jobs/delivery_tables.h"
#include "jobs/job_row.h"
#include "jobs/order.h"
#include "jobs/store.h"
#include "sqlite/connection.h"
#include "sqlite/migrations.h"

namespace sluice::jobs {

const sqlite::Schema& job_schema();

// What a transaction did that others want to hear of, once it is committed.
struct Happened {
  std::vector<JobChange> changes;
  std::set<std::string, std::less<>> ready;  // callables with something to claim
  bool delivery = false;                     // something is to be delivered
  void clear() {
    changes.clear();
    ready.clear();
    delivery = false;
  }
};

// The writer's side. One thread. After each call the connection's trouble() says whether the
// transaction must be undone; what was returned then means nothing.
class JobTables {
 public:
  JobTables(sqlite::Connection& connection, const JobPolicy& policy, UuidSource& ids,
            Random& random);

  // Before the first statement of a transaction.
  void begin();
  // After it was undone: forgets what it believed of it.
  void undone();
  // The database holds something else now.
  void replaced();

  Result<Submitted> submit(const NewJob& job, WallTime now);
  std::vector<Claimed> claim(const ClaimRequest& request, WallTime now);
  bool extend(const Ticket& ticket, Duration lease, WallTime now);
  Result<> report_progress(const Ticket& ticket, const Progress& progress);
  Result<Job> finish(const Ticket& ticket, const Outcome& outcome, WallTime now);
  Result<Job> cancel(std::string_view id, WallTime now);
  void pause(std::string_view callable, bool paused);

  // tables_batches.cc
  std::vector<Delivery> claim_deliveries(std::size_t most, Duration lease, WallTime now);
  void settle_delivery(const Ticket& delivery, std::optional<Duration> again, WallTime now);
  Result<CreatedBatch> create_batch(const NewBatch& batch, WallTime now);
  Result<> add_to_batch(std::string_view id, const std::vector<NewJob>& lines, WallTime now);
  Result<Batch> seal_batch(std::string_view id, std::string_view digest, WallTime now);
  Result<Batch> cancel_batch(std::string_view id, std::string_view error, WallTime now);

  // tables_time.cc
  // What time brings: lost leases, delays that are over, deadlines, results that expire. Does at
  // most `most` of each; true: there is more to do now.
  bool tend(WallTime now, std::size_t most);
  [[nodiscard]] std::vector<QueueCounts> counts() const;

  Happened happened;

 private:
  // Whose turn it is in one queue.
  struct Turn {
    PriorityWheel wheel;
    std::array<std::string, kPriorityCount> last_tenant;
  };
  struct Found {
    std::int64_t row = 0;
    Job job;
    JobState before = JobState::kPending;
  };
  struct Counts {
    std::uint64_t pending = 0;
    std::uint64_t processing = 0;
  };
  static std::optional<Found> found_in(sqlite::Statement& select);
  // What is kept in memory beside the tables.
  void load();
  void count(std::string_view callable, JobState state, int by);
  std::optional<Found> find(std::string_view id);
  std::optional<Found> at(std::int64_t row);
  std::optional<std::int64_t> next_row(std::string_view callable, Turn& turn,
                                       std::array<bool, kPriorityCount>& has);
  std::optional<std::int64_t> first_of(std::string_view callable, Priority priority,
                                       std::string& last_tenant);
  std::string input_of(std::int64_t row);
  std::string output_of(std::int64_t row);
  // Writes what a change left, tells of it, and drops what an ended job needs no more.
  void save(Found& found, WallTime now);
  void drop(std::int64_t row);
  std::int64_t insert(const Job& job, RowState state, const Uuid& id, std::string_view input);
  Result<BatchTable::Row> batch_at(std::string_view id);
  // Ends it when none of its lines can change any more.
  void end_batch_if_done(BatchTable::Row& batch, WallTime now);
  bool tend_batches(WallTime now, std::size_t most);
  bool tend_busy(BatchTable::Row& batch, WallTime now, std::size_t most);
  std::vector<std::int64_t> due(sqlite::Statement& select, WallTime now, std::size_t most);

  sqlite::Connection& connection_;
  JobPolicy policy_;
  UuidSource& ids_;
  Random& random_;
  std::int64_t last_row_ = 0;
  std::map<std::string, Turn, std::less<>> turns_;
  std::set<std::string, std::less<>> paused_;
  std::map<std::string, Counts, std::less<>> counts_;
  std::unordered_set<std::string> keys_in_flight_;  // idempotency keys of this transaction
  DeliveryTable deliveries_;
  BatchTable batches_;
  BatchKeys batch_keys_;

  sqlite::Statement insert_, insert_input_, insert_output_, insert_key_, update_, extend_;
  sqlite::Statement select_id_, select_row_, select_input_, select_output_, select_key_;
  sqlite::Statement first_, first_again_;
  sqlite::Statement drop_input_, drop_output_, drop_key_, drop_job_;
  sqlite::Statement lost_, ready_now_, overdue_, expired_, pause_, resume_;
};

// A reader's side: the same tables, read only. One thread.
class JobReader {
 public:
  explicit JobReader(sqlite::Connection& connection);
  Result<JobView> get(std::string_view id, Store::Want want);
  Result<JobPage> list(const ListQuery& query);
  [[nodiscard]] BatchReader& batches() { return batches_; }

 private:
  sqlite::Connection& connection_;
  BatchReader batches_;
  sqlite::Statement select_id_, select_input_, select_output_;
};

}  // namespace sluice::jobs
