#include "jobs/hub.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace sluice::jobs {

struct Hub::Watch::Entry {
  std::string id;
  Executor& home;
  Changed changed;                   // of the home thread; empty: given up
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

Hub::Watch Hub::watch(std::string id, Executor& home, Changed changed) {
  Watch watch;
  watch.hub_ = this;
  watch.entry_ = std::make_shared<Watch::Entry>(id, home, std::move(changed));
  const std::scoped_lock lock(mutex_);
  watches_.emplace(std::move(id), watch.entry_);
  return watch;
}

void Hub::tell(const std::shared_ptr<Watch::Entry>& entry, std::shared_ptr<const JobView> ended) {
  if (entry->posted.exchange(true)) return;  // then it looks, and sees this too
  entry->home.post([entry, ended = std::move(ended)] {
    entry->posted.store(false);
    // It may be given up from within.
    if (const auto changed = entry->changed) changed(ended);
  });
}

struct Hub::QueueWatch::Entry {
  std::vector<std::string> callables;
  Executor& home;
  std::function<void()> ready;       // of the home thread; empty: given up
  std::atomic<bool> posted = false;  // told, and has not looked yet
};

void Hub::QueueWatch::stop() {
  if (hub_ == nullptr) return;
  Hub& hub = *std::exchange(hub_, nullptr);
  {
    const std::scoped_lock lock(hub.mutex_);
    for (const std::string& callable : entry_->callables) {
      const auto it = hub.waiting_.find(callable);
      if (it == hub.waiting_.end()) continue;
      std::erase(it->second, entry_);
      if (it->second.empty()) hub.waiting_.erase(it);
    }
  }
  entry_->ready = nullptr;
  // Nobody tells it any more, so this is the last word.
  if (entry_->posted.load()) {
    for (const std::string& callable : entry_->callables) hub.pass_on(callable);
  }
  entry_.reset();
}

Hub::QueueWatch Hub::watch_queues(std::vector<std::string> callables, Executor& home,
                                  std::function<void()> ready) {
  QueueWatch watch;
  watch.hub_ = this;
  watch.entry_ = std::make_shared<QueueWatch::Entry>(std::move(callables), home, std::move(ready));
  const std::scoped_lock lock(mutex_);
  for (const std::string& callable : watch.entry_->callables) {
    waiting_[callable].push_back(watch.entry_);
  }
  return watch;
}

void Hub::tell(const std::shared_ptr<QueueWatch::Entry>& entry) {
  if (entry->posted.exchange(true)) return;
  entry->home.post([entry] {
    entry->posted.store(false);
    if (const auto ready = entry->ready) ready();
  });
}

void Hub::pass_on(std::string_view callable) {
  const std::scoped_lock lock(mutex_);
  const auto it = waiting_.find(callable);
  if (it == waiting_.end()) return;
  Waiting& line = it->second;
  const auto next =
      std::ranges::find(line, false, [](const auto& entry) { return entry->posted.load(); });
  // Where all have been told already, they look when this can be seen.
  if (next == line.end()) return;
  std::rotate(next, next + 1, line.end());
  tell(line.back());
}

void Hub::on_ready(std::string_view callable) {
  pass_on(callable);
  for (const Listener& listener : listeners_) {
    if (listener.ready) listener.ready(callable);
  }
}
void Hub::on_change(const JobChange& change) {
  {
    const std::scoped_lock lock(mutex_);
    const auto [begin, end] = watches_.equal_range(change.id);
    for (auto it = begin; it != end; ++it) tell(it->second, change.view);
  }
  for (const Listener& listener : listeners_) {
    if (listener.changed) listener.changed(change);
  }
}
void Hub::tell_all() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, entry] : watches_) tell(entry);
  for (const auto& [callable, line] : waiting_) {
    for (const auto& entry : line) tell(entry);
  }
}
void Hub::end_waits() {
  ending_.store(true);
  tell_all();
}
void Hub::on_delivery() {
  for (const Listener& listener : listeners_) {
    if (listener.delivery) listener.delivery();
  }
}
void Hub::on_gap() {
  tell_all();
  for (const Listener& listener : listeners_) {
    if (listener.gap) listener.gap();
  }
}

}  // namespace sluice::jobs
