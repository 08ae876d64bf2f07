#include "jobs/refusing_store.h"

#include <utility>

namespace sluice::jobs {

namespace {

class RefusingStore final : public Store {
 public:
  explicit RefusingStore(Error why) : why_(std::move(why)) {}

  void submit(Executor& home, NewJob /*job*/, Done<Submitted> done) override {
    refuse(home, std::move(done));
  }
  void get(Executor& home, std::string /*id*/, Want /*want*/, Done<JobView> done) override {
    refuse(home, std::move(done));
  }
  void list(Executor& home, ListQuery /*query*/, Done<JobPage> done) override {
    refuse(home, std::move(done));
  }
  void cancel(Executor& home, std::string /*id*/, Done<Job> done) override {
    refuse(home, std::move(done));
  }
  void claim(Executor& home, ClaimRequest /*request*/, Done<std::vector<Claimed>> done) override {
    refuse(home, std::move(done));
  }
  void extend(Executor& home, std::vector<Ticket> /*tickets*/, Duration /*lease*/,
              Done<std::vector<bool>> done) override {
    refuse(home, std::move(done));
  }
  void report_progress(Executor& home, Ticket /*ticket*/, Progress /*progress*/,
                       Done<void> done) override {
    refuse(home, std::move(done));
  }
  void finish(Executor& home, Ticket /*ticket*/, Outcome /*outcome*/, Done<Job> done) override {
    refuse(home, std::move(done));
  }
  void pause(Executor& home, std::string /*callable*/, bool /*paused*/, Done<void> done) override {
    refuse(home, std::move(done));
  }
  void counts(Executor& home, Done<std::vector<QueueCounts>> done) override {
    refuse(home, std::move(done));
  }
  [[nodiscard]] Result<> ready() const override { return fail(why_); }
  void set_news(News* /*news*/) override {}

 private:
  template <class T>
  void refuse(Executor& home, Done<T> done) {
    home.post([done = std::move(done), why = why_]() mutable { done(fail(why)); });
  }

  Error why_;
};

}  // namespace

std::unique_ptr<Store> make_refusing_store(Error why) {
  return std::make_unique<RefusingStore>(std::move(why));
}

}  // namespace sluice::jobs
