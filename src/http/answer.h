// The bytes of an answer's head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/exchange.h"

namespace sluice::http {

// The Date field's value, made once a second. One thread.
class DateCache {
 public:
  std::string_view at(WallTime now);
  [[nodiscard]] std::string_view text() const { return text_; }  // of the last time

 private:
  std::int64_t second_ = -1;
  std::string text_;
};

struct AnswerFraming {
  int minor_version = 1;
  bool close = false;
  bool keep_alive_said = false;         // HTTP/1.0 wants to be told
  std::optional<std::uint64_t> length;  // none: chunked, or until close
  bool chunked = false;
};

// Appends status line and fields up to, and without, the empty line.
void append_answer_head(std::string& out, const ResponseHead& head, const AnswerFraming& framing,
                        std::string_view date);
}  // namespace sluice::http
