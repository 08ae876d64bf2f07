#pragma once
// An HTTP/1.1 answer as it comes in, in pieces: with an announced length or in chunks.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "http_text.h"

namespace bench {

// One answer at a time; begin() before each.
class AnswerReader {
 public:
  void begin() { *this = AnswerReader(); }

  // True once the answer is whole. What comes after that is not looked at.
  bool feed(std::string_view bytes) {
    raw_.append(bytes);
    if (status_ == 0 && !read_head()) return false;
    return chunked_ ? read_chunks() : read_length();
  }

  int status() const { return status_; }  // 0 before the head is whole
  bool closes() const { return closes_; }
  // Of the two headers that say when to come back; -1 where they are missing.
  long retry_after() const { return retry_after_; }
  long retry_after_ms() const { return retry_after_ms_; }
  const std::string& body() const { return body_; }

  // Whether a piece of text has come, in whole answers and in events alike.
  bool has_text() {
    while (!has_text_) {
      const std::size_t content = body_.find("\"content\":", looked_at_);
      const std::size_t text = body_.find("\"text\":", looked_at_);
      const std::size_t found = std::min(content, text);
      if (found == std::string::npos) return false;
      const std::size_t value = body_.find_first_not_of(' ', body_.find(':', found) + 1);
      if (value == std::string::npos || value + 1 >= body_.size()) return false;
      has_text_ = body_[value] == '"' && body_[value + 1] != '"';
      looked_at_ = value + 1;
    }
    return true;
  }

 private:
  bool read_head() {
    const std::size_t end = raw_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    if (raw_.starts_with("HTTP/1.1 ")) status_ = std::atoi(raw_.c_str() + 9);
    const std::string_view head = std::string_view(raw_).substr(0, end);
    chunked_ = header(head, "transfer-encoding").value_or("") == "chunked";
    closes_ = header(head, "connection").value_or("") == "close";
    length_ = std::strtoull(header(head, "content-length").value_or("0").c_str(), nullptr, 10);
    retry_after_ = std::atol(header(head, "retry-after").value_or("-1").c_str());
    retry_after_ms_ = std::atol(header(head, "retry-after-ms").value_or("-1").c_str());
    at_ = end + 4;
    return true;
  }

  static std::optional<std::string> header(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
      const std::size_t end = std::min(head.find("\r\n", at + 2), head.size());
      const std::string_view line = head.substr(at + 2, end - at - 2);
      const std::size_t colon = line.find(':');
      if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) {
        const std::size_t value = line.find_first_not_of(' ', colon + 1);
        return std::string(value == std::string_view::npos ? "" : line.substr(value));
      }
      at = end == head.size() ? std::string_view::npos : end;
    }
    return std::nullopt;
  }

  bool read_length() {
    body_.assign(raw_, at_, length_);
    return body_.size() == length_;
  }

  bool read_chunks() {
    for (;;) {
      const std::size_t line = raw_.find("\r\n", at_);
      if (line == std::string::npos) return false;
      const std::size_t size = std::strtoull(raw_.c_str() + at_, nullptr, 16);
      if (raw_.size() < line + 2 + size + 2) return false;
      body_.append(raw_, line + 2, size);
      at_ = line + 2 + size + 2;
      if (size == 0) return true;
    }
  }

  std::string raw_;
  std::string body_;
  std::size_t at_ = 0;  // in raw_: what comes next
  std::size_t length_ = 0;
  std::size_t looked_at_ = 0;  // in body_
  int status_ = 0;
  long retry_after_ = -1;
  long retry_after_ms_ = -1;
  bool chunked_ = false;
  bool closes_ = false;
  bool has_text_ = false;
};

}  // namespace bench
