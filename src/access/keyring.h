// All keys that are good at the moment, from the configuration and from the state folder: read by
// every thread that admits, without a lock.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "access/digest.h"
#include "access/key_file.h"
#include "access/options.h"
#include "access/quota_file.h"
#include "base/result.h"
#include "base/time.h"
#include "inference/principal.h"
#include "telemetry/log.h"
#include "telemetry/request_metrics.h"

namespace sluice::access {

// How often a running server looks whether the key file has changed.
inline constexpr std::chrono::milliseconds kKeyFilePeriod{500};
// How often it writes down what of quotas is used: what a crash forgets at most.
inline constexpr std::chrono::seconds kQuotaPeriod{10};

// What a key has used, the same for every snapshot.
struct KeyUse {
  Bucket bucket;
  QuotaCounter quota;
  QuotaCounter::Used merged{};  // of the quota, what the file has; the keyring's
};

// A key in use.
struct Key {
  Principal principal;
  std::optional<Rate> rate;
  std::optional<Quota> quota;
  std::optional<WallTime> expires;
  bool revoked = false;
  std::shared_ptr<KeyUse> use;
  telemetry::KeyMetrics metrics;

  [[nodiscard]] bool expired(WallTime now) const { return expires && now >= *expires; }
  [[nodiscard]] bool usable(WallTime now) const { return !revoked && !expired(now); }
};

// An immutable snapshot.
struct Keys {
  bool required = false;
  std::unordered_map<Digest, Key, DigestHash> by_digest;
};
using KeysPtr = std::shared_ptr<const Keys>;

// Owned by app/. prepare() and commit() on the main thread; what views need, any thread.
class Keyring {
 public:
  struct Services {
    const Clock& clock;
    telemetry::Instruments& instruments;
    telemetry::Log& log;
  };
  // Without a state folder there are only the configuration's keys, and quotas start anew with the
  // process.
  Keyring(const Services& services, std::optional<std::filesystem::path> state_folder);
  ~Keyring();  // writes down what of quotas is used
  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;

  // What is asked for from now on: the first half reads files and may fail (a damaged one is
  // kInvalid), the second cannot.
  struct Prepared {
    std::optional<bool> required;
    bool beyond_loopback = false;  // is anything listened on there?
    std::vector<KeyRecord> configured;
    std::vector<KeyRecord> filed;
    UsedQuotas used;
    FileStamp stamp;
  };
  Result<Prepared> prepare(const AccessOptions& options, bool beyond_loopback) const;
  void commit(Prepared prepared);

  // Looks after the files until the end, on a thread of its own.
  void watch();
  // What that thread does: reads the key file if it has changed. One that cannot be read, or is
  // gone, changes nothing but is said once in the log.
  void poll();
  void save_quotas();

  [[nodiscard]] KeysPtr keys() const;
  // Grows with every change of keys().
  [[nodiscard]] const std::atomic<std::uint64_t>& version() const { return version_; }
  // Is there anything to ask a caller: a key is required, or there are keys at all.
  [[nodiscard]] const std::atomic<bool>& active() const { return active_; }

 private:
  void publish(const UsedQuotas& used);                       // mutex_ held
  Key make(const KeyRecord& record, const UsedQuotas& used);  // mutex_ held
  void show();                                                // in metrics

  const Services services_;
  const std::optional<std::filesystem::path> state_folder_;
  mutable std::mutex mutex_;  // never held while a file is waited for
  Prepared wanted_;           // guarded by mutex_, as is the rest
  KeysPtr keys_;
  std::map<std::string, std::shared_ptr<KeyUse>, std::less<>>
      uses_;  // by id; one for each ever seen
  bool quotas_failed_ = false;
  std::atomic<std::uint64_t> version_ = 0;
  std::atomic<bool> active_ = false;

  std::mutex watch_mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;  // guarded by watch_mutex_
  std::thread watcher_;
};

// One thread's view. That thread only.
class KeyView {
 public:
  explicit KeyView(const Keyring& ring) : ring_(&ring) {}
  // As it is now. Until the next call.
  const Keys& now() {
    if (const auto version = ring_->version().load(std::memory_order_acquire); version != seen_) {
      refresh();
      seen_ = version;
    }
    return *keys_;
  }
  // Shares in a key of now(), counted on this thread only.
  [[nodiscard]] PrincipalPtr share(const Key& key) const { return {keys_, &key.principal}; }

 private:
  void refresh();
  const Keyring* ring_;
  std::uint64_t seen_ = 0;
  KeysPtr keys_ = std::make_shared<const Keys>();
};

}  // namespace sluice::access
