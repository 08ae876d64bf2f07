#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "api/tensorflow_serving/tensorflow_serving.h"
#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"
#include "rpc/grpc_server.h"
#include "rpc/tensorflow_serving.grpc.pb.h"

namespace sluice::api::tensorflow_serving {
namespace {

namespace wire = ::tensorflow::serving;
using gateway::VersionState;

// Says when it has been called.
class Slow final : public sluice::testing::FakeCallable {
 public:
  Slow() : FakeCallable("slow") {}
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override {
    CancelHandle handle = FakeCallable::start(call, std::move(request), sink);
    arrived.set_value(call.deadline);
    return handle;
  }
  std::promise<Deadline> arrived;
};

class TensorflowServingRpc : public ::testing::Test {
 protected:
  TensorflowServingRpc() {
    callable->description.version = "2";
    bench.configure(
        {gateway::ModelSpec{.name = "m", .versions = {{"2", VersionState::kReady, "", callable}}},
         gateway::testing::MountBench::model("slow", slow)});
    rpc::GrpcServerOptions options;
    options.address = "127.0.0.1:0";
    auto started = rpc::GrpcServer::start(options, [&](std::size_t, Executor& home) {
      const gateway::Mount on = bench.mount("", "");
      return tensorflow_serving_methods(
          {bench.gateway.add_home(home), on.gateway, on.clock, on.instruments, on.log, "", ""});
    });
    if (!started) throw std::runtime_error(started.error().message);
    server = std::move(*started);
    const auto channel = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
    predictions = wire::PredictionService::NewStub(channel);
    models = wire::ModelService::NewStub(channel);
  }
  static wire::PredictRequest request(const std::string& model = "m") {
    wire::PredictRequest request;
    request.mutable_model_spec()->set_name(model);
    auto& x = (*request.mutable_inputs())["x"];
    x.set_dtype(tensorflow::DT_FLOAT);
    x.mutable_tensor_shape()->add_dim()->set_size(1);
    x.mutable_tensor_shape()->add_dim()->set_size(2);
    x.add_float_val(1);
    return request;
  }
  grpc::Status predict(const wire::PredictRequest& request) {
    grpc::ClientContext context;
    return predictions->Predict(&context, request, &response);
  }
  grpc::StatusCode status(const wire::ModelSpec& spec) {
    grpc::ClientContext context;
    wire::GetModelStatusRequest request;
    *request.mutable_model_spec() = spec;
    return models->GetModelStatus(&context, request, &states).error_code();
  }

  gateway::testing::MountBench bench;
  std::shared_ptr<sluice::testing::FakeCallable> callable =
      std::make_shared<sluice::testing::FakeCallable>("m",
                                                      Placement{Placement::Where::kInline, {}});
  std::shared_ptr<Slow> slow = std::make_shared<Slow>();
  std::unique_ptr<rpc::GrpcServer> server;
  std::unique_ptr<wire::PredictionService::Stub> predictions;
  std::unique_ptr<wire::ModelService::Stub> models;
  wire::PredictResponse response;
  wire::GetModelStatusResponse states;
};

TEST_F(TensorflowServingRpc, Predicts) {
  auto asked = request();
  asked.mutable_model_spec()->mutable_version()->set_value(2);
  asked.add_output_filter("y");
  ASSERT_TRUE(predict(asked).ok());
  EXPECT_EQ(response.outputs().at("y").tensor_content().size(), 8U);
  EXPECT_EQ(response.model_spec().version().value(), 2);
  EXPECT_EQ(response.model_spec().signature_name(), "serving_default");
  EXPECT_EQ(std::get<InferRequest>(*callable->seen[0]).outputs, std::vector<std::string>{"y"});
}

TEST_F(TensorflowServingRpc, RefusesWithTheCodesOfTensorflowServing) {
  EXPECT_EQ(predict({}).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(predict(request("")).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(predict(request("nobody")).error_code(), grpc::NOT_FOUND);
  auto asked = request();
  asked.mutable_model_spec()->mutable_version()->set_value(1);
  EXPECT_EQ(predict(asked).error_code(), grpc::NOT_FOUND);
  asked.mutable_model_spec()->set_version_label("stable");
  EXPECT_EQ(predict(asked).error_code(), grpc::INVALID_ARGUMENT);
  asked = request();
  asked.mutable_model_spec()->set_signature_name("other");
  EXPECT_EQ(predict(asked).error_code(), grpc::FAILED_PRECONDITION);
  asked.mutable_model_spec()->set_signature_name("serving_default");
  EXPECT_TRUE(predict(asked).ok());
  (*asked.mutable_inputs())["x"].set_dtype(tensorflow::DT_COMPLEX64);
  EXPECT_EQ(predict(asked).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(TensorflowServingRpc, DescribesAModel) {
  wire::GetModelMetadataRequest asked;
  wire::GetModelMetadataResponse metadata;
  const auto ask = [&] {
    grpc::ClientContext context;
    return predictions->GetModelMetadata(&context, asked, &metadata).error_code();
  };
  EXPECT_EQ(ask(), grpc::INVALID_ARGUMENT);
  asked.mutable_model_spec()->set_name("m");
  EXPECT_EQ(ask(), grpc::INVALID_ARGUMENT);
  asked.add_metadata_field("signature_def");
  ASSERT_EQ(ask(), grpc::OK);
  EXPECT_TRUE(metadata.metadata().contains("signature_def"));
  asked.mutable_model_spec()->set_name("nobody");
  EXPECT_EQ(ask(), grpc::NOT_FOUND);
}

TEST_F(TensorflowServingRpc, TellsStates) {
  wire::ModelSpec spec;
  spec.set_name("m");
  ASSERT_EQ(status(spec), grpc::OK);
  EXPECT_EQ(states.model_version_status(0).version(), 2);
  EXPECT_EQ(states.model_version_status(0).state(), wire::ModelVersionStatus::AVAILABLE);
  spec.mutable_version()->set_value(3);
  EXPECT_EQ(status(spec), grpc::NOT_FOUND);
  spec.set_name("nobody");
  EXPECT_EQ(status(spec), grpc::NOT_FOUND);
}

TEST_F(TensorflowServingRpc, DeadlineAndCancellationReachTheCallable) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  std::thread client([&] {
    EXPECT_EQ(predictions->Predict(&context, request("slow"), &response).error_code(),
              grpc::CANCELLED);
  });
  EXPECT_FALSE(slow->arrived.get_future().get().is_never());
  context.TryCancel();
  client.join();
  server->shutdown(std::chrono::minutes(1));  // the call has been answered here, too
  EXPECT_TRUE(slow->pending[0]->cancelled);
}

}  // namespace
}  // namespace sluice::api::tensorflow_serving
