#include "api/jobs/batches.h"

#include <charconv>

#include "api/jobs/batch_output.h"
#include "api/jobs/batch_upload.h"
#include "api/jobs/body.h"
#include "api/jobs/job_json.h"
#include "api/jobs/owner.h"
#include "api/jobs/submission.h"
#include "base/format.h"
#include "http/query.h"

namespace sluice::api::jobs {

namespace {

using sluice::jobs::Batch;
using sluice::jobs::Desk;

constexpr std::string_view kJson = "application/json";
constexpr std::size_t kPage = 100;

class BatchesFace {
 public:
  BatchesFace(const gateway::Mount& mount, const Desk& desk)
      : mount_(mount),
        desk_(desk),
        reader_(desk),
        metrics_(mount.instruments.request("batches", "none")) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    using Self = BatchesFace;
    struct Path {
      http::Method method;
      std::string_view pattern;
      void (Self::*handler)(http::Exchange&);
      bool streams = false;
    };
    constexpr Path kPaths[] = {
        {kPost, "/v1/jobs/batches", &Self::create, true},
        {kGet, "/v1/jobs/batches", &Self::list},
        {kGet, "/v1/jobs/batches/{id}", &Self::get},
        {kDelete, "/v1/jobs/batches/{id}", &Self::cancel},
        {kGet, "/v1/jobs/batches/{id}/output", &Self::output},
        {kGet, "/v1/jobs/batches/{id}/errors", &Self::errors},
    };
    for (const Path& path : kPaths) {
      http::Route route{
          path.method,
          mount_.prefix + std::string(path.pattern),
          [this, handler = path.handler](http::Exchange& exchange) { (this->*handler)(exchange); },
          {"batches", "none", &metrics_}};
      route.streams_body = path.streams;
      route.scope = Scope::kJobs;
      if (auto added = router.add(std::move(route)); !added) return added;
    }
    return {};
  }

 private:
  // The store's batches; null, and refused, where it keeps none.
  sluice::jobs::BatchStore* store(http::Exchange& exchange) {
    // One that cannot be had says so better.
    if (auto ready = desk_.store.ready(); !ready) {
      refuse(exchange, ready.error());
      return nullptr;
    }
    sluice::jobs::BatchStore* batches = desk_.store.batches();
    if (batches == nullptr) {
      refuse(exchange, unavailable("the store of this server keeps no batches"));
    }
    return batches;
  }
  // Goes on with the batch that the path names, if the caller may see it.
  template <class Next>
  void with_batch(http::Exchange& exchange, Next next) {
    sluice::jobs::BatchStore* batches = store(exchange);
    if (batches == nullptr) return;
    batches->get_batch(exchange.loop(), std::string(exchange.param("id")),
                       [&exchange, next = std::move(next)](Result<Batch> batch) {
                         if (!batch) return refuse(exchange, batch.error());
                         if (!may_see(exchange, batch->owner)) {
                           return refuse(exchange,
                                         not_found(formatted("there is no batch {}", batch->id)));
                         }
                         next(*batch);
                       });
  }
  void respond(http::Exchange& exchange, int status, const Batch& batch) {
    out_.clear();
    append_batch(out_, batch);
    const http::HeaderList headers{
        {"Location", formatted("{}/v1/jobs/batches/{}", mount_.prefix, batch.id)}};
    exchange.respond({status, kJson, &headers}, out_);
  }

  void create(http::Exchange& exchange) {
    const auto query = http::Query::parse(exchange.head().query);
    if (!query) return refuse(exchange, query.error());
    if (auto ok = query->only({"callable"}); !ok) return refuse(exchange, ok.error());
    std::string callable(query->find("callable").value_or(""));
    if (!callable.empty()) {
      auto may = check_callable(exchange.principal.get(), callable);
      if (!may) return refuse(exchange, may.error());
    }
    if (!callable.empty() && mount_.local.registry().entry(callable) == nullptr) {
      return refuse(exchange, not_found(formatted("there is no callable '{}'", callable)));
    }
    if (store(exchange) == nullptr) return;
    take_batch(exchange, desk_, mount_, reader_, std::move(callable),
               [this](http::Exchange& x, const Batch& batch) { respond(x, 202, batch); });
  }

  void list(http::Exchange& exchange) {
    const auto query = http::Query::parse(exchange.head().query);
    if (!query) return refuse(exchange, query.error());
    if (auto ok = query->only({"limit", "after"}); !ok) return refuse(exchange, ok.error());
    std::size_t limit = kPage;
    if (const auto text = query->find("limit")) {
      const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
      if (error != std::errc() || end != text->data() + text->size() || limit == 0 ||
          limit > sluice::jobs::kMaxPage) {
        return refuse(exchange,
                      invalid(formatted("limit: expected a number from 1 to {}, got \"{}\"",
                                        sluice::jobs::kMaxPage, *text)));
      }
    }
    sluice::jobs::BatchStore* batches = store(exchange);
    if (batches == nullptr) return;
    batches->list_batches(exchange.loop(), listed_owner(exchange),
                          std::string(query->find("after").value_or("")), limit,
                          [this, &exchange, limit](Result<std::vector<Batch>> page) {
                            if (!page) return refuse(exchange, page.error());
                            out_.clear();
                            append_batches(out_, *page, page->size() == limit);
                            exchange.respond(200, kJson, out_);
                          });
  }

  void get(http::Exchange& exchange) {
    sluice::jobs::BatchStore* batches = store(exchange);
    if (batches == nullptr) return;
    with_batch(exchange, [this, &exchange](const Batch& batch) { respond(exchange, 200, batch); });
  }

  void cancel(http::Exchange& exchange) {
    with_batch(exchange, [this, &exchange](const Batch& known) {
      sluice::jobs::BatchStore* batches = desk_.store.batches();
      batches->cancel_batch(exchange.loop(), known.id, {},
                            [this, &exchange, batches, id = known.id](const Result<Batch>& done) {
                              if (!done) return refuse(exchange, done.error());
                              batches->get_batch(exchange.loop(), id,
                                                 [this, &exchange](Result<Batch> batch) {
                                                   if (!batch)
                                                     return refuse(exchange, batch.error());
                                                   respond(exchange, 200, *batch);
                                                 });
                            });
    });
  }

  void output(http::Exchange& exchange) { stream(exchange, true); }
  void errors(http::Exchange& exchange) { stream(exchange, false); }
  void stream(http::Exchange& exchange, bool completed) {
    sluice::jobs::BatchStore* batches = store(exchange);
    if (batches == nullptr) return;
    with_batch(exchange, [this, &exchange, completed](const Batch& batch) {
      stream_lines(exchange, desk_, batch.id, completed);
    });
  }

  gateway::Mount mount_;
  Desk desk_;
  SubmissionReader reader_;
  telemetry::RequestMetrics metrics_;
  std::string out_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_batches(http::Router& router, const gateway::Mount& mount,
                                                const Desk& desk) {
  auto face = std::make_shared<BatchesFace>(mount, desk);
  if (auto added = face->add_routes(router); !added) return fail(added.error());
  return face;
}

}  // namespace sluice::api::jobs
