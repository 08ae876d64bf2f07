#include "backends/llama/output_text.h"

#include <algorithm>

namespace sluice::llama {

std::size_t unfinished_utf8(std::string_view text) {
  const std::size_t most = std::min<std::size_t>(3, text.size());
  for (std::size_t back = 1; back <= most; ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;  // a continuation
    std::size_t length = 1;
    if (byte >= 0xC2U && byte <= 0xDFU) length = 2;
    if (byte >= 0xE0U && byte <= 0xEFU) length = 3;
    if (byte >= 0xF0U && byte <= 0xF4U) length = 4;
    return length > back ? back : 0;
  }
  return 0;
}

OutputText::OutputText(std::vector<std::string> stop) : stop_(std::move(stop)) {
  std::erase_if(stop_, [](const std::string& text) { return text.empty(); });
  for (const std::string& text : stop_) longest_ = std::max(longest_, text.size());
}

std::string_view OutputText::tell_up_to(std::size_t end) {
  const std::size_t from = told_;
  told_ = std::max(told_, end);
  return std::string_view(text_).substr(from, told_ - from);
}

std::string_view OutputText::push(std::string_view piece) {
  if (stopped_) return {};
  const std::size_t before = text_.size();
  text_ += piece;
  // A stop text that was not there before ends in the new piece.
  const std::size_t from = before > longest_ ? before - longest_ : 0;
  std::size_t at = std::string::npos;
  for (const std::string& stop : stop_) at = std::min(at, text_.find(stop, from));
  if (at != std::string::npos) {
    stopped_ = true;
    text_.resize(at);
    return tell_up_to(at);
  }
  // The longest end of the text with which a stop text begins.
  std::size_t held = unfinished_utf8(text_);
  for (const std::string& stop : stop_) {
    for (std::size_t size = std::min(stop.size() - 1, text_.size()); size > held; --size) {
      if (text_.ends_with(std::string_view(stop).substr(0, size))) {
        held = size;
        break;
      }
    }
  }
  return tell_up_to(text_.size() - held);
}

std::string_view OutputText::finish() {
  if (!stopped_) {
    if (const std::size_t cut = unfinished_utf8(text_); cut != 0) {
      text_.resize(text_.size() - cut);
      text_ += "\xEF\xBF\xBD";
    }
  }
  return tell_up_to(text_.size());
}

}  // namespace sluice::llama
