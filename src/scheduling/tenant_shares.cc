#include "scheduling/tenant_shares.h"

#include <algorithm>
#include <optional>

namespace sluice::scheduling {

TenantIndex TenantShares::enter(std::string_view tenant) {
  TenantIndex at = 0;
  if (const auto known = index_.find(tenant); known != index_.end()) {
    at = known->second;
    if (entries_[at].waiting + entries_[at].running == 0) --idle_;
  } else if (!unused_.empty()) {
    at = unused_.back();
    unused_.pop_back();
    entries_[at] = {.name = std::string(tenant)};
    index_.emplace(tenant, at);
  } else {
    at = static_cast<TenantIndex>(entries_.size());
    entries_.push_back({.name = std::string(tenant)});
    index_.emplace(tenant, at);
  }
  Entry& entry = entries_[at];
  if (entry.waiting++ == 0) {
    ++tenants_waiting_;
    entry.counter = std::max(entry.counter, floor_);
  }
  return at;
}

void TenantShares::start(TenantIndex tenant, double work, bool by_turn) {
  Entry& entry = entries_[tenant];
  if (by_turn) floor_ = std::max(floor_, entry.counter);
  entry.counter += work;
  ++entry.running;
  stop_waiting(entry);
}

void TenantShares::give_up(TenantIndex tenant) {
  stop_waiting(entries_[tenant]);
  forget_if_idle(tenant);
}

void TenantShares::finish(TenantIndex tenant, double extra) {
  entries_[tenant].counter += extra;
  --entries_[tenant].running;
  forget_if_idle(tenant);
}

std::size_t TenantShares::waiting_of(std::string_view tenant) const {
  const auto known = index_.find(tenant);
  return known == index_.end() ? 0 : entries_[known->second].waiting;
}

void TenantShares::stop_waiting(Entry& entry) {
  if (--entry.waiting == 0) --tenants_waiting_;
}

void TenantShares::forget_if_idle(TenantIndex tenant) {
  const Entry& entry = entries_[tenant];
  if (entry.waiting + entry.running > 0) return;
  ++idle_;
  // It would be lifted to where the others stand: nothing is lost.
  if (entry.counter <= floor_) return forget(tenant);
  if (idle_ > kMaxIdle) forget_the_least();
}

void TenantShares::forget(TenantIndex tenant) {
  index_.erase(index_.find(entries_[tenant].name));
  unused_.push_back(tenant);
  --idle_;
}

void TenantShares::forget_the_least() {
  std::optional<TenantIndex> least;
  for (const auto& [name, at] : index_) {
    const Entry& entry = entries_[at];
    if (entry.waiting + entry.running > 0) continue;
    if (!least || entry.counter < entries_[*least].counter) least = at;
  }
  if (least) forget(*least);
}

}  // namespace sluice::scheduling
