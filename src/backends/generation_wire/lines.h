// Lines out of bytes that come in pieces: for NDJSON, and under server-sent events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::generation_wire {

// What ends a line: LF with or without a CR before it; or a CR alone as well, as server-sent events
// have it.
enum class LineEnd : std::uint8_t { kLf, kAny };

// Takes bytes split anywhere and gives whole lines, without their ends. Holds at most one line and
// what was fed since. A value; one thread, no clock, no socket.
class Lines {
 public:
  Lines(LineEnd end, std::size_t max_line) : end_(end), max_line_(max_line) {}

  // Views of lines given before are gone.
  void feed(std::string_view bytes);
  // No more will come: what is left is a line.
  void end() { ended_ = true; }
  // The next line, none until more is fed. kTooLarge, from then on, for one over the bound.
  Result<std::optional<std::string_view>> next();

 private:
  const LineEnd end_;
  const std::size_t max_line_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the line to come, in buffer_
  std::size_t scanned_ = 0;  // no end of a line before here
  bool skip_lf_ = false;     // the last line ended in CR: an LF behind it belongs to it
  bool ended_ = false;
};

}  // namespace sluice::generation_wire
