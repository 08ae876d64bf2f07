#pragma once
// As much of HTTP/1.1 as the benchmark tools need: where a message ends, when its length is
// announced.

#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  }
  return true;
}

// The bytes of the first whole message in `text`, head and body; nothing while it is incomplete. A
// message without Content-Length has no body here.
inline std::optional<std::size_t> message_size(std::string_view text) {
  std::size_t head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) return std::nullopt;
  std::size_t body = 0;
  for (std::size_t at = text.find("\r\n"); at < head;) {
    std::size_t end = text.find("\r\n", at + 2);
    std::string_view line = text.substr(at + 2, end - at - 2);
    std::size_t colon = line.find(':');
    if (colon != std::string_view::npos &&
        equals_ignoring_case(line.substr(0, colon), "content-length")) {
      body = std::strtoull(std::string(line.substr(colon + 1)).c_str(), nullptr, 10);
    }
    at = end;
  }
  std::size_t size = head + 4 + body;
  if (text.size() < size) return std::nullopt;
  return size;
}

inline std::string_view body_of(std::string_view message) {
  return message.substr(message.find("\r\n\r\n") + 4);
}

inline std::string json_answer(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// Text as a JSON string, for bodies that hold no control characters.
inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + '"';
}

}  // namespace bench
