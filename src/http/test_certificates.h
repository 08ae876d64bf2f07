// Keys and certificates made on the spot, for tests only.
#pragma once

#include <filesystem>
#include <string>

namespace sluice::http {

// A folder with an authority (ca.pem), a certificate it signed for `host` (server.pem, server.key)
// and a self-signed stranger (other.pem, other.key). Removed at the end.
class TestCertificates {
 public:
  explicit TestCertificates(const std::string& host);
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

}  // namespace sluice::http
