#include "api/openai/openai.h"

#include "api/generation/face.h"
#include "api/generation/prompt_list.h"
#include "api/generation/service_class.h"
#include "api/generation/vectors.h"
#include "api/openai/answer.h"
#include "base/format.h"
#include "base/uuid.h"
#include "http/json/reader.h"

namespace sluice::api::openai {

namespace {

constexpr std::string_view kJson = "application/json";

class OpenAi {
 public:
  OpenAi(const gateway::Mount& mount, const generation::StreamRules& rules)
      : face_("openai", mount), rules_(rules), created_(seconds()) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    struct Path {
      http::Method method;
      std::string_view pattern;
      void (OpenAi::*handler)(http::Exchange&);
      Scope scope = Scope::kCall;
    };
    constexpr Path kPaths[] = {
        {kPost, "/v1/chat/completions", &OpenAi::chat},
        {kPost, "/v1/completions", &OpenAi::complete},
        {kPost, "/v1/embeddings", &OpenAi::embed},
        {kGet, "/v1/models", &OpenAi::models, Scope::kAny},
        {kGet, "/v1/models/{model}", &OpenAi::model, Scope::kAny},
    };
    const std::string& prefix = face_.mount().prefix;
    for (const Path& path : kPaths) {
      http::Route route{
          .method = path.method,
          .pattern = prefix + std::string(path.pattern),
          .handler = [this, handler = path.handler](http::Exchange& x) { (this->*handler)(x); },
          .labels = face_.labels({}),
          .scope = path.scope};
      if (auto added = router.add(std::move(route)); !added) return added;
    }
    router.tell_errors(prefix + "/v1", answer_error);
    return {};
  }

 private:
  [[nodiscard]] std::int64_t seconds() const {
    return std::chrono::duration_cast<std::chrono::seconds>(
               face_.mount().clock.wall().time_since_epoch())
        .count();
  }

  // The callable, or null when the exchange has been answered that there is none.
  const CallablePtr* find(http::Exchange& exchange, std::string_view model, RequestKind kind) {
    const auto found = face_.find(model, kind, exchange.principal.get());
    if (!found) {
      const bool unknown = found.error().code == ErrorCode::kNotFound;
      answer_error(exchange, found.error(), "model", unknown ? "model_not_found" : "");
      return nullptr;
    }
    exchange.labels = face_.labels((**found)->describe().name);
    return *found;
  }

  void chat(http::Exchange& exchange) {
    generate(exchange, read_chat(reader_, exchange.body()), "chatcmpl", make_chat_form);
  }
  void complete(http::Exchange& exchange) {
    generate(exchange, read_completion(reader_, exchange.body()), "cmpl", make_completion_form);
  }

  using MakeForm = std::unique_ptr<generation::Form> (*)(AnswerFacts);
  void generate(http::Exchange& exchange, generation::Read<GenerateAsked> asked,
                std::string_view id, MakeForm make_form) {
    if (!asked) return answer_error(exchange, asked.error().error, asked.error().param);
    const CallablePtr* callable = find(exchange, asked->model, RequestKind::kGenerate);
    if (callable == nullptr) return;
    const auto wanted = class_of(exchange, asked->priority);
    if (!wanted) return answer_error(exchange, wanted.error());
    AnswerFacts facts{.id = formatted("{}-{}", id, to_string(ids_.next())),
                      .model = (*callable)->describe().name,
                      .created = seconds(),
                      .include_usage = asked->include_usage,
                      .choices = asked->request.choices};
    if (asked->echo) facts.echo = asked->prompts;
    CallablePtr each;
    if (asked->prompts.size() > 1) {
      facts.choices *= static_cast<std::uint32_t>(asked->prompts.size());
      each = generation::ask_each(*callable, std::move(asked->prompts));
      callable = &each;
    }
    start_generation(exchange, face_.mount(), *callable, std::move(asked->request),
                     {.service_class = *wanted}, make_form(std::move(facts)), rules_);
  }

  static Result<ServiceClass> class_of(const http::Exchange& exchange,
                                       std::optional<ServiceClass> priority) {
    return generation::class_of(exchange.head(), priority, ServiceClass::kRealtime);
  }

  void embed(http::Exchange& exchange) {
    auto asked = read_embedding(reader_, exchange.body());
    if (!asked) return answer_error(exchange, asked.error().error, asked.error().param);
    const CallablePtr* callable = find(exchange, asked->model, RequestKind::kEmbed);
    if (callable == nullptr) return;
    const auto wanted = class_of(exchange, asked->priority);
    if (!wanted) return answer_error(exchange, wanted.error());
    EmbedRequest request = std::move(asked->request);
    generation::start_embedding(
        exchange, face_.mount(), *callable, std::move(request), {.service_class = *wanted},
        [asked = std::move(*asked)](http::Exchange& x, Result<EmbedResponse> response,
                                    const telemetry::GenerationTimings&) {
          answer_vectors(x, asked, std::move(response));
        });
  }

  static void answer_vectors(http::Exchange& exchange, const EmbedAsked& asked,
                             Result<EmbedResponse> response) {
    if (response && asked.dimensions) {
      if (auto cut = generation::shorten(*response, *asked.dimensions); !cut) {
        return answer_error(exchange, cut.error(), "dimensions");
      }
    }
    if (!response) {
      return answer_error(exchange, response.error(), param_of(response.error(), "input"));
    }
    exchange.respond(200, kJson, embedding_json(asked, *response));
  }

  void models(http::Exchange& exchange) {
    exchange.respond(200, kJson, models_json(face_.served(exchange.principal.get()), created_));
  }
  void model(http::Exchange& exchange) {
    const std::string_view name = exchange.param("model");
    const auto all = face_.served(exchange.principal.get());
    for (const std::string_view tried : {name, generation::without_latest(name)}) {
      for (const Callable* callable : all) {
        if (callable->describe().name != tried) continue;
        return exchange.respond(200, kJson, model_json(*callable, created_));
      }
    }
    answer_error(exchange, generation::no_model(name), "model", "model_not_found");
  }

  generation::Face face_;
  const generation::StreamRules rules_;
  const std::int64_t created_;  // when this was made: what models are said to be since
  json::Reader reader_;
  SystemRandom random_;
  UuidSource ids_{face_.mount().clock, random_};
};

}  // namespace

Result<std::shared_ptr<const void>> add_openai(http::Router& router, const gateway::Mount& mount,
                                               const generation::StreamRules& rules) {
  auto made = std::make_shared<OpenAi>(mount, rules);
  if (auto added = made->add_routes(router); !added) return fail(added.error());
  return made;
}

}  // namespace sluice::api::openai
