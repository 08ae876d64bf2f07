#include "http/client/transport.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::http {

ClientTransport::ClientTransport(int fd, TlsContextPtr tls, const std::string& server_name)
    : fd_(fd) {
  if (tls) tls_ = std::make_unique<TlsStream>(std::move(tls), fd, server_name);
}

IoStatus ClientTransport::handshake() {
  return tls_ ? tls_->handshake() : IoStatus::kOk;
}

IoResult ClientTransport::failed() {
  error_ = std::strerror(errno);
  return {IoStatus::kError};
}

IoResult ClientTransport::read(std::span<char> into) {
  if (tls_) return tls_->read(into);
  while (true) {
    const auto n = ::recv(fd_, into.data(), into.size(), 0);
    if (n > 0) return {IoStatus::kOk, static_cast<std::size_t>(n)};
    if (n == 0) return {IoStatus::kClosed};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kWantRead};
    if (errno != EINTR) return failed();
  }
}

IoResult ClientTransport::write(std::string_view first, std::string_view second) {
  if (tls_) return tls_->write(first.empty() ? second : first);
  std::array<iovec, 2> parts{{{const_cast<char*>(first.data()), first.size()},
                              {const_cast<char*>(second.data()), second.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  while (true) {
    const auto n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n >= 0) return {IoStatus::kOk, static_cast<std::size_t>(n)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kWantWrite};
    if (errno != EINTR) return failed();
  }
}

bool ClientTransport::looks_alive() const {
  char byte = 0;
  const auto n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  // TLS may have sent records that concern TLS only.
  if (n > 0) return is_tls();
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void ClientTransport::close() {
  if (fd_ < 0) return;
  if (tls_) tls_->shutdown();
  ::close(std::exchange(fd_, -1));
}

}  // namespace sluice::http
