#include "redis/real_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace sluice::redis {

namespace {
void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}
// A port of loopback that nobody has at the moment: these servers cannot ask the kernel themselves.
std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}
}  // namespace

bool RealServer::exists(const std::string& program) {
  std::istringstream folders(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    folder.append("/").append(program);
    if (::access(folder.c_str(), X_OK) == 0) return true;
  }
  return false;
}

RealServer::RealServer(std::string program, const std::vector<std::string>& configuration,
                       bool sentinel)
    : program_(std::move(program)), sentinel_(sentinel) {
  // In memory where that can be: what it is asked for is to survive its own death, not the
  // machine's, and a busy disk would make it look as if it were away.
  const std::filesystem::path memory = "/dev/shm";
  const bool in_memory = ::access(memory.c_str(), W_OK) == 0;
  const std::filesystem::path base = in_memory ? memory : std::filesystem::temp_directory_path();
  std::string folder = (base / "sluice-redis-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
  folder_ = folder;
  // Somebody else may take the port before the server does.
  constexpr int kMostTries = 5;
  for (int i = 0; i < kMostTries; ++i) {
    port_ = free_port();
    configure(configuration);
    start();
    if (has_its_port()) return;
  }
  const std::string why = formatted("{} did not start: {}", program_, log());
  std::filesystem::remove_all(folder_);
  throw std::runtime_error(why);
}

void RealServer::configure(const std::vector<std::string>& lines) const {
  const std::string folder = folder_.string();
  std::ofstream file(folder_ / "server.conf");
  file << formatted("bind 127.0.0.1 ::1\nport {}\ndir {}\nlogfile {}/log\ndaemonize no\n", port_,
                    folder, folder);
  if (!sentinel_) file << formatted("unixsocket {}/socket\n", folder);
  for (std::string line : lines) {
    replace_all(line, "{folder}", folder);
    // The one port of a server that speaks TLS only.
    replace_all(line, "{port}", std::to_string(port_));
    file << line << '\n';
  }
}

// One that cannot have it ends by itself. False: it has ended, or was too slow.
bool RealServer::has_its_port() {
  const std::string_view said = sentinel_ ? "Sentinel ID is" : "Ready to accept connections";
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!log().contains(said)) {
    if (std::chrono::steady_clock::now() > until) {
      kill();
      return false;
    }
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return false;
    }
    ::usleep(1000);
  }
  return true;
}

RealServer::~RealServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RealServer::start() {
  const std::string configuration = (folder_ / "server.conf").string();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves nobody behind
  const int nothing = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(nothing, fd);
  std::array<const char*, 4> arguments{program_.c_str(), configuration.c_str(),
                                       sentinel_ ? "--sentinel" : nullptr, nullptr};
  ::execvp(program_.c_str(), const_cast<char* const*>(arguments.data()));
  ::_exit(127);
}

void RealServer::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, 0), nullptr, 0);
}

void RealServer::hang() {
  ::kill(pid_, SIGSTOP);
}
void RealServer::go_on() {
  ::kill(pid_, SIGCONT);
}

std::string RealServer::address() const {
  return formatted("127.0.0.1:{}", port_);
}
std::string RealServer::socket_address() const {
  return formatted("unix:{}/socket", folder_.string());
}

std::string RealServer::log() const {
  std::ifstream file(folder_ / "log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace sluice::redis
