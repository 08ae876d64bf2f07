// Batches and deliveries, as the writer changes them.
#include <utility>

#include "base/format.h"
#include "jobs/tables.h"

namespace sluice::jobs {

std::vector<Delivery> JobTables::claim_deliveries(std::size_t most, Duration lease, WallTime now) {
  std::vector<Delivery> claimed;
  for (const DeliveryTable::Due& due : deliveries_.claim(most, now, lease)) {
    auto found = at(due.row);
    if (!found) continue;  // in trouble
    claimed.push_back({std::move(found->job), output_of(due.row), due.attempt});
  }
  return claimed;
}

void JobTables::settle_delivery(const Ticket& delivery, std::optional<Duration> again,
                                WallTime now) {
  const auto found = find(delivery.id);
  if (!found) return;  // the job is gone, and its delivery with it
  deliveries_.settle(found->row, delivery.attempt,
                     again ? std::optional(now + *again) : std::nullopt);
}

Result<CreatedBatch> JobTables::create_batch(const NewBatch& batch, WallTime now) {
  const std::string& key = batch.idempotency_key;
  if (!key.empty()) {
    auto known = batch_keys_.find(batch.owner, key);
    if (known && known->open) return fail(upload_goes_on());
    if (known && !known->digest.empty()) {
      auto row = batch_at(known->id);
      if (!row) return fail(row.error());
      return CreatedBatch{std::move(row->batch), std::move(known->digest)};
    }
  }
  CreatedBatch created{.batch = batches_.create(batch, ids_.next(), now), .digest = {}};
  if (!key.empty()) batch_keys_.put(batch.owner, key, created.batch.id);
  return created;
}

Result<BatchTable::Row> JobTables::batch_at(std::string_view id) {
  auto found = batches_.find(id);
  if (!found) return fail(not_found(formatted("there is no batch {}", id)));
  return std::move(*found);
}

Result<> JobTables::add_to_batch(std::string_view id, const std::vector<NewJob>& lines,
                                 WallTime now) {
  const auto batch = batch_at(id);
  if (!batch) return fail(batch.error());
  if (batch->batch.state != BatchState::kReceiving) {
    return fail(ErrorCode::kConflict,
                formatted("batch {} is {}", id, to_string(batch->batch.state)));
  }
  for (const NewJob& line : lines) {
    const Uuid uuid = ids_.next();
    Job job{.id = to_string(uuid),
            .callable = line.callable,
            .format = line.format,
            .priority = line.priority,
            .tenant = line.tenant,
            .owner = line.owner,
            .batch = batch->batch.id,
            .line = line.line,
            .custom_id = line.custom_id,
            .metadata = line.metadata,
            .webhook = line.webhook,
            .created = now,
            .deadline = line.deadline};
    RowState state = RowState::kHeld;
    if (line.broken) {
      job.state = JobState::kFailed;
      job.error = line.broken;
      job.error->retry_after.reset();
      job.finished = now;
      state = RowState::kFailed;
    }
    insert(job, state, uuid, line.input);
  }
  batches_.grow(*batch, lines.size(), now);
  return {};
}

Result<Batch> JobTables::seal_batch(std::string_view id, std::string_view digest, WallTime now) {
  auto row = batch_at(id);
  if (!row) return fail(row.error());
  if (row->batch.state != BatchState::kReceiving) {
    return fail(ErrorCode::kConflict, formatted("batch {} is {}", id, to_string(row->batch.state)));
  }
  row->batch.state = BatchState::kRunning;
  batches_.save(*row, true);
  batch_keys_.seal(id, digest);
  end_batch_if_done(*row, now);
  return std::move(row->batch);
}

Result<Batch> JobTables::cancel_batch(std::string_view id, std::string_view error, WallTime now) {
  auto row = batch_at(id);
  if (!row) return fail(row.error());
  Batch& batch = row->batch;
  if (is_terminal(batch.state)) {
    if (batch.state == BatchState::kCancelled) return std::move(batch);
    return fail(ErrorCode::kConflict,
                formatted("batch {} is {} already", id, to_string(batch.state)));
  }
  if (batch.state != BatchState::kCancelling) {
    batch.state = BatchState::kCancelling;
    batch.error = error;
    batches_.save(*row, true);
    end_batch_if_done(*row, now);
  }
  return std::move(batch);
}

}  // namespace sluice::jobs
