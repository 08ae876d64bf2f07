// The REST form: from an exchange to a call and back.
#include <charconv>
#include <utility>

#include "api/tensorflow_serving/face.h"
#include "api/tensorflow_serving/json_tokens.h"
#include "api/tensorflow_serving/metadata_json.h"
#include "api/tensorflow_serving/rest_codec.h"
#include "api/tensorflow_serving/tensorflow_serving.h"
#include "base/format.h"
#include "gateway/exchange_call.h"
#include "http/json/reader.h"

namespace sluice::api::tensorflow_serving {

namespace {
constexpr std::string_view kJson = "application/json";

// Also of what the server itself refuses below /v1/models.
void answer_error(http::Exchange& exchange, int status, const Error& error,
                  const http::HeaderList* extra = nullptr) {
  exchange.error = error;
  http::HeaderList headers = extra == nullptr ? http::HeaderList() : *extra;
  if (error.retry_after) headers.set("Retry-After", http::retry_after_seconds(*error.retry_after));
  exchange.respond({status, kJson, &headers}, error_json(error.message));
}
void answer_error(http::Exchange& exchange, const Error& error) {
  answer_error(exchange, error.code == ErrorCode::kInvalid ? 400 : http::status_of(error.code),
               error);
}

class RestFace {
 public:
  explicit RestFace(const gateway::Mount& mount) : face_("tensorflow_serving", mount) {}

  Result<> add_routes(http::Router& router) {
    using enum http::Method;
    using Self = RestFace;
    struct Path {
      http::Method method;
      std::string_view tail;
      void (Self::*handler)(http::Exchange&);
    };
    constexpr Path kPaths[] = {
        {kPost, ":predict", &Self::predict},
        {kGet, "", &Self::status},
        {kGet, "/metadata", &Self::metadata},
    };
    const std::string base = face_.mount().prefix + "/v1/models";
    for (const std::string_view choice : {"", "/versions/{version}", "/labels/{label}"}) {
      for (const Path& path : kPaths) {
        auto added =
            router.add({path.method, formatted("{}/{{model}}{}{}", base, choice, path.tail),
                        [this, handler = path.handler](http::Exchange& exchange) {
                          (this->*handler)(exchange);
                        },
                        face_.labels({}), false});
        if (!added) return added;
      }
    }
    router.tell_errors(base, answer_error);
    return {};
  }

 private:
  static Result<ModelChoice> choice_of(const http::Exchange& exchange) {
    ModelChoice choice{.model = exchange.param("model"), .label = exchange.param("label")};
    const std::string_view version = exchange.param("version");
    if (version.empty()) return choice;
    std::int64_t number = 0;
    const auto [stop, error] =
        std::from_chars(version.data(), version.data() + version.size(), number);
    if (error != std::errc() || stop != version.data() + version.size() || number < 0) {
      return fail(not_found(
          formatted("'{}' is not the number of a version", version.substr(0, kMaxNameBytes))));
    }
    choice.version = number;
    return choice;
  }

  void status(http::Exchange& exchange) {
    const auto choice = choice_of(exchange);
    if (!choice) return answer_error(exchange, choice.error());
    const auto statuses = face_.status(*choice);
    if (!statuses) return answer_error(exchange, statuses.error());
    exchange.respond(200, kJson, status_json(*statuses));
  }

  // The callable, or null when the exchange has been answered that there is none.
  const CallablePtr* find(http::Exchange& exchange) {
    const auto choice = choice_of(exchange);
    const auto callable =
        choice ? face_.find(*choice) : Result<const CallablePtr*>(fail(choice.error()));
    if (!callable) {
      answer_error(exchange, callable.error());
      return nullptr;
    }
    exchange.labels = face_.labels(exchange.param("model"));
    return *callable;
  }

  void metadata(http::Exchange& exchange) {
    const CallablePtr* callable = find(exchange);
    if (callable == nullptr) return;
    exchange.respond(200, kJson, metadata_json(exchange.param("model"), (*callable)->describe()));
  }

  void predict(http::Exchange& exchange) {
    const CallablePtr* callable = find(exchange);
    if (callable == nullptr) return;
    const auto coding = exchange.head().header("Content-Encoding");
    if (coding && *coding != "identity") {
      return answer_error(exchange, 415, invalid("the body must not be encoded or compressed"));
    }
    BodyText text{.size = exchange.body().size()};
    auto root = reader_.parse(exchange.body());
    if (!root) {
      if (const auto replaced = without_tokens(exchange.body())) {
        text.has_tokens = true;
        root = reader_.parse_copy(*replaced);
      }
    }
    if (!root) return answer_error(exchange, root.error());
    auto body = decode_predict(*root, (*callable)->describe(), text);
    if (!body) return answer_error(exchange, body.error());
    body->request.version = exchange.param("version");
    gateway::start_call(
        exchange, face_.mount().clock, *callable, std::move(body->request),
        [this, form = body->form](http::Exchange& x, const Callable&,
                                  Result<InferResponse> result) { answer(x, form, result); });
  }

  void answer(http::Exchange& exchange, BodyForm form, const Result<InferResponse>& result) {
    if (!result) return answer_error(exchange, result.error());
    out_.clear();
    if (auto encoded = encode_predict(out_, form, *result); !encoded) {
      return answer_error(exchange, encoded.error());
    }
    exchange.respond(200, kJson, out_);
  }

  Face face_;
  json::Reader reader_;
  std::string out_;
};
}  // namespace

Result<std::shared_ptr<const void>> add_tensorflow_serving(http::Router& router,
                                                           const gateway::Mount& mount) {
  auto face = std::make_shared<RestFace>(mount);
  if (auto added = face->add_routes(router); !added) return fail(added.error());
  return face;
}

}  // namespace sluice::api::tensorflow_serving
