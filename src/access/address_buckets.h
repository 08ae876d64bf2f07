// A bucket for each address that calls without a key, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/rate.h"

namespace sluice::access {

// Whose bucket it is: an IPv4 address, or the first 64 bits of an IPv6 address, since a network of
// that size is what one caller has.
using AddressKey = std::uint64_t;

// Shared by all threads: spread over locks by address, so that two threads seldom meet. At the
// bound the address that has been idle longest is forgotten, and may start anew with a full bucket:
// so memory stays, and only refusals are lost.
class AddressBuckets {
 public:
  AddressBuckets(Rate rate, std::size_t most);

  [[nodiscard]] const Rate& rate() const { return rate_; }
  Taken take(AddressKey address, TimePoint now);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    AddressKey address;
    TimePoint full_at;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> by_use;  // the last one is the idlest
    std::unordered_map<AddressKey, std::list<Entry>::iterator> by_address;
  };
  static constexpr std::size_t kShards = 16;

  Rate rate_;
  std::size_t most_in_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace sluice::access
