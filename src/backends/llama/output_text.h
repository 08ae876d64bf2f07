// From pieces of text, as tokens give them, to what may be told: whole characters, nothing of a
// stop text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::llama {

// The text of one answer. A piece may end within a UTF-8 character or within what could become a
// stop text: that much is held back until it is clear. One thread.
class OutputText {
 public:
  // The text ends before the first of `stop`, none of which is empty.
  explicit OutputText(std::vector<std::string> stop = {});

  // Adds a piece; the answer is what may be told now, a view until the next call. Nothing comes
  // after a stop text.
  std::string_view push(std::string_view piece);
  // No more comes: what was held back. A character that never became whole is U+FFFD.
  std::string_view finish();

  // A stop text came.
  [[nodiscard]] bool stopped() const { return stopped_; }
  // What has been told so far.
  [[nodiscard]] std::string_view told() const { return std::string_view(text_).substr(0, told_); }
  // All of it so far, also what is held back.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string_view tell_up_to(std::size_t end);

  std::vector<std::string> stop_;
  std::string text_;
  std::size_t told_ = 0;     // bytes of text_
  std::size_t longest_ = 0;  // of the stop texts
  bool stopped_ = false;
};

// How many bytes at the end of `text` begin a UTF-8 character that is not whole yet: 0 to 3.
std::size_t unfinished_utf8(std::string_view text);

}  // namespace sluice::llama
