#include "services/async_iris/service.h"

#include <charconv>

#include "api/jobs/idempotency.h"
#include "api/tensorflow_serving/metadata_json.h"
#include "base/format.h"
#include "base/timestamp.h"
#include "http/json/writer.h"
#include "http/query.h"
#include "services/async_iris/codec.h"

namespace sluice::async_iris {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kNotFound = "Job not found";
constexpr std::string_view kUnavailable = "Service temporarily unavailable";
constexpr std::chrono::milliseconds kTryAgain{1000};

// The rows of the sample as a caller would send them.
std::string sample_body(const AsyncIrisOptions& options) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("data").begin_array();
  for (const auto& row : options.sample) {
    writer.begin_array();
    for (const double value : row) writer.value(value);
    writer.end_array();
  }
  writer.end_array().end_object();
  return body;
}

class Service {
 public:
  Service(const gateway::Mount& mount, const AsyncIrisOptions& options, const jobs::Desk& desk,
          std::string model)
      : mount_(mount),
        options_(options),
        desk_(desk),
        model_(std::move(model)),
        sample_(sample_body(options)),
        metrics_(mount.instruments.request("async_iris", mount.target)) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    struct Path {
      http::Method method;
      std::string_view pattern;
      void (Service::*handler)(http::Exchange&);
      bool probe = false;
      Scope scope = Scope::kJobs;
    };
    constexpr Path kPaths[] = {
        {kGet, "/health", &Service::health, true, Scope::kOpen},
        {kGet, "/metadata", &Service::metadata, false, Scope::kAny},
        {kPost, "/predict", &Service::predict},
        {kPost, "/predict/test", &Service::predict_sample},
        {kGet, "/job/{job_id}", &Service::get},
        {kDelete, "/job/{job_id}", &Service::cancel},
        {kGet, "/jobs", &Service::list},
    };
    for (const Path& path : kPaths) {
      auto added = router.add(
          {path.method,
           mount_.prefix + std::string(path.pattern),
           [this, handler = path.handler](http::Exchange& exchange) { (this->*handler)(exchange); },
           {"async_iris", mount_.target, &metrics_},
           path.probe,
           path.scope});
      if (!added) return added;
    }
    return {};
  }

 private:
  // In the words that clients of this service know.
  static void refuse(http::Exchange& exchange, Error error) {
    exchange.error = error;
    switch (error.code) {
      case ErrorCode::kNotFound:
        error.message = kNotFound;
        break;
      case ErrorCode::kUnavailable:
      case ErrorCode::kExhausted:
        error.code = ErrorCode::kUnavailable;
        error.message = kUnavailable;
        if (!error.retry_after) error.retry_after = kTryAgain;
        break;
      default:
        break;
    }
    http::respond_problem(exchange, error);
  }

  // A job belongs to the key with which it was handed in.
  static std::string owner_of(const http::Exchange& exchange) {
    return exchange.principal != nullptr ? exchange.principal->key_id : std::string();
  }
  [[nodiscard]] bool serves(const http::Exchange& exchange, const jobs::Job& job) const {
    return job.callable == mount_.target &&
           (exchange.principal == nullptr || exchange.principal->key_id == job.owner);
  }

  // The target as it is now; none while it is not ready.
  [[nodiscard]] const Callable* target() const {
    const auto found = mount_.local.registry().find(mount_.target);
    return found ? (**found).get() : nullptr;
  }

  // Both components say how they are without being asked over a wire.
  void health(http::Exchange& exchange) {
    const Callable* callable = target();
    const bool model_ok = callable != nullptr && callable->ready().has_value();
    const bool store_ok = desk_.store.ready().has_value();
    out_.clear();
    json::Writer writer(out_);
    writer.begin_object();
    writer.field("status", store_ok ? (model_ok ? "healthy" : "degraded") : "unhealthy");
    writer.key("components")
        .begin_object()
        .field(desk_.store_name, store_ok ? "ok" : "unavailable")
        .field(model_, model_ok ? "ok" : "unavailable")
        .end_object()
        .end_object();
    // Without its model it still takes jobs; without its store it can do nothing.
    exchange.respond(store_ok ? 200 : 503, kJson, out_);
  }

  void metadata(http::Exchange& exchange) {
    if (auto ok = check_callable(exchange.principal.get(), mount_.target); !ok) {
      return refuse(exchange, ok.error());
    }
    const Callable* callable = target();
    if (callable == nullptr) {
      return refuse(exchange, unavailable(std::string(kUnavailable)));
    }
    using api::tensorflow_serving::MetadataForm;
    exchange.respond(200, kJson,
                     api::tensorflow_serving::metadata_json(
                         options_.model_name.empty() ? mount_.target : options_.model_name,
                         callable->describe(), MetadataForm::kBrief));
  }

  void predict(http::Exchange& exchange) {
    if (auto ok = check_callable(exchange.principal.get(), mount_.target); !ok) {
      return refuse(exchange, ok.error());
    }
    if (const auto type = exchange.head().header("Content-Type")) {
      const auto media = http::trim(type->substr(0, type->find(';')));
      if (!http::iequals(media, kJson)) {
        return http::respond_problem(
            exchange, 415, invalid(formatted("the body must be application/json, not {}", media)));
      }
    }
    const Callable* callable = target();
    // A model that has not been reached yet takes what the sample is.
    const bool described = callable != nullptr && !callable->describe().inputs.empty();
    const TensorInfo input = described ? input_of(callable->describe()) : input_of_sample();
    if (auto read = reader_.read(exchange.body(), input, rules_of(options_)); !read) {
      exchange.error = read.error().error;
      return http::respond_problem(exchange, read.error().status, read.error().error);
    }
    const auto priority = read_priority();
    if (!priority) return refuse(exchange, priority.error());
    submit(exchange, std::string(exchange.body()), *priority);
  }
  [[nodiscard]] TensorInfo input_of_sample() const {
    const std::int64_t columns =
        options_.sample.empty() ? -1 : static_cast<std::int64_t>(options_.sample.front().size());
    return {"input", DataType::kFp32, {-1, columns}};
  }
  void predict_sample(http::Exchange& exchange) {
    if (auto ok = check_callable(exchange.principal.get(), mount_.target); !ok) {
      return refuse(exchange, ok.error());
    }
    submit(exchange, sample_, jobs::Priority::kNormal);
  }

  [[nodiscard]] Result<jobs::Priority> read_priority() const {
    const auto text = reader_.text_field("priority");
    if (!text) return fail(text.error());
    if (!*text) return jobs::Priority::kNormal;
    const auto priority = jobs::parse_priority(**text);
    if (!priority) {
      return fail(
          invalid(formatted("'priority': expected high, normal or low, got \"{}\"", **text)));
    }
    return *priority;
  }

  void submit(http::Exchange& exchange, std::string body, jobs::Priority priority) {
    jobs::NewJob job{.callable = mount_.target,
                     .format = std::string(kFormat),
                     .input = std::move(body),
                     .priority = jobs::priority_for(exchange.principal.get(), priority),
                     .tenant = std::string(tenant_for(exchange.principal.get(), exchange.peer())),
                     .owner = owner_of(exchange)};
    if (auto ok = api::jobs::take_idempotency_key(
            exchange.head(), desk_.limits.max_idempotency_key_bytes, job.input, job);
        !ok) {
      return refuse(exchange, ok.error());
    }
    desk_.store.submit(
        exchange.loop(), std::move(job), [this, &exchange](Result<jobs::Submitted> submitted) {
          if (!submitted) return refuse(exchange, submitted.error());
          out_.clear();
          json::Writer(out_).begin_object().field("job_id", submitted->id).end_object();
          exchange.respond(200, kJson, out_);
        });
  }

  void get(http::Exchange& exchange) {
    desk_.store.get(exchange.loop(), std::string(exchange.param("job_id")),
                    jobs::Store::Want::kOutput, [this, &exchange](Result<jobs::JobView> view) {
                      if (!view) return refuse(exchange, view.error());
                      if (!serves(exchange, view->job)) return refuse(exchange, not_found(""));
                      respond_job(exchange, view->job, view->output);
                    });
  }
  void respond_job(http::Exchange& exchange, const jobs::Job& job, std::string_view output) {
    out_.clear();
    json::Writer writer(out_);
    writer.begin_object().field("job_id", job.id).field("status", to_string(job.state));
    if (job.state == jobs::JobState::kCompleted && !output.empty()) {
      writer.key("result").raw(output);
    }
    if (job.state == jobs::JobState::kFailed && job.error) {
      writer.field("error", job.error->message);
    }
    writer.end_object();
    exchange.respond(200, kJson, out_);
  }

  void cancel(http::Exchange& exchange) {
    // First whether it is one of this service's.
    desk_.store.get(exchange.loop(), std::string(exchange.param("job_id")),
                    jobs::Store::Want::kRecord, [this, &exchange](Result<jobs::JobView> view) {
                      if (!view) return refuse(exchange, view.error());
                      if (!serves(exchange, view->job)) return refuse(exchange, not_found(""));
                      desk_.store.cancel(exchange.loop(), view->job.id,
                                         [this, &exchange](Result<jobs::Job> job) {
                                           if (!job) return refuse(exchange, job.error());
                                           respond_job(exchange, *job, {});
                                         });
                    });
  }

  void list(http::Exchange& exchange) {
    auto query = list_query(exchange.head().query);
    if (!query) return refuse(exchange, query.error());
    query->owner = owner_of(exchange);
    desk_.store.list(exchange.loop(), std::move(*query),
                     [this, &exchange](Result<jobs::JobPage> page) {
                       if (!page) return refuse(exchange, page.error());
                       respond_page(exchange, *page);
                     });
  }
  [[nodiscard]] Result<jobs::ListQuery> list_query(std::string_view text) const {
    const auto parsed = http::Query::parse(text);
    if (!parsed) return fail(parsed.error());
    if (auto ok = parsed->only({"status", "limit", "after"}); !ok) return fail(ok.error());
    jobs::ListQuery query{.callable = mount_.target};
    if (const auto status = parsed->find("status")) {
      query.state = jobs::parse_job_state(*status);
      if (!query.state) {
        return fail(
            invalid(formatted("status: expected pending, processing, completed, failed "
                              "or cancelled, got \"{}\"",
                              *status)));
      }
    }
    if (const auto limit = parsed->find("limit")) {
      const auto end = limit->data() + limit->size();
      const auto [stopped, error] = std::from_chars(limit->data(), end, query.limit);
      if (error != std::errc() || stopped != end || query.limit == 0 ||
          query.limit > jobs::kMaxPage) {
        return fail(invalid(formatted("limit: expected a number from 1 to {}, got \"{}\"",
                                      jobs::kMaxPage, *limit)));
      }
    }
    query.after = parsed->find("after").value_or("");
    return query;
  }
  void respond_page(http::Exchange& exchange, const jobs::JobPage& page) {
    out_.clear();
    json::Writer writer(out_);
    writer.begin_object().key("jobs").begin_array();
    for (const jobs::Job& job : page.jobs) {
      std::string created;
      append_timestamp(created, job.created);
      writer.begin_object()
          .field("job_id", job.id)
          .field("status", to_string(job.state))
          .field("priority", to_string(job.priority))
          .field("created_at", created)
          .end_object();
    }
    writer.end_array().key("next");
    if (page.more && !page.jobs.empty()) {
      writer.value(page.jobs.back().id);
    } else {
      writer.null();
    }
    writer.end_object();
    exchange.respond(200, kJson, out_);
  }

  gateway::Mount mount_;
  AsyncIrisOptions options_;
  jobs::Desk desk_;
  std::string model_;
  std::string sample_;
  telemetry::RequestMetrics metrics_;
  rows::RowsReader reader_;
  std::string out_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_service(http::Router& router, const gateway::Mount& mount,
                                                const AsyncIrisOptions& options,
                                                const jobs::Desk& desk, std::string model) {
  auto service = std::make_shared<Service>(mount, options, desk, std::move(model));
  if (auto ok = service->add_routes(router); !ok) return fail(ok.error());
  return service;
}

}  // namespace sluice::async_iris
