#include "http/tls_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "http/test_certificates.h"

namespace sluice::http {
namespace {

using testing::HasSubstr;

class TlsStreams : public testing::Test {
 protected:
  TlsStreams() : certificates_("service_setosa") {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_.data()) != 0) std::abort();
  }
  ~TlsStreams() override {
    for (const int fd : fds_) {
      if (fd >= 0) ::close(fd);
    }
  }

  [[nodiscard]] TlsContextPtr server(const std::string& who = "server") const {
    auto made = TlsContext::server({.certificate_file = certificates_.path(who + ".pem"),
                                    .key_file = certificates_.path(who + ".key")});
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  [[nodiscard]] TlsContextPtr client() const {
    auto made = TlsContext::client({.ca_file = certificates_.path("ca.pem")});
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  // Both ends in turn until both are done or one fails.
  static std::array<IoStatus, 2> shake(TlsStream& a, TlsStream& b) {
    std::array<IoStatus, 2> status{IoStatus::kWantRead, IoStatus::kWantRead};
    const auto going = [](IoStatus s) {
      return s == IoStatus::kWantRead || s == IoStatus::kWantWrite;
    };
    for (int turn = 0; turn < 20 && (going(status[0]) || going(status[1])); ++turn) {
      if (going(status[0])) status[0] = a.handshake();
      if (going(status[1])) status[1] = b.handshake();
    }
    return status;
  }
  static std::string read_all(TlsStream& stream) {
    std::string got;
    std::array<char, 4096> buffer;
    while (true) {
      const IoResult result = stream.read(buffer);
      if (result.status != IoStatus::kOk) return got;
      got.append(buffer.data(), result.bytes);
    }
  }

  TestCertificates certificates_;
  std::array<int, 2> fds_{-1, -1};
};

TEST_F(TlsStreams, OfferNoProtocolWhereItIsNotHttp) {
  TlsStream a(*TlsContext::client({.ca_file = certificates_.path("ca.pem"), .alpn = false}),
              fds_[0], "service_setosa");
  TlsStream b(server(), fds_[1]);
  ASSERT_THAT(shake(a, b), testing::Each(IoStatus::kOk)) << a.error() << b.error();
  EXPECT_EQ(a.alpn(), "");
}

TEST_F(TlsStreams, CarryDataBothWaysAndAgreeOnHttp11) {
  TlsStream a(client(), fds_[0], "service_setosa");
  TlsStream b(server(), fds_[1]);
  ASSERT_THAT(shake(a, b), testing::Each(IoStatus::kOk)) << a.error() << b.error();
  EXPECT_EQ(a.alpn(), "http/1.1");
  EXPECT_EQ(b.alpn(), "http/1.1");
  EXPECT_EQ(a.version(), "TLSv1.3");
  EXPECT_EQ(a.write("ping").bytes, 4U);
  EXPECT_EQ(read_all(b), "ping");
  EXPECT_EQ(b.write("pong").bytes, 4U);
  EXPECT_EQ(read_all(a), "pong");
}

TEST_F(TlsStreams, GoOnAfterAPartialWriteFromMemoryThatMoved) {
  TlsStream a(client(), fds_[0], "service_setosa");
  TlsStream b(server(), fds_[1]);
  ASSERT_THAT(shake(a, b), testing::Each(IoStatus::kOk)) << a.error() << b.error();
  std::string data(3'000'000, 'x');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 23);
  std::string got;
  std::string_view left = data;
  bool waited = false;
  while (!left.empty()) {
    const std::string moved(left);
    const IoResult result = a.write(moved);
    if (result.status == IoStatus::kOk) {
      left.remove_prefix(result.bytes);
    } else {
      ASSERT_EQ(result.status, IoStatus::kWantWrite) << a.error();
      waited = true;
      got += read_all(b);
    }
  }
  got += read_all(b);
  EXPECT_TRUE(waited);
  EXPECT_EQ(got, data);
}

TEST_F(TlsStreams, TellAnOrderlyEndFromOneThatWasCut) {
  for (const bool orderly : {true, false}) {
    std::array<int, 2> pair;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
    TlsStream a(client(), pair[0], "service_setosa");
    TlsStream b(server(), pair[1]);
    ASSERT_THAT(shake(a, b), testing::Each(IoStatus::kOk));
    read_all(a);  // the session tickets
    if (orderly) b.shutdown();
    ::close(pair[1]);
    std::array<char, 16> buffer;
    const IoResult end = a.read(buffer);
    EXPECT_EQ(end.status, orderly ? IoStatus::kClosed : IoStatus::kError);
    if (!orderly) {
      EXPECT_EQ(a.error(), "TLS read: the peer closed the connection");
    }
    ::close(pair[0]);
  }
}

TEST_F(TlsStreams, RefuseACertificateThatTheAuthorityDidNotSign) {
  TlsStream a(client(), fds_[0], "service_setosa");
  TlsStream b(server("other"), fds_[1]);
  EXPECT_EQ(shake(a, b)[0], IoStatus::kError);
  EXPECT_THAT(a.error(), HasSubstr("TLS handshake: the certificate is not trusted: self-signed"));
}

TEST_F(TlsStreams, RefuseACertificateForAnotherName) {
  TlsStream a(client(), fds_[0], "service_versicolor");
  TlsStream b(server(), fds_[1]);
  EXPECT_EQ(shake(a, b)[0], IoStatus::kError);
  EXPECT_THAT(a.error(), HasSubstr("hostname mismatch"));
}

TEST_F(TlsStreams, CheckAnAddressAgainstTheAddressesOfTheCertificate) {
  TlsStream a(client(), fds_[0], "127.0.0.1");
  TlsStream b(server(), fds_[1]);
  EXPECT_THAT(shake(a, b), testing::Each(IoStatus::kOk)) << a.error();
}

TEST_F(TlsStreams, TakeAnyCertificateOnlyWhenToldNotToVerify) {
  TlsStream a(*TlsContext::client({.verify = false}), fds_[0], "elsewhere");
  TlsStream b(server("other"), fds_[1]);
  EXPECT_THAT(shake(a, b), testing::Each(IoStatus::kOk)) << a.error();
}

TEST_F(TlsStreams, AskClientsForACertificateWhenAnAuthorityIsGiven) {
  const auto strict = TlsContext::server({.certificate_file = certificates_.path("server.pem"),
                                          .key_file = certificates_.path("server.key"),
                                          .client_ca_file = certificates_.path("ca.pem")});
  ASSERT_TRUE(strict) << strict.error().message;
  for (const bool shows : {true, false}) {
    std::array<int, 2> pair;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
    TlsClientOptions options{.ca_file = certificates_.path("ca.pem")};
    if (shows) {
      options.certificate_file = certificates_.path("server.pem");
      options.key_file = certificates_.path("server.key");
    }
    TlsStream a(*TlsContext::client(options), pair[0], "service_setosa");
    TlsStream b(*strict, pair[1]);
    EXPECT_EQ(shake(a, b)[1], shows ? IoStatus::kOk : IoStatus::kError);
    ::close(pair[0]), ::close(pair[1]);
  }
}

TEST_F(TlsStreams, FailOnBytesThatAreNotTls) {
  ASSERT_GT(::send(fds_[0], "GET / HTTP/1.1\r\n\r\n", 18, 0), 0);
  TlsStream b(server(), fds_[1]);
  EXPECT_EQ(b.handshake(), IoStatus::kError);
  EXPECT_EQ(b.error(), "TLS handshake: http request");
}

TEST_F(TlsStreams, FailInsteadOfRaisingASignalWhenThePeerIsGone) {
  TlsStream a(client(), fds_[0], "service_setosa");
  ::close(std::exchange(fds_[1], -1));
  EXPECT_EQ(a.handshake(), IoStatus::kError);
  EXPECT_EQ(a.error(), "TLS handshake: Broken pipe");
}

TEST(TlsContext, SaysWhichFileCannotBeUsedAndWhy) {
  const TestCertificates certificates("host");
  const auto broken = certificates.path("broken.pem");
  std::ofstream(broken) << "not a certificate";
  struct Case {
    TlsServerOptions options;
    std::string_view message;
  };
  const Case cases[] = {
      {{.certificate_file = "/nowhere.pem", .key_file = "/nowhere.key"},
       "cannot load the TLS certificate from /nowhere.pem: No such file or directory"},
      {{.certificate_file = broken, .key_file = broken}, "broken.pem: no start line"},
      {{.certificate_file = certificates.path("server.pem"),
        .key_file = certificates.path("server.pem")},
       "cannot load the TLS key from"},
      {{.certificate_file = certificates.path("server.pem"),
        .key_file = certificates.path("other.key")},
       "other.key"},
      {{.certificate_file = certificates.path("server.pem"),
        .key_file = certificates.path("server.key"),
        .client_ca_file = "/nowhere.pem"},
       "cannot load the authority of TLS clients from /nowhere.pem"},
  };
  for (const Case& c : cases) {
    const auto made = TlsContext::server(c.options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(made.error().message, HasSubstr(c.message));
  }
  EXPECT_THAT(TlsContext::client({.ca_file = "/nowhere.pem"}).error().message,
              HasSubstr("cannot load the TLS authority from /nowhere.pem"));
}

TEST(TlsContext, SaysEveryFileThatCannotBeUsed) {
  using enum TlsFault::File;
  const TestCertificates certificates("host");
  const auto files = [](const std::vector<TlsFault>& faults) {
    std::vector<TlsFault::File> all;
    for (const TlsFault& fault : faults) all.push_back(fault.file);
    return all;
  };
  const std::string pem = certificates.path("server.pem");
  const std::string key = certificates.path("server.key");
  const std::pair<TlsServerOptions, std::vector<TlsFault::File>> servers[] = {
      {{pem, key, pem}, {}},
      {{"/no.pem", "/no.key", "/no.ca"}, {kCertificate, kKey, kAuthority}},
      {{"/no.pem", key, pem}, {kCertificate}},
      {{pem, certificates.path("other.key"), "/no.ca"}, {kKey, kAuthority}},
  };
  for (const auto& [options, expected] : servers) {
    EXPECT_EQ(files(TlsContext::faults(options)), expected) << options.certificate_file;
  }
  const std::pair<TlsClientOptions, std::vector<TlsFault::File>> clients[] = {
      {{}, {}},
      {{.ca_file = "/no.ca", .certificate_file = "/no.pem"}, {kAuthority, kCertificate}},
      {{.ca_file = "/no.ca", .verify = false, .certificate_file = pem, .key_file = key}, {}},
  };
  for (const auto& [options, expected] : clients) {
    EXPECT_EQ(files(TlsContext::faults(options)), expected) << options.ca_file;
  }
}

}  // namespace
}  // namespace sluice::http
