#include "api/ollama/ollama.h"

#include "api/generation/face.h"
#include "api/generation/service_class.h"
#include "api/generation/vectors.h"
#include "api/ollama/request.h"
#include "base/format.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::api::ollama {

namespace {

constexpr std::string_view kJson = "application/json";

// An engine behind a wire says so itself.
Result<> check_thinking(const Description& model, const GenerateRequest& request) {
  if (!request.reasoning || request.reasoning == ReasoningEffort::kNone) return {};
  if (generation::says(model, "reasoning").value_or(true)) return {};
  return fail(invalid(formatted("\"{}\" does not support thinking", model.name)));
}

class Ollama {
 public:
  Ollama(const gateway::Mount& mount, OllamaRules rules)
      : rules_(std::move(rules)), face_(rules_.api, mount) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    struct Path {
      http::Method method;
      std::string_view pattern;
      void (Ollama::*handler)(http::Exchange&);
      Scope scope = Scope::kAny;
    };
    constexpr Path kPaths[] = {
        {kPost, "/api/generate", &Ollama::generate, Scope::kCall},
        {kPost, "/api/chat", &Ollama::chat, Scope::kCall},
        {kPost, "/api/embed", &Ollama::embed, Scope::kCall},
        {kPost, "/api/embeddings", &Ollama::embeddings, Scope::kCall},
        {kGet, "/api/tags", &Ollama::tags},
        {kGet, "/api/ps", &Ollama::running},
        {kPost, "/api/show", &Ollama::show},
        {kPost, "/api/pull", &Ollama::pull},
        {kGet, "/api/version", &Ollama::version},
        {kGet, "", &Ollama::alive, Scope::kOpen},
    };
    const std::string& prefix = face_.mount().prefix;
    for (const Path& path : kPaths) {
      std::string pattern = prefix + std::string(path.pattern);
      http::Route route{
          .method = path.method,
          .pattern = pattern.empty() ? "/" : std::move(pattern),
          .handler = [this, handler = path.handler](http::Exchange& x) { (this->*handler)(x); },
          .labels = face_.labels({}),
          .scope = path.scope};
      if (auto added = router.add(std::move(route)); !added) return added;
    }
    router.tell_errors(prefix + "/api", answer_error);
    return {};
  }

 private:
  void refuse(http::Exchange& exchange, const Error& error) const {
    answer_error(exchange, rules_.dialect, error);
  }
  // What is not as a request must be.
  void refuse_form(http::Exchange& exchange, const Error& error) const {
    if (rules_.dialect == Dialect::kNewsCreator) return answer_error(exchange, 422, error);
    refuse(exchange, error);
  }
  [[nodiscard]] WallTime now() const { return face_.mount().clock.wall(); }

  // The callable, or null when the exchange has been answered that there is none.
  const CallablePtr* find(http::Exchange& exchange, std::string_view model,
                          std::optional<RequestKind> kind) {
    const auto found = face_.find(model, kind, exchange.principal.get());
    if (!found) {
      refuse(exchange, found.error());
      return nullptr;
    }
    exchange.labels = face_.labels((**found)->describe().name);
    return *found;
  }

  void generate(http::Exchange& exchange) {
    auto asked = read_generate(reader_, exchange.body());
    const bool read_along = !asked || asked->says_stream;
    answer_text(exchange, std::move(asked),
                read_along ? ServiceClass::kRealtime : rules_.generate_class, make_generate_form);
  }
  void chat(http::Exchange& exchange) {
    answer_text(exchange, read_chat(reader_, exchange.body()), ServiceClass::kRealtime,
                make_chat_form);
  }

  using MakeForm = std::unique_ptr<generation::Form> (*)(AnswerFacts);
  void answer_text(http::Exchange& exchange, generation::Read<GenerateAsked> asked,
                   ServiceClass otherwise, MakeForm make_form) {
    if (!asked) return refuse_form(exchange, asked.error().error);
    const CallablePtr* callable = find(exchange, asked->model, RequestKind::kGenerate);
    if (callable == nullptr) return;
    if (auto able = check_thinking((*callable)->describe(), asked->request); !able) {
      return refuse(exchange, able.error());
    }
    const auto wanted = generation::class_of(exchange.head(), asked->priority, otherwise);
    if (!wanted) return refuse(exchange, wanted.error());
    // Engines behind a wire have defaults of their own, and need not take all of these.
    if ((*callable)->placement({}).where != Placement::Where::kRemote) {
      add_defaults(asked->request.sampling);
    }
    AnswerFacts facts{.model = asked->model.empty() ? (*callable)->describe().name : asked->model,
                      .dialect = rules_.dialect,
                      .clock = &face_.mount().clock,
                      .load_reason = {}};
    if (asked->load) {
      facts.load_reason = asked->request.keep_alive == Duration::zero() ? "unload" : "load";
    }
    start_generation(exchange, face_.mount(), *callable, std::move(asked->request),
                     {.service_class = *wanted}, make_form(std::move(facts)), rules_.streams);
  }

  void embed(http::Exchange& exchange) {
    answer_vectors(exchange, read_embed(reader_, exchange.body()), false);
  }
  void embeddings(http::Exchange& exchange) {
    answer_vectors(exchange, read_embeddings(reader_, exchange.body()), true);
  }
  void answer_vectors(http::Exchange& exchange, generation::Read<EmbedAsked> asked, bool one) {
    if (!asked) return refuse_form(exchange, asked.error().error);
    const CallablePtr* callable = find(exchange, asked->model, RequestKind::kEmbed);
    if (callable == nullptr) return;
    const auto wanted =
        generation::class_of(exchange.head(), asked->priority, ServiceClass::kRealtime);
    if (!wanted) return refuse(exchange, wanted.error());
    generation::start_embedding(
        exchange, face_.mount(), *callable, std::move(asked->request), {.service_class = *wanted},
        [this, one, model = asked->model, dimensions = asked->dimensions](
            http::Exchange& x, Result<EmbedResponse> response,
            const telemetry::GenerationTimings& timings) {
          if (!response) return refuse(x, response.error());
          if (dimensions) {
            auto cut = generation::shorten(*response, *dimensions);
            if (!cut) return refuse(x, cut.error());
          }
          if (!model.empty()) response->model = model;
          x.respond(200, kJson, one ? embeddings_json(*response) : embed_json(*response, timings));
        });
  }

  void tags(http::Exchange& exchange) {
    exchange.respond(200, kJson, tags_json(face_.served(exchange.principal.get()), made_));
  }
  void running(http::Exchange& exchange) {
    exchange.respond(200, kJson, running_json(face_.served(exchange.principal.get()), now()));
  }
  void show(http::Exchange& exchange) {
    const auto model = read_show(reader_, exchange.body());
    if (!model) return refuse_form(exchange, model.error().error);
    const CallablePtr* callable = find(exchange, *model, std::nullopt);
    if (callable == nullptr) return;
    exchange.respond(200, kJson, show_json((*callable)->describe(), made_));
  }
  // What is served is there already, and nothing else is fetched.
  void pull(http::Exchange& exchange) {
    const auto asked = read_pull(reader_, exchange.body());
    if (!asked) return refuse_form(exchange, asked.error().error);
    if (find(exchange, asked->model, std::nullopt) == nullptr) return;
    std::string out;
    json::Writer(out).begin_object().field("status", "success").end_object();
    if (asked->stream) out += '\n';
    exchange.respond(200, asked->stream ? "application/x-ndjson" : kJson, out);
  }
  void version(http::Exchange& exchange) {
    std::string out;
    json::Writer(out).begin_object().field("version", kApiVersion).end_object();
    exchange.respond(200, kJson, out);
  }
  void alive(http::Exchange& exchange) {
    exchange.respond(200, "text/plain; charset=utf-8", "Ollama is running");
  }

  const OllamaRules rules_;
  generation::Face face_;
  const WallTime made_ = now();  // stands for the age of models that do not tell theirs
  json::Reader reader_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_ollama(http::Router& router, const gateway::Mount& mount,
                                               const OllamaRules& rules) {
  auto made = std::make_shared<Ollama>(mount, rules);
  if (auto added = made->add_routes(router); !added) return fail(added.error());
  return made;
}

}  // namespace sluice::api::ollama
