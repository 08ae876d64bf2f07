#include "backends/generation_wire/lines.h"

#include <format>

namespace sluice::generation_wire {

void Lines::feed(std::string_view bytes) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_ += bytes;
}

Result<std::optional<std::string_view>> Lines::next() {
  const std::string_view ends = end_ == LineEnd::kAny ? "\r\n" : "\n";
  if (skip_lf_ && begin_ < buffer_.size()) {
    skip_lf_ = false;
    if (buffer_[begin_] == '\n') scanned_ = ++begin_;
  }
  const auto too_long = [this] {
    return fail(ErrorCode::kTooLarge, std::format("a line is over {} bytes", max_line_));
  };
  const std::size_t at = buffer_.find_first_of(ends, scanned_);
  if (at == std::string::npos) {
    scanned_ = buffer_.size();
    if (scanned_ - begin_ > max_line_) return too_long();
    if (!ended_ || scanned_ == begin_) return std::nullopt;
  }
  const std::size_t stop = at == std::string::npos ? buffer_.size() : at;
  std::string_view line = std::string_view(buffer_).substr(begin_, stop - begin_);
  if (line.size() > max_line_) return too_long();
  if (at == std::string::npos) {
    begin_ = scanned_ = buffer_.size();
  } else {
    skip_lf_ = buffer_[at] == '\r';
    begin_ = scanned_ = at + 1;
  }
  if (end_ == LineEnd::kLf && line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace sluice::generation_wire
