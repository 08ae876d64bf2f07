#include <algorithm>

#include "base/format.h"
#include "http/json/writer.h"
#include "services/horizontal/face.h"
#include "services/horizontal/members.h"
#include "services/horizontal/service.h"

namespace sluice::horizontal {

namespace {

// {"code":"unavailable","message":".."}
void append_error(std::string& out, const Error& error) {
  out += R"({"code":")";
  out += to_string(error.code);
  out += R"(","message":)";
  json::append_string(out, error.message);
  out += '}';
}

// "name":{"prediction":[..]} or "name":{"error":{..}}, after a comma where one is needed.
void append_member_name(std::string& out, std::string_view member) {
  if (out.back() != '{') out += ',';
  json::append_string(out, member);
  out += ':';
}

void append_member_error(std::string& out, std::string_view member, const Error& error) {
  append_member_name(out, member);
  out += R"({"error":)";
  append_error(out, error);
  out += '}';
}

class Proxy {
 public:
  Proxy(const gateway::Mount& mount, const HorizontalOptions& options)
      : face_("horizontal_proxy", mount, options) {}

  Result<> add_routes(http::Router& router) {
    using http::Exchange;
    using http::Method;
    struct Path {
      Method method;
      std::string_view path;
      void (Proxy::*handler)(Exchange&);
      bool probe;
    };
    constexpr Path kPaths[] = {
        {Method::kGet, "/health", &Proxy::health, true},
        {Method::kGet, "/health/all", &Proxy::health_all, true},
        {Method::kGet, "/metadata", &Proxy::metadata, false},
        {Method::kPost, "/predict", &Proxy::predict, false},
        {Method::kPost, "/predict/label", &Proxy::predict_label, false},
        {Method::kGet, "/predict/get/test", &Proxy::get_test, false},
        {Method::kPost, "/predict/post/test", &Proxy::post_test, false},
    };
    for (const Path& path : kPaths) {
      auto ok = face_.route(
          router, path.method, path.path,
          [this, handler = path.handler](Exchange& x) { (this->*handler)(x); }, path.probe);
      if (!ok) return ok;
    }
    return {};
  }

 private:
  void health(http::Exchange& exchange) { Face::answer_json(exchange, R"({"health":"ok"})"); }

  // The callable as what has members; null, and the exchange answered, when it has none.
  const gateway::Ensemble* ensemble(http::Exchange& exchange, const Callable& callable) {
    const auto* ensemble = dynamic_cast<const gateway::Ensemble*>(&callable);
    if (ensemble == nullptr) {
      Face::answer_error(exchange,
                         internal(formatted("'{}' is no ensemble", face_.mount().target)));
    }
    return ensemble;
  }
  // The target as it is now, if it has members; else the exchange is answered.
  const CallablePtr* target(http::Exchange& exchange) {
    const CallablePtr* callable = face_.target(exchange);
    if (callable == nullptr || ensemble(exchange, **callable) == nullptr) return nullptr;
    return callable;
  }

  void health_all(http::Exchange& exchange) {
    const CallablePtr* callable = target(exchange);
    if (callable == nullptr) return;
    MemberQuestion question{
        .probe = [](Probeable& p, const Call& call,
                    Sink& sink) { return p.probe_health(call, sink); },
        .otherwise =
            [](Callable& c, const Call&, Sink& sink) {
              const Result<> ready = c.ready();
              sink.on_result(ready ? Result<Response>(InferResponse{}) : fail(ready.error()));
              return CancelHandle();
            }};
    ask_members(exchange, face_.mount().clock, *callable, std::move(question),
                [this](http::Exchange& x, std::vector<MemberReport> reports) {
                  std::string& out = face_.scratch();
                  out += '{';
                  bool any = false;
                  for (const MemberReport& report : reports) {
                    append_member_name(out, report.member);
                    any = any || report.result;
                    if (report.result) {
                      out += R"({"health":"ok"})";
                    } else {
                      out += R"({"health":"down","error":)";
                      append_error(out, report.result.error());
                      out += '}';
                    }
                  }
                  out += '}';
                  Face::answer_json(x, out, any ? 200 : 503);
                });
  }

  void predict(http::Exchange& exchange) { face_.predict(exchange, answering()); }
  void post_test(http::Exchange& exchange) { face_.predict_sample(exchange, answering()); }

  static const Error* error_of(const InferResponse& response, std::string_view member) {
    const auto it = std::ranges::find(response.errors, member, &MemberError::member);
    return it == response.errors.end() ? nullptr : &it->error;
  }

  gateway::Answer answering() {
    return [this](http::Exchange& x, const Callable& asked, Result<InferResponse> result) {
      answer(x, asked, std::move(result));
    };
  }
  void answer(http::Exchange& exchange, const Callable& asked, Result<InferResponse> result) {
    if (!result) return Face::answer_error(exchange, result.error());
    const gateway::Ensemble* members = ensemble(exchange, asked);
    if (members == nullptr) return;
    std::string& out = face_.scratch();
    out += '{';
    for (const gateway::EnsembleMember& member : members->members()) {
      if (const Error* error = error_of(*result, member.name)) {
        append_member_error(out, member.name, *error);
        continue;
      }
      const auto prediction = prediction_of(*result, face_.options().output, member.name);
      if (!prediction) {
        append_member_error(out, member.name, prediction.error());
        continue;
      }
      append_member_name(out, member.name);
      out += '{';
      append_prediction(out, **prediction);
      out += '}';
    }
    out += '}';
    Face::answer_json(exchange, out);
  }

  void predict_label(http::Exchange& exchange) {
    face_.predict(
        exchange,
        [this](http::Exchange& x, const Callable&, Result<InferResponse> result) {
          answer_label(x, std::move(result));
        },
        Face::Ask::kLabel);
  }

  static void append_label(std::string& out, const Tensor& label, const Tensor& proba,
                           std::size_t row) {
    out += R"({"proba":)";
    json::append_number(out, proba.as<float>()[row]);
    out += R"(,"label":)";
    json::append_string(out, label.strings[row]);
    out += '}';
  }

  void answer_label(http::Exchange& exchange, Result<InferResponse> result) {
    if (!result) return Face::answer_error(exchange, result.error());
    const Tensor* label = result->output("label");
    const Tensor* proba = result->output("proba");
    if (label == nullptr || proba == nullptr || label->strings.empty()) {
      return Face::answer_error(
          exchange, internal(formatted("'{}' gives no label: its merge rule must be best_label",
                                       face_.mount().target)));
    }
    std::string& out = face_.scratch();
    out += R"({"prediction":)";
    append_label(out, *label, *proba, 0);
    if (label->strings.size() > 1) {
      out += R"(,"predictions":[)";
      for (std::size_t row = 0; row < label->strings.size(); ++row) {
        if (row > 0) out += ',';
        append_label(out, *label, *proba, row);
      }
      out += ']';
    }
    if (!result->errors.empty()) {
      out += R"(,"missing":{)";
      for (const MemberError& missing : result->errors) {
        append_member_name(out, missing.member);
        append_error(out, missing.error);
      }
      out += '}';
    }
    out += '}';
    Face::answer_json(exchange, out);
  }

  // Each member's own test, where it is a service; the sample for a model in this process.
  void get_test(http::Exchange& exchange) {
    const CallablePtr* callable = target(exchange);
    if (callable == nullptr) return;
    const CallablePtr asked = *callable;
    MemberQuestion question{
        .probe = [](Probeable& p, const Call& call,
                    Sink& sink) { return p.run_self_test(call, sink); },
        .otherwise = [this](Callable& c, const Call& call, Sink& sink) -> CancelHandle {
          const TensorInfo any{"float_input", DataType::kFp32, {-1, -1}};
          const auto& inputs = c.describe().inputs;
          auto input =
              rows::rows_tensor(face_.options().sample, inputs.empty() ? any : inputs.front());
          if (!input) {
            sink.on_result(fail(input.error()));
            return {};
          }
          InferRequest request;
          request.inputs.push_back(std::move(*input));
          return c.start(call, make_request(std::move(request)), sink);
        }};
    ask_members(exchange, face_.mount().clock, asked, std::move(question),
                [this, asked](http::Exchange& x, std::vector<MemberReport> reports) {
                  answer_reports(x, dynamic_cast<const gateway::Ensemble&>(*asked), reports);
                });
  }

  // As the ensemble itself would: without a quorum there is no answer.
  void answer_reports(http::Exchange& exchange, const gateway::Ensemble& ensemble,
                      const std::vector<MemberReport>& reports) {
    std::string& out = face_.scratch();
    out += '{';
    std::vector<MemberError> failed;
    for (const MemberReport& report : reports) {
      const auto prediction = report.result ? prediction_of(*report.result, face_.options().output)
                                            : Result<const Tensor*>(fail(report.result.error()));
      if (!prediction) {
        append_member_error(out, report.member, prediction.error());
        failed.push_back({report.member, prediction.error()});
        continue;
      }
      append_member_name(out, report.member);
      out += '{';
      append_prediction(out, **prediction);
      out += '}';
    }
    out += '}';
    const std::size_t quorum = ensemble.options().quorum;
    if (reports.size() - failed.size() >= quorum) return Face::answer_json(exchange, out);
    Face::answer_error(
        exchange, gateway::quorum_missed(ensemble.describe().name, reports.size(), quorum, failed));
  }

  // What goes in, and what every member answers to the sample.
  void metadata(http::Exchange& exchange) {
    face_.predict_sample(
        exchange, [this](http::Exchange& x, const Callable& asked, Result<InferResponse> result) {
          if (!result) return Face::answer_error(x, result.error());
          const gateway::Ensemble* members = ensemble(x, asked);
          if (members == nullptr) return;
          std::string& out = face_.scratch();
          face_.append_input_metadata(out, asked.describe());
          std::string samples = "{";
          const Tensor* first = nullptr;
          for (const gateway::EnsembleMember& member : members->members()) {
            const auto prediction = prediction_of(*result, face_.options().output, member.name);
            if (!prediction) continue;
            if (first == nullptr) first = *prediction;
            append_member_name(samples, member.name);
            append_first_row(samples, **prediction);
          }
          if (first == nullptr)
            return Face::answer_error(x, internal("no member gave a prediction"));
          out += R"(,"prediction_type":")";
          out += numpy_name(first->type);
          out += R"(","prediction_structure":")";
          out += structure(*first);
          out += R"(","prediction_sample":)";
          out += samples;
          out += "}}";
          Face::answer_json(x, out);
        });
  }

  Face face_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_proxy(http::Router& router, const gateway::Mount& mount,
                                              const HorizontalOptions& options) {
  auto proxy = std::make_shared<Proxy>(mount, options);
  if (auto ok = proxy->add_routes(router); !ok) return fail(ok.error());
  return proxy;
}

}  // namespace sluice::horizontal
