// The gRPC form: from a unary call to a call of a callable and back.
#include <google/protobuf/arena.h>

#include <utility>

#include "api/tensorflow_serving/face.h"
#include "api/tensorflow_serving/rpc_codec.h"
#include "api/tensorflow_serving/tensorflow_serving.h"
#include "base/format.h"
#include "gateway/rpc_call.h"
#include "rpc/status.h"
#include "rpc/tensorflow_serving.pb.h"

namespace sluice::api::tensorflow_serving {

namespace {
// Predict is what is called often: so many calls are taken before they have run.
constexpr std::size_t kPredictWaiting = 64;

template <class Message>
Message& make(rpc::UnaryCall& call) {
  return *google::protobuf::Arena::CreateMessage<Message>(&call.arena());
}

class RpcFace {
 public:
  explicit RpcFace(const gateway::Mount& mount) : face_("tensorflow_serving_grpc", mount) {}

  static std::vector<rpc::Method> methods(const std::shared_ptr<RpcFace>& self) {
    using Self = RpcFace;
    struct Path {
      std::string_view name;
      void (Self::*handler)(rpc::UnaryCall&);
      std::size_t waiting = 2;
    };
    constexpr Path kPaths[] = {
        {"PredictionService/Predict", &Self::predict, kPredictWaiting},
        {"PredictionService/GetModelMetadata", &Self::metadata},
        {"ModelService/GetModelStatus", &Self::status},
    };
    std::vector<rpc::Method> methods;
    for (const Path& path : kPaths) {
      methods.push_back(
          {formatted("/tensorflow.serving.{}", path.name),
           [self, handler = path.handler](rpc::UnaryCall& call) { (self.get()->*handler)(call); },
           self->face_.labels({}), false, path.waiting});
    }
    return methods;
  }

 private:
  // The request, or null when the call has been answered that it is none, or names no model.
  template <class Request>
  const Request* parse(rpc::UnaryCall& call) {
    auto& request = make<Request>(call);
    if (const Result<> parsed = call.parse(request); !parsed) {
      call.fail(parsed.error());
      return nullptr;
    }
    if (!request.has_model_spec()) {
      call.fail(invalid("model_spec is missing"));
      return nullptr;
    }
    return &request;
  }

  void predict(rpc::UnaryCall& call) {
    const auto* request = parse<wire::PredictRequest>(call);
    if (request == nullptr) return;
    const std::string& model = request->model_spec().name();
    const auto callable = face_.find(choice_of(request->model_spec()));
    if (!callable) return call.fail(callable.error());
    call.labels = face_.labels(model);
    if (auto good = check_signature(request->model_spec().signature_name()); !good) {
      return call.fail(good.error(), rpc::kFailedPrecondition);
    }
    auto infer = decode_predict(*request);
    if (!infer) return call.fail(infer.error());
    // The request is on the call's arena, and so as long there as the call.
    gateway::start_call(call, face_.mount().clock, **callable, std::move(*infer),
                        [&model, version = (**callable)->describe().version](
                            rpc::UnaryCall& c, Result<InferResponse> result) {
                          if (!result) return c.fail(result.error());
                          auto& response = make<wire::PredictResponse>(c);
                          encode_predict(response, model, version, *result);
                          c.respond(response);
                        });
  }

  void metadata(rpc::UnaryCall& call) {
    const auto* request = parse<wire::GetModelMetadataRequest>(call);
    if (request == nullptr) return;
    if (auto good = check_metadata_fields(*request); !good) return call.fail(good.error());
    const auto callable = face_.find(choice_of(request->model_spec()));
    if (!callable) return call.fail(callable.error());
    call.labels = face_.labels(request->model_spec().name());
    auto& response = make<wire::GetModelMetadataResponse>(call);
    encode_metadata(response, request->model_spec().name(), (**callable)->describe());
    call.respond(response);
  }

  void status(rpc::UnaryCall& call) {
    const auto* request = parse<wire::GetModelStatusRequest>(call);
    if (request == nullptr) return;
    const auto statuses = face_.status(choice_of(request->model_spec()));
    if (!statuses) return call.fail(statuses.error());
    call.labels = face_.labels(request->model_spec().name());
    auto& response = make<wire::GetModelStatusResponse>(call);
    encode_status(response, *statuses);
    call.respond(response);
  }

  Face face_;
};
}  // namespace

std::vector<rpc::Method> tensorflow_serving_methods(const gateway::Mount& mount) {
  return RpcFace::methods(std::make_shared<RpcFace>(mount));
}

}  // namespace sluice::api::tensorflow_serving
