#include "access/address_buckets.h"

#include <algorithm>

#include "base/random.h"

namespace sluice::access {

AddressBuckets::AddressBuckets(Rate rate, std::size_t most)
    : rate_(rate), most_in_shard_(std::max<std::size_t>(1, most / kShards)) {}

Taken AddressBuckets::take(AddressKey address, TimePoint now) {
  // Neighbours in one network differ in their last bits only, so they are mixed first.
  Shard& shard = shards_[Random(address).next() % kShards];
  const std::scoped_lock lock(shard.mutex);
  auto found = shard.by_address.find(address);
  if (found == shard.by_address.end()) {
    if (shard.by_address.size() < most_in_shard_) {
      shard.by_use.push_front({address, TimePoint{}});
    } else {
      // The idlest one's place, without taking memory or giving it back.
      shard.by_address.erase(shard.by_use.back().address);
      shard.by_use.splice(shard.by_use.begin(), shard.by_use, std::prev(shard.by_use.end()));
      shard.by_use.front() = {address, TimePoint{}};
    }
    found = shard.by_address.emplace(address, shard.by_use.begin()).first;
  } else {
    shard.by_use.splice(shard.by_use.begin(), shard.by_use, found->second);
  }
  return access::take(rate_, found->second->full_at, now);
}

std::size_t AddressBuckets::size() const {
  std::size_t all = 0;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    all += shard.by_address.size();
  }
  return all;
}

}  // namespace sluice::access
