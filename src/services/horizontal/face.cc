#include "services/horizontal/face.h"

#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::horizontal {

Face::Face(std::string_view api, const gateway::Mount& mount, HorizontalOptions options)
    : api_(api),
      mount_(mount),
      options_(std::move(options)),
      metrics_(mount.instruments.request(api, mount.target)) {}

Result<> Face::route(http::Router& router, http::Method method, std::string_view path,
                     http::Handler handler, bool probe) {
  return router.add({method,
                     mount_.prefix + std::string(path),
                     std::move(handler),
                     {api_, mount_.target, &metrics_},
                     probe,
                     probe ? Scope::kOpen : Scope::kCall});
}

const CallablePtr* Face::target(http::Exchange& exchange) const {
  if (const auto may = check_callable(exchange.principal.get(), mount_.target); !may) {
    answer_error(exchange, may.error());
    return nullptr;
  }
  const auto found = mount_.local.registry().find(mount_.target);
  if (found) return *found;
  answer_error(exchange, found.error());
  return nullptr;
}

void Face::answer_error(http::Exchange& exchange, const Error& error) {
  http::respond_problem(exchange, error);
}

TensorInfo Face::input_of(const Description& description) {
  // A remote target whose members are all away says nothing of its input: any numbers will do.
  return description.inputs.empty() ? TensorInfo{"float_input", DataType::kFp32, {-1, -1}}
                                    : description.inputs.front();
}

const std::vector<std::string>& Face::wanted_of(const CallablePtr& callable, Ask ask) {
  if (known_.owner_before(callable) || callable.owner_before(known_)) {
    known_ = callable;
    const Description& target = callable->describe();
    predictions_ = prediction_names(target, options_.output);
    label_.clear();
    if (target.output("label") != nullptr && target.output("proba") != nullptr) {
      label_ = {"label", "proba"};
    }
  }
  return ask == Ask::kLabel ? label_ : predictions_;
}

void Face::call(http::Exchange& exchange, const CallablePtr& callable, Tensor input,
                gateway::Answer answer, Ask ask) {
  InferRequest request;
  request.inputs.push_back(std::move(input));
  request.outputs = wanted_of(callable, ask);
  gateway::start_call(exchange, mount_.clock, callable, std::move(request), std::move(answer),
                      {.default_timeout = options_.timeout});
}

void Face::predict(http::Exchange& exchange, gateway::Answer answer, Ask ask) {
  const CallablePtr* callable = target(exchange);
  if (callable == nullptr) return;
  if (const auto type = exchange.head().header("Content-Type")) {
    const auto media = http::trim(type->substr(0, type->find(';')));
    if (!http::iequals(media, kJson)) {
      return http::respond_problem(
          exchange, 415, invalid(formatted("the body must be application/json, not {}", media)));
    }
  }
  if (exchange.head().header("Content-Encoding").value_or("identity") != "identity") {
    return http::respond_problem(exchange, 415,
                                 invalid("the body must not be encoded or compressed"));
  }
  auto input = reader_.read(exchange.body(), input_of((*callable)->describe()));
  if (!input) return http::respond_problem(exchange, input.error().status, input.error().error);
  call(exchange, *callable, std::move(*input), std::move(answer), ask);
}

void Face::predict_sample(http::Exchange& exchange, gateway::Answer answer) {
  const CallablePtr* callable = target(exchange);
  if (callable == nullptr) return;
  auto input = rows::rows_tensor(options_.sample, input_of((*callable)->describe()));
  if (!input) return answer_error(exchange, input.error());
  call(exchange, *callable, std::move(*input), std::move(answer), Ask::kPrediction);
}

void Face::append_input_metadata(std::string& out, const Description& description) const {
  const TensorInfo input = input_of(description);
  const std::size_t columns = options_.sample.empty() ? 0 : options_.sample.front().size();
  json::Writer writer(out);
  writer.begin_object();
  writer.field("data_type", numpy_name(input.type));
  writer.field("data_structure", structure(options_.sample.size(), columns));
  writer.key("data_sample").begin_array();
  for (const auto& row : options_.sample) {
    writer.begin_array();
    for (const double value : row) writer.value(value);
    writer.end_array();
  }
  writer.end_array();
}

}  // namespace sluice::horizontal
