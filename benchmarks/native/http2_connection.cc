#include "http2_connection.h"

#include <algorithm>
#include <bit>

namespace bench {
namespace {

enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8
};
constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kAck = 0x1;
constexpr std::uint8_t kEndHeaders = 0x4;
constexpr std::size_t kFrameHead = 9;
constexpr std::uint32_t kLargestWindow = 0x7fffffff;

void put_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i)
    value = value << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

void put_frame(std::string& out, FrameType type, std::uint8_t flags, std::uint32_t stream,
               std::string_view payload) {
  auto size = static_cast<std::uint32_t>(payload.size());
  put_u32(out, size << 8 | type);
  out += static_cast<char>(flags);
  put_u32(out, stream);
  out += payload;
}

void put_text(std::string& out, std::string_view text) {
  out += static_cast<char>(text.size());  // under 127 bytes, not Huffman coded
  out += text;
}

// A literal header that both sides remember; `name_index` in the static table, or 0 and a name.
void put_remembered(std::string& out, int name_index, std::string_view name,
                    std::string_view value) {
  out += static_cast<char>(0x40 | name_index);
  if (name_index == 0) put_text(out, name);
  put_text(out, value);
}

}  // namespace

Http2Connection::Http2Connection(std::string_view path, std::string message, int depth)
    : streams_(std::bit_ceil(static_cast<std::size_t>(depth) * 4)) {
  // 0x83 is ":method: POST", 0x86 ":scheme: http". The four that follow become 65, 64, 63, 62.
  first_block_ = "\x83\x86";
  put_remembered(first_block_, 4, "", path);
  put_remembered(first_block_, 1, "", "127.0.0.1");
  put_remembered(first_block_, 31, "", "application/grpc");
  put_remembered(first_block_, 0, "te", "trailers");
  block_ = "\x83\x86";
  for (int index : {65, 64, 63, 62}) block_ += static_cast<char>(0x80 | index);

  data_ += '\0';
  put_u32(data_, static_cast<std::uint32_t>(message.size()));
  data_ += message;

  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  std::string settings("\x00\x04", 2);  // SETTINGS_INITIAL_WINDOW_SIZE
  put_u32(settings, kLargestWindow);
  put_frame(out_, kSettings, 0, 0, settings);
  std::string more;
  put_u32(more, kLargestWindow - 65535);
  put_frame(out_, kWindowUpdate, 0, 0, more);
  waiting_ = depth;
  begin_waiting_calls();
}

void Http2Connection::take_sent(std::size_t count) {
  sent_ += count;
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  }
}

void Http2Connection::forget() {
  good_ = 0;
  bad_ = 0;
  sample_ = Sample();
}

void Http2Connection::begin_waiting_calls() {
  while (waiting_ > 0 && !stopped_ && send_window_ >= static_cast<std::int64_t>(data_.size())) {
    --waiting_;
    begin_call();
  }
}

void Http2Connection::begin_call() {
  std::uint32_t id = next_stream_;
  next_stream_ += 2;
  put_frame(out_, kHeaders, kEndHeaders, id, id == 1 ? first_block_ : block_);
  put_frame(out_, kData, kEndStream, id, data_);
  send_window_ -= static_cast<std::int64_t>(data_.size());
  stream_of(id) = {Clock::now(), 0};
}

void Http2Connection::end_call(std::uint32_t id, bool well) {
  if (well) {
    ++good_;
    sample_.add(Clock::now() - stream_of(id).began);
  } else {
    ++bad_;
  }
  ++waiting_;
  begin_waiting_calls();
}

bool Http2Connection::take_received(std::string_view bytes) {
  in_ += bytes;
  std::size_t at = 0;
  while (in_.size() - at >= kFrameHead) {
    std::string_view head = std::string_view(in_).substr(at, kFrameHead);
    std::size_t size = read_u32(head) >> 8;
    if (in_.size() - at < kFrameHead + size) break;
    std::uint32_t stream = read_u32(head.substr(5)) & kLargestWindow;
    if (!take_frame(static_cast<std::uint8_t>(head[3]), static_cast<std::uint8_t>(head[4]), stream,
                    std::string_view(in_).substr(at + kFrameHead, size))) {
      return false;
    }
    at += kFrameHead + size;
  }
  in_.erase(0, at);
  return true;
}

bool Http2Connection::take_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                                 std::string_view payload) {
  switch (type) {
    case kData:
      stream_of(stream).received += payload.size();
      if (good_ == 0 && first_message_.empty() && payload.size() > 5)
        first_message_ = payload.substr(5);
      unacknowledged_ += payload.size();
      if (unacknowledged_ > (1U << 30)) {
        std::string more;
        put_u32(more, static_cast<std::uint32_t>(unacknowledged_));
        put_frame(out_, kWindowUpdate, 0, 0, more);
        unacknowledged_ = 0;
      }
      return true;
    case kHeaders:
      if ((flags & kEndStream) != 0) end_call(stream, stream_of(stream).received > 0);
      return true;
    case kResetStream:
      end_call(stream, false);
      return true;
    case kSettings:
      if ((flags & kAck) == 0) put_frame(out_, kSettings, kAck, 0, {});
      return true;
    case kPing:
      if ((flags & kAck) == 0) put_frame(out_, kPing, kAck, 0, payload);
      return true;
    case kWindowUpdate:
      if (stream == 0) send_window_ += read_u32(payload) & kLargestWindow;
      begin_waiting_calls();
      return true;
    case kGoAway:
      return false;
    default:
      return true;
  }
}

}  // namespace bench
