#include <algorithm>
#include <limits>

#include "base/format.h"
#include "jobs/tables.h"

namespace sluice::jobs {

namespace {

// All that may hold of the state column, the newest of each looked for apart: then each is a walk
// along an index, however many jobs there are.
constexpr RowState kAll[] = {RowState::kReady,      RowState::kDelayed, RowState::kHeld,
                             RowState::kProcessing, RowState::kFailed,  RowState::kCompleted,
                             RowState::kCancelled};

bool matches(RowState row, JobState state) {
  switch (state) {
    case JobState::kPending:
      return row == RowState::kReady || row == RowState::kDelayed || row == RowState::kHeld;
    case JobState::kProcessing:
      return row == RowState::kProcessing;
    case JobState::kCompleted:
      return row == RowState::kCompleted;
    case JobState::kFailed:
      return row == RowState::kFailed;
    case JobState::kCancelled:
      break;
  }
  return row == RowState::kCancelled;
}

std::string columns() {
  return formatted("seq, {}, {}", kFixedColumns, kChangingColumns);
}

// Parameters: 1 owner, 2 callable, 3 batch, 4 the row before which the page begins, 5 the limit.
std::string list_sql(const ListQuery& query) {
  std::string filter = "seq < ?4";
  if (!query.callable.empty()) filter += " AND callable = ?2";
  if (!query.batch.empty()) filter += " AND batch = ?3 AND batch <> ''";
  std::string states;
  for (const RowState state : kAll) {
    if (query.state && !matches(state, *query.state)) continue;
    if (!states.empty()) states += ", ";
    states += std::to_string(static_cast<int>(state));
  }
  if (!query.owner || !query.batch.empty()) {
    if (query.owner) filter += " AND owner = ?1";
    if (query.state) filter += formatted(" AND state IN ({})", states);
    return formatted("SELECT {} FROM jobs WHERE {} ORDER BY seq DESC LIMIT ?5", columns(), filter);
  }
  std::string sql;
  for (const RowState state : kAll) {
    if (query.state && !matches(state, *query.state)) continue;
    if (!sql.empty()) sql += " UNION ALL ";
    sql += formatted(
        "SELECT * FROM (SELECT {} FROM jobs WHERE owner = ?1 AND state = {} AND {} "
        "ORDER BY seq DESC LIMIT ?5)",
        columns(), static_cast<int>(state), filter);
  }
  return sql + " ORDER BY seq DESC LIMIT ?5";
}

}  // namespace

JobReader::JobReader(sqlite::Connection& connection)
    : connection_(connection),
      batches_(connection),
      select_id_(connection, formatted("SELECT {} FROM jobs WHERE id = ?", columns())),
      select_input_(connection, "SELECT body FROM inputs WHERE seq = ?"),
      select_output_(connection, "SELECT body FROM outputs WHERE seq = ?") {}

Result<JobView> JobReader::get(std::string_view id, Store::Want want) {
  connection_.clear_trouble();
  JobView view;
  bool found = false;
  if (const auto uuid = parse_uuid(id)) {
    // Two statements see one moment only within a transaction.
    const bool together = want != Store::Want::kRecord;
    if (together) {
      if (auto ok = connection_.run("BEGIN"); !ok) return fail(ok.error());
    }
    select_id_.bind_blob(1, uuid->bytes);
    if (select_id_.step()) {
      found = true;
      view.job = read_job(select_id_);
      if (together) {
        sqlite::Statement& body = want == Store::Want::kInput ? select_input_ : select_output_;
        body.bind(1, select_id_.integer(0));
        if (body.step()) {
          (want == Store::Want::kInput ? view.input : view.output) = body.blob(0);
        }
        body.reset();
      }
    }
    select_id_.reset();
    if (together) {
      [[maybe_unused]] const auto ended = connection_.run("COMMIT");
    }
  }
  if (connection_.trouble()) return fail(*connection_.trouble());
  if (!found) return fail(not_found(formatted("there is no job {}", id)));
  return view;
}

Result<JobPage> JobReader::list(const ListQuery& query) {
  connection_.clear_trouble();
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  if (!query.after.empty()) {
    const auto uuid = parse_uuid(query.after);
    if (!uuid) return fail(invalid("the cursor names no job"));
    select_id_.bind_blob(1, uuid->bytes);
    const bool known = select_id_.step();
    if (known) before = select_id_.integer(0);
    select_id_.reset();
    if (!known && !connection_.trouble()) {
      return fail(invalid("the cursor names a job that is gone; begin from the first page"));
    }
  }
  const std::size_t limit = std::clamp<std::size_t>(query.limit, 1, kMaxPage);
  const std::string sql = list_sql(query);
  const std::string owner = query.owner.value_or("");
  sqlite::Statement select(connection_, sql);
  if (connection_.trouble()) return fail(*connection_.trouble());
  if (sql.contains("?1")) select.bind(1, std::string_view(owner));
  if (sql.contains("?2")) select.bind(2, std::string_view(query.callable));
  if (sql.contains("?3")) select.bind(3, std::string_view(query.batch));
  select.bind(4, before).bind(5, static_cast<std::int64_t>(limit + 1));
  JobPage page;
  while (select.step()) {
    if (page.jobs.size() == limit) {
      page.more = true;
      break;
    }
    page.jobs.push_back(read_job(select));
  }
  select.reset();
  if (connection_.trouble()) return fail(*connection_.trouble());
  return page;
}

}  // namespace sluice::jobs
