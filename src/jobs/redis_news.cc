#include "jobs/redis_news.h"

#include <charconv>
#include <optional>

namespace sluice::jobs {

namespace {

std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

bool read_number(std::string_view text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<JobChange> read_change(std::string_view line) {
  JobChange change{.id = std::string(take_until(line, ' '))};
  std::uint32_t state = 0;
  if (!read_number(take_until(line, ' '), state) || state >= kJobStateCount ||
      !read_number(take_until(line, ' '), change.attempt) || !read_number(line, change.revision)) {
    return std::nullopt;
  }
  change.state = static_cast<JobState>(state);
  return change;
}

}  // namespace

void NewsTeller::tell(std::string_view text) {
  if (text.empty()) return;
  const std::scoped_lock lock(mutex_);
  if (news_ == nullptr) return;
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    if (line.starts_with('!')) {
      news_->on_ready(line.substr(1));
    } else if (line == "@") {
      news_->on_delivery();
    } else if (const auto change = read_change(line)) {
      news_->on_change(*change);
    }
  }
}

void NewsTeller::tell_ready(std::string_view callable) {
  const std::scoped_lock lock(mutex_);
  if (news_ != nullptr) news_->on_ready(callable);
}

void NewsTeller::tell_gap() {
  const std::scoped_lock lock(mutex_);
  if (news_ != nullptr) news_->on_gap();
}

}  // namespace sluice::jobs
