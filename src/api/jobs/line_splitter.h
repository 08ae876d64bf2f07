// Lines of a text that comes in parts (JSON Lines). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::api::jobs {

// Feed it parts; it calls `line(number, text, too_long)` for each line that is complete, counted
// from 1. The text has neither "\n" nor "\r\n" at its end. Of a line that is longer than the bound
// only the beginning is there. Empty lines are counted and left out.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t longest) : longest_(longest) {}

  template <class F>
  void feed(std::string_view part, F&& line) {
    while (!part.empty()) {
      const std::size_t end = part.find('\n');
      keep(part.substr(0, end));
      if (end == std::string_view::npos) return;
      part.remove_prefix(end + 1);
      give(line);
    }
  }
  // The last line may have no end.
  template <class F>
  void finish(F&& line) {
    if (!line_.empty()) give(line);
  }
  [[nodiscard]] std::uint32_t lines() const { return number_; }

 private:
  void keep(std::string_view text) {
    const std::size_t room = longest_ - line_.size();
    too_long_ = too_long_ || text.size() > room;
    line_ += text.substr(0, room);
  }
  template <class F>
  void give(F&& line) {
    ++number_;
    if (line_.ends_with('\r')) line_.pop_back();
    if (line_.find_first_not_of(" \t") != std::string::npos) line(number_, line_, too_long_);
    line_.clear();
    too_long_ = false;
  }

  const std::size_t longest_;
  std::uint32_t number_ = 0;
  std::string line_;
  bool too_long_ = false;
};

}  // namespace sluice::api::jobs
