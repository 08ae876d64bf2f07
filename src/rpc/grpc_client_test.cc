#include "rpc/grpc_client.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "http/test_certificates.h"
#include "rpc/grpc_server.h"
#include "rpc/open_inference.pb.h"
#include "rpc/status.h"
#include "runtime/io_threads.h"

namespace sluice::rpc {
namespace {

constexpr std::string_view kReadyPath = "/inference.GRPCInferenceService/ModelReady";

void answer(UnaryCall& call) {
  inference::ModelReadyResponse response;
  response.set_ready(true);
  call.respond(response);
}

std::unique_ptr<GrpcServer> serve(std::function<void(UnaryCall&)> handler,
                                  GrpcServerOptions options = {}) {
  if (options.address == GrpcServerOptions().address) options.address = "127.0.0.1:0";
  auto started = GrpcServer::start(std::move(options), [&](std::size_t, Executor&) {
    return std::vector<Method>{{std::string(kReadyPath), handler, {}, false, 1}};
  });
  if (!started) throw std::runtime_error(started.error().message);
  return std::move(*started);
}

struct Outcome {
  Result<> result;
  bool ready = false;
  bool at_home = false;
};

// A call from an io thread, as a backend makes it.
class GrpcClientTest : public ::testing::Test {
 protected:
  GrpcChannelPtr channel(const std::string& address, std::optional<GrpcClientTls> tls = {}) {
    GrpcChannelOptions options{.address = address, .tls = std::move(tls)};
    options.max_message_bytes = 1000;
    auto made = client_.channel(options);
    if (!made) throw std::runtime_error(made.error().message);
    return *made;
  }
  std::future<Outcome> start(const GrpcChannelPtr& channel, Duration timeout = Duration::max(),
                             GrpcMetadata metadata = {}) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    loop_.post([this, channel, timeout, metadata, promise] {
      auto response = std::make_shared<inference::ModelReadyResponse>();
      inference::ModelReadyRequest request;
      request.set_name("m");
      handle_ = channel->start(
          loop_,
          {.method = kReadyPath,
           .message = request,
           .deadline = Deadline::after(loop_.now(), timeout),
           .metadata = metadata},
          *response, [this, promise, response](Result<> result) {
            promise->set_value({std::move(result), response->ready(), loop_.is_current()});
          });
    });
    return promise->get_future();
  }
  Outcome call(const GrpcChannelPtr& channel, Duration timeout = Duration::max(),
               GrpcMetadata metadata = {}) {
    return start(channel, timeout, std::move(metadata)).get();
  }
  void cancel() {
    loop_.post([this] { handle_.cancel(); });
  }

  IoThreads threads_{1};
  EventLoop& loop_ = threads_.loop(0);
  CancelHandle handle_;
  GrpcClient client_;
};

TEST_F(GrpcClientTest, BringsTheAnswerHome) {
  const auto server = serve(answer);
  const auto to = channel(server->address());
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = call(to);
    ASSERT_TRUE(outcome.result.has_value()) << outcome.result.error().message;
    EXPECT_TRUE(outcome.ready);
    EXPECT_TRUE(outcome.at_home);
  }
}

TEST_F(GrpcClientTest, SharesAChannelAmongThoseWhoWantTheSame) {
  const auto first = channel("127.0.0.1:1");
  EXPECT_EQ(first, channel("127.0.0.1:1"));
  EXPECT_NE(first, channel("127.0.0.1:2"));
  EXPECT_NE(first, channel("127.0.0.1:1", GrpcClientTls{}));
}

TEST_F(GrpcClientTest, PassesOnDeadlineAndMetadataButNothingThatGrpcCannotCarry) {
  std::promise<std::string> seen;
  const auto server = serve([&](UnaryCall& call) {
    const auto left = call.deadline().left(call.home().now());
    seen.set_value(
        std::string(call.metadata("a")) + "|" + std::string(call.metadata("b")) + "|" +
        (left > std::chrono::seconds(10) && left < std::chrono::minutes(2) ? "in time" : "?"));
    answer(call);
  });
  const auto outcome = call(channel(server->address()), std::chrono::minutes(1),
                            {{"a", "one two"}, {"b", "\xC3\xA4"}, {"c", ""}});
  EXPECT_TRUE(outcome.result.has_value());
  EXPECT_EQ(seen.get_future().get(), "one two||in time");
}

TEST_F(GrpcClientTest, TellsWhatTheServerSaysWithTheTimeToComeBack) {
  const auto server = serve([](UnaryCall& call) {
    call.fail({ErrorCode::kExhausted, "the queue is full", std::chrono::milliseconds(250)});
  });
  const auto outcome = call(channel(server->address()));
  ASSERT_FALSE(outcome.result.has_value());
  EXPECT_EQ(outcome.result.error().code, ErrorCode::kExhausted);
  EXPECT_EQ(outcome.result.error().message, server->address() + ": the queue is full");
  EXPECT_EQ(outcome.result.error().retry_after, std::chrono::milliseconds(250));
}

TEST_F(GrpcClientTest, NobodyThereIsUnavailableUntilSomebodyIs) {
  std::string address;
  {
    const auto server = serve(answer);
    address = server->address();
  }
  const auto to = channel(address);
  EXPECT_EQ(call(to, std::chrono::minutes(1)).result.error().code, ErrorCode::kUnavailable);
  GrpcServerOptions same;
  same.address = address;
  const auto server = serve(answer, same);
  while (!call(to, std::chrono::minutes(1)).result) std::this_thread::yield();
}

TEST_F(GrpcClientTest, AServerThatGoesAwayDuringACallIsUnavailable) {
  std::promise<void> arrived;
  auto server = serve([&](UnaryCall& call) {
    call.on_cancel([&call] { call.fail(cancelled("shutting down")); });
    arrived.set_value();
  });
  auto outcome = start(channel(server->address()));
  arrived.get_future().wait();
  server->shutdown(Duration::zero());
  EXPECT_EQ(outcome.get().result.error().code, ErrorCode::kUnavailable);
}

TEST_F(GrpcClientTest, PassesCancellationOn) {
  std::promise<void> arrived;
  std::promise<void> stopped;
  const auto server = serve([&](UnaryCall& call) {
    call.on_cancel([&] {
      call.fail(cancelled("the client has gone"));
      stopped.set_value();
    });
    arrived.set_value();
  });
  auto outcome = start(channel(server->address()));
  arrived.get_future().wait();
  cancel();
  EXPECT_EQ(outcome.get().result.error().code, ErrorCode::kCancelled);
  stopped.get_future().wait();
}

TEST_F(GrpcClientTest, ADeadlineThatPassesIsATimeoutAndStopsTheServersWork) {
  std::promise<void> stopped;
  const auto server = serve([&](UnaryCall& call) {
    call.on_cancel([&] {
      call.fail(cancelled("too late"));
      stopped.set_value();
    });
  });
  const auto outcome = call(channel(server->address()), std::chrono::milliseconds(200));
  EXPECT_EQ(outcome.result.error().code, ErrorCode::kTimeout);
  stopped.get_future().wait();
}

TEST_F(GrpcClientTest, RefusesAnswersBeyondItsBound) {
  const auto server = serve([](UnaryCall& call) {
    inference::ModelMetadataResponse response;
    response.set_name(std::string(2000, 'a'));
    call.respond(response);
  });
  EXPECT_EQ(call(channel(server->address())).result.error().code, ErrorCode::kTooLarge);
}

TEST_F(GrpcClientTest, SpeaksTlsAndChecksWhomItSpeaksTo) {
  const http::TestCertificates certificates("localhost");
  for (const bool mutual : {false, true}) {
    GrpcServerOptions with;
    with.tls = GrpcTls{certificates.path("server.pem"), certificates.path("server.key"),
                       mutual ? certificates.path("ca.pem") : ""};
    const auto server = serve(answer, with);
    const std::string address = "localhost:" + std::to_string(server->port());
    const auto code = [&](std::optional<GrpcClientTls> tls) -> std::optional<ErrorCode> {
      const auto outcome = call(channel(address, std::move(tls)), std::chrono::minutes(1));
      return outcome.result ? std::nullopt : std::optional(outcome.result.error().code);
    };
    const std::string ca = certificates.path("ca.pem");
    const auto refused = mutual ? std::optional(ErrorCode::kUnavailable) : std::nullopt;
    EXPECT_EQ(code(GrpcClientTls{.ca_file = ca}), refused);
    EXPECT_EQ(code(GrpcClientTls{.ca_file = ca,
                                 .certificate_file = certificates.path("server.pem"),
                                 .key_file = certificates.path("server.key")}),
              std::nullopt);
    EXPECT_EQ(code(GrpcClientTls{.ca_file = certificates.path("other.pem")}),
              ErrorCode::kUnavailable);
    EXPECT_EQ(code(GrpcClientTls{.verify = false}), refused);
    EXPECT_EQ(code(std::nullopt), ErrorCode::kUnavailable);  // in the clear
  }
  const auto missing =
      client_.channel({.address = "localhost:1", .tls = GrpcClientTls{.ca_file = "/nowhere.pem"}});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalid);
}

TEST(GrpcClientAtItsEnd, CancelsWhatIsInFlightAndRefusesWhatComesLater) {
  std::promise<UnaryCall*> arrived;
  const auto server = serve([&](UnaryCall& call) {
    call.on_cancel([&call] { call.fail(cancelled("the client has gone")); });
    arrived.set_value(&call);
  });
  IoThreads threads(1);
  EventLoop& loop = threads.loop(0);
  auto client = std::make_unique<GrpcClient>();
  const auto channel = *client->channel({.address = server->address()});
  std::promise<ErrorCode> first;
  std::promise<ErrorCode> second;
  inference::ModelReadyResponse response;
  const auto call = [&](std::promise<ErrorCode>& promise) {
    loop.post([&] {
      channel->start(loop, {.method = kReadyPath, .message = inference::ModelReadyRequest()},
                     response, [&](Result<> result) { promise.set_value(result.error().code); });
    });
  };
  call(first);
  arrived.get_future().wait();
  client.reset();
  EXPECT_EQ(first.get_future().get(), ErrorCode::kUnavailable);
  call(second);
  EXPECT_EQ(second.get_future().get(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace sluice::rpc
