#include "api/jobs/leases.h"

#include "api/jobs/body.h"
#include "api/jobs/job_json.h"
#include "api/jobs/lease_request.h"
#include "api/jobs/taking.h"
#include "api/jobs/waiting.h"
#include "base/format.h"
#include "base/timestamp.h"
#include "http/json/writer.h"
#include "http/query.h"

namespace sluice::api::jobs {

namespace {

using sluice::jobs::Desk;
using sluice::jobs::Job;
using sluice::jobs::JobState;
using sluice::jobs::JobView;
using sluice::jobs::Outcome;
using sluice::jobs::Store;
using sluice::jobs::Ticket;

constexpr std::string_view kJson = "application/json";

class LeasesFace {
 public:
  LeasesFace(const gateway::Mount& mount, const Desk& desk)
      : mount_(mount),
        desk_(desk),
        reader_(desk.limits),
        metrics_(mount.instruments.request("leases", "none")) {}

  Result<> add_routes(http::Router& router) {
    using Self = LeasesFace;
    struct Path {
      std::string_view pattern;
      void (Self::*handler)(http::Exchange&);
    };
    constexpr Path kPaths[] = {
        {"/v1/leases", &Self::take},
        {"/v1/leases/{job}/extend", &Self::extend},
        {"/v1/leases/{job}/progress", &Self::progress},
        {"/v1/leases/{job}/complete", &Self::complete},
        {"/v1/leases/{job}/fail", &Self::fail_attempt},
        {"/v1/leases/{job}/release", &Self::release},
    };
    for (const Path& path : kPaths) {
      auto added = router.add(
          {http::Method::kPost,
           mount_.prefix + std::string(path.pattern),
           [this, handler = path.handler](http::Exchange& exchange) { (this->*handler)(exchange); },
           {"leases", "none", &metrics_},
           false,
           Scope::kWork});
      if (!added) return added;
    }
    return {};
  }

 private:
  void take(http::Exchange& exchange) {
    const auto query = http::Query::parse(exchange.head().query);
    if (!query) return refuse(exchange, query.error());
    if (auto ok = query->only({"wait"}); !ok) return refuse(exchange, ok.error());
    const auto wait = wanted_wait(exchange.head(), *query, desk_.limits.longest_wait);
    if (!wait) return refuse(exchange, wait.error());
    auto request = reader_.take(exchange, mount_.local.registry());
    if (!request) return refuse(exchange, request.error());
    answer_with_leases(exchange, desk_, std::move(*request), wait->value_or(Duration::zero()),
                       turn_++);
  }

  // The report, or none once it has been refused.
  std::optional<AttemptReport> read(http::Exchange& exchange, ReportKind kind) {
    auto report = reader_.report(exchange.body(), kind);
    if (report) return std::move(*report);
    refuse(exchange, report.error());
    return std::nullopt;
  }
  static Ticket ticket_of(const http::Exchange& exchange, const AttemptReport& report) {
    return {std::string(exchange.param("job")), report.attempt};
  }

  // Goes on with an attempt that the caller's key may report of: of a callable in its scope, and
  // taken with it. Where there are no keys there is nothing to ask the store. `said` as for over().
  void check_report(http::Exchange& exchange, const Ticket& ticket, std::optional<JobState> said,
                    std::move_only_function<void()> next) {
    const Principal* caller = exchange.principal.get();
    if (caller == nullptr) return next();
    desk_.store.get(
        exchange.loop(), ticket.id, Store::Want::kRecord,
        [this, &exchange, ticket, said, next = std::move(next)](Result<JobView> view) mutable {
          if (!view) return refuse(exchange, view.error());
          const Job& job = view->job;
          const Principal* caller = exchange.principal.get();
          if (auto ok = check_callable(caller, job.callable); !ok) {
            return refuse(exchange, ok.error());
          }
          // What is not under way now is not reported of, whatever comes next.
          if (job.state != JobState::kProcessing || job.attempt != ticket.attempt) {
            return show_over(exchange, ticket, said, job);
          }
          if (!job.worker.ends_with(key_mark(caller))) {
            return refuse(exchange,
                          {ErrorCode::kForbidden,
                           formatted("job {} was taken with another key; report of it with "
                                     "that one",
                                     job.id)});
          }
          next();
        });
  }

  void extend(http::Exchange& exchange) {
    const auto report = read(exchange, ReportKind::kExtend);
    if (!report) return;
    const Duration lease = report->lease.value_or(desk_.limits.lease);
    const Ticket ticket = ticket_of(exchange, *report);
    check_report(exchange, ticket, {},
                 [this, &exchange, ticket, lease] { extend(exchange, ticket, lease); });
  }
  void extend(http::Exchange& exchange, const Ticket& ticket, Duration lease) {
    desk_.store.extend(exchange.loop(), {ticket}, lease,
                       [this, &exchange, ticket](Result<std::vector<bool>> kept) {
                         if (!kept) return refuse(exchange, kept.error());
                         if (kept->empty() || !kept->front()) return over(exchange, ticket, {});
                         show_lease(exchange, ticket);
                       });
  }
  // As the store has it: the job's deadline may have cut it short.
  void show_lease(http::Exchange& exchange, const Ticket& ticket) {
    desk_.store.get(exchange.loop(), ticket.id, Store::Want::kRecord,
                    [this, &exchange, ticket](Result<JobView> view) {
                      if (!view) return refuse(exchange, view.error());
                      const Job& job = view->job;
                      if (job.attempt != ticket.attempt || !job.lease_until) {
                        return show_over(exchange, ticket, {}, job);
                      }
                      respond_extended(exchange, ticket, *job.lease_until);
                    });
  }
  void respond_extended(http::Exchange& exchange, const Ticket& ticket, WallTime until) {
    std::string time;
    append_timestamp(time, until);
    out_.clear();
    json::Writer(out_)
        .begin_object()
        .field("job", ticket.id)
        .field("attempt", ticket.attempt)
        .field("lease_until", time)
        .end_object();
    exchange.respond(200, kJson, out_);
  }

  void progress(http::Exchange& exchange) {
    auto report = read(exchange, ReportKind::kProgress);
    if (!report) return;
    const Ticket ticket = ticket_of(exchange, *report);
    check_report(exchange, ticket, {},
                 [this, &exchange, ticket, progress = std::move(report->progress)]() mutable {
                   progress_of(exchange, ticket, std::move(progress));
                 });
  }
  void progress_of(http::Exchange& exchange, const Ticket& ticket,
                   sluice::jobs::Progress progress) {
    desk_.store.report_progress(exchange.loop(), ticket, std::move(progress),
                                [this, &exchange, ticket](Result<> done) {
                                  if (done) return exchange.respond({204, {}, nullptr}, {});
                                  if (done.error().code != ErrorCode::kConflict)
                                    return refuse(exchange, done.error());
                                  over(exchange, ticket, {});
                                });
  }

  void complete(http::Exchange& exchange) {
    auto report = read(exchange, ReportKind::kComplete);
    if (!report) return;
    finish(exchange, *report, sluice::jobs::Completed{std::move(report->output)},
           JobState::kCompleted);
  }
  void fail_attempt(http::Exchange& exchange) {
    auto report = read(exchange, ReportKind::kFail);
    if (!report) return;
    finish(exchange, *report,
           sluice::jobs::Failed{internal(std::move(report->error)), report->retry},
           JobState::kFailed);
  }
  void release(http::Exchange& exchange) {
    const auto report = read(exchange, ReportKind::kRelease);
    if (!report) return;
    finish(exchange, *report, sluice::jobs::Requeued{sluice::jobs::Cause::kReleased}, {});
  }
  // `said`: the end that the job may have come to by this very report, heard before.
  void finish(http::Exchange& exchange, const AttemptReport& report, Outcome outcome,
              std::optional<JobState> said) {
    const Ticket ticket = ticket_of(exchange, report);
    check_report(exchange, ticket, said,
                 [this, &exchange, ticket, said, outcome = std::move(outcome)]() mutable {
                   finish(exchange, ticket, std::move(outcome), said);
                 });
  }
  void finish(http::Exchange& exchange, const Ticket& ticket, Outcome outcome,
              std::optional<JobState> said) {
    desk_.store.finish(exchange.loop(), ticket, std::move(outcome),
                       [this, &exchange, ticket, said](Result<Job> job) {
                         if (job) return respond_job(exchange, *job);
                         if (job.error().code != ErrorCode::kConflict) {
                           return refuse(exchange, job.error());
                         }
                         over(exchange, ticket, said);
                       });
  }
  void respond_job(http::Exchange& exchange, const Job& job) {
    out_.clear();
    append_job(out_, job);
    exchange.respond(200, kJson, out_);
  }

  // The attempt is not under way: says what became of the job.
  void over(http::Exchange& exchange, const Ticket& ticket, std::optional<JobState> said) {
    desk_.store.get(exchange.loop(), ticket.id, Store::Want::kRecord,
                    [this, &exchange, ticket, said](Result<JobView> view) {
                      if (!view) return refuse(exchange, view.error());
                      show_over(exchange, ticket, said, view->job);
                    });
  }
  void show_over(http::Exchange& exchange, const Ticket& ticket, std::optional<JobState> said,
                 const Job& job) {
    if (said == job.state && job.attempt == ticket.attempt) return respond_job(exchange, job);
    respond_over(exchange, ticket, job);
  }
  void respond_over(http::Exchange& exchange, const Ticket& ticket, const Job& job) {
    const bool late = job.deadline && *job.deadline <= mount_.clock.wall();
    const std::string detail =
        is_terminal(job.state)
            ? formatted("job {} is {}; drop what you have of it", job.id, to_string(job.state))
            : formatted("attempt {} of job {} is over: {}; drop what you have", ticket.attempt,
                        job.id, late ? "the job's deadline passed" : "its lease was lost");
    exchange.error = Error{ErrorCode::kConflict, detail};
    out_.clear();
    json::Writer(out_)
        .begin_object()
        .field("title", "Conflict")
        .field("status", 409)
        .field("detail", detail)
        .field("code", to_string(ErrorCode::kConflict))
        .field("job_status", to_string(job.state))
        .end_object();
    exchange.respond(409, "application/problem+json", out_);
  }

  gateway::Mount mount_;
  Desk desk_;
  LeaseReader reader_;
  telemetry::RequestMetrics metrics_;
  std::size_t turn_ = 0;
  std::string out_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_leases(http::Router& router, const gateway::Mount& mount,
                                               const Desk& desk) {
  auto face = std::make_shared<LeasesFace>(mount, desk);
  if (auto added = face->add_routes(router); !added) return fail(added.error());
  return face;
}

}  // namespace sluice::api::jobs
