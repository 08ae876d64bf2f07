#include "rpc/grpc_client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/format.h"
#include "rpc/client_call.h"

namespace sluice::rpc {

namespace {
constexpr unsigned kCertificateRefreshSeconds = 10;
// How soon after a failure gRPC connects again, at first and later.
constexpr std::chrono::milliseconds kFirstBackoff{100};
constexpr std::chrono::milliseconds kLongestBackoff{1000};
// A connection on which calls wait and nothing comes is tried, and given up.
constexpr std::chrono::milliseconds kKeepalive{60'000};
constexpr std::chrono::milliseconds kKeepaliveTimeout{10'000};

int to_int_ms(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

Result<> check_readable(const std::string& file) {
  if (file.empty() || std::ifstream(file)) return {};
  return fail(invalid(formatted("cannot read the TLS file '{}' of a gRPC client", file)));
}

Result<std::shared_ptr<grpc::ChannelCredentials>> credentials(
    const std::optional<GrpcClientTls>& tls) {
  if (!tls) return grpc::InsecureChannelCredentials();
  namespace experimental = grpc::experimental;
  for (const std::string* file : {&tls->ca_file, &tls->certificate_file, &tls->key_file}) {
    if (auto readable = check_readable(*file); !readable) return fail(readable.error());
  }
  experimental::TlsChannelCredentialsOptions options;
  if (!tls->ca_file.empty() || !tls->certificate_file.empty()) {
    const std::string& key = tls->key_file.empty() ? tls->certificate_file : tls->key_file;
    options.set_certificate_provider(std::make_shared<experimental::FileWatcherCertificateProvider>(
        key, tls->certificate_file, tls->ca_file, kCertificateRefreshSeconds));
    if (!tls->ca_file.empty()) options.watch_root_certs();
    if (!tls->certificate_file.empty()) options.watch_identity_key_cert_pairs();
  }
  if (!tls->verify) {
    options.set_verify_server_certs(false);
    options.set_certificate_verifier(std::make_shared<experimental::NoOpCertificateVerifier>());
    options.set_check_call_host(false);
  }
  return experimental::TlsCredentials(options);
}

grpc::ChannelArguments arguments(const GrpcChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, to_int_ms(kFirstBackoff));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, to_int_ms(kLongestBackoff));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, to_int_ms(options.connect_timeout));
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, to_int_ms(kLongestBackoff));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, to_int_ms(kKeepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, to_int_ms(kKeepaliveTimeout));
  // The address is what the configuration says, whatever environment and DNS have to add.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  return arguments;
}

class Channel final : public GrpcChannel {
 public:
  Channel(std::shared_ptr<ClientQueue> queue, const std::shared_ptr<grpc::Channel>& channel,
          std::string address)
      : queue_(std::move(queue)), stub_(channel), address_(std::move(address)) {}

  CancelHandle start(Executor& home, const GrpcRequest& request,
                     google::protobuf::MessageLite& answer, Done done) override {
    auto call = std::make_shared<ClientCall>(home, answer, std::move(done), address_);
    queue_->start(call, stub_, request);
    return CancelHandle(std::move(call));
  }

 private:
  std::shared_ptr<ClientQueue> queue_;
  grpc::GenericStub stub_;
  const std::string address_;
};
}  // namespace

struct GrpcClient::State {
  std::shared_ptr<ClientQueue> queue;
  std::mutex mutex;
  std::vector<std::pair<GrpcChannelOptions, std::weak_ptr<GrpcChannel>>> channels;  // guarded
};

GrpcClient::GrpcClient() : state_(std::make_shared<State>()) {}

GrpcClient::~GrpcClient() {
  const std::scoped_lock lock(state_->mutex);
  if (state_->queue != nullptr) state_->queue->close();
}

Result<GrpcChannelPtr> GrpcClient::channel(const GrpcChannelOptions& options) {
  const std::scoped_lock lock(state_->mutex);
  auto& channels = state_->channels;
  std::erase_if(channels, [](const auto& known) { return known.second.expired(); });
  for (const auto& [known, weak] : channels) {
    if (auto channel = weak.lock(); channel != nullptr && known == options) return channel;
  }
  auto creds = credentials(options.tls);
  if (!creds) return fail(creds.error());
  if (state_->queue == nullptr) state_->queue = std::make_shared<ClientQueue>();
  auto made = std::make_shared<Channel>(
      state_->queue, grpc::CreateCustomChannel(options.address, *creds, arguments(options)),
      options.address);
  channels.emplace_back(options, made);
  return made;
}

}  // namespace sluice::rpc
