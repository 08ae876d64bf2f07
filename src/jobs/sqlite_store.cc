#include "jobs/sqlite_store.h"

#include <atomic>
#include <future>
#include <mutex>
#include <type_traits>

#include "jobs/tables.h"
#include "sqlite/readers.h"
#include "sqlite/writer.h"

namespace sluice::jobs {

namespace {

// Of each kind of thing that time brings, in one transaction.
constexpr std::size_t kTendAtOnce = 256;
// How long after the last folding of the log the next one is looked at.
constexpr std::chrono::milliseconds kCheckpointEvery{250};

// A reader's thread.
struct Reading {
  std::unique_ptr<sqlite::Connection> connection;
  std::unique_ptr<JobReader> reader;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(const SqliteStoreOptions& options, const Clock& clock, Executor& timers,
              RandomBytes& random)
      : options_(options),
        clock_(clock),
        timers_(timers),
        ids_(clock, random),
        random_(seed(random)) {}

  Result<> open() {
    auto connection = sqlite::Connection::open(options_.file, sqlite::Connection::Mode::kCreate);
    if (!connection) return fail(connection.error());
    sqlite::Connection& c = **connection;
    for (const char* pragma :
         {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 0",
          "PRAGMA cache_size = -16384", "PRAGMA temp_store = MEMORY"}) {
      if (auto ok = c.run(pragma); !ok) return ok;
    }
    if (auto ok = sqlite::migrate(c, job_schema()); !ok) return ok;
    tables_ = std::make_unique<JobTables>(c, options_.policy, ids_, random_);
    if (c.trouble()) return fail(*c.trouble());
    auto readers = sqlite::Readers<Reading>::start(options_.readers, options_.queue_limit,
                                                   [this] { return open_reader(); });
    if (!readers) return fail(readers.error());
    readers_ = std::move(*readers);
    writer_ = std::make_unique<sqlite::Writer>(
        std::move(*connection), sqlite::Writer::Options{.queue_limit = options_.queue_limit},
        sqlite::Writer::Hooks{[this] { tables_->begin(); },
                              [this](const Result<>& committed) { ended(committed); }});
    timers_.post([this] { tick(); });
    return {};
  }

  ~SqliteStore() override {
    // The timer is its executor's: only there can it be taken back.
    on_timers([this] {
      stopping_ = true;
      timers_.cancel(timer_);
    });
    writer_.reset();
    readers_.reset();
    on_timers([] {});  // what the last transaction had to say has been said there
  }

  void submit(Executor& home, NewJob job, Done<Submitted> done) override {
    write<Submitted>(home, std::move(done), [this, job = std::move(job)](WallTime now) {
      return tables_->submit(job, now);
    });
  }
  void get(Executor& home, std::string id, Want want, Done<JobView> done) override {
    read<JobView>(home, std::move(done),
                  [id = std::move(id), want](JobReader& reader) { return reader.get(id, want); });
  }
  void list(Executor& home, ListQuery query, Done<JobPage> done) override {
    read<JobPage>(home, std::move(done),
                  [query = std::move(query)](JobReader& reader) { return reader.list(query); });
  }
  void cancel(Executor& home, std::string id, Done<Job> done) override {
    write<Job>(home, std::move(done),
               [this, id = std::move(id)](WallTime now) { return tables_->cancel(id, now); });
  }
  void claim(Executor& home, ClaimRequest request, Done<std::vector<Claimed>> done) override {
    using Jobs = std::vector<Claimed>;
    write<Jobs>(home, std::move(done), [this, request = std::move(request)](WallTime now) {
      return Result<Jobs>(tables_->claim(request, now));
    });
  }
  void extend(Executor& home, std::vector<Ticket> tickets, Duration lease,
              Done<std::vector<bool>> done) override {
    using Held = std::vector<bool>;
    write<Held>(home, std::move(done), [this, tickets = std::move(tickets), lease](WallTime now) {
      Held held;
      for (const Ticket& ticket : tickets) held.push_back(tables_->extend(ticket, lease, now));
      return Result<Held>(std::move(held));
    });
  }
  void report_progress(Executor& home, Ticket ticket, double progress, Done<void> done) override {
    write<void>(home, std::move(done), [this, ticket = std::move(ticket), progress](WallTime) {
      return tables_->report_progress(ticket, progress);
    });
  }
  void finish(Executor& home, Ticket ticket, Outcome outcome, Done<Job> done) override {
    write<Job>(home, std::move(done),
               [this, ticket = std::move(ticket), outcome = std::move(outcome)](WallTime now) {
                 return tables_->finish(ticket, outcome, now);
               });
  }
  void pause(Executor& home, std::string callable, bool paused, Done<void> done) override {
    write<void>(home, std::move(done), [this, callable = std::move(callable), paused](WallTime) {
      tables_->pause(callable, paused);
      return Result<>();
    });
  }
  void counts(Executor& home, Done<std::vector<QueueCounts>> done) override {
    using Counts = std::vector<QueueCounts>;
    write<Counts>(home, std::move(done),
                  [this](WallTime) { return Result<Counts>(tables_->counts()); });
  }

  [[nodiscard]] Result<> ready() const override {
    const std::scoped_lock lock(state_mutex_);
    if (trouble_) return fail(*trouble_);
    return {};
  }
  void set_news(News* news) override {
    const std::scoped_lock lock(news_mutex_);
    news_ = news;
  }

 private:
  // One change on its way through the writer, and its answer on its way home.
  template <class T, class F>
  class Change final : public sqlite::Write {
   public:
    Change(SqliteStore& store, Executor& home, Done<T> done, F work)
        : store_(store), home_(home), done_(std::move(done)), work_(std::move(work)) {}
    void apply() override { result_ = work_(store_.now()); }
    void settle(Result<> committed) override {
      if (!committed) result_ = fail(committed.error());
      home_.post([done = std::move(done_), result = std::move(result_)]() mutable {
        done(std::move(result));
      });
    }
    Done<T> take_done() { return std::move(done_); }

   private:
    SqliteStore& store_;
    Executor& home_;
    Done<T> done_;
    F work_;
    Result<T> result_;
  };

  void on_timers(std::move_only_function<void()> task) {
    std::promise<void> done;
    timers_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  static std::uint64_t seed(RandomBytes& random) {
    std::array<std::uint8_t, 8> bytes{};
    random.fill(bytes);
    return std::bit_cast<std::uint64_t>(bytes);
  }

  // To the millisecond, as it is stored: what is answered now is what will be read later.
  [[nodiscard]] WallTime now() const {
    return std::chrono::floor<std::chrono::milliseconds>(clock_.wall());
  }

  template <class T, class F>
  void write(Executor& home, Done<T> done, F work) {
    auto change = std::make_unique<Change<T, F>>(*this, home, std::move(done), std::move(work));
    Change<T, F>* held = change.get();
    std::unique_ptr<sqlite::Write> write = std::move(change);
    if (auto taken = writer_->submit(std::move(write)); !taken) {
      home.post([done = held->take_done(), error = taken.error()]() mutable { done(fail(error)); });
    }
  }
  template <class T, class F>
  void read(Executor& home, Done<T> done, F work) {
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
    auto taken = readers_->submit([question, answer](Reading& reading) {
      answer(*question, question->work(*reading.reader));
    });
    if (!taken) answer(*question, fail(taken.error()));
  }

  Result<std::unique_ptr<Reading>> open_reader() const {
    auto connection = sqlite::Connection::open(options_.file, sqlite::Connection::Mode::kReadWrite);
    if (!connection) return fail(connection.error());
    if (auto ok = (*connection)->run("PRAGMA cache_size = -8192"); !ok) return fail(ok.error());
    auto reading = std::make_unique<Reading>();
    reading->reader = std::make_unique<JobReader>(**connection);
    if ((*connection)->trouble()) return fail(*(*connection)->trouble());
    reading->connection = std::move(*connection);
    return reading;
  }

  // On the writer's thread, after a transaction.
  void ended(const Result<>& committed) {
    const Happened& happened = tables_->happened;
    const bool wrote = !happened.changes.empty() || !happened.ready.empty();
    if (!committed || (failing_ && wrote)) {
      failing_ = !committed.has_value();
      const std::scoped_lock lock(state_mutex_);
      trouble_ = failing_ ? std::optional(committed.error()) : std::nullopt;
    }
    if (!committed) return tables_->undone();
    const std::scoped_lock lock(news_mutex_);
    if (news_ == nullptr) return;
    for (const JobChange& change : happened.changes) news_->on_change(change);
    for (const std::string& callable : happened.ready) news_->on_ready(callable);
  }

  // On the timers' thread.
  void tick() {
    if (stopping_) return;
    timer_ = timers_.run_at(timers_.now() + options_.tend_every, [this] { tick(); });
    if (timers_.now() >= next_checkpoint_) {
      next_checkpoint_ = timers_.now() + kCheckpointEvery;
      [[maybe_unused]] const auto taken =
          readers_->submit([](Reading& reading) { sqlite::checkpoint(*reading.connection); });
    }
    if (std::exchange(tending_, true)) return;
    tend();
  }
  void tend() {
    write<bool>(
        timers_,
        [this](Result<bool> more) {
          tending_ = false;
          if (!stopping_ && more && *more) {
            tending_ = true;
            tend();
          }
        },
        [this](WallTime now) { return Result<bool>(tables_->tend(now, kTendAtOnce)); });
  }

  const SqliteStoreOptions options_;
  const Clock& clock_;
  Executor& timers_;
  UuidSource ids_;
  Random random_;
  std::unique_ptr<JobTables> tables_;  // the writer's thread's, once that runs
  bool failing_ = false;               // the same
  std::unique_ptr<sqlite::Readers<Reading>> readers_;
  std::unique_ptr<sqlite::Writer> writer_;

  mutable std::mutex state_mutex_;
  std::optional<Error> trouble_;  // of the last transaction; guarded by state_mutex_
  std::mutex news_mutex_;
  News* news_ = nullptr;  // guarded by news_mutex_

  // Of the timers' thread.
  TimerId timer_ = 0;
  bool stopping_ = false;
  bool tending_ = false;
  TimePoint next_checkpoint_{};
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteStoreOptions& options,
                                                 const Clock& clock, Executor& timers,
                                                 RandomBytes& random) {
  auto store = std::make_unique<SqliteStore>(options, clock, timers, random);
  if (auto ok = store->open(); !ok) return fail(ok.error());
  return store;
}

}  // namespace sluice::jobs
