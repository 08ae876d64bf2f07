#pragma once
// One HTTP/2 connection that sends the same unary gRPC call over and over, as cheaply as it can be
// done, so that the load generator never costs more than the server (RFC 9113, RFC 7541, gRPC over
// HTTP/2). Answers are not decoded beyond their frames: a call that brought a message and then
// trailers is a good one, for a gRPC error comes as trailers alone.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sample.h"

namespace bench {

// One thread. The socket is the caller's; this class makes and reads bytes.
class Http2Connection {
 public:
  // `message` is the serialised request, `depth` the calls in flight.
  Http2Connection(std::string_view path, std::string message, int depth);

  // Bytes to be sent now. take_sent(n) says how many the socket took.
  std::string_view unsent() const { return std::string_view(out_).substr(sent_); }
  void take_sent(std::size_t count);

  // Bytes that came. False when the server spoke of an error or left.
  bool take_received(std::string_view bytes);

  // No further calls start; take_received goes on counting those in flight.
  void stop() { stopped_ = true; }

  std::uint64_t good() const { return good_; }
  std::uint64_t bad() const { return bad_; }
  Sample& sample() { return sample_; }
  // The message of the first good answer.
  const std::string& first_message() const { return first_message_; }
  // Forgets what was counted so far: the end of the warm-up.
  void forget();

 private:
  struct Stream {
    Clock::time_point began;
    std::size_t received = 0;
  };

  void begin_call();
  void end_call(std::uint32_t stream, bool well);
  bool take_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload);
  void begin_waiting_calls();
  Stream& stream_of(std::uint32_t id) { return streams_[(id / 2) % streams_.size()]; }

  std::string first_block_;  // the header block that fills the server's table
  std::string block_;        // the one that refers to it
  std::string data_;         // the DATA payload: prefix and message
  std::vector<Stream> streams_;
  std::string out_;
  std::size_t sent_ = 0;
  std::string in_;
  std::uint32_t next_stream_ = 1;
  std::int64_t send_window_ = 65535;
  std::uint64_t unacknowledged_ = 0;
  int waiting_ = 0;  // calls that the window does not let go yet
  bool stopped_ = false;
  std::uint64_t good_ = 0;
  std::uint64_t bad_ = 0;
  std::string first_message_;
  Sample sample_;
};

}  // namespace bench
