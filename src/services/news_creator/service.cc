#include "services/news_creator/service.h"

#include "api/generation/face.h"
#include "api/generation/service_class.h"
#include "api/ollama/ollama.h"
#include "base/format.h"
#include "base/utf8.h"
#include "http/json/reader.h"
#include "http/json/writer.h"
#include "inference/capability.h"
#include "inference/queue_status.h"
#include "services/news_creator/prompt.h"
#include "services/news_creator/summarize.h"

namespace sluice::news_creator {

namespace {

constexpr std::string_view kApi = "news_creator";
constexpr std::string_view kJson = "application/json";
constexpr auto kDialect = api::ollama::Dialect::kNewsCreator;

class Service {
 public:
  Service(const gateway::Mount& mount, NewsCreatorOptions options, PromptTemplate prompt,
          std::shared_ptr<const void> ollama)
      : options_(std::move(options)),
        prompt_(std::move(prompt)),
        ollama_(std::move(ollama)),
        face_(kApi, mount) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    struct Path {
      http::Method method;
      std::string_view pattern;
      void (Service::*handler)(http::Exchange&);
      Scope scope = Scope::kCall;
      bool probe = false;
    };
    constexpr Path kPaths[] = {
        {kPost, "/api/v1/summarize", &Service::summarize},
        {kGet, "/queue/status", &Service::queue_status, Scope::kAny},
        {kGet, "/health", &Service::health, Scope::kOpen, true},
        {kGet, "/health/deep", &Service::health_deep, Scope::kOpen, true},
    };
    for (const Path& path : kPaths) {
      http::Route route{
          .method = path.method,
          .pattern = face_.mount().prefix + std::string(path.pattern),
          .handler = [this, handler = path.handler](http::Exchange& x) { (this->*handler)(x); },
          .labels = face_.labels(face_.mount().target),
          .probe = path.probe,
          .scope = path.scope};
      if (auto added = router.add(std::move(route)); !added) return added;
    }
    return {};
  }

 private:
  static void refuse(http::Exchange& exchange, const Error& error) {
    api::ollama::answer_error(exchange, kDialect, error);
  }

  // Of an article, which is to be of a bearable size.
  [[nodiscard]] Result<std::string> prompt_of(const SummarizeAsked& asked) const {
    if (const auto has = count_characters(asked.content); has < options_.min_content) {
      return fail(invalid(formatted("the article has {} characters, at least {} are needed", has,
                                    options_.min_content)));
    }
    std::string prompt = prompt_.render(asked.content, asked.article_id);
    if (const auto has = count_characters(prompt); has > options_.max_prompt) {
      return fail(invalid(formatted("the prompt has {} characters, at most {} are taken", has,
                                    options_.max_prompt)));
    }
    return prompt;
  }

  void summarize(http::Exchange& exchange) {
    const auto asked = read_summarize(reader_, exchange.body());
    if (!asked) return api::ollama::answer_error(exchange, 422, asked.error().error);
    auto prompt = prompt_of(*asked);
    if (!prompt) return refuse(exchange, prompt.error());
    const auto callable = face_.find({}, RequestKind::kGenerate, exchange.principal.get());
    if (!callable) return refuse(exchange, callable.error());
    // Who reads along waits.
    const auto otherwise = asked->stream ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
    const auto wanted = api::generation::class_of(exchange.head(), asked->priority, otherwise);
    if (!wanted) return refuse(exchange, wanted.error());
    GenerateRequest request;
    request.messages.push_back({"user", std::move(*prompt), {}, "", ""});
    request.max_tokens = options_.max_tokens;
    request.sampling.temperature = options_.temperature;
    request.stream = asked->stream;
    start_generation(exchange, face_.mount(), **callable, std::move(request),
                     {.default_timeout = options_.timeout, .service_class = *wanted},
                     make_summarize_form(asked->article_id), {.heartbeat = options_.heartbeat});
  }

  // The target as it is now; null while it is not ready.
  [[nodiscard]] const Callable* target() const {
    const auto found = face_.find({}, RequestKind::kGenerate, nullptr);
    return found ? (**found).get() : nullptr;
  }

  void queue_status(http::Exchange& exchange) {
    const Callable* callable = target();
    const auto* queued = callable != nullptr ? find_capability<Queued>(*callable) : nullptr;
    const QueueStatus status = queued != nullptr ? queued->queue_status() : QueueStatus();
    const bool ready = callable != nullptr && callable->ready().has_value();
    out_.clear();
    json::Writer(out_)
        .begin_object()
        .field("rt_queue", status.realtime_waiting)
        .field("be_queue", status.best_effort_waiting)
        .field("total_slots", status.slots)
        .field("available_slots", status.slots - status.held)
        .field("accepting", ready && status.accepting)
        .field("max_queue_depth", status.depth)
        .field("acquired_slots", status.held)
        .end_object();
    exchange.respond(200, kJson, out_);
  }

  // That this process answers says enough.
  void health(http::Exchange& exchange) {
    exchange.respond(200, kJson, R"({"status":"healthy","service":"news-creator"})");
  }
  void health_deep(http::Exchange& exchange) {
    const Callable* callable = target();
    const auto ready = callable != nullptr ? callable->ready()
                                           : Result<>(fail(unavailable("the model is not there")));
    out_.clear();
    json::Writer writer(out_);
    writer.begin_object().field("status", ready ? "healthy" : "unhealthy");
    writer.field("service", "news-creator").field("model", face_.mount().target);
    if (!ready) writer.field("error", ready.error().message);
    writer.end_object();
    exchange.respond(ready ? 200 : 503, kJson, out_);
  }

  const NewsCreatorOptions options_;
  const PromptTemplate prompt_;
  const std::shared_ptr<const void> ollama_;
  api::generation::Face face_;
  json::Reader reader_;
  std::string out_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_service(http::Router& router, const gateway::Mount& mount,
                                                const NewsCreatorOptions& options) {
  auto prompt = PromptTemplate::load(options.prompt);
  if (!prompt) return fail(prompt.error());
  auto ollama = api::ollama::add_ollama(
      router, mount,
      {.api = std::string(kApi), .dialect = kDialect, .generate_class = ServiceClass::kBestEffort});
  if (!ollama) return fail(ollama.error());
  auto made = std::make_shared<Service>(mount, options, std::move(*prompt), std::move(*ollama));
  if (auto added = made->add_routes(router); !added) return fail(added.error());
  return made;
}

}  // namespace sluice::news_creator
