// What time brings: leases that are lost, delays that are over, batches that go on, ends of
// keeping.
#include "jobs/tables.h"

namespace sluice::jobs {

namespace {
constexpr std::size_t kBatchesAtOnce = 8;
}  // namespace

std::vector<std::int64_t> JobTables::due(sqlite::Statement& select, WallTime now,
                                         std::size_t most) {
  std::vector<std::int64_t> rows;
  select.bind(1, to_ms_since_epoch(now)).bind(2, static_cast<std::int64_t>(most));
  while (select.step()) rows.push_back(select.integer(0));
  return rows;
}

bool JobTables::tend(WallTime now, std::size_t most) {
  bool more = false;
  const auto each = [&](sqlite::Statement& select, auto&& handle) {
    const auto rows = due(select, now, most);
    more = more || rows.size() == most;
    for (const std::int64_t row : rows) {
      if (auto found = at(row)) handle(*found);
    }
  };
  each(lost_, [&](Found& found) {
    if (lose_lease(found.job, now, policy_)) save(found, now);
  });
  each(overdue_, [&](Found& found) {
    if (pass_deadline(found.job, now, policy_)) save(found, now);
  });
  each(ready_now_, [&](Found& found) {
    found.job.not_before.reset();
    save(found, now);
  });
  for (const std::int64_t row : due(expired_, now, most)) {
    drop(row);
    more = true;
  }
  return tend_batches(now, most) || more;
}

void JobTables::drop(std::int64_t row) {
  for (sqlite::Statement* statement : {&drop_input_, &drop_output_, &drop_key_, &drop_job_}) {
    statement->bind(1, row).run();
  }
  deliveries_.drop(row);
}

// --- batches

bool JobTables::tend_batches(WallTime now, std::size_t most) {
  bool more = false;
  for (BatchTable::Row& batch : batches_.abandoned(now - kLongestUploadSilence, most)) {
    batch.batch.state = BatchState::kCancelling;
    batch.batch.error = "its upload stopped before the end";
    batches_.save(batch, true);
    end_batch_if_done(batch, now);
  }
  for (BatchTable::Row& batch : batches_.busy(kBatchesAtOnce)) {
    more = tend_busy(batch, now, most) || more;
  }
  for (const BatchTable::Row& batch : batches_.expired(now, kBatchesAtOnce)) {
    const auto lines = batches_.all_lines(batch.batch.id, most);
    for (const std::int64_t row : lines) drop(row);
    if (lines.empty()) {
      batch_keys_.drop(batch.batch.id);
      batches_.drop(batch);
    }
    more = true;
  }
  return more;
}

// Lets some of the lines go, or stops some. True: there are more.
bool JobTables::tend_busy(BatchTable::Row& batch, WallTime now, std::size_t most) {
  const bool run = batch.batch.state == BatchState::kRunning;
  const auto lines =
      run ? batches_.held_lines(batch.batch.id, most) : batches_.open_lines(batch.batch.id, most);
  for (const std::int64_t row : lines) {
    auto found = at(row);
    if (!found) continue;
    if (run || jobs::cancel(found->job, now, policy_)) save(*found, now);
  }
  if (lines.size() == most) return true;
  if (run) batches_.rest(batch);
  return false;
}

void JobTables::end_batch_if_done(BatchTable::Row& row, WallTime now) {
  Batch& batch = row.batch;
  const bool ends = batch.state == BatchState::kRunning || batch.state == BatchState::kCancelling;
  if (!ends || !batches_.open_lines(batch.id, 1).empty()) return;
  if (batch.state == BatchState::kRunning) {
    batch.state = BatchState::kCompleted;
  } else {
    batch.state = batch.error.empty() ? BatchState::kCancelled : BatchState::kFailed;
  }
  batch.finished = now;
  batch.expires = now + policy_.retention;
  batches_.save(row, false);
}

}  // namespace sluice::jobs
