#include "access/address_limits.h"

namespace sluice::access {

std::shared_ptr<AddressBuckets> AddressLimits::get(const std::string& name, const Rate& rate,
                                                   std::size_t most) {
  std::erase_if(known_, [](const auto& known) { return known.second.buckets.expired(); });
  Known& known = known_[name];
  auto buckets = known.buckets.lock();
  if (buckets == nullptr || buckets->rate() != rate || known.most != most) {
    buckets = std::make_shared<AddressBuckets>(rate, most);
    known = {most, buckets};
  }
  return buckets;
}

}  // namespace sluice::access
