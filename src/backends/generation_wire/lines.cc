#include "backends/generation_wire/lines.h"

#include "base/format.h"

namespace sluice::generation_wire {

namespace {
// Of the end of the line, or npos. A search for one byte is many times faster than for any of two.
std::size_t find_end(std::string_view text, std::size_t from, LineEnd end) {
  const std::size_t lf = text.find('\n', from);
  if (end == LineEnd::kLf) return lf;
  const std::size_t cr = text.substr(0, lf).find('\r', from);
  return cr != std::string_view::npos ? cr : lf;
}
}  // namespace

void Lines::feed(std::string_view bytes) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_ += bytes;
}

Result<std::optional<std::string_view>> Lines::next() {
  if (skip_lf_ && begin_ < buffer_.size()) {
    skip_lf_ = false;
    if (buffer_[begin_] == '\n') scanned_ = ++begin_;
  }
  const auto too_long = [this] {
    return fail(ErrorCode::kTooLarge, formatted("a line is over {} bytes", max_line_));
  };
  const std::size_t at = find_end(buffer_, scanned_, end_);
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
