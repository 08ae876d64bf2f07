#include "sqlite/writer.h"

#include <sqlite3.h>

#include <algorithm>

#include "base/thread_name.h"

namespace sluice::sqlite {

Writer::Writer(std::unique_ptr<Connection> connection, Options options, Hooks hooks)
    : options_(options), hooks_(std::move(hooks)), connection_(std::move(connection)) {
  watch_log();
  thread_ = std::thread([this] {
    name_this_thread("sluice-db-write");
    work();
  });
}

Writer::~Writer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Result<> Writer::submit(std::unique_ptr<Write>&& write) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() >= options_.queue_limit) {
      return fail(Error{ErrorCode::kExhausted, "too many changes wait for the disk",
                        std::chrono::milliseconds(1000)});
    }
    first = queue_.empty();
    queue_.push_back(std::move(write));
    waiting_.store(queue_.size(), std::memory_order_relaxed);
  }
  if (first) wake_.notify_one();
  return {};
}

void Writer::work() {
  std::vector<std::unique_ptr<Write>> batch;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      if (queue_.size() <= options_.most_in_one_commit) {
        batch.swap(queue_);
      } else {
        const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(options_.most_in_one_commit);
        std::move(queue_.begin(), end, std::back_inserter(batch));
        queue_.erase(queue_.begin(), end);
      }
      waiting_.store(queue_.size(), std::memory_order_relaxed);
    }
    handle(batch);
    batch.clear();
    keep_log_short();
  }
}

// In the order of submission.
void Writer::handle(std::span<std::unique_ptr<Write>> batch) {
  while (!batch.empty()) {
    const auto lone = std::ranges::find_if(batch, [](const auto& write) { return write->alone(); });
    const auto together = static_cast<std::size_t>(lone - batch.begin());
    if (together > 0) commit(batch.first(together));
    if (lone != batch.end()) run_alone(**lone);
    batch = batch.subspan(std::min(together + 1, batch.size()));
  }
}

void Writer::run_alone(Write& write) {
  connection_->clear_trouble();
  write.apply();
  write.settle(connection_->trouble() ? fail(*connection_->trouble()) : Result<>());
}

void Writer::commit(std::span<std::unique_ptr<Write>> batch) {
  if (hooks_.begun) hooks_.begun();
  connection_->clear_trouble();
  Result<> done = connection_->run("BEGIN IMMEDIATE");
  if (done) {
    for (const auto& write : batch) {
      write->apply();
      if (connection_->trouble()) break;
    }
    done = connection_->trouble() ? fail(*connection_->trouble()) : connection_->run("COMMIT");
    if (!done) {
      // Some troubles end the transaction by themselves; then there is none to undo.
      [[maybe_unused]] const auto undone = connection_->run("ROLLBACK");
    }
  }
  if (hooks_.ended) hooks_.ended(done);
  for (const auto& write : batch) write->settle(done);
}

// The file says nothing of it: it stays as long as the log has ever been, and is written again from
// its beginning.
void Writer::watch_log() {
  const auto size_of_page = connection_->number("PRAGMA page_size");
  constexpr std::int64_t kUsual = 4096;
  fold_after_ = static_cast<int>(static_cast<std::int64_t>(options_.longest_log) /
                                 (size_of_page ? size_of_page->value_or(kUsual) : kUsual));
  fold_at_ = fold_after_;
  sqlite3_wal_hook(
      connection_->handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Writer*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

// Once all of it is folded, the next change begins it anew, if nobody reads what stands in it; and
// nothing is written in between. Nobody is waited for: a reader of an old state may take long.
void Writer::keep_log_short() {
  if (log_pages_ < fold_after_) fold_at_ = fold_after_;
  if (log_pages_ < fold_at_) return;
  connection_->fold_log();
  fold_at_ = log_pages_ + fold_after_ / 4;
}

}  // namespace sluice::sqlite
