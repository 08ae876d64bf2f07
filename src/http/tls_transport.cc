#include "http/tls_transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include "http/tls_stream.h"

namespace sluice::http {

namespace {

class TlsTransport final : public Transport {
 public:
  TlsTransport(int fd, TlsContextPtr context) : fd_(fd), stream_(std::move(context), fd) {}
  ~TlsTransport() override {
    if (shaken_) stream_.shutdown();
    ::close(fd_);
  }
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  TransferResult read(char* to, std::size_t room) override {
    if (const IoStatus status = shake(); status != IoStatus::kOk) return {kind(status), 0};
    const IoResult result = stream_.read({to, room});
    return {kind(result.status), result.bytes};
  }
  TransferResult write(const char* from, std::size_t size) override {
    if (const IoStatus status = shake(); status != IoStatus::kOk) return {kind(status), 0};
    const IoResult result = stream_.write({from, size});
    return {kind(result.status), result.bytes};
  }
  void finish_sending() override {
    if (shaken_) stream_.shutdown();
    ::shutdown(fd_, SHUT_WR);
  }
  [[nodiscard]] int fd() const override { return fd_; }
  [[nodiscard]] bool secure() const override { return true; }
  [[nodiscard]] bool short_read_is_empty() const override { return false; }

 private:
  IoStatus shake() {
    if (shaken_) return IoStatus::kOk;
    const IoStatus status = stream_.handshake();
    shaken_ = status == IoStatus::kOk;
    return status;
  }
  static TransferResult::Kind kind(IoStatus status) {
    switch (status) {
      case IoStatus::kOk:
        return TransferResult::Kind::kOk;
      case IoStatus::kWantRead:
      case IoStatus::kWantWrite:
        return TransferResult::Kind::kAgain;
      case IoStatus::kClosed:
        return TransferResult::Kind::kClosed;
      case IoStatus::kError:
        break;
    }
    return TransferResult::Kind::kFailed;
  }

  int fd_;
  TlsStream stream_;
  bool shaken_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_tls_transport(int fd, TlsContextPtr context) {
  return std::make_unique<TlsTransport>(fd, std::move(context));
}

}  // namespace sluice::http
