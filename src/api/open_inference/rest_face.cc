// The REST form: from an exchange to a call and back.

#include "api/open_inference/face.h"
#include "api/open_inference/metadata_json.h"
#include "api/open_inference/rest_codec.h"
#include "base/format.h"
#include "gateway/exchange_call.h"
#include "http/json/reader.h"

namespace sluice::api::open_inference {

namespace {
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kBinary = "application/octet-stream";

// Also of what the server itself refuses below /v2.
void answer_error(http::Exchange& exchange, int status, const Error& error,
                  const http::HeaderList* extra = nullptr) {
  exchange.error = error;
  http::HeaderList headers = extra == nullptr ? http::HeaderList() : *extra;
  if (error.retry_after) headers.set("Retry-After", http::retry_after_seconds(*error.retry_after));
  exchange.respond({status, kJson, &headers}, error_json(error.message));
}
void answer_error(http::Exchange& exchange, const Error& error) {
  answer_error(exchange, http::status_of(error.code), error, nullptr);
}
void answer_json(http::Exchange& exchange, std::string_view body) {
  exchange.respond(200, kJson, body);
}

class RestFace {
 public:
  RestFace(const gateway::Mount& mount, const OpenInferenceOptions& options)
      : face_("open_inference", mount, options) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    using enum Scope;
    using Self = RestFace;
    struct Path {
      http::Method method;
      std::string_view pattern;
      void (Self::*handler)(http::Exchange&);
      bool probe = false;
      Scope scope = probe ? Scope::kOpen : Scope::kAny;
    };
    constexpr Path kPaths[] = {
        {kGet, "/v2", &Self::server_metadata},
        {kGet, "/v2/", &Self::server_metadata},
        {kGet, "/v2/health/live", &Self::live, true},
        {kGet, "/v2/health/ready", &Self::server_ready, true},
        {kGet, "/v2/models/{model}", &Self::model_metadata, false, kCall},
        {kGet, "/v2/models/{model}/versions/{version}", &Self::model_metadata, false, kCall},
        {kGet, "/v2/models/{model}/ready", &Self::model_ready, true},
        {kGet, "/v2/models/{model}/versions/{version}/ready", &Self::model_ready, true},
        {kPost, "/v2/models/{model}/infer", &Self::infer, false, kCall},
        {kPost, "/v2/models/{model}/versions/{version}/infer", &Self::infer, false, kCall},
        {kPost, "/v2/repository/index", &Self::index},
        {kPost, "/v2/repository/models/{model}/load", &Self::load, false, kAdmin},
        {kPost, "/v2/repository/models/{model}/unload", &Self::unload, false, kAdmin},
    };
    for (const Path& path : kPaths) {
      auto added = router.add(
          {path.method, face_.mount().prefix + std::string(path.pattern),
           [this, handler = path.handler](http::Exchange& exchange) { (this->*handler)(exchange); },
           face_.labels({}), path.probe, path.scope});
      if (!added) return added;
    }
    router.tell_errors(face_.mount().prefix + "/v2", answer_error);
    return {};
  }

 private:
  void server_metadata(http::Exchange& exchange) {
    answer_json(exchange, server_metadata_json(face_.options().server_version));
  }
  void live(http::Exchange& exchange) { answer_json(exchange, R"({"live":true})"); }
  void server_ready(http::Exchange& exchange) {
    if (face_.mount().gateway.ready()) return answer_json(exchange, R"({"ready":true})");
    answer_error(exchange, unavailable("nothing here takes calls now"));
  }
  void model_ready(http::Exchange& exchange) {
    const auto ready = face_.ready(exchange.param("model"), exchange.param("version"));
    if (!ready) return answer_error(exchange, ready.error());
    answer_json(exchange, R"({"ready":true})");
  }
  void model_metadata(http::Exchange& exchange) {
    const std::string_view name = exchange.param("model");
    if (!may_call(exchange, name)) return;
    const auto facts = face_.facts(name, exchange.param("version"));
    if (!facts) return answer_error(exchange, facts.error());
    answer_json(exchange, model_metadata_json(name, *facts));
  }

  // Else answered.
  static bool may_call(http::Exchange& exchange, std::string_view model) {
    const auto may = check_callable(exchange.principal.get(), model);
    if (!may) answer_error(exchange, may.error());
    return may.has_value();
  }

  void infer(http::Exchange& exchange) {
    if (!may_call(exchange, exchange.param("model"))) return;
    const auto callable = face_.find(exchange.param("model"), exchange.param("version"));
    if (!callable) return answer_error(exchange, callable.error());
    exchange.labels = face_.labels(exchange.param("model"));
    const http::RequestHead& head = exchange.head();
    if (const auto coding = head.header("Content-Encoding"); coding && *coding != "identity") {
      return answer_error(exchange, 415, invalid("the body must not be encoded or compressed"));
    }
    const auto body = split_body(exchange.body(), head.header(kHeaderLength));
    if (!body) return answer_error(exchange, 400, body.error());
    const auto root = reader_.parse(body->json);
    if (!root) return answer_error(exchange, 400, root.error());
    auto message = decode_infer(*root, *body);
    if (!message) return answer_error(exchange, message.error());

    gateway::CallOptions options{.service_class = message->service_class};
    if (message->timeout > Duration::zero()) options.timeout = message->timeout;
    message->request.version = exchange.param("version");
    InferRequest request = std::exchange(message->request, {});
    gateway::start_call(
        exchange, face_.mount().clock, **callable, std::move(request),
        [this, asked = std::move(*message)](http::Exchange& x, const Callable&,
                                            Result<InferResponse> result) {
          answer(x, asked, std::move(result));
        },
        options);
  }

  void answer(http::Exchange& exchange, const InferMessage& asked, Result<InferResponse> result) {
    if (!result) return answer_error(exchange, result.error());
    out_.clear();
    const auto json_size = encode_infer(out_, asked, *result);
    if (!json_size) return answer_error(exchange, json_size.error());
    if (!*json_size) return answer_json(exchange, out_);
    const http::HeaderList headers{{std::string(kHeaderLength), std::to_string(**json_size)}};
    exchange.respond({200, kBinary, &headers}, out_);
  }

  // The body is optional, and all that is asked for in it is {"ready": true}.
  void index(http::Exchange& exchange) {
    bool ready_only = false;
    if (!exchange.body().empty()) {
      const auto root = reader_.parse(exchange.body());
      if (!root) return answer_error(exchange, 400, root.error());
      if (simdjson::dom::element ready; (*root)["ready"].get(ready) == simdjson::SUCCESS &&
                                        ready.get(ready_only) != simdjson::SUCCESS) {
        return answer_error(exchange, invalid("ready must be a boolean"));
      }
    }
    answer_json(exchange, index_json(face_.index(ready_only, exchange.principal.get())));
  }

  void load(http::Exchange& exchange) {
    // {"parameters": {"config": ..., "file:...": ...}} would bring a model along.
    if (!exchange.body().empty()) {
      const auto root = reader_.parse(exchange.body());
      if (!root) return answer_error(exchange, 400, root.error());
      simdjson::dom::object parameters;
      if ((*root)["parameters"].get(parameters) == simdjson::SUCCESS && parameters.size() > 0) {
        return answer_error(exchange, invalid(formatted("parameter '{}': a model is loaded as it "
                                                        "is configured, not from the request",
                                                        (*parameters.begin()).key)));
      }
    }
    change(exchange, Face::Change::kLoad);
  }
  void unload(http::Exchange& exchange) { change(exchange, Face::Change::kUnload); }
  void change(http::Exchange& exchange, Face::Change what) {
    face_.change(what, exchange.param("model"), exchange.principal.get(),
                 exchange.head().header("X-API-Key").value_or(""), exchange.loop(),
                 [&exchange](Result<> result) {
                   if (!result) return answer_error(exchange, result.error());
                   answer_json(exchange, "{}");
                 });
  }

  Face face_;
  json::Reader reader_;
  std::string out_;
};
}  // namespace

Result<std::shared_ptr<const void>> add_open_inference(http::Router& router,
                                                       const gateway::Mount& mount,
                                                       const OpenInferenceOptions& options) {
  auto face = std::make_shared<RestFace>(mount, options);
  if (auto added = face->add_routes(router); !added) return fail(added.error());
  return face;
}

}  // namespace sluice::api::open_inference
