// The address buckets of all mounts, kept over reloads.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "access/address_buckets.h"

namespace sluice::access {

// Owned by app/; main thread.
class AddressLimits {
 public:
  // Those known by the name, with what they hold, as long as somebody uses them and rate and bound
  // stay the same; else new ones.
  std::shared_ptr<AddressBuckets> get(const std::string& name, const Rate& rate, std::size_t most);

 private:
  struct Known {
    std::size_t most = 0;
    std::weak_ptr<AddressBuckets> buckets;
  };
  std::map<std::string, Known> known_;
};

}  // namespace sluice::access
