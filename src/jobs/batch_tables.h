// The embedded store's batches: their own rows; the lines are jobs. Within the caller's
// transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "jobs/batch_store.h"
#include "jobs/job_row.h"
#include "sqlite/connection.h"

namespace sluice::jobs {

// The writer's side. One thread.
class BatchTable {
 public:
  explicit BatchTable(sqlite::Connection& connection);
  void load();  // what it keeps in memory, anew

  struct Row {
    std::int64_t seq = 0;
    Batch batch;  // without the counts
  };
  Batch create(const NewBatch& batch, const Uuid& id, WallTime now);
  std::optional<Row> find(std::string_view id);
  // More lines have come.
  void grow(const Row& row, std::size_t lines, WallTime now);
  // Writes state, error, end and expiry; `busy`: its lines are to be looked at.
  void save(const Row& row, bool busy);
  void rest(const Row& row);  // busy no more

  // Rows of lines that are held, or that have not ended at all.
  std::vector<std::int64_t> held_lines(std::string_view id, std::size_t most);
  std::vector<std::int64_t> open_lines(std::string_view id, std::size_t most);
  std::vector<std::int64_t> all_lines(std::string_view id, std::size_t most);

  std::vector<Row> busy(std::size_t most);
  std::vector<Row> abandoned(WallTime before, std::size_t most);
  std::vector<Row> expired(WallTime now, std::size_t most);
  void drop(const Row& row);

 private:
  std::vector<Row> rows(sqlite::Statement& select);
  static std::vector<std::int64_t> seqs(sqlite::Statement& select, std::string_view id,
                                        std::size_t most);

  sqlite::Connection& connection_;
  std::int64_t last_row_ = 0;
  sqlite::Statement insert_, find_, grow_, save_, rest_, drop_;
  sqlite::Statement held_, open_, all_, busy_, abandoned_, expired_;
};

// A reader's side: the same, read only. One thread.
class BatchReader {
 public:
  explicit BatchReader(sqlite::Connection& connection);
  // With the counts.
  Result<Batch> get(std::string_view id);
  Result<std::vector<Batch>> list(const std::optional<std::string>& owner, std::string_view after,
                                  std::size_t limit);
  Result<std::vector<JobView>> read(const BatchStore::Read& read);

 private:
  void count(Batch& batch);
  sqlite::Connection& connection_;
  sqlite::Statement find_, count_, output_;
};

}  // namespace sluice::jobs
