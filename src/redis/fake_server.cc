#include "redis/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/format.h"

namespace sluice::redis {

std::string bulk(std::string_view text) {
  return formatted("${}\r\n{}\r\n", text.size(), text);
}

FakeServer::FakeServer(EventLoop& loop, OnCommand on_command, std::uint16_t port)
    : loop_(loop), on_command_(std::move(on_command)) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd_, 64) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  loop_.watch(fd_, *this);
}

FakeServer::~FakeServer() {
  go_away();
}

void FakeServer::go_away() {
  if (fd_ >= 0) {
    loop_.forget(fd_, *this);
    ::close(std::exchange(fd_, -1));
  }
  hang_up();
}

void FakeServer::hang_up() {
  for (const auto& peer : peers_) peer->close();
}

std::string FakeServer::address() const {
  return formatted("127.0.0.1:{}", port_);
}

std::size_t FakeServer::open() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(peers_, [](const auto& peer) { return peer->is_open(); }));
}

std::size_t FakeServer::heard(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(heard_, [&](const Words& words) { return words[0] == name; }));
}

void FakeServer::on_io(bool, bool) {
  while (fd_ >= 0) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peers_.push_back(std::make_unique<Peer>(*this, fd));
  }
}

bool FakeServer::be_polite(Peer& peer, const Words& words) {
  if (words[0] == "HELLO") {
    peer.send("*10\r\n" + bulk("server") + bulk("redis") + bulk("version") + bulk(version) +
              bulk("id") + ":7\r\n" + bulk("mode") + bulk(mode) + bulk("role") + bulk(role));
  } else if (words[0] == "SELECT") {
    peer.send("+OK\r\n");
  } else if (words[0] == "INFO") {
    peer.send(bulk("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\nloading:0\r\n"));
  } else if (words[0] == "CONFIG") {
    peer.send("*4\r\n" + bulk("appendonly") + bulk("yes") + bulk("appendfsync") + bulk("everysec"));
  } else if (words[0] == "PING") {
    peer.send("+PONG\r\n");
  } else {
    return false;
  }
  return true;
}

FakeServer::Peer::Peer(FakeServer& server, int fd) : server_(server), fd_(fd) {
  server_.loop_.watch(fd_, *this);
}

void FakeServer::Peer::close() {
  if (fd_ < 0) return;
  server_.loop_.forget(fd_, *this);
  ::close(std::exchange(fd_, -1));
}

FakeServer::Peer& FakeServer::Peer::send(std::string_view bytes) {
  out_ += bytes;
  while (is_open() && !out_.empty()) {
    const auto n = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    out_.erase(0, static_cast<std::size_t>(n));
  }
  return *this;
}

void FakeServer::Peer::on_io(bool readable, bool) {
  send({});
  std::array<char, 65536> buffer;
  while (readable && is_open() && !deaf) {
    const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (n == 0) return close();
    if (n < 0) return;
    reader_.feed({buffer.data(), static_cast<std::size_t>(n)});
    while (is_open()) {
      const auto command = reader_.next();
      if (!command || !*command) break;
      Words words;
      for (const Reply& word : (**command).items()) words.emplace_back(word.text());
      server_.heard_.push_back(words);
      server_.on_command_(*this, words);
    }
  }
}

}  // namespace sluice::redis
