#include "gateway/registry.h"

#include <algorithm>
#include <ranges>

#include "base/format.h"

namespace sluice::gateway {

std::string_view to_string(VersionState state) {
  switch (state) {
    case VersionState::kLoading:
      return "LOADING";
    case VersionState::kReady:
      return "READY";
    case VersionState::kUnavailable:
      return "UNAVAILABLE";
  }
  return "UNAVAILABLE";
}

const Version* Entry::latest() const {
  for (const Version& version : std::views::reverse(versions)) {
    if (version.state == VersionState::kReady) return &version;
  }
  return nullptr;
}

const Version* Entry::find(std::string_view version) const {
  const auto it = std::ranges::find(versions, version, &Version::version);
  return it == versions.end() ? nullptr : &*it;
}

Registry::Registry(std::vector<Entry> entries) : entries_(std::move(entries)) {
  for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].name, i);
}

const Entry* Registry::entry(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &entries_[it->second];
}

Result<const CallablePtr*> Registry::find(std::string_view name, std::string_view version) const {
  const Entry* entry = this->entry(name);
  if (entry == nullptr) return fail(not_found(formatted("there is no model '{}'", name)));
  const Version* found = version.empty() ? entry->latest() : entry->find(version);
  if (found == nullptr) {
    if (!version.empty()) {
      return fail(not_found(formatted("model '{}' has no version '{}'", name, version)));
    }
    // None is ready: the newest one's reason says most.
    const std::string reason = entry->versions.empty() || entry->versions.back().reason.empty()
                                   ? "it is not loaded"
                                   : entry->versions.back().reason;
    return fail(unavailable(formatted("model '{}' is not ready: {}", name, reason)));
  }
  if (found->state != VersionState::kReady) {
    return fail(unavailable(formatted("version {} of model '{}' is not ready: {}", found->version,
                                      name, found->reason)));
  }
  return &found->callable;
}

}  // namespace sluice::gateway
