#include "jobs/tables.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/format.h"

namespace sluice::jobs {

namespace {

std::string placeholders(int count) {
  std::string text = "?";
  for (int i = 1; i < count; ++i) text += ", ?";
  return text;
}
std::string insert_job() {
  return formatted("INSERT INTO jobs (seq, {}, {}) VALUES ({})", kFixedColumns, kChangingColumns,
                   placeholders(1 + kFixedCount + kChangingCount));
}
std::string update_job() {
  return formatted("UPDATE jobs SET ({}) = ({}) WHERE seq = ?", kChangingColumns,
                   placeholders(kChangingCount));
}
std::string select_job(std::string_view where) {
  return formatted("SELECT seq, {}, {} FROM jobs WHERE {}", kFixedColumns, kChangingColumns, where);
}

// Under one key of one owner.
std::string key_name(const NewJob& job) {
  return formatted("{}:{}", job.owner, job.idempotency_key);
}

}  // namespace

JobTables::JobTables(sqlite::Connection& c, const JobPolicy& policy, UuidSource& ids,
                     Random& random)
    : connection_(c),
      policy_(policy),
      ids_(ids),
      random_(random),
      deliveries_(c),
      batches_(c),
      batch_keys_(c),
      insert_(c, insert_job()),
      insert_input_(c, "INSERT INTO inputs (seq, body) VALUES (?, ?)"),
      insert_output_(c, "INSERT INTO outputs (seq, body) VALUES (?, ?)"),
      insert_key_(c, "INSERT INTO idempotency (owner, key, digest, seq) VALUES (?, ?, ?, ?)"),
      update_(c, update_job()),
      extend_(c, "UPDATE jobs SET lease_until = ? WHERE seq = ?"),
      select_id_(c, select_job("id = ?")),
      select_row_(c, select_job("seq = ?")),
      select_input_(c, "SELECT body FROM inputs WHERE seq = ?"),
      select_output_(c, "SELECT body FROM outputs WHERE seq = ?"),
      select_key_(c,
                  "SELECT i.digest, j.id FROM idempotency i JOIN jobs j USING (seq) "
                  "WHERE i.owner = ? AND i.key = ?"),
      first_(c,
             "SELECT seq, tenant FROM jobs WHERE state = 0 AND callable = ? AND priority = ? AND "
             "tenant > ? ORDER BY tenant, seq LIMIT 1"),
      first_again_(c,
                   "SELECT seq, tenant FROM jobs WHERE state = 0 AND callable = ? AND priority = ? "
                   "ORDER BY tenant, seq LIMIT 1"),
      drop_input_(c, "DELETE FROM inputs WHERE seq = ?"),
      drop_output_(c, "DELETE FROM outputs WHERE seq = ?"),
      drop_key_(c, "DELETE FROM idempotency WHERE seq = ?"),
      drop_job_(c, "DELETE FROM jobs WHERE seq = ?"),
      lost_(c, "SELECT seq FROM jobs WHERE state = 1 AND lease_until <= ? LIMIT ?"),
      ready_now_(c, "SELECT seq FROM jobs WHERE state = 5 AND not_before <= ? LIMIT ?"),
      overdue_(c,
               "SELECT seq FROM jobs WHERE deadline IS NOT NULL AND state IN (0, 5) AND "
               "deadline <= ? LIMIT ?"),
      expired_(c, "SELECT seq FROM jobs WHERE expires IS NOT NULL AND expires <= ? LIMIT ?"),
      pause_(c, "INSERT OR IGNORE INTO paused (callable) VALUES (?)"),
      resume_(c, "DELETE FROM paused WHERE callable = ?") {
  load();
}

void JobTables::load() {
  last_row_ = 0;
  sqlite::Statement last(connection_, "SELECT max(seq) FROM jobs");
  if (last.step()) last_row_ = last.integer(0);
  last.reset();
  paused_.clear();
  sqlite::Statement paused(connection_, "SELECT callable FROM paused");
  while (paused.step()) paused_.emplace(paused.text(0));
  counts_.clear();
  // Along the indexes that leave out what has ended: a million jobs are counted without a sort.
  constexpr std::array<std::string_view, 4> kUnfinished = {
      "SELECT callable, count(*) FROM jobs INDEXED BY jobs_ready WHERE state = 0 GROUP BY callable",
      "SELECT callable, 1 FROM jobs INDEXED BY jobs_leased WHERE state = 1",
      "SELECT callable, 1 FROM jobs INDEXED BY jobs_delayed WHERE state = 5",
      "SELECT callable, 1 FROM jobs INDEXED BY jobs_in_batch WHERE batch <> '' AND state = 6"};
  for (const std::string_view query : kUnfinished) {
    sqlite::Statement counted(connection_, query);
    while (counted.step()) {
      Counts& counts = counts_[std::string(counted.text(0))];
      (query == kUnfinished[1] ? counts.processing : counts.pending) +=
          static_cast<std::uint64_t>(counted.integer(1));
    }
  }
}

void JobTables::begin() {
  happened.clear();
  keys_in_flight_.clear();
}
void JobTables::undone() {
  happened.clear();
  connection_.clear_trouble();
  load();
}
void JobTables::replaced() {
  turns_.clear();
  batches_.load();
  load();
}

void JobTables::count(std::string_view callable, JobState state, int by) {
  if (is_terminal(state)) return;
  auto it = counts_.find(callable);
  if (it == counts_.end()) it = counts_.emplace(callable, Counts()).first;
  auto& counter = state == JobState::kPending ? it->second.pending : it->second.processing;
  counter += static_cast<std::uint64_t>(by);
}

std::vector<QueueCounts> JobTables::counts() const {
  std::vector<QueueCounts> all;
  all.reserve(counts_.size());
  for (const auto& [callable, counts] : counts_) {
    all.push_back({callable, paused_.contains(callable), counts.pending, counts.processing});
  }
  return all;
}

std::optional<JobTables::Found> JobTables::found_in(sqlite::Statement& select) {
  std::optional<Found> found;
  if (select.step()) {
    found = Found{select.integer(0), read_job(select)};
    found->before = found->job.state;
  }
  select.reset();
  return found;
}
std::optional<JobTables::Found> JobTables::find(std::string_view id) {
  const auto uuid = parse_uuid(id);
  if (!uuid) return std::nullopt;
  select_id_.bind_blob(1, uuid->bytes);
  return found_in(select_id_);
}
std::optional<JobTables::Found> JobTables::at(std::int64_t row) {
  select_row_.bind(1, row);
  return found_in(select_row_);
}
std::string JobTables::input_of(std::int64_t row) {
  select_input_.bind(1, row);
  std::string input;
  if (select_input_.step()) input = select_input_.blob(0);
  select_input_.reset();
  return input;
}

std::string JobTables::output_of(std::int64_t row) {
  select_output_.bind(1, row);
  std::string output;
  if (select_output_.step()) output = select_output_.blob(0);
  select_output_.reset();
  return output;
}

Result<Submitted> JobTables::submit(const NewJob& asked, WallTime now) {
  if (!asked.idempotency_key.empty()) {
    select_key_.bind(1, std::string_view(asked.owner));
    select_key_.bind(2, std::string_view(asked.idempotency_key));
    if (select_key_.step()) {
      Uuid id;
      std::ranges::copy(select_key_.blob(1).substr(0, id.bytes.size()), id.bytes.begin());
      const bool same = select_key_.blob(0) == asked.digest;
      select_key_.reset();
      if (keys_in_flight_.contains(key_name(asked))) {
        return fail(Error{ErrorCode::kConflict,
                          "a request with this Idempotency-Key is being taken at this moment",
                          std::chrono::milliseconds(1000)});
      }
      if (!same) {
        return fail(invalid("this Idempotency-Key was used for another request; take a new key"));
      }
      return Submitted{to_string(id), true};
    }
  }
  const Uuid id = ids_.next();
  Job job{.id = to_string(id),
          .callable = asked.callable,
          .format = asked.format,
          .priority = asked.priority,
          .tenant = asked.tenant,
          .owner = asked.owner,
          .batch = asked.batch,
          .metadata = asked.metadata,
          .webhook = asked.webhook,
          .created = now,
          .run_at = asked.run_at,
          .deadline = asked.deadline,
          .not_before = asked.run_at};
  const RowState state = row_state(job, now);
  const std::int64_t row = insert(job, state, id, asked.input);
  if (!asked.idempotency_key.empty()) {
    insert_key_.bind(1, std::string_view(asked.owner));
    insert_key_.bind(2, std::string_view(asked.idempotency_key));
    insert_key_.bind_blob(3, std::string_view(asked.digest)).bind(4, row);
    insert_key_.run();
    keys_in_flight_.insert(key_name(asked));
  }
  if (state == RowState::kReady && !happened.ready.contains(job.callable)) {
    happened.ready.insert(job.callable);
  }
  return Submitted{std::move(job.id), false};
}

std::int64_t JobTables::insert(const Job& job, RowState state, const Uuid& id,
                               std::string_view input) {
  const std::int64_t row = ++last_row_;
  insert_.bind(1, row);
  bind_fixed(insert_, 2, job, id);
  bind_changing(insert_, 2 + kFixedCount, job, state);
  insert_.run();
  count(job.callable, job.state, 1);
  if (!is_terminal(job.state)) {
    insert_input_.bind(1, row).bind_blob(2, input);
    insert_input_.run();
  }
  return row;
}

// The tenant after the last one, and its oldest job.
std::optional<std::int64_t> JobTables::first_of(std::string_view callable, Priority priority,
                                                std::string& last_tenant) {
  first_.bind(1, callable).bind(2, static_cast<std::int64_t>(priority));
  first_.bind(3, std::string_view(last_tenant));
  sqlite::Statement* found = first_.step() ? &first_ : nullptr;
  if (found == nullptr) {
    first_again_.bind(1, callable).bind(2, static_cast<std::int64_t>(priority));
    found = first_again_.step() ? &first_again_ : nullptr;
  }
  if (found == nullptr) return std::nullopt;
  const std::int64_t row = found->integer(0);
  if (found->text(1) != last_tenant) last_tenant = found->text(1);
  found->reset();
  return row;
}

std::optional<std::int64_t> JobTables::next_row(std::string_view callable, Turn& turn,
                                                std::array<bool, kPriorityCount>& has) {
  while (const auto priority = turn.wheel.next(has)) {
    const auto index = static_cast<std::size_t>(*priority);
    if (const auto row = first_of(callable, *priority, turn.last_tenant[index])) return row;
    has[index] = false;
  }
  return std::nullopt;
}

std::vector<Claimed> JobTables::claim(const ClaimRequest& request, WallTime now) {
  std::vector<Claimed> claimed;
  JobPolicy policy = policy_;
  if (request.lease) policy.lease = *request.lease;
  for (const ClaimRequest::Queue& queue : request.queues) {
    if (paused_.contains(queue.callable)) continue;
    Turn& turn = turns_[queue.callable];
    std::array<bool, kPriorityCount> has = {true, true, true};
    std::size_t taken = 0;
    while (taken < queue.most) {
      const auto row = next_row(queue.callable, turn, has);
      if (!row) break;
      auto found = at(*row);
      if (!found) break;  // in trouble
      if (pass_deadline(found->job, now, policy)) {
        save(*found, now);
        continue;
      }
      jobs::claim(found->job, now, request.worker, policy);
      save(*found, now);
      claimed.push_back({std::move(found->job), input_of(*row)});
      ++taken;
    }
  }
  return claimed;
}

bool JobTables::extend(const Ticket& ticket, Duration lease, WallTime now) {
  auto found = find(ticket.id);
  if (!found || !jobs::extend(found->job, ticket.attempt, now, lease)) return false;
  extend_.bind(1, to_ms_since_epoch(*found->job.lease_until)).bind(2, found->row);
  extend_.run();
  return true;
}

Result<> JobTables::report_progress(const Ticket& ticket, const Progress& progress) {
  auto found = find(ticket.id);
  if (!found) return fail(not_found(formatted("there is no job {}", ticket.id)));
  const std::uint32_t before = found->job.revision;
  if (auto ok = jobs::report_progress(found->job, ticket.attempt, progress); !ok) return ok;
  if (found->job.revision != before) save(*found, found->job.created);
  return {};
}

Result<Job> JobTables::finish(const Ticket& ticket, const Outcome& outcome, WallTime now) {
  auto found = find(ticket.id);
  if (!found) return fail(not_found(formatted("there is no job {}", ticket.id)));
  Result<> ok;
  if (std::holds_alternative<Completed>(outcome)) {
    ok = complete(found->job, ticket.attempt, now, policy_);
  } else if (const auto* failed = std::get_if<Failed>(&outcome)) {
    ok = fail_attempt(found->job, ticket.attempt, now, failed->error, failed->worth_retrying,
                      random_.unit(), policy_);
  } else {
    ok = requeue(found->job, ticket.attempt, now, std::get<Requeued>(outcome).cause, policy_);
  }
  if (!ok) return fail(ok.error());
  if (const auto* completed = std::get_if<Completed>(&outcome)) {
    insert_output_.bind(1, found->row).bind_blob(2, std::string_view(completed->output));
    insert_output_.run();
  }
  save(*found, now);
  if (const auto* completed = std::get_if<Completed>(&outcome)) {
    happened.changes.back().view = std::make_shared<const JobView>(
        JobView{.job = found->job, .input = {}, .output = completed->output});
  }
  return std::move(found->job);
}

Result<Job> JobTables::cancel(std::string_view id, WallTime now) {
  auto found = find(id);
  if (!found) return fail(not_found(formatted("there is no job {}", id)));
  if (auto ok = jobs::cancel(found->job, now, policy_); !ok) return fail(ok.error());
  if (found->before != JobState::kCancelled) save(*found, now);
  return std::move(found->job);
}

void JobTables::save(Found& found, WallTime now) {
  Job& job = found.job;
  const bool ended = is_terminal(job.state) && !is_terminal(found.before);
  // A line stays for as long as its batch.
  if (ended && !job.batch.empty()) job.expires.reset();
  const RowState state = row_state(job, now);
  bind_changing(update_, 1, job, state);
  update_.bind(1 + kChangingCount, found.row);
  update_.run();
  count(job.callable, found.before, -1);
  count(job.callable, job.state, 1);
  // The input of a failed job stays, for whoever wants to try it once more.
  if (job.state == JobState::kCompleted || job.state == JobState::kCancelled) {
    drop_input_.bind(1, found.row).run();
  }
  if (ended && !job.webhook.empty()) {
    deliveries_.add(found.row, now);
    happened.delivery = true;
  }
  if (ended && !job.batch.empty()) {
    if (auto batch = batches_.find(job.batch)) end_batch_if_done(*batch, now);
  }
  happened.changes.push_back({job.id, job.state, job.attempt, job.revision});
  if (state == RowState::kReady) happened.ready.insert(job.callable);
}

void JobTables::pause(std::string_view callable, bool paused) {
  sqlite::Statement& statement = paused ? pause_ : resume_;
  statement.bind(1, callable);
  statement.run();
  if (paused) {
    paused_.emplace(callable);
  } else if (const auto it = paused_.find(callable); it != paused_.end()) {
    paused_.erase(it);
    happened.ready.emplace(callable);
  }
}

}  // namespace sluice::jobs
