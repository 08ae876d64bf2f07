// The gRPC form: from a unary call to a call of a callable and back.
#include <google/protobuf/arena.h>

#include "api/open_inference/face.h"
#include "api/open_inference/metadata_json.h"
#include "api/open_inference/rpc_codec.h"
#include "base/format.h"
#include "gateway/rpc_call.h"
#include "rpc/open_inference.pb.h"

namespace sluice::api::open_inference {

namespace {
// ModelInfer is what is called often: so many calls are taken before they have run.
constexpr std::size_t kInferWaiting = 64;

template <class Message>
Message& make(rpc::UnaryCall& call) {
  return *google::protobuf::Arena::CreateMessage<Message>(&call.arena());
}

class RpcFace {
 public:
  RpcFace(const gateway::Mount& mount, const OpenInferenceOptions& options)
      : face_("open_inference_grpc", mount, options) {}

  static std::vector<rpc::Method> methods(const std::shared_ptr<RpcFace>& self) {
    using Self = RpcFace;
    using enum Scope;
    struct Path {
      std::string_view name;
      void (Self::*handler)(rpc::UnaryCall&);
      bool probe = false;
      std::size_t waiting = 2;
      Scope scope = probe ? kOpen : kAny;
    };
    constexpr Path kPaths[] = {
        {"ModelInfer", &Self::infer, false, kInferWaiting, kCall},
        {"ServerLive", &Self::live, true},
        {"ServerReady", &Self::server_ready, true},
        {"ModelReady", &Self::model_ready, true},
        {"ServerMetadata", &Self::server_metadata},
        {"ModelMetadata", &Self::model_metadata, false, 2, kCall},
        {"RepositoryIndex", &Self::index},
        {"RepositoryModelLoad", &Self::load, false, 2, kAdmin},
        {"RepositoryModelUnload", &Self::unload, false, 2, kAdmin},
    };
    std::vector<rpc::Method> methods;
    for (const Path& path : kPaths) {
      methods.push_back(
          {formatted("/inference.GRPCInferenceService/{}", path.name),
           [self, handler = path.handler](rpc::UnaryCall& call) { (self.get()->*handler)(call); },
           self->face_.labels({}), path.probe, path.waiting, path.scope});
    }
    return methods;
  }

 private:
  // The request, or null when the call has been answered that it is none.
  template <class Request>
  const Request* parse(rpc::UnaryCall& call) {
    auto& request = make<Request>(call);
    if (const Result<> parsed = call.parse(request); !parsed) {
      call.fail(parsed.error());
      return nullptr;
    }
    return &request;
  }

  // Else answered.
  static bool may_call(rpc::UnaryCall& call, std::string_view model) {
    const auto may = check_callable(call.principal.get(), model);
    if (!may) call.fail(may.error());
    return may.has_value();
  }

  void live(rpc::UnaryCall& call) {
    auto& response = make<inference::ServerLiveResponse>(call);
    response.set_live(true);
    call.respond(response);
  }

  void server_ready(rpc::UnaryCall& call) {
    auto& response = make<inference::ServerReadyResponse>(call);
    response.set_ready(face_.mount().gateway.ready());
    call.respond(response);
  }

  void model_ready(rpc::UnaryCall& call) {
    const auto* request = parse<inference::ModelReadyRequest>(call);
    if (request == nullptr) return;
    const Result<> ready = face_.ready(request->name(), request->version());
    auto& response = make<inference::ModelReadyResponse>(call);
    response.set_ready(ready.has_value());
    call.respond(response);
  }

  void server_metadata(rpc::UnaryCall& call) {
    auto& response = make<inference::ServerMetadataResponse>(call);
    response.set_name(std::string(kServerName));
    response.set_version(face_.options().server_version);
    for (const std::string_view extension : kExtensions) {
      response.add_extensions(std::string(extension));
    }
    call.respond(response);
  }

  void model_metadata(rpc::UnaryCall& call) {
    const auto* request = parse<inference::ModelMetadataRequest>(call);
    if (request == nullptr || !may_call(call, request->name())) return;
    const auto facts = face_.facts(request->name(), request->version());
    if (!facts) return call.fail(facts.error());
    auto& response = make<inference::ModelMetadataResponse>(call);
    response.set_name(request->name());
    for (const std::string& version : facts->versions) response.add_versions(version);
    response.set_platform(facts->description->platform);
    const auto fill = [](const TensorInfo& from, auto* to) {
      to->set_name(from.name);
      to->set_datatype(std::string(to_string(from.type)));
      for (const std::int64_t dim : from.shape.dims()) to->add_shape(dim);
    };
    for (const TensorInfo& each : facts->description->inputs) fill(each, response.add_inputs());
    for (const TensorInfo& each : facts->description->outputs) fill(each, response.add_outputs());
    for (const auto& [key, value] : facts->description->properties) {
      (*response.mutable_properties())[key] = property_text(value);
    }
    call.respond(response);
  }

  void infer(rpc::UnaryCall& call) {
    const auto* request = parse<inference::ModelInferRequest>(call);
    if (request == nullptr || !may_call(call, request->model_name())) return;
    const auto callable = face_.find(request->model_name(), request->model_version());
    if (!callable) return call.fail(callable.error());
    call.labels = face_.labels(request->model_name());
    auto message = decode_infer(*request);
    if (!message) return call.fail(message.error());
    gateway::CallOptions options{.service_class = message->service_class};
    if (message->timeout > Duration::zero()) options.timeout = message->timeout;
    InferRequest asked_for = std::exchange(message->request, {});
    gateway::start_call(
        call, face_.mount().clock, **callable, std::move(asked_for),
        [asked = std::move(*message)](rpc::UnaryCall& c, Result<InferResponse> result) {
          if (!result) return c.fail(result.error());
          auto& response = make<inference::ModelInferResponse>(c);
          encode_infer(response, asked, *result);
          c.respond(response);
        },
        options);
  }

  void index(rpc::UnaryCall& call) {
    const auto* request = parse<inference::RepositoryIndexRequest>(call);
    if (request == nullptr) return;
    auto& response = make<inference::RepositoryIndexResponse>(call);
    for (const IndexRow& row : face_.index(request->ready(), call.principal.get())) {
      auto& model = *response.add_models();
      model.set_name(row.name);
      model.set_version(row.version);
      model.set_state(std::string(row.state));
      model.set_reason(row.reason);
    }
    call.respond(response);
  }

  void load(rpc::UnaryCall& call) {
    const auto* request = parse<inference::RepositoryModelLoadRequest>(call);
    if (request == nullptr) return;
    if (!request->parameters().empty()) {
      return call.fail(invalid(
          formatted("parameter '{}': a model is loaded as it is configured, not from the request",
                    request->parameters().begin()->first)));
    }
    change<inference::RepositoryModelLoadResponse>(call, Face::Change::kLoad,
                                                   request->model_name());
  }
  void unload(rpc::UnaryCall& call) {
    const auto* request = parse<inference::RepositoryModelUnloadRequest>(call);
    if (request == nullptr) return;
    change<inference::RepositoryModelUnloadResponse>(call, Face::Change::kUnload,
                                                     request->model_name());
  }
  template <class Answer>
  void change(rpc::UnaryCall& call, Face::Change what, std::string_view name) {
    face_.change(what, name, call.principal.get(), call.metadata("x-api-key"), call.home(),
                 [&call](Result<> result) {
                   if (!result) return call.fail(result.error());
                   call.respond(make<Answer>(call));
                 });
  }

  Face face_;
};
}  // namespace

std::vector<rpc::Method> open_inference_methods(const gateway::Mount& mount,
                                                const OpenInferenceOptions& options) {
  return RpcFace::methods(std::make_shared<RpcFace>(mount, options));
}

}  // namespace sluice::api::open_inference
