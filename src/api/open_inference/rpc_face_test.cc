#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "api/open_inference/open_inference.h"
#include "api/open_inference/test_support.h"
#include "rpc/grpc_server.h"
#include "rpc/open_inference.grpc.pb.h"

namespace sluice::api::open_inference {
namespace {

class RpcFaceTest : public ::testing::Test {
 protected:
  RpcFaceTest() { serve({.administration = true, .server_version = "9"}); }
  void serve(const OpenInferenceOptions& options) {
    server_.reset();
    rpc::GrpcServerOptions server;
    server.address = "127.0.0.1:0";
    auto started = rpc::GrpcServer::start(server, [&](std::size_t, Executor& home) {
      return open_inference_methods(fake_->mount(fake_->gateway.add_home(home)), options);
    });
    ASSERT_TRUE(started.has_value()) << started.error().message;
    server_ = std::move(*started);
    stub_ = inference::GRPCInferenceService::NewStub(
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }
  static inference::ModelInferRequest request(float first) {
    inference::ModelInferRequest request;
    request.set_model_name("double");
    request.set_id("7");
    auto& input = *request.add_inputs();
    input.set_name("x");
    input.set_datatype("FP32");
    input.add_shape(1);
    input.add_shape(2);
    input.mutable_contents()->add_fp32_contents(first);
    input.mutable_contents()->add_fp32_contents(2);
    return request;
  }
  grpc::Status infer(const inference::ModelInferRequest& request,
                     inference::ModelInferResponse& response) {
    grpc::ClientContext context;
    return stub_->ModelInfer(&context, request, &response);
  }
  grpc::Status load(const std::string& name, const std::string& key = {}) {
    grpc::ClientContext context;
    if (!key.empty()) context.AddMetadata("x-api-key", key);
    inference::RepositoryModelLoadRequest request;
    request.set_model_name(name);
    inference::RepositoryModelLoadResponse response;
    return stub_->RepositoryModelLoad(&context, request, &response);
  }
  bool model_ready(const std::string& name, const std::string& version = {}) {
    grpc::ClientContext context;
    inference::ModelReadyRequest request;
    request.set_name(name);
    request.set_version(version);
    inference::ModelReadyResponse response;
    EXPECT_TRUE(stub_->ModelReady(&context, request, &response).ok());
    return response.ready();
  }

  std::unique_ptr<FakeGateway> fake_ = std::make_unique<FakeGateway>();
  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

TEST_F(RpcFaceTest, TellsWhatItIsAndWhetherItIsReady) {
  {
    grpc::ClientContext context;
    inference::ServerMetadataResponse response;
    ASSERT_TRUE(stub_->ServerMetadata(&context, {}, &response).ok());
    EXPECT_EQ(response.name(), "sluice");
    EXPECT_EQ(response.version(), "9");
    EXPECT_EQ(response.extensions(0), "model_repository");
  }
  {
    grpc::ClientContext context;
    inference::ServerLiveResponse response;
    ASSERT_TRUE(stub_->ServerLive(&context, {}, &response).ok());
    EXPECT_TRUE(response.live());
  }
  for (const bool accepting : {true, false}) {
    fake_->gateway.set_accepting(accepting);
    grpc::ClientContext context;
    inference::ServerReadyResponse response;
    ASSERT_TRUE(stub_->ServerReady(&context, {}, &response).ok());
    EXPECT_EQ(response.ready(), accepting);
  }
  EXPECT_TRUE(model_ready("double"));
  EXPECT_TRUE(model_ready("double", "1"));
  EXPECT_FALSE(model_ready("double", "3"));
  EXPECT_FALSE(model_ready("nobody"));
  EXPECT_FALSE(model_ready("broken"));
}

TEST_F(RpcFaceTest, DescribesAModel) {
  grpc::ClientContext context;
  inference::ModelMetadataRequest request;
  request.set_name("double");
  inference::ModelMetadataResponse response;
  ASSERT_TRUE(stub_->ModelMetadata(&context, request, &response).ok());
  EXPECT_EQ(response.name(), "double");
  EXPECT_EQ(response.versions_size(), 2);
  EXPECT_EQ(response.platform(), "fake");
  ASSERT_EQ(response.inputs_size(), 1);
  EXPECT_EQ(response.inputs(0).name(), "x");
  EXPECT_EQ(response.inputs(0).datatype(), "FP32");
  EXPECT_EQ(response.inputs(0).shape(0), -1);
  EXPECT_EQ(response.outputs(0).name(), "y");
  EXPECT_EQ(response.properties().at("rows"), "7");
  grpc::ClientContext other;
  request.set_name("nobody");
  EXPECT_EQ(stub_->ModelMetadata(&other, request, &response).error_code(), grpc::NOT_FOUND);
}

TEST_F(RpcFaceTest, Infers) {
  inference::ModelInferResponse response;
  ASSERT_TRUE(infer(request(1.5F), response).ok());
  EXPECT_EQ(response.model_name(), "double");
  EXPECT_EQ(response.model_version(), "2");
  EXPECT_EQ(response.id(), "7");
  ASSERT_EQ(response.raw_output_contents_size(), 1);
  float values[2];
  ASSERT_EQ(response.raw_output_contents(0).size(), sizeof values);
  std::memcpy(values, response.raw_output_contents(0).data(), sizeof values);
  EXPECT_EQ(values[0], 3);
  EXPECT_EQ(values[1], 4);
}

TEST_F(RpcFaceTest, NamesTheMembersThatAreMissing) {
  inference::ModelInferRequest request;
  request.set_model_name("partial");
  inference::ModelInferResponse response;
  ASSERT_TRUE(infer(request, response).ok());
  EXPECT_EQ(response.parameters().at("sluice_errors").string_param(),
            R"({"b":{"code":"unavailable","message":"gone"}})");
}

TEST_F(RpcFaceTest, ErrorsHaveTheStatusOfTheirKind) {
  inference::ModelInferResponse response;
  auto wrong = request(1);
  wrong.set_model_name("nobody");
  EXPECT_EQ(infer(wrong, response).error_code(), grpc::NOT_FOUND);
  wrong.set_model_name("broken");
  EXPECT_EQ(infer(wrong, response).error_code(), grpc::UNAVAILABLE);
  wrong.set_model_name(std::string(100'000, 'x'));
  EXPECT_EQ(infer(wrong, response).error_code(), grpc::NOT_FOUND);
  wrong = request(1);
  wrong.mutable_inputs(0)->set_name("z");
  const grpc::Status status = infer(wrong, response);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "'double' has no input 'z'; its inputs are: x");
  wrong = request(1);
  wrong.mutable_inputs(0)->add_shape(-1);
  EXPECT_EQ(infer(wrong, response).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(infer(request(13), response).error_code(), grpc::RESOURCE_EXHAUSTED);
}

TEST_F(RpcFaceTest, TheEarlierOfTheTwoDeadlinesCounts) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(2));
  auto with = request(1);
  (*with.mutable_parameters())["timeout"].set_int64_param(60'000'000);
  inference::ModelInferResponse response;
  const TimePoint before = fake_->clock.now();
  ASSERT_TRUE(stub_->ModelInfer(&context, with, &response).ok());
  EXPECT_LE(fake_->doubling->last_call().deadline.at(),
            fake_->clock.now() + std::chrono::minutes(1));
  EXPECT_GE(fake_->doubling->last_call().deadline.at(), before + std::chrono::seconds(59));
}

TEST_F(RpcFaceTest, ADeadlineThatTheClientSetsInEitherWayIsOneThatItAskedFor) {
  inference::ModelInferResponse response;
  grpc::ClientContext none;
  ASSERT_TRUE(stub_->ModelInfer(&none, request(1), &response).ok());
  EXPECT_FALSE(fake_->doubling->last_call().deadline_asked);
  EXPECT_TRUE(fake_->doubling->last_call().deadline.is_never());

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(2));
  ASSERT_TRUE(stub_->ModelInfer(&context, request(1), &response).ok());
  EXPECT_TRUE(fake_->doubling->last_call().deadline_asked);

  grpc::ClientContext plain;
  auto with = request(1);
  (*with.mutable_parameters())["timeout"].set_int64_param(60'000'000);
  ASSERT_TRUE(stub_->ModelInfer(&plain, with, &response).ok());
  EXPECT_TRUE(fake_->doubling->last_call().deadline_asked);
}

TEST_F(RpcFaceTest, AClientThatGivesUpCancelsItsCall) {
  grpc::ClientContext context;
  inference::ModelInferRequest slow;
  slow.set_model_name("slow");
  std::thread client([&] {
    inference::ModelInferResponse response;
    EXPECT_EQ(stub_->ModelInfer(&context, slow, &response).error_code(), grpc::CANCELLED);
  });
  fake_->slow->wait_until_called();
  context.TryCancel();
  client.join();
  server_->shutdown(std::chrono::minutes(1));  // waits until the call is over
  EXPECT_EQ(server_->in_flight(), 0U);
}

TEST_F(RpcFaceTest, ListsLoadsAndUnloads) {
  for (const bool ready : {false, true}) {
    grpc::ClientContext context;
    inference::RepositoryIndexRequest request;
    request.set_ready(ready);
    inference::RepositoryIndexResponse response;
    ASSERT_TRUE(stub_->RepositoryIndex(&context, request, &response).ok());
    EXPECT_EQ(response.models_size(), ready ? 4 : 5);
    EXPECT_EQ(response.models(0).name(), "double");
    EXPECT_EQ(response.models(0).state(), "READY");
  }
  EXPECT_TRUE(load("double").ok());
  EXPECT_EQ(load("nobody").error_code(), grpc::NOT_FOUND);
  fake_->fail_loads(unavailable("no file"));
  EXPECT_EQ(load("double").error_message(), "no file");
  grpc::ClientContext context;
  inference::RepositoryModelUnloadRequest request;
  request.set_model_name("double");
  inference::RepositoryModelUnloadResponse response;
  EXPECT_TRUE(stub_->RepositoryModelUnload(&context, request, &response).ok());
}

TEST_F(RpcFaceTest, AsksForTheKeyWhereThereIsOne) {
  serve({.administration = true, .key = "k"});
  EXPECT_EQ(load("double").error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(load("double", "j").error_code(), grpc::UNAUTHENTICATED);
  EXPECT_TRUE(load("double", "k").ok());
  serve({});
  EXPECT_EQ(load("double").error_code(), grpc::PERMISSION_DENIED);
}

}  // namespace
}  // namespace sluice::api::open_inference
