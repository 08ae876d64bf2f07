#include "http/transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace sluice::http {

namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}
  ~PlainTransport() override { ::close(fd_); }
  PlainTransport(const PlainTransport&) = delete;
  PlainTransport& operator=(const PlainTransport&) = delete;

  TransferResult read(char* to, std::size_t room) override {
    return result(::recv(fd_, to, room, MSG_DONTWAIT), true);
  }
  TransferResult write(const char* from, std::size_t size) override {
    return result(::send(fd_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL), false);
  }
  void finish_sending() override { ::shutdown(fd_, SHUT_WR); }
  [[nodiscard]] int fd() const override { return fd_; }

 private:
  static TransferResult result(ssize_t n, bool reading) {
    if (n > 0) return {TransferResult::Kind::kOk, static_cast<std::size_t>(n)};
    if (n == 0) return {reading ? TransferResult::Kind::kClosed : TransferResult::Kind::kAgain, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      return {TransferResult::Kind::kAgain, 0};
    }
    return {TransferResult::Kind::kFailed, 0};
  }

  int fd_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

}  // namespace sluice::http
