#include "jobs/job.h"

#include <algorithm>
#include <array>

namespace sluice::jobs {

namespace {
constexpr std::array<std::string_view, kJobStateCount> kStates = {
    "pending", "processing", "completed", "failed", "cancelled"};
constexpr std::array<std::string_view, kPriorityCount> kPriorities = {"high", "normal", "low"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto it = std::ranges::find(names, name);
  if (it == names.end()) return std::nullopt;
  return static_cast<Enum>(it - names.begin());
}
}  // namespace

std::string_view to_string(JobState state) {
  return kStates[static_cast<std::size_t>(state)];
}
std::optional<JobState> parse_job_state(std::string_view name) {
  return find<JobState>(kStates, name);
}
std::string_view to_string(Priority priority) {
  return kPriorities[static_cast<std::size_t>(priority)];
}
std::optional<Priority> parse_priority(std::string_view name) {
  return find<Priority>(kPriorities, name);
}

bool is_job_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

}  // namespace sluice::jobs
