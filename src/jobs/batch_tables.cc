#include "jobs/batch_tables.h"

#include <algorithm>
#include <limits>

#include "base/format.h"
#include "jobs/store.h"

namespace sluice::jobs {

namespace {

// Of lines is asked with `batch <> ''` beside `batch = ?`: only then an index over those that have
// a batch is taken.
constexpr std::string_view kColumns =
    "seq, id, owner, metadata, state, error, lines, created, finished, expires";

std::string select_batches(std::string_view rest) {
  return formatted("SELECT {} FROM batches {}", kColumns, rest);
}

std::optional<WallTime> time_at(const sqlite::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return from_ms_since_epoch(row.integer(column));
}
std::optional<std::int64_t> to_column(const std::optional<WallTime>& at) {
  if (!at) return std::nullopt;
  return to_ms_since_epoch(*at);
}

BatchTable::Row read_row(const sqlite::Statement& row) {
  return {row.integer(0),
          {.id = std::string(row.text(1)),
           .owner = std::string(row.text(2)),
           .metadata = std::string(row.text(3)),
           .state = static_cast<BatchState>(row.integer(4)),
           .error = std::string(row.text(5)),
           .created = from_ms_since_epoch(row.integer(7)),
           .finished = time_at(row, 8),
           .expires = time_at(row, 9),
           .lines = static_cast<std::uint64_t>(row.integer(6))}};
}

}  // namespace

std::string_view to_string(BatchState state) {
  switch (state) {
    case BatchState::kReceiving:
      return "receiving";
    case BatchState::kRunning:
      return "running";
    case BatchState::kCancelling:
      return "cancelling";
    case BatchState::kCompleted:
      return "completed";
    case BatchState::kCancelled:
      return "cancelled";
    case BatchState::kFailed:
      break;
  }
  return "failed";
}

BatchTable::BatchTable(sqlite::Connection& c)
    : connection_(c),
      insert_(c,
              "INSERT INTO batches (seq, id, owner, metadata, state, error, lines, created, "
              "touched, busy) VALUES (?, ?, ?, ?, 0, '', 0, ?, ?, 0)"),
      find_(c, select_batches("WHERE id = ?")),
      grow_(c, "UPDATE batches SET lines = lines + ?, touched = ? WHERE seq = ?"),
      save_(c,
            "UPDATE batches SET (state, error, finished, expires, busy) = (?, ?, ?, ?, ?) "
            "WHERE seq = ?"),
      rest_(c, "UPDATE batches SET busy = 0 WHERE seq = ?"),
      drop_(c, "DELETE FROM batches WHERE seq = ?"),
      held_(c,
            "SELECT seq FROM jobs WHERE batch = ? AND batch <> '' AND state = 6 ORDER BY line "
            "LIMIT ?"),
      open_(
          c,
          "SELECT seq FROM jobs WHERE batch = ? AND batch <> '' AND state IN (0, 1, 5, 6) LIMIT ?"),
      all_(c, "SELECT seq FROM jobs WHERE batch = ? AND batch <> '' LIMIT ?"),
      busy_(c, select_batches("WHERE busy = 1 ORDER BY seq LIMIT ?")),
      abandoned_(c, select_batches("WHERE state = 0 AND touched <= ? LIMIT ?")),
      expired_(c, select_batches("WHERE expires IS NOT NULL AND expires <= ? LIMIT ?")) {
  load();
}

void BatchTable::load() {
  last_row_ = 0;
  sqlite::Statement last(connection_, "SELECT max(seq) FROM batches");
  if (last.step()) last_row_ = last.integer(0);
  last.reset();
}

Batch BatchTable::create(const NewBatch& asked, const Uuid& id, WallTime now) {
  Batch batch{
      .id = to_string(id), .owner = asked.owner, .metadata = asked.metadata, .created = now};
  insert_.bind(1, ++last_row_).bind(2, std::string_view(batch.id));
  insert_.bind(3, std::string_view(batch.owner)).bind(4, std::string_view(batch.metadata));
  insert_.bind(5, to_ms_since_epoch(now)).bind(6, to_ms_since_epoch(now)).run();
  return batch;
}

std::optional<BatchTable::Row> BatchTable::find(std::string_view id) {
  std::optional<Row> found;
  find_.bind(1, id);
  if (find_.step()) found = read_row(find_);
  find_.reset();
  return found;
}

void BatchTable::grow(const Row& row, std::size_t lines, WallTime now) {
  grow_.bind(1, static_cast<std::int64_t>(lines)).bind(2, to_ms_since_epoch(now));
  grow_.bind(3, row.seq).run();
}

void BatchTable::save(const Row& row, bool busy) {
  const Batch& batch = row.batch;
  save_.bind(1, static_cast<std::int64_t>(batch.state)).bind(2, std::string_view(batch.error));
  save_.bind(3, to_column(batch.finished)).bind(4, to_column(batch.expires));
  save_.bind(5, std::int64_t{busy}).bind(6, row.seq).run();
}

void BatchTable::rest(const Row& row) {
  rest_.bind(1, row.seq).run();
}

std::vector<std::int64_t> BatchTable::seqs(sqlite::Statement& select, std::string_view id,
                                           std::size_t most) {
  std::vector<std::int64_t> found;
  select.bind(1, id).bind(2, static_cast<std::int64_t>(most));
  while (select.step()) found.push_back(select.integer(0));
  return found;
}
std::vector<std::int64_t> BatchTable::held_lines(std::string_view id, std::size_t most) {
  return seqs(held_, id, most);
}
std::vector<std::int64_t> BatchTable::open_lines(std::string_view id, std::size_t most) {
  return seqs(open_, id, most);
}
std::vector<std::int64_t> BatchTable::all_lines(std::string_view id, std::size_t most) {
  return seqs(all_, id, most);
}

std::vector<BatchTable::Row> BatchTable::rows(sqlite::Statement& select) {
  std::vector<Row> found;
  while (select.step()) found.push_back(read_row(select));
  return found;
}
std::vector<BatchTable::Row> BatchTable::busy(std::size_t most) {
  busy_.bind(1, static_cast<std::int64_t>(most));
  return rows(busy_);
}
std::vector<BatchTable::Row> BatchTable::abandoned(WallTime before, std::size_t most) {
  abandoned_.bind(1, to_ms_since_epoch(before)).bind(2, static_cast<std::int64_t>(most));
  return rows(abandoned_);
}
std::vector<BatchTable::Row> BatchTable::expired(WallTime now, std::size_t most) {
  expired_.bind(1, to_ms_since_epoch(now)).bind(2, static_cast<std::int64_t>(most));
  return rows(expired_);
}
void BatchTable::drop(const Row& row) {
  drop_.bind(1, row.seq).run();
}

BatchReader::BatchReader(sqlite::Connection& connection)
    : connection_(connection),
      find_(connection, select_batches("WHERE id = ?")),
      count_(connection,
             "SELECT state, count(*) FROM jobs WHERE batch = ? AND batch <> '' GROUP BY state"),
      output_(connection, "SELECT body FROM outputs WHERE seq = ?") {}

void BatchReader::count(Batch& batch) {
  count_.bind(1, std::string_view(batch.id));
  while (count_.step()) {
    const auto number = static_cast<std::uint64_t>(count_.integer(1));
    switch (static_cast<RowState>(count_.integer(0))) {
      case RowState::kReady:
      case RowState::kDelayed:
      case RowState::kHeld:
        batch.pending += number;
        break;
      case RowState::kProcessing:
        batch.processing += number;
        break;
      case RowState::kCompleted:
        batch.completed += number;
        break;
      case RowState::kFailed:
        batch.failed += number;
        break;
      case RowState::kCancelled:
        batch.cancelled += number;
        break;
    }
  }
}

Result<Batch> BatchReader::get(std::string_view id) {
  connection_.clear_trouble();
  // The batch and its counts are of one moment.
  if (auto ok = connection_.run("BEGIN"); !ok) return fail(ok.error());
  std::optional<Batch> found;
  find_.bind(1, id);
  if (find_.step()) found = read_row(find_).batch;
  find_.reset();
  if (found) count(*found);
  [[maybe_unused]] const auto ended = connection_.run("COMMIT");
  if (connection_.trouble()) return fail(*connection_.trouble());
  if (!found) return fail(not_found(formatted("there is no batch {}", id)));
  return std::move(*found);
}

Result<std::vector<Batch>> BatchReader::list(const std::optional<std::string>& owner,
                                             std::string_view after, std::size_t limit) {
  connection_.clear_trouble();
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  if (!after.empty()) {
    find_.bind(1, after);
    const bool known = find_.step();
    if (known) before = find_.integer(0);
    find_.reset();
    if (!known && !connection_.trouble()) return fail(invalid("the cursor names no batch"));
  }
  sqlite::Statement select(
      connection_, select_batches(owner ? "WHERE owner = ?3 AND seq < ?1 ORDER BY seq DESC LIMIT ?2"
                                        : "WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"));
  if (connection_.trouble()) return fail(*connection_.trouble());
  select.bind(1, before);
  select.bind(2, static_cast<std::int64_t>(std::clamp<std::size_t>(limit, 1, kMaxPage)));
  if (owner) select.bind(3, std::string_view(*owner));
  std::vector<Batch> found;
  while (select.step()) found.push_back(read_row(select).batch);
  for (Batch& batch : found) count(batch);
  if (connection_.trouble()) return fail(*connection_.trouble());
  return found;
}

Result<std::vector<JobView>> BatchReader::read(const BatchStore::Read& read) {
  connection_.clear_trouble();
  const auto columns = formatted("seq, {}, {}", kFixedColumns, kChangingColumns);
  const auto of_state = [&](int state) {
    return formatted(
        "SELECT * FROM (SELECT {} FROM jobs WHERE batch = ?1 AND batch <> '' AND state = {} AND "
        "line > ?2 "
        "ORDER BY line LIMIT ?3)",
        columns, state);
  };
  const std::string sql = read.completed
                              ? of_state(static_cast<int>(RowState::kCompleted))
                              : of_state(static_cast<int>(RowState::kFailed)) + " UNION ALL " +
                                    of_state(static_cast<int>(RowState::kCancelled)) +
                                    " ORDER BY line LIMIT ?3";
  sqlite::Statement select(connection_, sql);
  if (connection_.trouble()) return fail(*connection_.trouble());
  select.bind(1, std::string_view(read.id)).bind(2, std::int64_t{read.after});
  select.bind(3, static_cast<std::int64_t>(std::clamp<std::size_t>(read.limit, 1, kMaxPage)));
  std::vector<JobView> found;
  std::size_t bytes = 0;
  while (bytes < read.bytes && select.step()) {
    JobView& view = found.emplace_back(JobView{.job = read_job(select)});
    if (!read.completed) continue;
    output_.bind(1, select.integer(0));
    if (output_.step()) view.output = output_.blob(0);
    output_.reset();
    bytes += view.output.size();
  }
  select.reset();
  if (connection_.trouble()) return fail(*connection_.trouble());
  return found;
}

}  // namespace sluice::jobs
