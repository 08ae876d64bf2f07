#include "jobs/sqlite_engine.h"

#include <bit>
#include <future>

namespace sluice::jobs {

namespace {

// Of each kind of thing that time brings, in one transaction.
constexpr std::size_t kTendAtOnce = 256;
// When to ask again after a damaged file: somebody has to mend it first.
constexpr std::chrono::seconds kTryAgainWhenDamaged{10};
// How long after the last folding of the log the next one is looked at.
constexpr std::chrono::milliseconds kCheckpointEvery{250};

std::uint64_t seed(RandomBytes& random) {
  std::array<std::uint8_t, 8> bytes{};
  random.fill(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

}  // namespace

SqliteEngine::SqliteEngine(const SqliteStoreOptions& options, const Clock& clock, Executor& timers,
                           RandomBytes& random)
    : options_(options),
      clock_(clock),
      timers_(timers),
      ids_(clock, random),
      random_(seed(random)) {}

Result<> SqliteEngine::open() {
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
  writer_connection_ = connection->get();
  writer_ = std::make_unique<sqlite::Writer>(
      std::move(*connection), sqlite::Writer::Options{.queue_limit = options_.queue_limit},
      sqlite::Writer::Hooks{[this] { tables_->begin(); },
                            [this](const Result<>& committed) { ended(committed); }});
  timers_.post([this] { tick(); });
  return {};
}

SqliteEngine::~SqliteEngine() {
  if (!writer_) return;  // it was never open
  // The timer is its executor's: only there can it be taken back.
  on_timers([this] {
    stopping_ = true;
    timers_.cancel(timer_);
  });
  writer_.reset();
  readers_.reset();
  on_timers([] {});  // what the last transaction had to say has been said there
}

Result<> SqliteEngine::ready() const {
  const std::scoped_lock lock(state_mutex_);
  if (damage_) return fail(*damage_);
  if (trouble_) return fail(*trouble_);
  return {};
}
Error SqliteEngine::note_damage(const Error& found) {
  Error told = unavailable(found.message);
  told.retry_after = kTryAgainWhenDamaged;
  {
    const std::scoped_lock lock(state_mutex_);
    if (damage_) return *damage_;
    damage_ = told;
  }
  damaged_.store(true, std::memory_order_release);
  if (options_.on_damage) options_.on_damage(found);
  return told;
}
void SqliteEngine::set_news(News* news) {
  const std::scoped_lock lock(news_mutex_);
  news_ = news;
}

void SqliteEngine::on_timers(std::move_only_function<void()> task) {
  std::promise<void> done;
  timers_.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

Result<std::unique_ptr<SqliteEngine::Reading>> SqliteEngine::open_reader() const {
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
void SqliteEngine::ended(const Result<>& committed) {
  if (const auto found = writer_connection_->take_damage()) note_damage(*found);
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
  if (happened.delivery) news_->on_delivery();
}

// On the timers' thread.
void SqliteEngine::tick() {
  if (stopping_) return;
  timer_ = timers_.run_at(timers_.now() + options_.tend_every, [this] { tick(); });
  if (timers_.now() >= next_checkpoint_) {
    next_checkpoint_ = timers_.now() + kCheckpointEvery;
    [[maybe_unused]] const auto taken =
        readers_->submit([](Reading& reading) { reading.connection->fold_log(); });
  }
  if (std::exchange(tending_, true)) return;
  tend();
}
void SqliteEngine::tend() {
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

}  // namespace sluice::jobs
