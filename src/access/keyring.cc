#include "access/keyring.h"

#include <utility>

#include "base/thread_name.h"

namespace sluice::access {

namespace {
constexpr std::string_view kComponent = "access";
}

Keyring::Keyring(const Services& services, std::optional<std::filesystem::path> state_folder)
    : services_(services),
      state_folder_(std::move(state_folder)),
      keys_(std::make_shared<const Keys>()) {}

Keyring::~Keyring() {
  if (watcher_.joinable()) {
    {
      const std::scoped_lock lock(watch_mutex_);
      stopping_ = true;
    }
    woken_.notify_all();
    watcher_.join();
  }
  save_quotas();
}

Result<Keyring::Prepared> Keyring::prepare(const AccessOptions& options,
                                           bool beyond_loopback) const {
  Prepared prepared{.required = options.required, .beyond_loopback = beyond_loopback};
  for (const KeyOptions& key : options.keys) prepared.configured.push_back(record_of(key));
  if (!state_folder_) return prepared;
  const KeyFile file(*state_folder_);
  prepared.stamp = file.stamp();  // before the content: at worst it is read once more
  auto filed = file.load();
  if (!filed) return fail(filed.error());
  prepared.filed = std::move(*filed);
  auto used = QuotaFile(*state_folder_).load();
  if (!used) return fail(used.error());
  prepared.used = std::move(*used);
  return prepared;
}

void Keyring::commit(Prepared prepared) {
  const std::scoped_lock lock(mutex_);
  wanted_ = std::move(prepared);
  publish(std::exchange(wanted_.used, {}));
}

void Keyring::publish(const UsedQuotas& used) {
  auto keys = std::make_shared<Keys>();
  for (const auto* records : {&wanted_.filed, &wanted_.configured}) {
    for (const KeyRecord& record : *records) {
      // The same key in both places: the configuration says what it may, unless it was revoked.
      Key& known = keys->by_digest.try_emplace(record.digest).first->second;
      if (!known.revoked) known = make(record, used);
    }
  }
  keys->required = wanted_.required.value_or(wanted_.beyond_loopback && !keys->by_digest.empty());
  keys_ = std::move(keys);
  active_.store(keys_->required || !keys_->by_digest.empty(), std::memory_order_release);
  version_.fetch_add(1, std::memory_order_release);
}

Key Keyring::make(const KeyRecord& record, const UsedQuotas& used) {
  auto& use = uses_[record.id];
  if (use == nullptr) {
    use = std::make_shared<KeyUse>();
    if (record.quota) {
      std::vector<CountedQuota> one{{record.id, record.quota->period, {use, &use->quota}}};
      adopt_quotas(used, one);
      use->merged = one.front().merged;
    }
  }
  return {.principal = principal_of(record),
          .rate = record.rate,
          .quota = record.quota,
          .expires = record.expires,
          .revoked = record.revoked.has_value(),
          .use = use,
          .metrics = services_.instruments.key(record.name)};
}

KeysPtr Keyring::keys() const {
  const std::scoped_lock lock(mutex_);
  return keys_;
}

void Keyring::watch() {
  watcher_ = std::thread([this] {
    name_this_thread("sluice-keys");
    TimePoint next_save = services_.clock.now() + kQuotaPeriod;
    std::unique_lock lock(watch_mutex_);
    while (!woken_.wait_for(lock, kKeyFilePeriod, [this] { return stopping_; })) {
      lock.unlock();
      poll();
      if (services_.clock.now() >= next_save) {
        save_quotas();
        next_save = services_.clock.now() + kQuotaPeriod;
      }
      lock.lock();
    }
  });
}

void Keyring::poll() {
  show();
  if (!state_folder_) return;
  const KeyFile file(*state_folder_);
  const FileStamp stamp = file.stamp();
  {
    const std::scoped_lock lock(mutex_);
    if (stamp == wanted_.stamp) return;
  }
  const bool gone = stamp == FileStamp();
  auto filed = gone ? Result<std::vector<KeyRecord>>(
                          fail(not_found(file.path().string() + ": it has been taken away")))
                    : file.load();
  const std::scoped_lock lock(mutex_);
  wanted_.stamp = stamp;
  if (!filed) {
    services_.instruments.keyring().file_errors.add();
    services_.log.error(
        kComponent, "keys_not_read",
        {{"error", filed.error().message}, {"message", "the keys that were read before stay"}});
    return;
  }
  wanted_.filed = std::move(*filed);
  publish({});
  services_.log.info(kComponent, "keys_read", {{"keys", wanted_.filed.size()}});
}

void Keyring::show() {
  const KeysPtr keys = this->keys();
  const WallTime now = services_.clock.wall();
  std::size_t usable = 0;
  for (const auto& [digest, key] : keys->by_digest) {
    if (key.usable(now)) ++usable;
    if (!key.quota) continue;
    const auto used = key.use->quota.used();
    const bool current = used.period == period_at(key.quota->period, now);
    key.metrics.quota_used.set(current ? static_cast<double>(used.count) : 0);
  }
  services_.instruments.keyring().usable.set(static_cast<double>(usable));
}

void Keyring::save_quotas() {
  if (!state_folder_) return;
  std::vector<CountedQuota> counted;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [digest, key] : keys_->by_digest) {
      if (!key.quota) continue;
      counted.push_back(
          {key.principal.key_id, key.quota->period, {key.use, &key.use->quota}, key.use->merged});
    }
  }
  if (counted.empty()) return;
  const auto merged = QuotaFile(*state_folder_).merge(counted, services_.clock.wall());
  const std::scoped_lock lock(mutex_);
  for (const CountedQuota& each : counted) uses_[each.key_id]->merged = each.merged;
  if (merged) {
    quotas_failed_ = false;
  } else if (!std::exchange(quotas_failed_, true)) {
    services_.instruments.keyring().file_errors.add();
    services_.log.error(kComponent, "quotas_not_saved",
                        {{"error", merged.error().message},
                         {"message", "what is used is kept in memory until it can be saved"}});
  }
}

void KeyView::refresh() {
  // With a count of its own: sharing in a key must not move a cache line between cores.
  KeysPtr keys = ring_->keys();
  keys_ = KeysPtr(keys.get(), [keep = keys](const Keys*) {});
}

}  // namespace sluice::access
