#include "backends/http_predict/directory.h"

#include <algorithm>
#include <utility>

namespace sluice::http_predict {

namespace {
// How soon to ask again for names of which none resolved.
constexpr Duration kAgainWhenEmpty = std::chrono::seconds(1);

bool is_name(const http::Origin& origin) {
  return origin.socket_path.empty() && !http::Address::parse(origin.host, 0);
}
}  // namespace

std::vector<http::Origin> origins_of(const http::Origin& named, const http::Addresses& addresses) {
  if (addresses.empty()) return {};
  const int first = addresses.front().family();
  const auto in_first = std::ranges::count(addresses, first, &http::Address::family);
  const auto in_other = std::ssize(addresses) - in_first;
  if (in_first <= 1 && in_other <= 1) return {named};
  std::vector<http::Origin> origins;
  for (const http::Address& address : addresses) {
    if ((address.family() == first) != (in_first >= in_other)) continue;
    origins.push_back(named);
    origins.back().address = address.with_port(named.port);
  }
  return origins;
}

Directory::Directory(std::vector<Target> targets, http::Resolver& resolver,
                     replicas::ReplicaSet& set, Duration every)
    : targets_(std::move(targets)),
      resolver_(resolver),
      set_(set),
      every_(every),
      names_(static_cast<std::size_t>(std::ranges::count_if(targets_, is_name, &Target::origin))),
      answers_(targets_.size()) {
  // Without names there is nothing to ask, now or later.
  if (names_ == 0) {
    const std::scoped_lock lock(mutex_);
    update_locked({});
    next_ = Duration::max().count();
  }
}

bool Directory::ensure(Executor& home, Task& ready) {
  const TimePoint now = home.now();
  const Duration::rep later = (now + every_).time_since_epoch().count();
  Duration::rep due = next_.load(std::memory_order_relaxed);
  const bool is_due = now.time_since_epoch().count() >= due;
  if (filled_.load(std::memory_order_acquire)) {
    if (is_due && next_.compare_exchange_strong(due, later)) {
      {
        const std::scoped_lock lock(mutex_);
        resolving_ += names_;
      }
      resolve_all(home);
    }
    return true;
  }
  bool mine = false;
  {
    const std::scoped_lock lock(mutex_);
    if (resolving_ == 0) {
      if (!is_due) return true;
      mine = true;
      next_ = later;
      resolving_ = names_;
    }
    if (waiters_.size() >= kMaxWaiting) return true;
    waiters_.push_back({&home, std::move(ready)});
  }
  if (mine) resolve_all(home);
  return false;
}

void Directory::resolve_all(Executor& home) {
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (!is_name(targets_[i].origin)) continue;
    resolver_.resolve(targets_[i].origin.host, home,
                      [held = weak_from_this(), i, &home](Result<http::Addresses> result) {
                        if (const auto self = held.lock())
                          self->on_resolved(i, std::move(result), home);
                      });
  }
}

void Directory::on_resolved(std::size_t target, Result<http::Addresses> result, Executor& home) {
  std::vector<Waiter> ready;
  {
    const std::scoped_lock lock(mutex_);
    // A name that fails keeps the addresses that it had.
    auto& answer = answers_[target];
    if (result || !answer || !*answer) answer = std::move(result);
    --resolving_;
    if (resolving_ == 0) {
      update_locked(home.now());
      ready = std::exchange(waiters_, {});
    }
  }
  for (Waiter& waiter : ready) waiter.home->post(std::move(waiter.ready));
}

void Directory::update_locked(TimePoint now) {
  replicas::Members members;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const Target& target = targets_[i];
    std::vector<http::Origin> origins;
    if (!is_name(target.origin)) {
      origins = {target.origin};
    } else if (answers_[i] && *answers_[i]) {
      origins = origins_of(target.origin, **answers_[i]);
    }
    for (http::Origin& origin : origins) {
      auto replica = std::make_shared<HttpReplica>(std::move(origin), target.base);
      const bool known = std::ranges::contains(members, replica->name(), &replicas::Replica::name);
      if (!known) members.push_back(std::move(replica));
    }
  }
  const bool empty = members.empty();
  set_.update(std::move(members));
  filled_.store(!empty, std::memory_order_release);
  if (empty) next_ = (now + kAgainWhenEmpty).time_since_epoch().count();
}

Result<> Directory::known() const {
  if (filled_.load(std::memory_order_acquire)) return {};
  const std::scoped_lock lock(mutex_);
  for (const auto& answer : answers_) {
    if (answer && !*answer) return fail(answer->error());
  }
  return {};
}

Error Directory::why_empty() const {
  const std::scoped_lock lock(mutex_);
  for (const auto& answer : answers_) {
    if (answer && !*answer) return answer->error();
  }
  if (resolving_ > 0) {
    return {ErrorCode::kExhausted, "too many calls wait for the service's name to be resolved"};
  }
  return unavailable("no replica is known");
}

}  // namespace sluice::http_predict
