#include "jobs/hub.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace sluice::jobs {

struct Hub::Watch::Entry {
  std::string id;
  Executor& home;
  std::function<void()> changed;     // of the home thread; empty: given up
  std::atomic<bool> posted = false;  // news is on its way already
};

void Hub::Watch::stop() {
  if (hub_ == nullptr) return;
  {
    const std::scoped_lock lock(hub_->mutex_);
    const auto [begin, end] = hub_->watches_.equal_range(entry_->id);
    const auto it = std::find_if(begin, end, [&](const auto& one) { return one.second == entry_; });
    if (it != end) hub_->watches_.erase(it);
  }
  entry_->changed = nullptr;
  entry_.reset();
  hub_ = nullptr;
}

Hub::Watch Hub::watch(std::string id, Executor& home, std::function<void()> changed) {
  Watch watch;
  watch.hub_ = this;
  watch.entry_ = std::make_shared<Watch::Entry>(id, home, std::move(changed));
  const std::scoped_lock lock(mutex_);
  watches_.emplace(std::move(id), watch.entry_);
  return watch;
}

void Hub::tell(const std::shared_ptr<Watch::Entry>& entry) {
  if (entry->posted.exchange(true)) return;
  entry->home.post([entry] {
    entry->posted.store(false);
    // It may be given up from within.
    if (const auto changed = entry->changed) changed();
  });
}

void Hub::on_ready(std::string_view callable) {
  for (const Listener& listener : listeners_) {
    if (listener.ready) listener.ready(callable);
  }
}
void Hub::on_change(const JobChange& change) {
  {
    const std::scoped_lock lock(mutex_);
    const auto [begin, end] = watches_.equal_range(change.id);
    for (auto it = begin; it != end; ++it) tell(it->second);
  }
  for (const Listener& listener : listeners_) {
    if (listener.changed) listener.changed(change);
  }
}
void Hub::on_gap() {
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, entry] : watches_) tell(entry);
  }
  for (const Listener& listener : listeners_) {
    if (listener.gap) listener.gap();
  }
}

}  // namespace sluice::jobs
