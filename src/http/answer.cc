#include "http/answer.h"

#include <array>
#include <charconv>
#include <chrono>

#include "base/format.h"

namespace sluice::http {

namespace {
void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}
}  // namespace

std::string_view DateCache::at(WallTime now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  if (seconds.time_since_epoch().count() != second_) {
    second_ = seconds.time_since_epoch().count();
    text_ = formatted("{:%a, %d %b %Y %H:%M:%S} GMT", seconds);
  }
  return text_;
}

void append_answer_head(std::string& out, const ResponseHead& head, const AnswerFraming& framing,
                        std::string_view date) {
  if (head.status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(head.status));
    out += ' ';
    out += reason_phrase(head.status);
    out += "\r\n";
  }
  if (!head.content_type.empty()) {
    out += "Content-Type: ";
    out += head.content_type;
    out += "\r\n";
  }
  if (framing.length) {
    out += "Content-Length: ";
    append_number(out, *framing.length);
    out += "\r\n";
  } else if (framing.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  out += "Date: ";
  out += date;
  out += "\r\n";
  if (framing.close) {
    out += "Connection: close\r\n";
  } else if (framing.keep_alive_said) {
    out += "Connection: keep-alive\r\n";
  }
  if (head.headers != nullptr) {
    for (const auto& [name, value] : head.headers->fields()) {
      out += name;
      out += ": ";
      out += value;
      out += "\r\n";
    }
  }
}

}  // namespace sluice::http
