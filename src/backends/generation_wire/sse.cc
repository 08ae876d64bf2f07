#include "backends/generation_wire/sse.h"

#include "base/format.h"

namespace sluice::generation_wire {

namespace {
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
}

void SseParser::end() {
  lines_.end();
  ended_ = true;
}

void SseParser::take(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") type_ = value;
  if (name != "data") return;
  if (has_data_) data_ += '\n';
  data_ += value;
  has_data_ = true;
}

Result<std::optional<SseEvent>> SseParser::next() {
  if (given_) {
    given_ = has_data_ = false;
    type_.clear();
    data_.clear();
  }
  while (true) {
    auto line = lines_.next();
    if (!line) return fail(std::move(line.error()));
    if (!*line && (!ended_ || !has_data_)) return std::nullopt;
    std::string_view text = line->value_or("");
    if (first_ && *line) {
      first_ = false;
      if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    }
    if (!text.empty()) {
      take(text);
      if (data_.size() + type_.size() <= max_event_) continue;
      return fail(ErrorCode::kTooLarge, formatted("an event is over {} bytes", max_event_));
    }
    if (has_data_) {
      given_ = true;
      return SseEvent{type_, data_};
    }
    type_.clear();
  }
}

}  // namespace sluice::generation_wire
