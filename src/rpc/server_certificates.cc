#include "rpc/server_certificates.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpcpp/security/server_credentials.h>

#include <fstream>
#include <iterator>
#include <mutex>
#include <utility>

#include "base/format.h"

namespace sluice::rpc {

namespace {

// gRPC asks for certificates before each handshake through its C interface alone. Its C++ interface
// offers files that it looks at every so often, whether they fit together or not.
class FetchedCredentials final : public grpc::ServerCredentials {
 public:
  explicit FetchedCredentials(grpc_server_credentials* credentials) : credentials_(credentials) {}
  ~FetchedCredentials() override { grpc_server_credentials_release(credentials_); }
  FetchedCredentials(const FetchedCredentials&) = delete;
  FetchedCredentials& operator=(const FetchedCredentials&) = delete;

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* credentials_;
};

Result<std::string> content_of(const std::string& file) {
  if (std::ifstream in(file); in) return std::string(std::istreambuf_iterator<char>(in), {});
  return fail(invalid(formatted("cannot read the TLS file '{}' of the gRPC listener", file)));
}

}  // namespace

Result<GrpcCertificates> GrpcCertificates::read(const GrpcTls& files) {
  GrpcCertificates read;
  for (const auto& [file, to] :
       {std::pair(&files.certificate_file, &read.certificate),
        std::pair(&files.key_file, &read.key), std::pair(&files.client_ca_file, &read.client_ca)}) {
    if (file == &files.client_ca_file && file->empty()) continue;
    auto content = content_of(*file);
    if (!content) return fail(content.error());
    *to = std::move(*content);
  }
  return read;
}

struct ServerCertificates::State {
  std::mutex mutex;
  GrpcCertificates certificates;  // guarded by mutex
  bool fetched = false;           // by gRPC, since they were replaced; guarded by mutex

  static grpc_ssl_certificate_config_reload_status fetch(
      void* state, grpc_ssl_server_certificate_config** config) {
    auto& self = *static_cast<State*>(state);
    const std::scoped_lock lock(self.mutex);
    if (std::exchange(self.fetched, true)) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const GrpcCertificates& now = self.certificates;
    const grpc_ssl_pem_key_cert_pair pair{now.key.c_str(), now.certificate.c_str()};
    // An authority must be given (gRPC asserts it) also where no client is asked for a certificate,
    // and is looked at by nobody.
    const std::string& authority = now.client_ca.empty() ? now.certificate : now.client_ca;
    *config = grpc_ssl_server_certificate_config_create(authority.c_str(), &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }
};

ServerCertificates::ServerCertificates(GrpcCertificates certificates)
    : state_(std::make_unique<State>()) {
  state_->certificates = std::move(certificates);
}
ServerCertificates::~ServerCertificates() = default;

std::shared_ptr<grpc::ServerCredentials> ServerCertificates::credentials() {
  const auto request = state_->certificates.client_ca.empty()
                           ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                           : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  auto* options = grpc_ssl_server_credentials_create_options_using_config_fetcher(
      request, &State::fetch, state_.get());
  return std::make_shared<FetchedCredentials>(
      grpc_ssl_server_credentials_create_with_options(options));
}

void ServerCertificates::replace(GrpcCertificates certificates) {
  const std::scoped_lock lock(state_->mutex);
  std::swap(state_->certificates, certificates);
  state_->fetched = false;
}

}  // namespace sluice::rpc
