// Server-sent events out of bytes (WHATWG HTML, 9.2 "Server-sent events").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "backends/generation_wire/lines.h"
#include "base/result.h"

namespace sluice::generation_wire {

struct SseEvent {
  std::string_view type;  // empty: "message"
  std::string_view data;  // lines of data joined by LF
};

// Takes bytes split anywhere. Comments, `id` and `retry` are read past; events without data are
// none. Unlike a browser it takes an event that ends with the stream in place of with an empty
// line. A value; one thread.
class SseParser {
 public:
  explicit SseParser(std::size_t max_event)
      : lines_(LineEnd::kAny, max_event), max_event_(max_event) {}

  void feed(std::string_view bytes) { lines_.feed(bytes); }
  void end();
  // The next event, none until more is fed; valid until the next call of anything. kTooLarge, from
  // then on, over the bound.
  Result<std::optional<SseEvent>> next();

 private:
  void take(std::string_view line);

  Lines lines_;
  const std::size_t max_event_;
  std::string type_;
  std::string data_;
  bool has_data_ = false;
  bool given_ = false;  // type_ and data_ were handed out
  bool first_ = true;   // a byte order mark may come
  bool ended_ = false;
};

}  // namespace sluice::generation_wire
