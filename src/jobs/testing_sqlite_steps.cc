#include <gtest/gtest.h>

#include "jobs/tables.h"
#include "jobs/testing_steps.h"
#include "sqlite/connection.h"

namespace sluice::jobs::testing {

namespace {

class SqliteSteps final : public StoreSteps {
 public:
  SqliteSteps() {
    auto opened = sqlite::Connection::open(":memory:", sqlite::Connection::Mode::kCreate);
    EXPECT_TRUE(opened);
    connection_ = std::move(*opened);
    EXPECT_TRUE(sqlite::migrate(*connection_, job_schema()));
  }

  void reset(std::uint64_t seed, const Clock& clock) override {
    clock_ = &clock;
    bytes_ = std::make_unique<SeededBytes>(seed + 1);
    ids_ = std::make_unique<UuidSource>(clock, *bytes_);
    random_ = Random(seed + 2);
    tables_.reset();
    for (const char* table : {"jobs", "inputs", "outputs", "idempotency", "paused"}) {
      ASSERT_TRUE(connection_->run("DELETE FROM " + std::string(table)));
    }
    crash();
  }
  void crash() override {
    tables_.reset();
    tables_ = std::make_unique<JobTables>(*connection_, kSimulatedPolicy, *ids_, random_);
    ASSERT_FALSE(connection_->trouble());
  }

  [[nodiscard]] bool can_undo() const override { return true; }
  void begin() override {
    tables_->begin();
    ASSERT_TRUE(connection_->run("BEGIN IMMEDIATE"));
  }
  void end(bool undo) override {
    ASSERT_FALSE(connection_->trouble()) << connection_->trouble()->message;
    ASSERT_TRUE(connection_->run(undo ? "ROLLBACK" : "COMMIT"));
    if (undo) tables_->undone();
  }

  Result<Submitted> submit(NewJob job) override { return tables_->submit(job, now()); }
  std::vector<Claimed> claim(ClaimRequest request) override {
    return tables_->claim(request, now());
  }
  std::vector<bool> extend(std::vector<Ticket> tickets, Duration lease) override {
    std::vector<bool> held;
    held.reserve(tickets.size());
    for (const Ticket& ticket : tickets) held.push_back(tables_->extend(ticket, lease, now()));
    return held;
  }
  Result<Job> finish(const Ticket& ticket, Outcome outcome) override {
    return tables_->finish(ticket, outcome, now());
  }
  Result<Job> cancel(const std::string& id) override { return tables_->cancel(id, now()); }
  bool tend() override { return tables_->tend(now(), 5); }
  std::vector<QueueCounts> counts() override { return tables_->counts(); }
  Result<JobView> get(const std::string& id) override {
    return JobReader(*connection_).get(id, Store::Want::kOutput);
  }
  void tell(News& news) override {
    for (const JobChange& change : tables_->happened.changes) news.on_change(change);
    for (const std::string& callable : tables_->happened.ready) news.on_ready(callable);
    tables_->happened.clear();
  }

 private:
  [[nodiscard]] WallTime now() const {
    return std::chrono::floor<std::chrono::milliseconds>(clock_->wall());
  }

  const Clock* clock_ = nullptr;
  std::unique_ptr<SeededBytes> bytes_;
  std::unique_ptr<UuidSource> ids_;
  Random random_{0};
  std::unique_ptr<sqlite::Connection> connection_;
  std::unique_ptr<JobTables> tables_;
};

}  // namespace

std::unique_ptr<StoreSteps> make_sqlite_steps() {
  return std::make_unique<SqliteSteps>();
}

}  // namespace sluice::jobs::testing
