#include "backends/tensorflow_serving/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "backends/tensorflow_serving/codec.h"
#include "inference/testing_callable.h"
#include "rpc/grpc_server.h"
#include "rpc/tensorflow_serving.pb.h"
#include "rpc/tensorflow_tensor.h"
#include "runtime/io_threads.h"

namespace sluice::tensorflow_serving {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A server of one model "m": x FP32 [-1,2] -> y, the same doubled.
class FakeServer {
 public:
  explicit FakeServer(std::string address = "127.0.0.1:0") {
    rpc::GrpcServerOptions options;
    options.address = std::move(address);
    auto started = rpc::GrpcServer::start(options, [this](std::size_t, Executor&) {
      return std::vector<rpc::Method>{
          {std::string(kPredict), [this](rpc::UnaryCall& c) { predict(c); }, {}, false, 4},
          {std::string(kGetModelMetadata),
           [this](rpc::UnaryCall& c) { metadata(c); },
           {},
           false,
           4},
          {std::string(kGetModelStatus), [this](rpc::UnaryCall& c) { status(c); }, {}, false, 4}};
    });
    if (!started) throw std::runtime_error(started.error().message);
    server = std::move(*started);
  }

  std::atomic<std::int64_t> version = 1;
  std::atomic<bool> available = true;
  std::atomic<bool> hold = false;  // Predict is not answered until it is cancelled
  std::promise<std::string> seen;  // of a held call: what came along
  std::promise<void> stopped;
  std::atomic<int> error = -1;  // the code with which Predict fails
  std::unique_ptr<rpc::GrpcServer> server;

 private:
  void predict(rpc::UnaryCall& call) {
    if (hold) {
      call.on_cancel([this, &call] {
        call.fail(cancelled("stopped"));
        stopped.set_value();
      });
      const bool bounded = call.deadline().left(call.home().now()) < std::chrono::minutes(1);
      return seen.set_value(std::string(call.metadata("traceparent").substr(0, 36)) + " " +
                            std::string(call.metadata("x-request-id")) +
                            (bounded ? " bounded" : " not"));
    }
    if (error >= 0) return call.fail({static_cast<ErrorCode>(error.load()), "said so"});
    wire::PredictRequest request;
    if (!call.parse(request)) return call.fail(invalid("no request"));
    wire::PredictResponse response;
    Tensor tensor = rpc::tensor_from_proto("x", request.inputs().at("x")).value();
    for (float& value : tensor.as<float>()) value *= 2;
    rpc::tensor_to_proto(tensor, (*response.mutable_outputs())["y"]);
    call.respond(response);
  }
  void metadata(rpc::UnaryCall& call) {
    wire::SignatureDefMap signatures;
    auto& signature = (*signatures.mutable_signature_def())["serving_default"];
    for (auto* info : {&(*signature.mutable_inputs())["x"], &(*signature.mutable_outputs())["y"]}) {
      info->set_dtype(tensorflow::DT_FLOAT);
      rpc::shape_to_proto({-1, 2}, *info->mutable_tensor_shape());
    }
    wire::GetModelMetadataResponse response;
    response.mutable_model_spec()->mutable_version()->set_value(version);
    (*response.mutable_metadata())["signature_def"].PackFrom(signatures);
    call.respond(response);
  }
  void status(rpc::UnaryCall& call) {
    wire::GetModelStatusResponse response;
    auto& status = *response.add_model_version_status();
    status.set_version(version);
    status.set_state(available ? wire::ModelVersionStatus::AVAILABLE
                               : wire::ModelVersionStatus::LOADING);
    call.respond(response);
  }
};

class TensorflowServingWatch : public ::testing::Test {
 protected:
  ~TensorflowServingWatch() override {
    watch_.reset();
    threads_.stop();
  }
  void watch(const std::string& address) {
    TensorflowServingOptions options;
    options.address = address;
    options.watch_every = std::chrono::milliseconds(100);
    auto made = Watch::make("m", options, client_, loop_, [this](const Finding& finding) {
      const std::scoped_lock lock(mutex_);
      findings_.push_back(finding);
      changed_.notify_all();
    });
    if (!made) throw std::runtime_error(made.error().message);
    watch_ = std::move(*made);
    watch_->start();
  }
  // The first finding that is so.
  Finding wait_for(const std::function<bool(const Finding&)>& wanted) {
    std::unique_lock lock(mutex_);
    Finding found;
    changed_.wait(lock, [&] {
      for (const Finding& each : findings_) {
        if (!wanted(each)) continue;
        found = each;
        return true;
      }
      return false;
    });
    return found;
  }
  CallablePtr wait_for_callable() {
    return wait_for([](const Finding& f) { return f.callable != nullptr; }).callable;
  }
  struct Result_ final : Sink {
    std::promise<Result<InferResponse>> promise;
    void on_result(Result<Response> result) override {
      promise.set_value(result ? Result<InferResponse>(std::get<InferResponse>(std::move(*result)))
                               : fail(result.error()));
    }
  };
  // From an io thread.
  std::future<Result<InferResponse>> start(
      const std::function<CancelHandle(const Call&, Sink&)>& begin, Deadline deadline = {}) {
    auto sink = std::make_shared<Result_>();
    sinks_.push_back(sink);
    loop_.post([this, begin, sink, deadline] {
      handle_ = begin({.home = &loop_,
                       .deadline = deadline,
                       .request_id = "r1",
                       .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                      *sink);
    });
    return sink->promise.get_future();
  }
  Result<InferResponse> infer(const CallablePtr& callable, Deadline deadline = {}) {
    return start_infer(callable, deadline).get();
  }
  std::future<Result<InferResponse>> start_infer(const CallablePtr& callable,
                                                 Deadline deadline = {}) {
    return start(
        [callable](const Call& call, Sink& sink) {
          return callable->start(
              call,
              make_request(InferRequest{.inputs = {sluice::testing::fp32("x", {1, 2}, {1, 2})}}),
              sink);
        },
        deadline);
  }

  IoThreads threads_{1};
  EventLoop& loop_ = threads_.loop(0);
  CancelHandle handle_;
  std::vector<std::shared_ptr<Result_>> sinks_;
  rpc::GrpcClient client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Finding> findings_;
  std::shared_ptr<Watch> watch_;
};

TEST_F(TensorflowServingWatch, FindsAModelAndCallsIt) {
  FakeServer server;
  watch(server.server->address());
  const CallablePtr callable = wait_for_callable();
  EXPECT_EQ(callable->describe().name, "m");
  EXPECT_EQ(callable->describe().inputs[0].shape, (Shape{-1, 2}));
  EXPECT_TRUE(callable->ready().has_value());
  const auto result = infer(callable);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->outputs[0].as<float>()[1], 4);
  auto& probe = dynamic_cast<Probeable&>(*callable);
  EXPECT_TRUE(start([&](const Call& call, Sink& sink) { return probe.probe_health(call, sink); })
                  .get()
                  .has_value());
  const auto self_test =
      start([&](const Call& call, Sink& sink) { return probe.run_self_test(call, sink); }).get();
  EXPECT_EQ(self_test->outputs[0].as<float>()[0], 0);
}

TEST_F(TensorflowServingWatch, RefusesWhatTheModelDoesNotTakeWithoutAsking) {
  FakeServer server;
  watch(server.server->address());
  const CallablePtr callable = wait_for_callable();
  const auto result = start([&](const Call& call, Sink& sink) {
                        return callable->start(call, make_request({}), sink);
                      }).get();
  EXPECT_EQ(result.error(), invalid("input 'x' of 'm' is missing"));
}

TEST_F(TensorflowServingWatch, AServerThatIsAwayIsFoundWhenItComesAndMissedWhenItGoes) {
  std::string address;
  {
    FakeServer before;
    address = before.server->address();
  }
  watch(address);
  EXPECT_THAT(watch_->finding().reason, Not(IsEmpty())) << "whether it was asked yet or not";
  wait_for([](const Finding& f) { return f.callable == nullptr && !f.reason.empty(); });
  auto server = std::make_unique<FakeServer>(address);
  const CallablePtr callable = wait_for_callable();
  EXPECT_TRUE(infer(callable).has_value());

  server.reset();
  EXPECT_EQ(infer(callable).error().code, ErrorCode::kUnavailable);
  while (callable->ready().has_value()) std::this_thread::yield();
  EXPECT_EQ(callable->ready().error().code, ErrorCode::kUnavailable);

  server = std::make_unique<FakeServer>(address);
  while (!callable->ready().has_value()) std::this_thread::yield();
  EXPECT_TRUE(infer(callable).has_value());
}

TEST_F(TensorflowServingWatch, ANewVersionIsANewCallable) {
  FakeServer server;
  server.available = false;
  watch(server.server->address());
  wait_for([](const Finding& f) { return f.reason.contains("version 1 is LOADING"); });
  server.available = true;
  EXPECT_EQ(wait_for_callable()->describe().version, "1");
  server.version = 2;
  const auto next = wait_for([](const Finding& f) { return f.version == "2"; });
  EXPECT_EQ(next.callable->describe().version, "2");
}

TEST_F(TensorflowServingWatch, TraceDeadlineAndCancellationReachTheServer) {
  FakeServer server;
  watch(server.server->address());
  const CallablePtr callable = wait_for_callable();
  server.hold = true;
  auto result = start_infer(callable);
  EXPECT_THAT(
      server.seen.get_future().get(),
      ::testing::AllOf(HasSubstr("00-0af7651916cd43dd8448eb211c80319c-"),
                       ::testing::Not(HasSubstr("b7ad6b7169203331")), HasSubstr(" r1 bounded")));
  loop_.post([this] { handle_.cancel(); });
  EXPECT_EQ(result.get().error().code, ErrorCode::kCancelled);
  server.stopped.get_future().wait();
}

TEST_F(TensorflowServingWatch, TheCallsOwnDeadlineIsATimeout) {
  FakeServer server;
  watch(server.server->address());
  const CallablePtr callable = wait_for_callable();
  server.hold = true;
  const auto deadline =
      Deadline::after(std::chrono::steady_clock::now(), std::chrono::milliseconds(200));
  EXPECT_EQ(infer(callable, deadline).error().code, ErrorCode::kTimeout);
  server.stopped.get_future().wait();
}

TEST_F(TensorflowServingWatch, TellsAnOutageFromAFailureOfTheCall) {
  FakeServer server;
  watch(server.server->address());
  const CallablePtr callable = wait_for_callable();
  const std::pair<ErrorCode, ErrorCode> kCodes[] = {
      {ErrorCode::kUnavailable, ErrorCode::kUnavailable},
      {ErrorCode::kInvalid, ErrorCode::kInvalid},
      {ErrorCode::kNotFound, ErrorCode::kNotFound},
      {ErrorCode::kTimeout, ErrorCode::kTimeout},
      {ErrorCode::kExhausted, ErrorCode::kExhausted},
      {ErrorCode::kUnauthenticated, ErrorCode::kInternal},
      {ErrorCode::kForbidden, ErrorCode::kInternal},
      {ErrorCode::kInternal, ErrorCode::kInternal}};
  for (const auto& [said, heard] : kCodes) {
    server.error = static_cast<int>(said);
    const auto result = infer(callable);
    EXPECT_EQ(result.error().code, heard);
    EXPECT_THAT(result.error().message, HasSubstr("said so"));
  }
}

TEST_F(TensorflowServingWatch, TlsFilesThatCannotBeUsedAreRefused) {
  TensorflowServingOptions options;
  options.address = "localhost:1";
  options.tls = TlsOptions{.ca = "/nowhere.pem"};
  const auto made = Watch::make("m", options, client_, loop_, [](const Finding&) {});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(made.error().message, HasSubstr("/nowhere.pem"));
}

}  // namespace
}  // namespace sluice::tensorflow_serving
