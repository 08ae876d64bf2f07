#include "rpc/grpc_server.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "rpc/library_setup.h"
#include "rpc/open_inference.grpc.pb.h"
#include "rpc/status.h"

namespace sluice::rpc {
namespace {

using Stub = inference::GRPCInferenceService::Stub;
constexpr std::string_view kReadyPath = "/inference.GRPCInferenceService/ModelReady";

GrpcServerOptions options() {
  GrpcServerOptions options;
  options.address = "127.0.0.1:0";
  return options;
}

// A server of ModelReady, whose answer the test chooses, and a client of it.
class Served {
 public:
  explicit Served(std::function<void(UnaryCall&)> handler, GrpcServerOptions with = options(),
                  GrpcObserver* observer = nullptr) {
    auto started = GrpcServer::start(
        std::move(with),
        [&](std::size_t, Executor&) {
          return std::vector<Method>{{std::string(kReadyPath), handler, {}, false, 1}};
        },
        observer);
    if (!started) throw std::runtime_error(started.error().message);
    server = std::move(*started);
    stub = inference::GRPCInferenceService::NewStub(
        grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials()));
  }
  grpc::Status call(grpc::ClientContext& context, const std::string& name = "m") const {
    inference::ModelReadyRequest request;
    request.set_name(name);
    inference::ModelReadyResponse response;
    return stub->ModelReady(&context, request, &response);
  }
  [[nodiscard]] grpc::Status call(const std::string& name = "m") const {
    grpc::ClientContext context;
    return call(context, name);
  }

  std::unique_ptr<GrpcServer> server;
  std::unique_ptr<Stub> stub;
};

std::vector<Method> no_methods(std::size_t, Executor&) {
  return {};
}

void answer(UnaryCall& call) {
  inference::ModelReadyResponse response;
  response.set_ready(true);
  call.respond(response);
}

TEST(GrpcServer, AnswersOnTheCallsOwnThreadWithWhatTheMethodSays) {
  std::atomic<bool> at_home = false;
  const Served served([&](UnaryCall& call) {
    inference::ModelReadyRequest request;
    ASSERT_TRUE(call.parse(request));
    at_home = call.home().is_current();
    inference::ModelReadyResponse response;
    response.set_ready(request.name() == "iris" && call.metadata("traceparent") == "00-x" &&
                       call.metadata("nothing").empty() && call.deadline().is_never() &&
                       call.joined_metadata("tracestate") == "v=1,w=2" &&
                       call.joined_metadata("nothing").empty());
    call.respond(response);
  });
  EXPECT_GT(served.server->port(), 0);
  for (int i = 0; i < 20; ++i) {  // more than there are slots
    grpc::ClientContext context;
    context.AddMetadata("traceparent", "00-x");
    context.AddMetadata("tracestate", "v=1");
    context.AddMetadata("tracestate", "w=2");
    inference::ModelReadyRequest request;
    request.set_name("iris");
    inference::ModelReadyResponse response;
    ASSERT_TRUE(served.stub->ModelReady(&context, request, &response).ok());
    ASSERT_TRUE(response.ready());
  }
  EXPECT_TRUE(at_home);
}

TEST(GrpcServer, ReportsAnErrorWithItsStatusMessageAndTimeToComeBack) {
  const Served served([](UnaryCall& call) {
    call.fail({ErrorCode::kExhausted, "the queue is full", std::chrono::milliseconds(250)});
  });
  grpc::ClientContext context;
  const grpc::Status status = served.call(context);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "the queue is full");
  const auto& trailing = context.GetServerTrailingMetadata();
  const auto pushback = trailing.find(std::string(kRetryPushback));
  ASSERT_NE(pushback, trailing.end());
  EXPECT_EQ(std::string(pushback->second.data(), pushback->second.size()), "250");
}

TEST(GrpcServer, EveryErrorCodeHasAStatusThatIsNotOk) {
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    EXPECT_NE(status_code(static_cast<ErrorCode>(i)), grpc::OK);
  }
  EXPECT_EQ(status_code(ErrorCode::kNotFound), grpc::NOT_FOUND);
  EXPECT_EQ(status_code(ErrorCode::kTimeout), grpc::DEADLINE_EXCEEDED);
}

TEST(GrpcServer, SaysUnimplementedForAMethodItDoesNotHave) {
  const Served served(answer);
  grpc::ClientContext context;
  inference::ServerLiveResponse response;
  const auto status = served.stub->ServerLive(&context, inference::ServerLiveRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED);
}

TEST(GrpcServer, TheClientsTimeoutBecomesTheDeadline) {
  std::atomic<std::int64_t> left_ms = -1;
  const Served served([&](UnaryCall& call) {
    left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                  call.deadline().left(call.home().now()))
                  .count();
    answer(call);
  });
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(50));
  ASSERT_TRUE(served.call(context).ok());
  EXPECT_GT(left_ms, 10'000);
  EXPECT_LE(left_ms, 50'100);
}

TEST(GrpcServer, AClientThatGivesUpCancelsTheCall) {
  std::promise<void> arrived;
  std::promise<void> cancelled;
  const Served served([&](UnaryCall& call) {
    call.on_cancel([&] {
      EXPECT_TRUE(call.cancelled());
      EXPECT_TRUE(call.home().is_current());
      call.fail(sluice::cancelled("the client has gone"));
      cancelled.set_value();
    });
    arrived.set_value();
  });
  grpc::ClientContext context;
  std::thread client([&] { EXPECT_EQ(served.call(context).error_code(), grpc::CANCELLED); });
  arrived.get_future().wait();
  context.TryCancel();
  cancelled.get_future().wait();
  client.join();
}

TEST(GrpcServer, AnAnswerMayComeLaterFromAnotherThreadByPosting) {
  std::vector<std::thread> workers;
  std::mutex mutex;
  {
    const Served served([&](UnaryCall& call) {
      const std::scoped_lock lock(mutex);
      workers.emplace_back([&call] { call.home().post([&call] { answer(call); }); });
    });
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(served.call().ok());
  }
  for (std::thread& worker : workers) worker.join();
}

TEST(GrpcServer, RefusesCallsBeyondItsBoundAndTakesThemAgainLater) {
  GrpcServerOptions with = options();
  with.max_calls = 2;
  std::mutex mutex;
  std::vector<UnaryCall*> held;
  std::promise<void> both;
  const Served served(
      [&](UnaryCall& call) {
        const std::scoped_lock lock(mutex);
        held.push_back(&call);
        if (held.size() == 2) both.set_value();
        if (held.size() > 2) answer(call);
      },
      with);
  std::thread first([&] { EXPECT_TRUE(served.call().ok()); });
  std::thread second([&] { EXPECT_TRUE(served.call().ok()); });
  both.get_future().wait();
  EXPECT_EQ(served.server->in_flight(), 2U);
  // One connection lets through as many calls as may be in flight; a second one brings more.
  const auto other = inference::GRPCInferenceService::NewStub(
      grpc::CreateCustomChannel(served.server->address(), grpc::InsecureChannelCredentials(), [] {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        return arguments;
      }()));
  grpc::ClientContext context;
  inference::ModelReadyResponse response;
  const auto refused = other->ModelReady(&context, inference::ModelReadyRequest(), &response);
  EXPECT_EQ(refused.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(context.GetServerTrailingMetadata().contains(std::string(kRetryPushback)));
  for (UnaryCall* call : held) call->home().post([call] { answer(*call); });
  first.join();
  second.join();
  EXPECT_TRUE(served.call().ok());
}

TEST(GrpcServer, RefusesMessagesBeyondItsBoundAndBytesThatAreNoMessage) {
  GrpcServerOptions with = options();
  with.max_message_bytes = 1000;
  const Served served(
      [](UnaryCall& call) {
        inference::ModelInferRequest other;  // its field 2 is a string, too, but field 5 is not
        const Result<> parsed = call.parse(other);
        parsed ? answer(call) : call.fail(parsed.error());
      },
      with);
  EXPECT_TRUE(served.call(std::string(900, 'x')).ok());
  EXPECT_EQ(served.call(std::string(1100, 'x')).error_code(), grpc::RESOURCE_EXHAUSTED);
  const grpc::Status not_utf8 = served.call("\xFF");
  EXPECT_EQ(not_utf8.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(not_utf8.error_message(), "the message is not a inference.ModelInferRequest");
}

TEST(GrpcServer, TellsTheObserverWhatWasAnswered) {
  class Observer final : public GrpcObserver {
   public:
    void on_answered(const UnaryCall& call, int status, std::uint64_t bytes_out,
                     bool probe) override {
      EXPECT_EQ(call.path(), kReadyPath);
      EXPECT_EQ(call.error, ErrorCode::kNotFound);
      EXPECT_EQ(status, grpc::NOT_FOUND);
      EXPECT_EQ(call.bytes_in(), 3U);  // the name "m"
      EXPECT_EQ(bytes_out, 0U);
      EXPECT_FALSE(probe);
      ++answered;
    }
    void on_in_flight(int change) override {
      in_flight += change;
      most = std::max(most, in_flight);
    }
    int answered = 0;
    int in_flight = 0;
    int most = 0;
  } observer;
  {
    const Served served([](UnaryCall& call) { call.fail(not_found("no such model")); }, options(),
                        &observer);
    EXPECT_EQ(served.call().error_code(), grpc::NOT_FOUND);
  }
  EXPECT_EQ(observer.answered, 1);
  EXPECT_EQ(observer.in_flight, 0);
  EXPECT_EQ(observer.most, 1);
}

TEST(GrpcServer, ShutdownWaitsForCallsInFlightAndThenCancelsThem) {
  for (const bool in_time : {true, false}) {
    std::promise<UnaryCall*> arrived;
    const Served served([&](UnaryCall& call) {
      call.on_cancel([&call] { call.fail(cancelled("shutting down")); });
      arrived.set_value(&call);
    });
    std::future<grpc::Status> result =
        std::async(std::launch::async, [&] { return served.call(); });
    UnaryCall* call = arrived.get_future().get();
    if (in_time) call->home().post([call] { answer(*call); });
    served.server->shutdown(in_time ? Duration(std::chrono::minutes(1)) : Duration::zero());
    EXPECT_EQ(result.get().ok(), in_time);
    EXPECT_EQ(served.call().error_code(), grpc::UNAVAILABLE);
  }
}

TEST(GrpcServer, AbortCutsTheGraceShort) {
  std::promise<void> arrived;
  const Served served([&](UnaryCall& call) {
    call.on_cancel([&call] { call.fail(cancelled("shutting down")); });
    arrived.set_value();
  });
  std::future<grpc::Status> result = std::async(std::launch::async, [&] { return served.call(); });
  arrived.get_future().wait();
  std::thread shutdown([&] { served.server->shutdown(std::chrono::hours(1)); });
  served.server->abort();
  shutdown.join();
  EXPECT_FALSE(result.get().ok());
}

TEST(GrpcServer, AnotherMayTakeOverItsAddressWhileItServes) {
  const Served old(answer);
  GrpcServerOptions same = options();
  same.address = old.server->address();
  same.replaces = true;
  const Served next([](UnaryCall& call) { call.fail(not_found("the next one")); }, same);
  EXPECT_EQ(next.server->address(), old.server->address());
  old.server->shutdown(Duration::zero());
  EXPECT_EQ(next.call().error_code(), grpc::NOT_FOUND);
  same.replaces = false;
  EXPECT_FALSE(GrpcServer::start(same, no_methods).has_value());
}

TEST(GrpcServer, ReplacedMethodsAreForTheCallsThatComeLater) {
  GrpcServerOptions with = options();
  with.threads = 2;
  std::promise<UnaryCall*> arrived;
  auto first = std::make_shared<std::string>("the first");
  const std::weak_ptr<std::string> watched = first;
  const Served served(
      [&arrived, first = std::move(first)](UnaryCall& call) { arrived.set_value(&call); }, with);
  std::future<grpc::Status> began = std::async(std::launch::async, [&] { return served.call(); });
  UnaryCall* call = arrived.get_future().get();
  const auto next = [](UnaryCall& later) { later.fail(not_found("the next")); };
  served.server->replace_methods(
      {2, std::vector<Method>{{std::string(kReadyPath), next, {}, false, 1}}});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(served.call().error_message(), "the next");
  EXPECT_EQ(call->path(), kReadyPath);
  EXPECT_FALSE(watched.expired());
  call->home().post([call] { answer(*call); });
  EXPECT_TRUE(began.get().ok());
}

TEST(GrpcServer, ServesManyClientsOnSeveralThreads) {
  GrpcServerOptions with = options();
  with.threads = 3;
  const Served served(answer, with);
  EXPECT_EQ(served.server->threads(), 3U);
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 50; ++i) good += served.call().ok() ? 1 : 0;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 200);
}

TEST(GrpcServer, ListensOnAUnixSocket) {
  GrpcServerOptions with = options();
  with.address = "unix:" + ::testing::TempDir() + "sluice-grpc-" + std::to_string(::getpid());
  const Served served(answer, with);
  EXPECT_EQ(served.server->port(), 0);
  EXPECT_TRUE(served.call().ok());
}

TEST(GrpcServer, APortThatIsTakenOrAFileThatIsMissingIsAnErrorAtStart) {
  const Served served(answer);
  GrpcServerOptions same = options();
  same.address = served.server->address();
  const auto taken = GrpcServer::start(same, no_methods);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(taken.error().message.find(same.address), std::string::npos);

  GrpcServerOptions tls = options();
  tls.tls = GrpcTls{"/nowhere/cert.pem", "/nowhere/key.pem", ""};
  const auto missing = GrpcServer::start(tls, no_methods);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message,
            "cannot read the TLS file '/nowhere/cert.pem' of the gRPC listener");
}

TEST(LibrarySetUp, SilencesTheLibrarysOwnLog) {
  set_up_library();
  ::testing::internal::CaptureStderr();
  inference::ModelReadyRequest request;
  EXPECT_FALSE(request.ParseFromString("\x0a\x01\xff"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace sluice::rpc
