// Copies of the embedded store, made and taken back while it is in use.
#include "jobs/sqlite_engine.h"
#include "sqlite/backup.h"

namespace sluice::jobs {

namespace {

Result<> check_backup(const std::filesystem::path& file) {
  auto opened = sqlite::Connection::open(file, sqlite::Connection::Mode::kReadWrite);
  if (!opened) return fail(invalid(opened.error().message));
  sqlite::Connection& c = **opened;
  const auto owner = c.number("PRAGMA application_id");
  if (!owner || owner->value_or(0) != job_schema().application_id) {
    return fail(invalid("the file is no backup of jobs"));
  }
  if (auto ok = sqlite::verify(c); !ok) return fail(invalid(ok.error().message));
  return sqlite::migrate(c, job_schema());
}

}  // namespace

// Runs alone on the writer's thread.
class SqliteEngine::Restoring final : public sqlite::Write {
 public:
  Restoring(SqliteEngine& store, Executor& home, std::filesystem::path from, BackupStore::Done done)
      : store_(store), home_(home), from_(std::move(from)), done_(std::move(done)) {}
  [[nodiscard]] bool alone() const override { return true; }
  void apply() override {
    auto opened = sqlite::Connection::open(from_, sqlite::Connection::Mode::kReadWrite);
    result_ = opened ? sqlite::overwrite(store_.writer_->connection(), **opened)
                     : Result<>(fail(opened.error()));
    [[maybe_unused]] const auto past = store_.writer_->connection().take_damage();
    if (result_) store_.mended();
    store_.tables_->replaced();
  }
  void settle(Result<> committed) override {
    if (result_ && !committed) result_ = std::move(committed);
    {
      const std::scoped_lock lock(store_.news_mutex_);
      if (store_.news_ != nullptr) store_.news_->on_gap();
    }
    answer();
  }
  void give_up(Error why) {
    result_ = fail(std::move(why));
    answer();
  }

 private:
  void answer() {
    home_.post([done = std::move(done_), result = std::move(result_)]() mutable {
      done(std::move(result));
    });
  }
  SqliteEngine& store_;
  Executor& home_;
  std::filesystem::path from_;
  BackupStore::Done done_;
  Result<> result_;
};

void SqliteEngine::back_up(Executor& home, std::filesystem::path to, BackupStore::Done done) {
  read_on<void>(home, std::move(done), [to = std::move(to)](Reading& reading) {
    // Of one moment, however much is written meanwhile.
    sqlite::Connection& from = *reading.connection;
    Result<> ok = from.run("BEGIN");
    if (!ok) return ok;
    const auto begun = from.number("SELECT count(*) FROM sqlite_schema");
    ok = begun ? sqlite::back_up(from, to) : Result<>(fail(begun.error()));
    [[maybe_unused]] const auto ended = from.run("COMMIT");
    return ok;
  });
}
void SqliteEngine::restore(Executor& home, std::filesystem::path from, BackupStore::Done done) {
  // A reader looks at the file, which takes long; the writer takes it over.
  auto kept = std::make_shared<BackupStore::Done>(std::move(done));
  read_on<void>(
      home,
      [this, &home, from, kept](Result<> sound) {
        if (!sound) return (*kept)(std::move(sound));
        auto change = std::make_unique<Restoring>(*this, home, from, std::move(*kept));
        Restoring* held = change.get();
        std::unique_ptr<sqlite::Write> write = std::move(change);
        if (auto taken = writer_->submit(std::move(write)); !taken) held->give_up(taken.error());
      },
      [from](Reading&) { return check_backup(from); }, true);
}

}  // namespace sluice::jobs
