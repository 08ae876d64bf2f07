// The Exchange's side of a connection: answers.
#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "http/connection.h"
#include "http/gzip.h"

namespace sluice::http {

void Connection::append_cors() {
  if (site_->cors.origins.empty()) return;
  const auto& origins = site_->cors.origins;
  const bool any = std::ranges::find(origins, "*") != origins.end();
  if (!any) out_ += "Vary: Origin\r\n";
  const auto origin = parser_.head().header("Origin");
  if (!origin) return;
  if (!any && std::ranges::find(origins, *origin) == origins.end()) return;
  out_ += "Access-Control-Allow-Origin: ";
  out_ += any ? std::string_view("*") : *origin;
  out_ += "\r\n";
}

void Connection::append_head(const ResponseHead& head, bool chunked,
                             std::optional<std::uint64_t> length, std::string_view encoding) {
  if (server_.draining()) close_after_ = true;
  const RequestHead& request = parser_.head();
  const AnswerFraming framing{.close = close_after_,
                              .keep_alive_said = request.minor_version == 0 && !close_after_,
                              .length = length,
                              .chunked = chunked};
  append_answer_head(out_, head, framing, server_.date());
  if (!encoding.empty()) {
    out_ += "Content-Encoding: ";
    out_ += encoding;
    out_ += "\r\n";
  }
  if (vary_encoding_) out_ += "Vary: Accept-Encoding\r\n";
  append_cors();
  if (!request_id.empty()) {
    out_ += "X-Request-Id: ";
    out_ += request_id;
    out_ += "\r\n";
  }
  out_ += added_fields;
  if (site_->server_timing && timings.has(telemetry::Stage::kRun)) {
    out_ += "Server-Timing: ";
    if (server_timing.empty()) {
      telemetry::append_server_timing(out_, timings);
    } else {
      out_ += server_timing;
    }
    out_ += "\r\n";
  }
  out_ += "\r\n";
}

void Connection::do_respond(const ResponseHead& head, std::string_view body) {
  if (upload_open_) leave_upload();
  if (phase_ != Phase::kHandling || answered_) throw std::logic_error("an exchange answered twice");
  timings.lap(telemetry::Stage::kEncode, server_.precise_now());
  if (!gone_) {
    const bool empty = head.status == 204 || head.status == 304 || head.status < 200;
    std::string compressed;
    std::string_view encoding;
    vary_encoding_ = site_->gzip.enabled && body.size() >= site_->gzip.min_bytes &&
                     body.size() <= site_->gzip.max_bytes && is_compressible(head.content_type);
    if (vary_encoding_ && accepts_gzip(parser_.head().header("Accept-Encoding").value_or(""))) {
      compressed = gzip(body);
      body = compressed;
      encoding = "gzip";
    }
    append_head(head, false, empty ? std::nullopt : std::optional<std::uint64_t>(body.size()),
                encoding);
    if (!head_only_ && !empty) out_ += body;
  }
  vary_encoding_ = false;
  answered(head.status, body.size());
}

void Connection::do_start_stream(const ResponseHead& head) {
  if (upload_open_) leave_upload();
  if (phase_ != Phase::kHandling || answered_) throw std::logic_error("an exchange answered twice");
  phase_ = Phase::kStreaming;
  status_ = head.status;
  body_bytes_ = 0;
  stream_chunked_ = parser_.head().minor_version == 1;
  if (!stream_chunked_) close_after_ = true;
  timings.lap(telemetry::Stage::kEncode, server_.precise_now());
  if (gone_) return;
  append_head(head, stream_chunked_, std::nullopt, {});
  if (!dispatching_) flush();
}

bool Connection::do_write_stream(std::string_view part) {
  if (phase_ != Phase::kStreaming) throw std::logic_error("a part outside a stream");
  if (gone_ || head_only_ || part.empty()) return true;
  body_bytes_ += part.size();
  if (stream_chunked_) {
    std::array<char, 18> size;
    char* end = std::to_chars(size.data(), size.data() + 16, part.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out_.append(size.data(), end);
    out_ += part;
    out_ += "\r\n";
  } else {
    out_ += part;
  }
  if (!dispatching_) flush();
  return unsent() < kHighWater;
}

void Connection::do_end_stream() {
  if (phase_ != Phase::kStreaming) throw std::logic_error("the end of no stream");
  if (!gone_ && !head_only_ && stream_chunked_) out_ += "0\r\n\r\n";
  phase_ = Phase::kHandling;
  answered(status_, body_bytes_);
}

void Connection::answered(int status, std::uint64_t bytes) {
  answered_ = true;
  on_cancel_ = nullptr;
  on_writable_ = nullptr;
  server_.observer().on_answered(*this, *site_, status, bytes, route_ != nullptr && route_->probe);
  if (dispatching_) return;  // the caller finishes
  // Whoever answers may live in what the exchange owns: let it return first.
  server_.defer([this] {
    finish_exchange();
    pump();
  });
}

void Connection::finish_exchange() {
  answered_ = false;
  if (counted_in_flight_) {
    counted_in_flight_ = false;
    server_.counts().in_flight.fetch_sub(1, std::memory_order_relaxed);
    server_.observer().on_in_flight(-1);
  }
  attachment_.reset();
  params_.clear();
  request_id.clear();
  traceparent.clear();
  principal.reset();
  added_fields.clear();
  server_timing.clear();
  error.reset();
  labels = {};
  later = nullptr;
  route_ = nullptr;
  peer_ = peer_text_;
  body_ = {};
  if (gone_) return end();
  parser_.reset();
  fed_ = 0;
  begin_ = cursor_;
  if (begin_ == end_) begin_ = end_ = cursor_ = 0;
  constexpr std::size_t kKeep = 64 * 1024;
  if (body_store_.capacity() > kKeep) {
    body_store_ = {};
  } else {
    body_store_.clear();
  }
  if (close_after_) {
    phase_ = Phase::kLingering;
    if (begin_ != end_) must_linger_ = true;
    return;
  }
  phase_ = Phase::kHead;
  set_deadline(loop_->now() + server_.limits().keep_alive_timeout);
}

}  // namespace sluice::http
