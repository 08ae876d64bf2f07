#include <array>

#include "api/jobs/batches.h"
#include "api/jobs/body.h"
#include "api/jobs/events.h"
#include "api/jobs/job_json.h"
#include "api/jobs/jobs_api.h"
#include "api/jobs/leases.h"
#include "api/jobs/list_query.h"
#include "api/jobs/owner.h"
#include "api/jobs/result.h"
#include "api/jobs/submission.h"
#include "api/jobs/waiting.h"
#include "base/format.h"
#include "http/json/writer.h"
#include "http/query.h"

namespace sluice::api::jobs {

namespace {

using sluice::jobs::Desk;
using sluice::jobs::Job;
using sluice::jobs::JobView;
using sluice::jobs::Store;

constexpr std::string_view kJson = "application/json";

class JobsFace {
 public:
  JobsFace(const gateway::Mount& mount, const Desk& desk)
      : mount_(mount),
        desk_(desk),
        submissions_(desk),
        metrics_(mount.instruments.request("jobs", "none")) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    using Self = JobsFace;
    struct Path {
      http::Method method;
      std::string_view pattern;
      void (Self::*handler)(http::Exchange&);
      Scope scope = Scope::kJobs;
    };
    constexpr Path kPaths[] = {
        {kPost, "/v1/jobs", &Self::submit},
        {kGet, "/v1/jobs", &Self::list},
        {kGet, "/v1/jobs/{id}", &Self::get},
        {kGet, "/v1/jobs/{id}/result", &Self::result},
        {kDelete, "/v1/jobs/{id}", &Self::cancel},
        {kPost, "/v1/jobs/{id}/retry", &Self::retry},
        {kGet, "/v1/jobs/{id}/events", &Self::events},
        {kGet, "/v1/queues", &Self::queues, Scope::kAdmin},
        {kPost, "/v1/queues/{callable}/pause", &Self::pause, Scope::kAdmin},
        {kPost, "/v1/queues/{callable}/resume", &Self::resume, Scope::kAdmin},
    };
    for (const Path& path : kPaths) {
      auto added = router.add(
          {path.method,
           mount_.prefix + std::string(path.pattern),
           [this, handler = path.handler](http::Exchange& exchange) { (this->*handler)(exchange); },
           {"jobs", "none", &metrics_},
           false,
           path.scope});
      if (!added) return added;
    }
    // Other APIs below /v1 tell errors in forms of their own.
    for (const std::string_view path : {"/v1/jobs", "/v1/queues", "/v1/leases"}) {
      router.tell_errors(mount_.prefix + std::string(path), http::respond_problem);
    }
    return {};
  }

 private:
  void respond_job(http::Exchange& exchange, int status, const JobView& view) {
    out_.clear();
    append_job(out_, view.job, view.output);
    const http::HeaderList headers{
        {"Location", formatted("{}/v1/jobs/{}", mount_.prefix, view.job.id)}};
    exchange.respond({status, kJson, &headers}, out_);
  }

  void submit(http::Exchange& exchange) {
    const auto query = http::Query::parse(exchange.head().query);
    if (!query) return refuse(exchange, query.error());
    if (auto ok = query->only({"wait"}); !ok) return refuse(exchange, ok.error());
    const auto wait = wanted_wait(exchange.head(), *query, desk_.limits.longest_wait);
    if (!wait) return refuse(exchange, wait.error());
    auto job = submissions_.read(exchange, mount_.local.registry(), mount_.clock.wall());
    if (!job) return refuse(exchange, job.error());
    hand_in(exchange, std::move(*job), *wait);
  }

  void hand_in(http::Exchange& exchange, sluice::jobs::NewJob job, std::optional<Duration> wait) {
    desk_.store.submit(exchange.loop(), std::move(job),
                       [this, &exchange, wait](Result<sluice::jobs::Submitted> submitted) {
                         if (!submitted) return refuse(exchange, submitted.error());
                         answer_submitted(exchange, submitted->id, wait.value_or(Duration::zero()));
                       });
  }
  // With a wait: the job as it is when it has ended or the wait is over.
  void answer_submitted(http::Exchange& exchange, const std::string& id, Duration wait) {
    if (wait == Duration::zero()) {
      out_.clear();
      json::Writer(out_).begin_object().field("id", id).field("status", "pending").end_object();
      const http::HeaderList headers{{"Location", formatted("{}/v1/jobs/{}", mount_.prefix, id)}};
      return exchange.respond({202, kJson, &headers}, out_);
    }
    answer_when_ended(exchange, desk_, id, wait,
                      [this](http::Exchange& x, const Result<JobView>& view) {
                        if (!view) return refuse(x, view.error());
                        respond_job(x, is_terminal(view->job.state) ? 200 : 202, *view);
                      });
  }

  void get(http::Exchange& exchange) {
    look(exchange, [this](http::Exchange& x, const JobView& view) { respond_job(x, 200, view); });
  }
  void result(http::Exchange& exchange) {
    look(exchange, [this](http::Exchange& x, const JobView& view) {
      respond_result(x, view, mount_.prefix);
    });
  }
  // Shows the job as it is, or as it will be when it has ended or the caller's wait is over.
  template <class Show>
  void look(http::Exchange& exchange, Show show) {
    const auto query = http::Query::parse(exchange.head().query);
    if (!query) return refuse(exchange, query.error());
    if (auto ok = query->only({"wait"}); !ok) return refuse(exchange, ok.error());
    const auto wait = wanted_wait(exchange.head(), *query, desk_.limits.longest_wait);
    if (!wait) return refuse(exchange, wait.error());
    if (!*wait || **wait == Duration::zero()) {
      return with_job(exchange, Store::Want::kOutput,
                      [&exchange, show](const JobView& view) { show(exchange, view); });
    }
    answer_when_ended(exchange, desk_, std::string(exchange.param("id")), **wait,
                      [show](http::Exchange& x, const Result<JobView>& view) {
                        if (!view) return refuse(x, view.error());
                        show(x, *view);
                      });
  }

  void list(http::Exchange& exchange) {
    const auto parsed = http::Query::parse(exchange.head().query);
    if (!parsed) return refuse(exchange, parsed.error());
    auto query = list_query(*parsed);
    if (!query) return refuse(exchange, query.error());
    query->owner = listed_owner(exchange);
    desk_.store.list(exchange.loop(), std::move(*query),
                     [this, &exchange](Result<sluice::jobs::JobPage> page) {
                       if (!page) return refuse(exchange, page.error());
                       out_.clear();
                       append_page(out_, *page);
                       exchange.respond(200, kJson, out_);
                     });
  }

  void cancel(http::Exchange& exchange) {
    with_job(exchange, Store::Want::kRecord, [this, &exchange](const JobView& view) {
      desk_.store.cancel(exchange.loop(), view.job.id, [this, &exchange](Result<Job> job) {
        if (!job) return refuse(exchange, job.error());
        respond_job(exchange, 200, {.job = std::move(*job)});
      });
    });
  }

  // Goes on with the job that the path names, if the caller may see it.
  template <class Next>
  void with_job(http::Exchange& exchange, Store::Want want, Next next) {
    desk_.store.get(exchange.loop(), std::string(exchange.param("id")), want,
                    [&exchange, next = std::move(next)](Result<JobView> view) mutable {
                      if (!view) return refuse(exchange, view.error());
                      if (!may_see(exchange, view->job.owner)) {
                        return refuse(exchange, no_such_job(view->job.id));
                      }
                      next(std::move(*view));
                    });
  }

  void retry(http::Exchange& exchange) {
    with_job(exchange, Store::Want::kInput, [this, &exchange](JobView view) {
      Job& job = view.job;
      if (job.state != sluice::jobs::JobState::kFailed) {
        return refuse(exchange, {ErrorCode::kConflict,
                                 formatted("job {} is {}; only a failed one can be tried once more",
                                           job.id, to_string(job.state))});
      }
      if (auto ok = check_callable(exchange.principal.get(), job.callable); !ok) {
        return refuse(exchange, ok.error());
      }
      hand_in(exchange,
              {.callable = std::move(job.callable),
               .format = std::move(job.format),
               .input = std::move(view.input),
               .priority = job.priority,
               .tenant = std::move(job.tenant),
               .owner = std::move(job.owner),
               .metadata = std::move(job.metadata),
               .webhook = std::move(job.webhook)},
              std::nullopt);
    });
  }

  void events(http::Exchange& exchange) {
    with_job(exchange, Store::Want::kOutput,
             [this, &exchange](const JobView& view) { stream_events(exchange, desk_, view); });
  }

  void queues(http::Exchange& exchange) {
    desk_.store.counts(exchange.loop(), [this, &exchange](auto counts) {
      if (!counts) return refuse(exchange, counts.error());
      out_.clear();
      json::Writer writer(out_);
      writer.begin_object().key("queues").begin_array();
      for (const sluice::jobs::QueueCounts& queue : *counts) {
        writer.begin_object()
            .field("callable", queue.callable)
            .field("paused", queue.paused)
            .field("pending", queue.pending)
            .field("processing", queue.processing)
            .end_object();
      }
      writer.end_array().end_object();
      exchange.respond(200, kJson, out_);
    });
  }

  void pause(http::Exchange& exchange) { set_paused(exchange, true); }
  void resume(http::Exchange& exchange) { set_paused(exchange, false); }
  void set_paused(http::Exchange& exchange, bool paused) {
    const std::string callable(exchange.param("callable"));
    if (mount_.local.registry().entry(callable) == nullptr) {
      return refuse(exchange, not_found(formatted("there is no callable '{}'", callable)));
    }
    desk_.store.pause(exchange.loop(), callable, paused, [&exchange, paused](Result<> done) {
      if (!done) return refuse(exchange, done.error());
      exchange.respond(200, kJson, paused ? R"({"paused":true})" : R"({"paused":false})");
    });
  }

  gateway::Mount mount_;
  Desk desk_;
  SubmissionReader submissions_;
  telemetry::RequestMetrics metrics_;
  std::string out_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_jobs(http::Router& router, const gateway::Mount& mount,
                                             const Desk& desk) {
  auto face = std::make_shared<JobsFace>(mount, desk);
  if (auto added = face->add_routes(router); !added) return fail(added.error());
  auto leases = add_leases(router, mount, desk);
  if (!leases) return leases;
  auto batches = add_batches(router, mount, desk);
  if (!batches) return batches;
  using Kept = std::array<std::shared_ptr<const void>, 3>;
  return std::make_shared<Kept>(Kept{std::move(face), std::move(*leases), std::move(*batches)});
}

}  // namespace sluice::api::jobs
