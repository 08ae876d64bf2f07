#include "jobs/sqlite_store.h"

#include "jobs/sqlite_engine.h"

namespace sluice::jobs {

namespace {

class SqliteStore final : public Store,
                          public DeliveryStore,
                          public BatchStore,
                          public BackupStore {
 public:
  template <class T>
  using Done = Store::Done<T>;

  SqliteStore(const SqliteStoreOptions& options, const Clock& clock, Executor& timers,
              RandomBytes& random)
      : engine_(options, clock, timers, random) {}
  Result<> open() { return engine_.open(); }

  void submit(Executor& home, NewJob job, Done<Submitted> done) override {
    engine_.write<Submitted>(home, std::move(done), [this, job = std::move(job)](WallTime now) {
      return tables().submit(job, now);
    });
  }
  void get(Executor& home, std::string id, Want want, Done<JobView> done) override {
    engine_.read<JobView>(home, std::move(done), [id = std::move(id), want](JobReader& reader) {
      return reader.get(id, want);
    });
  }
  void list(Executor& home, ListQuery query, Done<JobPage> done) override {
    engine_.read<JobPage>(home, std::move(done), [query = std::move(query)](JobReader& reader) {
      return reader.list(query);
    });
  }
  void cancel(Executor& home, std::string id, Done<Job> done) override {
    engine_.write<Job>(home, std::move(done), [this, id = std::move(id)](WallTime now) {
      return tables().cancel(id, now);
    });
  }
  void claim(Executor& home, ClaimRequest request, Done<std::vector<Claimed>> done) override {
    using Jobs = std::vector<Claimed>;
    engine_.write<Jobs>(home, std::move(done), [this, request = std::move(request)](WallTime now) {
      return Result<Jobs>(tables().claim(request, now));
    });
  }
  void extend(Executor& home, std::vector<Ticket> tickets, Duration lease,
              Done<std::vector<bool>> done) override {
    using Held = std::vector<bool>;
    engine_.write<Held>(home, std::move(done),
                        [this, tickets = std::move(tickets), lease](WallTime now) {
                          Held held;
                          for (const Ticket& ticket : tickets)
                            held.push_back(tables().extend(ticket, lease, now));
                          return Result<Held>(std::move(held));
                        });
  }
  void report_progress(Executor& home, Ticket ticket, Progress progress, Done<void> done) override {
    engine_.write<void>(home, std::move(done),
                        [this, ticket = std::move(ticket), progress = std::move(progress)](
                            WallTime) { return tables().report_progress(ticket, progress); });
  }
  void finish(Executor& home, Ticket ticket, Outcome outcome, Done<Job> done) override {
    engine_.write<Job>(home, std::move(done),
                       [this, ticket = std::move(ticket), outcome = std::move(outcome)](
                           WallTime now) { return tables().finish(ticket, outcome, now); });
  }
  void pause(Executor& home, std::string callable, bool paused, Done<void> done) override {
    engine_.write<void>(home, std::move(done),
                        [this, callable = std::move(callable), paused](WallTime) {
                          tables().pause(callable, paused);
                          return Result<>();
                        });
  }
  void counts(Executor& home, Done<std::vector<QueueCounts>> done) override {
    using Counts = std::vector<QueueCounts>;
    engine_.write<Counts>(home, std::move(done),
                          [this](WallTime) { return Result<Counts>(tables().counts()); });
  }

  DeliveryStore* deliveries() override { return this; }
  void claim_deliveries(Executor& home, std::size_t most, Duration lease,
                        Done<std::vector<Delivery>> done) override {
    using Due = std::vector<Delivery>;
    engine_.write<Due>(home, std::move(done), [this, most, lease](WallTime now) {
      return Result<Due>(tables().claim_deliveries(most, lease, now));
    });
  }
  void settle_delivery(Executor& home, Ticket delivery, std::optional<Duration> again,
                       Done<void> done) override {
    engine_.write<void>(home, std::move(done),
                        [this, delivery = std::move(delivery), again](WallTime now) {
                          tables().settle_delivery(delivery, again, now);
                          return Result<>();
                        });
  }

  BatchStore* batches() override { return this; }
  void create_batch(Executor& home, NewBatch batch, Done<CreatedBatch> done) override {
    engine_.write<CreatedBatch>(home, std::move(done),
                                [this, batch = std::move(batch)](WallTime now) {
                                  return tables().create_batch(batch, now);
                                });
  }
  void add_to_batch(Executor& home, std::string id, std::vector<NewJob> lines,
                    Done<void> done) override {
    engine_.write<void>(home, std::move(done),
                        [this, id = std::move(id), lines = std::move(lines)](WallTime now) {
                          return tables().add_to_batch(id, lines, now);
                        });
  }
  void seal_batch(Executor& home, std::string id, std::string digest, Done<Batch> done) override {
    engine_.write<Batch>(home, std::move(done),
                         [this, id = std::move(id), digest = std::move(digest)](WallTime now) {
                           return tables().seal_batch(id, digest, now);
                         });
  }
  void cancel_batch(Executor& home, std::string id, std::string error, Done<Batch> done) override {
    engine_.write<Batch>(home, std::move(done),
                         [this, id = std::move(id), error = std::move(error)](WallTime now) {
                           return tables().cancel_batch(id, error, now);
                         });
  }
  void get_batch(Executor& home, std::string id, Done<Batch> done) override {
    engine_.read<Batch>(home, std::move(done), [id = std::move(id)](JobReader& reader) {
      return reader.batches().get(id);
    });
  }
  void list_batches(Executor& home, std::optional<std::string> owner, std::string after,
                    std::size_t limit, Done<std::vector<Batch>> done) override {
    engine_.read<std::vector<Batch>>(
        home, std::move(done),
        [owner = std::move(owner), after = std::move(after), limit](JobReader& reader) {
          return reader.batches().list(owner, after, limit);
        });
  }
  void read_batch(Executor& home, Read read_what, Done<std::vector<JobView>> done) override {
    engine_.read<std::vector<JobView>>(
        home, std::move(done),
        [what = std::move(read_what)](JobReader& reader) { return reader.batches().read(what); });
  }

  BackupStore* backups() override { return this; }
  void back_up(Executor& home, std::filesystem::path to, BackupStore::Done done) override {
    engine_.back_up(home, std::move(to), std::move(done));
  }
  void restore(Executor& home, std::filesystem::path from, BackupStore::Done done) override {
    engine_.restore(home, std::move(from), std::move(done));
  }

  [[nodiscard]] Result<> ready() const override { return engine_.ready(); }
  void set_news(News* news) override { engine_.set_news(news); }

 private:
  [[nodiscard]] JobTables& tables() { return engine_.tables(); }

  SqliteEngine engine_;
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
