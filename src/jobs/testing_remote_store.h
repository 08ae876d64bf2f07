// A store as a process of a simulation sees it: over a network that loses, repeats and delays. No
// part of the product.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "jobs/testing_network.h"

namespace sluice::jobs::testing {

// What workers and callers ask; the rest is refused. The ledger hears of each change when it
// happens.
class RemoteStore final : public Store {
 public:
  explicit RemoteStore(Network& network) : network_(network) {}

  void submit(Executor& home, NewJob job, Done<Submitted> done) override {
    network_.ask<Submitted>(
        home, std::move(done), [this, job] { return steps().submit(job); },
        [this](const Result<Submitted>& told) {
          if (told) ledger().accepted(told->id);
        });
  }
  void claim(Executor& home, ClaimRequest request, Done<std::vector<Claimed>> done) override {
    network_.ask<std::vector<Claimed>>(
        home, std::move(done),
        [this, request]() -> Result<std::vector<Claimed>> { return steps().claim(request); },
        [this](const Result<std::vector<Claimed>>& told) {
          for (const Claimed& one : *told) ledger().handed_out(one.job);
        });
  }
  void extend(Executor& home, std::vector<Ticket> tickets, Duration lease,
              Done<std::vector<bool>> done) override {
    network_.ask<std::vector<bool>>(
        home, std::move(done),
        [this, tickets, lease]() -> Result<std::vector<bool>> {
          return steps().extend(tickets, lease);
        },
        [this, tickets](const Result<std::vector<bool>>& told) {
          for (std::size_t i = 0; i < tickets.size(); ++i) {
            if ((*told)[i]) ledger().extended(tickets[i]);
          }
        });
  }
  void finish(Executor& home, Ticket ticket, Outcome outcome, Done<Job> done) override {
    const auto* completed = std::get_if<Completed>(&outcome);
    const std::string output = completed != nullptr ? completed->output : "";
    network_.ask<Job>(
        home, std::move(done), [this, ticket, outcome] { return steps().finish(ticket, outcome); },
        [this, ticket, output](const Result<Job>& told) {
          if (told) ledger().ended(ticket, *told, output);
        });
  }
  void cancel(Executor& home, std::string id, Done<Job> done) override {
    network_.ask<Job>(
        home, std::move(done), [this, id] { return steps().cancel(id); },
        [this, id](const Result<Job>& told) {
          if (told) ledger().cancelled(id, *told);
        });
  }

  void get(Executor& home, std::string, Want, Done<JobView> done) override {
    refuse(home, std::move(done));
  }
  void list(Executor& home, ListQuery, Done<JobPage> done) override {
    refuse(home, std::move(done));
  }
  void report_progress(Executor& home, Ticket, Progress, Done<void> done) override {
    refuse(home, std::move(done));
  }
  void pause(Executor& home, std::string, bool, Done<void> done) override {
    refuse(home, std::move(done));
  }
  void counts(Executor& home, Done<std::vector<QueueCounts>> done) override {
    refuse(home, std::move(done));
  }
  [[nodiscard]] Result<> ready() const override { return {}; }
  void set_news(News*) override {}

 private:
  template <class T>
  static void refuse(Executor& home, Done<T> done) {
    home.post([done = std::move(done)]() mutable { done(fail(internal("not simulated"))); });
  }
  StoreSteps& steps() { return network_.steps(); }
  Ledger& ledger() { return network_.ledger(); }

  Network& network_;
};

}  // namespace sluice::jobs::testing
