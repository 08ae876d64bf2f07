#include "services/horizontal/service.h"

#include "services/horizontal/face.h"

namespace sluice::horizontal {

namespace {

class Service {
 public:
  Service(const gateway::Mount& mount, const HorizontalOptions& options)
      : face_("horizontal_service", mount, options) {}

  Result<> add_routes(http::Router& router) {
    using http::Method;
    const auto health = [](http::Exchange& x) { Face::answer_json(x, R"({"health":"ok"})"); };
    Result<> ok = face_.route(router, Method::kGet, "/health", health, true);
    if (ok) {
      ok = face_.route(router, Method::kGet, "/metadata",
                       [this](http::Exchange& x) { metadata(x); });
    }
    if (ok) {
      ok = face_.route(router, Method::kPost, "/predict",
                       [this](http::Exchange& x) { face_.predict(x, answering()); });
    }
    if (ok) {
      ok = face_.route(router, Method::kGet, "/predict/test",
                       [this](http::Exchange& x) { face_.predict_sample(x, answering()); });
    }
    return ok;
  }

 private:
  gateway::Answer answering() {
    return [this](http::Exchange& x, const Callable&, Result<InferResponse> result) {
      answer(x, std::move(result));
    };
  }
  void answer(http::Exchange& exchange, Result<InferResponse> result) {
    if (!result) return Face::answer_error(exchange, result.error());
    const auto prediction = prediction_of(*result, face_.options().output);
    if (!prediction) return Face::answer_error(exchange, prediction.error());
    std::string& out = face_.scratch();
    out += '{';
    append_prediction(out, **prediction);
    out += '}';
    Face::answer_json(exchange, out);
  }

  // The model's own answer to the sample, so that what is shown is true.
  void metadata(http::Exchange& exchange) {
    face_.predict_sample(
        exchange, [this](http::Exchange& x, const Callable& asked, Result<InferResponse> result) {
          if (!result) return Face::answer_error(x, result.error());
          const auto prediction = prediction_of(*result, face_.options().output);
          if (!prediction) return Face::answer_error(x, prediction.error());
          std::string& out = face_.scratch();
          face_.append_input_metadata(out, asked.describe());
          out += R"(,"prediction_type":")";
          out += numpy_name((*prediction)->type);
          out += R"(","prediction_structure":")";
          out += structure(**prediction);
          out += R"(","prediction_sample":)";
          append_first_row(out, **prediction);
          out += '}';
          Face::answer_json(x, out);
        });
  }

  Face face_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_service(http::Router& router, const gateway::Mount& mount,
                                                const HorizontalOptions& options) {
  auto service = std::make_shared<Service>(mount, options);
  if (auto ok = service->add_routes(router); !ok) return fail(ok.error());
  return service;
}

}  // namespace sluice::horizontal
