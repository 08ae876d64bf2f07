#include "rpc/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/random.h"
#include "base/thread_name.h"
#include "http/listening_socket.h"
#include "rpc/call_slots.h"

namespace sluice::rpc {

namespace {

int to_int_ms(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

void set_limits(grpc::ServerBuilder& builder, const GrpcServerOptions& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.SetMaxSendMessageSize(-1);
  // So that a successor can have the port before this one lets go of it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options.max_calls));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, to_int_ms(options.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, to_int_ms(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // What nobody here reads, kept up for every call.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  // Clients may ping as often as every 5 s.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
}

// Two servers that share a port get half of its connections each, without a word.
Result<> check_address(const GrpcServerOptions& options) {
  const auto address = http::parse_listen_address(options.address);
  if (!address || options.replaces) return {};  // gRPC knows more of addresses, and will say
  return http::check_free(*address);
}
}  // namespace

struct GrpcServer::State {
  GrpcServerOptions options;
  std::optional<ServerCertificates> certificates;  // the server asks for them to its end
  std::vector<std::unique_ptr<CallLane>> lanes;
  std::unique_ptr<RawService> service;
  std::unique_ptr<grpc::Server> server;
  std::vector<std::thread> threads;
  int port = 0;
  std::atomic<bool> aborted = false;
};

GrpcServer::GrpcServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

GrpcServer::~GrpcServer() {
  shutdown(Duration::zero());
}

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(GrpcServerOptions options,
                                                      const MethodsMaker& methods,
                                                      GrpcObserver* observer) {
  auto owned = std::make_unique<State>();
  State& state = *owned;
  if (options.tls) {
    auto certificates = GrpcCertificates::read(*options.tls);
    if (!certificates) return fail(certificates.error());
    state.certificates.emplace(std::move(*certificates));
  }
  if (auto free = check_address(options); !free) return std::unexpected(free.error());
  state.options = std::move(options);
  const std::size_t threads = std::max<std::size_t>(state.options.threads, 1);
  const std::size_t share = (state.options.max_calls + threads - 1) / threads;

  grpc::ServerBuilder builder;
  set_limits(builder, state.options);
  builder.AddListeningPort(
      state.options.address,
      state.certificates ? state.certificates->credentials() : grpc::InsecureServerCredentials(),
      &state.port);
  Random seeds(state.options.seed);
  for (std::size_t i = 0; i < threads; ++i) {
    auto& lane = *state.lanes.emplace_back(std::make_unique<CallLane>(
        builder.AddCompletionQueue(), observer, share, state.options.track_calls, seeds.next()));
    lane.set_methods(methods(i, lane.executor()));
  }
  state.service = std::make_unique<RawService>(state.lanes[0]->methods());
  builder.RegisterService(state.service.get());
  state.server = builder.BuildAndStart();
  const bool local = state.options.address.starts_with("unix:");
  if (state.server == nullptr || (state.port == 0 && !local)) {
    for (auto& lane : state.lanes) {
      lane->executor().close();
      lane->executor().run();
    }
    return fail(unavailable(
        formatted("cannot listen on '{}' for gRPC: it is in use or not an address of this machine",
                  state.options.address)));
  }
  if (local) {
    state.port = 0;
  } else {
    const std::size_t colon = state.options.address.rfind(':');
    state.options.address.replace(colon + 1, std::string::npos, std::to_string(state.port));
  }
  for (auto& lane : state.lanes) {
    lane->begin(*state.service);
    state.threads.emplace_back(
        [&lane = *lane, name = formatted("sluice-grpc-{}", state.threads.size())] {
          name_this_thread(name);
          lane.executor().run();
        });
  }
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(owned)));
}

void GrpcServer::replace_methods(std::vector<std::vector<Method>> methods) {
  std::latch taken(static_cast<std::ptrdiff_t>(state_->lanes.size()));
  for (std::size_t i = 0; i < state_->lanes.size(); ++i) {
    auto own = std::make_shared<const std::vector<Method>>(std::move(methods[i]));
    CallLane& lane = *state_->lanes[i];
    lane.executor().post([&taken, &lane, own = std::move(own)]() mutable {
      lane.replace_methods(std::move(own));
      taken.count_down();
    });
  }
  taken.wait();
}

Result<std::optional<GrpcCertificates>> GrpcServer::read_certificates() const {
  if (!state_->options.tls) return std::nullopt;
  return GrpcCertificates::read(*state_->options.tls);
}

void GrpcServer::replace_certificates(GrpcCertificates certificates) {
  if (state_->certificates) state_->certificates->replace(std::move(certificates));
}

void GrpcServer::shutdown(Duration grace) {
  if (state_->threads.empty()) return;
  for (auto& lane : state_->lanes) lane->stop();
  if (state_->aborted) grace = Duration::zero();
  // Cancels what is left after the grace. Each lane then closes once its calls have been answered.
  const auto now = gpr_now(GPR_CLOCK_MONOTONIC);
  state_->server->Shutdown(gpr_time_add(now, gpr_time_from_nanos(grace.count(), GPR_TIMESPAN)));
  for (auto& lane : state_->lanes) lane->close_when_idle();
  for (std::thread& thread : state_->threads) thread.join();
  state_->threads.clear();
}

// An abort that comes just before gRPC has been told to shut down may miss a connection, whose
// calls then have the grace after all.
void GrpcServer::abort() {
  state_->aborted = true;
  grpc_server_cancel_all_calls(state_->server->c_server());
}

int GrpcServer::port() const {
  return state_->port;
}
const std::string& GrpcServer::address() const {
  return state_->options.address;
}
std::size_t GrpcServer::in_flight() const {
  std::size_t sum = 0;
  for (const auto& lane : state_->lanes) sum += lane->in_flight();
  return sum;
}
std::size_t GrpcServer::threads() const {
  return state_->lanes.size();
}
Executor& GrpcServer::executor(std::size_t thread) {
  return state_->lanes[thread]->executor();
}

}  // namespace sluice::rpc
