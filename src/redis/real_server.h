// A redis-server or valkey-server of a test's own. For tests only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sluice::redis {

// In a folder of its own, which goes when it does; on a port of loopback, or on a Unix socket.
class RealServer {
 public:
  // Is there such a program? "redis-server", "valkey-server".
  static bool exists(const std::string& program);

  // Starts it with these lines of configuration besides; "{folder}" in them is its folder.
  RealServer(std::string program, const std::vector<std::string>& configuration,
             bool sentinel = false);
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  void start();
  void kill();  // at once (SIGKILL)
  void hang();  // SIGSTOP
  void go_on();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::string socket_address() const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  // What it has logged.
  [[nodiscard]] std::string log() const;

 private:
  void configure(const std::vector<std::string>& lines) const;
  [[nodiscard]] bool has_its_port();

  const std::string program_;
  const bool sentinel_;
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace sluice::redis
