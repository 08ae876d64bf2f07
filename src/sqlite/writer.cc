#include "sqlite/writer.h"

#include <sqlite3.h>

#include <algorithm>
#include <system_error>

namespace sluice::sqlite {

Writer::Writer(std::unique_ptr<Connection> connection, Options options, Hooks hooks)
    : options_(options), hooks_(std::move(hooks)), connection_(std::move(connection)) {
  thread_ = std::thread([this] { work(); });
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

void Writer::keep_log_short() {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(connection_->file().string() + "-wal", ignored);
  if (ignored || size < options_.longest_log) return;
  sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr,
                            nullptr);
}

}  // namespace sluice::sqlite
