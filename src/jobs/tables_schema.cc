#include <array>

#include "jobs/tables.h"

namespace sluice::jobs {

namespace {

// "SLUI"
constexpr std::int32_t kApplicationId = 0x534C5549;

// Rows are in order of submission: that is the order of each queue, so what goes back to its queue
// stands at the head again. Inputs and outputs stand apart, so that a change of state rewrites a
// short row only. An index that leaves out ended jobs stays as small as the queues are.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  callable TEXT NOT NULL,
  format TEXT NOT NULL,
  priority INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  owner TEXT NOT NULL,
  batch TEXT NOT NULL,
  metadata TEXT NOT NULL,
  webhook TEXT NOT NULL,
  created INTEGER NOT NULL,
  run_at INTEGER,
  deadline INTEGER,
  state INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  lost_leases INTEGER NOT NULL,
  outages INTEGER NOT NULL,
  worker TEXT NOT NULL,
  lease_until INTEGER,
  not_before INTEGER,
  started INTEGER,
  finished INTEGER,
  expires INTEGER,
  progress REAL NOT NULL,
  error_code INTEGER,
  error_text TEXT
);
CREATE INDEX jobs_ready ON jobs (callable, priority, tenant, seq) WHERE state = 0;
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 1;
CREATE INDEX jobs_delayed ON jobs (not_before) WHERE state = 5;
CREATE INDEX jobs_overdue ON jobs (deadline) WHERE deadline IS NOT NULL AND state IN (0, 5);
CREATE INDEX jobs_expiring ON jobs (expires) WHERE expires IS NOT NULL;
CREATE INDEX jobs_listed ON jobs (owner, state, seq);
CREATE INDEX jobs_of_batch ON jobs (batch, seq) WHERE batch <> '';
CREATE TABLE inputs (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE outputs (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE idempotency (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  digest BLOB NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_of_job ON idempotency (seq);
CREATE TABLE paused (callable TEXT PRIMARY KEY) WITHOUT ROWID;
)sql";

// Ends of jobs that somebody is to be told of, by the job's row.
constexpr std::string_view kDeliveries = R"sql(
CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL,
  due INTEGER NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (due);
)sql";

// `busy`: lines are to be let go or stopped. An index over the batch and the state counts lines and
// finds the unfinished ones without touching them.
constexpr std::string_view kBatches = R"sql(
CREATE TABLE batches (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  metadata TEXT NOT NULL,
  state INTEGER NOT NULL,
  error TEXT NOT NULL,
  lines INTEGER NOT NULL,
  created INTEGER NOT NULL,
  touched INTEGER NOT NULL,
  finished INTEGER,
  expires INTEGER,
  busy INTEGER NOT NULL
);
CREATE INDEX batches_listed ON batches (owner, seq);
CREATE INDEX batches_receiving ON batches (touched) WHERE state = 0;
CREATE INDEX batches_busy ON batches (seq) WHERE busy = 1;
CREATE INDEX batches_expiring ON batches (expires) WHERE expires IS NOT NULL;
ALTER TABLE jobs ADD COLUMN line INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN custom_id TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_in_batch ON jobs (batch, state, line) WHERE batch <> '';
)sql";

// Idempotency keys of uploads; without a digest until the batch is sealed.
constexpr std::string_view kBatchKeys = R"sql(
CREATE TABLE batch_keys (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  batch TEXT NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE INDEX batch_keys_of_batch ON batch_keys (batch);
)sql";

constexpr std::string_view kPartial = R"sql(
ALTER TABLE jobs ADD COLUMN partial TEXT NOT NULL DEFAULT '';
)sql";

constexpr std::array<std::string_view, 5> kSteps = {kFirst, kDeliveries, kBatches, kBatchKeys,
                                                    kPartial};
constexpr sqlite::Schema kSchema{kApplicationId, kSteps};

}  // namespace

const sqlite::Schema& job_schema() {
  return kSchema;
}

}  // namespace sluice::jobs
