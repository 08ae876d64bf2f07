#include "scheduling/service_rate.h"

#include <algorithm>
#include <limits>
#include <span>

namespace sluice::scheduling {

namespace {
Duration times(Duration each, double n) {
  const double ns = static_cast<double>(each.count()) * n;
  constexpr auto kMost = static_cast<double>(std::numeric_limits<Duration::rep>::max()) / 8;
  return Duration(static_cast<Duration::rep>(std::min(ns, kMost)));
}
}  // namespace

void RecentMean::add(Duration sample) {
  if (size_ == kSamples) {
    sum_ -= samples_[next_];
  } else {
    ++size_;
  }
  samples_[next_] = sample;
  sum_ += sample;
  next_ = (next_ + 1) % kSamples;
}

std::optional<Duration> RecentMean::mean() const {
  if (size_ < kEnough) return std::nullopt;
  return sum_ / static_cast<Duration::rep>(size_);
}

std::optional<Duration> RecentMean::mean_with(Duration sample) const {
  if (size_ < kEnough) return std::nullopt;
  return (sum_ + sample) / static_cast<Duration::rep>(size_ + 1);
}

std::optional<Duration> RecentMean::lower_quarter() const {
  if (size_ < kEnough) return std::nullopt;
  auto sorted = samples_;
  const auto used = std::span(sorted).first(size_);
  const auto quarter = used.begin() + static_cast<std::ptrdiff_t>(size_ / 4);
  std::ranges::nth_element(used, quarter);
  return *quarter;
}

void ServiceRate::served(Duration held) {
  service_.add(held);
  // Sorting each time would cost more than the exact value is worth.
  constexpr std::size_t kRefresh = 8;
  if (!quick_ || ++since_quick_ >= kRefresh) {
    quick_ = service_.lower_quarter();
    since_quick_ = 0;
  }
}

void ServiceRate::started(TimePoint now, bool others_wait) {
  if (last_start_) between_starts_.add(now - *last_start_);
  last_start_ = others_wait ? std::optional(now) : std::nullopt;
}

std::optional<Duration> ServiceRate::wait(std::size_t ahead, std::size_t slots,
                                          TimePoint now) const {
  const double places = static_cast<double>(ahead) + 1;
  if (auto between = between_starts_.mean()) {
    // An engine that stands still is slower than it was.
    if (last_start_ && now - *last_start_ > *between) {
      between = between_starts_.mean_with(now - *last_start_);
    }
    return times(*between, places);
  }
  if (const auto service = service_.mean()) {
    return times(*service, places / static_cast<double>(std::max<std::size_t>(slots, 1)));
  }
  return std::nullopt;
}

std::chrono::milliseconds ServiceRate::retry_after(std::size_t ahead, std::size_t slots,
                                                   TimePoint now) const {
  const auto expected = wait(ahead, slots, now);
  if (!expected) return kUnknownRetry;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(*expected);
  return std::clamp(rounded, kShortestRetry, kLongestRetry);
}

}  // namespace sluice::scheduling
