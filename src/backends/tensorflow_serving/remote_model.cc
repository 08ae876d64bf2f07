#include "backends/tensorflow_serving/remote_model.h"

#include <google/protobuf/arena.h>

#include <utility>

#include "backends/tensorflow_serving/codec.h"
#include "base/random.h"
#include "inference/pass_on.h"
#include "rpc/tensorflow_serving.pb.h"

namespace sluice::tensorflow_serving {

namespace {
template <class Message>
Message& make(google::protobuf::Arena& arena) {
  return *google::protobuf::Arena::CreateMessage<Message>(&arena);
}

// The messages of one call; kept by what waits for its result. The callable is kept by the caller.
struct Exchange {
  google::protobuf::Arena arena;
  RequestPtr request;
};
}  // namespace

Service::Service(std::string callable, TensorflowServingOptions o, rpc::GrpcChannelPtr to,
                 std::uint64_t seed)
    : name(std::move(callable)),
      options(std::move(o)),
      channel(std::move(to)),
      next_seed_(seed),
      ready_(fail(unavailable("the server has not been asked yet"))) {}

rpc::GrpcMetadata Service::metadata_of(const Call& call) {
  rpc::GrpcMetadata metadata;
  Random random(next_seed_.fetch_add(1, std::memory_order_relaxed));
  pass_on(call, random, [&metadata](std::string_view name, std::string_view value) {
    metadata.emplace_back(name, value);
  });
  return metadata;
}

Deadline Service::deadline_of(const Call& call) const {
  return call.deadline.earlier(Deadline::after(call.home->now(), options.timeout));
}

Result<> Service::ready() const {
  const std::scoped_lock lock(mutex_);
  return ready_;
}

void Service::set_ready(Result<> now) {
  const std::scoped_lock lock(mutex_);
  ready_ = std::move(now);
}

CancelHandle RemoteModel::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto checked = check_request(description_, *request); !checked) {
    sink.on_result(fail(std::move(checked.error())));
    return {};
  }
  const auto& infer = std::get<InferRequest>(*request);
  auto exchange = std::make_shared<Exchange>();
  exchange->request = std::move(request);
  auto& message = make<wire::PredictRequest>(exchange->arena);
  auto& answer = make<wire::PredictResponse>(exchange->arena);
  fill_request(message, service_->options, infer);
  const rpc::GrpcRequest to{.method = kPredict,
                            .message = message,
                            .deadline = service_->deadline_of(call),
                            .metadata = service_->metadata_of(call)};
  return service_->channel->start(
      *call.home, to, answer, [this, exchange, &answer, &sink, &infer](Result<> done) {
        if (!done) return sink.on_result(fail(as_callers(std::move(done.error()))));
        auto response = read_prediction(answer, description_, infer);
        if (!response) return sink.on_result(fail(std::move(response.error())));
        sink.on_result(std::move(*response));
      });
}

CancelHandle RemoteModel::probe_health(const Call& call, Sink& sink) {
  auto exchange = std::make_shared<Exchange>();
  auto& message = make<wire::GetModelStatusRequest>(exchange->arena);
  auto& answer = make<wire::GetModelStatusResponse>(exchange->arena);
  fill_request(message, service_->options);
  const rpc::GrpcRequest to{.method = kGetModelStatus,
                            .message = message,
                            .deadline = service_->deadline_of(call),
                            .metadata = service_->metadata_of(call)};
  return service_->channel->start(
      *call.home, to, answer, [this, exchange, &answer, &sink](Result<> done) {
        if (!done) return sink.on_result(fail(as_callers(std::move(done.error()))));
        if (auto version = read_status(answer, service_->options); !version) {
          return sink.on_result(fail(std::move(version.error())));
        }
        sink.on_result(InferResponse{.model = description_.name, .version = description_.version});
      });
}

CancelHandle RemoteModel::run_self_test(const Call& call, Sink& sink) {
  return start(call, make_request(made_up_request(description_)), sink);
}

Error as_callers(Error error) {
  if (error.code == ErrorCode::kUnauthenticated || error.code == ErrorCode::kForbidden) {
    error.code = ErrorCode::kInternal;
  }
  return error;
}

}  // namespace sluice::tensorflow_serving
