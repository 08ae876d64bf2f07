// What a gRPC server shows over TLS, and what it can be given instead while it serves.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace grpc {
class ServerCredentials;
}

namespace sluice::rpc {

// Files in PEM.
struct GrpcTls {
  std::string certificate_file;
  std::string key_file;
  std::string client_ca_file;  // empty: clients need no certificate
};

// What was in them.
struct GrpcCertificates {
  std::string certificate;
  std::string key;
  std::string client_ca;
  // kInvalid with the name of the first that cannot be read.
  static Result<GrpcCertificates> read(const GrpcTls& files);
};

// Owned by its server. Each connection is asked for the certificates of the moment in which it
// comes; those that there are keep theirs. What does not fit together is refused by gRPC without a
// word, which goes on with what it had: who replaces them has looked at them.
class ServerCertificates {
 public:
  explicit ServerCertificates(GrpcCertificates certificates);
  ~ServerCertificates();
  ServerCertificates(const ServerCertificates&) = delete;
  ServerCertificates& operator=(const ServerCertificates&) = delete;

  // For one port of one server, which must not outlive this.
  std::shared_ptr<grpc::ServerCredentials> credentials();
  // From any thread. Whether clients are asked for a certificate stays as it was.
  void replace(GrpcCertificates certificates);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::rpc
