#include "http/client/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/format.h"
#include "runtime/compute_pool.h"

namespace sluice::http {

Result<Addresses> system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
    const char* why = code == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(code);
    return fail(unavailable(formatted("cannot resolve the host '{}': {}", host, why)));
  }
  Addresses found;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    const Address address = Address::from(info->ai_addr, info->ai_addrlen);
    if (std::ranges::find(found, address) == found.end()) found.push_back(address);
  }
  ::freeaddrinfo(list);
  if (found.empty()) {
    return fail(unavailable(formatted("the host '{}' resolves to no address", host)));
  }
  return found;
}

class CachingResolver::State {
 public:
  State(Options options, const Clock& clock, Lookup lookup)
      : options_(options),
        clock_(clock),
        lookup_(std::move(lookup)),
        pool_({.threads = options.threads, .queue_limit = options.max_names}) {}

  ~State() {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }

  // What is known, or none when the caller was put to wait.
  std::optional<Result<Addresses>> ask(const std::string& host, Executor& home, Done& done) {
    const std::scoped_lock lock(mutex_);
    const TimePoint now = clock_.now();
    if (!names_.contains(host) && names_.size() >= options_.max_names && !drop_oldest()) {
      return fail(ErrorCode::kExhausted, "too many host names are being resolved");
    }
    Name& name = names_[host];
    name.used = now;
    if (name.answered) {
      const Duration age = now - name.at;
      if (name.error && age < options_.failure_ttl && name.addresses.empty()) {
        return fail(*name.error);
      }
      if (!name.addresses.empty() && now - name.good_at < options_.keep) {
        if (age >= (name.error ? options_.failure_ttl : options_.ttl)) fetch(host, name);
        return name.addresses;
      }
    }
    if (waiting_ >= options_.max_waiting) {
      return fail(ErrorCode::kExhausted, "too many calls wait for a host name to be resolved");
    }
    if (!fetch(host, name)) {
      return fail(ErrorCode::kExhausted, "too many host names are being resolved");
    }
    ++waiting_;
    name.waiters.push_back({&home, std::move(done)});
    return std::nullopt;
  }

  std::size_t names() const {
    const std::scoped_lock lock(mutex_);
    return names_.size();
  }

 private:
  struct Waiter {
    Executor* home;
    Done done;
  };
  struct Name {
    Addresses addresses;         // of the last answer that was good
    std::optional<Error> error;  // of the last answer, if it was not
    TimePoint at{};              // of the last answer
    TimePoint good_at{};
    TimePoint used{};
    bool answered = false;
    bool fetching = false;
    std::vector<Waiter> waiters;
  };

  bool drop_oldest() {
    auto oldest = names_.end();
    for (auto it = names_.begin(); it != names_.end(); ++it) {
      if (it->second.fetching) continue;
      if (oldest == names_.end() || it->second.used < oldest->second.used) oldest = it;
    }
    if (oldest == names_.end()) return false;
    names_.erase(oldest);
    return true;
  }

  bool fetch(const std::string& host, Name& name) {
    if (name.fetching) return true;
    Task task = [this, host] { run(host); };
    name.fetching = pool_.submit(task);
    return name.fetching;
  }

  void run(const std::string& host) {
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
    }
    Result<Addresses> result = lookup_(host);
    std::vector<Waiter> waiters;
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      Name& name = names_[host];
      name.fetching = false;
      name.answered = true;
      name.at = clock_.now();
      if (result) {
        name.addresses = *result;
        name.good_at = name.at;
        name.error.reset();
      } else {
        name.error = result.error();
        if (name.at - name.good_at >= options_.keep) name.addresses.clear();
      }
      waiters = std::exchange(name.waiters, {});
      waiting_ -= waiters.size();
    }
    for (Waiter& waiter : waiters) {
      waiter.home->post([done = std::move(waiter.done), result]() mutable { done(result); });
    }
  }

  const Options options_;
  const Clock& clock_;
  const Lookup lookup_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Name> names_;
  std::size_t waiting_ = 0;
  bool stopping_ = false;
  ComputePool pool_;  // last: its threads are joined before the rest goes
};

CachingResolver::CachingResolver(Options options, const Clock& clock)
    : CachingResolver(options, clock, system_lookup) {}
CachingResolver::CachingResolver(Options options, const Clock& clock, Lookup lookup)
    : state_(std::make_unique<State>(options, clock, std::move(lookup))) {}
CachingResolver::~CachingResolver() = default;

void CachingResolver::resolve(const std::string& host, Executor& home, Done done) {
  if (auto address = Address::parse(host, 0)) {
    done(Addresses{*address});
    return;
  }
  if (auto known = state_->ask(host, home, done)) done(std::move(*known));
}

std::size_t CachingResolver::names() const {
  return state_->names();
}

}  // namespace sluice::http
