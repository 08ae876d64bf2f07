#include "http/client/connection.h"

#include <array>
#include <utility>

#include "base/format.h"

namespace sluice::http {

namespace {
constexpr std::size_t kReadSize = 16 * 1024;  // one TLS record
}

ClientConnection::ClientConnection(EventLoop& loop, std::unique_ptr<ClientTransport> transport,
                                   ResponseLimits limits, Owner& owner)
    : loop_(loop), transport_(std::move(transport)), owner_(owner), parser_(limits) {
  loop_.watch(transport_->fd(), *this);
}

ClientConnection::~ClientConnection() {
  close();
}

void ClientConnection::close() {
  if (!std::exchange(open_, false)) return;
  loop_.forget(transport_->fd(), *this);
  transport_->close();
}

std::string_view ClientConnection::stage() const {
  if (!all_sent_) return "sending the request";
  return parser_.heard() ? "receiving the answer" : "waiting for the answer";
}

bool ClientConnection::begin(ClientCallPtr call) {
  call_ = std::move(call);
  sent_ = 0;
  all_sent_ = write_failed_ = false;
  ClientRequest& request = call_->request;
  parser_.begin(request.method == Method::kHead, &request.on_head, &request.on_body);
  write_some();
  return !write_failed_;
}

void ClientConnection::on_io(bool readable, bool) {
  if (call_ == nullptr) {
    if (!readable) return;
    std::array<char, 256> buffer;
    const IoResult result = transport_->read(buffer);
    if (result.status != IoStatus::kWantRead) owner_.on_idle_end(*this);
    return;
  }
  if (!all_sent_ && !write_failed_) write_some();
  if (readable || write_failed_ || transport_->is_tls()) read_some();
}

void ClientConnection::write_some() {
  const std::string_view head = call_->head;
  const ClientRequest& request = call_->request;
  const std::uint64_t size = body_size(request);
  while (sent_ < head.size() + size) {
    const bool in_head = sent_ < head.size();
    const std::uint64_t offset = in_head ? 0 : sent_ - head.size();
    std::string_view body = std::string_view(request.body).substr(0, size);
    if (request.body_source && size > 0) {
      body = request.body_source->at(offset).substr(0, size - offset);
      if (body.empty()) {
        write_failed_ = true;
        return;
      }
    } else {
      body.remove_prefix(offset);
    }
    const IoResult result =
        transport_->write(in_head ? head.substr(sent_) : std::string_view{}, body);
    if (result.status != IoStatus::kOk) {
      write_failed_ = result.status == IoStatus::kError || result.status == IoStatus::kClosed;
      return;
    }
    sent_ += result.bytes;
  }
  all_sent_ = true;
}

void ClientConnection::read_some() {
  std::array<char, kReadSize> buffer;
  while (true) {
    const IoResult result = transport_->read(buffer);
    auto state = ResponseParser::State::kMore;
    switch (result.status) {
      case IoStatus::kOk:
        state = parser_.feed({buffer.data(), result.bytes});
        break;
      case IoStatus::kClosed:
        state = parser_.end();
        break;
      case IoStatus::kError:
        finish(fail(unavailable(
            formatted("the connection broke while {}: {}", stage(), transport_->error()))));
        return;
      case IoStatus::kWantRead:
      case IoStatus::kWantWrite:
        if (write_failed_) {
          finish(fail(unavailable("the connection broke while sending the request")));
        }
        return;
    }
    if (!open_) return;  // a callback of the call cancelled it
    if (state == ResponseParser::State::kDone) return finish(parser_.take());
    if (state == ResponseParser::State::kFailed) return finish(fail(parser_.error()));
    // A short read has emptied the socket, unless the kernel said that there is an end behind it.
    if (result.bytes < buffer.size() && !transport_->is_tls() && !write_failed_ &&
        !loop_.hangup_reported()) {
      return;
    }
  }
}

void ClientConnection::finish(Result<ClientResponse> response) {
  Outcome outcome{.response = std::move(response), .heard = parser_.heard(), .taken = sent_ > 0};
  outcome.reusable = outcome.response.has_value() && all_sent_ && parser_.reusable();
  owner_.on_outcome(*this, std::move(outcome));
}

}  // namespace sluice::http
