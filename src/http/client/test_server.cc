#include "http/client/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "base/format.h"
#include "http/client/address.h"
#include "http/client/url.h"

namespace sluice::http {

namespace {
int listen_on(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (::bind(fd, address.data(), address.size()) != 0 || ::listen(fd, 64) != 0) {
    throw std::runtime_error("cannot listen on " + to_string(address));
  }
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(bound.sin_port);
}
}  // namespace

std::uint16_t closed_port() {
  const int fd = listen_on(*Address::parse("127.0.0.1", 0));
  const std::uint16_t port = port_of(fd);
  ::close(fd);
  return port;
}

TestServer::TestServer(EventLoop& loop, OnRequest on_request, TlsContextPtr tls,
                       std::string socket_path)
    : loop_(loop),
      on_request_(std::move(on_request)),
      tls_(std::move(tls)),
      socket_path_(std::move(socket_path)) {
  if (socket_path_.empty()) {
    fd_ = listen_on(*Address::parse("127.0.0.1", 0));
    port_ = port_of(fd_);
  } else {
    fd_ = listen_on(*Address::unix_socket(socket_path_));
  }
  loop_.watch(fd_, *this);
}

TestServer::~TestServer() {
  stop_listening();
}

void TestServer::stop_listening() {
  if (fd_ < 0) return;
  loop_.forget(fd_, *this);
  ::close(std::exchange(fd_, -1));
  if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
}

std::string TestServer::url() const {
  if (!socket_path_.empty()) {
    return to_string(Url{.scheme = Url::Scheme::kUnix, .port = 0, .socket_path = socket_path_});
  }
  return formatted("{}://127.0.0.1:{}", tls_ ? "https" : "http", port_);
}

int TestServer::open() const {
  return static_cast<int>(std::ranges::count_if(peers_, [](auto& p) { return p->is_open(); }));
}

void TestServer::on_io(bool, bool) {
  while (fd_ >= 0) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    peers_.push_back(std::make_unique<Peer>(*this, fd));
    if (on_accepted) on_accepted(*peers_.back());
  }
}

TestServer::Peer::Peer(TestServer& server, int fd)
    : server_(server), transport_(fd, server.tls_, "") {
  server_.loop_.watch(fd, *this);
}

void TestServer::Peer::close() {
  if (!std::exchange(open_, false)) return;
  server_.loop_.forget(transport_.fd(), *this);
  transport_.close();
}

void TestServer::Peer::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(transport_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

TestServer::Peer& TestServer::Peer::send(std::string_view bytes) {
  out_ += bytes;
  while (open_ && !out_.empty()) {
    const IoResult result = transport_.write(out_, {});
    if (result.status != IoStatus::kOk) break;
    out_.erase(0, result.bytes);
  }
  return *this;
}

TestServer::Peer& TestServer::Peer::answer(std::string_view body, std::string_view extra_head) {
  return send(formatted("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n{}", body.size(),
                        extra_head, body));
}

void TestServer::Peer::on_io(bool readable, bool) {
  if (!shaken_) {
    const IoStatus status = transport_.handshake();
    if (status == IoStatus::kError) return close();
    if (status != IoStatus::kOk) return;
    shaken_ = true;
    readable = true;
  }
  send({});
  if (readable && !server_.on_accepted) read_all();
}

void TestServer::Peer::read_all() {
  std::array<char, 65536> buffer;
  while (open_) {
    const IoResult result = transport_.read(buffer);
    if (result.status == IoStatus::kOk) {
      in_.append(buffer.data(), result.bytes);
      continue;
    }
    if (result.status == IoStatus::kWantRead) break;
    close();
    if (server_.on_closed) server_.on_closed();
    return;
  }
  const auto end = in_.find("\r\n\r\n");
  if (!open_ || end == std::string::npos) return;
  std::size_t length = 0;
  constexpr std::string_view kLength = "Content-Length: ";
  if (const auto at = in_.find(kLength); at < end) {
    length = std::strtoul(in_.c_str() + at + kLength.size(), nullptr, 10);
  }
  if (in_.size() < end + 4 + length) return;
  const std::string request = std::exchange(in_, {});
  server_.on_request_(*this, request, server_.requests_++);
}

}  // namespace sluice::http
