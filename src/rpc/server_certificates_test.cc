// What servers show over TLS, seen by gRPC's own client.
#include "rpc/server_certificates.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "http/test_certificates.h"
#include "rpc/grpc_server.h"
#include "rpc/open_inference.grpc.pb.h"

namespace sluice::rpc {
namespace {

constexpr std::string_view kReadyPath = "/inference.GRPCInferenceService/ModelReady";

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A server with these certificates, and clients of it.
class Served {
 public:
  explicit Served(const http::TestCertificates& certificates, bool mutual = false) {
    GrpcServerOptions with;
    with.address = "127.0.0.1:0";
    with.tls = GrpcTls{certificates.path("server.pem"), certificates.path("server.key"),
                       mutual ? certificates.path("ca.pem") : ""};
    const auto answer = [](UnaryCall& call) { call.respond(inference::ModelReadyResponse()); };
    server = GrpcServer::start(std::move(with), [&](std::size_t, Executor&) {
               return std::vector<Method>{{std::string(kReadyPath), answer, {}, false, 1}};
             }).value();
  }

  using Channel = std::shared_ptr<grpc::Channel>;
  [[nodiscard]] Channel connect(const std::shared_ptr<grpc::ChannelCredentials>& by) const {
    grpc::ChannelArguments own;  // else channels to one address share a connection
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("localhost:" + std::to_string(server->port()), by, own);
  }
  [[nodiscard]] Channel connect(const grpc::SslCredentialsOptions& by) const {
    return connect(grpc::SslCredentials(by));
  }
  static bool answers(const Channel& channel) {
    grpc::ClientContext context;
    inference::ModelReadyResponse response;
    return inference::GRPCInferenceService::NewStub(channel)
        ->ModelReady(&context, inference::ModelReadyRequest(), &response)
        .ok();
  }

  std::unique_ptr<GrpcServer> server;
};

TEST(ServerCertificates, AreShownAndAskedForWhereTheServerIsToldTo) {
  const http::TestCertificates certificates("localhost");
  const auto read = [&](const std::string& name) { return content(certificates.path(name)); };
  for (const bool mutual : {false, true}) {
    const Served served(certificates, mutual);
    const auto answers = [&](const grpc::SslCredentialsOptions& by) {
      return Served::answers(served.connect(by));
    };
    EXPECT_EQ(answers({read("ca.pem"), "", ""}), !mutual);
    EXPECT_TRUE(answers({read("ca.pem"), read("server.key"), read("server.pem")}));
    EXPECT_FALSE(answers({read("other.pem"), "", ""}));
    EXPECT_FALSE(Served::answers(served.connect(grpc::InsecureChannelCredentials())));
  }
}

TEST(ServerCertificates, RenewedOnesAreForThoseWhoComeAndTheOthersStay) {
  const http::TestCertificates first("localhost");
  const http::TestCertificates second("localhost");
  const grpc::SslCredentialsOptions by_first{content(first.path("ca.pem")), "", ""};
  const grpc::SslCredentialsOptions by_second{content(second.path("ca.pem")), "", ""};
  const Served served(first);
  const auto early = served.connect(by_first);
  ASSERT_TRUE(Served::answers(early));
  for (const char* name : {"server.pem", "server.key"}) {
    std::filesystem::copy_file(second.path(name), first.path(name),
                               std::filesystem::copy_options::overwrite_existing);
  }
  EXPECT_TRUE(Served::answers(served.connect(by_first))) << "nobody has said that they are new";
  auto renewed = served.server->read_certificates();
  ASSERT_TRUE(renewed && *renewed);
  served.server->replace_certificates(std::move(**renewed));
  EXPECT_TRUE(Served::answers(served.connect(by_second)));
  EXPECT_FALSE(Served::answers(served.connect(by_first)));
  EXPECT_TRUE(Served::answers(early));
}

TEST(ServerCertificates, AnAuthorityOfTheClientsIsRenewedAsWell) {
  const http::TestCertificates first("localhost");
  const http::TestCertificates second("localhost");
  const auto client_of = [&](const http::TestCertificates& authority) {
    return grpc::SslCredentialsOptions{content(first.path("ca.pem")),
                                       content(authority.path("server.key")),
                                       content(authority.path("server.pem"))};
  };
  const Served served(first, true);
  EXPECT_FALSE(Served::answers(served.connect(client_of(second))));
  served.server->replace_certificates({content(first.path("server.pem")),
                                       content(first.path("server.key")),
                                       content(second.path("ca.pem"))});
  EXPECT_TRUE(Served::answers(served.connect(client_of(second))));
  EXPECT_FALSE(Served::answers(served.connect(client_of(first))));
}

TEST(ServerCertificates, ThoseThatDoNotFitTogetherChangeNothing) {
  const http::TestCertificates certificates("localhost");
  const http::TestCertificates others("localhost");
  const Served served(certificates);
  served.server->replace_certificates(
      {content(certificates.path("server.pem")), content(others.path("server.key")), ""});
  EXPECT_TRUE(Served::answers(served.connect({content(certificates.path("ca.pem")), "", ""})));
}

TEST(ServerCertificates, AFileThatIsMissingIsNamed) {
  const http::TestCertificates certificates("localhost");
  const Served served(certificates);
  std::filesystem::remove(certificates.path("server.key"));
  const auto read = served.server->read_certificates();
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kInvalid);
  EXPECT_NE(read.error().message.find(certificates.path("server.key")), std::string::npos);
}

}  // namespace
}  // namespace sluice::rpc
