// The one thread that writes to a database, many changes in one commit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "sqlite/connection.h"

namespace sluice::sqlite {

// A change. Both functions run on the writer's thread.
class Write {
 public:
  virtual ~Write() = default;
  // Within a transaction that others share. What a change finds wrong by itself (a stale attempt)
  // it keeps for settle(), having changed nothing.
  virtual void apply() = 0;
  // True: not within a transaction, and no other change beside it; apply() makes its own.
  [[nodiscard]] virtual bool alone() const { return false; }
  // Once: the transaction is on disk; or it is not, none of it, and why.
  virtual void settle(Result<> committed) = 0;
};

// Group commit: while one transaction goes to the disk, what comes in gathers, and all of it is the
// next one. So a lone change waits for one commit, and many for not more than two.
//
// submit() from any thread. The owner destroys it when no more will be submitted; what is queued is
// written first.
class Writer {
 public:
  struct Options {
    std::size_t queue_limit = 16'384;      // changes waiting
    std::size_t most_in_one_commit = 512;  // so that one commit stays short
    // The log of changes is folded into the database by this thread when more than so many bytes
    // stand in it; a reader's thread does it too, but cannot have the
    // log begin anew while changes keep coming. Longer ones are folded more seldom, and then keep
    // the disk so busy that the slowest changes wait longer.
    std::size_t longest_log = 4U << 20;
  };
  // Run on the thread: before each transaction, and when it is on disk or undone, before its
  // changes hear of it.
  struct Hooks {
    std::function<void()> begun;
    std::function<void(const Result<>&)> ended;
  };
  // `connection` has a schema.
  Writer(std::unique_ptr<Connection> connection, Options options, Hooks hooks);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // kExhausted, with `write` unused, when too many wait.
  [[nodiscard]] Result<> submit(std::unique_ptr<Write>&& write);
  // Used within apply() only.
  [[nodiscard]] Connection& connection() { return *connection_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  void work();
  void handle(std::span<std::unique_ptr<Write>> batch);
  void commit(std::span<std::unique_ptr<Write>> batch);
  void run_alone(Write& write);
  void watch_log();
  void keep_log_short();

  const Options options_;
  Hooks hooks_;
  std::unique_ptr<Connection> connection_;
  // Of the log of changes, in pages: as of the last commit, when it is folded next, and how long it
  // may be at most. The thread's.
  int log_pages_ = 0;
  int fold_at_ = 0;
  int fold_after_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Write>> queue_;  // guarded by mutex_
  bool stopping_ = false;                      // guarded by mutex_
  std::atomic<std::size_t> waiting_ = 0;
  std::thread thread_;
};

}  // namespace sluice::sqlite
