// The threads and the file of the embedded store: what every change and every question goes
// through. Internal to the store.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/random.h"
#include "base/uuid.h"
#include "jobs/sqlite_store.h"
#include "jobs/tables.h"
#include "sqlite/readers.h"
#include "sqlite/writer.h"

namespace sluice::jobs {

// Owned by the store; which thread may call what is as with that. A change gets its answer on its
// home when it is on disk.
class SqliteEngine {
 public:
  template <class T>
  using Done = Store::Done<T>;
  // A reader's thread.
  struct Reading {
    std::unique_ptr<sqlite::Connection> connection;
    std::unique_ptr<JobReader> reader;
  };

  SqliteEngine(const SqliteStoreOptions& options, const Clock& clock, Executor& timers,
               RandomBytes& random);
  ~SqliteEngine();
  SqliteEngine(const SqliteEngine&) = delete;
  SqliteEngine& operator=(const SqliteEngine&) = delete;

  Result<> open();
  [[nodiscard]] Result<> ready() const;
  void set_news(News* news);

  // `work(now)` changes the tables, on the writer's thread.
  template <class T, class F>
  void write(Executor& home, Done<T> done, F work) {
    if (const auto damage = this->damage()) return refuse(home, std::move(done), *damage);
    auto change = std::make_unique<Change<T, F>>(*this, home, std::move(done), std::move(work));
    Change<T, F>* held = change.get();
    std::unique_ptr<sqlite::Write> write = std::move(change);
    if (auto taken = writer_->submit(std::move(write)); !taken) {
      home.post([done = held->take_done(), error = taken.error()]() mutable { done(fail(error)); });
    }
  }
  // `work(reader)` asks them, on a reader's thread.
  template <class T, class F>
  void read(Executor& home, Done<T> done, F work) {
    read_on<T>(home, std::move(done), [work = std::move(work)](Reading& reading) mutable {
      return work(*reading.reader);
    });
  }
  // The same with the connection; also of a damaged file, where it is none of its own that is read.
  template <class T, class F>
  void read_on(Executor& home, Done<T> done, F work, bool another_file = false) {
    if (const auto damage = this->damage(); damage && !another_file) {
      return refuse(home, std::move(done), *damage);
    }
    struct Question {
      Executor& home;
      Done<T> done;
      F work;
    };
    auto question = std::make_shared<Question>(home, std::move(done), std::move(work));
    const auto answer = [](Question& q, Result<T> result) {
      q.home.post([done = std::move(q.done), result = std::move(result)]() mutable {
        done(std::move(result));
      });
    };
    auto taken = readers_->submit([this, question, answer](Reading& reading) {
      Result<T> result = question->work(reading);
      if (const auto found = reading.connection->take_damage()) result = fail(note_damage(*found));
      answer(*question, std::move(result));
    });
    if (!taken) answer(*question, fail(taken.error()));
  }
  // Of the writer's thread.
  [[nodiscard]] JobTables& tables() { return *tables_; }

  void back_up(Executor& home, std::filesystem::path to, BackupStore::Done done);
  void restore(Executor& home, std::filesystem::path from, BackupStore::Done done);

 private:
  // One change on its way through the writer, and its answer on its way home.
  template <class T, class F>
  class Change final : public sqlite::Write {
   public:
    Change(SqliteEngine& store, Executor& home, Done<T> done, F work)
        : store_(store), home_(home), done_(std::move(done)), work_(std::move(work)) {}
    void apply() override { result_ = work_(store_.now()); }
    void settle(Result<> committed) override {
      if (!committed) result_ = fail(store_.damage().value_or(committed.error()));
      home_.post([done = std::move(done_), result = std::move(result_)]() mutable {
        done(std::move(result));
      });
    }
    Done<T> take_done() { return std::move(done_); }

   private:
    SqliteEngine& store_;
    Executor& home_;
    Done<T> done_;
    F work_;
    Result<T> result_;
  };
  class Restoring;

  // To the millisecond, as it is stored: what is answered now is what will be read later.
  [[nodiscard]] WallTime now() const {
    return std::chrono::floor<std::chrono::milliseconds>(clock_.wall());
  }
  template <class T>
  static void refuse(Executor& home, Done<T> done, Error why) {
    home.post([done = std::move(done), why = std::move(why)]() mutable { done(fail(why)); });
  }
  // What everybody is told from now on. Any thread.
  Error note_damage(const Error& found);
  // Another file has taken the damaged one's place. On the writer's thread.
  void mended() {
    failing_ = false;
    const std::scoped_lock lock(state_mutex_);
    trouble_.reset();
    damage_.reset();
    damaged_.store(false, std::memory_order_release);
  }
  [[nodiscard]] std::optional<Error> damage() const {
    if (!damaged_.load(std::memory_order_acquire)) return std::nullopt;
    const std::scoped_lock lock(state_mutex_);
    return damage_;
  }
  void on_timers(std::move_only_function<void()> task);
  Result<std::unique_ptr<Reading>> open_reader() const;
  void ended(const Result<>& committed);
  void tick();
  void tend();

  const SqliteStoreOptions options_;
  const Clock& clock_;
  Executor& timers_;
  UuidSource ids_;
  Random random_;
  std::unique_ptr<JobTables> tables_;  // the writer's thread's, once that runs
  bool failing_ = false;               // the same
  std::unique_ptr<sqlite::Readers<Reading>> readers_;
  std::unique_ptr<sqlite::Writer> writer_;
  sqlite::Connection* writer_connection_ = nullptr;  // the writer's, on its thread

  mutable std::mutex state_mutex_;
  std::optional<Error> trouble_;  // of the last transaction; guarded by state_mutex_
  std::optional<Error> damage_;   // guarded by state_mutex_
  std::atomic<bool> damaged_ = false;
  std::mutex news_mutex_;
  News* news_ = nullptr;  // guarded by news_mutex_

  // Of the timers' thread.
  TimerId timer_ = 0;
  bool stopping_ = false;
  bool tending_ = false;
  TimePoint next_checkpoint_{};
};

}  // namespace sluice::jobs
